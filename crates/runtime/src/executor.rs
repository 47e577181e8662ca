//! What runs next: run queue, timers and clock, and calls that the host completes.

use crate::host::PendingCall;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::{Duration, Instant};

/// What `sleep` waits on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClockKind {
    /// The clock on the wall.
    #[default]
    Real,
    /// A clock that stands still while a task can run and jumps to the next deadline when none can.
    Virtual,
}

#[derive(Debug)]
enum Clock {
    Real(Instant),
    Virtual(u64),
}

/// The queues of an instance. Tasks are indices.
#[derive(Debug)]
pub(crate) struct Executor {
    queue: VecDeque<u32>,
    /// Deadline in nanoseconds, number of creation, task.
    timers: BinaryHeap<Reverse<(u64, u64, u32)>>,
    timers_made: u64,
    clock: Clock,
    /// Tasks that wait for the host.
    pub(crate) pending: Vec<(u32, Box<dyn PendingCall>)>,
}

const NANOSECONDS_PER_MILLISECOND: u64 = 1_000_000;

impl Executor {
    pub(crate) fn new(clock: ClockKind) -> Executor {
        Executor {
            queue: VecDeque::new(),
            timers: BinaryHeap::new(),
            timers_made: 0,
            clock: match clock {
                ClockKind::Real => Clock::Real(Instant::now()),
                ClockKind::Virtual => Clock::Virtual(0),
            },
            pending: Vec::new(),
        }
    }

    fn now(&self) -> u64 {
        match self.clock {
            Clock::Real(start) => start.elapsed().as_nanos() as u64,
            Clock::Virtual(now) => now,
        }
    }

    /// Appends a task to the run queue.
    pub(crate) fn push(&mut self, task: u32) {
        self.queue.push_back(task);
    }

    /// Whether no task is in the run queue.
    pub(crate) fn is_queue_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// The first task of the run queue.
    pub(crate) fn front(&self) -> Option<u32> {
        self.queue.front().copied()
    }

    /// Takes the first task off the run queue.
    pub(crate) fn pop(&mut self) -> Option<u32> {
        self.queue.pop_front()
    }

    /// Lets a task wait that many milliseconds from now; negative ones are none.
    pub(crate) fn sleep(&mut self, task: u32, milliseconds: i64) {
        let duration = (milliseconds.max(0) as u64).saturating_mul(NANOSECONDS_PER_MILLISECOND);
        let deadline = self.now().saturating_add(duration);
        self.timers
            .push(Reverse((deadline, self.timers_made, task)));
        self.timers_made += 1;
    }

    /// Appends the tasks whose deadline has come to the run queue.
    pub(crate) fn fire(&mut self) {
        if self.timers.is_empty() {
            return;
        }
        let now = self.now();
        while let Some(&Reverse((deadline, _, task))) = self.timers.peek()
            && deadline <= now
        {
            self.timers.pop();
            self.queue.push_back(task);
        }
    }

    /// How long until the next deadline. A virtual clock jumps there instead.
    pub(crate) fn next_deadline(&mut self) -> Option<Duration> {
        let &Reverse((deadline, ..)) = self.timers.peek()?;
        if let Clock::Virtual(now) = &mut self.clock {
            *now = (*now).max(deadline);
        }
        Some(Duration::from_nanos(deadline.saturating_sub(self.now())))
    }

    /// Forgets every task.
    pub(crate) fn clear(&mut self) {
        self.queue.clear();
        self.timers.clear();
        self.pending.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_fire_by_deadline_then_creation() {
        let mut executor = Executor::new(ClockKind::Virtual);
        for (task, milliseconds) in [(1, 20), (2, 10), (3, 20), (4, -5), (5, i64::MAX)] {
            executor.sleep(task, milliseconds);
        }
        let mut order = Vec::new();
        while executor.next_deadline().is_some() {
            executor.fire();
            while let Some(task) = executor.pop() {
                order.push((task, executor.now() / NANOSECONDS_PER_MILLISECOND));
            }
        }
        let tasks: Vec<u32> = order.iter().map(|&(task, _)| task).collect();
        assert_eq!(tasks, [4, 2, 1, 3, 5]);
        assert_eq!(order[..4], [(4, 0), (2, 10), (1, 20), (3, 20)]);
    }

    #[test]
    fn the_real_clock_tells_how_long_to_wait() {
        let mut executor = Executor::new(ClockKind::Real);
        executor.sleep(1, 50);
        executor.fire();
        assert_eq!(executor.pop(), None);
        let wait = executor.next_deadline().unwrap();
        assert!(wait <= Duration::from_millis(50), "{wait:?}");
        std::thread::sleep(wait);
        executor.fire();
        assert_eq!(executor.pop(), Some(1));
        assert_eq!(executor.next_deadline(), None);
    }
}
