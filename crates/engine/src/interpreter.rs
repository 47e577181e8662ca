//! The interpreter as a backend.

use crate::async_host::PendingCall;
use crate::backend::{Access, Backend};
use crate::caller::Caller;
use crate::config::{Clock, Config};
use crate::drivers::{Drivable, Drivers};
use crate::error::{Error, HostError, Thrown, Trap};
use crate::host::HostFunction;
use crate::instance::WeakInstance;
use crate::monitor::Paper;
use crate::spawner::Spawner;
use crate::stats::Stats;
use enjamb_interp::{HostContext, Imports, Instance, Options, Turn};
use enjamb_ir::host_objects::HostObjects;
use enjamb_ir::{
    Entity, FuncId, FunctionKind, GlobalId, MemoryId, Module, TaskCursor, TaskInfo, Trace,
    TraceLimits, Val, Watcher,
};
use enjamb_runtime::{Driven, Step};
use self_cell::self_cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Poll, Wake, Waker};
use std::thread::Thread;
use typed_arena::Arena;

/// The module of an instance, and those that it became when functions were replaced. What runs has frames
/// in all of them, so they stay.
struct Modules(Arena<Arc<Module>>);

impl Modules {
    /// Adds a module.
    fn add(&self, module: Arc<Module>) -> &Module {
        self.0.alloc(module)
    }
}

self_cell!(
    struct Owning {
        owner: Modules,
        #[not_covariant]
        dependent: Instance,
    }
);

/// An instance that the interpreter runs, with the module that it borrows.
pub(crate) struct Interpreter {
    cell: Owning,
    /// The one that runs now.
    module: Arc<Module>,
    drivers: Drivers,
}

// SAFETY: an interpreter instance is not `Send` because it holds its host functions in `Rc`s. Those
// are made in `imports` below, moved into the instance, and no copy is given to anyone: they go
// from thread to thread with the instance or not at all. The host functions themselves are `Send`.
unsafe impl Send for Interpreter {}

impl Interpreter {
    pub(crate) fn new(
        module: Arc<Module>,
        functions: Vec<Option<HostFunction>>,
        config: &Config,
    ) -> Result<Self, Error> {
        let clock = match config.clock {
            Clock::Real => enjamb_interp::Clock::Real,
            Clock::Virtual => enjamb_interp::Clock::Virtual,
        };
        let options = Options {
            schedule: config.schedule,
            clock,
            // It counts 16 bytes for each value and slot of a frame, dead or alive; compiled code keeps a
            // few of them there.
            stack_limit: config.stack_size.saturating_mul(8),
            memory_limit: config.memory_limit,
            heap_limit: config.heap_limit as u64,
            gc_stress: config.gc_stress,
            fuel: config.fuel.supply(),
            trace: config.trace,
            ..Options::default()
        };
        let imports_of = Arc::clone(&module);
        let cell = Owning::try_new(Modules(Arena::new()), |modules| {
            let module = modules.add(Arc::clone(&imports_of));
            Instance::new(module, imports(&imports_of, functions), options)
        });
        Ok(Interpreter {
            cell: cell.map_err(error)?,
            module,
            drivers: Drivers::new(Arc::default()),
        })
    }
}

impl Driven for Owning {
    fn step(&mut self) -> Step {
        match self.with_dependent_mut(|_, instance| instance.turn()) {
            Ok(Turn::Ran) => Step::Ran,
            Ok(Turn::Waiting(time)) => Step::Waiting(Some(time)),
            Ok(Turn::Idle) => Step::Idle,
            Err(error) => {
                gave_up(&error);
                Step::Idle
            }
        }
    }

    fn has_work(&self) -> bool {
        self.with_dependent(|_, instance| instance.can_run())
    }

    fn is_busy(&self) -> bool {
        self.has_work() || self.newest_timer().is_some()
    }

    fn newest_timer(&self) -> Option<u64> {
        self.with_dependent(|_, instance| instance.newest_timer())
    }
}

impl Drivable for Owning {
    fn round(&mut self) {
        let round = self.with_dependent_mut(|_, instance| instance.round());
        round.unwrap_or_else(|error| gave_up(&error));
    }
}

/// The interpreter has ended tasks that it could not go on with, and no call was about them.
fn gave_up(error: &enjamb_interp::Error) {
    tracing::error!(%error, "all tasks of an instance have ended");
}

/// The host functions as the interpreter calls them.
fn imports<'a>(module: &Arc<Module>, functions: Vec<Option<HostFunction>>) -> Imports<'a> {
    let mut imports = Imports::new();
    for (declared, function) in module.functions.values().zip(functions) {
        let (
            FunctionKind::Import {
                namespace, name, ..
            },
            Some(function),
        ) = (&declared.kind, function)
        else {
            continue;
        };
        let module = Arc::clone(module);
        let call = move |context: &mut HostContext<'_>, arguments: &[Val]| {
            let results = &function.signature.results;
            let mut words = Val::to_words(arguments);
            words.resize(function.signature.buffer_words(), 0);
            let (waker, wakes) = (this_thread(), wakes_of_this_thread());
            let caller = Caller::new(&module, context, &waker);
            let context_word = caller.context();
            let called = (function.code)(&caller, &mut words);
            let pending = called.map_err(|error| raised(&*error))?;
            if let Some(pending) = pending {
                // The task would wait with its own.
                caller.set_context(context_word);
                let waited = wait_for(pending, wakes, &caller, &mut words);
                waited.map_err(|error| raised(&*error))?;
            }
            Ok(Val::from_words(results, &words))
        };
        imports = imports.throwing_function(namespace, name, call);
    }
    imports
}

