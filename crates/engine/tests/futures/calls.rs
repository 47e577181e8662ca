//! Calls as futures: any executor, many at once, dropped, handed over.

use crate::support::*;
use enjamb_engine::{Call, Clock, Config, Drive, Error, Imports, Ref, UntypedCall, Val};
use futures::executor::{LocalPool, block_on};
use futures::future::{join_all, poll_immediate};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Waker};
use std::thread;
use std::time::{Duration, Instant};
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
    let mut plain = pin!(call(&instance, "plain", 21));
    assert_eq!(block_on(&mut plain).unwrap(), 42);
    let again = block_on(plain).unwrap_err();
    assert!(matches!(again, Error::BadCall { .. }), "{again}");
    let stats = instance.stats().unwrap();
    assert_eq!((stats.suspensions, stats.continuations_live), (0, 0));
}

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
fn a_future_that_gives_way_lets_the_executor_run_something_else_each_time() {
    let gates = Gates::default();
    let instance = instance(&gates);
    let mut yields = Box::pin(call(&instance, "outer", YIELDS));
    let mut polls = 1;
    while block_on(poll_immediate(&mut yields)).is_none() {
        polls += 1;
    }
    assert!(polls >= 10, "{polls}");
}

#[test]
fn when_the_call_that_keeps_the_time_leaves_another_one_is_told_to() {
    let gates = Gates::default();
    let instance = instance(&gates);
    let told = Arc::new(Told::default());
    let waker = Waker::from(Arc::clone(&told));
    let mut stays = Box::pin(call(&instance, "sleeps", 60_000));
    let polled = stays.as_mut().poll(&mut Context::from_waker(&waker));
    assert!(polled.is_pending());
    let leaves = poll_to_pending(call(&instance, "sleeps", 60_000));
    told.0.store(0, Ordering::Release);
    drop(leaves);
    assert!(told.0.load(Ordering::Acquire) > 0);
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
    // It sleeps, and waits for its gate then: so it has not ended, however long this thread was kept from running.
    let marks = instance.func::<(i64,), ()>("marks").unwrap();
    // The last one polled keeps the time and hears of what is nobody's.
    let left = poll_to_pending(marks.call_async((30,)));
    let waits = poll_to_pending(call(&instance, "outer", 10));
    let driver = poll_to_pending(call(&instance, "outer", 99));
    drop(driver);
    gates.open(30);
    gates.open_later([10, 11]);
    let both = async { (left.await.unwrap(), waits.await.unwrap()) };
    assert_eq!(block_on(both), ((), 11 + 12 + 10));

    let finishes = poll_to_pending(marks.call_async((60,)));
    let driver = poll_to_pending(call(&instance, "outer", 20));
    gates.open_later([20, 21]);
    block_on(driver).unwrap();
    gates.open(60);
    block_on(finishes).unwrap();
    let seen = instance.global("seen").unwrap().get().unwrap();
    assert_eq!(seen, Val::I64(30 + 60));
}

#[test]
fn sleeps_of_calls_run_side_by_side() {
    let gates = Gates::default();
    let instance = instance(&gates);
    // For 50 seconds if it is one after the other.
    let times = || (0..1000).map(|number| 40 + number % 20);
    let sleeps = || join_all(times().map(|time| call(&instance, "sleeps", time)));
    let current = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let executors: [&dyn Fn() -> Vec<Result<i64, Error>>; 2] =
        [&|| block_on(sleeps()), &|| current.block_on(sleeps())];
    for run in executors {
        let started = Instant::now();
        let slept: Vec<i64> = run().into_iter().map(Result::unwrap).collect();
        assert!(slept.into_iter().eq(times()));
        let took = started.elapsed();
        assert!(took >= Duration::from_millis(59), "{took:?}");
        assert!(took < Duration::from_secs(25), "{took:?}");
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
fn a_waker_that_panics_leaves_no_call_behind() {
    let gates = Gates::default();
    let instance = instance(&gates);
    let panics = |run: &mut dyn FnMut()| {
        let panicked = catch_unwind(AssertUnwindSafe(run)).unwrap_err();
        assert_eq!(panicked.downcast_ref(), Some(&"a waker of the host"));
    };
    let is_left = |alive| {
        let stats = instance.stats().unwrap();
        assert_eq!((gates.alive(), stats.tasks_live), alive);
    };
    let waker = panicking_waker();
    let mut context = Context::from_waker(&waker);

    // A call ends while another one is polled, which is the one that panics then.
    let mut ends = Box::pin(call(&instance, "caught", 10));
    assert!(ends.as_mut().poll(&mut context).is_pending());
    let mut drives = poll_to_pending(call(&instance, "outer", 20));
    panics(&mut || gates.open(10));
    panics(&mut || assert!(block_on(poll_immediate(&mut drives)).is_none()));
    is_left((1, 2));
    let mut drives = Some(drives);
    panics(&mut || drop(drives.take()));
    is_left((0, 1));
    assert_eq!(ends.poll_once().unwrap(), 11);
    is_left((0, 0));

    // One panics as it tells another one to go on: when it begins, and when it has its results.
    let mut goes_on = Box::pin(call(&instance, "turns", 1_000_000));
    let mut finishes = poll_to_pending(call(&instance, "caught", 30));
    panics(&mut || assert!(goes_on.as_mut().poll(&mut context).is_pending()));
    is_left((1, 2));
    panics(&mut || assert!(call(&instance, "outer", 40).poll_once().is_ok()));
    is_left((1, 2));
    gates.open(30);
    panics(&mut || assert!(block_on(finishes.as_mut()).is_ok()));
    is_left((0, 1));
    drop(finishes);
    assert_eq!(block_on(goes_on).unwrap(), 1_000_000);
    is_left((0, 0));
    block_on(instance.drive()).unwrap();
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
        // The instance may be in use just now.
        let seen = || other.global("seen").unwrap().get().ok();
        let started = Instant::now();
        while seen() != Some(Val::I64(20)) && started.elapsed() < Duration::from_secs(60) {
            thread::yield_now();
        }
        let in_time = started.elapsed() < Duration::from_secs(60);
        opener.open(10);
        opener.open(11);
        in_time
    });
    block_on(waits).unwrap();
    assert!(before.join().unwrap(), "while the other one waits");

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

#[test]
fn a_poll_spends_no_more_of_a_budget_than_executors_give() {
    let gates = Gates::default();
    let instance = instance(&gates);
    let mut calls: Vec<_> = (0..1000)
        .map(|gate| poll_to_pending(call(&instance, "caught", gate)))
        .collect();
    (0..1000).for_each(|gate| gates.open(gate));
    let polls = || gates.0.lock().unwrap().polls;
    for (gate, call) in calls.iter_mut().enumerate() {
        let before = polls();
        let finished = block_on(poll_immediate(call));
        assert!(finished.is_none_or(|result| result.unwrap() == gate as i64 + 1));
        assert!(polls() - before <= 64, "tokio gives 128 for everything");
    }
    assert_eq!(polls(), 2 * 1000, "each of them once more");
}
