//! Everything an instance owns, and what happens to tasks between two runs of compiled code.
//!
//! No method here enters compiled code or a host function; that is [`crate::machine`]'s.

use crate::cancel::{Cancellations, is_cancellation};
use crate::context::ContextBlock;
use crate::continuations::{Continuations, Object};
use crate::error::{Error, HostError, NoMemory};
use crate::executor::{Executor, PendingCall};
use crate::failure::{Cause, Failure, Frame};
use crate::host::{HostImport, Spare};
use crate::inspect::Tally;
use crate::loaded::LoadedModule;
use crate::machine::Outer;
use crate::memory::LinearMemory;
use crate::objects::Objects;
use crate::options::{Options, Stats};
use crate::task::{Marks, NONE, RECORD_SIZE, State as TaskState, Task, Tasks};
use crate::trace;
use crate::versions::Versions;
use crate::wakes::Wakes;
use enjamb_abi::continuation::{ContinuationHeader, RESULTS, WORD};
use enjamb_ir::{Entity, FuelAccount, FuncId, TrapCode, Type, Val, Watcher};
use std::ptr::NonNull;
use std::sync::Arc;

/// What stands behind a function of the module.
pub(crate) enum Import {
    /// The module defines it, or its stub does all: the leaf `yield`.
    None,
    /// The leaf `sleep`.
    Sleep,
    /// The leaf `test`.
    Test,
    /// The function `collect`.
    Collect,
    /// The leaf `out_of_fuel`.
    OutOfFuel,
    /// A host function.
    Host(Arc<HostImport>, Spare),
}

/// What the running task waits for, from a helper's answer "suspended" until its chain is whole.
pub(crate) enum Registration {
    /// Its next turn, as its slice of fuel is used up. For any turn there is none.
    OutOfFuel,
    /// Its next turn, with this result.
    Result(u64),
    /// The clock.
    Sleep(i64),
    /// Another task.
    Join(u32),
    /// The host; and whether it has been woken already.
    Pending(PendingCall, bool),
}

/// An instance.
pub(crate) struct State {
    // Before the module: what holds addresses of code goes first.
    pub(crate) context: ContextBlock,
    pub(crate) memories: Vec<LinearMemory>,
    /// Kept alive: compiled code has their addresses.
    pub(crate) tables: Vec<Vec<u64>>,
    pub(crate) continuations: Continuations,
    pub(crate) tasks: Tasks,
    pub(crate) executor: Executor,
    pub(crate) cancellations: Cancellations,
    /// What wakes tasks from outside.
    pub(crate) wakes: Arc<Wakes>,
    /// What nobody waits for any more: dropped when the state is not borrowed, since it is the host's.
    pub(crate) discarded: Vec<PendingCall>,
    /// Calls of the host's that have ended and of which it has not been told.
    pub(crate) ended: Vec<u64>,
    pub(crate) imports: Vec<Import>,
    /// What it was given; the counter stands in the context block.
    pub(crate) fuel: FuelAccount,
    pub(crate) options: Options,
    pub(crate) tally: Tally,
    pub(crate) watcher: Option<Watcher<Stats>>,
    /// Calls of `yield` and `test` that have been decided on here.
    pub(crate) leaf_calls: u64,
    pub(crate) current_task: u32,
    pub(crate) registration: Option<Registration>,
    /// What is under way in the innermost activation, or was caught there last.
    pub(crate) failure: Option<Box<Failure>>,
    /// Room for the next one.
    pub(crate) spare_failure: Option<Box<Failure>>,
    /// The host function that was called last and has not returned.
    pub(crate) host_function: Option<FuncId>,
    /// What entries into compiled code that have not returned have found.
    pub(crate) activations: Vec<Outer>,
    pub(crate) objects: Objects,
    /// Turns of the executor, to ask the host in between.
    pub(crate) turns: u64,
    pub(crate) loaded: Arc<LoadedModule>,
    /// Its code, and what has taken the place of some of it.
    pub(crate) versions: Arc<Versions>,
}

