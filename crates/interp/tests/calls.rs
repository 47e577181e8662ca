//! Calls from and to the host, limits, and what errors say.

use enjamb_interp::{Error, HostCall, Imports, Instance, Options, Schedule, Val};
use enjamb_ir::{Module, TrapCode, parse_module, verify_module};

fn module(text: &str) -> Module {
    let module = parse_module(text).unwrap_or_else(|errors| panic!("{errors}"));
    verify_module(&module).unwrap_or_else(|errors| panic!("{errors}"));
    module
}

fn instance(module: &Module, options: Options) -> Instance<'_> {
    Instance::new(module, Imports::new(), options).expect("an instance")
}

const SUM: &str = r#"
import %yield = "enjamb" "yield" () async
file0 = "sum.lang"
function %sum(i64) -> i64 async {
block0(v0: i64):
    brif v0, block2, block1
block1:
    call %yield()
    return v0
block2:
    v1 = iconst.i64 1
    v2 = isub v0, v1
    v3 = call %sum(v2)
    v4 = iadd v0, v3
    return v4
}
function %tail(i64, i64) -> i64 async {
block0(v0: i64, v1: i64):
    brif v0, block2, block1
block1:
    return_call %sum(v1)
block2:
    v2 = iconst.i64 1
    v3 = isub v0, v2
    return_call %tail(v3, v1)
}
function %forever(i64) -> i64 {
block0(v0: i64):
    v1 = call %forever(v0) @ file0:3:14
    return v1
}
function %divide(i64, i64) -> i64 {
block0(v0: i64, v1: i64):
    v2 = sdiv v0, v1 @ file0:7:2
    return v2
}
function %ask(i64) -> i64 {
block0(v0: i64):
    v1 = call %divide(v0, v0)
    return v1
}
"#;

#[test]
fn recursion_is_as_deep_as_the_stack_limit_says() {
    let module = module(SUM);
    let mut deep = instance(&module, Options::default());
    let results = deep.call("sum", &[Val::I64(300_000)]);
    assert_eq!(results, Ok(vec![Val::I64(300_000 * 300_001 / 2)]));
    // The leaf suspended once with every activation below it.
    assert_eq!(deep.stats().frames_suspended, 300_001);
    assert_eq!(deep.stats().resumptions, 300_001);

    let mut shallow = instance(
        &module,
        Options {
            stack_limit: 10_000,
            ..Options::default()
        },
    );
    let error = shallow.call("sum", &[Val::I64(300_000)]).unwrap_err();
    assert_eq!(error.trap_code(), Some(TrapCode::StackOverflow));
    assert_eq!(shallow.call("sum", &[Val::I64(2)]), Ok(vec![Val::I64(3)]));
}

#[test]
fn tail_calls_take_no_stack() {
    let module = module(SUM);
    let options = Options {
        stack_limit: 2_000,
        ..Options::default()
    };
    let args = [Val::I64(1_000_000), Val::I64(3)];
    assert_eq!(
        instance(&module, options).call("tail", &args),
        Ok(vec![Val::I64(6)])
    );
}

#[test]
fn a_tail_call_fits_where_either_frame_does() {
    let module = module(SUM);
    let call = |stack_limit: usize, function: &str, args: &[i64]| {
        let options = Options {
            stack_limit,
            ..Options::default()
        };
        let args: Vec<Val> = args.iter().copied().map(Val::I64).collect();
        instance(&module, options).call(function, &args)
    };
    // Its frame is the larger one.
    let least = (0..2_000).find(|&limit| call(limit, "sum", &[0]).is_ok());
    let least = least.expect("a frame is no larger");
    assert_eq!(call(least, "tail", &[10, 0]), Ok(vec![Val::I64(0)]));
}

#[test]
fn endless_recursion_is_a_trap_with_a_stack_of_bounded_length() {
    let module = module(SUM);
    let error = instance(&module, Options::default()).call("forever", &[Val::I64(0)]);
    let Err(Error::Trap(trap)) = error else {
        panic!("a trap, not {error:?}");
    };
    assert_eq!(trap.code, TrapCode::StackOverflow);
    assert_eq!(trap.trace.frames.len(), 24);
    assert!(trap.trace.omitted > 100_000);
    let text = trap.to_string();
    assert_eq!(
        text,
        "trap stack_overflow in %forever: `v1 = call %forever(v0)` at sum.lang:3:14"
    );
}

