//! Events about tasks: one when a task is suspended, one when its turn comes.
//!
//! They are of level trace. Where nobody wants them, a suspension and a turn that the runtime sees cost a
//! look at the highest level that is wanted. Where somebody does, the runtime sees all of them: each turn
//! begins and ends here, and none in the dispatcher.

use crate::failure::Frame;
use crate::state::{Registration, State};
use enjamb_ir::tasks::EVENTS;
use enjamb_ir::{Location, TaskState};
use std::time::Duration;

/// Whether somebody wants to hear of tasks.
pub(crate) fn is_wanted() -> bool {
    tracing::enabled!(target: EVENTS, tracing::Level::TRACE)
}

impl State {
    /// A task is suspended, and is about to wait.
    #[cold]
    pub(crate) fn trace_suspend(&self, index: u32) {
        let waits = match &self.registration {
            None | Some(Registration::OutOfFuel | Registration::Result(_)) => TaskState::Ready,
            Some(Registration::Sleep(milliseconds)) => {
                TaskState::Sleeping(Duration::from_millis((*milliseconds).max(0) as u64))
            }
            Some(Registration::Join(target)) => TaskState::Joining(self.tasks.word(*target)),
            Some(Registration::Pending(call, _)) => {
                let function = &self.loaded.module().functions[call.function];
                TaskState::Waiting(function.name.clone())
            }
        };
        tracing::trace!(
            target: EVENTS,
            task = self.tasks.word(index),
            function = self.name_of(index),
            at = self.place_of(index).map(display),
            state = %waits,
            context = self.tasks[index].context_word as i64,
            "suspend"
        );
    }

    /// The turn of a task has come.
    #[cold]
    pub(crate) fn trace_resume(&self, index: u32) {
        tracing::trace!(
            target: EVENTS,
            task = self.tasks.word(index),
            function = self.name_of(index),
            at = self.place_of(index).map(display),
            context = self.tasks[index].context_word as i64,
            "resume"
        );
    }

    fn name_of(&self, index: u32) -> &str {
        &self.loaded.module().functions[self.tasks[index].function()].name
    }

    /// Where a suspended task stands, unless its function ends with the call that it waits for.
    fn place_of(&self, index: u32) -> Option<Location> {
        let task = &self.tasks[index];
        if task.head == task.root || self.function_at_separator(task.head).is_some() {
            return None;
        }
        // SAFETY: the head of a suspended chain is a continuation.
        let frame = Frame::Point(unsafe { (*task.head).info } as u64);
        Some(self.versions.of_frame(frame)?.location(frame))
    }
}
