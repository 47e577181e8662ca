//! Machine code as a backend.

use crate::backend::{Access, Backend, Started, Task};
use crate::caller::Caller;
use crate::config::{Allocator, Clock, Config};
use crate::drivers::{Drivable, Drivers};
use crate::error::{Error, Thrown, Trap};
use crate::host::HostFunction;
use crate::instance::WeakInstance;
use crate::monitor::Paper;
use crate::objects::has_heap;
use crate::remote::raised;
use crate::shared_memory::SharedMemory;
use crate::spawner::Spawner;
use crate::stats::Stats;
use enjamb_abi::code::{CodeOptions, RegisterAllocator};
use enjamb_codegen::{CompileError, CompileOptions, CompiledModule, compile, compile_replacement};
use enjamb_ir::hash::KeyedIndexMap;
use enjamb_ir::host_objects::HostObjects;
use enjamb_ir::{
    FuncId, FunctionKind, GlobalId, Location, MemoryId, Module, TaskCursor, TaskInfo, Trace,
    TraceLimits, Val, Watcher,
};
use enjamb_runtime::{
    ClockKind, Guest, HostContext, Imports, Instance, LoadOptions, LoadedModule, Operation,
    Options, Spare, Step,
};
use std::sync::Arc;
use std::task::{Poll, Waker};

/// Code of a module, ready to run.
pub(crate) struct Code {
    loaded: Arc<LoadedModule>,
    size: u64,
}

impl Code {
    /// Compiles a verified module.
    pub(crate) fn compile(module: &Arc<Module>, config: &Config) -> Result<Code, Error> {
        Code::make(module, config, |options| {
            compile(Arc::clone(module), options)
        })
    }

    /// Compiles a verified module for an instance of another one, where its functions take the place of others.
    fn replacing(
        instance: &Instance,
        module: &Arc<Module>,
        config: &Config,
    ) -> Result<Code, Error> {
        Code::make(module, config, |options| {
            compile_replacement(Arc::clone(module), options, &instance.layout())
        })
    }

    fn make(
        module: &Arc<Module>,
        config: &Config,
        compile: impl FnOnce(&CompileOptions) -> Result<CompiledModule, CompileError>,
    ) -> Result<Code, Error> {
        let allocator = match config.allocator {
            Allocator::Backtracking => RegisterAllocator::Backtracking,
            Allocator::SinglePass => RegisterAllocator::SinglePass,
        };
        let code = CodeOptions {
            allocator,
            count: config.count,
            branch_protection: config.branch_protection,
            debug_info: config.debug_info,
            write_barrier: wants_write_barrier(module, config),
            replaceable: config.replaceable,
            ..CodeOptions::default()
        };
        let options = CompileOptions {
            code,
            ..CompileOptions::default()
        };
        let compiled = compile(&options).map_err(|error| Error::Compile(error.to_string()))?;
        let size = compiled.bytes.len() as u64;
        let options = LoadOptions {
            debugger: config.debug_info,
            perf_map: config.perf_map,
            memory: config.memory.clone(),
        };
        let loaded = LoadedModule::with_options(Arc::new(compiled), &options);
        let loaded = loaded.map_err(|error| match error {
            enjamb_runtime::Error::Load(reason) | enjamb_runtime::Error::System(reason) => {
                Error::Load(reason)
            }
            other => failure(other),
        })?;
        Ok(Code { loaded, size })
    }

    /// Bytes of code and read-only records.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }
}

/// Whether the heaps of instances want to hear of each reference that is written.
fn wants_write_barrier(module: &Module, config: &Config) -> bool {
    let heap = config.heap.as_ref().filter(|_| has_heap(module));
    heap.is_some_and(|heap| heap.make().wants_write_barrier())
}

/// An instance that runs as machine code.
pub(crate) struct MachineCode {
    module: Arc<Module>,
    instance: Instance,
    drivers: Drivers,
}

impl MachineCode {
    pub(crate) fn new(
        code: &Code,
        module: Arc<Module>,
        functions: Vec<Option<HostFunction>>,
        memories: &KeyedIndexMap<String, SharedMemory>,
        config: &Config,
    ) -> Result<Self, Error> {
        let options = Options {
            schedule: config.schedule,
            clock: match config.clock {
                Clock::Real => ClockKind::Real,
                Clock::Virtual => ClockKind::Virtual,
            },
            stack_size: config.stack_size,
            continuation_limit: config.memory_limit as u64,
            continuation_chunk: config.continuation_chunk,
            heap_limit: config.heap_limit as u64,
            gc_stress: config.gc_stress,
            poison: config.gc_stress,
            fuel: config.fuel.supply(),
            trace: config.trace,
            count: config.count,
        };
        let mut imports = imports(&module, functions);
        for (name, memory) in memories {
            imports.define_memory(name, &memory.0);
        }
        let loaded = Arc::clone(&code.loaded);
        let instance = match &config.heap {
            Some(heap) => Instance::with_heap(loaded, imports, options, || heap.make()),
            None => Instance::new(loaded, imports, options),
        };
        let instance = instance.map_err(failure)?;
        Ok(MachineCode {
            module,
            drivers: Drivers::new(instance.wakes()),
            instance,
        })
    }
}

