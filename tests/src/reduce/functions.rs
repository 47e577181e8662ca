//! Functions that return zeros at once, and other functions to begin with.

use super::edit;
use crate::case::Case;
use enjamb_ir::Val;
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
