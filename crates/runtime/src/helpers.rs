//! The helpers: what emitted code calls in the runtime.
//!
//! Each is an `extern "C"` function `(context, index, buffer) -> Status`, see
//! [`enjamb_abi::context::Helper`]. None unwinds: a panic of a host function becomes an exception.

use crate::error::HostError;
use crate::executor::PendingCall;
use crate::failure::Cause;
use crate::host::{HostContext, HostImport, Operation, Spare};
use crate::machine::Machine;
use crate::memory;
use crate::objects;
use crate::state::{Import, Registration, State};
use crate::task::{NONE, State as TaskState};
use crate::wakes::LazyWaker;
use enjamb_abi::code::Throw;
use enjamb_abi::context::{Context, Counter, Helper, Status};
use enjamb_abi::unwind::Unwinding;
use enjamb_ir::types::word_count;
use enjamb_ir::{Entity, Exception, FuncId, MemoryId, Signature, TrapCode, joins};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

type HelperFunction = extern "C" fn(*mut Context, u64, *mut u64) -> u64;

/// Writes the addresses of the helpers into a context block.
pub(crate) fn install(context: &mut Context) {
    for helper in Helper::ALL {
        let function: HelperFunction = match helper {
            Helper::HostCall => host_call,
            Helper::Spawn => spawn,
            Helper::Join => join,
            Helper::Detach => detach,
            Helper::IsDone => is_done,
            Helper::TaskTryResult => task_try_result,
            Helper::MemoryGrow => memory_grow,
            Helper::MemoryCopy => memory_copy,
            Helper::MemoryFill => memory_fill,
            Helper::MemoryInit => memory_init,
            Helper::LeafDecision => leaf_decision,
            Helper::Allocate => allocate,
            Helper::Unwind => unwind,
            Helper::Trapped => trapped,
            Helper::NewObject => objects::new_object,
            Helper::NewArray => objects::new_array,
            Helper::ArrayCopy => objects::array_copy,
            Helper::Wrote => objects::wrote,
            Helper::Cancel => cancel,
        };
        context.helpers[helper as usize] = function as usize as u64;
    }
}

/// The exception that stands for a panic in a host function.
pub(crate) fn panic(payload: &(dyn Any + Send)) -> HostError {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let message = format!("panicked: {}", text.unwrap_or("(no message)"));
    HostError::exception(Exception::HOST_PANIC, message)
}

/// Runs a helper: turns errors and panics into a trap or an exception of the calling code.
pub(crate) fn guarded(
    context: *mut Context,
    run: impl FnOnce(Machine) -> Result<Status, HostError>,
) -> u64 {
    // SAFETY: emitted code passes the context block that it runs with.
    let Some(machine) = (unsafe { Machine::of_context(context) }) else {
        return Status::Trapped as u64;
    };
    let result = catch_unwind(AssertUnwindSafe(|| run(machine)));
    let status = match result.unwrap_or_else(|payload| Err(panic(&*payload))) {
        Ok(status) => status,
        Err(error) => machine.with(|state| state.raise(error)),
    };
    status as u64
}

/// The words of a helper's buffer.
///
/// # Safety
/// The buffer has at least `count` words. Stubs make it as large as their signature demands.
unsafe fn words<'a>(buffer: *mut u64, count: usize) -> &'a mut [u64] {
    // SAFETY: the caller's promise; the buffer is the frame of a stub that waits for the helper.
    unsafe { std::slice::from_raw_parts_mut(buffer, count) }
}

/// The same for a number of words that is known here.
///
/// # Safety
/// As for [`words`].
pub(crate) unsafe fn array<'a, const N: usize>(buffer: *mut u64) -> &'a mut [u64; N] {
    // SAFETY: the caller's promise; arrays of words are laid out like words in a row.
    unsafe { &mut *buffer.cast() }
}

