//! Attempts to kill the process: everything that ends a program, in every position in which it can.
//! Whatever it is, the call ends with an error that says what and where, and the instance, its other
//! tasks and the engine go on.

use enjamb::{Allocator, Clock, Config, Engine, Error, Exception, Execution};
use enjamb::{Imports, Instance, Module, Schedule, TrapCode, Val};
use std::fmt::Write;

/// How a call ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Trap(TrapCode),
    Exception(i64),
}

/// A way to end: the body of a function `(i64) -> i64`, which is sync or, marked so, async.
struct Kind {
    name: &'static str,
    is_async: bool,
    body: &'static str,
    end: End,
}

const fn kind(name: &'static str, body: &'static str, end: End) -> Kind {
    Kind {
        name,
        is_async: false,
        body,
        end,
    }
}

const fn in_async(name: &'static str, body: &'static str, end: End) -> Kind {
    Kind {
        is_async: true,
        ..kind(name, body, end)
    }
}

const KINDS: &[Kind] = &[
    kind(
        "division",
        "v1 = iconst.i64 0\n v2 = sdiv v0, v1\n return v2",
        End::Trap(TrapCode::DivisionByZero),
    ),
    kind(
        "remainder",
        "v1 = iconst.i64 0\n v2 = urem v0, v1\n return v2",
        End::Trap(TrapCode::DivisionByZero),
    ),
    kind(
        "quotient",
        "v1 = iconst.i64 -1\n v2 = iconst.i64 -9223372036854775808\n v3 = sdiv v2, v1\n return v3",
        End::Trap(TrapCode::IntegerOverflow),
    ),
    kind(
        "conversion",
        "v1 = fconst.f64 1e300\n v2 = fcvt_to_sint.i64 v1\n return v2",
        End::Trap(TrapCode::InvalidConversion),
    ),
    kind(
        "load",
        "v1 = iconst.i64 65536\n v2 = load.i64 %heap[v1]\n return v2",
        End::Trap(TrapCode::MemoryOutOfBounds),
    ),
    kind(
        "store",
        "v1 = iconst.i64 -1\n store %heap[v1], v0\n return v0",
        End::Trap(TrapCode::MemoryOutOfBounds),
    ),
    kind(
        "fill",
        "v1 = iconst.i64 65530\n v2 = iconst.i8 1\n memory_fill %heap, v1, v2, v1\n return v0",
        End::Trap(TrapCode::MemoryOutOfBounds),
    ),
    kind(
        "table",
        "v1 = iconst.i64 9\n v2 = table_get %functions, v1\n return v0",
        End::Trap(TrapCode::TableOutOfBounds),
    ),
    kind(
        "null",
        "v1 = iconst.i64 1\n v2 = table_get %functions, v1\n v3 = call_indirect sig0, v2(v0)\n return v3",
        End::Trap(TrapCode::NullReference),
    ),
    kind(
        "mismatch",
        "v1 = iconst.i64 0\n v2 = table_get %functions, v1\n v3 = call_indirect sig0, v2(v0)\n return v3",
        End::Trap(TrapCode::SignatureMismatch),
    ),
    kind(
        "unreachable",
        "unreachable",
        End::Trap(TrapCode::Unreachable),
    ),
    kind("user", "trap user", End::Trap(TrapCode::User)),
    kind(
        "recursion",
        "v1 = call %recursion(v0)\n v2 = iadd v1, v0\n return v2",
        End::Trap(TrapCode::StackOverflow),
    ),
    kind(
        "throw",
        "v1 = null.ref\n v2 = iconst.i64 77\n throw v2, v1",
        End::Exception(77),
    ),
    kind(
        "host_error",
        "v1 = call %fails(v0)\n return v1",
        End::Exception(Exception::HOST_ERROR),
    ),
    kind(
        "host_panic",
        "v1 = call %panics(v0)\n return v1",
        End::Exception(Exception::HOST_PANIC),
    ),
    in_async(
        "async_recursion",
        "v1 = call %async_recursion(v0)\n v2 = iadd v1, v0\n return v2",
        End::Trap(TrapCode::StackOverflow),
    ),
    in_async(
        "throw_later",
        "call %yield()\n v1 = null.ref\n v2 = iconst.i64 78\n throw v2, v1",
        End::Exception(78),
    ),
    in_async(
        "async_host_error",
        "v1 = call %fails_async(v0)\n v2 = iadd v1, v0\n return v2",
        End::Exception(Exception::HOST_ERROR),
    ),
    in_async(
        "async_host_panic",
        "v1 = call %panics_async(v0)\n v2 = iadd v1, v0\n return v2",
        End::Exception(Exception::HOST_PANIC),
    ),
    in_async(
        "joined_twice",
        "v1 = spawn %sleeper(v0)\n v2 = join sig0, v1\n v3 = join sig0, v1\n return v3",
        End::Trap(TrapCode::InvalidTask),
    ),
    in_async(
        "joined_as_another",
        "v1 = spawn %sleeper(v0)\n join sig1, v1\n return v0",
        End::Trap(TrapCode::TaskTypeMismatch),
    ),
];

