//! Both engines through the one interface: calls, imports, memories, globals.

use enjamb_engine::{
    Caller, Config, Engine, Error, Exception, Execution, Imports, Instance, Module, Schedule,
    Signature, Trace, TraceLimits, TrapCode, Type, Val, check_text,
};
use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

/// Runs a test with an engine of each kind.
fn with_each_engine(test: impl Fn(&Engine)) {
    for execution in [Execution::Interpreter, Execution::Jit] {
        match Engine::new(Config::new().execution(execution).count(true)) {
            Ok(engine) => test(&engine),
            Err(Error::UnsupportedHost(_)) => assert_eq!(execution, Execution::Jit),
            Err(error) => panic!("{error}"),
        }
    }
}

fn instance(engine: &Engine, text: &str, imports: &Imports) -> Instance {
    let module = Module::from_text(engine, text).unwrap_or_else(|error| panic!("{error}"));
    Instance::new(&module, imports).unwrap_or_else(|error| panic!("{error}"))
}

const ARITHMETIC: &str = "
function %mix(i8, i16, i32, i64, f32, f64) -> f64, f32, i64, i32, i16, i8 {
block0(v0: i8, v1: i16, v2: i32, v3: i64, v4: f32, v5: f64):
    return v5, v4, v3, v2, v1, v0
}
function %divide(i64, i64) -> i64 {
block0(v0: i64, v1: i64):
    v2 = sdiv v0, v1
    return v2
}";

#[test]
fn typed_functions_pass_every_type_both_ways() {
    with_each_engine(|engine| {
        let instance = instance(engine, ARITHMETIC, &Imports::new());
        type Parameters = (i8, u16, i32, u64, f32, f64);
        type Results = (f64, f32, i64, u32, i16, u8);
        let mix = instance.func::<Parameters, Results>("mix").unwrap();
        let results = mix
            .call((-1, 0xffff, -2, u64::MAX, -0.5, f64::INFINITY))
            .unwrap();
        assert_eq!(results, (f64::INFINITY, -0.5, -1, u32::MAX - 1, -1, 255));
    });
}

#[test]
fn signatures_are_checked_before_anything_runs() {
    with_each_engine(|engine| {
        let instance = instance(engine, ARITHMETIC, &Imports::new());
        let error = instance.func::<(i64,), i64>("divide").unwrap_err();
        let expected = "function `divide` has signature (i64, i64) -> i64, but it is asked for as \
                        (i64) -> i64";
        assert_eq!(error.to_string(), expected);
        let error = instance.func::<(), ()>("nothing").unwrap_err();
        assert_eq!(error.to_string(), "the module has no function `nothing`");
        let error = instance.call("divide", &[Val::I64(1)]).unwrap_err();
        assert!(error.to_string().ends_with("but got 1 argument"), "{error}");
        let error = instance
            .call("divide", &[Val::I64(1), Val::I32(1)])
            .unwrap_err();
        assert!(
            error.to_string().ends_with("but argument 2 is of type i32"),
            "{error}"
        );
        assert!(matches!(error, Error::BadCall { .. }));
    });
}

#[test]
fn an_instance_goes_on_after_a_trap() {
    with_each_engine(|engine| {
        let instance = instance(engine, ARITHMETIC, &Imports::new());
        let divide = instance.func::<(i64, i64), i64>("divide").unwrap();
        let error = divide.call((1, 0)).unwrap_err();
        assert_eq!(error.trap_code(), Some(TrapCode::DivisionByZero));
        let shown = error.to_string();
        assert_eq!(
            shown,
            "trap division_by_zero in %divide: `v2 = sdiv v0, v1`"
        );
        let error = divide.call((i64::MIN, -1)).unwrap_err();
        assert_eq!(error.trap_code(), Some(TrapCode::IntegerOverflow));
        assert_eq!(divide.call((84, 2)).unwrap(), 42);
    });
}

