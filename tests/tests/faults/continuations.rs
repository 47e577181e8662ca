//! Continuations, tasks and their results.

use crate::lost::{probed, with_probe};
use crate::support::{Faults, sweep};
use enjamb::{Allocator, Clock, Config, Engine, Error, Execution};
use enjamb::{Imports, Instance, Module, Schedule, TrapCode};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

const PROGRAM: &str = r#"
import %yield = "enjamb" "yield" () async
import %sleep = "enjamb" "sleep" (i64) async
import %wait = "host" "wait" (i64) -> i64 async

function %plain(i64) -> i64 {
block0(v0: i64):
    v1 = iadd v0, v0
    return v1
}

; One frame for each number, and the host at the bottom.
function %deep(i64) -> i64 async {
block0(v0: i64):
    brif v0, block1, block2
block1:
    v1 = iconst.i64 1
    v2 = isub v0, v1
    v3 = call %deep(v2)
    v4 = imul v3, v1
    v5 = iadd v4, v0
    return v5
block2:
    v6 = call %wait(v0)
    call %yield()
    return v6
}

; An activation that uses its continuation again, and others that come and go.
function %turns(i64) -> i64 async {
block0(v0: i64):
    v1 = iconst.i64 0
    jump block1(v0, v1)
block1(v2: i64, v3: i64):
    call %yield()
    v4 = iconst.i64 2
    v5 = call %deep(v4)
    v6 = iadd v3, v5
    v7 = iconst.i64 1
    v8 = isub v2, v7
    brif v8, block1(v8, v6), block2
block2:
    v9 = iadd v6, v0
    return v9
}

; Continuations of more than the largest class.
function %large(i64) -> i64 async {
    ss0 = slot 400 align 8
block0(v0: i64):
    store ss0[392], v0
    v1 = call %deep(v0)
    v2 = load.i64 ss0[392]
    v3 = iadd v1, v2
    brif v0, block1, block2
block1:
    v4 = iconst.i64 1
    v5 = isub v0, v4
    v6 = call %large(v5)
    v7 = load.i64 ss0[392]
    v8 = iadd v6, v7
    v9 = iadd v8, v3
    return v9
block2:
    return v3
}

; A tail await, whose continuation is its caller's.
function %tail(i64) -> i64 async {
block0(v0: i64):
    v1 = iconst.i64 3
    call %yield()
    return_call %deep(v1)
}

; Tasks that finish at once, so that only their results are kept, and others that do not.
function %tasks(i64) -> i64 async {
    sig0 = () -> i64
block0(v0: i64):
    v1 = spawn %soon(v0)
    v2 = spawn %deep(v0)
    v3 = spawn %turns(v0)
    v4 = join sig0, v2
    v5 = join sig0, v1
    v6 = join sig0, v3
    v7 = iadd v4, v5
    v8 = iadd v7, v6
    return v8
}
function %soon(i64) -> i64 async {
block0(v0: i64):
    return v0
}

; What nobody waits for may end as it likes.
function %detached(i64) -> i64 async {
block0(v0: i64):
    v1 = spawn %turns(v0)
    detach v1
    v2 = call %deep(v0)
    return v2
}

; An exception out of what was suspended, and a handler that waits.
function %caught(i64) -> i64 async {
block0(v0: i64):
    v1, v2, v3 = try_call %thrower(v0), block1(v1), unwind block1(v2)
block1(v4: i64):
    v5 = call %deep(v4)
    return v5
}
function %thrower(i64) -> i64 async {
block0(v0: i64):
    v1 = call %deep(v0)
    brif v0, block1, block2
block1:
    v2 = iconst.i64 1
    v3 = isub v0, v2
    v4 = call %thrower(v3)
    return v4
block2:
    v5 = iconst.i64 7
    v6 = null.ref
    throw v5, v6
}

; Handlers that wait, in a task that is cancelled.
function %cancelled(i64) -> i64 async {
    sig0 = () -> i64
block0(v0: i64):
    v1 = spawn %guarded(v0)
    call %yield()
    cancel v1
    v2, v3, v4 = try_join sig0, v1, block1(v2), unwind block1(v3)
block1(v5: i64):
    return v5
}
function %guarded(i64) -> i64 async {
block0(v0: i64):
    v1 = iconst.i64 1
    v2 = isub v0, v1
    brif v2, block1, block2
block1:
    v3, v4, v5 = try_call %guarded(v2), block3(v3), unwind block4
block2:
    v6 = iconst.i64 1000000
    v7, v8 = try_call %sleep(v6), block3(v6), unwind block4
block3(v9: i64):
    return v9
block4:
    v10 = call %deep(v0)
    return v10
}
"#;

/// Functions, and whether a call may get by although something was refused.
const CALLS: [(&str, bool); 8] = [
    ("deep", false),
    ("turns", false),
    ("large", false),
    ("tail", false),
    ("tasks", false),
    ("detached", true),
    ("caught", false),
    ("cancelled", false),
];

