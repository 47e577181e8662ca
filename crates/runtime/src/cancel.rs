//! Cancelling tasks: the exception with tag [`Exception::CANCELLED`], thrown where a task waits.
//!
//! ```text
//!  cancel        the task waits: what it waits for is dropped, and it gets a turn
//!                it runs, or what it has waited for has come: the same when it would wait next
//!  its turn      the first activation of the chain with a handler takes the exception, those before it
//!                are freed; a separator is put behind it, and it is resumed
//!
//!                  callee ─→ handles ─→ separator ─→ outer ─→ … ─→ root
//!                  └─ runs, may wait ─┘              └ has not heard of it
//!
//!  it comes back with results, which go into the separator and nowhere else; or it throws: the separator
//!                is freed, and the exception is thrown to what stands behind it
//! ```
//!
//! To the dispatcher a separator is the root of a chain: it has the same record, whose stub leaves. So
//! nothing in emitted code knows of cancellation. Behind the outermost activation the root itself is the
//! separator. While there is one, the task is marked [`Marks::HANDLES`], and what happens in front of it is
//! as in any task: an exception is not thrown beyond it.
//!
//! ```text
//!  separator:  0 next   8 record of roots   16 results of any async function …   last word: function
//! ```
//!
//! A task that is cancelled *at once*, as the host has dropped its call, never waits again: a leaf that would
//! throws the exception. That can be done [`REFUSALS`] times, and no slice of fuel can be used up; after that,
//! and when a handler traps, the rest of the chain is freed without asking handlers, and counted.

use crate::continuations::Object;
use crate::error::NoMemory;
use crate::failure::{Cause, Failure};
use crate::machine::Machine;
use crate::state::{Registration, State};
use crate::task::{Marks, State as TaskState};
use enjamb_abi::continuation::{ContinuationHeader, RESULTS, WORD, result_area};
use enjamb_ir::hash::FxHashMap;
use enjamb_ir::{Entity, Exception, FuncId, Module, TrapCode};
use std::ptr::NonNull;

/// How often the handlers of a task that is cancelled at once may try to wait.
pub const REFUSALS: u32 = 4096;

/// What an activation gets.
const CANCELLED: Cause = Cause::Exception(Exception {
    tag: Exception::CANCELLED,
    payload: None,
});

/// What is kept of cancelled tasks.
#[derive(Debug, Default)]
pub(crate) struct Cancellations {
    /// The tasks that others, by index, have joined and do not wait for any more.
    left: FxHashMap<u32, Vec<u64>>,
    /// How often the task that is being cancelled at once has tried to wait.
    refusals: u32,
    /// Tasks whose handlers did not all run.
    pub(crate) cut_short: u64,
    /// Suspended activations with a handler that were freed.
    pub(crate) handlers_skipped: u64,
}

impl Cancellations {
    pub(crate) fn clear(&mut self) {
        self.left.clear();
    }
}

/// Whether a failure is the cancellation itself.
pub(crate) fn is_cancellation(cause: Cause) -> bool {
    cause == CANCELLED
}

/// The size of the separators of a module.
pub(crate) fn separator_size(module: &Module) -> u32 {
    let signatures = module.functions.values().map(|decl| decl.signature());
    let areas = signatures.filter(|signature| signature.is_async);
    let most = areas.map(|signature| result_area(&signature.results)).max();
    RESULTS + most.unwrap_or(0) + WORD
}

impl State {
    /// Cancels a task, which hears of it once.
    pub(crate) fn cancel(&mut self, index: u32) {
        let task = &mut self.tasks[index];
        if task.marks.has(Marks::CANCELLED) {
            return;
        }
        match task.state {
            TaskState::Free | TaskState::Finished | TaskState::Failed => return,
            TaskState::Suspended if !task.marks.has(Marks::DELIVERED) => {
                if self.stop_waiting(index) {
                    self.wake(index);
                }
            }
            // A leaf that would wait comes back to the runtime.
            TaskState::Running => self.context.fixed().fast_resumes = 0,
            // What it has waited for has come.
            TaskState::Suspended | TaskState::Failing => {}
        }
        let marks = Marks::CANCELLED.and(Marks::DUE);
        self.tasks[index].marks.set(marks);
    }

