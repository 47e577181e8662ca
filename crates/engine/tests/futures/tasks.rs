//! What a host sees of tasks: what each waits for, where it stands, what it holds; and the counters.

use crate::support::{self, Gates, call, poll_to_pending};
use enjamb_engine::{
    Caller, Clock, Config, Engine, Error, Execution, Imports, Instance, Module, Schedule, Stats,
    TaskInfo, TaskState, TraceLimits,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Every state that a task can be in while `%look` is called.
const EVERY_STATE: &str = r#"
file0 = "nap.src"
import %yield = "enjamb" "yield" () async
import %sleep = "enjamb" "sleep" (i64) async
import %out_of_fuel = "enjamb" "out_of_fuel" () async
import %look = "host" "look" ()

function %nap(i64) -> i64 async {
block0(v0: i64):
    call %sleep(v0) @ file0:1:1
    return v0
}
function %sleeper(i64) -> i64 async {
block0(v0: i64):
    context_set v0
    v1 = call %nap(v0) @ file0:2:2
    v2 = iadd v0, v1
    return v2
}
function %joiner(task) -> i64 async {
    sig0 = () -> i64
block0(v0: task):
    v1 = join sig0, v0
    v2 = iadd v1, v1
    return v2
}
function %turns(i64) -> i64 async {
block0(v0: i64):
    call %out_of_fuel()
    call %out_of_fuel()
    return v0
}
function %done(i64) -> i64 async {
block0(v0: i64):
    return v0
}
function %throws(i64) -> i64 async {
block0(v0: i64):
    v1 = null.ref
    throw v0, v1
}
function %looks_in_a_task() async {
block0:
    v0 = iconst.i64 7
    context_set v0
    call %look()
    return
}
function %inner(i64) -> i64 async {
block0(v0: i64):
    call %out_of_fuel()
    v1 = spawn %looks_in_a_task()
    detach v1
    call %look()
    return v0
}
function %main() -> i64 async {
block0:
    v0 = iconst.i64 1500
    v1 = spawn %sleeper(v0)
    v2 = spawn %joiner(v1)
    v3 = spawn %turns(v0)
    v4 = spawn %done(v0)
    v5 = spawn %throws(v0)
    v6 = spawn %sleeper(v0)
    detach v6
    v7 = call %inner(v0)
    v8 = iadd v7, v0
    return v8
}
"#;

/// What is the same in every engine, with tasks named by the order in which they are seen.
fn common(tasks: &[TaskInfo]) -> Vec<String> {
    let mut numbers: BTreeMap<u64, usize> = BTreeMap::new();
    for task in tasks {
        let next = numbers.len();
        numbers.entry(task.task).or_insert(next);
    }
    let common = |task: &TaskInfo| {
        let mut task = task.clone();
        task.bytes = 0;
        if let TaskState::Joining(target) = &mut task.state {
            *target = numbers[target] as u64;
        }
        task.task = numbers[&task.task] as u64;
        task.to_string()
    };
    tasks.iter().map(common).collect()
}

fn check_sums(tasks: &[TaskInfo], stats: &Stats) {
    assert_eq!(tasks.len() as u64, stats.tasks_live);
    let bytes: u64 = tasks.iter().map(|task| task.bytes).sum();
    assert_eq!(bytes, stats.task_bytes, "{stats:?}");
}

/// What calls of `%look` see.
type Looks = Arc<Mutex<Vec<(Vec<TaskInfo>, Stats)>>>;

fn looks(engine: &Engine) -> Vec<(Vec<TaskInfo>, Stats)> {
    let module = Module::from_text(engine, EVERY_STATE).unwrap_or_else(|error| panic!("{error}"));
    let looks = Looks::default();
    let seen = Arc::clone(&looks);
    let mut imports = Imports::new();
    imports.func("host", "look", move |caller: &Caller<'_>| {
        let tasks: Vec<TaskInfo> = caller.tasks().collect();
        seen.lock().unwrap().push((tasks, caller.stats()));
    });
    let instance = Instance::new(&module, &imports).unwrap();
    instance.call("main", &[]).unwrap();
    // What the call has left.
    let left: Vec<TaskInfo> = instance.tasks().unwrap().collect();
    assert_eq!(left.len(), 6, "{left:?}");
    let stats = instance.stats().unwrap();
    let mut looks = std::mem::take(&mut *looks.lock().unwrap());
    looks.push((left, stats));
    looks
}

