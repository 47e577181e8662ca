//! Gives the ways out of a safepoint that ends its block a place for what has to be done on them.
//!
//! ```text
//!   r, e = try_call f(), N(r, x), unwind H(e, y)   ⇒   r, e = try_call f(), C(r), unwind U(e)
//!                                                  C(r'):  jump N(r', x)
//!                                                  U(e'):  jump H(e', y)                  (cold)
//! ```
//!
//! References like `x` and `y` are handed over when the collector may have run. Behind the split they
//! live across the call like any other, and come out of their root slots in `C` and `U`.

use enjamb_ir::{Block, Function, Inst, Opcode, Payload, SecondaryMap, Type, Value};

/// Splits the edges out of safepoints on which a reference is handed over that the safepoint does not
/// give itself.
pub(crate) fn run(function: &mut Function) {
    let mut made: SecondaryMap<Block, Vec<Block>> = SecondaryMap::new();
    let mut any = false;
    for block in function.order.clone() {
        let Some(inst) = function.terminator(block) else {
            continue;
        };
        if !function.insts[inst].opcode.is_safepoint() {
            continue;
        }
        for position in 0..function.targets(inst).len() {
            if hands_over_a_reference(function, inst, position) {
                let edge = split(function, inst, position);
                function.blocks[edge].cold = function.blocks[block].cold || position > 0;
                made[block].push(edge);
                any = true;
            }
        }
    }
    if !any {
        return;
    }
    for block in std::mem::take(&mut function.order) {
        function.order.push(block);
        function.order.append(&mut made[block]);
    }
}

fn hands_over_a_reference(function: &Function, inst: Inst, position: usize) -> bool {
    let args = function.target_args(function.targets(inst)[position]);
    args.iter()
        .any(|arg| function.value_type(*arg) == Type::Ref && !function.results(inst).contains(arg))
}

/// Puts a block on an edge. It takes the results that are handed over, each once.
fn split(function: &mut Function, inst: Inst, position: usize) -> Block {
    let target = function.targets(inst)[position];
    let edge = function.create_block();
    let mut args = function.target_args(target).to_vec();
    let mut taken: Vec<Value> = Vec::new();
    for &result in function.results(inst).to_vec().iter() {
        if args.contains(&result) {
            let param = function.append_param(edge, function.value_type(result));
            function.origins[param] = Some(function.origins[result].unwrap_or(result));
            taken.push(result);
            let uses = args.iter_mut().filter(|arg| **arg == result);
            uses.for_each(|arg| *arg = param);
        }
    }
    let onwards = function.target(target.block, &args);
    let jump = function.make_inst(Opcode::Jump, Type::I64, Payload::None, &[], &[onwards]);
    function.positions[jump] = function.positions[inst];
    function.inst_origins[jump] = Some(function.source_inst(inst));
    function.append_inst(edge, jump);
    let to_edge = function.target(edge, &taken);
    function.targets_mut(inst)[position] = to_edge;
    edge
}