/// The host functions as the runtime calls them.
fn imports(module: &Arc<Module>, functions: Vec<Option<HostFunction>>) -> Imports {
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
        let code = move |context: &mut HostContext<'_>, words: &mut [u64]| {
            let waker = context.waker();
            let caller = Caller::new(&module, context, waker);
            let pending = (function.code)(&caller, words).map_err(|error| raised(&*error))?;
            Ok(pending.map(|pending| pending as Operation))
        };
        imports.define_words(namespace, name, Box::new(code));
    }
    imports
}

impl Backend for MachineCode {
    fn give_turns(&mut self) {
        self.drivers.give_turns(&mut self.instance);
    }

    fn call(&mut self, function: FuncId, words: &mut [u64]) -> Result<(), Error> {
        let signature = self.module.functions[function].signature();
        let arguments = Val::from_words(&signature.params, words);
        let results = self.instance.call(function, &arguments);
        let results = Val::to_words(&results.map_err(failure)?);
        words[..results.len()].copy_from_slice(&results);
        Ok(())
    }

    fn start(&mut self, function: FuncId, words: &mut [u64]) -> Result<Started, Error> {
        if !self.module.functions[function].signature().is_async {
            return self.call(function, words).map(|()| Started::Finished);
        }
        let task = self.instance.start(function, words);
        let Some(task) = task.map_err(failure)? else {
            return Ok(Started::Finished);
        };
        match self.instance.outcome(task, words) {
            Ok(None) => {
                self.drivers.arrive();
                Ok(Started::Task(task))
            }
            Ok(Some(Ok(()))) => Ok(Started::Finished),
            Ok(Some(Err(error))) | Err(error) => Err(failure(error)),
        }
    }

    fn poll(&mut self, task: Task, words: &mut [u64], waker: &Waker) -> Poll<Result<(), Error>> {
        let party = task.party();
        let guest = Guest { party, waker };
        let (drivers, instance) = (&mut self.drivers, &mut self.instance);
        let result = drivers.turns(instance, guest, |instance, step| {
            if step == Some(Step::Idle)
                && let Err(error) = instance.give_up(task)
            {
                return Some(Err(error));
            }
            instance
                .outcome(task, words)
                .unwrap_or_else(|error| Some(Err(error)))
        });
        if result.is_ready() {
            self.drivers.leave(&self.instance, party);
        }
        result.map_err(failure)
    }

    fn abandon(&mut self, task: Task) {
        // A call whose results were taken has left, even if telling the others of that has panicked.
        if self.instance.abandon(task) {
            self.drivers.leave(&self.instance, task.party());
        }
    }

    fn cancel(&mut self, task: Task) {
        self.instance.cancel(task);
        self.hand_over();
    }

    fn outcome(&mut self, task: Task, words: &mut [u64]) -> Option<Result<(), Error>> {
        let outcome = self.instance.outcome(task, words);
        let outcome = outcome.unwrap_or_else(|error| Some(Err(error)))?;
        self.drivers.leave(&self.instance, task.party());
        Some(outcome.map_err(failure))
    }

    fn has_ended(&self, task: Task) -> bool {
        self.instance.has_ended(task)
    }

    fn detach(&mut self, task: Task) {
        if self.instance.detach(task) {
            self.drivers.leave(&self.instance, task.party());
        }
    }

    fn end_tasks(&mut self) {
        self.instance.end_tasks();
    }

    fn begin_driving(&mut self) -> u64 {
        self.drivers.begin()
    }

    fn drive(&mut self, party: u64, waker: &Waker) -> Poll<()> {
        self.drivers.drive(&mut self.instance, party, waker)
    }

    fn end_driving(&mut self, party: u64) {
        self.drivers.leave(&self.instance, party);
    }

    fn hand_over(&mut self) {
        self.drivers.hand_over(&self.instance);
    }

    fn set_spawner(&mut self, spawner: Spawner, instance: WeakInstance) {
        self.drivers.set_spawner(spawner, instance);
    }

    fn leave_driving(&mut self, party: Option<u64>, is_refused: bool) {
        let (drivers, instance) = (&mut self.drivers, &self.instance);
        drivers.end_spawned(instance, party, is_refused);
    }

    fn leave(&mut self) {
        self.drivers.ask_spawner(&self.instance);
    }

