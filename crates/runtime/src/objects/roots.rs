//! Every place outside of the heap that holds a reference to an object.
//!
//! ```text
//!  each activation    frames from its exit, along the frame pointers: the root slots that the return
//!                     address has in the table of safepoints
//!                     the chain behind the continuation that runs: what each one has saved
//!  suspended task     its chain: what each one has saved; what was delivered to the first one
//!  finished task      its results
//!  failed task        the exception
//!  host               handles; words between it and compiled code
//!  instance           global variables
//! ```
//!
//! The continuation of an activation that runs is no root: the function has taken out what it needs.
//! A result area is one only from the delivery of the results until the function goes on; before and
//! after, what is in it is nobody's. An exception that was caught is remembered for its trace, and
//! keeps nothing alive.

use super::maps::{reference_results, reference_words};
use crate::failure::{Cause, Failure};
use crate::loaded::LoadedModule;
use crate::state::State;
use crate::task::{Marks, NONE, State as TaskState};
use crate::unwind::Walk;
use crate::versions::Versions;
use enjamb_abi::continuation::ContinuationHeader;
use enjamb_abi::heap::Roots;
use enjamb_ir::{Exception, Type};
use std::sync::Arc;

/// Words on their way between host and compiled code.
pub(super) struct InFlight<'a> {
    pub(super) types: &'a [Type],
    pub(super) words: &'a mut [u64],
}

impl InFlight<'_> {
    pub(super) fn none() -> Self {
        InFlight {
            types: &[],
            words: &mut [],
        }
    }
}

type Visit<'a> = &'a mut dyn FnMut(&mut u64);

/// The roots of an instance while it stands still.
pub(super) struct StateRoots<'a> {
    state: &'a mut State,
    in_flight: InFlight<'a>,
    loaded: Arc<LoadedModule>,
    versions: Arc<Versions>,
}

/// Visits a word of a continuation.
///
/// # Safety
/// The continuation is live and holds a word there that compiled code does not use meanwhile.
unsafe fn visit_word(object: *mut ContinuationHeader, offset: u32, visit: Visit<'_>) {
    // SAFETY: the caller's promise.
    let word = unsafe { object.byte_add(offset as usize).cast::<u64>() };
    // SAFETY: as above; words of continuations are aligned.
    visit(unsafe { &mut *word });
}

/// Visits what the continuations from `head` up to, but not including, `root` have saved.
///
/// # Safety
/// They are suspended, and linked up to there.
unsafe fn visit_chain(
    loaded: &LoadedModule,
    versions: &Versions,
    head: *mut ContinuationHeader,
    root: *mut ContinuationHeader,
    visit: Visit<'_>,
) {
    let mut object = head;
    while object != root && !object.is_null() {
        // SAFETY: a suspended continuation has a record, which says where it has saved what.
        unsafe {
            let record = (*object).info;
            // A separator has saved nothing.
            if record as u64 != loaded.root_record {
                let (function, state) = ((*record).function, (*record).state);
                for &offset in versions.of_record(record).maps().saved(function, state) {
                    visit_word(object, offset, visit);
                }
            }
            object = (*object).next;
        }
    }
}

/// Visits the root slots of the frames of an activation, which has left compiled code at `exit`.
///
/// # Safety
/// Its record is at `end`, or there is no activation and that is 0; code of the `versions` waits there.
unsafe fn visit_frames(versions: &Versions, end: u64, exit: u64, visit: Visit<'_>) {
    if end == 0 {
        return;
    }
    // SAFETY: the caller's promise. The exit is the frame of a stub, which has none.
    let mut walk = unsafe { Walk::from_exit(versions, end, exit) };
    while walk.step() {
        let Some((loaded, offset)) = walk.return_offset() else {
            continue;
        };
        for &slot in loaded.compiled().roots_at(offset) {
            walk.with_word(slot, visit);
        }
    }
}

/// Visits the reference in an exception: whether it, if there was one, is still there.
fn visit_payload(failure: &mut Failure, visit: Visit<'_>) -> bool {
    let Cause::Exception(Exception { payload, .. }) = &mut failure.cause else {
        return true;
    };
    let Some(word) = payload else { return true };
    visit(word);
    *payload = Some(*word).filter(|&word| word != 0);
    payload.is_some()
}

impl<'a> StateRoots<'a> {
    pub(super) fn new(state: &'a mut State, in_flight: InFlight<'a>) -> Self {
        let (loaded, versions) = (Arc::clone(&state.loaded), Arc::clone(&state.versions));
        StateRoots {
            state,
            in_flight,
            loaded,
            versions,
        }
    }

