//! What a host sees of the tasks of an instance while one of them calls it.

use crate::exception::{suspended_stacks, walk_logical_stack};
use crate::object::Tasks;
use crate::stack::Stack;
use enjamb_ir::{Module, TaskCursor, TaskInfo, Trace, TraceBuffer, TraceLimits};

/// The tasks of an instance and where they stand.
pub(crate) trait Inspect {
    /// The logical stacks of those that are suspended.
    fn stacks(&self, limits: TraceLimits) -> Vec<Trace>;
    /// A walk over all of them.
    fn cursor(&self) -> TaskCursor;
    /// The next one of a walk; `word` is the context word.
    fn next(&self, cursor: &mut TaskCursor, limits: TraceLimits, word: u64) -> Option<TaskInfo>;
}

pub(crate) struct View<'r, 'a> {
    pub(crate) module: &'a Module,
    pub(crate) tasks: &'r Tasks<'r, 'a>,
}

impl<'a> View<'_, 'a> {
    /// The stack of a task, and whether the task is the one that runs.
    fn stack(&self, number: u64) -> Option<(&Stack<'a>, bool)> {
        let running = self.tasks.running.filter(|stack| stack.task == number);
        let spawners = || {
            self.tasks
                .spawners
                .iter()
                .find(|stack| stack.task == number)
        };
        let parked = || self.tasks.scheduler.stack(number);
        let other = || spawners().or_else(parked).map(|stack| (stack, false));
        running.map(|stack| (stack, true)).or_else(other)
    }
}

impl Inspect for View<'_, '_> {
    fn stacks(&self, limits: TraceLimits) -> Vec<Trace> {
        let Tasks {
            scheduler,
            continuations,
            ..
        } = self.tasks;
        suspended_stacks(self.module, scheduler, continuations, limits)
    }

    fn cursor(&self) -> TaskCursor {
        let scheduler = self.tasks.scheduler;
        TaskCursor::new(scheduler.numbers(self.module), scheduler.timers())
    }

    fn next(&self, cursor: &mut TaskCursor, limits: TraceLimits, word: u64) -> Option<TaskInfo> {
        let scheduler = self.tasks.scheduler;
        let (number, task) = cursor.find_map(|number| Some((number, scheduler.get(number)?)))?;
        let mut info = TaskInfo::new(number, &self.module.functions[task.function].name);
        info.state = task.state(cursor.timer(number));
        info.detached = task.detached;
        info.bytes = scheduler.record_bytes_of(number) as u64;
        let Some((stack, is_innermost)) = self.stack(number).filter(|_| task.ended.is_none())
        else {
            return Some(info);
        };
        let continuations = self.tasks.continuations;
        info.bytes += stack.parked_bytes() as u64 + continuations.chain_bytes(&stack.chain);
        let is_suspended = scheduler.stack(number).is_some();
        info.context = match is_innermost {
            true => Some(word as i64),
            false => is_suspended.then_some(stack.context as i64),
        };
        let mut trace = TraceBuffer::new(limits);
        walk_logical_stack(self.module, continuations, stack, 0, |place| {
            trace.push(place)
        });
        info.stack = trace.resolve(|place| place.location(self.module));
        Some(info)
    }
}
