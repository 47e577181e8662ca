//! Instances: a loaded module with memories, globals and tasks of its own.

use crate::cancel::Cancellations;
use crate::context::ContextBlock;
use crate::continuations::Continuations;
use crate::error::Error;
use crate::executor::Executor;
use crate::guests::Driven;
use crate::helpers;
use crate::host::Imports;
use crate::inspect::Tally;
use crate::loaded::LoadedModule;
use crate::machine::{FAST_TURNS, Machine, Step};
use crate::memory::{LinearMemory, SharedMemory};
use crate::objects::Objects;
use crate::options::{Options, Stats};
use crate::state::{Import, State};
use crate::task::{NONE, State as TaskState, Tasks};
use crate::versions::Versions;
use crate::wakes::{LazyWaker, Wakes};
use enjamb_abi::context::{InstanceLayout, LeafMode};
use enjamb_abi::heap::Heap;
use enjamb_heap::CopyingHeap;
use enjamb_ir::hash::KeyedHashMap;
use enjamb_ir::host_objects::HostObjects;
use enjamb_ir::{
    Entity, FuelAccount, FuncId, FunctionKind, GlobalId, MemoryDecl, MemoryId, Module, Schedule,
    Signature, TableId, TaskCursor, TaskInfo, Trace, TraceLimits, TrapCode, Type, Val, Watcher,
};
use std::fmt;
use std::sync::Arc;
use std::task::Waker;

/// A task, as the host holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TaskHandle(u64);

impl TaskHandle {
    /// The task as a value that can be handed to compiled code.
    pub fn value(self) -> Val {
        Val::Task(self.0)
    }

    /// The party that waits for this task, for [`Wakes`].
    pub fn party(self) -> u64 {
        self.0
    }
}

/// An instance of a module. It can move between threads; one at a time uses it.
pub struct Instance {
    machine: Machine,
}

// SAFETY: the machine's state is owned by this value alone and is `Send` itself, and every method
// that reaches it, apart from those that only read, borrows the instance exclusively.
unsafe impl Send for Instance {}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Instance({:?})", self.machine)
    }
}

/// The namespace of the leaves that the runtime brings along.
const BUILTIN: &str = "enjamb";

impl Instance {
    /// Makes an instance. Imports of the namespace `enjamb` named `yield`, `sleep`, `test` and `collect`
    /// are the runtime's own; all others come from `imports`.
    ///
    /// # Errors
    /// If an import is missing, a data segment does not fit, or the system has no memory.
    pub fn new(
        loaded: Arc<LoadedModule>,
        imports: Imports,
        options: Options,
    ) -> Result<Instance, Error> {
        let blocks = Arc::clone(&loaded.memory.blocks);
        let heap = || -> Box<dyn Heap> {
            let heap = CopyingHeap::new(options.heap_limit).blocks(blocks);
            Box::new(heap.poison(options.gc_stress))
        };
        Instance::with_heap(loaded, imports, options, heap)
    }

    /// Makes an instance that has its objects, if the module declares types of objects, on a heap that is
    /// not Enjamb's own.
    ///
    /// # Errors
    /// As [`Instance::new`], and if the heap wants a write barrier that the code does not have.
    pub fn with_heap(
        loaded: Arc<LoadedModule>,
        imports: Imports,
        options: Options,
        heap: impl FnOnce() -> Box<dyn Heap>,
    ) -> Result<Instance, Error> {
        let objects = Objects::new(loaded.compiled(), &options, heap)?;
        let layout = &loaded.compiled().layout;
        let module = loaded.module();
        let wakes = Arc::default();
        let shared = imports.memories.clone();
        let imports = resolve_imports(module, &imports, &wakes)?;
        let mut context = ContextBlock::new(&loaded.memory.blocks, layout)?;
        let memories = make_memories(&loaded, &shared)?;
        for (index, memory) in memories.iter().enumerate() {
            context.set_memory(layout, MemoryId::from_index(index), memory);
        }
        context.set_functions(&loaded);
        let tables = context.set_tables_and_globals(layout, module);
        let fixed = context.fixed();
        helpers::install(fixed);
        fixed.fuel = options.fuel.at_first();
        fixed.leaf_mode = match options.schedule {
            Schedule::Natural | Schedule::Always => LeafMode::Always,
            Schedule::Never => LeafMode::Never,
            Schedule::Random(_) | Schedule::Only(_) => LeafMode::Ask,
        } as u64;
        let state = State {
            context,
            memories,
            tables,
            continuations: Continuations::new(&loaded.memory.blocks, &options),
            tasks: Tasks::new(),
            executor: Executor::new(options.clock),
            cancellations: Cancellations::default(),
            wakes,
            discarded: Vec::new(),
            ended: Vec::new(),
            imports,
            fuel: FuelAccount::new(options.fuel),
            options,
            tally: Tally::default(),
            watcher: None,
            leaf_calls: 0,
            current_task: NONE,
            registration: None,
            failure: None,
            spare_failure: None,
            host_function: None,
            activations: Vec::new(),
            objects,
            turns: 0,
            versions: Arc::new(Versions::new(&loaded)),
            loaded,
        };
        let machine = Machine::new(Box::new(state));
        Ok(Instance { machine })
    }