/// The result area of a continuation with at least `count` result words.
///
/// # Safety
/// The object is live, and no compiled code runs while the slice is used.
unsafe fn result_words<'a>(object: *mut ContinuationHeader, count: usize) -> &'a mut [u64] {
    // SAFETY: the area stands behind the header and has room for the words of the callee's results.
    unsafe {
        let first = object.byte_add(RESULTS as usize).cast::<u64>();
        std::slice::from_raw_parts_mut(first, count)
    }
}

impl State {
    fn result_words(&self, index: u32) -> usize {
        self.loaded.functions[self.tasks[index].function().index()].result_words
    }

    /// A new task in state `Running`, if there is memory for it.
    pub(crate) fn insert_task(&mut self, function: FuncId) -> Result<u32, NoMemory> {
        let record = if self.tasks.is_full() { RECORD_SIZE } else { 0 };
        if !self.continuations.charge(record) {
            return Err(self.no_memory_of("a task", function, record));
        }
        let Some(task) = self.tasks.insert(function) else {
            self.continuations.discharge(record);
            return Err(self.no_memory_of("a task", function, record));
        };
        self.tally(|tally| tally.tasks_started += 1);
        Ok(task)
    }

    /// Why there is no memory for something that belongs to a function.
    fn no_memory_of(&self, what: &str, function: FuncId, bytes: u64) -> NoMemory {
        let name = &self.loaded.module().functions[function].name;
        let what = format!("{what} of `%{name}`");
        self.continuations.refusal(&what, bytes)
    }

    /// Keeps why a task is in state `Failing` or `Failed`. If there is no memory for that, and other
    /// failures are kept, it becomes the trap `out_of_memory`.
    fn set_failure(&mut self, index: u32, state: TaskState, mut failure: Box<Failure>) {
        self.tasks[index].state = state;
        self.take_kept_failure(index);
        if !self.continuations.charge(failure.size()) {
            if self.tasks.have_failures() {
                return;
            }
            // Whatever the limit: a program that runs out of memory is to be told where.
            failure.trace.shorten();
            self.continuations.charge_anyway(failure.size());
        }
        self.tasks.keep_failure(index, failure);
    }

    /// Keeps the exception that a task has caught, for the case that it is thrown on, while other
    /// tasks run. If there is no memory for that it is forgotten: thrown on, it is like a new one.
    pub(crate) fn remember(&mut self, index: u32, failure: Box<Failure>) {
        self.take_kept_failure(index);
        if self.continuations.charge(failure.size()) {
            self.tasks.keep_failure(index, failure);
        }
    }

    /// Takes the failure of a task, if it has one that was kept.
    pub(crate) fn take_kept_failure(&mut self, index: u32) -> Option<Box<Failure>> {
        if !self.tasks.have_failures() {
            return None;
        }
        let failure = self.tasks.take_failure(index)?;
        self.continuations.discharge(failure.size());
        Some(failure)
    }

    /// Takes the failure of a task in state `Failing` or `Failed`.
    pub(crate) fn take_failure_of(&mut self, index: u32) -> Box<Failure> {
        let failure = self.take_kept_failure(index);
        failure.unwrap_or_else(|| self.new_failure(NoMemory::CAUSE))
    }

    /// A failure of which nothing is known but its cause.
    pub(crate) fn new_failure(&self, cause: Cause) -> Box<Failure> {
        Box::new(Failure::new(cause, self.options.trace))
    }

    /// The failure of something for which there is no memory.
    pub(crate) fn out_of_memory(&self, NoMemory(reason): NoMemory) -> Box<Failure> {
        let mut failure = self.new_failure(NoMemory::CAUSE);
        failure.message = Some(reason);
        failure
    }

