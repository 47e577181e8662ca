//! Tasks: in which order they run, how they end, and what joining them gives.

use enjamb_interp::{Clock, Error, Imports, Instance, Options, Schedule, Val};
use enjamb_ir::{TrapCode, parse_module, verify_module};
use std::cell::RefCell;

/// Runs `main` of a module that reports numbers to the host.
fn run(body: &str, options: Options) -> (Result<Vec<Val>, Error>, Vec<i64>) {
    let text = format!(
        "import %yield = \"enjamb\" \"yield\" () async
         import %sleep = \"enjamb\" \"sleep\" (i64) async
         import %test = \"enjamb\" \"test\" (i64) -> i64 async
         import %report = \"host\" \"report\" (i64)
         {body}"
    );
    let module = parse_module(&text).unwrap_or_else(|errors| panic!("{errors}"));
    verify_module(&module).unwrap_or_else(|errors| panic!("{errors}"));
    let reported = RefCell::new(Vec::new());
    let imports = Imports::new().function("host", "report", |args| match args {
        [Val::I64(number)] => {
            reported.borrow_mut().push(*number);
            Ok(Vec::new())
        }
        other => Err(format!("report of {other:?}")),
    });
    let result = {
        let mut instance = Instance::new(&module, imports, options).expect("an instance");
        instance.call("main", &[])
    };
    (result, reported.into_inner())
}

fn trap(result: Result<Vec<Val>, Error>) -> Option<TrapCode> {
    result.expect_err("a trap").trap_code()
}

const COUNTERS: &str = "
function %count(i64) async {
block0(v0: i64):
    v1 = iconst.i64 10
    v2 = iadd v0, v1
    v3 = iadd v2, v1
    call %report(v0)
    call %yield()
    call %report(v2)
    call %yield()
    call %report(v3)
    return
}
function %main() async {
    sig0 = ()
block0:
    v0 = iconst.i64 1
    v1 = iconst.i64 2
    v2 = spawn %count(v0)
    v3 = spawn %count(v1)
    v4 = iconst.i64 0
    call %report(v4)
    join sig0, v3
    join sig0, v2
    return
}";

#[test]
fn tasks_start_at_once_and_take_turns() {
    let (result, order) = run(COUNTERS, Options::default());
    assert_eq!(result, Ok(Vec::new()));
    assert_eq!(order, [1, 2, 0, 11, 12, 21, 22]);
    let schedule = Schedule::Never;
    let (_, order) = run(
        COUNTERS,
        Options {
            schedule,
            ..Options::default()
        },
    );
    assert_eq!(order, [1, 11, 21, 2, 12, 22, 0]);
}

#[test]
fn only_one_leaf_call_suspends() {
    let schedule = Schedule::Only(2);
    let (_, order) = run(
        COUNTERS,
        Options {
            schedule,
            ..Options::default()
        },
    );
    // Calls 0 and 1 are those of the first task; call 2 is the first of the second one.
    assert_eq!(order, [1, 11, 21, 2, 0, 12, 22]);
}

#[test]
fn the_test_leaf_suspends_for_odd_arguments_and_gives_them_back() {
    let body = "
function %odd(i64) async {
block0(v0: i64):
    v1 = call %test(v0)
    call %report(v1)
    return
}
function %main() async {
    sig0 = ()
block0:
    v0 = iconst.i64 5
    v1 = iconst.i64 6
    v2 = spawn %odd(v0)
    v3 = spawn %odd(v1)
    join sig0, v2
    return
}";
    assert_eq!(run(body, Options::default()).1, [6, 5]);
}

const SLEEPERS: &str = "
function %after(i64) async {
block0(v0: i64):
    call %sleep(v0)
    call %report(v0)
    return
}
function %main() async {
    sig0 = ()
block0:
    v0 = iconst.i64 3000000
    v1 = iconst.i64 1000000
    v2 = iconst.i64 2000000
    v3 = iconst.i64 -7
    v4 = spawn %after(v0)
    v5 = spawn %after(v1)
    v6 = spawn %after(v2)
    v7 = spawn %after(v1)
    v8 = spawn %after(v3)
    v9 = iconst.i64 0
    call %yield()
    call %report(v9)
    call %yield()
    call %report(v9)
    join sig0, v4
    return
}";

