//! Instructions, taken away; what they gave is zero.

use super::edit;
use crate::case::Case;
use enjamb_ir::hash::FxHashSet;
use enjamb_ir::{Function, Value};
use std::ops::Range;

/// How many instructions end no block.
pub(super) fn all(case: &Case) -> usize {
    case.module.bodies().map(|(_, body)| removable(body)).sum()
}

fn removable(body: &Function) -> usize {
    body.instruction_count() - body.order.len()
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
