//! The tasks of an instance: a slab of small records.
//!
//! A task value is `generation << 32 | index`; a record's generation changes when it is freed, so a
//! value that outlives its task is found out. A record is 40 bytes. What else a task costs is its
//! root continuation, header and result words, which exists once it has suspended or has results
//! to keep, and its chain.
//!
//! ```text
//!            spawn
//!              │           suspends                 its turn
//!           Running ─────────────────→ Suspended ─────────────→ Running
//!            │    │                       │ what it waited for has failed
//!            │    └──────────────┐        ↓          its turn
//!            │ finishes          │     Failing ─────────────────┤
//!            ↓                   ↓ traps, throws                ↓ unless a handler takes it
//!         Finished             Failed ←─────────────────────────┘
//! ```

use crate::failure::Failure;
use enjamb_abi::continuation::ContinuationHeader;
use enjamb_ir::hash::FxHashMap;
use enjamb_ir::{Entity, FuncId, TrapCode};

/// Where a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// The record belongs to no task.
    Free,
    /// It runs, or code that it called does.
    Running,
    /// It waits, or is in the run queue.
    Suspended,
    /// It will trap or throw when its turn comes.
    Failing,
    /// It has results.
    Finished,
    /// It has a trap or an exception that nobody caught.
    Failed,
}

/// No task.
pub(crate) const NONE: u32 = u32::MAX;

/// A task.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    /// The end of its chain, which gets its results.
    pub(crate) root: *mut ContinuationHeader,
    /// While suspended, the head of its chain.
    pub(crate) head: *mut ContinuationHeader,
    /// While suspended, its context word.
    pub(crate) context_word: u64,
    generation: u32,
    function: u32,
    /// The task that has joined it; in a free record, the next free one.
    pub(crate) joiner: u32,
    pub(crate) state: State,
    pub(crate) detached: bool,
    /// Whether it is a call of the host's, which alone asks for its results.
    pub(crate) called: bool,
    pub(crate) marks: Marks,
}

/// What else is to be known of a task: a set of bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks(u8);

impl Marks {
    /// What it has waited for stands in the first continuation of its chain.
    pub(crate) const DELIVERED: Marks = Marks(1);
    /// It is suspended, and not in the run queue.
    pub(crate) const WAITS: Marks = Marks(2);
    /// It has been cancelled.
    pub(crate) const CANCELLED: Marks = Marks(4);
    /// Its activations have not heard of that.
    pub(crate) const DUE: Marks = Marks(8);
    /// It does not wait any more.
    pub(crate) const AT_ONCE: Marks = Marks(16);
    /// The handler of an activation runs, and those behind it have not heard of the cancellation.
    pub(crate) const HANDLES: Marks = Marks(32);

    /// Both.
    pub(crate) const fn and(self, other: Marks) -> Marks {
        Marks(self.0 | other.0)
    }

    /// Whether it has any of these.
    pub(crate) fn has(self, any: Marks) -> bool {
        self.0 & any.0 != 0
    }

    pub(crate) fn set(&mut self, marks: Marks) {
        self.0 |= marks.0;
    }

    pub(crate) fn clear(&mut self, marks: Marks) {
        self.0 &= !marks.0;
    }
}

impl Task {
    pub(crate) fn function(&self) -> FuncId {
        FuncId::from_index(self.function as usize)
    }
}

/// All tasks of an instance.
#[derive(Debug)]
pub(crate) struct Tasks {
    tasks: Vec<Task>,
    free: u32,
    /// The generation of new records: the values of freed records have earlier ones.
    first_generation: u32,
    /// How many records belong to a task.
    used: usize,
    /// How many of those are calls of the host's.
    called: usize,
    /// Why tasks are in state `Failing` or `Failed`, unless there was no memory to keep it in; of
    /// others, the exception that they have caught last.
    failures: FxHashMap<u32, Box<Failure>>,
}

/// The size of a record in bytes.
pub(crate) const RECORD_SIZE: u64 = std::mem::size_of::<Task>() as u64;
/// Records that are kept when there are no tasks.
const KEPT: usize = 64;

impl Tasks {
    pub(crate) fn new() -> Tasks {
        Tasks {
            tasks: Vec::new(),
            free: NONE,
            first_generation: 1,
            used: 0,
            called: 0,
            failures: FxHashMap::default(),
        }
    }

