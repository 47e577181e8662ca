//! The machine: entering compiled code, to call a function or to go on with a task.
//!
//! Compiled code, its helpers and the host functions that they call all reach the instance through
//! a [`Machine`], a plain pointer to it. The rule that keeps this sound: a borrow of the state
//! lasts for one call of [`Machine::with`], and no code that could ask for another one runs inside.

use crate::border::has_references;
use crate::context::POISON_BYTE;
use crate::error::{Error, NoMemory};
use crate::failure::{Cause, Failure};
use crate::helpers::drop_quietly;
use crate::processor;
use crate::state::State;
use crate::task::{Marks, NONE, State as TaskState};
use crate::trace;
use enjamb_abi::context::{Context, Status};
use enjamb_abi::continuation::ContinuationHeader;
use enjamb_ir::types::word_count;
use enjamb_ir::{Entity, FuncId, TrapCode, Val};
use std::cell::Cell;
use std::hint::black_box;
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Duration;

type Trampoline = unsafe extern "C" fn(*mut Context, u64, *mut u64) -> u64;
type Dispatcher = unsafe extern "C" fn(*mut Context, *mut ContinuationHeader) -> u64;

/// A pointer to an instance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Machine(NonNull<State>);

/// How compiled code came back.
enum End {
    /// With results, in this continuation if one was resumed.
    Finished(u64),
    /// With what [`Context::suspended`] says.
    Suspended(u64),
    /// With a trap or an exception, while this continuation was resumed.
    Failed(Box<Failure>, u64),
}

impl Default for Outer {
    fn default() -> Outer {
        Outer {
            task: NONE,
            current: 0,
            activation: 0,
            exit_fp: 0,
            failure: None,
            stack_limit: 0,
        }
    }
}

/// What one turn of the executor came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A task ran, or the future of one that still waits.
    Ran,
    /// Futures of the host have had their turn, and want another one. Whoever is polled by an executor
    /// lets it run first.
    Yielded,
    /// No task can run before this time has passed, if there is one, or the host wakes a task.
    Waiting(Option<Duration>),
    /// No task can run ever, unless the host does something.
    Idle,
}

/// Bytes of dead stack that are overwritten, more than the frames of most suspensions.
const POISONED_STACK: usize = 32 << 10;

/// Overwrites the stack below the caller's frame.
#[inline(never)]
fn poison_stack() {
    let mut dead = [0_u8; POISONED_STACK];
    dead.fill(POISON_BYTE);
    black_box(&mut dead);
}

/// What was there when compiled code was entered, and is there again when it is left.
#[derive(Debug)]
pub(crate) struct Outer {
    pub(crate) task: u32,
    /// The continuation that runs, or 0 if the activation is one of a function that was called.
    pub(crate) current: u64,
    /// The activation record, or 0 if there is none.
    pub(crate) activation: u64,
    /// Where compiled code has called the helper that enters it again.
    pub(crate) exit_fp: u64,
    pub(crate) failure: Option<Box<Failure>>,
    stack_limit: u64,
}

thread_local! {
    /// The lowest address that compiled code, of whichever instance, may use of this thread's
    /// stack; 0 while none is entered.
    static STACK_LIMIT: Cell<u64> = const { Cell::new(0) };
}

/// Turns of tasks that yield to each other, within one activation.
pub(crate) const FAST_TURNS: u64 = 60;
/// Words of an argument buffer that need no allocation.
pub(crate) const SMALL_BUFFER: usize = 16;

/// A buffer of so many words, or a few more.
pub(crate) fn buffer_of<'a>(
    words: usize,
    small: &'a mut [u64; SMALL_BUFFER],
    large: &'a mut Vec<u64>,
) -> &'a mut [u64] {
    if words <= SMALL_BUFFER {
        return small;
    }
    large.resize(words, 0);
    large
}

impl Machine {
    pub(crate) fn new(state: Box<State>) -> Machine {
        let machine = Machine(NonNull::from(Box::leak(state)));
        machine.with(|state| state.context.fixed().host = machine.0.as_ptr() as u64);
        machine
    }