extern "C" fn host_call(context: *mut Context, index: u64, buffer: *mut u64) -> u64 {
    guarded(context, |machine| {
        let function = FuncId::from_index(index as usize);
        let host = machine.with(|state| match &mut state.imports[function.index()] {
            Import::Host(host, spare) => Some((Arc::as_ptr(host), spare.take())),
            _ => None,
        });
        let Some((host, spare)) = host else {
            return machine.with(|state| {
                let count = state.loaded.signature(function).buffer_words();
                // SAFETY: the import's stub made the buffer for this signature.
                state.builtin_leaf(function, unsafe { words(buffer, count) })
            });
        };
        // SAFETY: an instance has the same imports as long as it lives, and it lives while its code runs.
        let host = unsafe { &*host };
        // SAFETY: as above.
        let buffer = unsafe { words(buffer, host.buffer_words) };
        call_host(machine, function, host, spare, buffer)
    })
}

/// Calls a function of the host.
fn call_host(
    machine: Machine,
    function: FuncId,
    host: &HostImport,
    mut spare: Spare,
    buffer: &mut [u64],
) -> Result<Status, HostError> {
    let signature = &host.signature;
    let (outer, task, word) = machine.with(|state| {
        state.objects.handles.enter();
        if host.has_references {
            state.export_words(&signature.params, buffer);
        }
        state.safepoint();
        state.tally(|tally| tally.host_calls += 1);
        let outer = state.host_function.replace(function);
        let word = state.context.fixed().task_word;
        (outer, state.running_task(), word)
    });
    let waker = LazyWaker::new(&host.wakes, task, None);
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        waker.lend(|waker| host.run(&mut HostContext::new(machine, waker, &mut spare), buffer))
    }));
    let outcome = outcome.unwrap_or_else(|payload| Err(panic(&*payload)));
    let outcome = refuse_operation(machine, function, signature, outcome);
    machine.with(|state| {
        state.host_function = outer;
        if signature.is_async {
            state.context.fixed().task_word = word;
        }
        state.keep_spare(function, spare);
        state.safepoint();
        match outcome {
            Ok(None) => {
                let imported = match host.has_references {
                    true => state.import_words(&signature.results, buffer),
                    false => Ok(()),
                };
                state.objects.handles.leave();
                imported.map(|()| Status::Finished).map_err(HostError::from)
            }
            Ok(Some(operation)) => {
                state.tally(|tally| tally.host_calls_pending += 1);
                let (woken, waker) = waker.finish();
                let locals = state.objects.handles.suspend();
                let call = PendingCall {
                    operation,
                    waker,
                    locals,
                    function,
                };
                Ok(state.register(Registration::Pending(call, woken)))
            }
            Err(error) => {
                let cause = state.cause_from_host(error);
                state.objects.handles.leave();
                Err(cause)
            }
        }
    })
}

/// Something left to do is an error if the import is sync: its caller cannot suspend.
fn refuse_operation(
    machine: Machine,
    function: FuncId,
    signature: &Signature,
    outcome: Result<Option<Operation>, HostError>,
) -> Result<Option<Operation>, HostError> {
    match outcome {
        Ok(Some(operation)) if !signature.is_async => {
            drop_quietly(operation);
            let name = machine.with(|state| state.loaded.module().functions[function].name.clone());
            let message = format!("host function %{name} of a sync import cannot suspend");
            Err(message.into())
        }
        outcome => outcome,
    }
}

/// Drops what is the host's. A panic there has nobody left whom it could be an exception for.
pub(crate) fn drop_quietly<T>(theirs: T) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(theirs))) {
        let message = panic(&*payload).message;
        tracing::warn!(?message, "dropping a future of the host");
    }
}

impl State {
    /// The word of the task that runs, which is no task's if none does.
    fn running_task(&self) -> u64 {
        match self.current_task {
            NONE => u64::MAX,
            index => self.tasks.word(index),
        }
    }

    /// What a host function keeps for its next call.
    fn keep_spare(&mut self, function: FuncId, kept: Spare) {
        if let Import::Host(_, spare) = &mut self.imports[function.index()] {
            *spare = kept;
        }
    }

    /// Begins the failure that a helper asks for, and tells its stub.
    fn raise(&mut self, error: HostError) -> Status {
        self.begin_failure(error.cause).message = error.message;
        self.announce(error.cause)
    }