    /// Whether the next task needs a new record.
    pub(crate) fn is_full(&self) -> bool {
        self.free == NONE
    }

    /// A task in state `Running`, or `None` if there is no memory for its record.
    pub(crate) fn insert(&mut self, function: FuncId) -> Option<u32> {
        if self.is_full() {
            self.tasks.try_reserve(1).ok()?;
            let index = u32::try_from(self.tasks.len()).ok()?;
            if index == NONE {
                return None;
            }
            self.tasks.push(Task {
                root: std::ptr::null_mut(),
                head: std::ptr::null_mut(),
                context_word: 0,
                generation: self.first_generation,
                function: 0,
                joiner: NONE,
                state: State::Free,
                detached: false,
                called: false,
                marks: Marks::default(),
            });
            self.free = index;
        }
        let index = self.free;
        let task = &mut self.tasks[index as usize];
        self.free = task.joiner;
        task.joiner = NONE;
        task.function = function.index() as u32;
        task.state = State::Running;
        self.used += 1;
        Some(index)
    }

    /// Frees a record. The caller has taken care of root, chain and failure.
    pub(crate) fn remove(&mut self, index: u32) {
        self.used -= 1;
        self.called -= usize::from(self[index].called);
        let task = &mut self.tasks[index as usize];
        *task = Task {
            root: std::ptr::null_mut(),
            head: std::ptr::null_mut(),
            context_word: 0,
            generation: task.generation.checked_add(1).unwrap_or(1),
            function: 0,
            joiner: self.free,
            state: State::Free,
            detached: false,
            called: false,
            marks: Marks::default(),
        };
        self.free = index;
    }

    /// The task is a call of the host's.
    pub(crate) fn set_called(&mut self, index: u32) {
        self[index].called = true;
        self.called += 1;
    }

    /// Whether some task is a call of the host's.
    pub(crate) fn has_called(&self) -> bool {
        self.called > 0
    }

    /// The task value of a task.
    pub(crate) fn word(&self, index: u32) -> u64 {
        u64::from(self[index].generation) << 32 | u64::from(index)
    }

    /// The task that a value names, unless it has been joined, detached or freed, or is the host's.
    pub(crate) fn find(&self, word: u64) -> Result<u32, TrapCode> {
        let index = self.find_any(word)?;
        let task = &self[index];
        match task.joiner == NONE && !task.detached && !task.called {
            true => Ok(index),
            false => Err(TrapCode::InvalidTask),
        }
    }

    /// The task that a value names, unless it has been freed.
    pub(crate) fn find_any(&self, word: u64) -> Result<u32, TrapCode> {
        let task = self.tasks.get(word as u32 as usize);
        let task = task
            .filter(|task| u64::from(task.generation) == word >> 32 && task.state != State::Free);
        task.map(|_| word as u32).ok_or(TrapCode::InvalidTask)
    }

    /// Begins the turn of a task that is suspended and not about to fail: the head of its chain and its
    /// context word.
    pub(crate) fn begin_if_suspended(
        &mut self,
        word: u64,
    ) -> Option<(*mut ContinuationHeader, u64)> {
        let task = self.tasks.get_mut(word as u32 as usize)?;
        if u64::from(task.generation) != word >> 32 || task.state != State::Suspended {
            return None;
        }
        task.state = State::Running;
        Some((task.head, task.context_word))
    }

    /// Keeps a failure for a task that has none.
    pub(crate) fn keep_failure(&mut self, index: u32, failure: Box<Failure>) {
        self.failures.insert(index, failure);
    }

    /// Takes the failure that is kept for a task.
    pub(crate) fn take_failure(&mut self, index: u32) -> Option<Box<Failure>> {
        self.failures.remove(&index)
    }

    /// Whether the task that a value names has been suspended and not been woken.
    pub(crate) fn waits(&self, word: u64) -> bool {
        let index = self.find_any(word);
        index.is_ok_and(|index| self[index].marks.has(Marks::WAITS))
    }

    /// Whether a failure is kept for a task.
    pub(crate) fn has_failure(&self, index: u32) -> bool {
        self.failures.contains_key(&index)
    }

