//! In which state a function may have been resumed, as the branches at its entry tell.

use enjamb_ir::{Function, Inst, Opcode, ValueDef};
use std::collections::BTreeSet;

/// The states in which a function may have been resumed; none, if it was called.
pub(super) type From = BTreeSet<u32>;

/// What is known on an edge of a branch; `None` if control cannot go there.
pub(super) fn edge(function: &Function, branch: Inst, target: usize, from: &From) -> Option<From> {
    let condition = function.args(branch).first();
    let condition = condition.and_then(|&value| match function.values[value].def {
        ValueDef::Result(inst, 0) => Some(inst),
        _ => None,
    });
    let known = Some(from.clone());
    let Some(condition) = condition else {
        return known;
    };
    let only = |keep: &dyn Fn(u32) -> bool| {
        let states: From = from.iter().copied().filter(|&state| keep(state)).collect();
        (!states.is_empty()).then_some(states)
    };
    let cases = function.targets(branch).len() as u32 - 1;
    match (
        function.insts[branch].opcode,
        function.insts[condition].opcode,
    ) {
        (Opcode::Brif, Opcode::IsSuspended) if is_hidden(function, condition) => match target {
            0 => Some((0..function.points.len() as u32).collect()),
            _ => known,
        },
        (Opcode::Brif, Opcode::ContState) => only(&|state| (state != 0) == (target == 0)),
        // The first target is that of all other numbers.
        (Opcode::BrTable, Opcode::ContState) => match target {
            0 => only(&|state| state >= cases),
            _ => only(&|state| state as usize == target - 1),
        },
        _ => known,
    }
}

/// Whether an instruction asks for the continuation that a function was resumed with.
fn is_hidden(function: &Function, inst: Inst) -> bool {
    let entry = function.entry().map(|block| &function.blocks[block].params);
    let hidden = entry.and_then(|params| params.first());
    hidden == function.args(inst).first()
}
