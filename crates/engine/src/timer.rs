//! The clock of an instance that is polled by an executor: it wakes whoever drives the instance.

use futures_timer::Delay;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// A timer that is made when it is needed first. Timers of all instances share a thread.
#[derive(Default)]
pub(crate) struct Timer {
    delay: Option<(Delay, Instant)>,
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Timer")
    }
}

/// What is beyond that is the same as never.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);
/// A deadline that comes so much sooner than the one that is set is not worth setting anew.
const CLOSE: Duration = Duration::from_micros(20);

impl Timer {
    /// Whether this time has passed; if not, the waker is woken when it has, or somewhat sooner.
    pub(crate) fn is_due(&mut self, time: Duration, waker: &Waker) -> bool {
        if time.is_zero() {
            return true;
        }
        let time = time.min(LONGEST);
        let deadline = Instant::now() + time;
        let (delay, set) = self
            .delay
            .get_or_insert_with(|| (Delay::new(time), deadline));
        let mut context = Context::from_waker(waker);
        let is_later = *set > deadline + CLOSE;
        if is_later || Pin::new(&mut *delay).poll(&mut context).is_ready() {
            delay.reset(time);
            *set = deadline;
            return Pin::new(delay).poll(&mut context) == Poll::Ready(());
        }
        false
    }
}
