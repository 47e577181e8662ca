//! What runs next: run queue, timers and clock, and futures of the host that tasks wait for.
//!
//! Queue and timers name tasks by their words, so that those of a task that was freed meanwhile are
//! found out; [`crate::state::State`] does that.

use crate::host::Operation;
use crate::wakes::TaskWaker;
use enjamb_ir::FuncId;
use enjamb_ir::hash::FxHashMap;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::fmt;
use std::sync::Arc;
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

/// An operation of the host that a task waits for.
pub(crate) struct PendingCall {
    pub(crate) operation: Operation,
    /// What the copies of its waker point to, once there are any.
    pub(crate) waker: Option<Arc<TaskWaker>>,
    /// Handles that are good until the call is over.
    pub(crate) locals: Vec<u64>,
    /// Whose call it is.
    pub(crate) function: FuncId,
}

impl fmt::Debug for PendingCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PendingCall")
    }
}

/// The queues of an instance.
#[derive(Debug)]
pub(crate) struct Executor {
    queue: VecDeque<u64>,
    /// Deadline in ticks, number of creation, task.
    timers: BinaryHeap<Reverse<(u64, u64, u64)>>,
    timers_made: u64,
    /// Tasks that do not wait for the timers that were made before this one.
    forgotten: FxHashMap<u64, u64>,
    /// Tasks that were freed since timers were last looked through for theirs.
    freed: usize,
    clock: Clock,
    /// What suspended tasks wait for, by index.
    pending: FxHashMap<u32, PendingCall>,
    /// Tasks that were woken and whose futures are to be polled, one a turn. An executor gives whoever it
    /// polls a budget, and futures that are polled beyond it do nothing but ask to be polled once more.
    woken: VecDeque<Arc<TaskWaker>>,
    /// Tasks whose futures want to be polled again in a while.
    again: Vec<u64>,
    /// Tasks that were woken while they ran, before they could wait.
    early: Vec<u64>,
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
            freed: 0,
            forgotten: FxHashMap::default(),
            pending: FxHashMap::default(),
            woken: VecDeque::new(),
            again: Vec::new(),
            early: Vec::new(),
        }
    }

    fn now(&self) -> u64 {
        match self.clock {
            Clock::Real(start) => start.elapsed().as_nanos() as u64,
            Clock::Virtual(now) => now,
        }
    }

    /// Appends a task to the run queue.
    pub(crate) fn push(&mut self, task: u64) {
        self.queue.push_back(task);
    }

    /// Whether no task is in the run queue.
    pub(crate) fn is_queue_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// How many tasks are in the run queue, from which those are taken that were freed meanwhile.
    pub(crate) fn count_queued(&mut self, exists: impl Fn(u64) -> bool) -> usize {
        self.queue.retain(|&task| exists(task));
        self.queue.len()
    }

    /// The first task of the run queue.
    pub(crate) fn front(&self) -> Option<u64> {
        self.queue.front().copied()
    }

    /// Takes the first task off the run queue.
    pub(crate) fn pop(&mut self) -> Option<u64> {
        self.queue.pop_front()
    }

    /// Takes the first task off the run queue, which has one, and appends another one.
    pub(crate) fn rotate(&mut self, task: u64) {
        self.queue.pop_front();
        self.queue.push_back(task);
    }

    /// Lets a task wait that many milliseconds from now; negative ones are none.
    pub(crate) fn sleep(&mut self, task: u64, milliseconds: i64) {
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

    /// A task does not wait for its timer any more.
    pub(crate) fn forget_timers(&mut self, task: u64) {
        self.forgotten.insert(task, self.timers_made);
    }

    /// A task has ended that may have been forgotten by timers.
    pub(crate) fn remember_timers(&mut self, task: u64) {
        self.forgotten.remove(&task);
    }

    /// Appends the tasks whose deadline has come, and that `wait` says do wait, to the run queue.
    pub(crate) fn fire(&mut self, mut wait: impl FnMut(u64) -> bool) {
        if self.timers.is_empty() {
            return;
        }
        let now = self.now();
        while let Some(&Reverse((deadline, number, task))) = self.timers.peek()
            && deadline <= now
        {
            self.timers.pop();
            if !is_forgotten(&self.forgotten, number, task) && wait(task) {
                self.queue.push_back(task);
            }
        }
    }

    /// How long until the next deadline of a task that exists. A virtual clock jumps there instead.
    pub(crate) fn next_deadline(&mut self, exists: impl Fn(u64) -> bool) -> Option<Duration> {
        while let Some(&Reverse((_, number, task))) = self.timers.peek()
            && (is_forgotten(&self.forgotten, number, task) || !exists(task))
        {
            self.timers.pop();
        }
        let &Reverse((deadline, ..)) = self.timers.peek()?;
        if let Clock::Virtual(now) = &mut self.clock {
            *now = (*now).max(deadline);
            return Some(Duration::ZERO);
        }
        Some(Duration::from_nanos(deadline.saturating_sub(self.now())))
    }

    /// How many timers have been made, if there are any of tasks that exist or have existed.
    pub(crate) fn newest_timer(&self) -> Option<u64> {
        (!self.timers.is_empty()).then_some(self.timers_made)
    }

    /// Whether between two turns there may be more to do than the run queue says.
    pub(crate) fn is_watched(&self) -> bool {
        !self.timers.is_empty() || self.has_again() || self.has_woken()
    }

    /// Whether there are timers, of tasks that exist or have existed.
    pub(crate) fn has_timers(&self) -> bool {
        !self.timers.is_empty()
    }

    /// Whether a task waits for the host.
    pub(crate) fn waits_for_host(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Lets a task wait for the host. `index` is part of its word.
    pub(crate) fn wait_for_host(&mut self, task: u64, call: PendingCall, woken: bool) {
        self.pending.insert(task as u32, call);
        let early = self.early.iter().position(|&early| early == task);
        if woken || early.is_some() {
            self.again.push(task);
        }
        early.map(|early| self.early.swap_remove(early));
    }

    /// What a task waits for, if that is the host.
    pub(crate) fn pending(&self, index: u32) -> Option<&PendingCall> {
        self.pending.get(&index)
    }

    /// Tasks with how much time their timers have left.
    pub(crate) fn timers(&self) -> impl Iterator<Item = (u64, Duration)> + '_ {
        let (now, tick) = match self.clock {
            Clock::Real(start) => (start.elapsed().as_nanos() as u64, Duration::from_nanos(1)),
            Clock::Virtual(now) => (now, Duration::from_millis(1)),
        };
        let left = move |deadline: u64| {
            let ticks = deadline.saturating_sub(now);
            let nanoseconds = tick.as_nanos().saturating_mul(u128::from(ticks));
            Duration::from_nanos_u128(nanoseconds)
        };
        let timers = self
            .timers
            .iter()
            .filter(|&&Reverse((_, number, task))| !is_forgotten(&self.forgotten, number, task));
        timers.map(move |&Reverse((deadline, _, task))| (task, left(deadline)))
    }

    /// What a task waits for, if that is the host. It does not wait any more.
    pub(crate) fn take_pending(&mut self, index: u32) -> Option<PendingCall> {
        self.pending.remove(&index)
    }

    /// The next task that was woken. When there are no more, `take` has others, in exchange for an empty list.
    pub(crate) fn next_woken(
        &mut self,
        take: impl FnOnce(Vec<Arc<TaskWaker>>) -> Vec<Arc<TaskWaker>>,
    ) -> Option<Arc<TaskWaker>> {
        if self.woken.is_empty() {
            self.woken = take(std::mem::take(&mut self.woken).into()).into();
        }
        self.woken.pop_front()
    }

    /// Adds tasks that were woken.
    pub(crate) fn add_woken(&mut self, woken: Vec<Arc<TaskWaker>>) {
        self.woken.extend(woken);
    }

    /// How many tasks were woken.
    pub(crate) fn woken_count(&self) -> usize {
        self.woken.len()
    }

    /// Whether there are tasks that were woken.
    pub(crate) fn has_woken(&self) -> bool {
        !self.woken.is_empty()
    }

    /// A task was woken while it runs, before it waits. Few do at once: it has called a host function
    /// that runs other tasks.
    pub(crate) fn woken_early(&mut self, task: u64, exists: impl Fn(u64) -> bool) {
        self.early.retain(|&early| early != task && exists(early));
        self.early.push(task);
    }

    /// Takes the tasks whose futures are to be polled again.
    pub(crate) fn take_again(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.again)
    }

    /// Whether the futures of some tasks are to be polled again.
    pub(crate) fn has_again(&self) -> bool {
        !self.again.is_empty()
    }

    /// A task was freed, or does not wait any more, that may have had a timer. Now and then timers that nobody waits
    /// for are thrown away, so that they are no more than those of tasks that exist and a few.
    pub(crate) fn freed(&mut self, exists: impl Fn(u64) -> bool) {
        self.freed += 1;
        if self.freed * 2 > self.timers.len() {
            self.freed = 0;
            let forgotten = &self.forgotten;
            self.timers.retain(|&Reverse((_, number, task))| {
                !is_forgotten(forgotten, number, task) && exists(task)
            });
        }
    }

    /// Forgets every task.
    pub(crate) fn clear(&mut self) {
        self.queue.clear();
        self.timers.clear();
        // The waker of a watcher, which may be among them, is used again.
        self.woken.drain(..).for_each(|woken| {
            woken.begin();
        });
        self.again.clear();
        self.early.clear();
        self.forgotten.clear();
    }
}