    /// The module.
    pub fn loaded(&self) -> Arc<LoadedModule> {
        self.machine.with(|state| Arc::clone(&state.loaded))
    }

    /// Where code for the instance has to look for things: what
    /// [`compile_replacement`](enjamb_codegen::compile_replacement) takes.
    pub fn layout(&self) -> InstanceLayout {
        self.machine.with(|state| state.versions.layout().clone())
    }

    /// Lets new calls of a function, direct or by reference, run the body that it has in another module.
    /// What has been called before goes on in the code that it is in, however long it takes. That code is
    /// there as long as something needs it: it is freed when a function is replaced, or the last task ends,
    /// and no task has a frame in it.
    ///
    /// The code has been made with [`CodeOptions::replaceable`](enjamb_abi::code::CodeOptions) and for a
    /// layout that [fits](InstanceLayout::fits) that of the instance, or extends it.
    ///
    /// # Errors
    /// If the code of the one or the other was not made for this, or the modules differ in more than bodies.
    pub fn replace(&mut self, function: FuncId, new: &Arc<LoadedModule>) -> Result<(), Error> {
        self.machine.with(|state| state.replace(function, new))
    }

    /// The signature of a function, if there is such a function.
    pub fn signature(&self, function: FuncId) -> Option<Signature> {
        self.machine.with(|state| {
            let decl = state.loaded.module().functions.get(function)?;
            Some(decl.signature().clone())
        })
    }

    /// Calls a function. If it is async, tasks run until it has finished; others that are left then
    /// stay as they are, and go on when tasks run again.
    ///
    /// # Errors
    /// If the arguments do not fit, or the function trapped.
    pub fn call(&mut self, function: FuncId, args: &[Val]) -> Result<Vec<Val>, Error> {
        self.machine.call(function, args)
    }

    /// Starts a task: runs an async function until it finishes, traps or first suspends.
    ///
    /// # Errors
    /// If the function is not async or the arguments do not fit.
    pub fn spawn(&mut self, function: FuncId, args: &[Val]) -> Result<TaskHandle, Error> {
        let words = self.machine.with(|state| {
            let words = state.argument_words(function, args)?;
            let is_async = state.loaded.signature(function).is_async;
            let sync = || Error::BadCall("a task runs an async function".to_string());
            is_async.then_some(words).ok_or_else(sync)
        })?;
        self.machine.with(State::begin_turn);
        let task = self.machine.start(function, &words)?;
        Ok(TaskHandle(
            self.machine.with(|state| state.tasks.word(task)),
        ))
    }

    /// Whether a task has finished, with results or without.
    ///
    /// # Errors
    /// If it has been joined or detached.
    pub fn is_done(&self, task: TaskHandle) -> Result<bool, Error> {
        self.machine.with(|state| {
            let index = state.tasks.find(task.0).map_err(|_| Error::BadTask)?;
            let state = state.tasks[index].state;
            Ok(matches!(state, TaskState::Finished | TaskState::Failed))
        })
    }

    /// The logical stack of a task that is suspended: where it waits, its callers, and those of the
    /// task that waits for it. Empty if it is not suspended.
    ///
    /// # Errors
    /// If there is no such task.
    pub fn trace(&self, task: TaskHandle, limits: TraceLimits) -> Result<Trace, Error> {
        self.machine.with(|state| {
            let index = state.tasks.find_any(task.0).map_err(|_| Error::BadTask)?;
            Ok(state.stack_of(index, limits).unwrap_or_default())
        })
    }

    /// The logical stacks of the tasks that are suspended, as [`Instance::trace`] has them.
    pub fn stacks(&self, limits: TraceLimits) -> Vec<Trace> {
        self.machine.with(|state| state.stacks(limits))
    }

