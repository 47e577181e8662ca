//! An engine that is wrong on purpose, to see that differences and crashes are found and reduced.

use clap::ValueEnum;
use enjamb_ir::{FuelSupply, Module, Opcode, Schedule};
use enjamb_tests::engines::{self, Engine, Interpreter};
use enjamb_tests::observed::{Call, Observed, Stats};
use enjamb_tests::stages;

/// What is wrong with the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Plant {
    /// It takes sums, products and exclusive ors for `bor`.
    Difference,
    /// It ends the process if the module multiplies.
    Crash,
}

/// The name of the engine that is wrong.
pub const PLANTED: &str = "the planted engine";

/// The engines of a module, with the planted one behind them.
pub fn engines(
    module: &Module,
    fuel: FuelSupply,
    instructions: u64,
    plant: Option<Plant>,
) -> Result<Vec<Box<dyn Engine>>, String> {
    let mut engines = engines::of_module_within(module, fuel, instructions)?;
    match plant {
        None => {}
        Some(Plant::Difference) => {
            let module = confused(module);
            engines.push(interpreter(PLANTED, &module, fuel, instructions)?);
        }
        Some(Plant::Crash) if uses(module, Opcode::Imul) => engines.push(Box::new(Crashing)),
        Some(Plant::Crash) => {}
    }
    Ok(engines)
}

/// An engine that is the interpreter.
pub fn interpreter(
    name: &str,
    module: &Module,
    fuel: FuelSupply,
    instructions: u64,
) -> Result<Box<dyn Engine>, String> {
    let module = stages::after(module, "fuel")?;
    let engine = Interpreter::new(name.to_string(), module, false);
    let engine = engine.with_fuel(fuel).with_instruction_limit(instructions);
    Ok(Box::new(engine))
}

fn uses(module: &Module, opcode: Opcode) -> bool {
    module.bodies().any(|(_, body)| {
        let insts = body
            .order
            .iter()
            .flat_map(|&block| &body.blocks[block].insts);
        insts.copied().any(|inst| body.insts[inst].opcode == opcode)
    })
}

/// The module with `bor` for some other instructions.
pub fn confused(module: &Module) -> Module {
    let mut module = module.clone();
    for id in module.body_ids() {
        let Some(body) = module.functions[id].body_mut() else {
            continue;
        };
        for block in body.order.clone() {
            for inst in body.blocks[block].insts.clone() {
                if matches!(
                    body.insts[inst].opcode,
                    Opcode::Iadd | Opcode::Imul | Opcode::Bxor
                ) {
                    body.insts[inst].opcode = Opcode::Bor;
                }
            }
        }
    }
    module
}

struct Crashing;

impl Engine for Crashing {
    fn name(&self) -> &str {
        PLANTED
    }

    fn is_complete(&self) -> bool {
        false
    }

    fn run(&self, _: &[Call], _: Schedule) -> Result<(Observed, Stats), String> {
        std::process::abort()
    }
}
