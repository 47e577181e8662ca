//! Calls and tasks that are cancelled by the host.

use crate::support::*;
use enjamb_engine::{Call, Config, Error, Fuel, Imports, Instance, Task, TrapCode, Val};
use futures::executor::block_on;
use futures::future::poll_immediate;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// `trail` has a digit for everything that has happened, the last one lowest.
const HANDLERS: &str = r#"
    import %wait = "host" "wait" (i64) -> i64 async
    import %call_back = "host" "call_back" (i64)
    import %yield = "enjamb" "yield" () async
    import %sleep = "enjamb" "sleep" (i64) async
    global %trail: i64 = 0
    function %mark(i64) {
    block0(v0: i64):
        v1 = global_get.i64 %trail
        v2 = iconst.i64 10
        v3 = imul v1, v2
        v4 = iadd v3, v0
        global_set %trail, v4
        return
    }
    ; Marks 1 in its handler, 2 when that has waited, 3 if it was not to.
    function %waits(i64) -> i64 async {
    block0(v0: i64):
        v1, v2, v3 = try_call %wait(v0), block1(v1), unwind block2()
    block1(v4: i64):
        return v4
    block2:
        v5 = iconst.i64 1
        call %mark(v5)
        v6 = iadd v0, v5
        v7, v8, v9 = try_call %wait(v6), block3(v7), unwind block4(v8, v9)
    block3(v10: i64):
        v11 = iconst.i64 2
        call %mark(v11)
        return v10
    block4(v12: i64, v13: ref):
        v14 = iconst.i64 3
        call %mark(v14)
        throw v12, v13
    }
    ; Marks 4 when it is cancelled.
    function %outer(i64) -> i64 async {
    block0(v0: i64):
        v1, v2, v3 = try_call %waits(v0), block1(v1), unwind block2(v2, v3)
    block1(v4: i64):
        return v4
    block2(v5: i64, v6: ref):
        v7 = iconst.i64 4
        call %mark(v7)
        rethrow v5, v6
    }
    ; Never comes to an end with its handlers.
    function %stays(i64) -> i64 async {
    block0(v0: i64):
        jump block1
    block1:
        v1, v2, v3 = try_call %wait(v0), block1, unwind block1
    }
    function %over_and_over(i64) -> i64 async {
    block0(v0: i64):
        v1, v2, v3 = try_call %stays(v0), block1(v1), unwind block1(v2)
    block1(v4: i64):
        return v4
    }
    function %traps(i64) -> i64 async {
    block0(v0: i64):
        v1, v2, v3 = try_call %wait(v0), block1(v1), unwind block2()
    block1(v4: i64):
        return v4
    block2:
        trap user
    }
    function %traps_inside(i64) -> i64 async {
    block0(v0: i64):
        v1, v2, v3 = try_call %traps(v0), block1(v1), unwind block1(v2)
    block1(v4: i64):
        return v4
    }
    function %computes(i64) -> i64 async {
    block0(v0: i64):
        v1, v2, v3 = try_call %wait(v0), block1(v1), unwind block2(v0)
    block1(v4: i64):
        return v4
    block2(v5: i64):
        v6 = iconst.i64 1
        v7 = iadd v5, v6
        brif v7, block2(v7), block1(v5)
    }
    function %calls_back(i64) -> i64 async {
    block0(v0: i64):
        call %call_back(v0)
        return v0
    }
    function %calls_back_and_waits(i64) -> i64 async {
    block0(v0: i64):
        call %call_back(v0)
        v1 = call %waits(v0)
        return v1
    }
    function %throws(i64) -> i64 async {
    block0(v0: i64):
        v1 = null.ref
        call %yield()
        throw v0, v1
    }
    function %joins(i64) -> i64 async {
        sig0 = () -> i64
    block0(v0: i64):
        v1 = spawn %waits(v0)
        v2, v3, v4 = try_join sig0, v1, block1(v2), unwind block2()
    block1(v5: i64):
        return v5
    block2:
        cancel v1
        detach v1
        return v0
    }
    ; Marks 5 if what swallows the cancellation comes back to it.
    function %swallows(i64) -> i64 async {
    block0(v0: i64):
        v1, v2, v3 = try_call %waits(v0), block1(v1), unwind block1(v0)
    block1(v4: i64):
        return v4
    }
    function %hears(i64) -> i64 async {
    block0(v0: i64):
        v1 = call %swallows(v0)
        v2 = iconst.i64 5
        call %mark(v2)
        return v1
    }
    ; Calls back when it was not to wait in its handler.
    function %refused(i64) -> i64 async {
    block0(v0: i64):
        v1, v2, v3 = try_call %wait(v0), block1(v1), unwind block2()
    block1(v4: i64):
        return v4
    block2:
        v5, v6, v7 = try_call %wait(v0), block1(v5), unwind block3()
    block3:
        call %call_back(v0)
        return v0
    }
    function %turns(i64) -> i64 async {
    block0(v0: i64):
        jump block1(v0)
    block1(v1: i64):
        call %yield()
        v2 = iconst.i64 1
        v3 = isub v1, v2
        brif v3, block1(v3), block2
    block2:
        return v0
    }
    function %sleeps(i64) -> i64 async {
    block0(v0: i64):
        v1, v2 = try_call %sleep(v0), block1(v0), unwind block2(v1)
    block1(v3: i64):
        return v3
    block2(v4: i64):
        v5 = iconst.i64 1
        call %mark(v5)
        return v4
    }
