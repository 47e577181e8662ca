//! Joins and handles, whoever drives; and the context word of tasks.

use crate::support::*;
use enjamb_engine::{Caller, Config, Error, Execution, Imports, Instance, Task, TrapCode};
use futures::executor::block_on;
use futures::future::join_all;
use std::sync::{Arc, Mutex};

/// A ring of tasks: each joins the one before, and the first one, when it has slept, the last. Another one sleeps
/// for days.
const RINGS: &str = r#"
    import %sleep = "enjamb" "sleep" (i64) async
    global %last: task = null
    function %ring(i64) -> i64 async {
        sig0 = () -> i64
    block0(v0: i64):
        v1 = iconst.i64 1000000000
        v2 = spawn %sleeps(v1)
        v3 = spawn %closes()
        jump block1(v0, v3)
    block1(v4: i64, v5: task):
        brif v4, block2, block3
    block2:
        v6 = spawn %follows(v5)
        v7 = iconst.i64 1
        v8 = isub v4, v7
        jump block1(v8, v6)
    block3:
        global_set %last, v5
        v9 = iconst.i64 40
        call %sleep(v9)
        v10 = join sig0, v5
        return v10
    }
    function %sleeps(i64) -> i64 async {
    block0(v0: i64):
        call %sleep(v0)
        return v0
    }
    function %closes() -> i64 async {
        sig0 = () -> i64
    block0:
        v0 = iconst.i64 10
        call %sleep(v0)
        v1 = global_get.task %last
        v2 = join sig0, v1
        return v2
    }
    function %follows(task) -> i64 async {
        sig0 = () -> i64
    block0(v0: task):
        v1 = join sig0, v0
        return v1
    }
"#;

#[test]
fn a_ring_of_joins_is_an_error_whoever_drives() {
    let text = |others: usize| match others {
        0 => "tasks wait for each other: %closes → %closes".to_string(),
        1 => "tasks wait for each other: %closes → %follows → %closes".to_string(),
        _ => {
            let named = " → %follows".repeat(7);
            let more = others - 7;
            format!("tasks wait for each other: %closes{named} → … {more} more → %closes")
        }
    };
    let check = |instance: &Instance, by: &dyn Fn(&Instance, i64) -> Result<i64, Error>| {
        for others in [0, 1, 999] {
            match by(instance, others as i64) {
                Err(Error::Trap(trap)) => {
                    assert_eq!(trap.code, TrapCode::Deadlock);
                    assert_eq!(trap.message, Some(text(others)));
                }
                other => panic!("{other:?}"),
            }
        }
    };
    type Ring<'a> = &'a dyn Fn(&Instance, i64) -> Result<i64, Error>;
    let spawn = |instance: &Instance, others: i64| -> Task<i64> {
        let ring = instance.func::<(i64,), i64>("ring").unwrap();
        ring.spawn((others,)).unwrap()
    };
    let ways: [Ring<'_>; 3] = [
        &|instance, others| {
            let ring = instance.func::<(i64,), i64>("ring").unwrap();
            ring.block_on((others,))
        },
        &|instance, others| block_on(call(instance, "ring", others)),
        &|instance, others| block_on(spawn(instance, others)),
    ];
    for execution in [Execution::Jit, Execution::Interpreter] {
        for way in ways {
            let config = Config::new().execution(execution);
            check(&instance_with(config, RINGS, &Imports::new()), way);
        }
    }
    // Nobody but the executor drives it.
    let runtime = multi_thread(2);
    let executor = runtime.handle().clone();
    let config = Config::new().spawner(move |driver| drop(executor.spawn(driver)));
    let instance = instance_with(config, RINGS, &Imports::new());
    check(&instance, &|instance, others| {
        let mut task = spawn(instance, others);
        loop {
            match task.try_result() {
                Ok(None) | Err(Error::Running) => std::thread::yield_now(),
                Ok(Some(result)) => return Ok(result),
                Err(error) => return Err(error),
            }
        }
    });
}

