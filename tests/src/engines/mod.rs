//! Everything that can run a program, behind one interface.
//!
//! Nobody lists engines in a golden file: [`of_module`] makes all that there are, and each file runs
//! in each of them.

mod interpreter;
mod jit;

pub use interpreter::Interpreter;
pub use jit::{Jit, SUPPORTED};

use crate::host;
use crate::observed::{Call, Observed, Stats};
use crate::stages;
use enjamb_ir::{FunctionKind, Module, Opcode, Schedule};

/// Something that runs a program.
pub trait Engine {
    /// How messages call it.
    fn name(&self) -> &str;

    /// Whether it runs what all passes make, so that the counters that a header names hold.
    fn is_complete(&self) -> bool;

    /// Makes an instance, does the calls and looks at what is left.
    ///
    /// # Errors
    /// If no instance can be made; no program of a test should lead to that.
    fn run(&self, calls: &[Call], schedule: Schedule) -> Result<(Observed, Stats), String>;
}

/// Bytes of stack that a program may use.
const STACK_LIMIT: usize = 4 << 20;

/// Instructions that a call may take in the interpreter; a test that takes more hangs.
const FUEL: u64 = 50_000_000;

/// How a call ends that takes more.
pub const OUT_OF_FUEL: &str = "out of fuel";

/// The reference first, then every other engine.
///
/// # Errors
/// If a pass or the compiler refuses the module.
pub fn of_module(module: &Module) -> Result<Vec<Box<dyn Engine>>, String> {
    let mut engines: Vec<Box<dyn Engine>> = vec![Box::new(Interpreter::new(
        "the interpreter on the source".to_string(),
        module.clone(),
        false,
    ))];
    for stage in stages::of_module(module)? {
        let name = format!("the interpreter after {}", stage.name);
        engines.push(Box::new(Interpreter::new(
            name,
            stage.module,
            stage.complete,
        )));
    }
    if SUPPORTED && !has_exceptions(module) {
        for jit in Jit::all(module)? {
            engines.push(Box::new(jit));
        }
    }
    Ok(engines)
}

/// Whether a module throws or catches exceptions, which is what interpreters run.
pub fn has_exceptions(module: &Module) -> bool {
    let is_about_one = |opcode: Opcode| {
        matches!(opcode, Opcode::Throw | Opcode::Rethrow) || opcode.has_unwind_edge()
    };
    module.functions.values().any(|decl| match &decl.kind {
        FunctionKind::Import {
            namespace, name, ..
        } => namespace == host::NAMESPACE && name == "throw",
        FunctionKind::Body(body) => {
            let insts = body
                .order
                .iter()
                .flat_map(|&block| &body.blocks[block].insts);
            insts
                .copied()
                .any(|inst| is_about_one(body.insts[inst].opcode))
        }
    })
}