    /// A failure as the host sees it, which then holds the reference in the exception.
    pub(crate) fn error(&mut self, failure: &Failure) -> Error {
        let mut error = failure.to_error(&self.versions);
        if let Error::Exception(thrown) = &mut error
            && let Some(reference) = thrown.exception.payload
            && let Val::Ref(handle) = self.value(Type::Ref, reference.into())
        {
            thrown.exception.payload = handle;
        }
        error
    }

    /// What ends a call of a host function, with the reference that the host has in the exception.
    pub(crate) fn cause_from_host(&self, error: HostError) -> HostError {
        let Cause::Exception(mut exception) = error.cause else {
            return error;
        };
        match self.bits(Val::Ref(exception.payload)) {
            Ok(bits) => {
                exception.payload = Some(bits as u64).filter(|&word| word != 0);
                HostError {
                    cause: Cause::Exception(exception),
                    ..error
                }
            }
            Err(stale) => stale.to_string().into(),
        }
    }

    /// Gives the fuel for a call from the host, or for the turn of a task.
    pub(crate) fn begin_turn(&mut self) {
        if self.activations.is_empty() {
            self.fuel.begin_turn(&mut self.context.fixed().fuel);
        }
    }

    /// Appends the tasks whose deadline has come to the run queue.
    pub(crate) fn fire(&mut self) {
        let State {
            executor, tasks, ..
        } = self;
        // A task that has been cancelled may have ended, and be there until somebody asks for it.
        executor.fire(|task| match tasks.find_any(task) {
            Ok(index) if tasks[index].marks.has(Marks::WAITS) => {
                tasks[index].marks.clear(Marks::WAITS);
                true
            }
            _ => false,
        });
    }

    /// Appends a task to the run queue. From then on a `yield` has to let it run first.
    pub(crate) fn wake(&mut self, index: u32) {
        self.tasks[index].marks.clear(Marks::WAITS);
        self.executor.push(self.tasks.word(index));
        self.context.fixed().fast_resumes = 0;
    }

    /// A root continuation for a task.
    fn make_root(&mut self, index: u32) -> Result<Object, NoMemory> {
        let size = RESULTS + self.result_words(index) as u32 * WORD;
        let lists = self.context.free_lists();
        let root = self.continuations.allocate_root(lists, size);
        let root = root.ok_or_else(|| {
            let function = self.tasks[index].function();
            self.no_memory_of("the results", function, size.into())
        })?;
        let header = ContinuationHeader {
            next: std::ptr::null_mut(),
            info: self.loaded.root_record as *const _,
        };
        // SAFETY: a new object that is at least as large as a header.
        unsafe { root.as_ptr().write(header) };
        Ok(root)
    }

    fn free_root(&mut self, index: u32) {
        let size = RESULTS + self.result_words(index) as u32 * WORD;
        let root = std::mem::replace(&mut self.tasks[index].root, std::ptr::null_mut());
        if let Some(root) = NonNull::new(root) {
            self.continuations
                .free_root(self.context.free_lists(), root, size);
        }
    }

    /// Frees the continuations from `head` up to, but not including, `end`.
    fn free_chain(&mut self, head: *mut ContinuationHeader, end: *mut ContinuationHeader) {
        let mut next = head;
        while next != end
            && let Some(object) = NonNull::new(next)
        {
            if self.is_separator(object) {
                next = self.free_separator(object);
                continue;
            }
            // SAFETY: chains of suspended tasks are linked up to their root; each object is freed
            // once, after its link has been read.
            unsafe {
                next = (*object.as_ptr()).next;
                self.continuations
                    .free_frame(self.context.free_lists(), object);
            }
        }
    }