const HOST: &str = r#"
file0 = "checks.lang"
import %add = "host" "add" (i64, i32) -> i64
import %check = "host" "check" (i64) -> i8
import %later = "host" "later" (i64) -> i64 async
import %pair = "host" "pair" () -> f64, i16
function %sum(i64, i32) -> i64 {
block0(v0: i64, v1: i32):
    v2 = call %add(v0, v1)
    return v2
}
function %checked(i64) -> i8 {
block0(v0: i64):
    v1 = call %check(v0) @ file0:3:7
    return v1
}
function %both(i64) -> f64, i16, i64 async {
block0(v0: i64):
    v1, v2 = call %pair()
    v3 = call %later(v0)
    return v1, v2, v3
}
"#;

fn host() -> Imports {
    let mut imports = Imports::new();
    imports
        .func("host", "add", |a: i64, b: i32| a + i64::from(b))
        .func("host", "check", |a: u64| {
            if a < 10 { Ok(a == 3) } else { Err("too large") }
        })
        .func("host", "later", |a: i64| a * 2)
        .func_untyped(
            "host",
            "pair",
            Signature::sync(&[], &[Type::F64, Type::I16]),
            |_, _| Ok(vec![Val::f64(0.5), Val::I16(-7)]),
        );
    imports
}

#[test]
fn closures_are_called_and_their_errors_are_exceptions() {
    with_each_engine(|engine| {
        let instance = instance(engine, HOST, &host());
        assert_eq!(
            instance
                .func::<(i64, i32), i64>("sum")
                .unwrap()
                .call((5, -7))
                .unwrap(),
            -2
        );
        let checked = instance.func::<(u64,), bool>("checked").unwrap();
        assert!(checked.call((3,)).unwrap() && !checked.call((4,)).unwrap());
        let Error::Exception(thrown) = checked.call((10,)).unwrap_err() else {
            panic!("the host's error is an exception");
        };
        assert_eq!(
            (thrown.exception.tag, thrown.message.as_deref()),
            (Exception::HOST_ERROR, Some("too large"))
        );
        let location = thrown.location.unwrap();
        assert_eq!(location.function, "checked");
        assert_eq!(location.position, Some(("checks.lang".to_string(), 3, 7)));

        let both = instance.func::<i64, (f64, i16, i64)>("both").unwrap();
        assert_eq!(both.block_on(21).unwrap(), (0.5, -7, 42));
        let error = both.call(21).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("but it was called without `block_on`"),
            "{error}"
        );
    });
}

#[test]
fn imports_must_be_there_and_fit() {
    with_each_engine(|engine| {
        let module = Module::from_text(engine, HOST).unwrap();
        let error = |imports: &Imports| Instance::new(&module, imports).unwrap_err().to_string();
        let shown = error(&Imports::new());
        assert_eq!(
            shown,
            "unknown import \"host\" \"add\" of signature (i64, i32) -> i64"
        );
        let mut imports = host();
        imports.func("host", "check", |a: i32| a == 0);
        let expected = "import \"host\" \"check\" has signature (i64) -> i8, but what is given has \
                        (i32) -> i8";
        assert_eq!(error(&imports), expected);

        let text = "import %f = \"enjamb\" \"yield\" (i64) async";
        let module = Module::from_text(engine, text).unwrap();
        let error = Instance::new(&module, &Imports::new())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("\"enjamb\" \"yield\" has signature (i64) async"),
            "{error}"
        );
    });
}

const COUNTERS: &str = r#"
import %yield = "enjamb" "yield" () async
import %look = "host" "look" () -> i64
memory %cells 1..2
data %name = %cells[100] "enjamb"
global %turns: i64 = 5
export "heap" = %cells

function %main(i64) -> i64 async {
    sig0 = ()
block0(v0: i64):
    v1 = iconst.i64 8
    v2 = spawn %count(v1)
    v3 = spawn %count(v0)
    v4 = call %look()
    join sig0, v2
    join sig0, v3
    return v4
}
function %count(i64) async {
block0(v0: i64):
    store %cells[v0], v0
    call %yield()
    v1 = global_get.i64 %turns
    v2 = iconst.i64 1
    v3 = iadd v1, v2
    global_set %turns, v3
    return
}
"#;

