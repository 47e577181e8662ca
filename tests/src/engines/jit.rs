//! Machine code of this host: compiled once, an instance for every run.

use super::Engine;
use crate::host::{self, Failure};
use crate::observed::{Call, Ending, Fuel, Observed, Stats, all_seen, list};
use enjamb_abi::code::{CodeOptions, RegisterAllocator};
use enjamb_codegen::{CompileOptions, compile};
use enjamb_ir::{Entity, Export, FuelSupply, MemoryId, Module, Schedule, Val};
use enjamb_runtime::{ClockKind, Error, HostError, Imports, Instance, LoadedModule, Options};
use std::sync::{Arc, Mutex};
use std::thread;

/// Bytes of stack for compiled code; a thread of the test harness has twice as many.
const STACK_SIZE: usize = 1 << 20;

/// Bytes of continuations that a program may use.
const CONTINUATION_LIMIT: u64 = 256 << 20;

/// Compiled code, under one choice of settings.
#[derive(Clone, Debug)]
pub struct Jit {
    name: String,
    count: bool,
    reuse: bool,
    way: Way,
    fuel: FuelSupply,
    loaded: Arc<LoadedModule>,
}

/// In which way code is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// As it is for everybody.
    Plain,
    /// Everything moves at every safepoint.
    Moving,
    /// What is dead is overwritten.
    Poisoned,
    /// The first turns are taken on threads of their own.
    OtherThreads,
}

impl Way {
    /// What it adds to the name of an engine.
    fn name(self) -> &'static str {
        match self {
            Way::Plain => "",
            Way::Moving => ", everything moving",
            Way::Poisoned => ", what is dead poisoned",
            Way::OtherThreads => ", resumed on other threads",
        }
    }
}

/// The turns of a call that are taken on threads of their own, if any are.
const TURNS_ON_OTHER_THREADS: usize = 8;

/// Whether there is a back end for this host.
pub const SUPPORTED: bool = cfg!(all(
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_os = "linux"
));

/// The settings under which every program is compiled. Code that counts takes other ways through
/// the allocation of continuations, so each allocator also runs without. What the single pass makes has
/// branch protection, where that makes a difference. Name, allocator, whether it counts, whether it reuses continuations.
const SETTINGS: [(&str, RegisterAllocator, bool, bool); 4] = [
    ("the JIT", RegisterAllocator::Backtracking, false, true),
    (
        "the JIT, single pass",
        RegisterAllocator::SinglePass,
        false,
        true,
    ),
    (
        "the JIT, counting",
        RegisterAllocator::Backtracking,
        true,
        true,
    ),
    (
        "the JIT, single pass, nothing reused",
        RegisterAllocator::SinglePass,
        true,
        false,
    ),
];

impl Jit {
    /// Compiles a module under all settings, the register allocation checked. Every instance has this
    /// much fuel. The first code also runs with everything dead poisoned, and on other threads. Where there
    /// are objects, all code also runs with a collection at every safepoint.
    ///
    /// # Errors
    /// If the compiler refuses the module.
    pub fn all(module: &Module, fuel: FuelSupply) -> Result<Vec<Jit>, String> {
        let module = Arc::new(module.clone());
        let compiled = SETTINGS.iter().map(|&(name, allocator, count, reuse)| {
            let code = CodeOptions {
                allocator,
                count,
                check: true,
                reuse_continuations: reuse,
                branch_protection: allocator == RegisterAllocator::SinglePass,
                ..CodeOptions::default()
            };
            let options = CompileOptions {
                code,
                verify_passes: true,
                ..CompileOptions::default()
            };
            let fails = |error: String| format!("{name} does not compile it: {error}");
            let compiled =
                compile(Arc::clone(&module), &options).map_err(|error| fails(error.to_string()))?;
            let loaded = LoadedModule::new(Arc::new(compiled));
            Ok(Jit {
                name: name.to_string(),
                count,
                reuse,
                way: Way::Plain,
                fuel,
                loaded: loaded.map_err(|error| fails(error.to_string()))?,
            })
        });
        let compiled: Vec<Jit> = compiled.collect::<Result<_, String>>()?;
        let others = [Way::Poisoned, Way::OtherThreads];
        let others: Vec<Jit> = others.map(|way| compiled[0].in_way(way)).to_vec();
        let moving = compiled.iter().filter(|_| !module.object_types.is_empty());
        let moving: Vec<Jit> = moving.map(|jit| jit.in_way(Way::Moving)).collect();
        Ok([compiled, others, moving].concat())
    }

    /// The same code, run in another way.
    fn in_way(&self, way: Way) -> Jit {
        Jit {
            name: format!("{}{}", self.name, way.name()),
            way,
            ..self.clone()
        }
    }