    /// Activations, innermost first, each with its task.
    fn visit_activations(&mut self, visit: Visit<'_>) {
        let context = self.state.context.fixed();
        let innermost = (
            self.state.current_task,
            context.current,
            context.activation,
            context.exit_fp,
        );
        let outer = self.state.activations.iter().rev();
        let outer = outer.map(|outer| (outer.task, outer.current, outer.activation, outer.exit_fp));
        for (task, current, activation, exit_fp) in std::iter::once(innermost).chain(outer) {
            // SAFETY: the record and the exit are those that belong together: nested activations
            // put back what they have found.
            unsafe { visit_frames(&self.versions, activation, exit_fp, visit) };
            if task == NONE || current == 0 {
                continue;
            }
            let root = self.state.tasks[task].root;
            // SAFETY: while an activation runs, its continuation is linked to the rest of the chain.
            unsafe {
                let rest = (*(current as *mut ContinuationHeader)).next;
                visit_chain(&self.loaded, &self.versions, rest, root, visit);
            }
        }
    }

    fn visit_task(&mut self, index: u32, visit: Visit<'_>) {
        let task = &self.state.tasks[index];
        let (head, root) = (task.head, task.root);
        let delivered = task.marks.has(Marks::DELIVERED);
        let results = &self.loaded.signature(task.function()).results;
        match task.state {
            TaskState::Finished if !root.is_null() => {
                for offset in reference_results(results) {
                    // SAFETY: the root of a finished task has its results.
                    unsafe { visit_word(root, offset, visit) };
                }
            }
            TaskState::Suspended | TaskState::Failing => {
                // SAFETY: the chain of a suspended task, and the results of what it has waited for.
                unsafe { visit_chain(&self.loaded, &self.versions, head, root, visit) };
                let ends = match head == root {
                    true => Some(results),
                    false => {
                        let function = self.state.function_at_separator(head);
                        function.map(|function| &self.loaded.signature(function).results)
                    }
                };
                if let (true, Some(results)) = (delivered, ends) {
                    for offset in reference_results(results) {
                        // SAFETY: root or separator get the results of a call that a function ends with.
                        unsafe { visit_word(head, offset, visit) };
                    }
                } else if delivered {
                    // SAFETY: the first of a chain has a record.
                    let record = unsafe { &*(*head).info };
                    let maps = self.versions.of_record(record).maps();
                    for &offset in maps.results(record.function, record.state) {
                        // SAFETY: the results have been delivered.
                        unsafe { visit_word(head, offset, visit) };
                    }
                }
            }
            _ => {}
        }
        if self.state.keeps_exception(index)
            && let Some(failure) = self.state.tasks.failure_mut(index)
        {
            visit_payload(failure, visit);
        }
    }
}

impl State {
    /// Whether the failure that a task may have is one that it is yet to throw, or to be joined with.
    fn keeps_exception(&self, index: u32) -> bool {
        let state = self.tasks[index].state;
        matches!(state, TaskState::Failing | TaskState::Failed)
    }
}

impl Roots for StateRoots<'_> {
    fn each(&mut self, visit: &mut dyn FnMut(&mut u64)) {
        for word in reference_words(self.in_flight.types) {
            visit(&mut self.in_flight.words[word]);
        }
        self.state.objects.handles.held().for_each(&mut *visit);
        let layout = &self.loaded.compiled().layout;
        for &global in self.loaded.maps().globals() {
            self.state.context.with_reference(layout, global, visit);
        }
        self.visit_activations(visit);
        for task in self.state.tasks.indices() {
            self.visit_task(task, visit);
        }
    }

    /// Exceptions that were caught. If one has lost its reference, nobody can throw it on.
    fn each_weak(&mut self, visit: &mut dyn FnMut(&mut u64)) {
        let outer = self.state.activations.iter_mut();
        let caught = outer.map(|outer| &mut outer.failure);
        for caught in caught.chain([&mut self.state.failure]) {
            if let Some(failure) = caught
                && !visit_payload(failure, visit)
            {
                *caught = None;
            }
        }
        if !self.state.tasks.have_failures() {
            return;
        }
        for task in self.state.tasks.indices() {
            if !self.state.keeps_exception(task)
                && let Some(failure) = self.state.tasks.failure_mut(task)
                && !visit_payload(failure, visit)
            {
                self.state.take_kept_failure(task);
            }
        }
    }
}