#[test]
fn memories_and_globals_are_reached_while_tasks_are_suspended() {
    with_each_engine(|engine| {
        let mut imports = Imports::new();
        imports.func(
            "host",
            "look",
            |caller: &Caller<'_>| -> Result<u64, Error> {
                let cells = caller.memory("heap")?;
                let mut bytes = [0; 8];
                cells.read(8, &mut bytes)?;
                let turns = caller.global("turns")?;
                assert_eq!(turns.get()?, Val::I64(5), "both tasks wait");
                turns.set(Val::I64(10))?;
                cells.write(200, b"seen")?;
                assert_eq!(cells.grow(1)?, 1);
                let error = cells.read(cells.size()? - 1, &mut [0; 2]).unwrap_err();
                assert!(
                    matches!(error, Error::OutOfBounds { size: 131_072, .. }),
                    "{error}"
                );
                Ok(u64::from_le_bytes(bytes))
            },
        );
        let instance = instance(engine, COUNTERS, &imports);
        let main = instance.func::<(i64,), i64>("main").unwrap();
        assert_eq!(main.block_on((16,)).unwrap(), 8);

        assert_eq!(
            instance.global("turns").unwrap().get().unwrap(),
            Val::I64(12)
        );
        let heap = instance.memory("heap").unwrap();
        let (mut name, mut seen) = ([0; 6], [0; 4]);
        heap.read(100, &mut name).unwrap();
        heap.read(200, &mut seen).unwrap();
        assert_eq!((&name, &seen), (b"enjamb", b"seen"));
        assert_eq!(heap.size().unwrap(), 131_072);
        let error = heap.grow(1).unwrap_err().to_string();
        assert_eq!(
            error,
            "65536 bytes at 131072 are not inside memory `cells` of 131072 bytes"
        );
        let error = heap.write(u64::MAX, b"x").unwrap_err();
        assert!(matches!(error, Error::OutOfBounds { .. }));
        let error = instance
            .global("turns")
            .unwrap()
            .set(Val::I32(1))
            .unwrap_err();
        assert!(matches!(error, Error::WrongType(_)), "{error}");
    });
}

const EXPORTER: &str = r#"
import %test = "enjamb" "test" (i64) -> i64 async
global %calls: i64 = 0
export "next" = %next
export "wait" = %wait
export "fail" = %fail
export "throw" = %throw
function %next() -> i64 {
block0:
    v0 = global_get.i64 %calls
    v1 = iconst.i64 1
    v2 = iadd v0, v1
    global_set %calls, v2
    return v2
}
function %wait(i64) -> i64 async {
block0(v0: i64):
    v1 = call %test(v0)
    v2 = call %next()
    v3 = iadd v1, v2
    return v3
}
function %fail() async {
block0:
    trap user
}
function %throw() {
block0:
    v0 = iconst.i64 7
    v1 = null.ref
    throw v0, v1
}
"#;

const IMPORTER: &str = r#"
import %throw = "counter" "throw" ()
import %next = "counter" "next" () -> i64
import %wait = "counter" "wait" (i64) -> i64 async
import %fail = "counter" "fail" () async
function %main(i64) -> i64, i64 async {
block0(v0: i64):
    v1 = call %wait(v0)
    v2 = call %next()
    return v1, v2
}
function %failing() async {
block0:
    call %fail()
    return
}
function %throwing() {
block0:
    call %throw()
    return
}
"#;