    /// A walk over the tasks that exist, for [`Instance::next_task`].
    pub fn task_cursor(&self) -> TaskCursor {
        self.machine.with(|state| state.task_cursor())
    }

    /// The next task of a walk, with no more of its logical stack than the limits say.
    pub fn next_task(&self, cursor: &mut TaskCursor, limits: TraceLimits) -> Option<TaskInfo> {
        self.machine
            .with(|state| state.next_task_info(cursor, limits))
    }

    /// Runs tasks until this one has finished: its results. The handle is dead then.
    ///
    /// # Errors
    /// If it trapped, has been joined or detached.
    pub fn run_until(&mut self, task: TaskHandle) -> Result<Vec<Val>, Error> {
        self.machine.run_until(task.0)
    }

    /// One turn of the executor: gives the first task of the run queue its turn.
    pub fn step(&mut self) -> Step {
        self.machine.step()
    }

    /// Gives each task that can run one turn, those included that the host has woken or whose time has come. Nothing
    /// waits, and a virtual clock stands still. This is how tasks go on that earlier calls have left behind.
    pub fn round(&mut self) {
        self.machine.round();
    }

    /// Gives a task its turn, which has to be the first of the run queue, and lets it resume that
    /// many of its yields at once: whether it has finished. This is the dispatcher with nothing
    /// around it.
    ///
    /// # Errors
    /// If the task is not the first of the run queue.
    pub fn resume(&mut self, task: TaskHandle, fast_resumes: u64) -> Result<bool, Error> {
        let index = self.machine.with(|state| {
            let index = state.tasks.find(task.0).map_err(|_| Error::BadTask)?;
            if state.executor.front() != Some(task.0) {
                return Err(Error::BadTask);
            }
            state.executor.pop();
            Ok(index)
        })?;
        self.machine.resume(index, fast_resumes, FAST_TURNS);
        self.is_done(task)
    }

    /// Starts a task that is a call of the host's: no other task can join it, and whoever waits for the
    /// instance as the party [`TaskHandle::party`] is woken when it has ended. Arguments stand in words, as
    /// [`Val::to_words`] has them; their types have been checked. Nothing if it has finished at once: its
    /// results stand in the words then, which have room for them.
    ///
    /// # Errors
    /// If a reference among the arguments is stale, or there is no memory for the task.
    pub fn start(
        &mut self,
        function: FuncId,
        words: &mut [u64],
    ) -> Result<Option<TaskHandle>, Error> {
        self.machine.with(|state| {
            state.safepoint();
            state.begin_turn();
            let params = &state.loaded.signature(function).params;
            state.import_words(params, words).map_err(Error::BadCall)
        })?;
        let task = self.machine.start_call(function, words)?;
        let word = |task| {
            self.machine
                .with(|state| TaskHandle(state.tasks.word(task)))
        };
        Ok(task.map(word))
    }

    /// What has become of a task: nothing if it has not ended. Its results stand in the words then, and
    /// the handle is dead.
    ///
    /// # Errors
    /// If there is no such task.
    pub fn outcome(
        &mut self,
        task: TaskHandle,
        words: &mut [u64],
    ) -> Result<Option<Result<(), Error>>, Error> {
        self.machine.with(|state| state.take_outcome(task.0, words))
    }

    /// Whether a task has ended, with results or without, or there is no such task.
    pub fn has_ended(&self, task: TaskHandle) -> bool {
        self.machine.with(|state| {
            let state = state
                .tasks
                .find_any(task.0)
                .map(|index| state.tasks[index].state);
            matches!(state, Ok(TaskState::Finished | TaskState::Failed) | Err(_))
        })
    }

    /// Whether there are tasks that [`Instance::start`] has started.
    pub fn has_calls(&self) -> bool {
        self.machine.with(|state| state.tasks.has_called())
    }

    /// Lets a task that [`Instance::start`] has started go on without anybody who wants its results. Returns
    /// whether there is such a task.
    pub fn detach(&mut self, task: TaskHandle) -> bool {
        self.machine.with(|state| {
            let found = state.tasks.find_any(task.0);
            found.map(|index| state.detach(index)).is_ok()
        })
    }

    /// Ends the wait of a task for which nothing can be done any more: it fails with a trap.
    ///
    /// # Errors
    /// If there is no such task.
    pub fn give_up(&mut self, task: TaskHandle) -> Result<(), Error> {
        self.machine.with(|state| state.deadlock(task.0))
    }

