//! Tasks that the host has spawned.

use crate::support::*;
use enjamb_engine::{
    Config, Error, Execution, Imports, Instance, Task, TrapCode, UntypedTask, Val,
};
use futures::executor::block_on;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::thread;

fn spawn(instance: &Instance, name: &str, argument: i64) -> Task<i64> {
    let function = instance.func::<(i64,), i64>(name).unwrap();
    function.spawn((argument,)).unwrap()
}

fn seen(instance: &Instance) -> Val {
    instance.global("seen").unwrap().get().unwrap()
}

#[test]
fn tasks_are_send_and_need_no_lifetime() {
    fn check<T: Future + Send + 'static>() {}
    check::<Task<(i64, f64)>>();
    check::<UntypedTask>();
}

#[test]
fn a_task_begins_when_it_is_spawned() {
    let gates = Gates::default();
    let instance = instance(&gates);
    let mut ready = spawn(&instance, "outer", READY);
    assert!(ready.is_done().unwrap());
    assert_eq!(ready.try_result().unwrap(), Some(OF_READY));
    assert!(matches!(ready.try_result(), Err(Error::BadCall { .. })));
    assert!(matches!(block_on(ready), Err(Error::BadCall { .. })));

    let mut waits = spawn(&instance, "outer", 10);
    assert_eq!(gates.alive(), 1, "nobody has polled it");
    assert!(!waits.is_done().unwrap());
    assert_eq!(waits.try_result().unwrap(), None);
    gates.open(10);
    gates.open(11);
    assert_eq!(waits.try_result().unwrap(), None, "asking runs nothing");
    block_on(instance.drive()).unwrap();
    assert!(waits.is_done().unwrap());
    assert_eq!(waits.try_result().unwrap(), Some(11 + 12 + 10));
    assert!(waits.is_done().unwrap());

    let awaited = spawn(&instance, "outer", 20);
    gates.open_later([20, 21]);
    assert_eq!(block_on(awaited).unwrap(), 21 + 22 + 20);
    let stats = instance.stats().unwrap();
    assert_eq!((gates.alive(), stats.continuations_live), (0, 0));
}

#[test]
fn tasks_by_name_check_their_arguments_first() {
    let gates = Gates::default();
    let instance = instance(&gates);
    let mut good = instance.spawn("outer", &[Val::I64(READY)]).unwrap();
    assert!(good.is_done().unwrap());
    assert_eq!(good.try_result().unwrap(), Some(vec![Val::I64(OF_READY)]));
    let waits = instance.spawn("outer", &[Val::I64(5)]).unwrap();
    gates.open_later([5, 6]);
    assert_eq!(block_on(waits).unwrap(), [Val::I64(6 + 7 + 5)]);
    for bad in [&[][..], &[Val::I32(1)]] {
        assert!(matches!(
            instance.spawn("outer", bad),
            Err(Error::BadCall { .. })
        ));
    }
    assert!(matches!(
        instance.spawn("nothing", &[]),
        Err(Error::NoExport { .. })
    ));
}

#[test]
fn what_goes_wrong_is_the_outcome_of_the_task() {
    let text = r#"
        import %yield = "enjamb" "yield" () async
        function %traps(i64) -> i64 async {
        block0(v0: i64):
            brif v0, block1, block2
        block1:
            call %yield()
            jump block2
        block2:
            trap user
        }
        function %throws(i64) -> i64 async {
        block0(v0: i64):
            v1 = null.ref
            brif v0, block1, block2
        block1:
            call %yield()
            jump block2
        block2:
            throw v0, v1
        }
    "#;
    for execution in [Execution::Jit, Execution::Interpreter] {
        let config = Config::new().execution(execution);
        let instance = instance_with(config, text, &Imports::new());
        for suspends in [0, 1] {
            let error = block_on(spawn(&instance, "throws", suspends)).unwrap_err();
            assert!(matches!(error, Error::Exception(_)), "{error}");
            let task = spawn(&instance, "traps", suspends);
            let error = block_on(task).unwrap_err();
            assert!(matches!(error, Error::Trap(trap) if trap.code == TrapCode::User));
            let mut task = spawn(&instance, "traps", suspends);
            block_on(instance.drive()).unwrap();
            assert!(task.is_done().unwrap());
            assert!(matches!(task.try_result(), Err(Error::Trap(_))));
            drop(spawn(&instance, "traps", suspends));
            block_on(instance.drive()).unwrap();
        }
        assert_eq!(instance.stats().unwrap().continuations_live, 0);
    }
}

#[test]
fn a_task_that_is_dropped_goes_on() {
    let gates = Gates::default();
    let instance = instance(&gates);
    let marks = instance.func::<(i64,), ()>("marks").unwrap();
    for gate in [1, 2, 3] {
        drop(marks.spawn((gate,)).unwrap());
    }
    // Neither a call nor one that blocks ends them.
    assert_eq!(
        instance.call("plain", &[Val::I64(2)]).unwrap(),
        [Val::I64(4)]
    );
    let turns = instance.func::<(i64,), i64>("turns").unwrap();
    assert_eq!(turns.block_on((5,)).unwrap(), 5);
    gates.open_later([3, 1, 2]);
    block_on(instance.drive()).unwrap();
    assert_eq!(seen(&instance), Val::I64(6));
    // One that has finished before it is dropped.
    let finished = marks.spawn((3,)).unwrap();
    block_on(instance.drive()).unwrap();
    drop(finished);
    let stats = instance.stats().unwrap();
    assert_eq!((gates.alive(), stats.continuations_live), (0, 0));
    // A task that nobody ends goes away with its instance.
    drop(marks.spawn((77,)).unwrap());
    drop((instance, marks, turns));
    assert_eq!(gates.alive(), 0);
}