    /// Frees what suspension blocks have made when the chain that ends with `last` cannot be completed, since there
    /// is no memory: the failure, which these activations have left.
    pub(crate) fn free_half_built(&mut self, last: u64, reason: NoMemory) -> Box<Failure> {
        let mut failure = self.out_of_memory(reason);
        let mut next = self.context.fixed().sentinel.next;
        let mut is_done = last == self.context.pointer() as u64;
        while !is_done && let Some(object) = NonNull::new(next) {
            is_done = next as u64 == last;
            // SAFETY: the sentinel's chain is linked up to `last` by the suspension blocks that ran since the
            // leaf returned. Nothing else refers to these objects, and each is freed once, after it was read.
            unsafe {
                failure.trace.push(Frame::Point((*next).info as u64));
                next = (*next).next;
                self.continuations
                    .free_frame(self.context.free_lists(), object);
            }
        }
        failure
    }

    /// A task came back from its first run with results.
    pub(crate) fn finished_at_once(&mut self, index: u32, results: &[u64]) {
        if !results.is_empty() {
            let root = match self.make_root(index) {
                Ok(root) => root,
                Err(reason) => return self.fail(index, self.out_of_memory(reason)),
            };
            // SAFETY: the root has room for the words of the results.
            unsafe { result_words(root.as_ptr(), results.len()) }.copy_from_slice(results);
            self.tasks[index].root = root.as_ptr();
        }
        self.finish(index);
    }

    /// A task came back from its first run suspended; `last` is the outermost continuation.
    pub(crate) fn suspended_at_first(&mut self, index: u32, last: u64) {
        let root = match self.make_root(index) {
            Ok(root) => root,
            Err(reason) => {
                let failure = self.free_half_built(last, reason);
                self.drop_registration();
                return self.fail(index, failure);
            }
        };
        // SAFETY: `last` is a continuation that the entry trampoline got, or the sentinel.
        unsafe { (*(last as *mut ContinuationHeader)).next = root.as_ptr() };
        self.tasks[index].root = root.as_ptr();
        let head = self.context.fixed().sentinel.next;
        if let Some(head) = self.suspend(index, head) {
            self.tasks[index].head = head;
            self.wake(index);
        }
    }

    /// A task is suspended with this chain.
    pub(crate) fn keep_suspended(&mut self, index: u32, head: *mut ContinuationHeader) {
        let context_word = self.context.fixed().task_word;
        let task = &mut self.tasks[index];
        task.head = head;
        task.context_word = context_word;
        task.marks.clear(Marks::DELIVERED);
        task.state = TaskState::Suspended;
    }

    /// The same, and sees to what it waits for. If it is not to wait, and goes on at once, gives its new head.
    pub(crate) fn suspend(
        &mut self,
        index: u32,
        head: *mut ContinuationHeader,
    ) -> Option<*mut ContinuationHeader> {
        self.keep_suspended(index, head);
        if trace::is_wanted() {
            self.trace_suspend(index);
        }
        let marks = &mut self.tasks[index].marks;
        if marks.has(Marks::DUE.and(Marks::AT_ONCE)) {
            return self.refuse_wait(index);
        }
        marks.set(Marks::WAITS);
        match self.registration.take() {
            None | Some(Registration::OutOfFuel) => self.wake(index),
            Some(Registration::Result(word)) => {
                self.deliver(index, &[word]);
                self.wake(index);
            }
            Some(Registration::Sleep(milliseconds)) => {
                self.executor.sleep(self.tasks.word(index), milliseconds);
            }
            Some(Registration::Join(target)) => self.wait_for(index, target),
            Some(Registration::Pending(call, woken)) => {
                let task = self.tasks.word(index);
                self.executor.wait_for_host(task, call, woken);
            }
        }
        None
    }

    /// What was to be waited for is not, since the task has failed.
    pub(crate) fn drop_registration(&mut self) {
        if let Some(Registration::Pending(call, _)) = self.registration.take() {
            self.discard(call);
        }
    }

    /// Nobody waits for a future any more.
    pub(crate) fn discard(&mut self, mut call: PendingCall) {
        self.objects.handles.end(std::mem::take(&mut call.locals));
        self.discarded.push(call);
    }