    /// Does a call.
    fn call(&self, instance: &mut Instance, call: &Call) -> Result<Vec<Val>, Error> {
        let module = self.loaded.module();
        let function = module.exported_function(&call.function);
        let function = function.ok_or_else(|| Error::BadCall("it is gone".to_string()))?;
        let is_async = module.functions[function].signature().is_async;
        if self.way != Way::OtherThreads || !is_async {
            return instance.call(function, &call.args);
        }
        let task = instance.spawn(function, &call.args)?;
        for _ in 0..TURNS_ON_OTHER_THREADS {
            if instance.is_done(task)? {
                break;
            }
            thread::scope(|scope| scope.spawn(|| instance.step()).join())
                .map_err(|_| Error::BadCall("a turn panicked".to_string()))?;
        }
        instance.run_until(task)
    }
}

/// Calls of host functions as text, shared with the functions that record them.
type Recorded = Arc<Mutex<Vec<String>>>;

impl Engine for Jit {
    fn name(&self) -> &str {
        &self.name
    }

    fn is_complete(&self) -> bool {
        self.count && self.reuse && self.way == Way::Plain
    }

    fn run(&self, calls: &[Call], schedule: Schedule) -> Result<(Observed, Stats), String> {
        let options = Options {
            schedule,
            clock: ClockKind::Virtual,
            stack_size: STACK_SIZE,
            continuation_limit: CONTINUATION_LIMIT,
            count: self.count,
            fuel: self.fuel,
            gc_stress: self.way == Way::Moving,
            poison: self.way == Way::Poisoned,
            ..Options::default()
        };
        let module = self.loaded.module();
        let recorded = Recorded::default();
        let has_heap = !module.object_types.is_empty();
        let imports = imports(&recorded, has_heap);
        let instance = Instance::new(Arc::clone(&self.loaded), imports, options);
        let mut instance = instance.map_err(|error| error.to_string())?;
        let mut observed = Observed::default();
        for call in calls {
            let result = self.call(&mut instance, call);
            let trace = result.as_ref().err().and_then(Error::trace).cloned();
            let ending = match result {
                Ok(results) => Ending::Results(results),
                Err(Error::Trap(trap)) => Ending::Trap(trap.code),
                Err(Error::Exception(thrown)) => Ending::Exception(thrown.exception),
                Err(other) => Ending::Broken(other.to_string()),
            };
            // Tasks that are left end with the call, as they do in the other engines.
            instance.drop_tasks();
            observed.add(call, ending, trace.as_ref());
        }
        observed.host_calls = recorded.lock().map_err(|error| error.to_string())?.clone();
        observed.fuel = Fuel {
            used: instance.stats().fuel_used,
            left: instance.fuel(),
        };
        look_at_exports(module, &instance, &mut observed)?;
        let stats = match self.count {
            true => counters(&instance.stats()),
            false => Stats::new(),
        };
        Ok((observed.without_handles(has_heap), stats))
    }
}

fn imports(recorded: &Recorded, has_heap: bool) -> Imports {
    let mut imports = Imports::new();
    for name in host::NAMES {
        let recorded = Arc::clone(recorded);
        imports.define_sync(host::NAMESPACE, name, move |_, args| {
            if let Ok(mut recorded) = recorded.lock() {
                recorded.push(format!("{name}({})", list(&all_seen(args, has_heap))));
            }
            host::call(name, args).map_err(|failure| match failure {
                Failure::Error(message) => HostError::from(message),
                Failure::Exception(exception) => HostError::from(exception),
            })
        });
    }
    imports
}

fn look_at_exports(
    module: &Module,
    instance: &Instance,
    observed: &mut Observed,
) -> Result<(), String> {
    for (name, export) in &module.exports {
        match *export {
            Export::Global(global) => {
                let value: Val = instance.global(global).ok_or("a global is gone")?;
                observed.globals.push((name.clone(), value));
            }
            Export::Memory(memory) => {
                let bytes = contents(instance, memory)?;
                observed.memories.push((name.clone(), bytes));
            }
            Export::Function(_) | Export::Table(_) => {}
        }
    }
    Ok(())
}

fn contents(instance: &Instance, memory: MemoryId) -> Result<Vec<u8>, String> {
    let size = instance.memory_size(memory);
    let size = size.ok_or_else(|| format!("memory {} is gone", memory.index()))?;
    let mut bytes = vec![0; size as usize];
    let read = instance.read_memory(memory, 0, &mut bytes);
    read.map_err(|error| error.to_string())?;
    Ok(bytes)
}

fn counters(stats: &enjamb_runtime::Stats) -> Stats {
    vec![
        ("suspensions", stats.suspensions),
        ("frames_suspended", stats.frames_suspended),
        ("resumptions", stats.resumptions),
        ("continuations_allocated", stats.continuations_allocated),
        ("continuations_live", stats.continuations_live),
        ("tasks_started", stats.tasks_started),
        ("tasks_finished", stats.tasks_finished),
        ("tasks_failed", stats.tasks_failed),
    ]
}