"#;

type CallBack = Arc<Mutex<Box<dyn FnMut() + Send>>>;

struct Host {
    gates: Gates,
    instance: Instance,
    call_back: CallBack,
}

fn host_with(config: Config) -> Host {
    let gates = Gates::default();
    let mut imports = gates.imports();
    let call_back: CallBack = Arc::new(Mutex::new(Box::new(|| {})));
    let called = Arc::clone(&call_back);
    imports.func("host", "call_back", move |_: i64| {
        (called.lock().unwrap())();
        Ok::<_, Error>(())
    });
    let instance = instance_with(config, HANDLERS, &imports);
    Host {
        gates,
        instance,
        call_back,
    }
}

fn host() -> Host {
    host_with(Config::new())
}

impl Host {
    fn call(&self, name: &str, argument: i64) -> Call<(i64,), i64> {
        call(&self.instance, name, argument)
    }

    /// A call that waits.
    fn waiting(&self, name: &str, argument: i64) -> Call<(i64,), i64> {
        let mut call = self.call(name, argument);
        assert!(block_on(poll_immediate(&mut call)).is_none());
        call
    }

    fn spawn(&self, name: &str, argument: i64) -> Task<i64> {
        let function = self.instance.func::<(i64,), i64>(name).unwrap();
        function.spawn((argument,)).unwrap()
    }

    fn trail(&self) -> i64 {
        match self.instance.global("trail").unwrap().get().unwrap() {
            Val::I64(trail) => trail,
            other => panic!("{other}"),
        }
    }

    /// Tasks whose handlers did not all run, and how many did not.
    fn cut_short(&self) -> (u64, u64) {
        let stats = self.instance.stats().unwrap();
        (stats.cancellations_cut_short, stats.handlers_skipped)
    }

    /// Nothing is left of any call.
    fn assert_clean(&self) {
        let stats = self.instance.stats().unwrap();
        assert_eq!(self.gates.alive(), 0);
        assert_eq!((stats.continuations_live, stats.tasks_live), (0, 0));
    }
}

fn assert_cancelled<T: std::fmt::Debug>(outcome: Result<T, Error>) {
    assert!(
        outcome.as_ref().is_err_and(Error::is_cancelled),
        "{outcome:?}"
    );
}

#[test]
fn handlers_of_a_dropped_call_run_and_do_not_wait() {
    let host = host();
    let call = host.waiting("outer", 10);
    assert_eq!(host.gates.alive(), 1);
    drop(call);
    assert_eq!(
        host.trail(),
        134,
        "the handler of the wait, and the outer one"
    );
    assert_eq!(host.cut_short(), (0, 0));
    host.assert_clean();
}

#[test]
fn handlers_of_a_cancelled_call_wait() {
    let host = host();
    let mut call = host.waiting("outer", 10).cancel();
    assert_eq!(
        (host.gates.alive(), host.trail()),
        (0, 0),
        "dropped at once"
    );
    assert!(block_on(poll_immediate(&mut call)).is_none());
    assert_eq!((host.gates.alive(), host.trail()), (1, 1), "in its handler");
    let mut call = call.cancel();
    assert!(block_on(poll_immediate(&mut call)).is_none());
    assert_eq!(
        (host.gates.alive(), host.trail()),
        (1, 1),
        "it is cancelled once"
    );
    host.gates.open_later([11]);
    assert_cancelled(block_on(call));
    assert_eq!(host.trail(), 124);
    host.assert_clean();
}

#[test]
fn a_cancelled_call_that_is_dropped_does_not_wait_any_more() {
    let host = host();
    let mut call = host.waiting("outer", 10).cancel();
    assert!(block_on(poll_immediate(&mut call)).is_none());
    drop(call);
    assert_eq!(host.trail(), 134);
    drop(host.waiting("outer", 10).cancel());
    assert_eq!(host.trail(), 134_134, "before its turn");
    host.assert_clean();
}