    fn replace(&mut self, function: FuncId, module: &crate::Module) -> Result<(), Error> {
        let (ir, config) = (module.shared_ir(), module.engine().config());
        // The code that the module has is good unless it names signatures that this instance has elsewhere.
        let own = module.code().map(|code| &code.loaded);
        let layout = self.instance.layout();
        let fits = |loaded: &&Arc<LoadedModule>| layout.fits(&loaded.compiled().layout);
        let loaded = match own.filter(fits) {
            Some(loaded) => Arc::clone(loaded),
            None => Code::replacing(&self.instance, ir, config)?.loaded,
        };
        let replaced = self.instance.replace(function, &loaded);
        replaced.map_err(failure)
    }

    fn access(&mut self) -> &mut dyn Access {
        &mut self.instance
    }

    fn watch(&mut self, paper: Paper) -> Waker {
        let asked = paper.asked();
        let publish = Box::new(move |numbers, heap| paper.write(stats(&numbers).with_heap(heap)));
        self.instance.watch(Watcher::new(asked, publish))
    }

    fn fuel(&self) -> i64 {
        self.instance.fuel()
    }

    fn set_fuel(&mut self, amount: i64) {
        self.instance.set_fuel(amount);
    }
}

impl Drivable for Instance {
    fn round(&mut self) {
        Instance::round(self);
    }
}

/// Both an instance and what it shows to a host function have these methods.
macro_rules! reach_memories_and_globals {
    ($state:ty $(, $more:item)?) => {
        impl Access for $state {
            $($more)?
            fn memory_size(&self, memory: MemoryId) -> u64 {
                <$state>::memory_size(self, memory).unwrap_or(0)
            }
            fn memory_read(&self, memory: MemoryId, offset: u64, bytes: &mut [u8]) -> bool {
                self.read_memory(memory, offset, bytes).is_ok()
            }
            fn memory_write(&mut self, memory: MemoryId, offset: u64, bytes: &[u8]) -> bool {
                self.write_memory(memory, offset, bytes).is_ok()
            }
            fn memory_grow(&mut self, memory: MemoryId, pages: u64) -> Option<u64> {
                self.grow_memory(memory, pages)
            }
            fn with_objects(&mut self, visit: &mut dyn FnMut(&mut dyn HostObjects)) {
                visit(self.objects());
            }
            fn global_get(&mut self, global: GlobalId) -> Option<Val> {
                self.global(global)
            }
            fn stacks(&self, limits: TraceLimits) -> Vec<Trace> {
                <$state>::stacks(self, limits)
            }
            fn stats(&self) -> Stats {
                stats(&<$state>::stats(self))
            }
            fn task_cursor(&self) -> TaskCursor {
                <$state>::task_cursor(self)
            }
            fn next_task(&self, cursor: &mut TaskCursor, limits: TraceLimits) -> Option<TaskInfo> {
                <$state>::next_task(self, cursor, limits)
            }
            fn context(&self) -> i64 {
                <$state>::context(self)
            }
            fn set_context(&mut self, word: i64) {
                <$state>::set_context(self, word);
            }
            fn global_set(&mut self, global: GlobalId, value: Val) -> bool {
                self.set_global(global, value).is_ok()
            }
        }
    };
}

reach_memories_and_globals!(Instance);
reach_memories_and_globals!(
    HostContext<'_>,
    fn spare(&mut self) -> Option<&mut Spare> {
        HostContext::spare(self)
    }
);

/// The numbers of the runtime under their common names.
fn stats(stats: &enjamb_runtime::Stats) -> Stats {
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
        cancellations_cut_short: stats.cancellations_cut_short,
        handlers_skipped: stats.handlers_skipped,
        task_bytes: stats.task_bytes,
        host_calls: stats.host_calls,
        host_calls_pending: stats.host_calls_pending,
        fuel_used: stats.fuel_used,
        ..Stats::default()
    }
}

fn failure(error: enjamb_runtime::Error) -> Error {
    match error {
        enjamb_runtime::Error::Trap(trap) => {
            let trap = *trap;
            let location = trap.function_name.map(|function| Location {
                function,
                instruction: trap.instruction.unwrap_or_default(),
                position: trap.place,
            });
            Error::Trap(Box::new(Trap {
                code: trap.code,
                location,
                message: trap.message,
                trace: trap.trace,
            }))
        }
        enjamb_runtime::Error::Exception(thrown) => Error::Exception(Box::new(Thrown {
            exception: thrown.exception,
            location: thrown.location,
            message: thrown.message,
            trace: thrown.trace,
        })),
        enjamb_runtime::Error::Load(reason) | enjamb_runtime::Error::System(reason) => {
            Error::Instantiate(reason)
        }
        other => Error::Internal(other.to_string()),
    }
}
