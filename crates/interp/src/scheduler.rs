//! The tasks of an instance, the queue of those that can run, and timers.
//!
//! One queue, first in, first out. A task that yields goes to its end, and so does one whose
//! timer fired or whose joined task finished. Timers that are due fire before each turn, by
//! deadline, then in order of creation. The virtual clock moves only when nothing can run: to the
//! next deadline.

use crate::exception::Record;
use crate::heap::Reference;
use crate::options::Clock;
use crate::stack::{Entry, Frame, Stack, Wait};
use crate::value::Cell;
use enjamb_ir::hash::FxHashMap;
use enjamb_ir::{FuncId, Module, TaskState, Type};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::{Duration, Instant};

/// How a task ended.
pub(crate) type Ended<'a> = Result<Vec<Cell>, Box<Record<'a>>>;

/// A task that was started and not joined to its end.
#[derive(Debug)]
pub(crate) struct Task<'a> {
    /// Its stack, unless it is running.
    stack: Option<Stack<'a>>,
    /// The types of its results.
    pub(crate) results: &'a [Type],
    /// The function that it runs.
    pub(crate) function: FuncId,
    pub(crate) ended: Option<Ended<'a>>,
    /// The task that joins it.
    pub(crate) joiner: Option<u64>,
    /// Whether nobody will join it.
    pub(crate) detached: bool,
    /// What it waits for, unless it runs.
    wait: Wait,
    /// Whether it has been woken with something.
    has_come: bool,
    /// The tasks that it has joined and does not wait for any more, as it was cancelled.
    pub(crate) left: Vec<u64>,
}

/// What a task takes besides its frames: its record, in a hash map that may be half empty, and the
/// room for four frames that its stack begins with.
const RECORD_BYTES: usize = 2 * size_of::<(u64, Task<'_>)>() + 4 * size_of::<Frame<'_>>();

/// The tasks of an instance.
#[derive(Debug)]
pub(crate) struct Scheduler<'a> {
    tasks: FxHashMap<u64, Task<'a>>,
    queue: VecDeque<u64>,
    /// Deadline, order of creation, task.
    timers: BinaryHeap<Reverse<(u64, u64, u64)>>,
    /// Tasks ever started; a number is not used again.
    started: u64,
    /// Timers ever created.
    created: u64,
    clock: Clock,
    /// The virtual time in milliseconds.
    time: u64,
    epoch: Instant,
    /// The task of the call, if there is one.
    root: Option<u64>,
}

impl Task<'_> {
    /// What it does or waits for, with the time that is left if it has a timer.
    pub(crate) fn state(&self, timer: Option<Duration>) -> TaskState {
        match (&self.ended, self.wait, timer) {
            (Some(Ok(_)), ..) => TaskState::Finished,
            (Some(Err(_)), ..) => TaskState::Failed,
            _ if self.stack.is_none() => TaskState::Running,
            (None, Wait::Task(task), _) => TaskState::Joining(task),
            (None, Wait::Deadline(_), Some(left)) => TaskState::Sleeping(left),
            // One that has started another one, which runs.
            (None, ..) => TaskState::Ready,
        }
    }
}

impl<'a> Scheduler<'a> {
    /// The tasks that wait or are to go on, in the order in which they were started.
    pub(crate) fn suspended(&self) -> Vec<u64> {
        let tasks = self.tasks.iter();
        let suspended = tasks.filter(|(_, task)| task.stack.is_some() && task.ended.is_none());
        let mut numbers: Vec<u64> = suspended.map(|(&number, _)| number).collect();
        numbers.sort_unstable();
        numbers
    }

    /// The tasks that exist, in the order in which they were started. A sync call is none.
    pub(crate) fn numbers(&self, module: &Module) -> Vec<u64> {
        let is_task = |task: &Task<'_>| module.functions[task.function].signature().is_async;
        let tasks = self.tasks.iter().filter(|(_, task)| is_task(task));
        let mut numbers: Vec<u64> = tasks.map(|(&number, _)| number).collect();
        numbers.sort_unstable();
        numbers
    }

    /// How many these are.
    pub(crate) fn count(&self, module: &Module) -> u64 {
        let root = self.root.and_then(|root| self.tasks.get(&root));
        let is_sync = |root: &Task<'_>| !module.functions[root.function].signature().is_async;
        self.tasks.len() as u64 - u64::from(root.is_some_and(is_sync))
    }

