//! Cancelling tasks.
//!
//! A task that is cancelled does not wait any more: it gets a turn, at which the exception with tag
//! [`Exception::CANCELLED`] is thrown where it stands. If what it has waited for has come, it has that first. The first activation with an unwind target takes it.
//! Whatever that one comes back with, the activations *behind* it are cancelled next, and so on outwards.
//!
//! ```text
//! frames   [ main | outer | handles | callee ]      functions as they were written
//!                  behind ┘  runs, may wait
//! chain    callee → handles → outer → main          objects of lowered functions
//!                           └ behind
//! ```
//!
//! An activation gets it once: what happens in front of the rest, waiting included, is as in any task.

use crate::error::Stop;
use crate::machine::{Flow, Machine};
use crate::scheduler::Scheduler;
use crate::stack::{Entry, Site, Stack, Wait};
use crate::task::INVALID_TASK;
use enjamb_ir::Exception;

type Outcome = Result<Flow, Stop>;

/// What activations of a cancelled task get.
const CANCELLED: Exception = Exception {
    tag: Exception::CANCELLED,
    payload: None,
};

/// How far a task has been cancelled.
#[derive(Debug, Default)]
pub(crate) struct Cancellation {
    asked: bool,
    /// It is yet to be thrown.
    due: bool,
    /// What stands behind the activation whose handler runs.
    behind: Option<Behind>,
}

/// Activations that are yet to be cancelled.
#[derive(Debug, PartialEq, Eq)]
struct Behind {
    /// How many frames.
    frames: usize,
    /// The first object; 0 is none.
    object: u64,
}

impl Cancellation {
    /// Cancels a task that runs: it hears of it when it would wait.
    fn ask(&mut self) {
        self.due |= !self.asked;
        self.asked = true;
    }

    pub(crate) fn is_due(&self) -> bool {
        self.due
    }
}

impl<'a> Stack<'a> {
    /// An activation is about to take an exception, in front of so many frames and the chain's rest.
    pub(crate) fn begin_handler(&mut self, frames: usize) {
        let object = self.chain.rest;
        let Cancellation { asked, due, behind } = &mut self.cancellation;
        if *asked && !*due && behind.is_none() {
            *behind = Some(Behind { frames, object });
        }
    }

    /// Whether the activation is gone whose handler ran, and all that it called.
    pub(crate) fn handler_is_over(&self) -> bool {
        let rest = Behind {
            frames: self.frames.len(),
            object: self.chain.rest,
        };
        self.cancellation.behind == Some(rest)
    }
}

impl<'a> Scheduler<'a> {
    /// Cancels a task that does not run, once.
    fn cancel(&mut self, number: u64) {
        let Some(stack) = self.stack_mut(number) else {
            return;
        };
        if stack.cancellation.asked {
            return;
        }
        stack.cancellation.ask();
        // What it has waited for is its own.
        if self.has_come(number) {
            return;
        }
        if let Some(stack) = self.stack_mut(number) {
            stack.entry = Entry::Cancelled;
        }
        match self.take_wait(number) {
            Wait::Turn => return,
            Wait::Deadline(_) => self.forget_timers(number),
            Wait::Task(target) => self.leave(number, target),
        }
        self.queue(number);
    }

    /// A task whose cancellation is due would wait: it gets a turn instead.
    pub(crate) fn refuse_wait(&mut self, stack: &mut Stack<'a>, wait: Wait) -> Wait {
        stack.entry = Entry::Cancelled;
        if let Wait::Task(target) = wait {
            self.leave(stack.task, target);
        }
        Wait::Turn
    }

    /// A task does not join another one any more. Whoever has its value can, but when the first one ends and
    /// nobody has, nobody will.
    fn leave(&mut self, number: u64, target: u64) {
        if let Some(target) = self.get_mut(target) {
            target.joiner = None;
        }
        if let Some(task) = self.get_mut(number) {
            task.left.push(target);
        }
    }

    /// A task has ended: those that it has left run on their own, unless somebody has joined them.
    pub(crate) fn let_go(&mut self, number: u64, left: Vec<u64>) {
        for target in left.into_iter().filter(|&target| target != number) {
            let runs = self.stack(target).is_none();
            let Some(task) = self.free_task(target) else {
                continue;
            };
            match task.ended.is_some() {
                true => self.remove(target),
                false => task.detached = !runs,
            }
        }
    }
}

pub(crate) fn cancel<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let number = site.arg(stack, 0)?;
    let task = machine.scheduler.get_mut(number).ok_or(INVALID_TASK)?;
    if task.ended.is_some() {
        return Ok(Flow::Next);
    }
    let mut running = std::iter::once(stack).chain(&mut machine.spawners);
    match running.find(|stack| stack.task == number) {
        Some(stack) => stack.cancellation.ask(),
        None => machine.scheduler.cancel(number),
    }
    Ok(Flow::Next)
}

impl<'a> Machine<'a> {
    /// Throws the cancellation where a task has waited.
    pub(crate) fn begin_cancelling(&mut self, stack: &mut Stack<'a>) -> Outcome {
        stack.cancellation.due = false;
        self.throw(stack, CANCELLED, None)
    }

    /// The activation whose handler ran has come back, or has thrown something: that is dropped, and the rest
    /// is cancelled. An exception that is the cancellation itself goes on with its trace.
    pub(crate) fn cancel_behind(
        &mut self,
        stack: &mut Stack<'a>,
        thrown: Option<Exception>,
    ) -> Outcome {
        stack.cancellation.behind = None;
        match thrown {
            Some(CANCELLED) => self.unwind(stack, CANCELLED),
            _ => self.throw(stack, CANCELLED, None),
        }
    }
}