    /// Puts the cause of the current failure where the stub and the landing look for it.
    fn announce(&mut self, cause: Cause) -> Status {
        let context = self.context.fixed();
        match cause {
            Cause::Trap(code) => {
                context.trap_code = code as u64 + 1;
                Status::Trapped
            }
            Cause::Exception(exception) => {
                context.exception = exception.to_words();
                Status::Thrown
            }
        }
    }

    /// A leaf suspends and waits for something that its helper knows.
    fn register(&mut self, registration: Registration) -> Status {
        self.registration = Some(registration);
        let context = self.context.fixed();
        context.fast_resumes = 0;
        context.counters[Counter::Suspensions as usize] += 1;
        Status::Suspended
    }

    fn leaf_decides(&mut self, natural: bool) -> bool {
        let number = self.leaf_calls;
        self.leaf_calls += 1;
        self.options.schedule.decides(number, natural)
    }

    fn builtin_leaf(&mut self, function: FuncId, buffer: &mut [u64]) -> Result<Status, HostError> {
        let argument = buffer.first().copied().unwrap_or_default();
        self.safepoint();
        match &self.imports[function.index()] {
            Import::Collect => {
                self.collect_with(&[], &mut []);
                Ok(Status::Finished)
            }
            // Whatever the schedule: slices of time are no leaf's decision.
            Import::OutOfFuel => Ok(self.register(Registration::OutOfFuel)),
            Import::Sleep => Ok(self.register(Registration::Sleep(argument as i64))),
            Import::Test => match self.leaf_decides(argument & 1 == 1) {
                true => Ok(self.register(Registration::Result(argument))),
                false => Ok(Status::Finished),
            },
            _ => Err("the function has no host function".into()),
        }
    }

    fn join(&mut self, results: usize, buffer: *mut u64) -> Result<Status, HostError> {
        self.safepoint();
        // SAFETY: the service has a parameter.
        let &mut [word] = unsafe { array(buffer) };
        let target = self.joinable(word, results)?;
        match self.tasks[target].state {
            TaskState::Finished => {
                let results = self.results(target);
                // SAFETY: the service has these results.
                unsafe { words(buffer, results.len()) }.copy_from_slice(results);
                self.remove(target);
                Ok(Status::Finished)
            }
            TaskState::Failed => Ok(self.rethrow(target)),
            _ => match self.ring(target) {
                Some(ring) => Err(HostError {
                    cause: Cause::Trap(TrapCode::Deadlock),
                    message: Some(ring),
                }),
                None => Ok(self.register(Registration::Join(target))),
            },
        }
    }

    /// The tasks that will wait for each other for ever, if the current one joins this target.
    fn ring(&self, target: u32) -> Option<String> {
        let joiner = self.current_task;
        let joins = |task| match self.tasks[task].state {
            TaskState::Suspended => self.joined_by(task),
            _ => None,
        };
        if !joins::closes_ring(joiner, target, joins, |task| self.joiner_of(task)) {
            return None;
        }
        let others = std::iter::successors(Some(target), |&task| joins(task));
        let others = others.take_while(|&task| task != joiner);
        let functions = &self.loaded.module().functions;
        let name = |task: u32| functions[self.tasks[task].function()].name.as_str();
        let tasks = std::iter::once(joiner).chain(others);
        Some(joins::describe_ring(tasks.map(name)))
    }

    fn task_try_result(&mut self, results: usize, buffer: *mut u64) -> Result<Status, HostError> {
        self.safepoint();
        // SAFETY: the service has a parameter.
        let &mut [word] = unsafe { array(buffer) };
        let target = self.joinable(word, results)?;
        let count = word_count(self.versions.results_of(results));
        // SAFETY: the service has a result, and those of the task.
        let buffer = unsafe { words(buffer, 1 + count) };
        match self.tasks[target].state {
            TaskState::Finished => {
                buffer[0] = 1;
                buffer[1..].copy_from_slice(self.results(target));
                self.remove(target);
            }
            TaskState::Failed => return Ok(self.rethrow(target)),
            _ => buffer.fill(0),
        }
        Ok(Status::Finished)
    }