const COMMON: &str = "
import %yield = \"enjamb\" \"yield\" () async
import %fails = \"host\" \"fails\" (i64) -> i64
import %panics = \"host\" \"panics\" (i64) -> i64
import %fails_async = \"host\" \"fails\" (i64) -> i64 async
import %panics_async = \"host\" \"panics\" (i64) -> i64 async
memory %heap 1..1
table %functions [%other, null]
global %awake: i64 = 0
function %other() {
block0:
    return
}
function %sleeper(i64) -> i64 async {
block0(v0: i64):
    call %yield()
    call %yield()
    call %yield()
    v1 = global_get.i64 %awake
    v2 = iadd v1, v0
    global_set %awake, v2
    return v0
}
";

/// The positions: each is a function `%POSITION_KIND(i64) -> i64`; `CALL` is the call of the kind.
/// Whether it is one for sync kinds in sync functions too, and whether a handler takes exceptions.
const POSITIONS: &[(&str, bool, bool, &str)] = &[
    (
        "plain",
        true,
        false,
        "v1 = call %KIND(v0)\n v2 = iadd v1, v0\n return v2",
    ),
    (
        "guarded",
        true,
        true,
        "v1, v2, v3 = try_call %KIND(v0), block1(v1), unwind block1(v2)\nblock1(v4: i64):\n return v4",
    ),
    (
        "before",
        false,
        false,
        "v1 = call %KIND(v0)\n call %yield()\n return v1",
    ),
    (
        "after",
        false,
        false,
        "call %yield()\n v1 = call %KIND(v0)\n call %yield()\n return v1",
    ),
    (
        "deep",
        false,
        false,
        "v1 = iconst.i64 1\n v2 = isub v0, v1\n brif v2, block1, block2\nblock1:\n v3 = call %deep_KIND(v2)\n v4 = iadd v3, v1\n return v4\nblock2:\n v5 = call %after_KIND(v0)\n v6 = iadd v5, v1\n return v6",
    ),
    (
        "joined",
        false,
        false,
        "v1 = spawn %after_KIND(v0)\n v2 = join sig0, v1\n return v2",
    ),
    (
        "waiting",
        false,
        true,
        "v1, v2, v3 = try_call %deep_KIND(v0), block1(v1), unwind block2(v2)\nblock1(v4: i64):\n return v4\nblock2(v5: i64):\n call %yield()\n return v5",
    ),
    // Nobody hears of the task that fails; the other one is not touched.
    (
        "beside",
        false,
        false,
        "v1 = spawn %after_KIND(v0)\n detach v1\n v2 = spawn %sleeper(v0)\n v3 = join sig0, v2\n v4 = call %KIND(v0)\n return v4",
    ),
];