/// What each of them is called with.
const ARGUMENT: i64 = 3;
/// Frames of `%deep` then, all of which the error shows, whichever has no continuation.
const DEPTH: usize = 4;

/// What the host has of its futures.
#[derive(Debug, Default)]
struct Host {
    /// How many exist.
    alive: AtomicU64,
    /// The wakers of all that there were.
    wakers: Mutex<Vec<Waker>>,
    /// Whether none gets ready.
    holds: AtomicBool,
}

impl Host {
    fn wake_all(&self) {
        self.wakers.lock().unwrap().drain(..).for_each(Waker::wake);
    }
}

struct Counted(Arc<Host>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.alive.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The function `wait`, ready when it is polled for the second time, which it asks for.
fn imports(host: &Arc<Host>) -> Imports {
    let (host, mut imports) = (Arc::clone(host), Imports::new());
    imports.async_func("host", "wait", move |number: i64| {
        host.alive.fetch_add(1, Ordering::Relaxed);
        let (counted, mut is_second) = (Counted(Arc::clone(&host)), false);
        async move {
            let host = &counted.0;
            poll_fn(|context| {
                host.wakers.lock().unwrap().push(context.waker().clone());
                if host.holds.load(Ordering::Relaxed) {
                    return Poll::Pending;
                }
                context.waker().wake_by_ref();
                match std::mem::replace(&mut is_second, true) {
                    true => Poll::Ready(()),
                    false => Poll::Pending,
                }
            })
            .await;
            number + 10
        }
    });
    imports
}

const SCHEDULES: [Schedule; 5] = [
    Schedule::Natural,
    Schedule::Never,
    Schedule::Random(1),
    Schedule::Random(2),
    Schedule::Only(1),
];

/// Machine code in each way in which continuations are allocated, one at a time.
fn configs() -> impl Iterator<Item = Config> {
    let base = Config::new().clock(Clock::Virtual).continuation_chunk(0);
    let ways = [
        base.clone(),
        base.clone().allocator(Allocator::SinglePass),
        base.clone().count(true),
        base.gc_stress(true),
    ];
    let each = |config: Config| SCHEDULES.map(|schedule| config.clone().schedule(schedule));
    ways.into_iter().flat_map(each)
}

fn module(config: Config) -> Module {
    let engine = Engine::new(config).unwrap();
    let program = with_probe(PROGRAM);
    Module::from_text(&engine, &program)
        .unwrap_or_else(|error| panic!("{}", error.render("faults", &program, false)))
}

/// Calls a function, and ends the tasks that it has left.
fn call(instance: &Instance, name: &str) -> Result<i64, Error> {
    let function = instance.func::<(i64,), i64>(name).unwrap();
    let outcome = function.block_on((ARGUMENT,));
    instance.end_tasks().unwrap();
    outcome
}

/// What the interpreter says.
fn expected(config: &Config, name: &str) -> i64 {
    let module = module(config.clone().execution(Execution::Interpreter));
    let instance = Instance::new(&module, &imports(&Arc::default())).unwrap();
    call(&instance, name).unwrap()
}

/// The error of a call for which there was no memory: it says where, for what, and how much.
fn check(error: &Error, what: &str) {
    let Error::Trap(trap) = error else {
        panic!("{what}: {error}");
    };
    assert_eq!(trap.code, TrapCode::OutOfMemory, "{what}: {trap}");
    let message = trap.message.as_deref().unwrap_or_default();
    assert!(message.starts_with("no memory for "), "{what}: {trap}");
    assert!(message.contains(" bytes: "), "{what}: {trap}");
    let (location, frames) = (&trap.location, &trap.trace.frames);
    let has_place = location.is_some() && !frames.is_empty();
    let is_nowhere = ["a task of", "the results of"];
    assert!(
        has_place || is_nowhere.iter().any(|what| message.contains(what)),
        "{what}: {trap}"
    );
}

/// Bytes of an instance that has lost nothing, and has been probed.
fn probed_alone(module: &Module, faults: &Faults) -> usize {
    let instance = Instance::new(module, &imports(&Arc::default())).unwrap();
    probed(&instance, faults)
}

/// Nothing is left, of continuations, if they are counted, tasks and futures; and wakers that are late wake nobody.
fn check_empty(instance: &Instance, host: &Host, what: &str) {
    let stats = instance.stats().unwrap();
    let counts = (stats.continuations_live, stats.tasks_live);
    assert_eq!(counts, (0, 0), "{what}");
    assert_eq!(host.alive.load(Ordering::Relaxed), 0, "{what}");
    host.wake_all();
}

#[test]
fn each_continuation_in_turn_cannot_be_had() {
    for config in configs() {
        let faults = Faults::default();
        let module = module(config.clone().blocks(faults.clone()));
        let whole = probed_alone(&module, &faults);
        for (name, may_get_by) in CALLS {
            let expected = expected(&config, name);
            let points = sweep(|plan| {
                let what = format!("%{name}, {plan:?}, {config:?}");
                let host = Arc::<Host>::default();
                let instance = Instance::new(&module, &imports(&host)).unwrap();
                faults.begin(plan);
                let outcome = call(&instance, name);
                let was_refused = faults.end() > 0;
                match outcome {
                    Ok(result) => {
                        assert!(!was_refused || may_get_by, "{what}");
                        assert_eq!(result, expected, "{what}");
                    }
                    Err(error) => {
                        assert!(was_refused, "{what}: {error}");
                        check(&error, &what);
                        let frames = error.trace().map_or(0, |trace| trace.frames.len());
                        assert!(name != "deep" || frames == DEPTH, "{what}: {error}");
                    }
                }
                check_empty(&instance, &host, &what);
                assert_eq!(
                    call(&instance, name).unwrap(),
                    expected,
                    "{what}: afterwards"
                );
                check_empty(&instance, &host, &what);
                assert_eq!(probed(&instance, &faults), whole, "{what}: some are lost");
                drop(instance);
                assert_eq!(faults.live(), 0, "{what}");
                was_refused
            });
            // `wait` suspends whatever the schedule: a frame for each number, and the results.
            assert!(points >= 3, "%{name}: {points}, {config:?}");
        }
    }
}

/// Calls that wait at the same time.
const AT_ONCE: usize = 4;

#[test]
fn a_call_without_memory_harms_none_that_is_under_way() {
    for config in configs() {
        let faults = Faults::default();
        let module = module(config.clone().blocks(faults.clone()));
        let whole = probed_alone(&module, &faults);
        let expected = expected(&config, "turns");
        let points = sweep(|plan| {
            let what = format!("{plan:?}, {config:?}");
            let host = Arc::<Host>::default();
            let instance = Instance::new(&module, &imports(&host)).unwrap();
            let turns = instance.func::<(i64,), i64>("turns").unwrap();
            host.holds.store(true, Ordering::Relaxed);
            faults.begin(plan);
            let mut calls: Vec<_> = (0..AT_ONCE)
                .map(|_| Some(Box::pin(turns.call_async((ARGUMENT,)))))
                .collect();
            let mut failed = 0;
            while calls.iter().any(Option::is_some) {
                for call in &mut calls {
                    let mut context = Context::from_waker(Waker::noop());
                    let polled = call.as_mut().map(|call| call.as_mut().poll(&mut context));
                    let Some(Poll::Ready(outcome)) = polled else {
                        continue;
                    };
                    *call = None;
                    match outcome {
                        Ok(result) => assert_eq!(result, expected, "{what}"),
                        Err(error) => {
                            check(&error, &what);
                            failed += 1;
                        }
                    }
                }
                // All of them wait, or have failed.
                host.holds.store(false, Ordering::Relaxed);
                host.wake_all();
            }
            let refused = faults.end();
            assert_eq!(failed, refused, "{what}: each refusal ends one call");
            check_empty(&instance, &host, &what);
            assert_eq!(probed(&instance, &faults), whole, "{what}: some are lost");
            drop((turns, instance));
            assert_eq!(faults.live(), 0, "{what}");
            refused > 0
        });
        assert!(points >= 4 * AT_ONCE as u64, "{points}, {config:?}");
    }
}

#[test]
fn each_continuation_of_handlers_cannot_be_had_when_a_call_is_dropped() {
    for config in configs().map(|config| config.clock(Clock::Real)) {
        let faults = Faults::default();
        let module = module(config.clone().blocks(faults.clone()));
        let whole = probed_alone(&module, &faults);
        let mut cut_short = 0;
        let points = sweep(|plan| {
            let what = format!("{plan:?}, {config:?}");
            let host = Arc::<Host>::default();
            let instance = Instance::new(&module, &imports(&host)).unwrap();
            let function = instance.func::<(i64,), i64>("guarded").unwrap();
            {
                let mut waiting = pin!(function.call_async((ARGUMENT,)));
                let mut context = Context::from_waker(Waker::noop());
                assert!(waiting.as_mut().poll(&mut context).is_pending());
                faults.begin(plan);
            }
            let was_refused = faults.end() > 0;
            let stats = instance.stats().unwrap();
            assert_eq!(stats.cancellations_cut_short > 0, was_refused, "{what}");
            cut_short += stats.cancellations_cut_short;
            check_empty(&instance, &host, &what);
            assert!(call(&instance, "deep").is_ok(), "{what}");
            assert_eq!(probed(&instance, &faults), whole, "{what}: some are lost");
            drop((function, instance));
            assert_eq!(faults.live(), 0, "{what}");
            was_refused
        });
        assert!(points >= 2 && cut_short >= 2, "{points}, {config:?}");
    }
}
