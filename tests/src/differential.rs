//! What is asked of a random program and of a random text: the logic of the fuzz targets, which also
//! runs in the tests.

use crate::engines::{self, Engine};
use crate::generate::{self, Program};
use crate::observed::{Ending, Observed};
use crate::report;
use enjamb_codegen::{CompileOptions, Target, compile};
use enjamb_ir::{FuelPolicy, FuelSupply, Schedule, Signature, Stage, parse_module, verify_module};
use std::sync::Arc;

/// A random program in every engine and under a few schedules.
///
/// # Errors
/// The first difference, with the program.
pub fn check_program(bytes: &[u8]) -> Result<(), String> {
    let program = generate::program(bytes).map_err(|error| format!("no program: {error}"))?;
    compare(&program).map_err(|reason| {
        let Program { module, call, .. } = &program;
        format!("{reason}\nthe call: {call}\nthe program:\n{module}")
    })
}

fn compare(program: &Program) -> Result<(), String> {
    let engines = engines::of_module(&program.module, FuelSupply::Unlimited)?;
    let mut natural: Option<Observed> = None;
    for schedule in [
        Schedule::Natural,
        Schedule::Never,
        Schedule::Always,
        Schedule::Random(1),
        Schedule::Only(1),
    ] {
        let Some(observed) = agreed(&engines, program, schedule)? else {
            return Ok(());
        };
        match &natural {
            Some(natural) if program.schedule_independent && *natural != observed => {
                let diff = report::diff(&natural.to_string(), &observed.to_string());
                return Err(format!("schedule {schedule} makes a difference\n{diff}"));
            }
            _ => {
                natural.get_or_insert(observed);
            }
        }
    }
    Ok(())
}

/// A random program in a module that runs on fuel: every engine uses as much, and runs out in the same
/// place, however little there is.
///
/// # Errors
/// The first difference, with the program.
pub fn check_fuel(bytes: &[u8]) -> Result<(), String> {
    let mut program = generate::program(bytes).map_err(|error| format!("no program: {error}"))?;
    let leaf = Signature::asynchronous(&[], &[]);
    let pause = (program.module)
        .declare_import("out_of_fuel", "enjamb", "out_of_fuel", leaf)
        .map_err(|error| error.to_string())?;
    let suspend = |debt| FuelPolicy::Suspend { pause, debt };
    let (policy, fuel) = match bytes.first().map_or(0, |byte| byte % 4) {
        0 => (FuelPolicy::Trap, FuelSupply::Budget(150)),
        1 => (suspend(None), FuelSupply::Slices(1)),
        2 => (suspend(Some(40)), FuelSupply::Slices(25)),
        _ => (suspend(None), FuelSupply::Unlimited),
    };
    program.module.fuel = Some(policy);
    let engines = engines::of_module(&program.module, fuel)?;
    agreed(&engines, &program, Schedule::Random(1)).map_err(|reason| {
        let Program { module, call, .. } = &program;
        format!("{fuel:?}: {reason}\nthe call: {call}\nthe program:\n{module}")
    })?;
    Ok(())
}

/// What all engines observe; `None` if the program takes too long for the interpreter.
fn agreed(
    engines: &[Box<dyn Engine>],
    program: &Program,
    schedule: Schedule,
) -> Result<Option<Observed>, String> {
    let calls = std::slice::from_ref(&program.call);
    let mut agreed: Option<Observed> = None;
    for engine in engines {
        let name = engine.name();
        let (observed, stats) = engine.run(calls, schedule)?;
        if let Ending::Broken(reason) = &observed.calls[0].1 {
            if reason == engines::TOO_LONG {
                return Ok(None);
            }
            return Err(format!("{name}, schedule {schedule}: {reason}"));
        }
        match &agreed {
            Some(reference) if !reference.agrees(&observed) => {
                let diff = report::diff(&reference.to_string(), &observed.to_string());
                let first = engines[0].name();
                return Err(format!(
                    "{name}, schedule {schedule}: differs from {first}\n{diff}"
                ));
            }
            _ => {
                agreed.get_or_insert(observed);
            }
        }
        let live = stats.iter().find(|(name, _)| *name == "continuations_live");
        if let Some((_, live)) = live.filter(|(_, live)| *live != 0) {
            return Err(format!(
                "{name}, schedule {schedule}: {live} continuations are left"
            ));
        }
    }
    Ok(agreed)
}

/// A text that may be anything: the parser answers, and what it accepts prints and parses back.
///
/// # Errors
/// What is different after printing.
pub fn check_text(text: &str) -> Result<(), String> {
    match parse_module(text) {
        Ok(module) => crate::stages::survives_printing(&module),
        Err(errors) if errors.diagnostics.is_empty() => {
            Err("an error without a reason".to_string())
        }
        Err(_) => Ok(()),
    }
}

/// A text that may be anything: what the verifier accepts compiles, every pass verified.
///
/// # Errors
/// Why it does not compile.
pub fn check_compiles(text: &str) -> Result<(), String> {
    let Ok(module) = parse_module(text) else {
        return Ok(());
    };
    if verify_module(&module).is_err()
        || module
            .bodies()
            .any(|(_, body)| body.stage == Stage::Lowered)
    {
        return Ok(());
    }
    let module = Arc::new(module);
    for target in Target::ALL {
        let options = CompileOptions {
            target: target.triple(),
            verify_passes: true,
            ..CompileOptions::default()
        };
        let compiled = compile(Arc::clone(&module), &options);
        compiled.map_err(|error| format!("{target}: {error}"))?;
    }
    Ok(())
}