    /// The machine that a helper was called by.
    ///
    /// # Safety
    /// `context` is the context block of an instance that lives.
    pub(crate) unsafe fn of_context(context: *mut Context) -> Option<Machine> {
        // SAFETY: the caller's promise; the field is set once, by `new`.
        NonNull::new(unsafe { (*context).host } as *mut State).map(Machine)
    }

    /// Frees the instance.
    ///
    /// # Safety
    /// Nothing uses the machine any more.
    pub(crate) unsafe fn release(self) {
        // SAFETY: the pointer came out of a box in `new`; the rest is the caller's promise.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }

    /// Borrows the state. `f` must not enter compiled code or call the host.
    pub(crate) fn with<R>(self, f: impl FnOnce(&mut State) -> R) -> R {
        // SAFETY: the state lives as long as the `Instance` that hands out machines. Borrows do not
        // overlap: one thread at a time has the instance, and `f`, by the rule above, runs nothing
        // that borrows again.
        f(unsafe { &mut *self.0.as_ptr() })
    }

    /// Runs compiled code on behalf of a task, which another one may succeed.
    fn activation(self, task: u32, run: impl FnOnce(*mut Context) -> u64) -> End {
        let here = 0_u8;
        let stack = &raw const here as u64;
        let (context, poison) = self.with(|state| {
            let fixed = state.context.fixed();
            let stack_limit = STACK_LIMIT.get();
            if state.activations.is_empty() {
                let lowest = stack.saturating_sub(state.options.stack_size as u64);
                fixed.stack_limit = lowest.max(stack_limit);
            }
            STACK_LIMIT.set(fixed.stack_limit);
            // A dispatcher says itself what it resumes.
            let current = std::mem::replace(&mut fixed.current, 0);
            let (activation, exit_fp) = (fixed.activation, fixed.exit_fp);
            let caught = state.take_kept_failure(task);
            let outer = Outer {
                task: std::mem::replace(&mut state.current_task, task),
                current,
                activation,
                exit_fp,
                stack_limit,
                failure: std::mem::replace(&mut state.failure, caught),
            };
            state.activations.push(outer);
            if state.options.poison {
                state.context.poison_free_continuations();
            }
            (state.context.pointer(), state.options.poison)
        });
        processor::before_entry();
        if poison {
            poison_stack();
        }
        let status = run(context);
        self.with(|state| {
            let outer = state.activations.pop().unwrap_or_default();
            STACK_LIMIT.set(outer.stack_limit);
            // Tasks may have taken turns.
            let task = std::mem::replace(&mut state.current_task, outer.task);
            let fixed = state.context.fixed();
            let current = std::mem::replace(&mut fixed.current, outer.current);
            fixed.exit_fp = outer.exit_fp;
            // Whoever goes on in an outer dispatcher finds what this run has put into the queue.
            fixed.fast_resumes = 0;
            let suspended = fixed.suspended;
            let failure = std::mem::replace(&mut state.failure, outer.failure);
            if status == Status::Finished as u64 {
                state.spare_failure = failure.or(state.spare_failure.take());
                End::Finished(current)
            } else if status == Status::Suspended as u64 {
                // What the task has caught it may yet throw on.
                failure
                    .into_iter()
                    .for_each(|failure| state.remember(task, failure));
                End::Suspended(suspended)
            } else {
                state.drop_registration();
                let unknown = || state.new_failure(Cause::Trap(TrapCode::Unreachable));
                let failure = failure.unwrap_or_else(unknown);
                tracing::debug!(cause = ?failure.cause, "failure");
                End::Failed(failure, current)
            }
        })
    }

    /// Calls a function afresh. The buffer has room for the words of the parameters, and for
    /// those of the results.
    fn enter(self, task: u32, function: FuncId, buffer: &mut [u64]) -> End {
        let (entry, code) = self.with(|state| {
            let layout = &state.loaded.compiled().layout;
            let code = state.context.code(layout, function);
            (state.loaded.functions[function.index()], code)
        });
        // SAFETY: the loader took the address from the symbol of the signature's trampoline.
        let trampoline: Trampoline = unsafe { std::mem::transmute(entry.trampoline as usize) };
        self.activation(task, |context| {
            // SAFETY: the code has the trampoline's signature, the buffer the words that it wants,
            // and no borrow of the state is alive.
            unsafe { trampoline(context, code, buffer.as_mut_ptr()) }
        })
    }

    /// Starts a task: runs the function until it finishes, traps or first suspends.
    pub(crate) fn start(self, function: FuncId, args: &[u64]) -> Result<u32, NoMemory> {
        let results = self.with(|state| state.loaded.functions[function.index()].result_words);
        let words = args.len().max(results);
        let (mut small, mut large) = ([0; SMALL_BUFFER], Vec::new());
        let buffer = buffer_of(words, &mut small, &mut large);
        buffer[..args.len()].copy_from_slice(args);
        let (task, has_finished) = self.begin(function, buffer)?;
        if has_finished {
            self.with(|state| state.finished_at_once(task, &buffer[..results]));
        }
        Ok(task)
    }

    /// Starts a call of the host's: its task, or nothing if it has finished. Then its results are in the
    /// buffer, which has room for them, in place of the arguments.
    pub(crate) fn start_call(
        self,
        function: FuncId,
        buffer: &mut [u64],
    ) -> Result<Option<u32>, NoMemory> {
        let (task, has_finished) = self.begin(function, buffer)?;
        Ok(self.with(|state| {
            if has_finished {
                state.took_results(task, buffer);
                return None;
            }
            state.tasks.set_called(task);
            Some(task)
        }))
    }

    /// Runs a new task until it finishes, fails or first suspends, and says whether it has finished: its
    /// results are in the buffer then, and nowhere else.
    fn begin(self, function: FuncId, buffer: &mut [u64]) -> Result<(u32, bool), NoMemory> {
        let (task, outer_word) = self.with(|state| {
            let outer_word = state.context.fixed().task_word;
            (state.insert_task(function), outer_word)
        });
        let task = task?;
        let end = self.enter(task, function, buffer);
        let has_finished = matches!(end, End::Finished(_));
        self.with(|state| {
            match end {
                End::Finished(_) => {}
                End::Suspended(last) => state.suspended_at_first(task, last),
                End::Failed(failure, _) => state.fail(task, failure),
            }
            state.context.fixed().task_word = outer_word;
        });
        self.bury();
        Ok((task, has_finished))
    }

    /// Gives a task that has been taken off the run queue its turn; and then so many next ones, as long as
    /// tasks do nothing but yield to each other.
    pub(crate) fn resume(self, mut task: u32, fast_resumes: u64, fast_turns: u64) {
        let is_traced = trace::is_wanted();
        let (mut head, dispatcher, takes_turns, outer_word) = self.with(|state| {
            if is_traced {
                state.trace_resume(task);
            }
            state.begin_turn();
            state.safepoint();
            let word = state.tasks[task].context_word;
            let outer_word = std::mem::replace(&mut state.context.fixed().task_word, word);
            let head = state.tasks[task].head;
            let failing = state.tasks[task].state == TaskState::Failing;
            let head = if failing {
                let failure = state.failure_at_turn(task);
                state.unwind_chain(task, head, failure)
            } else {
                Some(head)
            };
            let takes_turns = is_traced
                || state.fuel.has_slices()
                || state.objects.under_stress()
                || state.options.poison
                || state.tasks[task].marks.has(Marks::DUE.and(Marks::AT_ONCE));
            (head, state.loaded.dispatcher, takes_turns, outer_word)
        });
        // SAFETY: the loader took the address from the dispatcher's symbol.
        let dispatcher: Dispatcher = unsafe { std::mem::transmute(dispatcher as usize) };
        // A turn with fuel of its own is one that begins here; and so is one that begins with a
        // collection, or with poison, or of which somebody wants to hear, or that is to be the last.
        let mut fast_resumes = if takes_turns { 0 } else { fast_resumes };
        let mut fast_turns = if takes_turns { 0 } else { fast_turns };
        // Once, and again whenever an exception has found a handler among what is suspended.
        while let Some(first) = head {
            self.with(|state| {
                state.tasks[task].state = TaskState::Running;
                // Later on others may wait for their turn.
                state.context.fixed().fast_resumes = std::mem::take(&mut fast_resumes);
            });
            let end = self.activation(task, |context| {
                let mut head = first;
                loop {
                    // SAFETY: the head of a suspended chain that ends with a root, and no borrow of
                    // the state is alive.
                    let status = unsafe { dispatcher(context, head) };
                    if status != Status::Suspended as u64 || fast_turns == 0 {
                        return status;
                    }
                    let Some(next) = self.with(|state| state.yield_to_next(task)) else {
                        return status;
                    };
                    fast_turns -= 1;
                    (task, head) = next;
                }
            });
            head = self.with(|state| match end {
                End::Finished(at) if state.tasks[task].marks.has(Marks::HANDLES) => {
                    state.handler_finished(task, at)
                }
                End::Finished(_) => {
                    state.finish(task);
                    None
                }
                End::Suspended(head) => state.suspend(task, head as *mut ContinuationHeader),
                End::Failed(failure, current) => state.fail_resumed(task, current, failure),
            });
            // A handler that is next finds what was not waited for gone.
            if head.is_some() {
                self.bury();
            }
        }
        self.with(|state| state.context.fixed().task_word = outer_word);
        self.bury();
    }

    /// Drops futures that nobody waits for any more.
    pub(crate) fn bury(self) {
        if self.with(|state| state.discarded.is_empty()) {
            return;
        }
        let discarded = self.with(|state| std::mem::take(&mut state.discarded));
        discarded.into_iter().for_each(drop_quietly);
    }

    /// Calls a function and, if it is async, runs tasks until it has finished.
    pub(crate) fn call(self, function: FuncId, args: &[Val]) -> Result<Vec<Val>, Error> {
        let outcome = self.call_to_end(function, args);
        self.with(State::give_back_records);
        outcome
    }

    fn call_to_end(self, function: FuncId, args: &[Val]) -> Result<Vec<Val>, Error> {
        let (is_async, mut words, results) = self.with(|state| -> Result<_, Error> {
            state.safepoint();
            let words = state.argument_words(function, args)?;
            state.begin_turn();
            let signature = state.loaded.signature(function);
            Ok((signature.is_async, words, signature.results.clone()))
        })?;
        if is_async {
            let task = self.start(function, &words)?;
            return self.run_until(self.with(|state| state.tasks.word(task)));
        }
        words.resize(words.len().max(word_count(&results)), 0);
        match self.enter(NONE, function, &mut words) {
            End::Failed(failure, _) => Err(self.with(|state| state.error(&failure))),
            End::Finished(_) => Ok(self.with(|state| state.values(&results, &words))),
            End::Suspended(_) => Err(Error::Load("a sync function suspended".to_string())),
        }
    }

    /// Runs tasks until this one has finished, and frees it.
    pub(crate) fn run_until(self, word: u64) -> Result<Vec<Val>, Error> {
        loop {
            if let Some(results) = self.with(|state| state.take_results(word))? {
                return results;
            }
            match self.step() {
                Step::Ran => {}
                // Somebody else may be about to do what the futures wait for.
                Step::Yielded => std::thread::yield_now(),
                Step::Waiting(Some(Duration::ZERO)) => {}
                Step::Waiting(wait) => self.with(|state| Arc::clone(&state.wakes)).block(wait),
                Step::Idle => self.with(|state| state.deadlock(word))?,
            }
        }
    }
}

impl State {
    /// A task has come back suspended in the middle of an activation. If it has only yielded, and nobody
    /// looks for anything else between two turns, its turn ends and that of the next one begins: that one,
    /// and the head of its chain.
    fn yield_to_next(&mut self, task: u32) -> Option<(u32, *mut ContinuationHeader)> {
        let is_cancelled = self.tasks[task].marks.has(Marks::DUE.and(Marks::AT_ONCE));
        let is_plain = self.registration.is_none()
            && !is_cancelled
            && self.failure.is_none()
            && !self.tasks.have_failures()
            && !self.executor.is_watched()
            && !self.wakes.any();
        let next = self.executor.front().filter(|_| is_plain)?;
        let (head, context_word) = self.tasks.begin_if_suspended(next)?;
        let word = self.tasks.word(task);
        self.executor.rotate(word);
        let own_head = self.context.fixed().suspended;
        self.keep_suspended(task, own_head as *mut ContinuationHeader);
        let fixed = self.context.fixed();
        fixed.task_word = context_word;
        fixed.current = 0;
        fixed.fast_resumes = 0;
        self.current_task = next as u32;
        Some((next as u32, head))
    }