    /// The task that a value names, if it can be joined and has these results.
    fn joinable(&self, word: u64, results: usize) -> Result<u32, TrapCode> {
        let target = self.tasks.find(word)?;
        let declared = self.versions.results_of(results);
        let actual = &self.loaded.signature(self.tasks[target].function()).results;
        match declared == actual {
            true => Ok(target),
            false => Err(TrapCode::TaskTypeMismatch),
        }
    }

    /// A task has failed, which is freed: the one that asks for its results fails alike.
    fn rethrow(&mut self, target: u32) -> Status {
        let failure = self.take_failure_of(target);
        self.remove(target);
        let cause = failure.cause;
        self.failure = Some(failure);
        self.announce(cause)
    }
}

extern "C" fn spawn(context: *mut Context, index: u64, buffer: *mut u64) -> u64 {
    guarded(context, |machine| {
        let function = FuncId::from_index(index as usize);
        let params = machine.with(|state| state.loaded.functions[function.index()].param_words);
        // SAFETY: the service has the function's parameters and one result.
        let buffer = unsafe { words(buffer, params.max(1)) };
        machine.with(|state| {
            if state.objects.under_stress() {
                let loaded = Arc::clone(&state.loaded);
                state.safepoint_with(&loaded.signature(function).params, &mut buffer[..params]);
            }
        });
        let task = machine.start(function, &buffer[..params])?;
        buffer[0] = machine.with(|state| {
            state.safepoint();
            state.tasks.word(task)
        });
        Ok(Status::Finished)
    })
}

extern "C" fn join(context: *mut Context, index: u64, buffer: *mut u64) -> u64 {
    guarded(context, |machine| {
        machine.with(|state| state.join(index as usize, buffer))
    })
}

extern "C" fn task_try_result(context: *mut Context, index: u64, buffer: *mut u64) -> u64 {
    guarded(context, |machine| {
        machine.with(|state| state.task_try_result(index as usize, buffer))
    })
}

extern "C" fn detach(context: *mut Context, _index: u64, buffer: *mut u64) -> u64 {
    guarded(context, |machine| {
        // SAFETY: the service has a parameter.
        let &mut [word] = unsafe { array(buffer) };
        machine.with(|state| {
            let index = state.tasks.find(word)?;
            state.detach(index);
            Ok(Status::Finished)
        })
    })
}

extern "C" fn cancel(context: *mut Context, _index: u64, buffer: *mut u64) -> u64 {
    guarded(context, |machine| {
        // SAFETY: the service has a parameter.
        let &mut [word] = unsafe { array(buffer) };
        machine.with(|state| {
            let index = state.tasks.find_any(word)?;
            if state.tasks[index].called {
                return Err(TrapCode::InvalidTask);
            }
            state.cancel(index);
            Ok(())
        })?;
        machine.bury();
        Ok(Status::Finished)
    })
}

extern "C" fn is_done(context: *mut Context, _index: u64, buffer: *mut u64) -> u64 {
    guarded(context, |machine| {
        // SAFETY: the service has a parameter and a result.
        let [word] = unsafe { array(buffer) };
        machine.with(|state| {
            let index = state.tasks.find(*word)?;
            let done = matches!(
                state.tasks[index].state,
                TaskState::Finished | TaskState::Failed
            );
            *word = u64::from(done);
            Ok(Status::Finished)
        })
    })
}

extern "C" fn memory_grow(context: *mut Context, index: u64, buffer: *mut u64) -> u64 {
    guarded(context, |machine| {
        // SAFETY: the service has a parameter and a result.
        let [word] = unsafe { array(buffer) };
        machine.with(|state| {
            *word = state
                .grow_memory(MemoryId::from_index(index as usize), *word)
                .unwrap_or(u64::MAX);
        });
        Ok(Status::Finished)
    })
}

impl State {
    /// Grows a memory by a number of pages: its size before, or `None` if it cannot.
    pub(crate) fn grow_memory(&mut self, id: MemoryId, by: u64) -> Option<u64> {
        let memory = self.memories.get_mut(id.index())?;
        let before = memory.grow(by)?;
        let layout = &self.loaded.compiled().layout;
        self.context.set_memory(layout, id, memory);
        Some(before)
    }
}