#[test]
fn who_waits_is_told_of_a_task_that_somebody_else_has_spawned() {
    let gates = Gates::default();
    let instance = instance(&gates);
    let told = Arc::new(Told::default());
    let waker = Waker::from(Arc::clone(&told));
    let mut context = Context::from_waker(&waker);
    let mut waits = call(&instance, "outer", 10);
    assert!(Pin::new(&mut waits).poll(&mut context).is_pending());
    assert_eq!(told.0.load(Ordering::Acquire), 0);
    let mut task = spawn(&instance, "turns", 1);
    assert!(!task.is_done().unwrap());
    assert!(
        told.0.load(Ordering::Acquire) > 0,
        "there is a turn to give"
    );
    assert!(Pin::new(&mut waits).poll(&mut context).is_pending());
    assert!(task.is_done().unwrap());
}

#[test]
fn tasks_on_the_workers_of_an_executor() {
    let gates = Gates::default();
    let instance = instance(&gates);
    multi_thread(4).block_on(async {
        let tasks = (0..200).map(|number| {
            let instance = instance.clone();
            // Whoever is inside starts those of others.
            tokio::spawn(async move {
                let task = spawn(&instance, "turns", 50 + number);
                match number % 3 {
                    0 => drop(task),
                    _ => assert_eq!(task.await.unwrap(), 50 + number),
                }
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
        instance.drive().await.unwrap();
    });
    assert_eq!(instance.stats().unwrap().continuations_live, 0);
}

const HOLDS: &str = r#"
    import %hold = "host" "hold" ()
    import %yield = "enjamb" "yield" () async
    global %seen: i64 = 0
    function %holds() {
    block0:
        call %hold()
        return
    }
    function %adds(i64) -> i64 async {
    block0(v0: i64):
        brif v0, block2, block1
    block2:
        call %yield()
        jump block1
    block1:
        v1 = global_get.i64 %seen
        v2 = iconst.i64 1
        v3 = iadd v1, v2
        global_set %seen, v3
        return v3
    }
"#;

#[test]
fn a_task_begins_when_the_one_who_is_inside_leaves() {
    let (inside, leave) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (entered, may_leave) = (Arc::clone(&inside), Arc::clone(&leave));
    let mut imports = Imports::new();
    imports.func("host", "hold", move || {
        entered.store(1, Ordering::Release);
        while may_leave.load(Ordering::Acquire) == 0 {
            thread::yield_now();
        }
    });
    let instance = instance_with(Config::new(), HOLDS, &imports);
    let holder = instance.clone();
    let holding = thread::spawn(move || holder.call("holds", &[]).unwrap());
    while inside.load(Ordering::Acquire) == 0 {
        thread::yield_now();
    }
    let mut asked = spawn(&instance, "adds", 0);
    assert!(!asked.is_done().unwrap());
    assert_eq!(asked.try_result().unwrap(), None);
    let mut polled = spawn(&instance, "adds", 1);
    let told = Arc::new(Told::default());
    let waker = Waker::from(Arc::clone(&told));
    let pending = Pin::new(&mut polled).poll(&mut Context::from_waker(&waker));
    assert!(pending.is_pending());
    drop(spawn(&instance, "adds", 0));
    drop(spawn(&instance, "adds", 1));
    leave.store(1, Ordering::Release);
    holding.join().unwrap();
    assert_eq!(told.0.load(Ordering::Acquire), 1, "it has been started");
    assert_eq!(asked.try_result().unwrap(), Some(1));
    assert_eq!(seen(&instance), Val::I64(2));
    assert_eq!(block_on(polled).unwrap(), 3);
    block_on(instance.drive()).unwrap();
    assert_eq!(seen(&instance), Val::I64(4));
    drop(asked);
    assert_eq!(instance.stats().unwrap().tasks_live, 0);
}

#[test]
fn host_functions_can_spawn_tasks_of_the_instance_that_calls_them() {
    let own: Arc<Mutex<Option<Instance>>> = Arc::default();
    let spawned: Arc<Mutex<Option<Task<i64>>>> = Arc::default();
    let (inside, keeps) = (Arc::clone(&own), Arc::clone(&spawned));
    let mut imports = Imports::new();
    imports.func("host", "hold", move || {
        let own = inside.lock().unwrap().clone().unwrap();
        let mut task = spawn(&own, "adds", 1);
        assert!(!task.is_done().unwrap());
        // It would wait for itself.
        let polled = block_on(futures::future::poll_immediate(&mut task));
        assert!(matches!(polled, Some(Err(Error::Running))));
        *keeps.lock().unwrap() = Some(task);
        drop(spawn(&own, "adds", 0));
    });
    let instance = instance_with(Config::new(), HOLDS, &imports);
    *own.lock().unwrap() = Some(instance.clone());
    instance.call("holds", &[]).unwrap();
    assert_eq!(seen(&instance), Val::I64(1));
    let task = spawned.lock().unwrap().take().unwrap();
    assert_eq!(block_on(task).unwrap(), 2);
    own.lock().unwrap().take();
}

#[test]
fn tasks_of_the_interpreter_run_to_their_end() {
    let gates = Gates::default();
    let config = Config::new().execution(Execution::Interpreter);
    let instance = instance_with(config, PROGRAM, &gates.imports());
    let mut task = spawn(&instance, "turns", 9);
    assert!(task.is_done().unwrap());
    assert_eq!(task.try_result().unwrap(), Some(9));
    gates.open_later([5, 6]);
    assert_eq!(block_on(spawn(&instance, "outer", 5)).unwrap(), 6 + 7 + 5);
}
