//! Machine code of this host: compiled once, an instance for every run.

use super::Engine;
use crate::host::{self, Failure};
use crate::observed::{Call, Ending, Fuel, Observed, Stats, all_seen, list};
use enjamb_abi::code::{CodeOptions, RegisterAllocator};
use enjamb_codegen::{CompileOptions, compile};
use enjamb_ir::{Entity, Export, FuelSupply, MemoryId, Module, Schedule, Val};
use enjamb_runtime::{ClockKind, Error, HostError, Imports, Instance, LoadedModule, Options};
use std::sync::{Arc, Mutex};

/// Bytes of stack for compiled code; a thread of the test harness has twice as many.
const STACK_SIZE: usize = 1 << 20;

/// Bytes of continuations that a program may use.
const CONTINUATION_LIMIT: u64 = 256 << 20;

/// Compiled code, under one choice of settings.
#[derive(Clone, Debug)]
pub struct Jit {
    name: String,
    count: bool,
    /// Whether everything moves at every safepoint.
    gc_stress: bool,
    fuel: FuelSupply,
    loaded: Arc<LoadedModule>,
}

/// Whether there is a back end for this host.
pub const SUPPORTED: bool = cfg!(all(
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_os = "linux"
));

/// The settings under which every program is compiled. Code that counts takes other ways through
/// the allocation of continuations, so each allocator also runs without. What the single pass makes has
/// branch protection, where that makes a difference.
const SETTINGS: [(&str, RegisterAllocator, bool); 3] = [
    ("the JIT", RegisterAllocator::Backtracking, false),
    ("the JIT, single pass", RegisterAllocator::SinglePass, false),
    ("the JIT, counting", RegisterAllocator::Backtracking, true),
];

impl Jit {
    /// Compiles a module under all settings, the register allocation checked. Every instance has this
    /// much fuel. Where there are objects, the same code also runs with a collection at every safepoint.
    ///
    /// # Errors
    /// If the compiler refuses the module.
    pub fn all(module: &Module, fuel: FuelSupply) -> Result<Vec<Jit>, String> {
        let module = Arc::new(module.clone());
        let compiled = SETTINGS.iter().map(|&(name, allocator, count)| {
            let code = CodeOptions {
                allocator,
                count,
                check: true,
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
                gc_stress: false,
                fuel,
                loaded: loaded.map_err(|error| fails(error.to_string()))?,
            })
        });
        let compiled: Vec<Jit> = compiled.collect::<Result<_, String>>()?;
        let stressed = compiled.iter().filter(|_| !module.object_types.is_empty());
        let stressed: Vec<Jit> = stressed.map(Jit::stressed).collect();
        Ok([compiled, stressed].concat())
    }

    /// The same code with a collection at every safepoint.
    fn stressed(&self) -> Jit {
        Jit {
            name: format!("{}, everything moving", self.name),
            gc_stress: true,
            ..self.clone()
        }
    }
}

/// Calls of host functions as text, shared with the functions that record them.
type Recorded = Arc<Mutex<Vec<String>>>;

impl Engine for Jit {
    fn name(&self) -> &str {
        &self.name
    }

    fn is_complete(&self) -> bool {
        self.count && !self.gc_stress
    }

    fn run(&self, calls: &[Call], schedule: Schedule) -> Result<(Observed, Stats), String> {
        let options = Options {
            schedule,
            clock: ClockKind::Virtual,
            stack_size: STACK_SIZE,
            continuation_limit: CONTINUATION_LIMIT,
            count: self.count,
            fuel: self.fuel,
            gc_stress: self.gc_stress,
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
            let function = module.exported_function(&call.function);
            let function = function.ok_or("a function that a header names is gone")?;
            let result = instance.call(function, &call.args);
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
    ]
}