#[test]
fn a_trap_names_function_instruction_and_position_of_each_caller() {
    let module = module(SUM);
    let error = instance(&module, Options::default()).call("ask", &[Val::I64(0)]);
    let Err(Error::Trap(trap)) = error else {
        panic!("a trap, not {error:?}");
    };
    let places: Vec<String> = trap.trace.frames.iter().map(ToString::to_string).collect();
    assert_eq!(
        places,
        [
            "%divide: `v2 = sdiv v0, v1` at sum.lang:7:2",
            "%ask: `v1 = call %divide(v0, v0)`"
        ]
    );
}

#[test]
fn a_call_that_does_not_fit_is_refused() {
    let module = module(SUM);
    let mut instance = instance(&module, Options::default());
    let message = |result: Result<Vec<Val>, Error>| match result {
        Err(Error::BadCall(message)) => message,
        other => panic!("a refusal, not {other:?}"),
    };
    assert_eq!(
        message(instance.call("none", &[])),
        "there is no function %none"
    );
    assert_eq!(
        message(instance.call("sum", &[])),
        "%sum takes 1 arguments, not 0"
    );
    assert_eq!(
        message(instance.call("sum", &[Val::I32(1)])),
        "%sum takes (i64) -> i64 async, not (i32)"
    );
}

#[test]
fn a_limit_of_instructions_ends_a_call_and_not_the_instance() {
    let module = module(SUM);
    let options = Options {
        instruction_limit: Some(1_000),
        ..Options::default()
    };
    let mut instance = instance(&module, options);
    assert_eq!(
        instance.call("sum", &[Val::I64(1_000)]),
        Err(Error::TooManyInstructions)
    );
    assert_eq!(
        instance.call("sum", &[Val::I64(10)]),
        Ok(vec![Val::I64(55)])
    );
}

#[test]
fn suspended_frames_count_against_the_memory_limit() {
    let module = module(SUM);
    let options = Options {
        memory_limit: 10_000,
        ..Options::default()
    };
    let mut instance = instance(&module, options);
    let error = instance.call("sum", &[Val::I64(1_000)]).unwrap_err();
    assert_eq!(error.trap_code(), Some(TrapCode::OutOfMemory));
    assert_eq!(
        instance.call("sum", &[Val::I64(10)]),
        Ok(vec![Val::I64(55)])
    );
}

/// Calls itself so often, with so many slots and root slots in each frame.
fn with_slots(slots: usize, roots: usize) -> String {
    let slots = (0..slots).map(|slot| format!("ss{slot} = slot 0 align 1\n"));
    let roots = (0..roots).map(|root| format!("root{root} = root\n"));
    let declared: String = slots.chain(roots).collect();
    format!(
        "type %bytes = [i8]
function %main(i64) {{
{declared}block0(v0: i64):
    brif v0, block1, block2
block1:
    v1 = iconst.i64 1
    v2 = isub v0, v1
    call %main(v2)
    return
block2:
    return
}}"
    )
}

#[test]
fn empty_slots_and_root_slots_count_against_the_stack_limit() {
    let options = Options {
        stack_limit: 100_000,
        ..Options::default()
    };
    let run = |slots, roots| {
        let module = module(&with_slots(slots, roots));
        let result = instance(&module, options).call("main", &[Val::I64(99)]);
        result.map_err(|error| error.trap_code())
    };
    assert_eq!(run(0, 0), Ok(vec![]));
    assert_eq!(run(1000, 0), Err(Some(TrapCode::StackOverflow)));
    assert_eq!(run(0, 1000), Err(Some(TrapCode::StackOverflow)));
}

