//! The interpreter, on the module as it was written or after some passes.

use super::Engine;
use crate::host::{self, Failure};
use crate::observed::{Call, Ending, Fuel, Observed, Stats, all_seen, list};
use crate::remains::{Objects, Tasks};
use enjamb_interp::{Clock, Error, HostError, Imports, Instance, Options};
use enjamb_ir::{Export, FuelSupply, Module, Schedule, TraceLimits, Val};

/// The interpreter, for one module.
#[derive(Clone, Debug)]
pub struct Interpreter {
    name: String,
    module: Module,
    complete: bool,
    is_source: bool,
    is_stage: bool,
    check_roots: bool,
    fuel: FuelSupply,
    instruction_limit: u64,
}

impl Interpreter {
    /// An engine with this name that runs this module, which the verifier accepts.
    pub fn new(name: String, module: Module, complete: bool) -> Self {
        Interpreter {
            name,
            module,
            complete,
            is_source: false,
            is_stage: false,
            check_roots: false,
            fuel: FuelSupply::Unlimited,
            instruction_limit: super::INSTRUCTION_LIMIT,
        }
    }

    /// The same for what machine code is made from.
    pub fn of_source(self) -> Self {
        Interpreter {
            is_source: true,
            ..self
        }
    }

    /// The same for what only some passes have made, if that `holds`.
    pub fn of_stage(self, holds: bool) -> Self {
        Interpreter {
            is_stage: holds,
            ..self
        }
    }

    /// The same for a module whose references are in root slots, if that `holds`: then each use of one
    /// that a collection might have moved is a fault.
    pub fn checking_roots(self, holds: bool) -> Self {
        Interpreter {
            check_roots: holds,
            ..self
        }
    }

    /// The same with this much fuel for every instance.
    pub fn with_fuel(self, fuel: FuelSupply) -> Self {
        Interpreter { fuel, ..self }
    }

    /// The same with another limit on the instructions of a call.
    pub fn with_instruction_limit(self, instruction_limit: u64) -> Self {
        Interpreter {
            instruction_limit,
            ..self
        }
    }
}

impl Engine for Interpreter {
    fn name(&self) -> &str {
        &self.name
    }

    fn is_complete(&self) -> bool {
        self.complete
    }

    fn is_stage(&self) -> bool {
        self.is_stage
    }

    fn run(&self, calls: &[Call], schedule: Schedule) -> Result<(Observed, Stats), String> {
        let has_heap = !self.module.object_types.is_empty();
        let options = Options {
            schedule,
            clock: Clock::Virtual,
            stack_limit: super::STACK_LIMIT,
            fuel: self.fuel,
            check_roots: self.check_roots && has_heap,
            instruction_limit: Some(self.instruction_limit),
            record_host_calls: true,
            ..Options::default()
        };
        let instance = Instance::new(&self.module, imports(), options);
        let mut instance = instance.map_err(|error| error.to_string())?;
        let mut observed = Observed::default();
        for call in calls {
            let called = instance.round();
            let called = called.and_then(|()| instance.call(&call.function, &call.args));
            let (ending, trace) = match called {
                Ok(results) => (Ending::Results(results), None),
                Err(Error::Trap(trap)) => (Ending::Trap(trap.code), Some(trap.trace)),
                Err(Error::Exception(uncaught)) => {
                    let ending = Ending::Exception(uncaught.exception);
                    (ending, Some(uncaught.trace))
                }
                Err(other) => (Ending::Broken(other.to_string()), None),
            };
            let trace = trace.filter(|_| self.is_source);
            observed.add(call, ending, trace.as_ref());
        }
        let mut cursor = instance.task_cursor();
        let tasks = || instance.next_task(&mut cursor, TraceLimits::default());
        observed.tasks = Some(Tasks::of(std::iter::from_fn(tasks), self.is_source));
        instance.drop_tasks();
        let calls = instance.host_calls().iter();
        for call in calls.filter(|call| call.name != host::LATER) {
            let text = format!("{}({})", call.name, list(&all_seen(&call.args, has_heap)));
            observed.host_calls.push(text);
        }
        observed.fuel = Fuel {
            used: instance.stats().fuel_used,
            left: instance.fuel(),
        };
        observed.context = instance.context();
        look_at_exports(&self.module, &instance, &mut observed)?;
        if has_heap {
            let objects = Objects::of(&self.module, &mut instance, observed.handles());
            observed.objects = Some(objects.map_err(|error| error.to_string())?);
        }
        let observed = observed.without_handles(has_heap);
        Ok((observed, counters(&instance.stats())))
    }
}

fn look_at_exports(
    module: &Module,
    instance: &Instance<'_>,
    observed: &mut Observed,
) -> Result<(), String> {
    for (name, export) in &module.exports {
        match export {
            Export::Global(_) => {
                let value = instance.global(name).ok_or("an exported global is gone")?;
                observed.globals.push((name.clone(), value));
            }
            Export::Memory(_) => {
                let memory = instance.memory(name).ok_or("an exported memory is gone")?;
                let mut bytes = vec![0; memory.size() as usize];
                memory
                    .read(0, &mut bytes)
                    .map_err(|error| error.to_string())?;
                observed.memories.push((name.clone(), bytes));
            }
            Export::Function(_) | Export::Table(_) => {}
        }
    }
    for (table, decl) in module.tables.iter() {
        let entries = 0..decl.entries.len();
        let entries = entries.map_while(|index| instance.table_entry(table, index));
        observed.tables.push((decl.name.clone(), entries.collect()));
    }
    Ok(())
}

fn imports<'a>() -> Imports<'a> {
    let mut imports = Imports::new();
    for name in host::NAMES {
        let function = move |args: &[Val]| {
            host::call(name, args).map_err(|failure| match failure {
                Failure::Error(message) => HostError::Failed(message),
                Failure::Exception(exception) => HostError::Threw(exception),
            })
        };
        imports = imports.throwing_function(host::NAMESPACE, name, move |_, args| function(args));
    }
    imports
}

fn counters(stats: &enjamb_interp::Stats) -> Stats {
    vec![
        ("suspensions", stats.suspensions),
        ("frames_suspended", stats.frames_suspended),
        ("resumptions", stats.resumptions),
        ("continuations_allocated", stats.continuations_allocated),
        ("continuations_live", stats.continuations_live),
        ("tasks_started", stats.tasks_started),
        ("tasks_finished", stats.tasks_finished),
        ("tasks_failed", stats.tasks_failed),
        ("instructions", stats.instructions),
        ("leaf_calls", stats.leaf_calls),
    ]
}
