//! Placement of blocks and instructions, terminators, entry, slots, and what declarations name.

use super::error::{Report, Subject};
use super::instruction;
use super::rule::Rule;
use crate::entity::{Block, Entity, Inst};
use crate::function::{Function, Stage};
use crate::module::Module;
use crate::types::{Signature, Type};

/// The most bytes that the slots of one function take.
const MAX_SLOT_BYTES: u64 = 1 << 20;
/// The greatest alignment of a slot.
const MAX_SLOT_ALIGN: u32 = 16;

/// Checks the shape of a function; whether the checks that index with its entities can follow.
pub(super) fn check(module: &Module, function: &Function, report: &mut Report) -> bool {
    head(function, report);
    slots(function, report);
    positions(module, function, report);
    let Some(placed) = placement(function, report) else {
        return false;
    };
    let mut sound = true;
    for &block in &function.order {
        for &inst in &function.blocks[block].insts {
            sound &= instruction::check_existence(module, function, inst, report)
                && targets_are_placed(function, inst, &placed, report);
        }
        terminators(function, block, report);
    }
    if sound {
        entry(function, report);
    }
    sound
}

fn positions(module: &Module, function: &Function, report: &mut Report) {
    let of_insts = (function.positions.iter())
        .filter(|(inst, _)| inst.index() < function.insts.len())
        .filter_map(|(inst, position)| Some((Subject::Inst(inst), (*position)?)));
    let of_points = (function.points.iter())
        .filter_map(|(point, decl)| Some((Subject::Point(point), decl.position?)));
    for (subject, position) in of_insts.chain(of_points) {
        if module.files.get(position.file).is_none() {
            let message = format!("{} is not declared", position.file);
            report.add(Rule::Declared, subject, message);
        }
    }
}

/// A target that is no block of the function any more is as good as one that does not exist.
fn targets_are_placed(
    function: &Function,
    inst: Inst,
    placed: &[bool],
    report: &mut Report,
) -> bool {
    let mut all = true;
    for target in function.targets(inst) {
        if !placed[target.block.index()] {
            let message = format!("{} does not exist", target.block);
            report.add(Rule::Exists, Subject::Inst(inst), message);
            all = false;
        }
    }
    all
}

fn terminators(function: &Function, block: Block, report: &mut Report) {
    let insts = &function.blocks[block].insts;
    let Some((&last, before)) = insts.split_last() else {
        return report.add(
            Rule::Terminator,
            Subject::Block(block),
            "the block is empty",
        );
    };
    for &inst in before {
        let opcode = function.insts[inst].opcode;
        if opcode.is_terminator() {
            let message = format!("`{opcode}` is not the last instruction of its block");
            report.add(Rule::Terminator, Subject::Inst(inst), message);
        }
    }
    if !function.insts[last].opcode.is_terminator() {
        let message = "the last instruction of a block has to be a terminator";
        report.add(Rule::Terminator, Subject::Inst(last), message);
    }
}

fn entry(function: &Function, report: &mut Report) {
    let Some(entry) = function.entry() else {
        return;
    };
    for &block in &function.order {
        for &inst in &function.blocks[block].insts {
            let to_entry = function.targets(inst).iter().any(|t| t.block == entry);
            if to_entry {
                let message = format!("{entry} is the entry");
                report.add(Rule::EntryTarget, Subject::Inst(inst), message);
            }
        }
    }
    let hidden = (function.stage == Stage::Lowered).then_some(Type::Cont);
    let declared = &function.signature.params;
    let params = &function.blocks[entry].params;
    let found = params.iter().map(|&param| function.value_type(param));
    if !found.eq(hidden.into_iter().chain(declared.iter().copied())) {
        let message = match hidden {
            None => "the parameters are not those of the function",
            Some(_) => "the parameters are not `cont` and those of the function",
        };
        report.add(Rule::EntryParams, Subject::Block(entry), message);
    }
}

