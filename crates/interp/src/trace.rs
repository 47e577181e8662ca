//! Events about tasks: one when a task is suspended, one when its turn comes. They are of level trace, and the same
//! in every engine but for the numbers of tasks.

use crate::exception::walk_logical_stack;
use crate::machine::Machine;
use crate::stack::{Stack, Wait};
use enjamb_ir::tasks::EVENTS;
use enjamb_ir::{Location, TaskState};
use std::time::Duration;

/// Whether somebody wants to hear of tasks.
pub(crate) fn is_wanted() -> bool {
    tracing::enabled!(target: EVENTS, tracing::Level::TRACE)
}

impl<'a> Machine<'a> {
    /// A task is suspended, and is about to wait.
    pub(crate) fn trace_suspend(&self, stack: &Stack<'a>, wait: Wait) {
        if !is_wanted() {
            return;
        }
        let waits = match wait {
            Wait::Turn => TaskState::Ready,
            Wait::Deadline(deadline) => {
                let left = deadline.saturating_sub(self.scheduler.now());
                TaskState::Sleeping(Duration::from_millis(left))
            }
            Wait::Task(task) => TaskState::Joining(task),
        };
        tracing::trace!(
            target: EVENTS,
            task = stack.task,
            function = self.name_of(stack),
            at = self.place_of(stack).map(display),
            state = %waits,
            context = stack.context as i64,
            "suspend"
        );
    }

    /// The turn of a task has come.
    pub(crate) fn trace_resume(&self, stack: &Stack<'a>) {
        if is_wanted() {
            tracing::trace!(
                target: EVENTS,
                task = stack.task,
                function = self.name_of(stack),
                at = self.place_of(stack).map(display),
                context = stack.context as i64,
                "resume"
            );
        }
    }

    fn name_of(&self, stack: &Stack<'a>) -> Option<&str> {
        let task = self.scheduler.get(stack.task)?;
        Some(&self.module.functions[task.function].name)
    }

    /// Where a suspended task stands, unless its function ends with the call that it waits for.
    fn place_of(&self, stack: &Stack<'a>) -> Option<Location> {
        let mut innermost = None;
        walk_logical_stack(self.module, &self.objects, stack, 0, |place| {
            innermost.get_or_insert(place);
        });
        innermost.map(|place| place.location(self.module))
    }
}