    /// A suspended task does not wait any more, and fails when it has its turn: whether it is to be put into
    /// the run queue, as it is not there.
    fn stop_waiting(&mut self, index: u32) -> bool {
        let task = &mut self.tasks[index];
        let waits = task.marks.has(Marks::WAITS);
        task.state = TaskState::Failing;
        task.marks.clear(Marks::WAITS);
        self.take_kept_failure(index);
        if !waits {
            return false;
        }
        if let Some(call) = self.executor.take_pending(index) {
            self.discard(call);
        } else if let Some(target) = self.joined_by(index) {
            self.tasks[target].joiner = crate::task::NONE;
            self.left(index, self.tasks.word(target));
        } else {
            self.executor.forget_timers(self.tasks.word(index));
            let State {
                executor, tasks, ..
            } = self;
            executor.freed(|task| tasks.waits(task));
        }
        true
    }

    /// A task has joined another one and does not wait for it. Whoever has its value can join it; when the
    /// first one ends and nobody has, nobody will.
    fn left(&mut self, index: u32, target: u64) {
        let left = self.cancellations.left.entry(index).or_default();
        left.push(target);
    }

    /// A task was suspended that is not to wait: it gets a turn at which it fails, or, if it is cancelled at
    /// once, fails here. Gives its new head if there is a handler then.
    pub(crate) fn refuse_wait(&mut self, index: u32) -> Option<*mut ContinuationHeader> {
        let mut is_spent = false;
        match self.registration.take() {
            Some(Registration::Pending(call, _)) => self.discard(call),
            Some(Registration::Join(target)) => self.left(index, self.tasks.word(target)),
            Some(Registration::OutOfFuel) => is_spent = true,
            _ => {}
        }
        self.take_kept_failure(index);
        if !self.tasks[index].marks.has(Marks::AT_ONCE) {
            self.tasks[index].state = TaskState::Failing;
            self.wake(index);
            return None;
        }
        self.tasks[index].marks.clear(Marks::DUE);
        self.cancellations.refusals += 1;
        is_spent |= self.cancellations.refusals > REFUSALS;
        let cause = match is_spent {
            true => Cause::Trap(TrapCode::OutOfFuel),
            false => CANCELLED,
        };
        let failure = self.new_failure(cause);
        self.unwind_chain(index, self.tasks[index].head, failure)
    }

    /// Frees the tasks that are no calls of the host's, wherever they stand. No handler of theirs runs; a call that
    /// has joined one gets the cancellation.
    pub(crate) fn end_tasks(&mut self) {
        for index in self.tasks.indices() {
            if self.tasks[index].called {
                continue;
            }
            let joiner = self.joiner_of(index);
            self.free_task(index);
            if let Some(joiner) = joiner.filter(|&joiner| self.tasks[joiner].called) {
                let failure = self.new_failure(CANCELLED);
                self.fail_later(joiner, failure);
            }
            self.forget_freed();
        }
    }

    /// What a task in state `Failing` fails with at its turn: what it has waited for, or else the cancellation.
    pub(crate) fn failure_at_turn(&mut self, index: u32) -> Box<Failure> {
        let marks = self.tasks[index].marks;
        if !marks.has(Marks::DUE) || self.tasks.has_failure(index) {
            return self.take_failure_of(index);
        }
        self.tasks[index].marks.clear(Marks::DUE);
        self.new_failure(CANCELLED)
    }

    /// Prepares an activation of a cancelled task for taking what goes through its chain; fails if there is no
    /// memory for that.
    pub(crate) fn begin_handler(
        &mut self,
        index: u32,
        handles: Object,
        cause: Cause,
    ) -> Result<(), NoMemory> {
        let task = &mut self.tasks[index];
        let is_in_front = task.marks.has(Marks::DUE.and(Marks::HANDLES));
        if is_in_front || matches!(cause, Cause::Trap(_)) || !task.marks.has(Marks::CANCELLED) {
            return Ok(());
        }
        task.marks.set(Marks::HANDLES);
        // SAFETY: a suspended continuation has a record.
        let (next, function) = unsafe {
            let header = handles.as_ref();
            (header.next, (*header.info).function)
        };
        if next == self.tasks[index].root {
            return Ok(());
        }
        let size = self.loaded.separator_size;
        let lists = self.context.free_lists();
        let separator = self.continuations.allocate_root(lists, size);
        let refusal = || self.continuations.refusal("a handler", size.into());
        let separator = separator.ok_or_else(refusal)?;
        let header = ContinuationHeader {
            next,
            info: self.loaded.root_record as *const _,
        };
        // SAFETY: the new object has room for a header and, at its end, the function. The activation is
        // suspended, so nobody else uses its link.
        unsafe {
            separator.write(header);
            let last = separator.byte_add((size - WORD) as usize);
            last.cast::<u64>().write(function.into());
            (*handles.as_ptr()).next = separator.as_ptr();
        }
        Ok(())
    }

    /// Whether a continuation of a chain, which is not its root, is a separator.
    pub(crate) fn is_separator(&self, object: Object) -> bool {
        // SAFETY: what is linked to a chain has a record.
        unsafe { object.as_ref() }.info as u64 == self.loaded.root_record
    }

