//! What is needed behind each instruction, by the equations, solved by going round: root slots, and values that are
//! references.

use enjamb_ir::hash::FxHashMap;
use enjamb_ir::{Block, Function, Inst, Opcode, Payload, RootId, Type, Value};
use std::collections::BTreeSet;

/// What is read later.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Needed {
    values: BTreeSet<Value>,
    roots: BTreeSet<RootId>,
}

/// Every safepoint lists the root slots that are read behind it, and across none a value waits that is a reference.
///
/// # Errors
/// Where that is not so.
pub(super) fn check(function: &Function) -> Result<(), String> {
    let mut at_start: FxHashMap<Block, Needed> = FxHashMap::default();
    loop {
        let mut changes = false;
        for &block in function.order.iter().rev() {
            let mut needed = behind(function, block, &at_start);
            for &inst in function.blocks[block].insts.iter().rev() {
                before(function, inst, &mut needed);
            }
            for param in &function.blocks[block].params {
                needed.values.remove(param);
            }
            if at_start.get(&block) != Some(&needed) {
                at_start.insert(block, needed);
                changes = true;
            }
        }
        if !changes {
            break;
        }
    }
    for &block in &function.order {
        let mut needed = behind(function, block, &at_start);
        for &inst in function.blocks[block].insts.iter().rev() {
            safepoint(function, inst, &needed).map_err(|what| {
                format!("{block}, {inst}, {}: {what}", function.insts[inst].opcode)
            })?;
            before(function, inst, &mut needed);
        }
    }
    Ok(())
}

/// What is needed behind the last instruction of a block; what that hands over is.
fn behind(function: &Function, block: Block, at_start: &FxHashMap<Block, Needed>) -> Needed {
    let mut needed = Needed::default();
    let Some(end) = function.terminator(block) else {
        return needed;
    };
    for &target in function.targets(end) {
        if let Some(there) = at_start.get(&target.block) {
            needed.values.extend(&there.values);
            needed.roots.extend(&there.roots);
        }
        let handed = function.target_args(target).iter().copied();
        needed
            .values
            .extend(handed.filter(|&value| is_reference(function, value)));
    }
    needed
}

fn before(function: &Function, inst: Inst, needed: &mut Needed) {
    for result in function.results(inst) {
        needed.values.remove(result);
    }
    let used = function.args(inst).iter().copied();
    needed
        .values
        .extend(used.filter(|&value| is_reference(function, value)));
    match (function.insts[inst].opcode, function.insts[inst].payload) {
        (Opcode::RootSet, Payload::Root(root)) => drop(needed.roots.remove(&root)),
        (Opcode::RootGet, Payload::Root(root)) => drop(needed.roots.insert(root)),
        _ => {}
    }
}

fn is_reference(function: &Function, value: Value) -> bool {
    function.value_type(value) == Type::Ref
}

fn safepoint(function: &Function, inst: Inst, needed: &Needed) -> Result<(), String> {
    if !function.insts[inst].opcode.is_safepoint() {
        return Ok(());
    }
    let results = function.results(inst);
    if let Some(value) = needed.values.iter().find(|value| !results.contains(value)) {
        return Err(format!("{value} is of the past behind it"));
    }
    let listed: BTreeSet<RootId> = function.live_roots(inst).iter().copied().collect();
    match listed == needed.roots {
        true => Ok(()),
        false => Err(format!(
            "it lists {listed:?}, and behind it {:?} are read",
            needed.roots
        )),
    }
}
