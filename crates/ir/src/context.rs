//! Who sets the context word, and has to set it back.
//!
//! Each task has a context word. What an async function makes of it, itself or by sync functions that it
//! calls, is undone when it returns or throws: its caller sees the word as it was. What a sync function
//! makes of it stays. So only async functions that set the word or call sync functions have to keep
//! what they found; in modules without an instruction on the word none does, and what functions of
//! the host make of it stays until the task ends.

use crate::function::Function;
use crate::module::Module;
use crate::opcode::Opcode;
use crate::operand::Payload;

/// Whether any function of a module reads or sets the context word.
pub fn uses_context(module: &Module) -> bool {
    module.bodies().any(|(_, body)| {
        let insts = body
            .order
            .iter()
            .flat_map(|&block| &body.blocks[block].insts);
        let mut opcodes = insts.map(|&inst| body.insts[inst].opcode);
        opcodes.any(|opcode| matches!(opcode, Opcode::ContextGet | Opcode::ContextSet))
    })
}

/// Whether a function of a module that uses the context word has to give it back to its caller as it
/// was.
pub fn restores_context(module: &Module, function: &Function) -> bool {
    function.is_async() && sets_context(module, function)
}

/// Whether the word may be another one behind some instruction than in front of it.
fn sets_context(module: &Module, function: &Function) -> bool {
    let insts = function.order.iter();
    let mut insts = insts.flat_map(|&block| &function.blocks[block].insts);
    insts.any(|&inst| {
        let data = &function.insts[inst];
        match (data.opcode, data.payload) {
            (Opcode::ContextSet, _) => true,
            (Opcode::Call | Opcode::TryCall, Payload::Function(callee)) => {
                let callee = module.functions.get(callee);
                callee.is_some_and(|callee| !callee.signature().is_async)
            }
            (Opcode::CallIndirect | Opcode::TryCallIndirect, Payload::Signature(signature)) => {
                let signature = function.signatures.get(signature);
                signature.is_some_and(|signature| !signature.is_async)
            }
            _ => false,
        }
    })
}