#[test]
fn a_call_that_has_not_begun_or_has_ended_is_cancelled() {
    let host = host();
    assert_cancelled(host.call("outer", 10).cancel().poll_once());
    assert_eq!(host.trail(), 0);
    let call = host.waiting("outer", 10);
    host.gates.open(10);
    while host.gates.alive() > 0 {
        let _ = block_on(poll_immediate(host.instance.drive()));
    }
    assert_eq!(block_on(call.cancel()).unwrap(), 11, "it has its results");
    let mut call = host.call("outer", READY);
    assert_eq!(block_on(&mut call).unwrap(), READY + 1);
    assert!(matches!(
        block_on(call.cancel()),
        Err(Error::BadCall { .. })
    ));
    host.assert_clean();
}

#[test]
fn a_wake_before_the_turn_is_too_late() {
    let host = host();
    let call = host.waiting("outer", 10);
    host.gates.open(10);
    let call = call.cancel();
    assert_eq!(host.gates.alive(), 0);
    host.gates.open(11);
    assert_cancelled(block_on(call));
    assert_eq!(host.trail(), 124);
    host.assert_clean();
}

#[test]
fn cleaning_up_that_never_ends_is_cut_short() {
    let host = host();
    drop(host.waiting("over_and_over", 10));
    assert_eq!(host.cut_short(), (1, 2));
    host.assert_clean();
    drop(host.waiting("traps_inside", 10));
    assert_eq!(host.cut_short(), (2, 3));
    host.assert_clean();
    let traps = block_on(host.waiting("traps_inside", 10).cancel()).unwrap_err();
    assert_eq!(traps.trap_code(), Some(TrapCode::User));
    assert_eq!(host.cut_short(), (3, 4));
    let config = Config::new().fuel(Fuel::Suspend {
        slice: 1000,
        debt: None,
    });
    let host = host_with(config);
    drop(host.waiting("computes", 10));
    assert_eq!(host.cut_short(), (1, 0), "it runs, with a slice of its own");
    drop(host.waiting("computes", -10_000_000));
    assert_cancelled({
        let call = host.waiting("computes", -2_000);
        block_on(call.cancel())
    });
    assert_eq!(host.cut_short(), (2, 0), "slice by slice");
    host.assert_clean();
}

#[test]
fn what_a_cancelled_call_joins_goes_on() {
    let host = host();
    drop(host.waiting("joins", 10));
    assert_eq!(
        host.trail(),
        0,
        "the task that was joined is cancelled, and has not had its turn"
    );
    assert_eq!(host.gates.alive(), 0);
    let _ = block_on(poll_immediate(host.instance.drive()));
    assert_eq!((host.trail(), host.gates.alive()), (1, 1));
    host.gates.open(11);
    block_on(host.instance.drive()).unwrap();
    assert_eq!(host.trail(), 12);
    host.assert_clean();
}

#[test]
fn a_call_is_dropped_by_a_host_function_of_the_instance() {
    let host = host();
    let dropped = Mutex::new(Some(host.waiting("outer", 10)));
    let gates = host.gates.clone();
    *host.call_back.lock().unwrap() = Box::new(move || {
        drop(dropped.lock().unwrap().take());
        assert_eq!(gates.alive(), 1, "it is for whoever is inside to do");
    });
    assert_eq!(block_on(host.call("calls_back", 5)).unwrap(), 5);
    assert_eq!(host.trail(), 134);
    host.assert_clean();
}

#[test]
fn a_call_is_dropped_while_another_thread_is_inside() {
    let host = Arc::new(host());
    let dropped = Mutex::new(Some((host.waiting("outer", 10), host.waiting("outer", 20))));
    *host.call_back.lock().unwrap() = Box::new(move || {
        let Some((one, other)) = dropped.lock().unwrap().take() else {
            return;
        };
        thread::spawn(move || {
            drop(one);
            std::mem::forget(other.cancel());
        })
        .join()
        .expect("it neither panics nor blocks");
    });
    assert_eq!(block_on(host.call("calls_back", 5)).unwrap(), 5);
    assert_eq!(host.trail(), 134);
    assert_eq!(host.gates.alive(), 0);
    let _ = block_on(poll_immediate(host.instance.drive()));
    assert_eq!(host.trail(), 1341);
}

#[test]
fn timeouts_just_work() {
    let host = host();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        let limit = Duration::from_millis(5);
        let timed_out = tokio::time::timeout(limit, host.call("outer", 10)).await;
        assert!(timed_out.is_err());
        assert_eq!(host.trail(), 134);
        let timed_out = tokio::time::timeout(limit, host.call("sleeps", 1_000_000)).await;
        assert!(timed_out.is_err());
        assert_eq!(host.trail(), 1341);
        let in_time = tokio::time::timeout(limit * 1000, host.call("sleeps", 1)).await;
        assert_eq!(in_time.unwrap().unwrap(), 1);
    });
    host.assert_clean();
}

