//! Threads: a task goes on wherever it is polled, and nothing is counted differently for that.

use crate::support::*;
use enjamb_engine::Instance;
use futures::executor::block_on;
use futures::future::poll_immediate;
use std::sync::Barrier;
use std::thread;

#[test]
fn a_task_suspended_on_one_thread_resumes_on_another() {
    let gates = Gates::default();
    let instance = instance(&gates);
    for round in 1..=50 {
        let gate = 10 * round;
        let mut waits = Box::pin(call(&instance, "outer", gate));
        // Each stop on a thread of its own, which is gone when the next one begins.
        for opened in 0..2 {
            let polled = thread::spawn(move || {
                let polled = block_on(poll_immediate(&mut waits));
                assert!(polled.is_none(), "{polled:?}");
                waits
            });
            waits = polled.join().unwrap();
            gates.open(gate + opened);
        }
        let result = thread::spawn(move || block_on(waits)).join().unwrap();
        assert_eq!(result.unwrap(), 3 * gate + 3);
    }
    assert!(instance.hand_overs() >= 100, "{}", instance.hand_overs());
    assert_eq!(gates.alive(), 0);
    assert_eq!(instance.stats().unwrap().continuations_live, 0);
}

/// Runs calls on threads of their own and gives what was counted.
fn counted(threads: i64) -> [u64; 5] {
    const CALLS: i64 = 240;
    let gates = Gates::default();
    let instance = instance(&gates);
    let start = Barrier::new(threads as usize);
    let run = |instance: &Instance, gates: &Gates, number: i64| {
        for index in (number..CALLS).step_by(threads as usize) {
            match index % 3 {
                0 => assert_eq!(block_on(call(instance, "turns", 7)).unwrap(), 7),
                1 => assert_eq!(block_on(call(instance, "sleeps", 1)).unwrap(), 1),
                _ => {
                    let gate = 10 * index;
                    let gates = gates.clone();
                    // Neither is open when it is asked for, or the call would not wait.
                    let opener = thread::spawn(move || {
                        for gate in [gate, gate + 1] {
                            while !gates.is_awaited(gate) {
                                thread::yield_now();
                            }
                            gates.open(gate);
                        }
                    });
                    let waits = call(instance, "outer", gate);
                    assert_eq!(block_on(waits).unwrap(), 3 * gate + 3);
                    opener.join().unwrap();
                }
            }
        }
    };
    thread::scope(|scope| {
        for number in 0..threads {
            let (instance, gates, start) = (&instance, &gates, &start);
            scope.spawn(move || {
                start.wait();
                run(instance, gates, number);
            });
        }
    });
    let stats = instance.stats().unwrap();
    assert_eq!(gates.alive(), 0);
    [
        stats.suspensions,
        stats.frames_suspended,
        stats.resumptions,
        stats.continuations_allocated,
        stats.continuations_live,
    ]
}

#[test]
fn what_is_counted_does_not_depend_on_threads() {
    let alone = counted(1);
    assert_eq!(counted(4), alone);
    assert_eq!(counted(8), alone);
}

#[test]
fn the_timer_of_a_cancelled_call_resumes_nobody() {
    let gates = Gates::default();
    let instance = instance(&gates);
    // It would wait for a gate if it had slept to its end before it is cancelled.
    let marks = instance.func::<(i64,), ()>("marks").unwrap();
    let sleeps = *std::pin::Pin::into_inner(poll_to_pending(marks.call_async((20,))));
    let cancelled = sleeps.cancel();
    // Another call gives it the turn in which it ends, and goes on when its time comes.
    block_on(call(&instance, "sleeps", 60)).unwrap();
    assert!(block_on(cancelled).unwrap_err().is_cancelled());
    assert_eq!(instance.stats().unwrap().continuations_live, 0);
}