#[test]
fn a_task_can_not_block_the_executor_that_polls_it() {
    let own: Arc<Mutex<Option<Instance>>> = Arc::default();
    let (inside, seen) = (Arc::clone(&own), Arc::new(Mutex::new(Vec::new())));
    let sees = Arc::clone(&seen);
    let mut imports = Imports::new();
    imports.async_func("host", "wait", move |number: i64| {
        let (other, sees) = (inside.lock().unwrap().clone().unwrap(), Arc::clone(&sees));
        async move {
            give_way().await;
            let turns = other.func::<(i64,), i64>("turns").unwrap();
            let refused = matches!(turns.block_on((1,)), Err(Error::InsideExecutor));
            sees.lock().unwrap().push(refused);
            number
        }
    });
    let waits = instance_with(Config::new(), PROGRAM, &imports);
    let other = instance_with(Config::new(), PROGRAM, &Gates::default().imports());
    *own.lock().unwrap() = Some(other);
    let outer = waits.func::<(i64,), i64>("outer").unwrap();
    assert_eq!(block_on(outer.spawn((5,)).unwrap()).unwrap(), 15);
    drop(outer.spawn((5,)).unwrap());
    block_on(waits.drive()).unwrap();
    multi_thread(1).block_on(async {
        assert_eq!(outer.spawn((5,)).unwrap().await.unwrap(), 15);
    });
    assert_eq!(*seen.lock().unwrap(), [true; 6]);
}

const WORDS: &str = r#"
    import %wait = "host" "wait" (i64) -> i64 async
    import %add = "host" "add" (i64)
    ; What the word is at the end, which began as another one and has had two numbers added.
    function %adds(i64) -> i64, i64 async {
    block0(v0: i64):
        v1 = context_get
        call %add(v0)
        v2 = call %wait(v0)
        call %inner(v0)
        v3 = context_get
        v4 = iadd v3, v0
        context_set v4
        v5 = call %wait(v2)
        v6 = context_get
        return v1, v6
    }
    function %inner(i64) async {
    block0(v0: i64):
        call %add(v0)
        v1 = call %wait(v0)
        return
    }
    function %caught(i64) -> i64 async {
    block0(v0: i64):
        call %add(v0)
        v1, v2, v3 = try_call %wait(v0), block1, unwind block1
    block1:
        call %add(v0)
        v4 = context_get
        call %report(v4)
        return v4
    }
    import %report = "host" "report" (i64)
"#;

/// Host functions that wait for a gate, and such that add to the word of their caller and keep what they see.
fn words(gates: &Gates, seen: &Arc<Mutex<Vec<i64>>>) -> Imports {
    let mut imports = gates.imports();
    imports.func("host", "add", |caller: &Caller<'_>, amount: i64| {
        caller.set_context(caller.context() + amount);
    });
    let sees = Arc::clone(seen);
    imports.func("host", "report", move |word: i64| {
        sees.lock().unwrap().push(word);
    });
    imports
}

#[test]
fn each_task_keeps_its_word_on_any_thread() {
    let gates = Gates::default();
    let instance = instance_with(Config::new(), WORDS, &words(&gates, &Arc::default()));
    let adds = instance.func::<(i64,), (i64, i64)>("adds").unwrap();
    multi_thread(4).block_on(async {
        let (mut calls, mut tasks) = (Vec::new(), Vec::new());
        for number in 1..=40 {
            // It begins with the word of the instance when it is started.
            instance.set_context(1_000_000 * number).unwrap();
            match number % 2 {
                0 => tasks.push((number, adds.spawn((number,)).unwrap())),
                _ => calls.push((number, poll_to_pending(adds.call_async((number,))))),
            }
            let word = instance.context().unwrap();
            assert_eq!(word, 1_000_000 * number, "and leaves it");
        }
        gates.open_later(1..=41);
        // Now the workers have it.
        let calls = calls
            .into_iter()
            .map(|(number, call)| (number, tokio::spawn(call)));
        let (numbers, outcomes): (Vec<i64>, Vec<_>) = calls.unzip();
        let tasks = tasks
            .into_iter()
            .map(|(number, task)| (number, tokio::spawn(task)));
        let tasks: Vec<_> = tasks.collect();
        for (number, outcome) in numbers.into_iter().zip(join_all(outcomes).await) {
            let first = 1_000_000 * number;
            assert_eq!(outcome.unwrap().unwrap(), (first, first + 2 * number));
        }
        for (number, task) in tasks {
            let first = 1_000_000 * number;
            assert_eq!(task.await.unwrap().unwrap(), (first, first + 2 * number));
        }
    });
    assert_eq!(instance.context().unwrap(), 40_000_000);
}

#[test]
fn a_call_that_is_dropped_has_its_word_while_it_is_cancelled() {
    let (gates, seen) = (Gates::default(), Arc::default());
    let instance = instance_with(Config::new(), WORDS, &words(&gates, &seen));
    instance.set_context(500).unwrap();
    let waits = poll_to_pending(call(&instance, "caught", 7));
    instance.set_context(3).unwrap();
    drop(waits);
    assert_eq!(*seen.lock().unwrap(), [514]);
    assert_eq!(instance.context().unwrap(), 3);
}