#[test]
fn tasks_of_the_host_are_cancelled() {
    let host = host();
    let task = host.spawn("outer", 10).cancel();
    assert_eq!(host.gates.alive(), 0);
    host.gates.open(11);
    assert_cancelled(block_on(task));
    assert_eq!(host.trail(), 124);
    assert_eq!(
        block_on(host.spawn("outer", READY).cancel()).unwrap(),
        READY + 1
    );
    drop(host.spawn("outer", 30).cancel());
    host.gates.open(31);
    block_on(host.instance.drive()).unwrap();
    assert_eq!(host.trail(), 124_124, "it goes on when it is dropped");
    host.assert_clean();
}

#[test]
fn a_task_is_cancelled_before_it_begins() {
    let host = Arc::new(host());
    let cancelled = Arc::new(Mutex::new(None));
    let (inside, kept) = (Arc::clone(&host), Arc::clone(&cancelled));
    *host.call_back.lock().unwrap() = Box::new(move || {
        *kept.lock().unwrap() = Some(inside.spawn("outer", 10).cancel());
    });
    assert_eq!(block_on(host.call("calls_back", 5)).unwrap(), 5);
    let task = cancelled.lock().unwrap().take().unwrap();
    assert_cancelled(block_on(task));
    assert_eq!((host.trail(), host.gates.alive()), (0, 0));
    *host.call_back.lock().unwrap() = Box::new(|| {});
}

#[test]
fn a_task_is_cancelled_by_a_host_function_that_it_calls_as_it_begins() {
    let host = Arc::new(host());
    let task = Arc::new(Mutex::new(None));
    let (inside, kept) = (Arc::clone(&host), Arc::clone(&task));
    *host.call_back.lock().unwrap() = Box::new(move || {
        let mut task = kept.lock().unwrap();
        let spawned: Option<Task<i64>> = task.take();
        *task = Some(match spawned {
            None => inside.spawn("calls_back_and_waits", 10),
            Some(task) => task.cancel(),
        });
    });
    assert_eq!(block_on(host.call("calls_back", 5)).unwrap(), 5);
    let task = task.lock().unwrap().take().unwrap();
    assert_cancelled(block_on(task));
    let _ = block_on(poll_immediate(host.instance.drive()));
    assert_eq!((host.trail(), host.gates.alive()), (1, 1), "in its handler");
    host.gates.open(11);
    block_on(host.instance.drive()).unwrap();
    assert_eq!(host.trail(), 12);
    host.assert_clean();
    *host.call_back.lock().unwrap() = Box::new(|| {});
}

#[test]
fn a_function_that_throws_cancellation_ends_as_cancelled() {
    let host = host();
    assert_cancelled(block_on(host.call("throws", -1)));
    let other = block_on(host.call("throws", -2)).unwrap_err();
    assert!(!other.is_cancelled());
    assert!(!Error::Running.is_cancelled());
}

#[test]
fn the_interpreter_cancels_what_has_not_begun() {
    let config = Config::new().execution(enjamb_engine::Execution::Interpreter);
    let instance = instance_with(
        config,
        "function %f() async {\nblock0:\nreturn\n}",
        &Imports::new(),
    );
    let function = instance.func::<(), ()>("f").unwrap();
    assert_cancelled(block_on(function.call_async(()).cancel()));
    block_on(function.call_async(())).unwrap();
}

#[test]
fn what_a_handler_was_not_to_wait_for_is_gone_when_the_next_one_runs() {
    let host = host();
    let alive = Arc::new(Mutex::new(Vec::new()));
    let (gates, seen) = (host.gates.clone(), Arc::clone(&alive));
    *host.call_back.lock().unwrap() = Box::new(move || seen.lock().unwrap().push(gates.alive()));
    drop(host.waiting("refused", 10));
    assert_eq!(*alive.lock().unwrap(), [0]);
    host.assert_clean();
}

#[test]
fn a_handler_that_has_what_it_waits_for_when_the_call_is_dropped_ends_like_any_other() {
    // With slices every turn is one of the executor, so tasks in front of it keep it from its own.
    let host = host_with(Config::new().fuel(Fuel::Suspend {
        slice: 1000,
        debt: None,
    }));
    let mut call = host.waiting("hears", 10).cancel();
    assert!(block_on(poll_immediate(&mut call)).is_none());
    assert!(host.gates.is_awaited(11));
    let tasks: Vec<Task<i64>> = (0..64).map(|_| host.spawn("turns", 2)).collect();
    host.gates.open(11);
    let _ = block_on(poll_immediate(host.instance.drive()));
    assert_eq!((host.trail(), host.gates.alive()), (1, 0), "it has come");
    drop(call);
    assert_eq!(
        host.trail(),
        12,
        "what stands behind the handler is cancelled"
    );
    block_on(host.instance.drive()).unwrap();
    drop(tasks);
    host.assert_clean();
}
