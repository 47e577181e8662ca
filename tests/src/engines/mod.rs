//! Everything that can run a program, behind one interface.
//!
//! Nobody lists engines in a golden file: [`of_module`] makes all that there are, and each file runs
//! in each of them.

mod interpreter;
mod jit;

pub use interpreter::Interpreter;
pub use jit::{Jit, SUPPORTED};

use crate::observed::{Call, Observed, Stats};
use crate::stages;
use enjamb_ir::{FuelSupply, Module, Schedule};

/// Something that runs a program.
pub trait Engine {
    /// How messages call it.
    fn name(&self) -> &str;

    /// Whether it runs what all passes make, so that the counters that a header names hold.
    fn is_complete(&self) -> bool;

    /// Whether it runs what some passes make, and not all.
    fn is_stage(&self) -> bool {
        false
    }

    /// Whether counters of what a program does are those of all others that say so.
    fn counts(&self) -> bool {
        self.is_complete()
    }

    /// Makes an instance, does the calls and looks at what is left.
    ///
    /// # Errors
    /// If no instance can be made; no program of a test should lead to that.
    fn run(&self, calls: &[Call], schedule: Schedule) -> Result<(Observed, Stats), String>;

    /// The same under each of these schedules. Some engines do it at once, and all say `before` they go on with
    /// one of them.
    fn run_all(
        &self,
        calls: &[Call],
        schedules: &[Schedule],
        before: &(dyn Fn(Schedule) + Sync),
    ) -> Vec<Result<(Observed, Stats), String>> {
        let run = |&schedule: &Schedule| {
            before(schedule);
            self.run(calls, schedule)
        };
        schedules.iter().map(run).collect()
    }
}

/// Bytes of stack that a program may use.
const STACK_LIMIT: usize = 4 << 20;

/// Instructions that a call may take in the interpreter; a test that takes more hangs.
const INSTRUCTION_LIMIT: u64 = 50_000_000;

/// How many times as many it may take there once passes have changed the program, and the most that this is good for.
const MORE_INSTRUCTIONS: u64 = 64;
const MOST_INSTRUCTIONS: u64 = 4 * INSTRUCTION_LIMIT;

/// How a call ends that takes more.
pub const TOO_LONG: &str = "the call takes too many instructions";

/// The reference first, then every other engine. A module that runs on fuel is a source of fuel
/// checks; what it is without them no engine runs.
///
/// # Errors
/// If a pass or the compiler refuses the module.
pub fn of_module(module: &Module, fuel: FuelSupply) -> Result<Vec<Box<dyn Engine>>, String> {
    of_module_within(module, fuel, INSTRUCTION_LIMIT)
}

/// The same, with another limit on what a call may take in the interpreter on the source. Behind it there is a limit,
/// too, but one that only a program reaches which a pass has made to go on for ever.
///
/// # Errors
/// If a pass or the compiler refuses the module.
pub fn of_module_within(
    module: &Module,
    fuel: FuelSupply,
    instructions: u64,
) -> Result<Vec<Box<dyn Engine>>, String> {
    let module = &stages::after(module, "fuel")?;
    let interpreter = |name: &str, module: Module, complete: bool| {
        let name = format!("the interpreter {name}");
        Interpreter::new(name, module, complete).with_fuel(fuel)
    };
    let source = interpreter("on the source", module.clone(), false);
    let source = source.with_instruction_limit(instructions).of_source();
    let more = instructions.saturating_mul(MORE_INSTRUCTIONS);
    let more = more.min(MOST_INSTRUCTIONS).max(instructions);
    let mut engines: Vec<Box<dyn Engine>> = vec![Box::new(source)];
    for stage in stages::of_module(module)? {
        let name = format!("after {}", stage.name);
        let engine = interpreter(&name, stage.module, stage.complete);
        let engine = engine
            .with_instruction_limit(more)
            .of_stage(!stage.complete);
        engines.push(Box::new(engine.checking_roots(stage.rooted)));
    }
    if SUPPORTED {
        for jit in Jit::all(module, fuel)? {
            engines.push(Box::new(jit));
        }
    }
    Ok(engines)
}