    /// Tasks with how much time their timers have left.
    pub(crate) fn timers(&self) -> impl Iterator<Item = (u64, Duration)> + '_ {
        let now = self.now();
        let left = move |deadline: u64| Duration::from_millis(deadline.saturating_sub(now));
        let timers = self.timers.iter();
        timers.map(move |&Reverse((deadline, _, task))| (task, left(deadline)))
    }

    /// Visits every word of a task that does not run which may be a reference, and what ended tasks
    /// have left.
    pub(crate) fn each_reference(&self, visit: &mut dyn FnMut(Reference)) {
        for task in self.tasks.values() {
            if let Some(stack) = &task.stack {
                stack.each_reference(visit);
            }
            match &task.ended {
                Some(Ok(results)) => results.iter().for_each(|cell| visit(cell.bits)),
                Some(Err(record)) => record.each_reference(visit),
                None => {}
            }
        }
    }

    /// Where a task stands, unless it is running.
    pub(crate) fn stack(&self, number: u64) -> Option<&Stack<'a>> {
        self.tasks.get(&number)?.stack.as_ref()
    }

    pub(crate) fn stack_mut(&mut self, number: u64) -> Option<&mut Stack<'a>> {
        self.tasks.get_mut(&number)?.stack.as_mut()
    }

    /// The task that a task waits for.
    pub(crate) fn joins(&self, number: u64) -> Option<u64> {
        let task = self.tasks.get(&number)?;
        match task.wait {
            Wait::Task(target) if task.stack.is_some() => Some(target),
            _ => None,
        }
        .filter(|&target| self.joiner(target) == Some(number))
    }

    /// The task that waits for a task.
    pub(crate) fn joiner(&self, number: u64) -> Option<u64> {
        self.tasks.get(&number)?.joiner
    }

    pub(crate) fn new(clock: Clock) -> Self {
        Scheduler {
            tasks: FxHashMap::default(),
            queue: VecDeque::new(),
            timers: BinaryHeap::new(),
            started: 0,
            created: 0,
            clock,
            time: 0,
            epoch: Instant::now(),
            root: None,
        }
    }

    /// Makes a task that will begin with a call and a context word, and gives its number.
    pub(crate) fn add(
        &mut self,
        results: &'a [Type],
        function: FuncId,
        args: Vec<Cell>,
        context: u64,
    ) -> u64 {
        self.started += 1;
        let mut stack = Stack::new(self.started, Entry::Call(function, args));
        stack.context = context;
        let task = Task {
            stack: Some(stack),
            results,
            function,
            ended: None,
            joiner: None,
            detached: false,
            wait: Wait::Turn,
            has_come: false,
            left: Vec::new(),
        };
        self.tasks.insert(self.started, task);
        self.started
    }

    /// A task is that of the call from now on.
    pub(crate) fn set_root(&mut self, number: u64) {
        self.root = Some(number);
    }

    /// What the tasks take besides their frames. The root is free: a call can always begin.
    pub(crate) fn record_bytes(&self) -> usize {
        let count = self.tasks.len() - usize::from(self.root.is_some());
        count * RECORD_BYTES
    }

    /// The same of one of them.
    pub(crate) fn record_bytes_of(&self, number: u64) -> usize {
        match self.root == Some(number) {
            true => 0,
            false => RECORD_BYTES,
        }
    }

    pub(crate) fn get(&self, number: u64) -> Option<&Task<'a>> {
        self.tasks.get(&number)
    }

    /// A task that can be joined, detached and asked after: it exists, and nobody did the first
    /// two.
    pub(crate) fn free_task(&mut self, number: u64) -> Option<&mut Task<'a>> {
        let task = self.tasks.get_mut(&number)?;
        (task.joiner.is_none() && !task.detached).then_some(task)
    }

    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut Task<'a>> {
        self.tasks.get_mut(&number)
    }

    pub(crate) fn remove(&mut self, number: u64) {
        self.tasks.remove(&number);
    }

    /// The stack of a task that does not run, to run it.
    pub(crate) fn take(&mut self, number: u64) -> Option<Stack<'a>> {
        self.tasks.get_mut(&number)?.stack.take()
    }

    /// Keeps the stack of a task that waits.
    pub(crate) fn park(&mut self, mut stack: Stack<'a>, mut wait: Wait) {
        let number = stack.task;
        if stack.cancellation.is_due() {
            wait = self.refuse_wait(&mut stack, wait);
        }
        if let Some(task) = self.tasks.get_mut(&number) {
            task.has_come = matches!(&stack.entry, Entry::Wake(Ok(results)) if !results.is_empty());
            task.stack = Some(stack);
            task.wait = wait;
        }
        match wait {
            Wait::Turn => self.queue.push_back(number),
            Wait::Deadline(deadline) => {
                self.created += 1;
                self.timers.push(Reverse((deadline, self.created, number)));
            }
            Wait::Task(_) => {}
        }
    }

    /// Lets a task go on with what it waited for.
    pub(crate) fn wake(&mut self, number: u64, ended: Ended<'a>) {
        if let Some(stack) = self.stack_mut(number) {
            stack.entry = Entry::Wake(ended);
            self.queue(number);
        }
        if let Some(task) = self.tasks.get_mut(&number) {
            task.has_come = true;
        }
    }

    /// How the root ended, if it did. Then it is gone.
    pub(crate) fn root_result(&mut self) -> Option<Ended<'a>> {
        let root = self.root?;
        let ended = self.tasks.get_mut(&root)?.ended.take()?;
        self.tasks.remove(&root);
        self.root = None;
        Some(ended)
    }

    /// The stack of the task whose turn it is, once timers have fired that are due.
    pub(crate) fn next_runnable(&mut self) -> Option<Stack<'a>> {
        self.fire_timers();
        let number = self.queue.pop_front()?;
        self.take(number)
    }

    /// How long no task can run, if none can until a timer fires. A virtual clock jumps there instead.
    pub(crate) fn time_to_wait(&mut self) -> Option<Duration> {
        let &Reverse((deadline, _, _)) = self.timers.peek()?;
        match self.clock {
            Clock::Virtual => {
                self.time = self.time.max(deadline);
                Some(Duration::ZERO)
            }
            Clock::Real => {
                Some(Duration::from_millis(deadline).saturating_sub(self.epoch.elapsed()))
            }
        }
    }

    /// Whether no task can run before a timer fires.
    pub(crate) fn is_idle(&self) -> bool {
        self.queue.is_empty()
    }

    /// How many timers have been made, if some task waits for one.
    pub(crate) fn newest_timer(&self) -> Option<u64> {
        (!self.timers.is_empty()).then_some(self.created)
    }

    /// How many tasks can run now.
    pub(crate) fn count_runnable(&mut self) -> usize {
        self.fire_timers();
        self.queue.len()
    }

    fn fire_timers(&mut self) {
        let now = self.now();
        while let Some(&Reverse((deadline, _, number))) = self.timers.peek()
            && deadline <= now
        {
            self.timers.pop();
            self.queue(number);
        }
    }

    /// Lets a task wait for its turn.
    pub(crate) fn queue(&mut self, number: u64) {
        self.take_wait(number);
        self.queue.push_back(number);
    }

    /// What a task waits for. It waits for its turn from now on.
    pub(crate) fn take_wait(&mut self, number: u64) -> Wait {
        let task = self.tasks.get_mut(&number);
        task.map_or(Wait::Turn, |task| {
            std::mem::replace(&mut task.wait, Wait::Turn)
        })
    }

    /// Whether a task that does not run has been woken with something.
    pub(crate) fn has_come(&self, number: u64) -> bool {
        self.tasks.get(&number).is_some_and(|task| task.has_come)
    }

    /// A task waits for no time any more.
    pub(crate) fn forget_timers(&mut self, number: u64) {
        self.timers.retain(|&Reverse((.., task))| task != number);
    }

    /// The time when so many milliseconds have passed.
    pub(crate) fn deadline(&self, milliseconds: u64) -> u64 {
        let now = match self.clock {
            Clock::Virtual => self.time,
            // Not a part of a millisecond sooner.
            Clock::Real => self.epoch.elapsed().as_nanos().div_ceil(1_000_000) as u64,
        };
        now.saturating_add(milliseconds)
    }

    /// The time in milliseconds.
    pub(crate) fn now(&self) -> u64 {
        match self.clock {
            Clock::Virtual => self.time,
            Clock::Real => self.epoch.elapsed().as_millis() as u64,
        }
    }

    /// Drops all tasks, and gives the stacks of those that did not end.
    pub(crate) fn clear(&mut self) -> Vec<Stack<'a>> {
        self.queue.clear();
        self.timers.clear();
        self.root = None;
        self.tasks
            .drain()
            .filter_map(|(_, task)| task.stack)
            .collect()
    }
}