/// Whether a task does not wait for a timer any more.
fn is_forgotten(forgotten: &FxHashMap<u64, u64>, number: u64, task: u64) -> bool {
    !forgotten.is_empty() && forgotten.get(&task).is_some_and(|&made| number < made)
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
        while executor.next_deadline(|_| true).is_some() {
            executor.fire(|_| true);
            while let Some(task) = executor.pop() {
                order.push((task, executor.now()));
            }
        }
        let tasks: Vec<u64> = order.iter().map(|&(task, _)| task).collect();
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
            assert_eq!(executor.next_deadline(|_| true), Some(Duration::ZERO));
            executor.fire(|_| true);
            assert_eq!((executor.pop(), executor.pop()), (Some(task), None));
        }
    }

    #[test]
    fn timers_of_freed_tasks_do_not_pile_up() {
        let mut executor = Executor::new(ClockKind::Virtual);
        executor.sleep(0, 7);
        for task in 1..10_000 {
            executor.sleep(task, 1_000_000);
            executor.freed(|other| other == 0);
            assert!(executor.timers.len() <= 3);
        }
        assert_eq!(
            executor.next_deadline(|task| task == 0),
            Some(Duration::ZERO)
        );
        executor.fire(|_| true);
        assert_eq!(executor.pop(), Some(0));
        executor.sleep(5, 1);
        assert_eq!(executor.next_deadline(|_| false), None);
    }

    #[test]
    fn timers_that_were_forgotten_do_not_pile_up() {
        let mut executor = Executor::new(ClockKind::Virtual);
        executor.sleep(0, 7);
        for task in 1..10_000 {
            executor.sleep(task, 1_000_000);
            executor.forget_timers(task);
            executor.freed(|other| other == 0 || other == task);
            executor.remember_timers(task);
            assert!(executor.timers.len() <= 3);
        }
        assert!(executor.forgotten.is_empty());
    }

    #[test]
    fn the_real_clock_tells_how_long_to_wait() {
        let mut executor = Executor::new(ClockKind::Real);
        let hour = Duration::from_secs(3600);
        executor.sleep(1, hour.as_millis() as i64);
        executor.fire(|_| true);
        assert_eq!(executor.pop(), None);
        let wait = executor.next_deadline(|_| true).unwrap();
        assert!(wait <= hour && wait > hour / 2, "{wait:?}");
        executor.sleep(2, 20);
        let wait = executor.next_deadline(|_| true).unwrap();
        assert!(wait <= Duration::from_millis(20), "{wait:?}");
        std::thread::sleep(wait);
        executor.fire(|_| true);
        assert_eq!((executor.pop(), executor.pop()), (Some(2), None));
        assert_eq!(executor.next_deadline(|task| task == 2), None);
    }
}