    /// Arguments as words, if they fit the function.
    pub(crate) fn argument_words(&self, function: FuncId, args: &[Val]) -> Result<Vec<u64>, Error> {
        self.check_function(function)?;
        let decl = &self.loaded.module().functions[function];
        self.words(&decl.signature().params, args)
            .map_err(|reason| Error::BadCall(format!("%{}: {reason}", decl.name)))
    }

    /// The results of a task, which is freed, if it has finished.
    fn take_results(&mut self, word: u64) -> Result<Option<Result<Vec<Val>, Error>>, Error> {
        let index = self.tasks.find_any(word).map_err(|_| Error::BadTask)?;
        let state = self.tasks[index].state;
        if !matches!(state, TaskState::Finished | TaskState::Failed) {
            return Ok(None);
        }
        let loaded = Arc::clone(&self.loaded);
        let types = &loaded.signature(self.tasks[index].function()).results;
        let mut words = vec![0; word_count(types)];
        let outcome = self.take_outcome(word, &mut words)?;
        Ok(outcome.map(|outcome| outcome.map(|()| Val::from_words(types, &words))))
    }

    /// The results of a task, in words of compiled code, become those that the host has.
    fn export_results(&mut self, index: u32, words: &mut [u64]) {
        let function = self.tasks[index].function();
        if has_references(&self.loaded.signature(function).results) {
            let loaded = Arc::clone(&self.loaded);
            self.export_words(&loaded.signature(function).results, words);
        }
    }

