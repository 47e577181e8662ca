//! Instructions, taken away; what they gave is zero, or one of their operands.

use super::edit;
use crate::case::Case;
use enjamb_ir::hash::FxHashSet;
use enjamb_ir::{Block, Function, Value};
use std::ops::Range;

/// How many instructions end no block.
pub(super) fn all(case: &Case) -> usize {
    case.module.bodies().map(|(_, body)| removable(body)).sum()
}

fn removable(body: &Function) -> usize {
    body.instruction_count() - body.order.len()
}

/// The case without one of them, whose first operand of the type of its only result is there instead.
pub(super) fn passed_over(case: &Case, index: usize) -> Option<Case> {
    let mut number = 0;
    for (id, body) in case.module.bodies() {
        for &block in &body.order {
            let (_, insts) = body.blocks[block].insts.split_last()?;
            let at = index - number;
            number += insts.len();
            if index < number {
                return edit::with_body(case, id, |body| pass_over(body, block, at));
            }
        }
    }
    None
}

fn pass_over(body: &mut Function, block: Block, at: usize) -> Option<()> {
    let inst = body.blocks[block].insts[at];
    let &[result] = body.results(inst) else {
        return None;
    };
    let ty = body.value_type(result);
    let mut operands = body.args(inst).iter().copied();
    let operand = operands.find(|&operand| body.value_type(operand) == ty)?;
    body.blocks[block].insts.remove(at);
    edit::map_all_uses(body, |value| (value == result).then_some(operand));
    Some(())
}

/// The case without a range of them.
pub(super) fn without(case: &Case, range: Range<usize>) -> Option<Case> {
    let mut case = case.clone();
    let mut number = 0;
    for id in case.module.body_ids() {
        let body = case.module.functions[id].body_mut()?;
        let mut gone: FxHashSet<Value> = FxHashSet::default();
        for block in body.order.clone() {
            let insts = body.blocks[block].insts.clone();
            let last = insts.last().copied();
            let mut kept = Vec::with_capacity(insts.len());
            for inst in insts {
                if Some(inst) == last {
                    kept.push(inst);
                    continue;
                }
                match range.contains(&number) {
                    true => gone.extend(body.results(inst)),
                    false => kept.push(inst),
                }
                number += 1;
            }
            body.blocks[block].insts = kept;
        }
        if !gone.is_empty() {
            edit::put_zeros(body, &gone);
        }
    }
    Some(case)
}
