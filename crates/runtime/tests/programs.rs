//! Compiled programs in an instance: what the runtime adds to the code.

use enjamb_abi::code::CodeOptions;
use enjamb_codegen::{CompileOptions, compile};
use enjamb_ir::{
    Entity, Exception, FuelSupply, FuncId, MemoryId, Schedule, TraceLimits, TrapCode, Val,
    parse_module,
};
use enjamb_runtime::{
    ClockKind, Error, HostContext, HostError, HostOperation, Imports, Instance, LoadedModule,
    Options, Outcome, WordFunction,
};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

const COUNTING: Options = Options {
    schedule: Schedule::Natural,
    clock: ClockKind::Virtual,
    stack_size: 256 << 10,
    continuation_chunk: 64 << 10,
    continuation_limit: 1 << 30,
    heap_limit: 1 << 30,
    gc_stress: false,
    poison: false,
    fuel: FuelSupply::Unlimited,
    trace: TraceLimits::SHORT,
    count: true,
};

fn load(text: &str) -> Arc<LoadedModule> {
    let module = parse_module(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let options = CompileOptions {
        code: CodeOptions {
            count: true,
            ..CodeOptions::default()
        },
        ..CompileOptions::default()
    };
    let compiled = compile(Arc::new(module), &options).unwrap();
    LoadedModule::new(Arc::new(compiled)).unwrap()
}

fn instance(text: &str, imports: Imports, options: Options) -> Instance {
    Instance::new(load(text), imports, options).unwrap()
}

fn call(instance: &mut Instance, name: &str, args: &[Val]) -> Result<Vec<Val>, Error> {
    let function = instance.loaded().module().exported_function(name).unwrap();
    instance.call(function, args)
}

fn trap_code(result: Result<Vec<Val>, Error>) -> TrapCode {
    result.unwrap_err().trap().unwrap().code
}

const TASKS: &str = "
import %yield = \"enjamb\" \"yield\" () async
import %sleep = \"enjamb\" \"sleep\" (i64) async
import %test = \"enjamb\" \"test\" (i64) -> i64 async
global %order: i64 = 0

function %note(i64) {
block0(v0: i64):
    v1 = global_get.i64 %order
    v2 = iconst.i64 10
    v3 = imul v1, v2
    v4 = iadd v3, v0
    global_set %order, v4
    return
}

function %sleeper(i64, i64) -> i64 async {
block0(v0: i64, v1: i64):
    call %sleep(v0)
    call %note(v1)
    v2 = call %test(v0)
    return v2
}

function %sleepers() -> i64, i64 async {
    sig0 = () -> i64
block0:
    v0 = iconst.i64 30
    v1 = iconst.i64 11
    v2 = iconst.i64 1
    v3 = iconst.i64 2
    v4 = spawn %sleeper(v0, v2)
    v5 = spawn %sleeper(v1, v3)
    call %yield()
    v6 = join sig0, v4
    v7 = join sig0, v5
    v8 = isub v6, v7
    v9 = global_get.i64 %order
    return v8, v9
}

function %fails(i64) -> i64 async {
block0(v0: i64):
    call %yield()
    v1 = sdiv v0, v0
    return v1
}

function %join_failing() -> i64 async {
    sig0 = () -> i64
block0:
    v0 = iconst.i64 0
    v1 = spawn %fails(v0)
    v2 = join sig0, v1
    return v2
}

function %join_wrong() -> i64 async {
    sig0 = () -> f64
block0:
    v0 = iconst.i64 1
    v1 = spawn %fails(v0)
    v2 = join sig0, v1
    return v0
}

function %join_twice() -> i64 async {
    sig0 = () -> i64
block0:
    v0 = iconst.i64 1
    v1 = spawn %fails(v0)
    v2 = join sig0, v1
    v3 = join sig0, v1
    return v3
}

function %wait_for(task) -> i64 async {
    sig0 = () -> i64
block0(v0: task):
    call %yield()
    v1 = join sig0, v0
    return v1
}
";

#[test]
fn tasks_sleep_and_are_joined() {
    let mut instance = instance(TASKS, Imports::new(), COUNTING);
    let results = call(&mut instance, "sleepers", &[]);
    assert_eq!(results, Ok(vec![Val::I64(19), Val::I64(21)]));
    assert_eq!(instance.stats().continuations_live, 0);
}

#[test]
fn traps_go_to_whoever_joins() {
    let mut instance = instance(TASKS, Imports::new(), COUNTING);
    let error = call(&mut instance, "join_failing", &[]).unwrap_err();
    let trap = error.trap().unwrap();
    assert_eq!(trap.code, TrapCode::DivisionByZero);
    assert_eq!(trap.function_name.as_deref(), Some("fails"));
    assert!(
        trap.instruction.as_deref().unwrap().contains("sdiv v"),
        "{trap}"
    );
    assert_eq!(
        trap_code(call(&mut instance, "join_wrong", &[])),
        TrapCode::TaskTypeMismatch
    );
    assert_eq!(
        trap_code(call(&mut instance, "join_twice", &[])),
        TrapCode::InvalidTask
    );
    instance.drop_tasks();
    assert_eq!(instance.stats().continuations_live, 0);
}

#[test]
fn a_task_that_waits_for_itself_deadlocks() {
    let mut instance = instance(TASKS, Imports::new(), COUNTING);
    let wait = instance
        .loaded()
        .module()
        .exported_function("wait_for")
        .unwrap();
    // The first task to be made has this value in every instance.
    let itself = Val::Task(1 << 32);
    let task = instance.spawn(wait, &[itself]).unwrap();
    assert_eq!(task.value(), itself);
    while instance.step() != enjamb_runtime::Step::Idle {}
    // It has failed, so whoever joins it fails alike.
    let next = instance.spawn(wait, &[itself]).unwrap();
    assert_eq!(trap_code(instance.run_until(next)), TrapCode::Deadlock);
    assert_eq!(instance.run_until(task), Err(Error::BadTask));
    assert_eq!(instance.stats().continuations_live, 0);
}

const RECURSION: &str = "
import %test = \"enjamb\" \"test\" (i64) -> i64 async
function %fib(i64) -> i64 async {
block0(v0: i64):
    v1 = iconst.i64 2
    v2 = icmp slt v0, v1
    brif v2, block1, block2
block1:
    v3 = call %test(v0)
    return v3
block2:
    v4 = iconst.i64 1
    v5 = isub v0, v4
    v6 = call %fib(v5)
    v7 = isub v0, v1
    v8 = call %fib(v7)
    v9 = iadd v6, v8
    return v9
}
function %forever(i64) -> i64 async {
block0(v0: i64):
    v1 = call %forever(v0)
    v2 = iadd v1, v0
    return v2
}
function %forever_sync(i64) -> i64 {
block0(v0: i64):
    v1 = call %forever_sync(v0)
    v2 = iadd v1, v0
    return v2
}
";

#[test]
fn schedules_change_nothing_but_the_counts() {
    let loaded = load(RECURSION);
    let mut seen = Vec::new();
    for schedule in ["natural", "never", "always", "random:7", "only:3"] {
        let options = Options {
            schedule: schedule.parse().unwrap(),
            ..COUNTING
        };
        let mut instance = Instance::new(loaded.clone(), Imports::new(), options).unwrap();
        let result = call(&mut instance, "fib", &[Val::I64(15)]);
        assert_eq!(result, Ok(vec![Val::I64(610)]), "{schedule}");
        let stats = instance.stats();
        assert_eq!(stats.continuations_live, 0, "{schedule}");
        assert_eq!(stats.frames_suspended, stats.resumptions, "{schedule}");
        seen.push(stats.suspensions);
    }
    assert_eq!(seen[1], 0);
    assert_eq!((seen[0], seen[2], seen[4]), (610, 987, 1));
    assert!(seen[3] > 300 && seen[3] < 700, "{seen:?}");
}

#[test]
fn recursion_ends_at_the_stack_limit() {
    let mut instance = instance(RECURSION, Imports::new(), COUNTING);
    for name in ["forever", "forever_sync"] {
        let error = call(&mut instance, name, &[Val::I64(1)]).unwrap_err();
        let trap = error.trap().unwrap();
        assert_eq!(trap.code, TrapCode::StackOverflow);
        assert_eq!(trap.function_name.as_deref(), Some(name));
    }
    assert_eq!(
        call(&mut instance, "fib", &[Val::I64(7)]),
        Ok(vec![Val::I64(13)])
    );
}

const MANY_PARAMETERS: &str = "
import %yield = \"enjamb\" \"yield\" () async
function %sum(i64, f64, i64, f64, i64, i64, i64, i64, i64, i64, i64, i64) -> i64, f64, i64, i64, i64, i64, f64 async {
block0(v0: i64, v1: f64, v2: i64, v3: f64, v4: i64, v5: i64, v6: i64, v7: i64, v8: i64, v9: i64, v10: i64, v11: i64):
    call %yield()
    call %yield()
    v12 = iadd v0, v2
    v13 = fadd v1, v3
    v14 = iadd v10, v11
    return v12, v13, v6, v7, v8, v14, v3
}
function %swap(i64, f64, i64, f64, i64, i64, i64, i64, i64, i64, i64, i64) -> i64, f64, i64, i64, i64, i64, f64 async {
block0(v0: i64, v1: f64, v2: i64, v3: f64, v4: i64, v5: i64, v6: i64, v7: i64, v8: i64, v9: i64, v10: i64, v11: i64):
    call %yield()
    call %yield()
    return_call %sum(v11, v3, v10, v1, v9, v8, v7, v6, v5, v4, v2, v0)
}
function %outer(i64) -> i64, f64, i64, i64, i64, i64, f64 async {
block0(v0: i64):
    v1 = fconst.f64 0.5
    v2, v3, v4, v5, v6, v7, v8 = call %swap(v0, v1, v0, v1, v0, v0, v0, v0, v0, v0, v0, v0)
    v9 = iadd v7, v0
    return v2, v3, v4, v5, v6, v9, v8
}
";

#[test]
fn stack_words_survive_suspensions_and_tail_calls() {
    for schedule in [
        "never", "always", "random:1", "random:2", "only:1", "only:3",
    ] {
        let options = Options {
            schedule: schedule.parse().unwrap(),
            ..COUNTING
        };
        let mut instance = instance(MANY_PARAMETERS, Imports::new(), options);
        let mut args: Vec<Val> = (1..=12).map(Val::I64).collect();
        (args[1], args[3]) = (Val::f64(0.25), Val::f64(4.0));
        let results = call(&mut instance, "swap", &args).unwrap();
        let integers = [12 + 11, 0, 8, 7, 6, 3 + 1].map(Val::I64);
        let mut expected = integers.to_vec();
        expected[1] = Val::f64(4.25);
        expected.push(Val::f64(0.25));
        assert_eq!(results, expected, "{schedule}");
        let results = call(&mut instance, "outer", &[Val::I64(3)]).unwrap();
        assert_eq!(results[5], Val::I64(9), "{schedule}");
        assert_eq!(instance.stats().continuations_live, 0, "{schedule}");
    }
}

const HOST: &str = "
import %log = \"host\" \"log\" (i64, f32, i8) -> i8, f32
import %later = \"host\" \"later\" (i64) -> i64, f64 async
import %call_back = \"host\" \"call_back\" (i64) -> i64
memory %heap 1..2
data %text = %heap[65530] \"hello!\"

function %sync(i64) -> i8, f32 {
block0(v0: i64):
    v1 = fconst.f32 1.5
    v2 = iconst.i8 -3
    v3, v4 = call %log(v0, v1, v2)
    return v3, v4
}
function %waits(i64) -> i64, f64 async {
block0(v0: i64):
    v1, v2 = call %later(v0)
    v3 = iadd v1, v0
    return v3, v2
}
function %forwards(i64) -> i64, f64 async {
block0(v0: i64):
    return_call %later(v0)
}
function %nested(i64) -> i64 {
block0(v0: i64):
    v1 = call %call_back(v0)
    return v1
}
function %answer(i64) -> i64 async {
block0(v0: i64):
    v1, v2 = call %later(v0)
    v3 = iadd v1, v1
    return v3
}
";

struct Countdown(u32, Result<Vec<Val>, HostError>);

impl Future for Countdown {
    type Output = Result<Vec<Val>, HostError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        assert!(self.0 != 13, "unlucky");
        self.0 = self.0.saturating_sub(1);
        if self.0 == 0 {
            return Poll::Ready(self.1.clone());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

fn host() -> Imports {
    let mut imports = Imports::new();
    imports
        .define_sync("host", "log", |context, args| {
            let mut text = [0; 6];
            context.read_memory(memory(), 65_530, &mut text)?;
            match args {
                [Val::I64(0), Val::F32(bits), Val::I8(small)] if &text == b"hello!" => {
                    Ok(vec![Val::I8(small - 1), Val::F32(*bits)])
                }
                [Val::I64(1), ..] => panic!("with {} arguments", args.len()),
                [Val::I64(2), ..] => Ok(vec![Val::I64(0)]),
                _ => Err("no such log".into()),
            }
        })
        .define(
            "host",
            "later",
            Box::new(|context, args| {
                let results = vec![args[0], Val::f64(0.5)];
                let countdown = match args[0] {
                    Val::I64(0) => return Ok(Outcome::Ready(results)),
                    Val::I64(-1) => Countdown(2, Err("lost".into())),
                    Val::I64(-2) => Countdown(2, Ok(vec![])),
                    Val::I64(polls) => Countdown(polls as u32 + 1, Ok(results)),
                    _ => return Err("not an i64".into()),
                };
                Outcome::of(context, Box::pin(countdown))
            }),
        )
        .define_sync("host", "call_back", |context, args| {
            let name = if args == [Val::I64(99)] {
                "nested"
            } else {
                "answer"
            };
            let function = context.function_named(name).ok_or("no such function")?;
            Ok(context.call(function, args)?)
        });
    imports
}

fn memory() -> MemoryId {
    enjamb_ir::Entity::from_index(0)
}

#[test]
fn host_functions_answer_fail_and_panic() {
    let mut instance = instance(HOST, host(), COUNTING);
    let results = call(&mut instance, "sync", &[Val::I64(0)]);
    assert_eq!(results, Ok(vec![Val::I8(-4), Val::f32(1.5)]));
    let messages = [
        (1, Exception::HOST_PANIC, "panicked: with 3 arguments"),
        (2, Exception::HOST_ERROR, "(i64) given, (i8, f32) wanted"),
        (3, Exception::HOST_ERROR, "no such log"),
    ];
    for (argument, tag, message) in messages {
        let error = call(&mut instance, "sync", &[Val::I64(argument)]).unwrap_err();
        let thrown = error.exception().unwrap();
        assert_eq!(
            (thrown.exception.tag, thrown.exception.payload),
            (tag, None)
        );
        assert_eq!(thrown.message.as_deref(), Some(message));
        let location = thrown.location.as_ref().unwrap();
        assert_eq!(location.function, "sync");
        assert!(location.instruction.contains("call %log"), "{thrown}");
    }
    let error = call(&mut instance, "sync", &[]).unwrap_err();
    assert_eq!(error.to_string(), "bad call: %sync: () given, (i64) wanted");
}

#[test]
fn the_host_finishes_calls_later() {
    let mut instance = instance(HOST, host(), COUNTING);
    for (name, times) in [("waits", 2), ("forwards", 1)] {
        for polls in [0, 1, 5] {
            let results = call(&mut instance, name, &[Val::I64(polls)]);
            assert_eq!(
                results,
                Ok(vec![Val::I64(polls * times), Val::f64(0.5)]),
                "{name}"
            );
        }
        for (argument, message) in [
            (-1, "lost"),
            (-2, "() given, (i64, f64) wanted"),
            (13, "panicked: unlucky"),
        ] {
            let error = call(&mut instance, name, &[Val::I64(argument)]).unwrap_err();
            assert_eq!(
                error.exception().unwrap().message.as_deref(),
                Some(message),
                "{name}"
            );
        }
    }
    assert_eq!(instance.stats().continuations_live, 0);
}

#[test]
fn the_host_calls_back() {
    let mut instance = instance(HOST, host(), COUNTING);
    assert_eq!(
        call(&mut instance, "nested", &[Val::I64(3)]),
        Ok(vec![Val::I64(6)])
    );
    let error = call(&mut instance, "nested", &[Val::I64(-1)]).unwrap_err();
    assert!(error.to_string().contains("lost"), "{error}");
    let error = call(&mut instance, "nested", &[Val::I64(99)]).unwrap_err();
    assert!(
        error.to_string().contains("is called while it runs"),
        "{error}"
    );
}

#[test]
fn memories_and_globals_belong_to_the_instance() {
    let text = "
memory %heap 1..3
data %text = \"abc\"
global %count: f32 = 1.0
function %fill(i64, i8, i64) -> i64 {
block0(v0: i64, v1: i8, v2: i64):
    memory_fill %heap, v0, v1, v2
    v3 = iconst.i64 1
    v4 = memory_grow %heap, v3
    memory_init %heap, %text, v2, v3, v3
    memory_copy %heap, %heap, v3, v2, v3
    return v4
}";
    let loaded = load(text);
    let mut first = Instance::new(loaded.clone(), Imports::new(), COUNTING).unwrap();
    let second = Instance::new(loaded.clone(), Imports::new(), COUNTING).unwrap();
    let args = [Val::I64(65_535), Val::I8(-1), Val::I64(1)];
    assert_eq!(call(&mut first, "fill", &args), Ok(vec![Val::I64(1)]));
    let mut bytes = [0; 3];
    first.read_memory(memory(), 0, &mut bytes).unwrap();
    assert_eq!(&bytes, b"\0b\0");
    first
        .read_memory(memory(), 65_535, &mut bytes[..1])
        .unwrap();
    assert_eq!(bytes[0], 255);
    assert_eq!(first.memory_size(memory()), Some(2 << 16));
    assert_eq!(second.memory_size(memory()), Some(1 << 16));
    let outside = [Val::I64(65_535), Val::I8(-1), Val::I64(70_000)];
    assert_eq!(
        trap_code(call(&mut first, "fill", &outside)),
        TrapCode::MemoryOutOfBounds
    );

    let global = enjamb_ir::Entity::from_index(0);
    assert!(first.set_global(global, Val::f64(2.0)).is_err());
    first.set_global(global, Val::f32(2.0)).unwrap();
    assert_eq!(first.global(global), Some(Val::f32(2.0)));
    assert_eq!(second.global(global), Some(Val::f32(1.0)));
}

#[test]
fn imports_are_resolved_when_the_instance_is_made() {
    let missing = Instance::new(load(HOST), Imports::new(), COUNTING).unwrap_err();
    assert!(matches!(missing, Error::MissingImport { .. }), "{missing}");
    let text = "import %yield = \"enjamb\" \"yield\" (i64) async";
    let wrong = Instance::new(load(text), Imports::new(), COUNTING).unwrap_err();
    assert!(
        wrong.to_string().contains("is () async, not (i64) async"),
        "{wrong}"
    );
}

#[test]
fn instances_move_between_threads() {
    let mut instance = instance(TASKS, Imports::new(), COUNTING);
    let fails = instance.loaded().module().function_named("fails").unwrap();
    let task = instance.spawn(fails, &[Val::I64(4)]).unwrap();
    let results = std::thread::spawn(move || instance.run_until(task))
        .join()
        .unwrap();
    assert_eq!(results, Ok(vec![Val::I64(1)]));
}

/// A task that is cancelled at once while it is in the run queue, and whose handler lets other tasks run.
/// Calls a function when it is polled later.
struct CallsBack(FuncId);

impl HostOperation for CallsBack {
    fn poll(
        self: Pin<&mut Self>,
        context: &mut HostContext<'_>,
        words: &mut [u64],
    ) -> Poll<Result<(), HostError>> {
        words[0] = 0;
        let results = context.call(self.0, &[]);
        Poll::Ready(results.map(|_| ()).map_err(HostError::from))
    }
}

#[test]
fn a_host_function_that_has_waited_cannot_call_the_instance() {
    let text = "
import %calls_back = \"host\" \"calls_back\" () -> i64 async
function %main() -> i64 async {
block0:
    v0 = call %calls_back()
    return v0
}
function %plain() {
block0:
    return
}";
    let mut imports = Imports::new();
    let calls_back: WordFunction = Box::new(|context, _| {
        let plain = context.function_named("plain").unwrap();
        context.call(plain, &[])?;
        context.waker().wake_by_ref();
        Ok(Some(Box::pin(CallsBack(plain))))
    });
    imports.define_words("host", "calls_back", calls_back);
    let mut instance = instance(text, imports, COUNTING);
    let error = call(&mut instance, "main", &[]).unwrap_err();
    assert!(error.to_string().contains("after it has waited"), "{error}");
}

#[test]
fn code_of_other_options_takes_the_place_of_no_function() {
    let load = |number, count| {
        let text = format!(
            "function %main() -> i64 {{\nblock0:\n    v0 = iconst.i64 {number}\n    return v0\n}}"
        );
        let options = CompileOptions {
            code: CodeOptions {
                replaceable: true,
                count,
                ..CodeOptions::default()
            },
            ..CompileOptions::default()
        };
        let compiled = compile(Arc::new(parse_module(&text).unwrap()), &options).unwrap();
        LoadedModule::new(Arc::new(compiled)).unwrap()
    };
    let mut instance = Instance::new(load(1, true), Imports::new(), COUNTING).unwrap();
    let main = instance.loaded().module().function_named("main").unwrap();
    let refused = instance.replace(main, &load(2, false));
    assert!(matches!(refused, Err(Error::Load(_))), "{refused:?}");
    assert_eq!(instance.call(main, &[]), Ok(vec![Val::I64(1)]));
    instance.replace(main, &load(3, true)).unwrap();
    assert_eq!(instance.call(main, &[]), Ok(vec![Val::I64(3)]));
}

#[test]
fn a_task_that_is_abandoned_in_its_queue_gets_no_turn_while_its_handler_runs() {
    let text = "
import %yield = \"enjamb\" \"yield\" () async
import %call_back = \"host\" \"call_back\" ()
global %seen: i64 = 0
function %main() async {
block0:
    v0, v1 = try_call %yield(), block1, unwind block2()
block1:
    return
block2:
    call %call_back()
    v2 = global_get.i64 %seen
    v3 = iconst.i64 1
    v4 = iadd v2, v3
    global_set %seen, v4
    return
}
function %yields() -> i64 async {
block0:
    call %yield()
    v0 = iconst.i64 3
    return v0
}";
    let mut imports = Imports::new();
    imports.define_sync("host", "call_back", |context, _| {
        let yields = context.function_named("yields").unwrap();
        assert_eq!(context.call(yields, &[])?, [Val::I64(3)]);
        Ok(Vec::new())
    });
    let mut instance = instance(text, imports, COUNTING);
    let named = |name: &str| load(text).module().exported_function(name).unwrap();
    let task = instance.start(named("main"), &mut []).unwrap().unwrap();
    instance.abandon(task);
    let seen = enjamb_ir::GlobalId::from_index(0);
    assert_eq!(instance.global(seen), Some(Val::I64(1)), "once");
    assert_eq!(instance.stats().tasks_live, 0);
    assert_eq!(instance.stats().continuations_live, 0);
}