    /// Frees a task that has finished at once and given its results to the host.
    fn took_results(&mut self, index: u32, words: &mut [u64]) {
        self.export_results(index, words);
        self.tally(|tally| tally.tasks_finished += 1);
        self.remove(index);
    }

    /// The same with the results in words.
    pub(crate) fn take_outcome(
        &mut self,
        word: u64,
        words: &mut [u64],
    ) -> Result<Option<Result<(), Error>>, Error> {
        let index = self.tasks.find_any(word).map_err(|_| Error::BadTask)?;
        let outcome = match self.tasks[index].state {
            TaskState::Finished => {
                let results = self.results(index);
                words[..results.len()].copy_from_slice(results);
                self.export_results(index, words);
                Ok(())
            }
            TaskState::Failed => {
                let failure = self.take_failure_of(index);
                Err(self.error(&failure))
            }
            _ => return Ok(None),
        };
        self.remove(index);
        Ok(Some(outcome))
    }

    /// Nothing can run, so this task will not finish.
    pub(crate) fn deadlock(&mut self, word: u64) -> Result<(), Error> {
        let index = self.tasks.find_any(word).map_err(|_| Error::BadTask)?;
        // A task that is to go on when a host function has returned cannot before that.
        let message = self.host_function.map(|host| {
            let host = &self.loaded.module().functions[host].name;
            format!("a suspension cannot cross host function %{host}, which waits for this call")
        });
        match self.tasks[index].state {
            TaskState::Suspended => {
                self.fail_deadlocked(index, message);
                Ok(())
            }
            // A host function that the task itself has called waits for the task.
            _ => {
                let mut failure = self.new_failure(Cause::Trap(TrapCode::Deadlock));
                failure.message = message;
                Err(self.error(&failure))
            }
        }
    }
}
