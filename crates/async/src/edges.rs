//! Gives a suspending call with an unwind target two blocks of its own to go on in.
//!
//! ```text
//!   r, e = try_call f(), N(r, x), unwind H(e, y)   ⇒   r, e = try_call f(), C(r), unwind U(e)
//!                                                  C(r'):  jump N(r', x)
//!                                                  U(e'):  jump H(e', y)                  (cold)
//! ```
//!
//! What lives across the call is then what is live into `C` and into `U`, and a resumption has a
//! place to come in on each way.

use enjamb_ir::{Block, Function, Inst, Module, Opcode, SecondaryMap, Value, suspends};

use crate::edit::Editor;

/// The position of a call's normal target.
pub(crate) const NORMAL: usize = 0;
/// The position of its unwind target.
pub(crate) const UNWIND: usize = 1;

/// Splits the edges of all such calls but those that go to a block of their own already, with what
/// the call gives and nothing else.
pub(crate) fn run(module: &Module, function: &mut Function) {
    let calls: Vec<(Block, Inst)> = (function.order.iter())
        .filter_map(|&block| Some((block, function.terminator(block)?)))
        .filter(|&(_, inst)| {
            function.insts[inst].opcode.has_unwind_edge() && suspends(module, function, inst)
        })
        .collect();
    if calls.is_empty() {
        return;
    }
    let mut edges_into: SecondaryMap<Block, u32> = SecondaryMap::with_default(0);
    for &block in &function.order {
        for successor in function.successors(block) {
            edges_into[successor] += 1;
        }
    }
    let mut made: SecondaryMap<Block, Vec<Block>> = SecondaryMap::new();
    for (block, call) in calls {
        for (position, results) in results_by_target(function, call).into_iter().enumerate() {
            let target = function.targets(call)[position];
            let is_own = edges_into[target.block] == 1 && function.target_args(target) == results;
            if !is_own {
                let edge = split(function, call, position, &results);
                let is_cold = function.blocks[block].cold || position == UNWIND;
                function.blocks[edge].cold = is_cold;
                made[block].push(edge);
            }
        }
    }
    let order = std::mem::take(&mut function.order);
    for block in order {
        function.order.push(block);
        function.order.append(&mut made[block]);
    }
}

/// What a call gives to its normal target, and to its unwind target.
fn results_by_target(function: &Function, call: Inst) -> [Vec<Value>; 2] {
    let normal = function.normal_results(call);
    let exception = &function.results(call)[normal.len()..];
    [normal.to_vec(), exception.to_vec()]
}

/// Puts a block on an edge. Its parameters stand for what the call gives.
pub(crate) fn split(
    function: &mut Function,
    call: Inst,
    position: usize,
    results: &[Value],
) -> Block {
    let edge = function.create_block();
    for &result in results {
        let param = function.append_param(edge, function.value_type(result));
        function.origins[param] = Some(function.origins[result].unwrap_or(result));
    }
    let target = function.targets(call)[position];
    let stand_in = |value: &Value| match results.iter().position(|result| result == value) {
        Some(index) => function.blocks[edge].params[index],
        None => *value,
    };
    let args: Vec<Value> = function.target_args(target).iter().map(stand_in).collect();
    let onwards = function.target(target.block, &args);
    Editor::new(function, call).branch(edge, Opcode::Jump, &[], &[onwards]);
    let own = function.target(edge, results);
    function.targets_mut(call)[position] = own;
    edge
}