fn head(function: &Function, report: &mut Report) {
    signature(&function.signature, true, Subject::Head, report);
    if function.is_async() && function.stage == Stage::Source {
        for root in function.roots.keys() {
            let message = "a root slot in an async function that is not lowered";
            report.add(Rule::RootDeclarations, Subject::Root(root), message);
        }
    }
    for (id, declared) in function.signatures.iter() {
        signature(declared, true, Subject::Signature(id), report);
    }
    match function.stage {
        Stage::Lowered if !function.is_async() => {
            report.add(
                Rule::LoweredAsync,
                Subject::Head,
                "the function is lowered and not async",
            );
        }
        Stage::Source => {
            for layout in function.layouts.keys() {
                report.add(
                    Rule::LoweredDeclarations,
                    Subject::Layout(layout),
                    "a layout in a function that is not lowered",
                );
            }
            for point in function.points.keys() {
                report.add(
                    Rule::LoweredDeclarations,
                    Subject::Point(point),
                    "a point in a function that is not lowered",
                );
            }
        }
        Stage::Lowered => {}
    }
}

/// The most parameters and the most results: what goes on the stack at a call is then always less
/// than the reserve that the stack limit leaves.
const MAX_SIGNATURE: usize = 1_000;

/// Checks the types of a signature; `addr_allowed` is false for imports.
pub(super) fn signature(
    signature: &Signature,
    addr_allowed: bool,
    subject: Subject,
    report: &mut Report,
) {
    let all = || signature.params.iter().chain(&signature.results);
    if all().any(|&ty| ty == Type::Cont) {
        let message = "`cont` in a signature";
        report.add(Rule::Signatures, subject.clone(), message);
    }
    for (what, count) in [
        ("parameters", signature.params.len()),
        ("results", signature.results.len()),
    ] {
        if count > MAX_SIGNATURE {
            let message = format!("{count} {what} are more than {MAX_SIGNATURE}");
            report.add(Rule::Signatures, subject.clone(), message);
        }
    }
    let message = if signature.results.contains(&Type::Addr) {
        "`addr` among the results"
    } else if !signature.params.contains(&Type::Addr) {
        return;
    } else if signature.is_async {
        "`addr` among the parameters of an async function"
    } else if !addr_allowed {
        "`addr` among the parameters of an import"
    } else {
        return;
    };
    report.add(Rule::Signatures, subject, message);
}

fn slots(function: &Function, report: &mut Report) {
    let mut total = 0u64;
    for (slot, data) in function.slots.iter() {
        if !data.align.is_power_of_two() || data.align > MAX_SLOT_ALIGN {
            let message = format!("alignment {} is not 1, 2, 4, 8 or 16", data.align);
            report.add(Rule::Slots, Subject::Slot(slot), message);
        }
        let before = total;
        total += u64::from(data.size);
        if before <= MAX_SLOT_BYTES && total > MAX_SLOT_BYTES {
            let message = format!("the slots up to this one take {total} bytes, above 1 MiB");
            report.add(Rule::Slots, Subject::Slot(slot), message);
        }
    }
}

/// By index, which blocks stand in the function; `None` if a block or instruction does not exist or
/// stands in two places, or there is none.
fn placement(function: &Function, report: &mut Report) -> Option<Vec<bool>> {
    let before = report.findings.len();
    if function.order.is_empty() {
        report.add(Rule::Placement, Subject::Head, "the function has no block");
    }
    let mut placed_blocks = vec![false; function.blocks.len()];
    let mut placed_insts = vec![false; function.insts.len()];
    for &block in &function.order {
        let Some(data) = function.blocks.get(block) else {
            let message = format!("{block} does not exist");
            report.add(Rule::Placement, Subject::Head, message);
            continue;
        };
        if std::mem::replace(&mut placed_blocks[block.index()], true) {
            let message = format!("{block} stands in the function twice");
            report.add(Rule::Placement, Subject::Block(block), message);
            continue;
        }
        for &param in &data.params {
            if function.values.get(param).is_none() {
                let message = format!("{param} does not exist");
                report.add(Rule::Exists, Subject::Block(block), message);
            }
        }
        for &inst in &data.insts {
            let placed_before = placed_insts.get_mut(inst.index());
            let message = match placed_before.map(|placed| std::mem::replace(placed, true)) {
                None => format!("{inst} does not exist"),
                Some(true) => format!("{inst} stands in two places"),
                Some(false) => continue,
            };
            report.add(Rule::Placement, Subject::Block(block), message);
        }
    }
    (report.findings.len() == before).then_some(placed_blocks)
}