const HOST: &str = r#"
import %double = "host" "double" (i64) -> i64
import %greet = "host" "greet" (i64, i64)
import %fetch = "host" "fetch" (i32) -> i32, f64 async
memory %heap 1..2
memory %other 1..1
data %text = %heap[8] "hello"
global %calls: i32 = -3
export "memory" = %heap
export "run" = %main
function %main(i64) -> i64 {
block0(v0: i64):
    v1 = call %double(v0)
    v2 = iconst.i64 8
    v3 = iconst.i64 5
    call %greet(v2, v3)
    v4 = global_get.i32 %calls
    v5 = iconst.i32 1
    v6 = iadd v4, v5
    global_set %calls, v6
    return v1
}
function %fetched(i32) -> i32, f64 async {
block0(v0: i32):
    v1, v2 = call %fetch(v0)
    return v1, v2
}
"#;

fn host_imports<'a>() -> Imports<'a> {
    Imports::new()
        .function("host", "double", |args| match args {
            [Val::I64(13)] => Err(String::from("unlucky")),
            [Val::I64(14)] => Ok(vec![Val::I32(28)]),
            [Val::I64(number)] => Ok(vec![Val::I64(number * 2)]),
            other => Err(format!("{other:?}")),
        })
        .function_with_context("host", "greet", |context, args| {
            let &[Val::I64(at), Val::I64(len)] = args else {
                return Err(format!("{args:?}"));
            };
            let memory = context.memory("heap").ok_or("no memory")?;
            let mut text = vec![0; len as usize];
            memory
                .read(at as u64, &mut text)
                .map_err(|trap| trap.to_string())?;
            text.make_ascii_uppercase();
            memory
                .write(at as u64, &text)
                .map_err(|trap| trap.to_string())?;
            Ok(Vec::new())
        })
        .function("host", "fetch", |args| Ok(vec![args[0], Val::f64(0.5)]))
}

#[test]
fn host_functions_get_arguments_and_memories() {
    let module = module(HOST);
    let options = Options {
        record_host_calls: true,
        ..Options::default()
    };
    let mut instance = Instance::new(&module, host_imports(), options).unwrap();
    assert_eq!(
        instance.call("run", &[Val::I64(21)]),
        Ok(vec![Val::I64(42)])
    );
    let mut text = [0; 5];
    instance
        .memory("memory")
        .unwrap()
        .read(8, &mut text)
        .unwrap();
    assert_eq!(&text, b"HELLO");
    assert_eq!(instance.global("calls"), Some(Val::I32(-2)));
    assert_eq!(instance.globals(), [Val::I32(-2)]);
    instance.set_global("calls", Val::I32(7)).unwrap();
    assert_eq!(instance.global("calls"), Some(Val::I32(7)));
    assert!(instance.set_global("calls", Val::I64(7)).is_err());
    let fetched = instance.call("fetched", &[Val::I32(-1)]);
    assert_eq!(fetched, Ok(vec![Val::I32(-1), Val::f64(0.5)]));
    let call = |name: &str, args: &[Val], results: &[Val]| HostCall {
        namespace: String::from("host"),
        name: String::from(name),
        args: args.to_vec(),
        results: Ok(results.to_vec()),
    };
    let calls = [
        call("double", &[Val::I64(21)], &[Val::I64(42)]),
        call("greet", &[Val::I64(8), Val::I64(5)], &[]),
        call("fetch", &[Val::I32(-1)], &[Val::I32(-1), Val::f64(0.5)]),
    ];
    assert_eq!(instance.host_calls(), calls);
}

#[test]
fn an_error_of_the_host_is_an_exception_with_its_message() {
    let module = module(HOST);
    let mut instance = Instance::new(&module, host_imports(), Options::default()).unwrap();
    let error = instance.call("run", &[Val::I64(13)]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "exception -2, null thrown in %main: `v1 = call %double(v0)`: unlucky"
    );
    let error = instance.call("run", &[Val::I64(14)]).unwrap_err();
    assert!(
        error.to_string().contains("other types than (i64) -> i64"),
        "{error}"
    );
}

#[test]
fn an_instance_needs_what_its_module_imports() {
    let module = module(HOST);
    let error = Instance::new(&module, Imports::new(), Options::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "nothing is offered for import \"host\" \"double\""
    );
    let wrong = r#"import %yield = "enjamb" "yield" (i64) async"#;
    let wrong = parse_module(wrong).unwrap();
    let error = Instance::new(&wrong, Imports::new(), Options::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "import \"enjamb\" \"yield\" has signature () async, not (i64) async"
    );
}

