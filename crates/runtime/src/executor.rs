//! What runs next: run queue, timers and clock, and calls that the host completes.

use crate::host::PendingCall;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
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
    /// Ticks are nanoseconds since then.
    Real(Instant),
    /// Ticks are milliseconds, so that every sleep can be told from every other one.
    Virtual(u64),
}

/// A call that a task waits for.
#[derive(Debug)]
pub(crate) struct PendingHostCall {
    pub(crate) task: u32,
    pub(crate) call: Box<dyn PendingCall>,
    /// When the task began to wait.
    since: Instant,
}

/// The queues of an instance. Tasks are indices.
#[derive(Debug)]
pub(crate) struct Executor {
    queue: VecDeque<u32>,
    /// Deadline in ticks, number of creation, task.
    timers: BinaryHeap<Reverse<(u64, u64, u32)>>,
    timers_made: u64,
    clock: Clock,
    /// Tasks that wait for the host, by when to ask it again and a number.
    pending: BTreeMap<(Instant, u64), PendingHostCall>,
    asked: u64,
}

/// The host is not asked again about a call before this part of the time since its start has
/// passed: all the questions about n calls that take t are O(n log t), and no end of a call is
/// noticed later than by this part of its time.
const PATIENCE: u32 = 32;
/// The longest pause between two questions.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

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
            pending: BTreeMap::new(),
            asked: 0,
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
        let ticks = match self.clock {
            Clock::Real(_) => NANOSECONDS_PER_MILLISECOND,
            Clock::Virtual(_) => 1,
        };
        let duration = (milliseconds.max(0) as u64).saturating_mul(ticks);
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
            return Some(Duration::ZERO);
        }
        Some(Duration::from_nanos(deadline.saturating_sub(self.now())))
    }

    /// Whether a task waits for the host.
    pub(crate) fn waits_for_host(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Lets a task wait for the host.
    pub(crate) fn wait_for_host(&mut self, task: u32, call: Box<dyn PendingCall>) {
        let since = Instant::now();
        self.ask_at(since, PendingHostCall { task, call, since });
    }

    fn ask_at(&mut self, time: Instant, call: PendingHostCall) {
        self.pending.insert((time, self.asked), call);
        self.asked += 1;
    }

    /// Takes the calls about which the host is to be asked now.
    pub(crate) fn due_host_calls(&mut self) -> Vec<PendingHostCall> {
        let now = Instant::now();
        let mut due = Vec::new();
        while let Some(first) = self.pending.first_entry()
            && first.key().0 <= now
        {
            due.push(first.remove());
        }
        due
    }

    /// The host has not finished a call, and says how long to wait.
    pub(crate) fn ask_again(&mut self, call: PendingHostCall, wait: Duration) {
        let now = Instant::now();
        self.ask_at(now + pause(wait, now - call.since), call);
    }

    /// How long until the host is to be asked again.
    pub(crate) fn next_host_call(&self) -> Option<Duration> {
        let (&(time, _), _) = self.pending.first_key_value()?;
        Some(time.saturating_duration_since(Instant::now()))
    }

    /// Forgets every task: the calls that they have waited for.
    pub(crate) fn clear(&mut self) -> Vec<PendingHostCall> {
        self.queue.clear();
        self.timers.clear();
        std::mem::take(&mut self.pending).into_values().collect()
    }
}

/// How long not to ask about a call that has taken this time so far.
fn pause(wait: Duration, so_far: Duration) -> Duration {
    if wait.is_zero() {
        return wait;
    }
    wait.max(so_far / PATIENCE).min(LONGEST_PAUSE)
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
                order.push((task, executor.now()));
            }
        }
        let tasks: Vec<u32> = order.iter().map(|&(task, _)| task).collect();
        assert_eq!(tasks, [4, 2, 1, 3, 5]);
        assert_eq!(order[..4], [(4, 0), (2, 10), (1, 20), (3, 20)]);
    }

    #[test]
    fn a_virtual_clock_tells_the_longest_sleeps_apart() {
        let mut executor = Executor::new(ClockKind::Virtual);
        executor.sleep(1, 30_000_000_000_000);
        executor.sleep(2, 20_000_000_000_000);
        executor.sleep(3, i64::MAX);
        for task in [2, 1, 3] {
            assert_eq!(executor.next_deadline(), Some(Duration::ZERO));
            executor.fire();
            assert_eq!((executor.pop(), executor.pop()), (Some(task), None));
        }
    }

    #[test]
    fn questions_about_a_call_become_rare() {
        let wait = Duration::from_micros(50);
        let (mut so_far, mut questions) = (Duration::ZERO, 0);
        while so_far < Duration::from_secs(1000) {
            let pause = pause(wait, so_far);
            assert!(pause <= wait.max(so_far / 20), "noticed in time");
            so_far += pause;
            questions += 1;
        }
        assert!(questions < 600, "{questions}");
        assert_eq!(pause(Duration::ZERO, so_far), Duration::ZERO);
        assert_eq!(pause(Duration::MAX, so_far), LONGEST_PAUSE);
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