#[test]
fn exports_of_an_instance_serve_imports_of_another_one() {
    with_each_engine(|engine| {
        let counter = instance(engine, EXPORTER, &Imports::new());
        let mut imports = Imports::new();
        imports.instance("counter", &counter);
        let importer = instance(engine, IMPORTER, &imports);
        let main = importer.func::<(i64,), (i64, i64)>("main").unwrap();
        assert_eq!(main.block_on((101,)).unwrap(), (102, 2));
        assert_eq!(main.block_on((100,)).unwrap(), (103, 4));
        assert_eq!(
            counter.stats().unwrap().suspensions,
            1,
            "for the odd number"
        );
        assert_eq!(counter.global("calls").unwrap().get().unwrap(), Val::I64(4));

        let error = importer.call("failing", &[]).unwrap_err();
        assert!(error.to_string().contains("trap user in %fail"), "{error}");
        let error = importer.call("throwing", &[]).unwrap_err();
        assert_eq!(error.exception().unwrap().exception.tag, 7);

        // A sync import cannot be served by an async function.
        let text = "import %wait = \"counter\" \"wait\" (i64) -> i64";
        let module = Module::from_text(engine, text).unwrap();
        assert!(matches!(
            Instance::new(&module, &imports),
            Err(Error::Link(_))
        ));
    });
}

// It waits for the host first, so that who asks in the same turn finds it asleep, however late he is.
const SLEEPER: &str = r#"
import %lie_down = "test" "lie_down" () async
import %sleep = "enjamb" "sleep" (i64) async
export "nap" = %nap
function %nap(i64) -> i64 async {
block0(v0: i64):
    call %lie_down()
    call %sleep(v0)
    return v0
}
"#;

const NAPPERS: &str = r#"
import %nap = "sleeper" "nap" (i64) -> i64 async
function %main(i64) -> i64, i8 async {
    sig0 = () -> i64
block0(v0: i64):
    v1 = spawn %nap_twice(v0)
    v2 = spawn %nap(v0)
    v3 = is_done v2
    v4 = join sig0, v1
    v5 = join sig0, v2
    v6 = iadd v4, v5
    return v6, v3
}
function %nap_twice(i64) -> i64 async {
block0(v0: i64):
    v1 = call %nap(v0)
    v2 = call %nap(v1)
    v3 = iadd v1, v2
    return v3
}
function %leaves(i64) async {
block0(v0: i64):
    v1 = spawn %nap(v0)
    detach v1
    return
}
"#;

/// Is ready when it is polled again, for which it asks at once.
async fn pending_once() {
    let mut polled = false;
    let answer = |context: &mut Context<'_>| {
        if polled {
            return Poll::Ready(());
        }
        polled = true;
        context.waker().wake_by_ref();
        Poll::Pending
    };
    poll_fn(answer).await;
}

#[test]
fn a_task_waits_for_another_instance_while_others_run() {
    with_each_engine(|engine| {
        let mut imports = Imports::new();
        imports.async_func("test", "lie_down", pending_once);
        let sleeper = instance(engine, SLEEPER, &imports);
        let mut imports = Imports::new();
        imports.instance("sleeper", &sleeper);
        let nappers = instance(engine, NAPPERS, &imports);
        let main = nappers.func::<(i64,), (i64, bool)>("main").unwrap();
        // The interpreter runs the other instance to the end at once.
        let at_once = engine.config().execution == Execution::Interpreter;
        assert_eq!(main.block_on((5,)).unwrap(), (15, at_once));
        assert_eq!(main.block_on((0,)).unwrap().0, 0);
        // What a call leaves waits there on, and what is ended here is dropped there too.
        nappers.call("leaves", &[Val::I64(2)]).unwrap();
        let live = || sleeper.stats().unwrap().tasks_live;
        assert_eq!(live(), u64::from(!at_once));
        nappers.end_tasks().unwrap();
        assert_eq!(live(), 0);
        assert_eq!(sleeper.call("nap", &[Val::I64(1)]).unwrap(), [Val::I64(1)]);
    });
}