fn engines(schedule: Schedule) -> Vec<Engine> {
    let engine = |execution| {
        let config = Config::new().execution(execution).schedule(schedule);
        Engine::new(config.clock(Clock::Virtual).count(true))
    };
    match engine(Execution::Jit) {
        Err(Error::UnsupportedHost(_)) => vec![engine(Execution::Interpreter).unwrap()],
        jit => vec![engine(Execution::Interpreter).unwrap(), jit.unwrap()],
    }
}

#[test]
fn every_engine_sees_the_same_tasks() {
    let expected = "\
task 0 %main runs, 0 bytes
    %inner: `v1 = spawn %looks_in_a_task()`
    %main: `v7 = call %inner(v0)`
task 1 %sleeper sleeps for 1.5s, 0 bytes, context 1500
    %nap: `call %sleep(v0)` at nap.src:1:1
    %sleeper: `v1 = call %nap(v0)` at nap.src:2:2
task 2 %joiner joins task 1, 0 bytes
    %joiner: `v1 = join sig0, v0`
task 3 %turns is ready, 0 bytes
    %turns: `call %out_of_fuel()`
task 4 %done has finished, 0 bytes
task 5 %throws has failed, 0 bytes
task 6 %sleeper sleeps for 1.5s, 0 bytes, detached, context 1500
    %nap: `call %sleep(v0)` at nap.src:1:1
    %sleeper: `v1 = call %nap(v0)` at nap.src:2:2
task 7 %looks_in_a_task runs, 0 bytes, context 7
    %looks_in_a_task: `call %look()`
";
    // What the call has left; the clock moves when somebody waits.
    let left = "\
task 0 %sleeper sleeps for 1.5s, 0 bytes, context 1500
    %nap: `call %sleep(v0)` at nap.src:1:1
    %sleeper: `v1 = call %nap(v0)` at nap.src:2:2
task 1 %joiner joins task 0, 0 bytes
    %joiner: `v1 = join sig0, v0`
task 2 %turns is ready, 0 bytes
    %turns: `call %out_of_fuel()`
task 3 %done has finished, 0 bytes
task 4 %throws has failed, 0 bytes
task 5 %sleeper sleeps for 1.5s, 0 bytes, detached, context 1500
    %nap: `call %sleep(v0)` at nap.src:1:1
    %sleeper: `v1 = call %nap(v0)` at nap.src:2:2
";
    for schedule in [Schedule::Natural, Schedule::Always, Schedule::Never] {
        for engine in engines(schedule) {
            let looks = looks(&engine);
            assert_eq!(looks.len(), 3);
            for (tasks, stats) in &looks {
                check_sums(tasks, stats);
            }
            assert_eq!(common(&looks[0].0).concat(), expected);
            let (tasks, stats) = &looks[1];
            assert_eq!(tasks.len(), 7, "the one that looked has gone");
            let here = tasks[0].stack.to_string();
            assert!(here.starts_with("%inner: `call %look()`\n"), "{here}");
            assert_eq!((stats.tasks_started, stats.tasks_finished), (8, 2));
            assert_eq!((stats.tasks_failed, stats.host_calls), (1, 2));
            assert_eq!(common(&looks[2].0).concat(), left);
        }
    }
}

