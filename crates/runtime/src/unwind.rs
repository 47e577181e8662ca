//! Walking stacks: the frames of an activation, then the continuations behind it.
//!
//! ```text
//!  physical: innermost frame ─ frame pointers ─→ … ─→ activation record
//!  logical:                                           … then current.next ─→ … ─→ root
//! ```
//!
//! [`State::unwind`] searches a handler on the stack for the throw stub, [`State::unwind_chain`]
//! one in a chain; between the two the activation has been left. Neither goes beyond what belongs to
//! one entry from the host.

use crate::failure::{Cause, Failure, Frame, resolve};
use crate::loaded::LoadedModule;
use crate::processor::return_address;
use crate::state::State;
use crate::task::{Marks, State as TaskState};
use crate::versions::Versions;
use enjamb_abi::code::Throw;
use enjamb_abi::context::Status;
use enjamb_abi::continuation::{ContinuationHeader, RESULTS};
use enjamb_abi::unwind::{EXCEPTION_WORDS, Unwinding};
use enjamb_codegen::FunctionRange;
use enjamb_ir::hash::FxHashSet;
use enjamb_ir::{Exception, Trace, TraceBuffer, TraceLimits, TrapCode};
use std::ptr::NonNull;

/// A walk over the frames of an activation.
pub(crate) struct Walk<'a> {
    versions: &'a Versions,
    /// Address of the activation record, above which no frame is.
    end: u64,
    /// The place in the frame: a return address.
    pc: u64,
    /// Its frame pointer.
    fp: u64,
    /// The function at `pc`, or the last one before if that is a stub's, and its version.
    range: Option<(&'a LoadedModule, &'a FunctionRange)>,
}

impl<'a> Walk<'a> {
    /// A walk from a frame of compiled code or a stub.
    ///
    /// # Safety
    /// The frame is one of the innermost activation, whose record is at `end`, and code of the `versions`
    /// is at `pc`. Nothing runs in these frames while the walk lasts.
    unsafe fn new(versions: &'a Versions, end: u64, pc: u64, fp: u64) -> Self {
        let pc = return_address(pc);
        Walk {
            versions,
            end,
            pc,
            fp,
            range: None,
        }
    }

    /// A walk from the frame of a stub that has called the runtime: the first step leads to the frame of
    /// the stub's caller.
    ///
    /// # Safety
    /// As for `new`, with the frame pointer at `exit`.
    pub(crate) unsafe fn from_exit(versions: &'a Versions, end: u64, exit: u64) -> Self {
        Walk {
            versions,
            end,
            pc: 0,
            fp: exit,
            range: None,
        }
    }

    /// The return address of the call that the frame waits for, as a version and an offset in its code.
    pub(crate) fn return_offset(&self) -> Option<(&'a LoadedModule, u32)> {
        let (loaded, offset) = self.versions.find(self.pc - 1)?;
        Some((loaded, offset + 1))
    }

    /// The function that the frame belongs to, with its version and the offset in the code of the place in
    /// it; `None` for the frame of a stub.
    fn function(&mut self) -> Option<(&'a LoadedModule, &'a FunctionRange, u32)> {
        // Frames of one function often stand side by side.
        if let Some((loaded, range)) = self.range
            && let Some(offset) = loaded.code().offset(self.pc - 1)
            && (range.start..range.end).contains(&offset)
        {
            return Some((loaded, range, offset + 1));
        }
        let (loaded, offset) = self.return_offset()?;
        let range = loaded.compiled().function_at(offset)?;
        self.range = Some((loaded, range));
        Some((loaded, range, offset))
    }

    /// The frame in a trace, unless it is a stub's.
    pub(crate) fn frame(&mut self) -> Option<Frame> {
        self.function().map(|_| Frame::Code(self.pc))
    }

    /// A word of the frame.
    fn word(&self, offset: i32) -> u64 {
        // SAFETY: the frame waits for a call that it made, so it is whole: what compiled code keeps
        // there by the tables is there. `new` has a promise that nothing writes it meanwhile.
        unsafe { (self.fp as *const u64).byte_offset(offset as isize).read() }
    }

    /// Lets `change` have a word of the frame.
    pub(crate) fn with_word(&mut self, offset: i32, change: &mut dyn FnMut(&mut u64)) {
        // SAFETY: as in `word`; nobody else has a reference to it.
        change(unsafe { &mut *(self.fp as *mut u64).byte_offset(offset as isize) });
    }

    /// Goes to the caller's frame, if that belongs to the activation too.
    pub(crate) fn step(&mut self) -> bool {
        let caller = self.word(0);
        if caller >= self.end {
            return false;
        }
        self.pc = return_address(self.word(8));
        self.fp = caller;
        true
    }
}

impl State {
    /// A failure that begins: its memory is that of one that is over, where there is one.
    pub(crate) fn begin_failure(&mut self, cause: Cause) -> &mut Failure {
        let limits = self.options.trace;
        let old = self.failure.take().or_else(|| self.spare_failure.take());
        let failure = match old {
            Some(mut failure) => {
                failure.cause = cause;
                failure.message = None;
                failure.trace.clear();
                failure
            }
            None => Box::new(Failure::new(cause, limits)),
        };
        self.failure.insert(failure)
    }