#[test]
fn a_host_function_cannot_call_the_instance_that_runs() {
    let slot: Arc<Mutex<Option<Instance>>> = Arc::default();
    with_each_engine(|engine| {
        let mut imports = Imports::new();
        let own = Arc::clone(&slot);
        imports.func("host", "again", move || -> Result<i64, Error> {
            let instance = own.lock().unwrap().clone();
            instance.map_or(Ok(0), |instance| instance.func::<(), i64>("main")?.call(()))
        });
        let text = "import %again = \"host\" \"again\" () -> i64
            function %main() -> i64 {
            block0:
                v0 = call %again()
                return v0
            }";
        let instance = instance(engine, text, &imports);
        let main = instance.func::<(), i64>("main").unwrap();
        assert_eq!(main.call(()).unwrap(), 0);
        *slot.lock().unwrap() = Some(instance.clone());
        let error = main.call(()).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("the instance is running a function"),
            "{error}"
        );
        *slot.lock().unwrap() = None;
        assert_eq!(main.call(()).unwrap(), 0);
    });
}

#[test]
fn instances_go_to_other_threads() {
    with_each_engine(|engine| {
        let calls = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&calls);
        let mut imports = host();
        imports.func("host", "later", move |a: i64| {
            counted.fetch_add(1, Ordering::Relaxed);
            a + 1
        });
        let instance = instance(engine, HOST, &imports);
        let both = instance.func::<i64, (f64, i16, i64)>("both").unwrap();
        let elsewhere = std::thread::spawn(move || both.block_on(1).unwrap());
        assert_eq!(elsewhere.join().unwrap(), (0.5, -7, 2));
        assert_eq!(calls.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn two_threads_wait_for_tasks_of_one_instance() {
    // Only machine code serves tasks to others while it runs its own.
    let engine = Engine::jit().unwrap();
    let served = instance(
        &engine,
        r#"
        import %yield = "enjamb" "yield" () async
        export "twice" = %twice
        function %twice(i64) -> i64 async {
        block0(v0: i64):
            call %yield()
            v1 = iadd v0, v0
            return v1
        }"#,
        &Imports::new(),
    );
    let callers = [1_i64, 2].map(|thread| {
        let mut imports = Imports::new();
        imports.instance("served", &served);
        let caller = instance(
            &engine,
            r#"
            import %twice = "served" "twice" (i64) -> i64 async
            function %main(i64) -> i64 async {
            block0(v0: i64):
                v1 = call %twice(v0)
                v2 = iadd v1, v0
                return v2
            }"#,
            &imports,
        );
        std::thread::spawn(move || {
            let main = caller.func::<(i64,), i64>("main").unwrap();
            for round in 0..500 {
                let argument = round * thread;
                assert_eq!(main.block_on((argument,)).unwrap(), 3 * argument);
            }
        })
    });
    for caller in callers {
        caller.join().unwrap();
    }
}

const LIMITED: &str = r#"
import %yield = "enjamb" "yield" () async
function %deep(i64) -> i64 async {
block0(v0: i64):
    brif v0, block1, block2
block1:
    v1 = iconst.i64 1
    v2 = isub v0, v1
    v3 = call %deep(v2)
    v4 = iadd v3, v0
    return v4
block2:
    call %yield()
    return v0
}
"#;

#[test]
fn limits_end_the_call_and_nothing_else() {
    for execution in [Execution::Interpreter, Execution::Jit] {
        let config = Config::new()
            .execution(execution)
            .memory_limit(64 << 10)
            .count(true);
        let Ok(engine) = Engine::new(config) else {
            continue;
        };
        let instance = instance(&engine, LIMITED, &Imports::new());
        let deep = instance.func::<(i64,), i64>("deep").unwrap();
        assert_eq!(deep.block_on((100,)).unwrap(), 5050);
        let error = deep.block_on((4_000,)).unwrap_err();
        assert_eq!(error.trap_code(), Some(TrapCode::OutOfMemory), "{error}");
        let error = deep.block_on((100_000_000,)).unwrap_err();
        assert_eq!(error.trap_code(), Some(TrapCode::StackOverflow), "{error}");
        assert_eq!(instance.stats().unwrap().continuations_live, 0);
        assert_eq!(deep.block_on((100,)).unwrap(), 5050);
    }
}

#[test]
fn schedules_give_the_same_results() {
    for execution in [Execution::Interpreter, Execution::Jit] {
        let schedules = [
            Schedule::Always,
            Schedule::Never,
            Schedule::Random(7),
            Schedule::Only(0),
        ];
        for schedule in schedules {
            let config = Config::new().execution(execution).schedule(schedule);
            let Ok(engine) = Engine::new(config) else {
                continue;
            };
            let instance = instance(&engine, LIMITED, &Imports::new());
            let deep = instance.func::<(i64,), i64>("deep").unwrap();
            assert_eq!(deep.block_on((10,)).unwrap(), 55, "{schedule}");
        }
    }
}

#[test]
fn what_is_wrong_with_a_module_is_told_with_its_place() {
    with_each_engine(|engine| {
        let text = "function %f() -> i64 {\nblock0:\n    return\n}\n";
        let error = Module::from_text(engine, text).unwrap_err();
        assert!(matches!(error, Error::Verify(_)));
        assert_eq!(error.diagnostics().len(), 1);
        let shown = error.render("f.enj", text, false);
        assert!(
            shown.contains("f.enj:3:5") && shown.contains("return"),
            "{shown}"
        );
        let error = Module::from_text(engine, "function %f(").unwrap_err();
        assert!(matches!(error, Error::Parse(_)), "{error}");
        let ir = enjamb_ir::parse_module(text).unwrap();
        assert!(matches!(Module::from_ir(engine, ir), Err(Error::Verify(_))));
    });
}

#[test]
fn every_error_is_told_in_the_order_of_the_text_at_its_own_line() {
    let text = "function %slot() {
    sig0 = ()
    ss0 = slot 16 align 3
block0:
    return
}
function %typo() {
block0:
    retrun
}
function %lowered() async lowered {
    layout0 = size 25 { a: i64 @ 24 }
    point0 = layout0 (addr) saves [a = v9]
block0(v0: cont):
    return
}
";
    let lines = |text: &str| {
        let error = check_text(text).unwrap_err();
        let spans = error.diagnostics().iter().map(|d| d.span.unwrap().line);
        (matches!(error, Error::Parse(_)), spans.collect::<Vec<_>>())
    };
    let (is_syntax, found) = lines(text);
    assert!(is_syntax);
    assert!(found.is_sorted(), "{found:?}");
    for line in [3, 9, 12, 13] {
        assert!(found.contains(&line), "{line} in {found:?}");
    }
    assert!(found.iter().all(|line| [3, 9, 12, 13].contains(line)));
    let (is_syntax, rest) = lines(&text.replace("retrun", "return"));
    assert!(!is_syntax);
    assert_eq!(
        rest,
        found
            .into_iter()
            .filter(|&line| line != 9)
            .collect::<Vec<_>>()
    );
}

const SLEEPERS: &str = r#"
import %yield = "enjamb" "yield" () async
import %look = "host" "look" () -> i64
function %sleeps() async {
block0:
    call %yield()
    call %yield()
    return
}
function %waits() async {
    sig0 = ()
block0:
    v0 = spawn %sleeps()
    join sig0, v0
    return
}
function %main() -> i64 async {
block0:
    v0 = spawn %waits()
    detach v0
    v1 = call %look()
    v2 = iadd v1, v1
    return v2
}
"#;

#[test]
fn a_host_function_sees_where_tasks_wait() {
    with_each_engine(|engine| {
        let mut imports = Imports::new();
        imports.func("host", "look", |caller: &Caller<'_>| {
            let stacks = caller.suspended_stacks(TraceLimits::FULL);
            let functions = |trace: &Trace| -> Vec<String> {
                let frames = trace.frames.iter();
                frames.map(|frame| frame.function.clone()).collect()
            };
            let mut stacks: Vec<Vec<String>> = stacks.iter().map(functions).collect();
            stacks.sort();
            assert_eq!(stacks, [vec!["sleeps", "waits"], vec!["waits"]]);
            stacks.len() as i64
        });
        let main = instance(engine, SLEEPERS, &imports);
        let results = main.call("main", &[]).unwrap();
        assert_eq!(results, [Val::I64(4)]);
    });
}