impl Backend for Interpreter {
    fn give_turns(&mut self) {
        self.drivers.give_turns(&mut self.cell);
    }

    fn call(&mut self, function: FuncId, words: &mut [u64]) -> Result<(), Error> {
        let module = Arc::clone(&self.module);
        let arguments = Val::from_words(&module.functions[function].signature().params, words);
        let results = self.change(|instance| instance.call_function(function, &arguments));
        let results = results.map_err(error)?;
        let results = Val::to_words(&results);
        words[..results.len()].copy_from_slice(&results);
        Ok(())
    }

    fn end_tasks(&mut self) {
        self.change(|instance| instance.drop_tasks());
    }

    fn begin_driving(&mut self) -> u64 {
        self.drivers.begin()
    }

    fn drive(&mut self, party: u64, waker: &Waker) -> Poll<()> {
        self.drivers.drive(&mut self.cell, party, waker)
    }

    fn end_driving(&mut self, party: u64) {
        self.drivers.leave(&self.cell, party);
    }

    fn hand_over(&mut self) {
        self.drivers.hand_over(&self.cell);
    }

    fn set_spawner(&mut self, spawner: Spawner, instance: WeakInstance) {
        self.drivers.set_spawner(spawner, instance);
    }

    fn leave_driving(&mut self, party: Option<u64>, is_refused: bool) {
        let (drivers, instance) = (&mut self.drivers, &self.cell);
        drivers.end_spawned(instance, party, is_refused);
    }

    fn leave(&mut self) {
        self.drivers.ask_spawner(&self.cell);
    }

    fn replace(&mut self, function: FuncId, module: &crate::Module) -> Result<(), Error> {
        let module = Arc::new(self.module.with_body_of(function, module.ir()));
        let added = Arc::clone(&module);
        let replaced = self
            .cell
            .with_dependent_mut(|modules, instance| instance.replace(modules.add(added)));
        replaced.map_err(error)?;
        self.module = module;
        Ok(())
    }

    fn access(&mut self) -> &mut dyn Access {
        self
    }

    fn watch(&mut self, paper: Paper) -> Waker {
        let asked = paper.asked();
        let publish = Box::new(move |numbers, heap| paper.write(stats(&numbers).with_heap(heap)));
        self.change(|instance| instance.watch(Watcher::new(asked, publish)));
        // It looks at each turn.
        Waker::noop().clone()
    }

    fn fuel(&self) -> i64 {
        self.cell.with_dependent(|_, instance| instance.fuel())
    }

    fn set_fuel(&mut self, amount: i64) {
        self.cell
            .with_dependent_mut(|_, instance| instance.set_fuel(amount));
    }
}

/// Both an instance and what it shows to a host function have these methods.
macro_rules! reach_memories_and_globals {
    () => {
        fn memory_size(&self, memory: MemoryId) -> u64 {
            self.look(|state| state.memories()[memory.index()].size())
        }
        fn memory_read(&self, memory: MemoryId, offset: u64, bytes: &mut [u8]) -> bool {
            self.look(|state| state.memories()[memory.index()].read(offset, bytes).is_ok())
        }
        fn memory_write(&mut self, memory: MemoryId, offset: u64, bytes: &[u8]) -> bool {
            self.change(|state| {
                state.memories_mut()[memory.index()]
                    .write(offset, bytes)
                    .is_ok()
            })
        }
        fn memory_grow(&mut self, memory: MemoryId, pages: u64) -> Option<u64> {
            self.change(|state| state.memories_mut()[memory.index()].grow(pages))
        }
        fn with_objects(&mut self, visit: &mut dyn FnMut(&mut dyn HostObjects)) {
            self.change(|state| visit(state));
        }
        fn global_get(&mut self, global: GlobalId) -> Option<Val> {
            Some(self.look(|state| state.global_at(global)))
        }
        fn stats(&self) -> Stats {
            self.look(|state| stats(&state.stats()))
        }
        fn context(&self) -> i64 {
            self.look(|state| state.context())
        }
        fn set_context(&mut self, word: i64) {
            self.change(|state| state.set_context(word));
        }
        fn global_set(&mut self, global: GlobalId, value: Val) -> bool {
            self.change(|state| state.set_global_at(global, value).is_ok())
        }
    };
}