#[test]
fn timers_fire_by_deadline_on_the_virtual_clock() {
    let (result, order) = run(SLEEPERS, Options::default());
    assert_eq!(result, Ok(Vec::new()));
    assert_eq!(
        order,
        [0, -7, 0, 1_000_000, 1_000_000, 2_000_000, 3_000_000]
    );
}

#[test]
fn the_real_clock_waits_for_the_time_to_pass() {
    let body = "
function %main() async {
block0:
    v0 = iconst.i64 2
    call %sleep(v0)
    return
}";
    let clock = Clock::Real;
    let options = Options {
        clock,
        ..Options::default()
    };
    let start = std::time::Instant::now();
    assert_eq!(run(body, options).0, Ok(Vec::new()));
    assert!(start.elapsed().as_millis() >= 2);
}

#[test]
fn tasks_that_wait_for_each_other_trap() {
    // Each of the two joins the other: the second to do so traps, and the first with it. The root, which asks
    // for neither, goes on.
    let body = "
global %first: task = null
global %second: task = null
function %waits_for_second() async {
    sig0 = ()
block0:
    call %yield()
    v0 = global_get.task %second
    v1 = iconst.i64 1
    call %report(v1)
    join sig0, v0
    call %report(v1)
    return
}
function %waits_for_first() async {
    sig0 = ()
block0:
    call %yield()
    v0 = global_get.task %first
    v1 = iconst.i64 2
    call %report(v1)
    join sig0, v0
    call %report(v1)
    return
}
function %main() -> i8 async {
    sig0 = ()
block0:
    v0 = spawn %waits_for_second()
    v1 = spawn %waits_for_first()
    global_set %first, v0
    global_set %second, v1
    call %yield()
    call %yield()
    v2 = same_ref v0, v1
    return v2
}";
    let (result, order) = run(body, Options::default());
    assert_eq!(result, Ok(vec![Val::I8(0)]));
    assert_eq!(order, [1, 2]);
    let body = body.replace(
        "v2 = same_ref v0, v1",
        "join sig0, v0\n v2 = same_ref v0, v1",
    );
    assert_eq!(
        trap(run(&body, Options::default()).0),
        Some(TrapCode::Deadlock)
    );
}

/// A module whose `main` runs `lines` after spawning `%task`, a function with these lines.
fn with_task(signature: &str, task: &str, lines: &str) -> String {
    format!(
        "function %task{signature} async {{
block0:
    {task}
}}
function %main() -> i64 async {{
    sig0 = ()
    sig1 = () -> i64
block0:
    v0 = spawn %task()
    v9 = iconst.i64 9
    {lines}
    return v9
}}"
    )
}

#[test]
fn a_trap_of_a_joined_task_is_that_of_the_joiner() {
    for wait in ["", "call %yield()\n"] {
        let task = format!("{wait}trap user");
        let (result, _) = run(&with_task("()", &task, "join sig0, v0"), Options::default());
        let Err(Error::Trap(trap)) = result else {
            panic!("a trap, not {result:?}");
        };
        assert_eq!(trap.code, TrapCode::User);
        let places: Vec<String> = trap.trace.frames.iter().map(ToString::to_string).collect();
        assert_eq!(places, ["%task: `trap user`", "%main: `join sig0, v0`"]);
    }
}

#[test]
fn a_trap_of_a_task_that_nobody_joins_ends_nothing_else() {
    let (result, _) = run(&with_task("()", "trap user", ""), Options::default());
    assert_eq!(result, Ok(vec![Val::I64(9)]));
}

#[test]
fn a_task_value_is_dead_after_its_use() {
    let yields = "call %yield()\nreturn";
    let uses = [
        "join sig0, v0\njoin sig0, v0",
        "detach v0\njoin sig0, v0",
        "detach v0\nv1 = is_done v0",
        "join sig0, v0\ndetach v0",
        "join sig0, v0\nv1 = is_done v0",
    ];
    for lines in uses {
        for task in [yields, "return"] {
            let (result, _) = run(&with_task("()", task, lines), Options::default());
            assert_eq!(trap(result), Some(TrapCode::InvalidTask), "{lines}");
        }
    }
}

#[test]
fn the_results_of_a_task_must_be_those_that_join_names() {
    let task = "v0 = iconst.i64 1\nreturn v0";
    let (result, _) = run(
        &with_task("() -> i64", task, "join sig0, v0"),
        Options::default(),
    );
    assert_eq!(trap(result), Some(TrapCode::TaskTypeMismatch));
    let lines = "v1 = join sig1, v0\nreturn v1";
    let body = with_task("() -> i64", task, lines).replacen("    return v9\n", "", 1);
    assert_eq!(run(&body, Options::default()).0, Ok(vec![Val::I64(1)]));
}

