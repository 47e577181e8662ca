//! What another thread sees of an instance that runs.

use crate::stats::Stats;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

/// Shows the numbers of an instance while it runs, to any thread: see
/// [`Instance::monitor`](crate::Instance::monitor). Copies are cheap and stand for the same.
///
/// The instance itself writes the numbers down when a monitor has asked for them: between two turns of its tasks
/// and, with [`Config::count`](crate::Config::count), when tasks begin and end and functions of the host are called.
/// In machine code a thread that sleeps inside of it wakes up to do so; the interpreter sleeps on. It costs nothing while
/// nobody asks. A program that computes without ever suspending shows what was written down before, and how long ago.
#[derive(Clone)]
pub struct Monitor {
    shared: Arc<Shared>,
    /// Lets the instance look whether it is asked.
    waker: Waker,
}

#[derive(Default)]
struct Shared {
    asked: Arc<AtomicBool>,
    latest: Mutex<Option<(Stats, Instant)>>,
    written: Condvar,
}

/// What a [`Monitor`] shows.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Snapshot {
    /// The numbers; but for `run_ns`, which is that of the time when a monitor was asked for first.
    pub stats: Stats,
    /// When they were written down.
    pub at: Instant,
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Monitor")
    }
}

impl Shared {
    fn latest(&self) -> MutexGuard<'_, Option<(Stats, Instant)>> {
        // Nothing in here panics half-way.
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where numbers are written to, next to those that stay the same.
#[derive(Clone)]
pub(crate) struct Paper {
    shared: Arc<Shared>,
    constant: Stats,
}

impl Paper {
    pub(crate) fn new(constant: Stats) -> Paper {
        let shared = Arc::default();
        Paper { shared, constant }
    }

    /// Set when somebody asks.
    pub(crate) fn asked(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.shared.asked)
    }

    /// What shows them; the waker lets the instance look whether it is asked.
    pub(crate) fn monitor(self, waker: Waker) -> Monitor {
        let shared = self.shared;
        Monitor { shared, waker }
    }

    pub(crate) fn write(&self, stats: Stats) {
        let stats = Stats {
            compile_ns: self.constant.compile_ns,
            run_ns: self.constant.run_ns,
            code_bytes: self.constant.code_bytes,
            ..stats
        };
        *self.shared.latest() = Some((stats, Instant::now()));
        self.shared.written.notify_all();
    }
}

impl Monitor {
    /// Asks for the numbers and waits for them, no longer than `patience`: these, or those that were written down
    /// last, if there are any.
    pub fn snapshot(&self, patience: Duration) -> Option<Snapshot> {
        let begin = Instant::now();
        self.shared.asked.store(true, Ordering::Release);
        self.waker.wake_by_ref();
        let is_old =
            |latest: &mut Option<(Stats, Instant)>| latest.is_none_or(|(_, at)| at < begin);
        let latest = self.shared.latest();
        let waited = self
            .shared
            .written
            .wait_timeout_while(latest, patience, is_old);
        let (latest, _) = waited.unwrap_or_else(PoisonError::into_inner);
        latest.map(|(stats, at)| Snapshot { stats, at })
    }
}
