//! Exceptions in compiled code: on the stack, across suspensions, at the border to the host.

use enjamb_abi::code::{CodeOptions, RegisterAllocator};
use enjamb_codegen::{CompileOptions, compile};
use enjamb_ir::{Exception, Schedule, TraceLimits, TrapCode, Val, parse_module};
use enjamb_runtime::{ClockKind, Error, Imports, Instance, LoadedModule, Options};
use std::sync::Arc;

fn instances(text: &str, imports: fn() -> Imports) -> Vec<Instance> {
    let module = parse_module(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let module = Arc::new(module);
    let allocators = [
        RegisterAllocator::Backtracking,
        RegisterAllocator::SinglePass,
    ];
    let instance = |allocator| {
        let code = CodeOptions {
            allocator,
            count: true,
            check: true,
            ..CodeOptions::default()
        };
        let options = CompileOptions {
            code,
            verify_passes: true,
            ..CompileOptions::default()
        };
        let compiled = compile(Arc::clone(&module), &options);
        let compiled = Arc::new(compiled.unwrap_or_else(|error| panic!("{error}")));
        let loaded = LoadedModule::new(compiled).unwrap();
        let schedules = [Schedule::Natural, Schedule::Never, Schedule::Always];
        schedules.map(|schedule| {
            let options = Options {
                schedule,
                clock: ClockKind::Virtual,
                stack_size: 256 << 10,
                continuation_limit: 1 << 30,
                trace: TraceLimits::SHORT,
                count: true,
                ..Options::default()
            };
            Instance::new(Arc::clone(&loaded), imports(), options).unwrap()
        })
    };
    allocators.into_iter().flat_map(instance).collect()
}

fn call(instance: &mut Instance, name: &str, args: &[i64]) -> Result<Vec<Val>, Error> {
    let function = instance.loaded().module().function_named(name).unwrap();
    let args: Vec<Val> = args.iter().map(|&arg| Val::I64(arg)).collect();
    let result = instance.call(function, &args);
    instance.drop_tasks();
    assert_eq!(instance.stats().continuations_live, 0, "%{name}{args:?}");
    result
}

/// What a call gives: its only result, the tag of an exception, or a trap.
#[derive(Debug, PartialEq)]
enum Got {
    Result(i64),
    Thrown(i64),
    Trap(TrapCode),
}
use Got::{Result as Gives, Thrown as Throws, Trap as Traps};

fn got(instance: &mut Instance, name: &str, args: &[i64]) -> Got {
    match call(instance, name, args) {
        Ok(results) => match results[..] {
            [Val::I64(result)] => Gives(result),
            _ => panic!("{results:?}"),
        },
        Err(Error::Exception(thrown)) => Throws(thrown.exception.tag),
        Err(Error::Trap(trap)) => Traps(trap.code),
        Err(other) => panic!("{other}"),
    }
}

fn trace(instance: &mut Instance, name: &str, args: &[i64]) -> Vec<String> {
    let error = call(instance, name, args).unwrap_err();
    let frames = error.trace().unwrap().frames.iter();
    let text = |frame: &enjamb_ir::Location| format!("{} {}", frame.function, frame.instruction);
    frames.map(text).collect()
}

const SYNC: &str = "
function %down(i64, i64) -> i64 {
block0(v0: i64, v1: i64):
    v2 = iconst.i64 0
    v3 = icmp eq v0, v2
    brif v3, block1, block2
block1:
    v4 = null.ref
    throw v1, v4
block2:
    v5 = iconst.i64 1
    v6 = isub v0, v5
    v7 = imul v0, v1
    v8 = call %down(v6, v1)
    v9 = iadd v8, v7
    return v9
}
function %catch(i64, i64) -> i64 {
block0(v0: i64, v1: i64):
    v10 = iconst.i64 3
    v11 = imul v0, v10
    v12 = imul v1, v10
    v13 = iadd v11, v12
    v2, v3, v4 = try_call %down(v0, v1), block1(v2), unwind block2(v3)
block1(v5: i64):
    return v5
block2(v6: i64):
    v7 = imul v11, v12
    v8 = iadd v7, v13
    v9 = iadd v8, v6
    return v9
}
function %again(i64, i64) -> i64 {
block0(v0: i64, v1: i64):
    v2, v3, v4 = try_call %down(v0, v1), block1(v2), unwind block2(v3, v4)
block1(v5: i64):
    return v5
block2(v6: i64, v7: ref):
    rethrow v6, v7
}
function %other(i64, i64) -> i64 {
block0(v0: i64, v1: i64):
    v2, v3, v4 = try_call %again(v0, v1), block1(v2), unwind block2(v3, v4)
block1(v5: i64):
    return v5
block2(v6: i64, v7: ref):
    v8 = iadd v6, v6
    throw v8, v7
}
function %many(i64) -> i64, i64, i64, i64, i64, i64, f64 {
block0(v0: i64):
    v1 = iconst.i64 1
    v2 = iadd v0, v1
    v3 = iadd v2, v1
    v4 = iadd v3, v1
    v5 = iadd v4, v1
    v6 = iadd v5, v1
    v7 = fconst.f64 2.0
    v8 = iconst.i64 7
    v9 = icmp eq v0, v8
    brif v9, block1, block2
block1:
    v10 = null.ref
    throw v0, v10
block2:
    return v0, v2, v3, v4, v5, v6, v7
}
function %stack_results(i64) -> i64 {
block0(v0: i64):
    v1, v2, v3, v4, v5, v6, v7, v8, v9 = try_call %many(v0), block1(v6, v1, v0, v5, v2), unwind block2(v8)
block1(v10: i64, v11: i64, v12: i64, v13: i64, v14: i64):
    v15 = imul v10, v11
    v16 = imul v12, v13
    v17 = iadd v15, v16
    v18 = isub v17, v14
    return v18
block2(v19: i64):
    v20 = ineg v19
    return v20
}
function %divides(i64) -> i64 {
block0(v0: i64):
    v1 = sdiv v0, v0
    return v1
}
function %trap_passes(i64) -> i64 {
block0(v0: i64):
    v1, v2, v3 = try_call %divides(v0), block1(v1), unwind block1(v2)
block1(v4: i64):
    return v4
}
";

#[test]
fn an_exception_lands_with_the_registers_of_the_frame() {
    for mut instance in instances(SYNC, Imports::new) {
        for depth in [0, 1, 2, 10, 1000] {
            let expected = 9 * depth * 42 + 3 * (depth + 42) + 42;
            assert_eq!(got(&mut instance, "catch", &[depth, 42]), Gives(expected));
        }
        assert_eq!(got(&mut instance, "down", &[5, 7]), Throws(7));
        assert_eq!(got(&mut instance, "again", &[5, 7]), Throws(7));
        assert_eq!(got(&mut instance, "other", &[5, 7]), Throws(14));
        assert_eq!(got(&mut instance, "stack_results", &[7]), Gives(-7));
        // v6 is the last one of 10 + 5, v5 the one before, v2 the second.
        let expected = 15 * 10 + 10 * 14 - 11;
        assert_eq!(got(&mut instance, "stack_results", &[10]), Gives(expected));
        let by_zero = Traps(TrapCode::DivisionByZero);
        assert_eq!(got(&mut instance, "trap_passes", &[0]), by_zero);
        assert_eq!(got(&mut instance, "trap_passes", &[3]), Gives(1));
    }
}

#[test]
fn a_trace_lists_the_frames_that_were_left() {
    for mut instance in instances(SYNC, Imports::new) {
        let down = "down v8 = call %down(v6, v1)";
        let expected = ["down throw v1, v4", down, down];
        assert_eq!(trace(&mut instance, "down", &[2, 7]), expected);
        let expected = ["down throw v1, v4", down, "again rethrow v6, v7"];
        assert_eq!(trace(&mut instance, "again", &[1, 7]), expected);
        assert_eq!(
            trace(&mut instance, "other", &[1, 7]),
            ["other throw v8, v7"]
        );
        let expected = [
            "divides v1 = sdiv v0, v0",
            "trap_passes v1, v2, v3 = try_call %divides(v0), block1(v1), unwind block1(v2)",
        ];
        assert_eq!(trace(&mut instance, "trap_passes", &[0]), expected);
        let error = call(&mut instance, "down", &[1000, 7]).unwrap_err();
        let trace = error.trace().unwrap();
        assert_eq!(
            (trace.frames.len(), trace.omitted, trace.gap),
            (24, 977, 16)
        );
    }
}

const ASYNC: &str = "
import %test = \"enjamb\" \"test\" (i64) -> i64 async
import %yield = \"enjamb\" \"yield\" () async
; Waits v0 times, then throws v1, if that is not 0.
function %late(i64, i64) -> i64 async {
block0(v0: i64, v1: i64):
    v2 = iconst.i64 0
    v3 = iconst.i64 1
    jump block1(v0)
block1(v4: i64):
    v5 = icmp eq v4, v2
    brif v5, block3, block2
block2:
    call %yield()
    v6 = isub v4, v3
    jump block1(v6)
block3:
    v7 = icmp eq v1, v2
    brif v7, block5, block4
block4:
    v8 = null.ref
    throw v1, v8
block5:
    return v0
}
; v2 frames above it.
function %deep(i64, i64, i64) -> i64 async {
block0(v0: i64, v1: i64, v2: i64):
    v3 = iconst.i64 0
    v4 = icmp eq v2, v3
    brif v4, block1, block2
block1:
    v5 = call %late(v0, v1)
    v6 = iadd v5, v2
    return v6
block2:
    v7 = iconst.i64 1
    v8 = isub v2, v7
    v9 = call %deep(v0, v1, v8)
    v10 = iadd v9, v7
    return v10
}
; A handler, which waits too, and goes on after it.
function %handler(i64, i64, i64) -> i64 async {
block0(v0: i64, v1: i64, v2: i64):
    v3 = imul v2, v1
    v4, v5, v6 = try_call %deep(v0, v1, v2), block1(v4), unwind block2(v5)
block1(v7: i64):
    v8 = iadd v7, v3
    return v8
block2(v9: i64):
    call %yield()
    v10 = iadd v9, v3
    call %yield()
    v11 = iadd v10, v9
    return v11
}
; Handlers within handlers: the inner one throws on, the outer one ends it.
function %inner(i64, i64, i64) -> i64 async {
block0(v0: i64, v1: i64, v2: i64):
    v4, v5, v6 = try_call %deep(v0, v1, v2), block1(v4), unwind block2(v5, v6)
block1(v7: i64):
    return v7
block2(v9: i64, v10: ref):
    v11 = call %test(v9)
    v12 = iadd v9, v11
    rethrow v12, v10
}
function %outer(i64, i64, i64) -> i64 async {
block0(v0: i64, v1: i64, v2: i64):
    v4, v5, v6 = try_call %inner(v0, v1, v2), block1(v4), unwind block1(v5)
block1(v7: i64):
    v8 = iconst.i64 1000
    v9 = iadd v7, v8
    return v9
}
; An object that got an exception is used again, without one.
function %loops(i64) -> i64 async {
block0(v0: i64):
    v1 = iconst.i64 0
    v2 = iconst.i64 1
    jump block1(v0, v1)
block1(v3: i64, v4: i64):
    v5 = band v3, v2
    v6, v7, v8 = try_call %late(v2, v5), block2(v6), unwind block2(v7)
block2(v9: i64):
    v10 = iadd v4, v9
    v11 = isub v3, v2
    v12 = icmp eq v11, v1
    brif v12, block3, block1(v11, v10)
block3:
    return v10
}
function %joins(i64, i64) -> i64 async {
    sig0 = () -> i64
block0(v0: i64, v1: i64):
    v2 = spawn %late(v0, v1)
    v3 = spawn %late(v0, v0)
    v4, v5, v6 = try_join sig0, v2, block1(v4), unwind block2(v5)
block1(v7: i64):
    detach v3
    return v7
block2(v8: i64):
    v9, v10, v11 = try_join sig0, v3, block3(v9), unwind block3(v10)
block3(v12: i64):
    v13 = iadd v8, v12
    return v13
}
function %joins_on(i64, i64) -> i64 async {
    sig0 = () -> i64
block0(v0: i64, v1: i64):
    v2 = spawn %late(v0, v1)
    v3 = join sig0, v2
    return v3
}
";

#[test]
fn exceptions_cross_suspensions() {
    for mut instance in instances(ASYNC, Imports::new) {
        for (waits, depth) in [(0, 0), (0, 3), (1, 0), (1, 1), (3, 0), (2, 9), (5, 500)] {
            let args = [waits, 7, depth];
            assert_eq!(got(&mut instance, "deep", &args), Throws(7), "{args:?}");
            let expected = 7 + depth * 7 + 7;
            assert_eq!(got(&mut instance, "handler", &args), Gives(expected));
            assert_eq!(got(&mut instance, "inner", &args), Throws(14));
            assert_eq!(got(&mut instance, "outer", &args), Gives(1014));
            let args = [waits, 0, depth];
            let expected = waits + depth;
            assert_eq!(got(&mut instance, "handler", &args), Gives(expected));
        }
        assert_eq!(got(&mut instance, "loops", &[10]), Gives(10));
        for waits in 0..4 {
            assert_eq!(got(&mut instance, "joins", &[waits, 0]), Gives(waits));
            let second = waits.max(0);
            let expected = Gives(5 + second);
            assert_eq!(got(&mut instance, "joins", &[waits, 5]), expected);
            assert_eq!(got(&mut instance, "joins_on", &[waits, 9]), Throws(9));
        }
    }
}

#[test]
fn a_trace_reads_as_if_nothing_had_been_suspended() {
    for mut instance in instances(ASYNC, Imports::new) {
        for waits in 0..4 {
            let deep = "deep v9 = call %deep(v0, v1, v8)";
            let expected = [
                "late throw v1, v8",
                "deep v5 = call %late(v0, v1)",
                deep,
                deep,
            ];
            assert_eq!(trace(&mut instance, "deep", &[waits, 7, 2]), expected);
            let expected = ["late throw v1, v8", "joins_on v3 = join sig0, v2"];
            assert_eq!(trace(&mut instance, "joins_on", &[waits, 7]), expected);
        }
    }
}

const HOST: &str = "
import %fails = \"host\" \"fails\" (i64) -> i64
import %calls = \"host\" \"calls\" (i64) -> i64
import %waits = \"host\" \"waits\" () -> i64
function %wait_for(task) -> i64 async {
    sig0 = () -> i64
block0(v0: task):
    v1 = join sig0, v0
    return v1
}
function %asks(i64) -> i64 async {
block0(v0: i64):
    v1 = call %waits()
    v2 = iadd v1, v0
    return v2
}
function %catch(i64) -> i64 {
block0(v0: i64):
    v1, v2, v3 = try_call %fails(v0), block1(v1), unwind block1(v2)
block1(v4: i64):
    return v4
}
function %uncaught(i64) -> i64 {
block0(v0: i64):
    v1 = call %fails(v0)
    return v1
}
function %throws(i64) -> i64 {
block0(v0: i64):
    v1 = null.ref
    throw v0, v1
}
function %through(i64) -> i64 {
block0(v0: i64):
    v1, v2, v3 = try_call %calls(v0), block1(v1), unwind block2(v2)
block1(v4: i64):
    return v4
block2(v5: i64):
    v6 = iadd v5, v5
    return v6
}
";

fn host() -> Imports {
    let mut imports = Imports::new();
    imports.define_sync("host", "fails", |_, args| match args {
        [Val::I64(0)] => Err("no such thing".into()),
        [Val::I64(1)] => panic!("at the disco"),
        [value] => Ok(vec![*value]),
        _ => Err("one argument".into()),
    });
    imports.define_sync("host", "waits", |context, _| {
        // The first task of an instance: the one that calls.
        let caller = Val::Task(1 << 32);
        let wait_for = context.function_named("wait_for").ok_or("no function")?;
        Ok(context.call(wait_for, &[caller])?)
    });
    imports.define_sync("host", "calls", |context, args| {
        let throws = context.function_named("throws").ok_or("no function")?;
        Ok(context.call(throws, args)?)
    });
    imports
}

#[test]
fn exceptions_enter_and_leave() {
    for mut instance in instances(HOST, host) {
        assert_eq!(got(&mut instance, "catch", &[5]), Gives(5));
        let [error, panic] = [Exception::HOST_ERROR, Exception::HOST_PANIC];
        assert_eq!(got(&mut instance, "catch", &[0]), Gives(error));
        assert_eq!(got(&mut instance, "catch", &[1]), Gives(panic));
        assert_eq!(got(&mut instance, "through", &[21]), Gives(42));
        for (argument, tag, message) in [
            (0, error, "no such thing"),
            (1, panic, "panicked: at the disco"),
        ] {
            let failure = call(&mut instance, "uncaught", &[argument]).unwrap_err();
            let thrown = failure.exception().unwrap();
            assert_eq!(thrown.exception.tag, tag);
            assert_eq!(thrown.message.as_deref(), Some(message));
            let expected = ["uncaught v1 = call %fails(v0)"];
            assert_eq!(trace(&mut instance, "uncaught", &[argument]), expected);
        }
    }
}

#[test]
fn no_suspension_crosses_the_host() {
    for mut instance in instances(HOST, host) {
        let error = call(&mut instance, "asks", &[1]).unwrap_err();
        let code = error.trap().map(|trap| trap.code);
        assert_eq!(code, Some(TrapCode::Deadlock), "{error}");
        let text = error.to_string();
        assert!(text.contains("cannot cross host function %waits"), "{text}");
    }
}

#[test]
fn a_suspended_task_shows_its_stack() {
    let instance = instances(ASYNC, Imports::new).swap_remove(2);
    let mut instance = instance;
    let deep = instance.loaded().module().function_named("deep").unwrap();
    let args = [Val::I64(3), Val::I64(0), Val::I64(1)];
    let task = instance.spawn(deep, &args).unwrap();
    let trace = instance.trace(task, TraceLimits::FULL).unwrap();
    let frames = trace.frames.iter();
    let frames: Vec<&str> = frames.map(|frame| frame.instruction.as_str()).collect();
    let expected = [
        "call %yield()",
        "v5 = call %late(v0, v1)",
        "v9 = call %deep(v0, v1, v8)",
    ];
    assert_eq!(frames, expected);
    assert_eq!(instance.run_until(task), Ok(vec![Val::I64(4)]));
}