extern "C" fn memory_copy(context: *mut Context, index: u64, buffer: *mut u64) -> u64 {
    guarded(context, |machine| {
        // SAFETY: the service has three parameters; so have those of `fill` and `init`.
        let &mut [to, from, length] = unsafe { array(buffer) };
        let (to_memory, from_memory) = ((index >> 32) as usize, index as u32 as usize);
        machine.with(|state| {
            let memories = &mut state.memories;
            memory::copy(memories, (to_memory, to), (from_memory, from), length)?;
            Ok(Status::Finished)
        })
    })
}

extern "C" fn memory_fill(context: *mut Context, index: u64, buffer: *mut u64) -> u64 {
    guarded(context, |machine| {
        // SAFETY: as in `memory_copy`.
        let &mut [to, byte, length] = unsafe { array(buffer) };
        machine.with(|state| {
            let memory = &mut state.memories[index as usize];
            memory.fill(to, length, byte as u8)?;
            Ok(Status::Finished)
        })
    })
}

extern "C" fn memory_init(context: *mut Context, index: u64, buffer: *mut u64) -> u64 {
    guarded(context, |machine| {
        // SAFETY: as in `memory_copy`.
        let &mut [to, from, length] = unsafe { array(buffer) };
        machine.with(|state| {
            let (memory, segment) = ((index >> 32) as usize, index as u32 as usize);
            let module = std::sync::Arc::clone(&state.loaded.compiled().source);
            let bytes = &module.data[enjamb_ir::DataId::from_index(segment)].bytes;
            let end = from
                .checked_add(length)
                .ok_or(TrapCode::MemoryOutOfBounds)?;
            let source = bytes
                .get(from as usize..end as usize)
                .ok_or(TrapCode::MemoryOutOfBounds)?;
            state.memories[memory].write(to, source)?;
            Ok(Status::Finished)
        })
    })
}

extern "C" fn leaf_decision(context: *mut Context, _index: u64, buffer: *mut u64) -> u64 {
    guarded(context, |machine| {
        // SAFETY: the stub passes a buffer of two words.
        let [natural] = unsafe { array(buffer) };
        machine.with(|state| {
            state.safepoint();
            let suspends = state.leaf_decides(*natural != 0);
            *natural = u64::from(suspends);
            if !suspends {
                return Ok(Status::Finished);
            }
            state.context.fixed().counters[Counter::Suspensions as usize] += 1;
            Ok(Status::Suspended)
        })
    })
}

extern "C" fn allocate(context: *mut Context, size: u64, callee: *mut u64) -> u64 {
    // SAFETY: emitted code passes the context block that it runs with.
    let Some(machine) = (unsafe { Machine::of_context(context) }) else {
        return 0;
    };
    machine.with(|state| {
        let lists = state.context.free_lists();
        match state.continuations.allocate_frame(lists, size as u32) {
            Some(object) => object.as_ptr() as u64,
            None => {
                let reason = state.continuations.refusal("a continuation", size);
                let failure = state.free_half_built(callee as u64, reason);
                let cause = failure.cause;
                state.failure = Some(failure);
                state.announce(cause);
                0
            }
        }
    })
}

extern "C" fn unwind(context: *mut Context, throw: u64, buffer: *mut u64) -> u64 {
    // SAFETY: emitted code passes the context block that it runs with.
    let Some(machine) = (unsafe { Machine::of_context(context) }) else {
        return Status::Thrown as u64;
    };
    // SAFETY: the throw stub passes what it has set up on its stack.
    let unwinding = unsafe { &mut *buffer.cast::<Unwinding>() };
    let throw = match throw == Throw::New as u64 {
        true => Throw::New,
        false => Throw::Again,
    };
    machine.with(|state| state.unwind(throw, unwinding)) as u64
}

extern "C" fn trapped(context: *mut Context, _index: u64, _buffer: *mut u64) -> u64 {
    // SAFETY: emitted code passes the context block that it runs with.
    if let Some(machine) = unsafe { Machine::of_context(context) } {
        machine.with(State::trapped);
    }
    Status::Trapped as u64
}