    /// Takes the first task off the run queue that has not been freed since. One that is cancelled at once
    /// may have been in the queue, and runs.
    pub(crate) fn next_task(&mut self) -> Option<u32> {
        loop {
            let task = self.executor.pop()?;
            if let Ok(index) = self.tasks.find_any(task)
                && self.tasks[index].state != TaskState::Running
            {
                return Some(index);
            }
        }
    }

    /// Lets a suspended task wait for another one. The link of its root, which ends the chain, then
    /// holds the number of that one plus 1.
    fn wait_for(&mut self, index: u32, target: u32) {
        self.tasks[target].joiner = index;
        let link = std::ptr::without_provenance_mut(target as usize + 1);
        // SAFETY: a suspended task has a root, and nobody follows the link of a root.
        unsafe { (*self.tasks[index].root).next = link };
    }

    /// The task that a suspended task waits for, if it waits for one.
    pub(crate) fn joined_by(&self, index: u32) -> Option<u32> {
        // SAFETY: a suspended task has a root.
        let link = unsafe { (*self.tasks[index].root).next };
        let target = u32::try_from(link.addr().checked_sub(1)?).ok()?;
        // The link may be of an earlier wait.
        self.tasks.is_joiner(index, target).then_some(target)
    }

    /// The task that waits for this one.
    pub(crate) fn joiner_of(&self, index: u32) -> Option<u32> {
        let joiner = self.tasks[index].joiner;
        (joiner != NONE).then_some(joiner)
    }

    /// Stores what a suspended task has waited for.
    pub(crate) fn deliver(&mut self, index: u32, results: &[u64]) {
        let task = &mut self.tasks[index];
        task.marks.set(Marks::DELIVERED);
        let head = task.head;
        // SAFETY: the head's point is a call of the leaf, or the head is the root of a function
        // with the leaf's results; either way the area has room for their words.
        unsafe { result_words(head, results.len()) }.copy_from_slice(results);
    }

    /// A task has finished; its results are in its root, which it has if there are any.
    pub(crate) fn finish(&mut self, index: u32) {
        self.tally(|tally| tally.tasks_finished += 1);
        let task = &mut self.tasks[index];
        task.state = TaskState::Finished;
        let joiner = task.joiner;
        self.note_end(index);
        if joiner != NONE {
            let results = self.results(index).to_vec();
            self.deliver(joiner, &results);
            self.wake(joiner);
        }
        if joiner != NONE || self.tasks[index].detached {
            self.remove(index);
        }
    }

    /// The host is to be told if it has called the task.
    fn note_end(&mut self, index: u32) {
        if self.tasks[index].called {
            self.ended.push(self.tasks.word(index));
        }
        if self.tasks[index].marks.has(Marks::CANCELLED) {
            self.let_go(index);
        }
    }

    /// Nobody wants the results of a task.
    pub(crate) fn detach(&mut self, index: u32) {
        match self.tasks[index].state {
            TaskState::Finished | TaskState::Failed => self.remove(index),
            _ => self.tasks[index].detached = true,
        }
    }

    /// The result words of a finished task.
    pub(crate) fn results(&self, index: u32) -> &[u64] {
        let count = self.result_words(index);
        if count == 0 {
            return &[];
        }
        // SAFETY: a finished task with results has a root with room for their words.
        unsafe { result_words(self.tasks[index].root, count) }
    }

    /// Frees a task without a chain.
    pub(crate) fn remove(&mut self, index: u32) {
        self.free_root(index);
        self.take_kept_failure(index);
        self.tasks.remove(index);
        if self.versions.has_old && self.tasks.is_empty() {
            self.free_versions();
        }
    }