#[test]
fn is_done_tells_whether_a_task_finished() {
    let lines = "v1 = is_done v0
    v2 = sextend.i64 v1
    call %report(v2)
    call %yield()
    call %yield()
    v3 = is_done v0
    v4 = sextend.i64 v3
    call %report(v4)";
    let (_, order) = run(
        &with_task("()", "call %yield()\nreturn", lines),
        Options::default(),
    );
    assert_eq!(order, [0, 1]);
}

#[test]
fn a_leaf_can_be_a_task_of_its_own() {
    let body = "
function %main() -> i64 async {
    sig0 = () -> i64
block0:
    v0 = iconst.i64 7
    v1 = spawn %test(v0)
    v2 = join sig0, v1
    return v2
}";
    assert_eq!(run(body, Options::default()).0, Ok(vec![Val::I64(7)]));
}

#[test]
fn a_hundred_thousand_tasks_wait_at_once() {
    let body = "
function %task(i64) -> i64 async {
block0(v0: i64):
    call %yield()
    return v0
}
function %main() -> i64 async {
    sig0 = () -> i64
block0:
    v0 = iconst.i64 0
    v1 = iconst.i64 100000
    v9 = iconst.i64 1
    v2 = spawn %task(v1)
    jump block1(v0)
block1(v3: i64):
    v4 = spawn %task(v3)
    detach v4
    v5 = iadd v3, v9
    v6 = icmp slt v5, v1
    brif v6, block1(v5), block2
block2:
    v7 = join sig0, v2
    return v7
}";
    assert_eq!(run(body, Options::default()).0, Ok(vec![Val::I64(100_000)]));
}

#[test]
fn tasks_count_against_the_memory_limit() {
    let options = |memory_limit| Options {
        memory_limit,
        ..Options::default()
    };
    // Each task starts the next one and joins it, until `v0` of them wait.
    let chain = |depth: i64| {
        format!(
            "global %tasks: i64 = 0
             function %next(i64) async {{
                 sig0 = ()
             block0(v0: i64):
                 call %yield()
                 v1 = global_get.i64 %tasks
                 v2 = iconst.i64 1
                 v3 = iadd v1, v2
                 global_set %tasks, v3
                 call %report(v3)
                 v4 = icmp slt v3, v0
                 brif v4, block1, block2
             block1:
                 v5 = spawn %next(v0)
                 join sig0, v5
                 return
             block2:
                 return
             }}
             function %main() async {{
             block0:
                 v0 = iconst.i64 {depth}
                 return_call %next(v0)
             }}"
        )
    };
    let limit = 1 << 20;
    let (result, reported) = run(&chain(i64::MAX), options(limit));
    assert_eq!(trap(result), Some(TrapCode::OutOfMemory));
    // A task's record, stack and hash table entry take some hundred bytes.
    let each = limit / reported.len();
    assert!((500..2_000).contains(&each), "{each} bytes for each task");
    let (result, reported) = run(&chain(500), options(limit));
    assert_eq!(result, Ok(vec![]));
    assert_eq!(reported.len(), 500);
    // The call's own task can always begin.
    let (result, _) = run(&chain(1), options(1_000));
    assert_eq!(result, Ok(vec![]));
}

#[test]
fn tasks_that_never_waited_count_and_give_back_what_they_took() {
    let text = "
function %nothing() async {
block0:
    return
}
function %main() async {
    sig0 = ()
block0:
    v0 = iconst.i64 0
    jump block1(v0)
block1(v1: i64):
    v2 = iconst.i64 1
    v3 = iadd v1, v2
    v4 = spawn %nothing()
    END v4
    v5 = iconst.i64 5000
    v6 = icmp slt v3, v5
    brif v6, block1(v3), block2
block2:
    return
}";
    let options = Options {
        memory_limit: 100_000,
        ..Options::default()
    };
    for end in ["join sig0,", "detach"] {
        let (result, _) = run(&text.replace("END", end), options);
        assert_eq!(result, Ok(vec![]), "{end}");
    }
    let kept = text.replace("END v4", "v7 = is_done v4");
    assert_eq!(trap(run(&kept, options).0), Some(TrapCode::OutOfMemory));
}