#[test]
fn calls_that_are_awaited_are_tasks() {
    let gates = Gates::default();
    let config = Config::new().clock(Clock::Virtual);
    let instance = support::instance_with(config, support::PROGRAM, &gates.imports());
    instance.set_context(8).unwrap();
    let _outer = poll_to_pending(call(&instance, "outer", 1));
    let _leaves = call(&instance, "leaves", 5);
    let _leaves = support::PollOnce::poll_once(_leaves);
    let _caught = poll_to_pending(call(&instance, "caught", 3));

    let tasks: Vec<TaskInfo> = instance.tasks().unwrap().collect();
    let stats = instance.stats().unwrap();
    check_sums(&tasks, &stats);
    assert_eq!(
        common(&tasks).concat(),
        "\
task 0 %outer waits for %wait, 0 bytes, context 8
    %twice: `v1 = call %wait(v0)`
    %outer: `v1 = call %twice(v0)`
task 1 %caught waits for %wait, 0 bytes, context 8
    %caught: `v1, v2, v3 = try_call %wait(v0), block1(v1), unwind block1(v2)`
task 2 %marks waits for %wait, 0 bytes, detached, context 8
    %marks: `v1 = call %wait(v0)`
"
    );
    assert_eq!(stats.host_calls_pending, 3);
    assert_eq!(stats.continuations_live, 4);
    let continuations: u64 = tasks.iter().map(|task| task.bytes).sum();
    assert!(continuations > stats.continuation_bytes_live);

    let bare = instance.tasks().unwrap().stacks(TraceLimits::OFF);
    assert!(bare.into_iter().all(|task| task.stack.frames.is_empty()));
    let walk = instance.tasks().unwrap();
    assert!(matches!(instance.tasks(), Err(Error::Running)));
    drop(walk);

    gates.open(1);
    gates.open(2);
    drop((_outer, _caught));
    let left: Vec<TaskInfo> = instance.tasks().unwrap().collect();
    assert_eq!(left.len(), 1);
    check_sums(&left, &instance.stats().unwrap());
}

#[test]
fn a_call_that_ends_with_one_of_the_host_says_for_what_it_waits() {
    let text = r#"
        import %wait = "host" "wait" (i64) -> i64 async
        function %main(i64) -> i64 async {
        block0(v0: i64):
            v1 = call %wait(v0)
            return v1
        }"#;
    let gates = Gates::default();
    let instance = support::instance_with(Config::new(), text, &gates.imports());
    let _call = poll_to_pending(call(&instance, "main", 1));
    let tasks: Vec<TaskInfo> = instance.tasks().unwrap().collect();
    assert_eq!(tasks[0].state, TaskState::Waiting("wait".to_string()));
    assert_eq!(tasks[0].stack.to_string(), "");
    check_sums(&tasks, &instance.stats().unwrap());
}

#[test]
fn timers_say_how_much_time_is_left() {
    let gates = Gates::default();
    let instance = support::instance(&gates);
    let _call = poll_to_pending(call(&instance, "sleeps", 3_600_000));
    let state = instance.tasks().unwrap().next().unwrap().state;
    let TaskState::Sleeping(left) = state else {
        panic!("{state}");
    };
    let hour = Duration::from_secs(3600);
    assert!(left <= hour && left > hour / 2, "{left:?}");
}

#[test]
fn a_walk_over_many_tasks_takes_time_for_each_and_not_for_pairs() {
    let text = r#"
        import %yield = "enjamb" "yield" () async
        import %sleep = "enjamb" "sleep" (i64) async
        import %look = "host" "look" ()
        function %nap(i64) async {
        block0(v0: i64):
            call %sleep(v0)
            return
        }
        function %waits(i64) async {
        block0(v0: i64):
            call %nap(v0)
            v1 = context_get
            return
        }
        function %main(i64) async {
        block0(v0: i64):
            v1 = iconst.i64 1
            jump block1(v0)
        block1(v2: i64):
            v3 = spawn %waits(v2)
            detach v3
            v4 = isub v2, v1
            brif v4, block1(v4), block2
        block2:
            call %look()
            return
        }"#;
    for engine in engines(Schedule::Natural) {
        let module = Module::from_text(&engine, text).unwrap();
        let mut imports = Imports::new();
        imports.func("host", "look", |caller: &Caller<'_>| {
            let (mut count, mut bytes) = (0, 0);
            for task in caller.tasks() {
                count += 1;
                bytes += task.bytes;
            }
            assert_eq!(count, 100_001);
            assert_eq!(bytes, caller.stats().task_bytes);
        });
        let instance = Instance::new(&module, &imports).unwrap();
        let main = instance.func::<(i64,), ()>("main").unwrap();
        main.block_on((100_000,)).unwrap();
    }
}