    /// The function whose results a separator takes, if the continuation is one.
    pub(crate) fn function_at_separator(&self, object: *mut ContinuationHeader) -> Option<FuncId> {
        let object = NonNull::new(object).filter(|&object| self.is_separator(object))?;
        let last = (self.loaded.separator_size - WORD) as usize;
        // SAFETY: `begin_handler` has written it there.
        let function = unsafe { object.byte_add(last).cast::<u64>().read() };
        Some(FuncId::from_index(function as usize))
    }

    /// Frees a separator that nothing is linked to any more: what stands behind it.
    pub(crate) fn free_separator(&mut self, separator: Object) -> *mut ContinuationHeader {
        // SAFETY: it is linked to the rest of its chain.
        let next = unsafe { separator.as_ref() }.next;
        let lists = self.context.free_lists();
        let size = self.loaded.separator_size;
        self.continuations.free_root(lists, separator, size);
        next
    }

    /// The activation with the handler is gone, with a failure: what the rest of the chain gets. The
    /// cancellation goes on with its trace.
    pub(crate) fn behind_handler(&mut self, index: u32, failure: Box<Failure>) -> Box<Failure> {
        // What goes on behind it is what is due, if the task was cancelled at once before its turn.
        let marks = Marks::HANDLES.and(Marks::DUE);
        self.tasks[index].marks.clear(marks);
        match failure.cause {
            Cause::Exception(_) if !is_cancellation(failure.cause) => self.new_failure(CANCELLED),
            _ => failure,
        }
    }

    /// The activation with the handler has come back with results, into this separator or the root.
    pub(crate) fn handler_finished(
        &mut self,
        index: u32,
        at: u64,
    ) -> Option<*mut ContinuationHeader> {
        let failure = self.new_failure(CANCELLED);
        self.unwind_chain(index, at as *mut ContinuationHeader, failure)
    }

    /// A cancelled task ends with a failure, after so many activations with handlers were freed by a trap.
    pub(crate) fn count_skipped(&mut self, index: u32, cause: Cause, handlers: u64) {
        let is_heard = !self.tasks[index].marks.has(Marks::DUE);
        if is_heard && matches!(cause, Cause::Trap(_)) {
            self.cancellations.cut_short += 1;
            self.cancellations.handlers_skipped += handlers;
        }
    }

    /// A cancelled task is gone: those that it has left.
    pub(crate) fn forget_cancelled(&mut self, index: u32) -> Vec<u64> {
        self.executor.remember_timers(self.tasks.word(index));
        self.cancellations.left.remove(&index).unwrap_or_default()
    }

    /// A cancelled task has ended: those that it has left run on their own, unless somebody has joined them.
    pub(crate) fn let_go(&mut self, index: u32) {
        for word in self.forget_cancelled(index) {
            let Ok(target) = self.tasks.find(word) else {
                continue;
            };
            match self.tasks[target].state {
                TaskState::Finished | TaskState::Failed => self.remove(target),
                // Whoever has called the host function in it may wait for it.
                TaskState::Running => {}
                _ => self.tasks[target].detached = target != index,
            }
        }
    }

    /// Begins to cancel a task at once that the host does not ask for any more: whether it has to be resumed
    /// for that.
    fn abandon(&mut self, index: u32) -> bool {
        let task = &mut self.tasks[index];
        task.detached = true;
        match task.state {
            TaskState::Free => false,
            // It hears of it when it would wait.
            TaskState::Running => {
                let marks = Marks::CANCELLED.and(Marks::DUE).and(Marks::AT_ONCE);
                task.marks.set(marks);
                self.context.fixed().fast_resumes = 0;
                false
            }
            TaskState::Finished | TaskState::Failed => {
                self.remove(index);
                false
            }
            TaskState::Suspended | TaskState::Failing => {
                let marks = Marks::CANCELLED.and(Marks::DUE).and(Marks::AT_ONCE);
                task.marks.set(marks);
                self.cancellations.refusals = 0;
                let has_come = task.marks.has(Marks::DELIVERED);
                if task.state == TaskState::Suspended && !has_come {
                    self.stop_waiting(index);
                }
                true
            }
        }
    }
}

impl Machine {
    /// Cancels a task at once that the host does not ask for any more. Tasks that it has started go on.
    pub(crate) fn abandon(self, index: u32) {
        let is_suspended = self.with(|state| state.abandon(index));
        // What it waits for in the host goes first.
        self.bury();
        if is_suspended {
            self.resume(index, 0, 0);
        }
        self.with(State::forget_freed);
    }
}
