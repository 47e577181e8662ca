//! `enjamb run`.

use crate::args::{Clock, Engine as EngineArgument, FuelMode, Run};
use crate::input::Input;
use crate::trace;
use crate::watch;
use anyhow::{Context, Result, bail};
use enjamb::{Config, Engine, Error, Execution, Fuel, Imports, Instance, Module, Val};
use std::io::{self, Write};

/// Runs a function and prints its results.
pub fn execute(run: &Run, output: &mut impl Write) -> Result<()> {
    let input = Input::read(&run.file)?;
    let engine = Engine::new(config(run))?;
    let module = Module::from_named_text(&engine, &input.name, &input.text)
        .map_err(|error| input.explain(&error))?;
    let arguments = arguments(run, &module)?;
    let instance = Instance::new(&module, &Imports::new())?;
    let results = match run.watch {
        true => watch::call(&instance, run, &arguments)?,
        false => instance.call(&run.func, &arguments),
    };
    // They end with the program.
    instance.end_tasks()?;
    if run.stats {
        print_stats(&instance)?;
    }
    let results = results.map_err(|error| {
        let text = described(&instance, &error);
        trace::explain(&error, text, &run.file)
    });
    for result in results? {
        match result {
            // Its number is another one in each engine, and it ended with the call.
            Val::Task(_) => writeln!(output, "task")?,
            Val::Ref(_) => writeln!(output, "{}", object(&instance, result)?)?,
            _ => writeln!(output, "{result}")?,
        }
    }
    Ok(())
}

/// A reference: to which type, since its number is the engine's, too.
fn object(instance: &Instance, value: Val) -> Result<String> {
    let Some(reference) = enjamb::reference(value) else {
        return Ok(value.to_string());
    };
    let name = instance.objects().type_name(reference)?;
    Ok(format!("ref %{name}"))
}

/// What an error says, but of an object that was thrown its type and not its number.
fn described(instance: &Instance, error: &Error) -> String {
    let text = error.to_string();
    let payload = error
        .exception()
        .map(|thrown| Val::Ref(thrown.exception.payload));
    match payload.map(|payload| (payload, object(instance, payload))) {
        Some((payload, Ok(object))) => text.replacen(&payload.to_string(), &object, 1),
        _ => text,
    }
}

fn config(run: &Run) -> Config {
    Config::new()
        .execution(match run.engine {
            EngineArgument::Jit => Execution::Jit,
            EngineArgument::Interp => Execution::Interpreter,
        })
        .clock(match run.clock {
            Clock::Real => enjamb::Clock::Real,
            Clock::Virtual => enjamb::Clock::Virtual,
        })
        .schedule(run.suspend)
        .count(run.stats || run.watch)
        .heap_limit(run.heap_limit)
        .gc_stress(run.gc_stress)
        .branch_protection(run.branch_protection)
        .fuel(match (run.fuel, run.fuel_mode) {
            (None, _) => Fuel::Off,
            (Some(budget), FuelMode::Trap) => Fuel::Trap { budget },
            (Some(slice), FuelMode::Suspend) => Fuel::Suspend {
                slice,
                debt: run.fuel_debt,
            },
        })
        .trace(run.trace)
        .debug_info(run.debug_info)
        .perf_map(run.perf_map)
}

/// The arguments, by the types of the function's parameters.
fn arguments(run: &Run, module: &Module) -> Result<Vec<Val>> {
    let (name, texts) = (&run.func, run.arguments());
    let Some(signature) = module.signature(name) else {
        bail!(Error::NoExport {
            kind: "function",
            name: name.clone()
        });
    };
    let (expected, given) = (signature.params.len(), texts.len());
    if expected != given {
        let plural = if expected == 1 { "" } else { "s" };
        bail!("`{name}` is {signature} and takes {expected} argument{plural}, not {given}");
    }
    let mut arguments = Vec::new();
    for (&ty, text) in signature.params.iter().zip(texts) {
        let number = arguments.len() + 1;
        let value =
            Val::parse(ty, &text).with_context(|| format!("argument {number} of `{name}`"))?;
        arguments.push(value);
    }
    Ok(arguments)
}

fn print_stats(instance: &Instance) -> Result<()> {
    let mut errors = io::stderr().lock();
    for (name, value) in instance.stats()?.entries() {
        writeln!(errors, "{name}={value}")?;
    }
    Ok(())
}
