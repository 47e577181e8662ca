//! What is asked of a random program and of a random text: the logic of the fuzz targets, which also
//! runs in the tests.

use crate::engines::{self, Engine};
use crate::generate::{self, Program};
use crate::observed::{Ending, Observed};
use crate::report;
use enjamb_codegen::{CompileOptions, compile};
use enjamb_ir::{Schedule, Stage, parse_module, verify_module};
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
    let engines = engines::of_module(&program.module)?;
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
            if reason == engines::OUT_OF_FUEL {
                return Ok(None);
            }
            return Err(format!("{name}, schedule {schedule}: {reason}"));
        }
        match &agreed {
            Some(reference) if *reference != observed => {
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
        || engines::has_exceptions(&module)
        || module
            .bodies()
            .any(|(_, body)| body.stage == Stage::Lowered)
    {
        return Ok(());
    }
    let options = CompileOptions {
        target: "x86_64-unknown-linux-gnu"
            .parse()
            .map_err(|_| "no such target")?,
        verify_passes: true,
        ..CompileOptions::default()
    };
    match compile(Arc::new(module), &options) {
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}