    /// Searches the handler of an exception on the stack, for the throw stub.
    pub(crate) fn unwind(&mut self, throw: Throw, unwinding: &mut Unwinding) -> Status {
        let [tag, payload] = unwinding.exception;
        let cause = Cause::Exception(Exception::from_words(tag, payload));
        let goes_on = |failure: &&mut Box<Failure>| throw == Throw::Again && failure.cause == cause;
        if self.failure.as_mut().filter(goes_on).is_none() {
            self.begin_failure(cause);
        }
        let end = self.context.fixed().activation;
        let Some(failure) = self.failure.as_deref_mut() else {
            return Status::Thrown;
        };
        // SAFETY: the throw stub was called out of this frame and waits.
        let mut walk = unsafe { Walk::new(&self.versions, end, unwinding.pc, unwinding.fp) };
        loop {
            if let Some((loaded, range, offset)) = walk.function() {
                if let Some(landing) = loaded.compiled().landing_at(range, offset) {
                    unwinding.pc = loaded.code().address(landing);
                    unwinding.fp = walk.fp;
                    unwinding.sp = walk.fp - u64::from(range.frame_bytes);
                    return Status::Finished;
                }
                failure.trace.push(Frame::Code(walk.pc));
                for &(register, offset) in &range.saved {
                    unwinding.saved[usize::from(register)] = walk.word(offset);
                }
            }
            if !walk.step() {
                return Status::Thrown;
            }
        }
    }

    /// Keeps the frames of the activation that is about to be left because of a trap.
    pub(crate) fn trapped(&mut self) {
        let context = self.context.fixed();
        let (pc, fp, end) = (context.trap_pc, context.trap_fp, context.activation);
        // A helper that asked for the trap has said what it is.
        if std::mem::take(&mut context.trap_code) == 0 {
            let place = self.versions.find(pc - 1);
            let site = place.and_then(|(loaded, place)| loaded.compiled().trap_at(place + 1));
            let code = site.map_or(TrapCode::Unreachable, |entry| entry.site.code);
            self.begin_failure(Cause::Trap(code));
        }
        let Some(failure) = self.failure.as_deref_mut() else {
            return;
        };
        // SAFETY: the trap landing was called out of this frame and waits.
        let mut walk = unsafe { Walk::new(&self.versions, end, pc, fp) };
        loop {
            if let Some(frame) = walk.frame() {
                failure.trace.push(frame);
            }
            if !walk.step() {
                return;
            }
        }
    }

    /// Lets a failure out of the suspended activations from `head` on: each is freed, unless it has a
    /// handler and the failure is an exception. Such a one is the new head, ready to be resumed with
    /// the exception, which the task remembers; without any, the task has failed.
    pub(crate) fn unwind_chain(
        &mut self,
        task: u32,
        head: *mut ContinuationHeader,
        mut failure: Box<Failure>,
    ) -> Option<*mut ContinuationHeader> {
        let root = self.tasks[task].root;
        let is_cancelled = self.tasks[task].marks.has(Marks::CANCELLED);
        let (mut next, mut skipped) = (head, 0);
        while next != root
            && let Some(object) = NonNull::new(next)
        {
            if is_cancelled && self.is_separator(object) {
                failure = self.behind_handler(task, failure);
                next = self.free_separator(object);
                continue;
            }
            // SAFETY: chains of suspended tasks are linked up to their root, and what is suspended
            // has the record of a point.
            let (header, record) = unsafe { (&mut *next, &*(*next).info) };
            if is_cancelled
                && record.exceptional != 0
                && let Err(reason) = self.begin_handler(task, object, failure.cause)
            {
                failure = self.out_of_memory(reason);
            }
            if record.exceptional != 0
                && let Cause::Exception(exception) = failure.cause
            {
                // SAFETY: an object that can be set to an exceptional entry has room for the two
                // words behind its header, and that record stands beside this one.
                unsafe {
                    let words = next.byte_add(RESULTS as usize);
                    words
                        .cast::<[u64; EXCEPTION_WORDS]>()
                        .write(exception.to_words());
                    header.info = header.info.byte_offset(record.exceptional as isize);
                }
                self.remember(task, failure);
                return Some(next);
            }
            skipped += u64::from(record.exceptional != 0);
            failure.trace.push(Frame::Point(header.info as u64));
            next = header.next;
            // SAFETY: each object is freed once, after its link has been read.
            unsafe {
                self.continuations
                    .free_frame(self.context.free_lists(), object)
            };
        }
        if is_cancelled {
            if self.tasks[task].marks.has(Marks::HANDLES) {
                failure = self.behind_handler(task, failure);
            }
            self.count_skipped(task, failure.cause, skipped);
        }
        self.fail(task, failure);
        None
    }

    /// The logical stacks of all tasks that are suspended.
    pub(crate) fn stacks(&self, limits: TraceLimits) -> Vec<Trace> {
        let tasks = self.tasks.indices().into_iter();
        tasks
            .filter_map(|task| self.stack_of(task, limits))
            .collect()
    }

    /// The logical stack of a task, if it is suspended.
    pub(crate) fn stack_of(&self, task: u32, limits: TraceLimits) -> Option<Trace> {
        let state = self.tasks[task].state;
        let is_suspended = matches!(state, TaskState::Suspended | TaskState::Failing);
        is_suspended.then(|| resolve(&self.versions, &self.logical_stack(task, limits)))
    }

    /// The logical stack of a suspended task: its activations, then those of the task that waits for
    /// it, and so on.
    fn logical_stack(&self, task: u32, limits: TraceLimits) -> TraceBuffer<Frame> {
        let mut trace = TraceBuffer::new(limits);
        let mut seen = FxHashSet::default();
        let mut task = task;
        while seen.insert(task) {
            self.walk_chain(task, self.tasks[task].head, &mut trace);
            match self.joiner_of(task) {
                Some(joiner) => task = joiner,
                None => break,
            }
        }
        trace
    }
}
