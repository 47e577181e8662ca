//! Functions that return zeros at once, and functions with fewer parameters and results.

use super::edit;
use crate::case::Case;
use enjamb_ir::hash::FxHashSet;
use enjamb_ir::{Block, FuncId, Function, Opcode, Payload, Val, Value};
use std::ops::Range;

/// How many functions have a body.
pub(super) fn bodies(case: &Case) -> usize {
    case.module.bodies().count()
}

/// The case with a range of bodies that return zeros.
pub(super) fn without_bodies(case: &Case, range: Range<usize>) -> Option<Case> {
    let mut case = case.clone();
    for id in case
        .module
        .body_ids()
        .into_iter()
        .skip(range.start)
        .take(range.len())
    {
        let body = case.module.functions[id].body_mut()?;
        let entry = body.entry()?;
        body.blocks[entry].insts.clear();
        body.order.truncate(1);
        edit::return_zeros(body, entry)?;
    }
    Some(case)
}

/// The case that calls another function, with zeros, in place of the one that it calls, which returns zeros.
pub(super) fn begun_with(case: &Case, index: usize) -> Option<Case> {
    let id = *case.module.body_ids().get(index)?;
    let first = case.module.function_named(&case.call.function)?;
    let position = case.module.body_ids().iter().position(|&id| id == first)?;
    if id == first {
        return None;
    }
    let mut case = without_bodies(case, position..position + 1)?;
    let callee = &case.module.functions[id];
    let params = callee.signature().params.iter();
    case.call.args = params.map(|&ty| Val::from_bits(ty, 0)).collect();
    case.call.function = callee.name.clone();
    Some(case)
}

/// How many parameters functions have.
pub(super) fn parameters(case: &Case) -> usize {
    positions(case, |body| body.signature.params.len()).len()
}

/// How many results functions have.
pub(super) fn results(case: &Case) -> usize {
    positions(case, |body| body.signature.results.len()).len()
}

fn positions(case: &Case, count: impl Fn(&Function) -> usize) -> Vec<(FuncId, usize)> {
    let bodies = case.module.bodies();
    let all = bodies.flat_map(|(id, body)| (0..count(body)).map(move |index| (id, index)));
    all.collect()
}

/// The case without a parameter of a function, zero in its place. Calls through references are as they
/// were, and trap.
pub(super) fn without_parameter(case: &Case, index: usize) -> Option<Case> {
    let positions = positions(case, |body| body.signature.params.len());
    let (id, position) = *positions.get(index)?;
    let mut case = edit::with_body(case, id, |body| {
        let entry = body.entry()?;
        let mut params = body.blocks[entry].params.clone();
        let gone = params.remove(position);
        body.set_params(entry, &params);
        body.signature.params.remove(position);
        edit::put_zeros(body, &[gone].into_iter().collect());
        Some(())
    })?;
    if case.module.function_named(&case.call.function) == Some(id) {
        case.call.args.remove(position);
    }
    for_each_call(&mut case, id, |body, block, at| {
        let mut args = body.args(body.blocks[block].insts[at]).to_vec();
        args.remove(position);
        edit::with_args(body, block, at, &args);
    });
    Some(case)
}

/// The case without a result of a function; where it is called, zero is in its place.
pub(super) fn without_result(case: &Case, index: usize) -> Option<Case> {
    let positions = positions(case, |body| body.signature.results.len());
    let (id, position) = *positions.get(index)?;
    let mut case = edit::with_body(case, id, |body| {
        body.signature.results.remove(position);
        for block in body.order.clone() {
            let inst = body.terminator(block)?;
            if body.insts[inst].opcode == Opcode::Return {
                let mut args = body.args(inst).to_vec();
                args.remove(position);
                let at = body.blocks[block].insts.len() - 1;
                edit::with_args(body, block, at, &args);
            }
        }
        Some(())
    })?;
    for_each_call(&mut case, id, |body, block, at| {
        let inst = body.blocks[block].insts[at];
        if !matches!(body.insts[inst].opcode, Opcode::Call | Opcode::TryCall) {
            return;
        }
        let mut results = body.results(inst).to_vec();
        let gone: FxHashSet<Value> = [results.remove(position)].into_iter().collect();
        body.set_results(inst, &results);
        edit::put_zeros(body, &gone);
    });
    Some(case)
}

/// Visits every direct call of a function. A visit may change the call; what it adds to the entry's head
/// is counted in.
fn for_each_call(
    case: &mut Case,
    callee: FuncId,
    mut visit: impl FnMut(&mut Function, Block, usize),
) {
    for id in case.module.body_ids() {
        let Some(body) = case.module.functions[id].body_mut() else {
            continue;
        };
        for block in body.order.clone() {
            let mut from_end = 0;
            while from_end < body.blocks[block].insts.len() {
                let at = body.blocks[block].insts.len() - 1 - from_end;
                let data = &body.insts[body.blocks[block].insts[at]];
                let calls = data.opcode != Opcode::FuncAddr;
                if calls && data.payload == Payload::Function(callee) {
                    visit(body, block, at);
                }
                from_end += 1;
            }
        }
    }
}