    /// Ends a task that [`Instance::start`] has started, unless it has been freed already: it is cancelled at
    /// once, so its handlers run, and do not wait. What it has started itself goes on. Returns whether there was
    /// such a task.
    pub fn abandon(&mut self, task: TaskHandle) -> bool {
        let found = self.machine.with(|state| state.tasks.find_any(task.0));
        found.map(|index| self.machine.abandon(index)).is_ok()
    }

    /// Cancels a task, as the instruction `cancel` does, if it has not ended: its handlers may wait.
    pub fn cancel(&mut self, task: TaskHandle) {
        self.machine.with(|state| {
            if let Ok(index) = state.tasks.find_any(task.0) {
                state.cancel(index);
            }
        });
        self.machine.bury();
    }

    /// Who waits for the instance, and the wakes of its tasks.
    pub fn wakes(&self) -> Arc<Wakes> {
        self.machine.with(|state| Arc::clone(&state.wakes))
    }

    /// Frees the tasks that [`Instance::start`] has not started, whatever they wait for. One of the others that has
    /// joined such a task gets the cancellation.
    pub fn end_tasks(&mut self) {
        self.machine.with(State::end_tasks);
        self.machine.bury();
    }

    /// Frees every task, whatever it waits for.
    pub fn drop_tasks(&mut self) {
        self.machine.with(State::drop_tasks);
        self.machine.bury();
    }

    /// The fuel that is left; below zero it is a debt.
    pub fn fuel(&self) -> i64 {
        self.machine.with(|state| state.context.fixed().fuel)
    }

    /// Sets the fuel that is left.
    pub fn set_fuel(&mut self, amount: i64) {
        self.machine.with(|state| {
            let State { fuel, context, .. } = state;
            fuel.set(&mut context.fixed().fuel, amount);
        });
    }

    /// The context word that the next call or task begins with: what was set here, or what a sync
    /// function has left; 0 at first.
    pub fn context(&self) -> i64 {
        self.machine
            .with(|state| state.context.fixed().task_word as i64)
    }

    /// Sets the context word that the next call or task begins with.
    pub fn set_context(&mut self, word: i64) {
        self.machine
            .with(|state| state.context.fixed().task_word = word as u64);
    }

    /// The objects of the instance.
    pub fn objects(&mut self) -> &mut dyn HostObjects {
        &mut self.machine
    }

    /// What the instance has done so far.
    pub fn stats(&self) -> Stats {
        self.machine.with(State::stats)
    }

    /// Bytes of continuations that exist, those in which the results of tasks go included: none where no task is.
    /// Other than [`Stats`] it needs no code that counts, but goes through all that is free.
    pub fn continuation_bytes(&self) -> u64 {
        self.machine.with(|state| {
            let lists = state.context.free_lists();
            state.continuations.bytes_in_use(lists)
        })
    }

    /// Lets somebody ask what the instance has done so far, while others use it: the numbers are published
    /// between two turns of tasks and, by an instance that counts, wherever it counts. Who has asked wakes the waker, so that this comes to pass. There is one
    /// watcher at a time.
    pub fn watch(&mut self, watcher: Watcher<Stats>) -> Waker {
        self.machine.with(|state| {
            state.watcher = Some(watcher);
            // It is no task's, so all that it does is to let the instance look.
            LazyWaker::new(&state.wakes, u64::MAX, None).lend(Waker::clone)
        })
    }

    /// Size of a linear memory in bytes, if there is such a one.
    pub fn memory_size(&self, memory: MemoryId) -> Option<u64> {
        self.machine.with(|state| state.memory_size(memory))
    }

    /// Copies bytes out of a linear memory.
    ///
    /// # Errors
    /// If there is no such memory or the bytes are not all inside.
    pub fn read_memory(&self, memory: MemoryId, at: u64, bytes: &mut [u8]) -> Result<(), Error> {
        self.machine
            .with(|state| state.read_memory(memory, at, bytes))
    }

    /// Copies bytes into a linear memory.
    ///
    /// # Errors
    /// As [`Instance::read_memory`].
    pub fn write_memory(&mut self, memory: MemoryId, at: u64, bytes: &[u8]) -> Result<(), Error> {
        self.machine
            .with(|state| state.write_memory(memory, at, bytes))
    }