#[test]
fn addresses_reach_the_slots_of_callers() {
    let text = "
module trusted
function %store(addr, i64) {
block0(v0: addr, v1: i64):
    store addr[v0+8], v1
    return
}
function %main(i64) -> i64 {
    ss0 = slot 16 align 8
block0(v0: i64):
    v1 = stack_addr ss0[0]
    call %store(v1, v0)
    v2 = load.i64 ss0[8]
    v3 = iconst.i64 8
    v4 = addr_add v1, v3
    v5 = load.i64 addr[v4]
    v6 = iadd v2, v5
    return v6
}
function %past(i64) -> i64 {
    ss0 = slot 16 align 8
block0(v0: i64):
    v1 = load.i64 ss0[v0+1]
    return v1
}
function %raw(i64) -> i64 {
block0(v0: i64):
    v1 = load.i64 raw[v0]
    return v1
}";
    let module = module(text);
    let mut instance = instance(&module, Options::default());
    assert_eq!(instance.call("main", &[Val::I64(4)]), Ok(vec![Val::I64(8)]));
    assert_eq!(instance.call("past", &[Val::I64(7)]), Ok(vec![Val::I64(0)]));
    for index in [8, -1, i64::MIN, i64::MAX] {
        let error = instance.call("past", &[Val::I64(index)]).unwrap_err();
        assert_eq!(error.trap_code(), Some(TrapCode::MemoryOutOfBounds));
    }
    let error = instance.call("raw", &[Val::I64(0)]).unwrap_err();
    assert_eq!(error.trap_code(), Some(TrapCode::RawAccess));
}

#[test]
fn block_arguments_are_passed_all_at_once() {
    let text = "
function %swapped(i64, i64, i64) -> i64, i64 {
block0(v0: i64, v1: i64, v2: i64):
    jump block1(v0, v1, v2)
block1(v3: i64, v4: i64, v5: i64):
    v6 = iconst.i64 1
    v7 = isub v5, v6
    brif v5, block1(v4, v3, v7), block2
block2:
    return v3, v4
}";
    let module = module(text);
    let mut instance = instance(&module, Options::default());
    for rounds in 0..4 {
        let results = instance.call("swapped", &[Val::I64(1), Val::I64(2), Val::I64(rounds)]);
        let expected = if rounds % 2 == 0 { [1, 2] } else { [2, 1] };
        assert_eq!(results, Ok(expected.map(Val::I64).to_vec()));
    }
}

#[test]
fn indirect_calls_check_null_and_signature() {
    let text = "
table %operators [%double, null, %later]
function %double(i64) -> i64 {
block0(v0: i64):
    v1 = iadd v0, v0
    return v1
}
function %later(i64) -> i64 async {
block0(v0: i64):
    return v0
}
function %main(i64) -> i64 {
    sig0 = (i64) -> i64
block0(v0: i64):
    v1 = table_get %operators, v0
    v2 = call_indirect sig0, v1(v0)
    return v2
}";
    let module = module(text);
    let mut instance = instance(&module, Options::default());
    let mut run = |entry| {
        instance
            .call("main", &[Val::I64(entry)])
            .map_err(|e| e.trap_code())
    };
    assert_eq!(run(0), Ok(vec![Val::I64(0)]));
    assert_eq!(run(1), Err(Some(TrapCode::NullReference)));
    assert_eq!(run(2), Err(Some(TrapCode::SignatureMismatch)));
    assert_eq!(run(3), Err(Some(TrapCode::TableOutOfBounds)));
    assert_eq!(run(-1), Err(Some(TrapCode::TableOutOfBounds)));
}

#[test]
fn schedules_change_the_counts_and_not_the_results() {
    let module = module(SUM);
    for schedule in [Schedule::Never, Schedule::Always, Schedule::Random(3)] {
        let options = Options {
            schedule,
            ..Options::default()
        };
        let mut instance = instance(&module, options);
        assert_eq!(instance.call("sum", &[Val::I64(4)]), Ok(vec![Val::I64(10)]));
        let suspended = instance.stats().suspensions * 5;
        assert_eq!(instance.stats().frames_suspended, suspended, "{schedule}");
    }
}