    /// The failure that is kept for a task.
    pub(crate) fn failure_mut(&mut self, index: u32) -> Option<&mut Failure> {
        self.failures.get_mut(&index).map(|failure| &mut **failure)
    }

    /// The failures that are kept.
    pub(crate) fn failures(&self) -> impl Iterator<Item = &Failure> {
        self.failures.values().map(|failure| &**failure)
    }

    /// Whether the failure of any task is kept.
    pub(crate) fn have_failures(&self) -> bool {
        !self.failures.is_empty()
    }

    /// Whether a task waits for this other one.
    pub(crate) fn is_joiner(&self, index: u32, target: u32) -> bool {
        let target = self.tasks.get(target as usize);
        target.is_some_and(|target| target.state != State::Free && target.joiner == index)
    }

    /// How many tasks exist.
    pub(crate) fn count(&self) -> u64 {
        self.used as u64
    }

    /// Whether no record belongs to a task.
    pub(crate) fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// Gives up all records if they are many and no task has one, and says how many they were: a
    /// peak of tasks does not make each later search through the records long.
    pub(crate) fn clear(&mut self) -> usize {
        let count = self.tasks.len();
        if self.used != 0 || count <= KEPT {
            return 0;
        }
        let newest = self.tasks.iter().map(|task| task.generation).max();
        self.first_generation = newest.unwrap_or(self.first_generation);
        self.free = NONE;
        self.tasks = Vec::new();
        self.failures = FxHashMap::default();
        count
    }

    /// Indices of the tasks that exist.
    pub(crate) fn indices(&self) -> Vec<u32> {
        let used = |&index: &u32| self[index].state != State::Free;
        let all = 0..self.tasks.len() as u32;
        all.filter(used).take(self.used).collect()
    }
}

impl std::ops::Index<u32> for Tasks {
    type Output = Task;
    fn index(&self, index: u32) -> &Task {
        &self.tasks[index as usize]
    }
}

impl std::ops::IndexMut<u32> for Tasks {
    fn index_mut(&mut self, index: u32) -> &mut Task {
        &mut self.tasks[index as usize]
    }
}

// SAFETY: the pointers are to continuations of the instance that owns the table and moves with it.
unsafe impl Send for Tasks {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_small() {
        assert_eq!(std::mem::size_of::<Task>(), 40);
    }

    #[test]
    fn a_peak_leaves_no_records_and_no_valid_values() {
        let mut tasks = Tasks::new();
        let function = FuncId::from_index(0);
        let first = tasks.insert(function).unwrap();
        tasks.remove(first);
        assert_eq!(tasks.clear(), 0, "one record is not worth it");
        let peak: Vec<u32> = (0..1000).map(|_| tasks.insert(function).unwrap()).collect();
        let words: Vec<u64> = peak.iter().map(|&task| tasks.word(task)).collect();
        for &task in &peak[1..] {
            tasks.remove(task);
        }
        assert_eq!(tasks.clear(), 0, "a task has a record");
        tasks.remove(peak[0]);
        assert_eq!(tasks.clear(), 1000);
        assert_eq!(tasks.tasks.len(), 0);
        assert!(tasks.is_full());
        for _ in 0..1000 {
            tasks.insert(function).unwrap();
        }
        let dead = |&word: &u64| tasks.find_any(word) == Err(TrapCode::InvalidTask);
        assert!(words.iter().all(dead));
        assert_eq!(tasks.indices().len(), 1000);
    }

    #[test]
    fn values_of_freed_records_are_found_out() {
        let mut tasks = Tasks::new();
        let function = FuncId::from_index(3);
        let first = tasks.insert(function).unwrap();
        let word = tasks.word(first);
        assert_ne!(word, 0);
        assert_eq!(tasks.find(word), Ok(first));
        assert_eq!(tasks[first].function(), function);
        tasks.remove(first);
        assert_eq!(tasks.find(word), Err(TrapCode::InvalidTask));
        let second = tasks.insert(function).unwrap();
        assert_eq!(second, first);
        assert_ne!(tasks.word(second), word);
        assert_eq!(tasks.find(word), Err(TrapCode::InvalidTask));
        assert_eq!(tasks.find(u64::MAX), Err(TrapCode::InvalidTask));
        tasks[second].detached = true;
        assert_eq!(tasks.find(tasks.word(second)), Err(TrapCode::InvalidTask));
    }
}
