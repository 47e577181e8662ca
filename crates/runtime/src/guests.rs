//! Guests of an instance: the parties of [`Wakes`] that drive it, and what they owe each other.
//!
//! A guest gives turns to whatever task can run, not only to its own. So whoever stops doing so, having
//! finished or given up, sees to it that another guest goes on, if there is one and something to do.

use crate::machine::Step;
use crate::wakes::Wakes;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

/// What guests drive.
pub trait Driven {
    /// Gives one task a turn.
    fn step(&mut self) -> Step;

    /// Whether there is something to do.
    fn has_work(&self) -> bool;

    /// Whether there is something to do, or to wait for.
    fn is_busy(&self) -> bool;

    /// How many timers have been made, if some task waits for one.
    fn newest_timer(&self) -> Option<u64>;
}

/// A guest that is being polled.
#[derive(Clone, Copy, Debug)]
pub struct Guest<'a> {
    /// Its number as a party.
    pub party: u64,
    /// Tells it to go on.
    pub waker: &'a Waker,
}

/// The guests of an instance.
#[derive(Debug)]
pub struct Guests {
    wakes: Arc<Wakes>,
    count: usize,
    /// The one that the timer wakes, and the newest timer that it knows of. If it leaves there is none until
    /// another guest has looked at the clock: one that was asked to may leave before it does.
    keeps_time: Option<(u64, u64)>,
}

/// Turns that tasks get before an executor may let something else run. In each of them a future is polled
/// that was woken, and others by the task; tokio lets 128 go on before its budget is used up.
const TURNS: u32 = 32;

impl Guests {
    /// There are none yet.
    pub fn new(wakes: Arc<Wakes>) -> Guests {
        Guests {
            wakes,
            count: 0,
            keeps_time: None,
        }
    }

    /// Another one begins.
    pub fn arrive(&mut self) {
        self.count += 1;
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Gives tasks some turns, until `finished` has something or nothing can run. Then the guest is woken when
    /// something can. `is_due` says whether a time has passed; if it has not, the timer wakes the guest then.
    pub fn turns<D: Driven, T>(
        &mut self,
        driven: &mut D,
        guest: Guest<'_>,
        mut is_due: impl FnMut(Duration, &Waker) -> bool,
        mut finished: impl FnMut(&mut D, Option<Step>) -> Option<T>,
    ) -> Poll<T> {
        let Guest { party, waker } = guest;
        self.wakes.begin(party);
        let mut last = None;
        for _ in 0..TURNS {
            if let Some(result) = finished(driven, last) {
                return Poll::Ready(result);
            }
            let step = driven.step();
            last = Some(step);
            match step {
                Step::Ran | Step::Idle => {}
                Step::Yielded => break,
                Step::Waiting(time) => {
                    let is_due = time.is_some_and(|time| {
                        self.keeps_time = driven.newest_timer().map(|newest| (party, newest));
                        is_due(time, waker)
                    });
                    if !is_due && !self.wakes.wait(party, waker) {
                        return Poll::Pending;
                    }
                }
            }
        }
        self.wakes.wait(party, waker);
        waker.wake_by_ref();
        Poll::Pending
    }

    /// One has finished or given up.
    pub fn leave(&mut self, driven: &impl Driven, party: u64) {
        self.count -= 1;
        self.wakes.leave(party);
        self.keeps_time = self.keeps_time.filter(|&(keeper, _)| keeper != party);
        self.hand_over(driven);
    }

    /// Somebody who was inside leaves: guests go on with what can be done, and keep the time. If nothing is left
    /// that they wait for, they hear of that, one after the other.
    pub fn hand_over(&self, driven: &impl Driven) {
        let is_told = || driven.has_work() || self.misses_a_timer(driven) || !driven.is_busy();
        if self.count > 0 && is_told() {
            self.wakes.hand_over();
        }
    }

    /// Whether there is a timer of which nobody knows who keeps the time.
    fn misses_a_timer(&self, driven: &impl Driven) -> bool {
        let known = self.keeps_time.map(|(_, newest)| newest);
        driven
            .newest_timer()
            .is_some_and(|newest| known != Some(newest))
    }
}
