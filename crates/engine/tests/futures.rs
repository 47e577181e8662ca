//! Calls as futures, and futures of the host, under several executors.

use enjamb_engine::{
    Call, Caller, Clock, Config, Drive, Engine, Error, Exception, Execution, Imports, Instance,
    Module, Ref, Requests, Signature, Stop, Type, UntypedCall, Val,
};
use futures::executor::{LocalPool, block_on};
use futures::future::{join_all, poll_immediate};
use std::collections::VecDeque;
use std::future::{pending, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

const PROGRAM: &str = r#"
    import %wait = "host" "wait" (i64) -> i64 async
    import %yield = "enjamb" "yield" () async
    import %sleep = "enjamb" "sleep" (i64) async
    global %seen: i64 = 0
    function %twice(i64) -> i64 async {
    block0(v0: i64):
        v1 = call %wait(v0)
        v2 = call %wait(v1)
        v3 = iadd v1, v2
        return v3
    }
    function %outer(i64) -> i64 async {
    block0(v0: i64):
        v1 = call %twice(v0)
        v2 = iadd v1, v0
        return v2
    }
    function %caught(i64) -> i64 async {
    block0(v0: i64):
        v1, v2, v3 = try_call %wait(v0), block1(v1), unwind block1(v2)
    block1(v4: i64):
        return v4
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
        call %sleep(v0)
        return v0
    }
    function %marks(i64) async {
    block0(v0: i64):
        call %sleep(v0)
        v1 = call %wait(v0)
        v2 = global_get.i64 %seen
        v3 = iadd v2, v0
        global_set %seen, v3
        return
    }
    function %leaves(i64) -> i64 async {
    block0(v0: i64):
        v1 = spawn %marks(v0)
        detach v1
        return v0
    }
    function %plain(i64) -> i64 {
    block0(v0: i64):
        v1 = iadd v0, v0
        return v1
    }
"#;

/// What calls of `wait` wait for: gates by number.
#[derive(Clone, Default)]
struct Gates(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    open: Vec<i64>,
    wakers: Vec<(i64, Waker)>,
    /// Futures that exist.
    alive: usize,
    polls: usize,
}

struct Passing(Gates, i64);

impl Future for Passing {
    type Output = i64;
    fn poll(self: std::pin::Pin<&mut Self>, context: &mut Context<'_>) -> Poll<i64> {
        let mut state = self.0.0.lock().unwrap();
        state.polls += 1;
        if state.open.contains(&self.1) {
            return Poll::Ready(self.1 + 1);
        }
        state.wakers.push((self.1, context.waker().clone()));
        Poll::Pending
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        self.0.0.lock().unwrap().alive -= 1;
        assert!(self.1 != BAD_DROP, "drops badly");
    }
}

/// Arguments of `wait` that mean something else than a gate.
/// This one and those above it.
const READY: i64 = 1_000_000;
const OF_READY: i64 = 3 * READY + 3;
const PANICS: i64 = -1;
const PANICS_LATER: i64 = -2;
const FAILS_LATER: i64 = -3;
const BAD_DROP: i64 = -4;
const YIELDS: i64 = -5;

impl Gates {
    fn pass(&self, gate: i64) -> Passing {
        self.0.lock().unwrap().alive += 1;
        Passing(self.clone(), gate)
    }

    fn open(&self, gate: i64) {
        let mut state = self.0.lock().unwrap();
        state.open.push(gate);
        let (woken, rest) = std::mem::take(&mut state.wakers)
            .into_iter()
            .partition(|(waiting, _)| *waiting == gate);
        state.wakers = rest;
        drop(state);
        let woken: Vec<(i64, Waker)> = woken;
        woken.into_iter().for_each(|(_, waker)| waker.wake());
    }

    fn open_later(&self, gates: impl IntoIterator<Item = i64> + Send + 'static) {
        let this = self.clone();
        thread::spawn(move || {
            for gate in gates {
                thread::sleep(Duration::from_millis(2));
                this.open(gate);
            }
        });
    }

    fn alive(&self) -> usize {
        self.0.lock().unwrap().alive
    }

    fn imports(&self) -> Imports {
        let gates = self.clone();
        let mut imports = Imports::new();
        imports.async_func("host", "wait", move |gate: i64| {
            let gates = gates.clone();
            async move {
                match gate {
                    READY.. => return Ok(gate + 1),
                    PANICS => panic!("at once"),
                    YIELDS => {
                        for _ in 0..10 {
                            give_way().await;
                        }
                        return Ok(READY);
                    }
                    _ => {}
                }
                let passed = gates.pass(gate).await;
                assert!(gate != PANICS_LATER, "later");
                match gate {
                    FAILS_LATER => Err("refused"),
                    _ => Ok(passed),
                }
            }
        });
        imports
    }
}

/// Is ready when polled again, which it asks for.
async fn give_way() {
    let mut is_second = false;
    poll_fn(|context| {
        context.waker().wake_by_ref();
        match std::mem::replace(&mut is_second, true) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
}

fn instance_with(config: Config, text: &str, imports: &Imports) -> Instance {
    let engine = Engine::new(config.count(true)).unwrap();
    let module = Module::from_text(&engine, text).unwrap_or_else(|error| panic!("{error}"));
    Instance::new(&module, imports).unwrap()
}

fn instance(gates: &Gates) -> Instance {
    instance_with(Config::new(), PROGRAM, &gates.imports())
}

fn call(instance: &Instance, name: &str, argument: i64) -> Call<(i64,), i64> {
    let function = instance.func::<(i64,), i64>(name).unwrap();
    function.call_async((argument,))
}

#[test]
fn calls_are_send_and_need_no_lifetime() {
    fn check<T: Send + 'static>() {}
    check::<Call<(i64, f64), (i64, Option<Ref>)>>();
    check::<UntypedCall>();
    check::<Drive>();
}

#[test]
fn what_is_ready_does_not_suspend() {
    let gates = Gates::default();
    let instance = instance(&gates);
    assert_eq!(
        call(&instance, "outer", READY).poll_once().unwrap(),
        OF_READY
    );
    assert_eq!(call(&instance, "plain", 21).poll_once().unwrap(), 42);
    let stats = instance.stats().unwrap();
    assert_eq!((stats.suspensions, stats.continuations_live), (0, 0));
}

trait PollOnce: Future + Sized {
    fn poll_once(self) -> Self::Output {
        block_on(poll_immediate(self)).expect("it is ready at once")
    }
}
impl<F: Future> PollOnce for F {}

#[test]
fn any_executor_runs_calls() {
    let gates = Gates::default();
    let instance = instance(&gates);
    let run = |first: i64, executor: &dyn Fn(Call<(i64,), i64>) -> Result<i64, Error>| {
        gates.open_later([first, first + 1]);
        let result = executor(call(&instance, "outer", first)).unwrap();
        assert_eq!(result, (first + 1) + (first + 2) + first);
    };
    let current = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let multi = multi_thread(2);
    run(10, &|call| current.block_on(call));
    run(20, &|call| {
        multi.block_on(async { tokio::spawn(call).await.unwrap() })
    });
    run(30, &|call| block_on(call));
    run(40, &|call| LocalPool::new().run_until(call));
    run(50, &|call| {
        drop(call);
        instance.func::<(i64,), i64>("outer")?.block_on((50,))
    });
    assert_eq!(gates.alive(), 0);
    assert_eq!(instance.stats().unwrap().continuations_live, 0);
}

fn multi_thread(workers: usize) -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_time()
        .build()
        .unwrap()
}

#[test]
fn untyped_calls_check_their_arguments_first() {
    let gates = Gates::default();
    let instance = instance(&gates);
    let good = instance.call_async("outer", &[Val::I64(READY)]).unwrap();
    assert_eq!(block_on(good).unwrap(), [Val::I64(OF_READY)]);
    for bad in [&[][..], &[Val::I32(1)]] {
        let error = instance.call_async("outer", bad).unwrap_err();
        assert!(matches!(error, Error::BadCall { .. }), "{error}");
    }
}

#[test]
fn a_waker_may_be_early_or_late_and_fire_often() {
    let gates = Gates::default();
    let instance = instance(&gates);
    gates.open(5);
    gates.open(6);
    assert_eq!(call(&instance, "outer", 5).poll_once().unwrap(), 6 + 7 + 5);
    assert_eq!(instance.stats().unwrap().suspensions, 0, "open before");

    let mut waiting = pin!(call(&instance, "outer", 10));
    assert!(block_on(poll_immediate(&mut waiting)).is_none());
    let waker = gates.0.lock().unwrap().wakers[0].1.clone();
    let polls = || gates.0.lock().unwrap().polls;
    let before = polls();
    for _ in 0..1000 {
        waker.wake_by_ref();
    }
    assert!(block_on(poll_immediate(&mut waiting)).is_none());
    assert_eq!(polls(), before + 1, "a thousand wakes are one");
    gates.open_later([11, 10]);
    assert_eq!(block_on(&mut waiting).unwrap(), 11 + 12 + 10);
    // Now it is nobody's, or another task's.
    let mut other = pin!(call(&instance, "outer", 20));
    assert!(block_on(poll_immediate(&mut other)).is_none());
    let late = thread::spawn(move || waker.wake());
    late.join().unwrap();
    gates.open_later([20, 21]);
    assert_eq!(block_on(other).unwrap(), 21 + 22 + 20);
    assert_eq!(
        block_on(call(&instance, "outer", YIELDS)).unwrap(),
        2 * READY + 1 + YIELDS
    );
}

#[test]
fn a_thousand_calls_of_one_instance() {
    const CALLS: i64 = 1000;
    let gates = Gates::default();
    let instance = instance(&gates);
    let run = |runtime: &tokio::runtime::Runtime| {
        let (gates, instance) = (gates.clone(), instance.clone());
        runtime.block_on(async move {
            let calls = (1..=CALLS).map(|gate| tokio::spawn(call(&instance, "outer", 10 * gate)));
            let calls: Vec<_> = calls.collect();
            let opener = tokio::task::spawn_blocking(move || {
                for step in 0..CALLS {
                    // All of them, in no order.
                    let gate = 10 * (step * 367 % CALLS + 1);
                    gates.open(gate);
                    gates.open(gate + 1);
                }
            });
            let mut sum = 0;
            for call in calls {
                match tokio::time::timeout(Duration::from_secs(20), call).await {
                    Ok(result) => sum += result.unwrap().unwrap(),
                    Err(_) => panic!("a call has been forgotten"),
                }
            }
            opener.await.unwrap();
            sum
        })
    };
    let expected: i64 = (1..=CALLS).map(|gate| 30 * gate + 3).sum();
    assert_eq!(run(&multi_thread(4)), expected);
    assert_eq!(
        (gates.alive(), instance.stats().unwrap().continuations_live),
        (0, 0)
    );
}

#[test]
fn two_workers_hand_an_instance_over_and_neither_blocks() {
    let gates = Gates::default();
    let instance = instance(&gates);
    multi_thread(2).block_on(async {
        let calls = (0..8).map(|_| tokio::spawn(call(&instance, "turns", 20_000)));
        for result in join_all(calls).await {
            assert_eq!(result.unwrap().unwrap(), 20_000);
        }
    });
    assert_eq!(instance.stats().unwrap().continuations_live, 0);
}

#[test]
fn an_executor_gets_its_turn() {
    let gates = Gates::default();
    let instance = instance(&gates);
    let mut turns = pin!(call(&instance, "turns", 1_000_000));
    let polls = AtomicU64::new(0);
    let result = block_on(poll_fn(|context| {
        polls.fetch_add(1, Ordering::Relaxed);
        turns.as_mut().poll(context)
    }));
    assert_eq!(result.unwrap(), 1_000_000);
    assert!(polls.into_inner() > 5);
}

#[test]
fn what_goes_wrong_in_a_future_is_thrown_at_the_call() {
    let gates = Gates::default();
    let instance = instance(&gates);
    for (argument, tag, message) in [
        (PANICS, Exception::HOST_PANIC, "panicked: at once"),
        (PANICS_LATER, Exception::HOST_PANIC, "panicked: later"),
        (FAILS_LATER, Exception::HOST_ERROR, "refused"),
    ] {
        gates.open_later([argument]);
        let error = block_on(call(&instance, "outer", argument)).unwrap_err();
        let thrown = error.exception().unwrap();
        assert_eq!(thrown.exception.tag, tag);
        assert_eq!(thrown.message.as_deref(), Some(message));
        let frames: Vec<&str> = thrown.trace.frames.iter().map(|at| &*at.function).collect();
        assert_eq!(frames, ["twice", "outer"]);
        assert_eq!(block_on(call(&instance, "caught", argument)).unwrap(), tag);
    }
    assert_eq!(
        (gates.alive(), instance.stats().unwrap().continuations_live),
        (0, 0)
    );
}

#[test]
fn a_call_that_is_dropped_leaves_nothing() {
    let gates = Gates::default();
    let instance = instance(&gates);
    for round in 0..3 {
        let mut calls: VecDeque<_> = (0..100)
            .map(|_| Box::pin(call(&instance, "outer", 7)))
            .collect();
        for call in &mut calls {
            assert!(block_on(poll_immediate(call)).is_none());
        }
        assert_eq!(gates.alive(), 100);
        assert!(instance.stats().unwrap().continuations_live >= 200);
        while let Some(call) = match round {
            0 => calls.pop_front(),
            _ => calls.pop_back(),
        } {
            drop(call);
        }
        assert_eq!(
            (gates.alive(), instance.stats().unwrap().continuations_live),
            (0, 0)
        );
    }
    // Woken, and dropped before it is polled.
    let mut woken = Box::pin(call(&instance, "outer", 8));
    assert!(block_on(poll_immediate(&mut woken)).is_none());
    gates.open(8);
    drop(woken);
    // Dropping the future panics.
    let mut bad = Box::pin(call(&instance, "outer", BAD_DROP));
    assert!(block_on(poll_immediate(&mut bad)).is_none());
    drop(bad);
    let mut sleeping = Box::pin(call(&instance, "sleeps", 1_000_000));
    assert!(block_on(poll_immediate(&mut sleeping)).is_none());
    drop(sleeping);
    assert_eq!(
        (gates.alive(), instance.stats().unwrap().continuations_live),
        (0, 0)
    );
    assert_eq!(
        call(&instance, "outer", READY).poll_once().unwrap(),
        OF_READY
    );
}

#[test]
fn time_limits_of_an_executor_work() {
    let gates = Gates::default();
    let instance = instance(&gates);
    multi_thread(1).block_on(async {
        let limit = Duration::from_millis(20);
        for (name, argument) in [("outer", 7), ("sleeps", 1_000_000), ("turns", i64::MAX)] {
            let result = tokio::time::timeout(limit, call(&instance, name, argument)).await;
            assert!(result.is_err(), "{name}");
        }
    });
    assert_eq!(
        (gates.alive(), instance.stats().unwrap().continuations_live),
        (0, 0)
    );
}

#[test]
fn who_drives_may_go_away() {
    let gates = Gates::default();
    let instance = instance(&gates);
    // The last one polled keeps the time and hears of what is nobody's.
    let left = poll_to_pending(call(&instance, "sleeps", 30));
    let waits = poll_to_pending(call(&instance, "outer", 10));
    let driver = poll_to_pending(call(&instance, "outer", 99));
    drop(driver);
    gates.open_later([10, 11]);
    let both = async { (left.await.unwrap(), waits.await.unwrap()) };
    assert_eq!(block_on(both), (30, 11 + 12 + 10));

    let finishes = poll_to_pending(call(&instance, "sleeps", 60));
    let driver = poll_to_pending(call(&instance, "outer", 20));
    gates.open_later([20, 21]);
    block_on(driver).unwrap();
    assert_eq!(block_on(finishes).unwrap(), 60);
}

fn poll_to_pending<F: Future>(future: F) -> std::pin::Pin<Box<F>> {
    let mut future = Box::pin(future);
    assert!(block_on(poll_immediate(&mut future)).is_none());
    future
}

#[test]
fn sleeps_of_calls_run_side_by_side() {
    let gates = Gates::default();
    let instance = instance(&gates);
    let sleeps = || join_all((0..20).map(|extra| call(&instance, "sleeps", 40 + extra)));
    let current = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let executors: [&dyn Fn() -> Vec<Result<i64, Error>>; 2] =
        [&|| block_on(sleeps()), &|| current.block_on(sleeps())];
    for run in executors {
        let started = Instant::now();
        let slept: Vec<i64> = run().into_iter().map(Result::unwrap).collect();
        assert_eq!(slept, (40..60).collect::<Vec<i64>>());
        let took = started.elapsed();
        assert!(took >= Duration::from_millis(59), "{took:?}");
        assert!(took < Duration::from_millis(500), "{took:?}");
    }
    let virtual_time = instance_with(
        Config::new().clock(Clock::Virtual),
        PROGRAM,
        &gates.imports(),
    );
    assert_eq!(
        block_on(call(&virtual_time, "sleeps", 1 << 40)).unwrap(),
        1 << 40
    );
}

#[test]
fn tasks_outlive_the_call_that_spawned_them_and_can_be_driven() {
    let gates = Gates::default();
    let instance = instance(&gates);
    let seen = || instance.global("seen").unwrap().get().unwrap();
    for task in [5, 6, 7] {
        assert_eq!(block_on(call(&instance, "leaves", task)).unwrap(), task);
    }
    assert_eq!(seen(), Val::I64(0));
    gates.open_later([7, 5, 6]);
    block_on(instance.drive()).unwrap();
    assert_eq!(seen(), Val::I64(18));
    block_on(instance.drive()).unwrap();
    // Beside a call, and given up.
    assert_eq!(block_on(call(&instance, "leaves", 8)).unwrap(), 8);
    let drive = poll_to_pending(instance.drive());
    assert_eq!(
        instance
            .func::<(i64,), i64>("turns")
            .unwrap()
            .block_on((5,))
            .unwrap(),
        5
    );
    drop(drive);
    gates.open(8);
    block_on(instance.drive()).unwrap();
    assert_eq!(seen(), Val::I64(26));
}

#[test]
fn nobody_blocks_or_enters_an_instance_from_inside() {
    let text = r#"
        import %wait = "host" "wait" (i64) -> i64 async
        function %outer(i64) -> i64 async {
        block0(v0: i64):
            v1 = call %wait(v0)
            return v1
        }
        function %plain(i64) -> i64 {
        block0(v0: i64):
            return v0
        }
    "#;
    let other = instance_with(Config::new(), PROGRAM, &Gates::default().imports());
    let own: Arc<Mutex<Option<Instance>>> = Arc::default();
    let (inside, errors) = (Arc::clone(&own), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&errors);
    let mut imports = Imports::new();
    imports.async_func("host", "wait", move |number: i64| {
        let (own, other) = (inside.lock().unwrap().clone().unwrap(), other.clone());
        let count = Arc::clone(&count);
        async move {
            give_way().await;
            let blocked = other.func::<(i64,), i64>("turns").unwrap().block_on((3,));
            assert!(matches!(blocked, Err(Error::InsideExecutor)));
            assert!(matches!(
                own.call("plain", &[Val::I64(1)]),
                Err(Error::Running)
            ));
            assert!(matches!(call(&own, "plain", 1).await, Err(Error::Running)));
            // What does not block is another matter.
            assert_eq!(call(&other, "turns", 3).await.unwrap(), 3);
            assert_eq!(other.call("plain", &[Val::I64(4)]).unwrap(), [Val::I64(8)]);
            count.fetch_add(1, Ordering::Relaxed);
            number
        }
    });
    let instance = instance_with(Config::new(), text, &imports);
    *own.lock().unwrap() = Some(instance.clone());
    assert_eq!(block_on(call(&instance, "outer", 9)).unwrap(), 9);
    assert_eq!(errors.load(Ordering::Relaxed), 1);
    own.lock().unwrap().take();
}

#[test]
fn a_call_waits_for_another_thread_to_leave() {
    let text = r#"
        import %hold = "host" "hold" ()
        function %holds() {
        block0:
            call %hold()
            return
        }
        function %plain(i64) -> i64 {
        block0(v0: i64):
            return v0
        }
    "#;
    let (inside, leave) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (entered, may_leave) = (Arc::clone(&inside), Arc::clone(&leave));
    let mut imports = Imports::new();
    imports.func("host", "hold", move || {
        entered.store(1, Ordering::Release);
        while may_leave.load(Ordering::Acquire) == 0 {
            thread::yield_now();
        }
    });
    let instance = instance_with(Config::new(), text, &imports);
    let holder = instance.clone();
    let holding = thread::spawn(move || holder.call("holds", &[]).unwrap());
    while inside.load(Ordering::Acquire) == 0 {
        thread::yield_now();
    }
    let waits = poll_to_pending(call(&instance, "plain", 3));
    let dropped = poll_to_pending(call(&instance, "plain", 4));
    drop(dropped);
    leave.store(1, Ordering::Release);
    assert_eq!(block_on(waits).unwrap(), 3);
    holding.join().unwrap();
}

#[test]
fn references_are_good_as_long_as_the_future() {
    let text = r#"
        type %cell = { value: i64 }
        import %wait = "host" "wait" (ref) -> ref async
        function %main() -> i64 async {
        block0:
            v0 = new %cell
            v1 = iconst.i64 41
            set_field %cell.value, v0, v1
            v2 = call %wait(v0)
            v3 = get_field.i64 %cell.value, v2
            return v3
        }
    "#;
    let gates = Gates::default();
    let (seen, passing) = (Arc::new(Mutex::new(None)), gates.clone());
    let sees = Arc::clone(&seen);
    let mut imports = Imports::new();
    imports.async_func(
        "host",
        "wait",
        move |caller: &Caller<'_>, cell: Option<Ref>| {
            let before = caller.objects().get_field(cell.unwrap(), "value").unwrap();
            *sees.lock().unwrap() = cell;
            let passing = passing.pass(1);
            async move {
                passing.await;
                assert_eq!(before, Val::I64(41));
                cell
            }
        },
    );
    let config = Config::new().gc_stress(true);
    let instance = instance_with(config, text, &imports);
    let main = instance.func::<(), i64>("main").unwrap();
    for keeps in [false, true] {
        let call = poll_to_pending(main.call_async(()));
        let cell = seen.lock().unwrap().unwrap();
        let objects = instance.objects();
        objects.collect().unwrap();
        assert_eq!(objects.get_field(cell, "value").unwrap(), Val::I64(41));
        objects.set_field(cell, "value", Val::I64(42)).unwrap();
        if keeps {
            objects.keep(cell).unwrap();
        }
        gates.open_later([1]);
        assert_eq!(block_on(call).unwrap(), 42);
        assert_eq!(objects.get_field(cell, "value").is_ok(), keeps);
        gates.0.lock().unwrap().open.clear();
    }
    let dropped = poll_to_pending(main.call_async(()));
    let cell = seen.lock().unwrap().unwrap();
    drop(dropped);
    assert!(instance.objects().get_field(cell, "value").is_err());
}

#[test]
fn instances_go_away_before_their_wakers() {
    let gates = Gates::default();
    let function = instance(&gates).func::<(i64,), i64>("outer").unwrap();
    let waits = poll_to_pending(function.call_async((3,)));
    let waker = gates.0.lock().unwrap().wakers[0].1.clone();
    drop((function, waits));
    assert_eq!(gates.alive(), 0);
    waker.wake_by_ref();
    gates.open(3);
    waker.wake();
}

#[test]
fn an_import_that_is_an_instance_waits_like_any_other() {
    let gates = Gates::default();
    let text = format!("{PROGRAM}\n    export \"wait\" = %outer\n");
    let exporter = instance_with(Config::new(), &text, &gates.imports());
    let mut imports = Imports::new();
    imports.instance("host", &exporter);
    let importer = instance_with(Config::new(), PROGRAM, &imports);
    gates.open_later([4, 5]);
    assert_eq!(block_on(call(&importer, "caught", 4)).unwrap(), 5 + 6 + 4);
    let waits = poll_to_pending(call(&importer, "caught", 8));
    assert_eq!(gates.alive(), 1);
    drop(waits);
    assert_eq!(gates.alive(), 0);
    assert_eq!(exporter.stats().unwrap().continuations_live, 0);
    gates.open_later([PANICS_LATER]);
    let error = block_on(call(&importer, "twice", PANICS_LATER)).unwrap_err();
    assert_eq!(
        error.exception().unwrap().exception.tag,
        Exception::HOST_PANIC
    );
}

#[test]
fn functions_over_lists_of_values_can_be_async() {
    let signature = Signature::asynchronous(&[Type::I64], &[Type::I64]);
    for execution in [Execution::Jit, Execution::Interpreter] {
        let mut imports = Imports::new();
        imports.async_func_untyped("host", "wait", signature.clone(), |_, values| {
            let first = values[0];
            async move {
                give_way().await;
                match first {
                    Val::I64(1) => Ok(vec![Val::I32(1)]),
                    first => Ok(vec![first]),
                }
            }
        });
        let instance = instance_with(Config::new().execution(execution), PROGRAM, &imports);
        assert_eq!(block_on(call(&instance, "outer", 5)).unwrap(), 15);
        let error = block_on(call(&instance, "outer", 1)).unwrap_err();
        let message = error.exception().unwrap().message.clone().unwrap();
        assert!(message.contains("returned (i64) -> i32 async"), "{message}");
    }
}

#[test]
fn the_interpreter_waits_on_the_spot() {
    let gates = Gates::default();
    let config = Config::new().execution(Execution::Interpreter);
    let instance = instance_with(config, PROGRAM, &gates.imports());
    gates.open_later([10, 11, 12]);
    assert_eq!(
        call(&instance, "outer", 10).poll_once().unwrap(),
        11 + 12 + 10
    );
    assert_eq!(
        instance.call("caught", &[Val::I64(PANICS)]).unwrap(),
        [Val::I64(Exception::HOST_PANIC)]
    );
    assert_eq!(gates.alive(), 0);
    block_on(instance.drive()).unwrap();
}

#[test]
fn a_future_that_never_ends_holds_up_nobody_else() {
    let mut imports = Imports::new();
    imports.async_func("host", "wait", |number: i64| async move {
        if number == 1 {
            pending::<()>().await;
        }
        give_way().await;
        number
    });
    let instance = instance_with(Config::new(), PROGRAM, &imports);
    let stuck = poll_to_pending(call(&instance, "outer", 1));
    assert_eq!(block_on(call(&instance, "outer", 2)).unwrap(), 6);
    let outer = instance.func::<(i64,), i64>("outer").unwrap();
    assert_eq!(outer.block_on((3,)).unwrap(), 9);
    drop(stuck);
    assert_eq!(instance.stats().unwrap().continuations_live, 0);
}

#[test]
fn a_host_with_a_loop_of_its_own_knows_each_reason_to_stop() {
    let signature = Signature::asynchronous(&[Type::I64], &[Type::I64]);
    let (requests, mut imports) = (Requests::new(), Imports::new());
    imports.request("host", "wait", signature, &requests);
    let instance = instance_with(Config::new(), PROGRAM, &imports);
    let start = |name: &str, argument: i64| {
        let arguments = [Val::I64(argument)];
        instance
            .start(name, &arguments, &requests, Waker::noop())
            .unwrap()
    };
    let mut run = start("twice", 3);
    for expected in [3, 30] {
        let Ok(Stop::Requested(request)) = run.resume() else {
            panic!("it calls `wait`");
        };
        assert_eq!(
            (request.name(), request.arguments()),
            ("wait", &[Val::I64(expected)][..])
        );
        assert!(matches!(run.resume(), Ok(Stop::Waiting)));
        request.answer(Ok(vec![Val::I64(10 * expected)]));
    }
    assert!(matches!(run.resume(), Ok(Stop::Finished(results)) if results == [Val::I64(330)]));

    let mut turns = start("turns", 1000);
    assert!(matches!(
        turns.resume(),
        Ok(Stop::Finished(_) | Stop::Yielded)
    ));
    let mut caught = start("caught", 1);
    let Ok(Stop::Requested(request)) = caught.resume() else {
        panic!("it calls `wait`");
    };
    drop(request);
    let thrown = [Val::I64(Exception::HOST_ERROR)];
    assert!(matches!(caught.resume(), Ok(Stop::Finished(results)) if results == thrown));
    let mut dropped = start("outer", 5);
    let Ok(Stop::Requested(late)) = dropped.resume() else {
        panic!("it calls `wait`");
    };
    drop(dropped);
    late.answer(Ok(vec![]));
    assert_eq!(instance.stats().unwrap().continuations_live, 0);
}

#[test]
fn whoever_finishes_leaves_the_rest_to_those_who_wait() {
    let gates = Gates::default();
    let instance = instance(&gates);
    let seen = || instance.global("seen").unwrap().get().unwrap();
    let waits = poll_to_pending(call(&instance, "outer", 10));
    // It spawns a task that sleeps, and has finished when it is polled first.
    assert_eq!(call(&instance, "leaves", 20).poll_once().unwrap(), 20);
    gates.open(20);
    let (opener, other) = (gates.clone(), instance.clone());
    let before = thread::spawn(move || {
        thread::sleep(Duration::from_millis(100));
        let before = other.global("seen").unwrap().get().unwrap();
        opener.open(10);
        opener.open(11);
        before
    });
    block_on(waits).unwrap();
    assert_eq!(
        before.join().unwrap(),
        Val::I64(20),
        "while the other one waits"
    );

    // A call that blocks drives others, and then knows when they want to go on.
    let marks = instance.func::<(i64,), ()>("marks").unwrap();
    let sleeps = instance.func::<(i64,), i64>("sleeps").unwrap();
    let late = poll_to_pending(marks.call_async((40,)));
    sleeps.block_on((5,)).unwrap();
    gates.open(40);
    block_on(late).unwrap();
    assert_eq!(seen(), Val::I64(60));

    // A plain call leaves tasks alone.
    block_on(call(&instance, "leaves", 7)).unwrap();
    gates.open(7);
    assert_eq!(block_on(call(&instance, "plain", 2)).unwrap(), 4);
    block_on(instance.drive()).unwrap();
    assert_eq!(seen(), Val::I64(67));
}

#[test]
fn calls_that_are_woken_and_dropped_at_random_leave_nothing() {
    const CALLS: u64 = 4000;
    let gates = Gates::default();
    let instance = instance(&gates);
    multi_thread(4).block_on(async {
        let calls = (0..CALLS).map(|index| {
            let (gates, instance) = (gates.clone(), instance.clone());
            // Some arbitrary numbers that are the same in every run.
            let mut random = index.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
            let mut below = move |limit: u64| {
                random = random
                    .wrapping_mul(0x5851_f42d_4c95_7f2d)
                    .wrapping_add(index);
                (random >> 33) % limit
            };
            tokio::spawn(async move {
                let gate = 10 * index as i64 + 10;
                let name = ["outer", "marks", "sleeps", "turns"][below(4) as usize];
                let argument = match name {
                    "outer" => gate,
                    "turns" => 2000,
                    _ => below(4) as i64,
                };
                let limit = Duration::from_micros(below(4000));
                let awaited: UntypedCall =
                    instance.call_async(name, &[Val::I64(argument)]).unwrap();
                let call = tokio::spawn(tokio::time::timeout(limit, awaited));
                tokio::time::sleep(Duration::from_micros(below(3000))).await;
                gates.open(gate);
                gates.open(gate + 1);
                if let Ok(result) = call.await.unwrap() {
                    result.unwrap();
                    return 1;
                }
                0
            })
        });
        let ended = join_all(calls).await.into_iter().map(Result::unwrap);
        let finished: u64 = ended.sum();
        assert!((1..CALLS).contains(&finished), "{finished}");
    });
    assert_eq!(
        (gates.alive(), instance.stats().unwrap().continuations_live),
        (0, 0)
    );
    assert_eq!(
        call(&instance, "outer", READY).poll_once().unwrap(),
        OF_READY
    );
}
