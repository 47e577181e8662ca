//! Pass `tail_await`: a suspension point whose results are returned unchanged becomes a tail call.
//!
//! The callee's continuation then passes through to the caller: no state, no object (M10). The
//! pattern is an async call directly before a `return` of exactly its results, in order, or before a jump
//! to a block that is such a `return`; their types are those of the signature, so no conversion can stand
//! between.

use enjamb_ir::{Function, Inst, Module, Opcode, Stage, is_tail_await};
use enjamb_liveness::ControlFlow;

/// Rewrites every tail await of an async source function; other functions stay as they are.
pub fn run(module: &Module, function: &mut Function) {
    if !function.is_async() || function.stage != Stage::Source {
        return;
    }
    let mut is_changed = false;
    for block in function.order.clone() {
        let [.., call, end] = function.blocks[block].insts[..] else {
            continue;
        };
        if is_tail_await(module, function, call, end) {
            let tail_call = make_tail_call(function, call);
            let insts = &mut function.blocks[block].insts;
            insts.truncate(insts.len() - 2);
            insts.push(tail_call);
            is_changed = true;
        }
    }
    // Blocks that control does not reach may use the results, which have no definition now.
    if is_changed {
        let flow = ControlFlow::new(function);
        function.order.retain(|&block| flow.is_reachable(block));
    }
}

fn make_tail_call(function: &mut Function, call: Inst) -> Inst {
    let data = function.insts[call];
    let opcode = match data.opcode {
        Opcode::Call => Opcode::ReturnCall,
        _ => Opcode::ReturnCallIndirect,
    };
    let args = function.args(call).to_vec();
    let tail_call = function.make_inst(opcode, data.ty, data.payload, &args, &[]);
    function.positions[tail_call] = function.positions[call];
    function.inst_origins[tail_call] = Some(function.source_inst(call));
    // The results have no definition left, and no use that control reaches.
    function.set_results(call, &[]);
    tail_call
}