    /// A task without a chain has trapped, or thrown what nobody caught.
    pub(crate) fn fail(&mut self, index: u32, failure: Box<Failure>) {
        self.tally(|tally| tally.tasks_failed += 1);
        self.free_root(index);
        let Task {
            joiner, detached, ..
        } = self.tasks[index];
        if detached && !is_cancellation(failure.cause) {
            let error = failure.to_error(&self.versions);
            tracing::warn!(%error, "a detached task failed");
        }
        self.note_end(index);
        if joiner == NONE && !detached {
            return self.set_failure(index, TaskState::Failed, failure);
        }
        self.remove(index);
        if joiner != NONE {
            self.fail_later(joiner, failure);
        }
    }

    /// What a suspended task waits for has failed: it fails, where it waits, when its turn comes.
    pub(crate) fn fail_later(&mut self, index: u32, failure: Box<Failure>) {
        self.set_failure(index, TaskState::Failing, failure);
        self.wake(index);
    }

    /// Lets a task fail whose activation failed while `current` was resumed: its new head, if there is
    /// a handler.
    pub(crate) fn fail_resumed(
        &mut self,
        index: u32,
        current: u64,
        failure: Box<Failure>,
    ) -> Option<*mut ContinuationHeader> {
        let mut rest = self.tasks[index].root;
        if let Some(object) = NonNull::new(current as *mut ContinuationHeader) {
            // SAFETY: while an activation runs, its continuation is linked to the rest of the chain,
            // and nobody else has it. The activation is gone.
            unsafe {
                rest = (*object.as_ptr()).next;
                self.continuations
                    .free_frame(self.context.free_lists(), object);
            }
        }
        self.unwind_chain(index, rest, failure)
    }

    /// Ends a task that waits for one of the tasks that wait for it, or for nothing at all.
    pub(crate) fn fail_deadlocked(&mut self, index: u32, message: Option<String>) {
        self.leave_joined(index);
        let mut failure = self.new_failure(Cause::Trap(TrapCode::Deadlock));
        failure.message = message;
        let head = self.tasks[index].head;
        self.unwind_chain(index, head, failure);
    }

    /// Nobody will join the task any more that this one waits for. One that runs goes on when a host
    /// function returns; whoever called that may wait for it.
    fn leave_joined(&mut self, index: u32) {
        if let Some(target) = self.joined_by(index) {
            let is_running = self.tasks[target].state == TaskState::Running;
            self.tasks[target].joiner = NONE;
            self.tasks[target].detached = target != index && !is_running;
        }
    }

    /// Frees a task that does not run, with all that it has, wherever it stands.
    pub(crate) fn free_task(&mut self, index: u32) {
        if let Some(call) = self.executor.take_pending(index) {
            self.discard(call);
        }
        if self.tasks[index].marks.has(Marks::CANCELLED) {
            self.forget_cancelled(index);
        }
        let (head, root) = (self.tasks[index].head, self.tasks[index].root);
        if matches!(
            self.tasks[index].state,
            TaskState::Suspended | TaskState::Failing
        ) {
            self.free_chain(head, root);
        }
        self.remove(index);
    }

    /// A task was freed, whatever it had waited for.
    pub(crate) fn forget_freed(&mut self) {
        let State {
            executor, tasks, ..
        } = self;
        executor.freed(|task| tasks.find_any(task).is_ok());
        self.give_back_records();
    }

    /// Frees all tasks.
    pub(crate) fn drop_tasks(&mut self) {
        for index in self.tasks.indices() {
            self.free_task(index);
        }
        self.executor.clear();
        self.cancellations.clear();
        self.give_back_records();
    }

    /// Gives back what a peak of tasks has needed, if there are none.
    pub(crate) fn give_back_records(&mut self) {
        if !self.tasks.is_empty() {
            return;
        }
        let records = self.tasks.clear() as u64;
        self.continuations.discharge(records * RECORD_SIZE);
        if self.activations.is_empty() {
            self.continuations.reset(self.context.free_lists());
        }
    }
}