fn program() -> String {
    let mut text = COMMON.to_string();
    let signatures = "    sig0 = (i64) -> i64\n    sig1 = ()\n";
    // Joins name results alone.
    let joins = "    sig0 = () -> i64\n    sig1 = ()\n";
    for kind in KINDS {
        let mark = if kind.is_async { " async" } else { "" };
        let signatures = if kind.is_async { joins } else { signatures };
        let (name, body) = (kind.name, kind.body);
        let _ = writeln!(
            text,
            "function %{name}(i64) -> i64{mark} {{\n{signatures}block0(v0: i64):\n {body}\n}}"
        );
        for (position, in_sync, _, body) in POSITIONS {
            let body = body.replace("KIND", name);
            let mark = if *in_sync && !kind.is_async {
                ""
            } else {
                " async"
            };
            let _ = writeln!(
                text,
                "function %{position}_{name}(i64) -> i64{mark} {{\n{joins}block0(v0: i64):\n {body}\n}}"
            );
        }
    }
    text
}

/// What the host function says that panics.
const PANIC: &str = "as it should";

fn imports() -> Imports {
    let mut imports = Imports::new();
    imports
        .func("host", "fails", |value: i64| {
            if value > i64::MIN {
                Err("no such thing")
            } else {
                Ok(value)
            }
        })
        .func("host", "panics", |value: i64| {
            assert!(value == i64::MIN, "{PANIC}");
            value
        });
    imports
}

fn engines() -> Vec<Engine> {
    let config = Config::new().clock(Clock::Virtual).stack_size(512 << 10);
    let jit = config.clone().execution(Execution::Jit);
    let configs = [
        jit.clone(),
        jit.allocator(Allocator::SinglePass),
        config.execution(Execution::Interpreter),
    ];
    let schedules = [Schedule::Natural, Schedule::Never];
    let all = configs
        .iter()
        .flat_map(|config| schedules.map(|schedule| config.clone().schedule(schedule)));
    all.map(|config| Engine::new(config).unwrap()).collect()
}

#[test]
fn nothing_kills() {
    // Nobody wants to read hundreds of these.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !panic.to_string().contains(PANIC) {
            hook(panic);
        }
    }));
    let text = program();
    for engine in engines() {
        let module = Module::from_text(&engine, &text);
        let module =
            module.unwrap_or_else(|error| panic!("{}", error.render("killing", &text, false)));
        let instance = Instance::new(&module, &imports()).unwrap();
        for kind in KINDS {
            for &(position, _, handles, _) in POSITIONS {
                let name = format!("{position}_{}", kind.name);
                let result = instance.call(&name, &[Val::I64(3)]);
                check(&name, kind.end, handles, result);
                let fine = instance.call("sleeper", &[Val::I64(5)]);
                assert_eq!(fine.unwrap(), [Val::I64(5)], "after {name}");
            }
        }
        let awake = instance.global("awake").unwrap().get().unwrap();
        assert!(matches!(awake, Val::I64(sum) if sum > 0));
    }
}

fn check(name: &str, end: End, handles: bool, result: Result<Vec<Val>, Error>) {
    match (end, result) {
        (End::Exception(tag), Ok(results)) => {
            assert!(handles, "{name}: {results:?}");
            assert_eq!(results, [Val::I64(tag)], "{name}");
        }
        (End::Exception(tag), Err(Error::Exception(thrown))) => {
            assert!(!handles && thrown.exception.tag == tag, "{name}: {thrown}");
            assert!(thrown.location.is_some(), "{name}: {thrown}");
        }
        (End::Trap(code), Err(Error::Trap(trap))) => {
            assert_eq!(trap.code, code, "{name}");
            assert!(trap.location.is_some(), "{name}: {trap}");
            assert!(!trap.trace.frames.is_empty(), "{name}: {trap}");
        }
        (end, other) => panic!("{name}: {end:?}, not {other:?}"),
    }
}