impl Interpreter {
    fn look<R>(&self, look: impl FnOnce(&Instance<'_>) -> R) -> R {
        self.cell.with_dependent(|_, instance| look(instance))
    }
    fn change<R>(&mut self, change: impl FnOnce(&mut Instance<'_>) -> R) -> R {
        self.cell.with_dependent_mut(|_, instance| change(instance))
    }
}

impl Access for Interpreter {
    reach_memories_and_globals!();
    fn stacks(&self, limits: TraceLimits) -> Vec<Trace> {
        self.look(|instance| instance.stacks(limits))
    }
    fn task_cursor(&self) -> TaskCursor {
        self.look(|instance| instance.task_cursor())
    }
    fn next_task(&self, cursor: &mut TaskCursor, limits: TraceLimits) -> Option<TaskInfo> {
        self.look(|instance| instance.next_task(cursor, limits))
    }
}

/// Gives the macro the same words for a host context.
trait Lent {
    fn look<R>(&self, look: impl FnOnce(&Self) -> R) -> R {
        look(self)
    }
    fn change<R>(&mut self, change: impl FnOnce(&mut Self) -> R) -> R {
        change(self)
    }
}

impl Lent for HostContext<'_> {}

impl Access for HostContext<'_> {
    reach_memories_and_globals!();
    fn stacks(&self, limits: TraceLimits) -> Vec<Trace> {
        HostContext::stacks(self, limits)
    }
    fn task_cursor(&self) -> TaskCursor {
        HostContext::task_cursor(self)
    }
    fn next_task(&self, cursor: &mut TaskCursor, limits: TraceLimits) -> Option<TaskInfo> {
        HostContext::next_task(self, cursor, limits)
    }
}

/// The numbers of the interpreter under their common names.
fn stats(stats: &enjamb_interp::Stats) -> Stats {
    Stats {
        suspensions: stats.suspensions,
        frames_suspended: stats.frames_suspended,
        resumptions: stats.resumptions,
        continuations_allocated: stats.continuations_allocated,
        continuations_live: stats.continuations_live,
        continuation_bytes_live: stats.continuation_bytes_live,
        continuation_bytes_peak: stats.continuation_bytes_peak,
        tasks_live: stats.tasks_live,
        tasks_started: stats.tasks_started,
        tasks_finished: stats.tasks_finished,
        tasks_failed: stats.tasks_failed,
        task_bytes: stats.task_bytes,
        host_calls: stats.host_calls,
        fuel_used: stats.fuel_used,
        ..Stats::default()
    }
}

fn error(error: enjamb_interp::Error) -> Error {
    use enjamb_interp::Error::{
        BadCall, BadInstance, Exception, Fault, TooManyInstructions, Trap as Trapped,
    };
    match error {
        Trapped(trap) => Error::Trap(Box::new(Trap {
            code: trap.code,
            location: trap.location,
            message: trap.message,
            trace: trap.trace,
        })),
        Exception(uncaught) => Error::Exception(Box::new(Thrown {
            exception: uncaught.exception,
            location: uncaught.location,
            message: uncaught.message,
            trace: uncaught.trace,
        })),
        BadInstance(reason) => Error::Instantiate(reason),
        BadCall(_) | Fault(_) | TooManyInstructions => Error::Internal(error.to_string()),
    }
}

/// A thread that waits for the host, and how many times it was woken. The one wake that a thread remembers by itself
/// is no memory for that: whatever waits inside of a poll takes it.
struct Sleeper {
    thread: Thread,
    wakes: AtomicU64,
}

thread_local! {
    static SLEEPER: Arc<Sleeper> = Arc::new(Sleeper {
        thread: std::thread::current(),
        wakes: AtomicU64::new(0),
    });
}

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        self.wakes.fetch_add(1, Ordering::Release);
        self.thread.unpark();
    }
}

/// Wakes this thread.
fn this_thread() -> Waker {
    SLEEPER.with(|sleeper| Waker::from(Arc::clone(sleeper)))
}

/// How many times this thread was woken. Who is about to poll looks, and sleeps until it is another number.
fn wakes_of_this_thread() -> u64 {
    SLEEPER.with(|sleeper| sleeper.wakes.load(Ordering::Acquire))
}

/// Lets this thread sleep until it is woken, if it was not since there were so many wakes.
fn sleep(wakes: u64) {
    while wakes_of_this_thread() == wakes {
        std::thread::park();
    }
}

/// Polls what is not ready until it is. Meanwhile the thread sleeps.
fn wait_for(
    mut pending: PendingCall,
    mut wakes: u64,
    caller: &Caller<'_>,
    words: &mut [u64],
) -> Result<(), HostError> {
    loop {
        sleep(wakes);
        wakes = wakes_of_this_thread();
        if let Poll::Ready(outcome) = pending.as_mut().poll_for(caller, words) {
            return outcome;
        }
    }
}

/// What a call of a host function that ended with this error throws: the exception of another instance,
/// or the one that stands for an error of the host.
fn raised(error: &(dyn std::error::Error + 'static)) -> enjamb_interp::HostError {
    match error.downcast_ref::<Error>().and_then(Error::exception) {
        Some(thrown) => thrown.exception.into(),
        None => error.to_string().into(),
    }
}