    /// Grows a linear memory by a number of pages: its size in pages before, or `None` if it
    /// cannot.
    pub fn grow_memory(&mut self, memory: MemoryId, by: u64) -> Option<u64> {
        self.machine.with(|state| state.grow_memory(memory, by))
    }

    /// A global variable, if there is such a one. A reference comes as a new handle.
    pub fn global(&self, global: GlobalId) -> Option<Val> {
        self.machine.with(|state| state.global(global))
    }

    /// Gives a global variable a value.
    ///
    /// # Errors
    /// If there is no such variable, or its type is another one.
    pub fn set_global(&mut self, global: GlobalId, value: Val) -> Result<(), Error> {
        self.machine.with(|state| state.set_global(global, value))
    }

    /// An entry of a table, if there is such a one.
    pub fn table_entry(&self, table: TableId, index: usize) -> Option<Val> {
        self.machine.with(|state| {
            let table = state.tables.get(table.index())?;
            let word = *table.get(index)?;
            let layout = &state.loaded.compiled().layout;
            Some(state.context.value_of(layout, Type::FuncRef, word.into()))
        })
    }
}

impl Driven for Instance {
    fn step(&mut self) -> Step {
        self.machine.step()
    }

    fn has_work(&self) -> bool {
        self.machine.with(|state| {
            let executor = &state.executor;
            let can_run =
                !executor.is_queue_empty() || executor.has_again() || executor.has_woken();
            can_run || state.wakes.any()
        })
    }

    fn is_busy(&self) -> bool {
        let waits = |state: &mut State| {
            let executor = &state.executor;
            executor.has_timers() || executor.waits_for_host()
        };
        self.has_work() || self.machine.with(waits)
    }

    fn newest_timer(&self) -> Option<u64> {
        self.machine.with(|state| state.executor.newest_timer())
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.drop_tasks();
        // Futures of the host are gone, and wakers that are left find nobody.
        self.machine.with(|state| state.wakes.close());
        // SAFETY: the instance is the owner of its machine; no compiled code runs, since that
        // would borrow the instance.
        unsafe { self.machine.release() };
    }
}

fn resolve_imports(
    module: &Module,
    imports: &Imports,
    wakes: &Arc<Wakes>,
) -> Result<Vec<Import>, Error> {
    let resolve = |kind: &FunctionKind| {
        let FunctionKind::Import {
            namespace,
            name,
            signature,
        } = kind
        else {
            return Ok(Import::None);
        };
        let (import, wanted) = match (namespace.as_str(), name.as_str()) {
            (BUILTIN, "yield") => (Import::None, Signature::asynchronous(&[], &[])),
            (BUILTIN, "out_of_fuel") => (Import::OutOfFuel, Signature::asynchronous(&[], &[])),
            (BUILTIN, "collect") => (Import::Collect, Signature::sync(&[], &[])),
            (BUILTIN, "sleep") => (Import::Sleep, Signature::asynchronous(&[Type::I64], &[])),
            (BUILTIN, "test") => {
                let signature = Signature::asynchronous(&[Type::I64], &[Type::I64]);
                (Import::Test, signature)
            }
            place => {
                let import = imports.link(place, signature, wakes)?;
                return Ok(Import::Host(Arc::new(import), None));
            }
        };
        if *signature == wanted {
            return Ok(import);
        }
        Err(Error::Load(format!(
            "the signature of \"{namespace}\" \"{name}\" is {wanted}, not {signature}"
        )))
    };
    module
        .functions
        .values()
        .map(|decl| resolve(&decl.kind))
        .collect()
}

fn make_memories(
    loaded: &LoadedModule,
    shared: &KeyedHashMap<String, SharedMemory>,
) -> Result<Vec<LinearMemory>, Error> {
    let (module, pages) = (loaded.module(), &loaded.memory.pages);
    let make = |decl: &MemoryDecl| match shared.get(&decl.name) {
        Some(shared) => LinearMemory::of(shared, decl),
        None => LinearMemory::new(pages, decl),
    };
    let mut memories: Vec<_> = module
        .memories
        .values()
        .map(make)
        .collect::<Result<_, _>>()?;
    for data in module.data.values() {
        let Some((memory, at)) = data.place else {
            continue;
        };
        let written = memories[memory.index()].write(at, &data.bytes);
        let outside = |_: TrapCode| Error::Load(format!("data `%{}` does not fit", data.name));
        written.map_err(outside)?;
    }
    Ok(memories)
}
