//! Pass `rematerialize`: what is cheaper to compute again than to save is computed again.
//!
//! Constants, function references and frame addresses that live across a suspension point get a
//! copy in each stretch of code behind a point that uses them; so they are not live across it and
//! are not saved (M7), and no frame address outlives its frame (M8). An `addr_add` is copied with its
//! base; its amount, if it is no constant, is an ordinary value and saved like one.
//!
//! A *stretch* is the part of a block between two points. A use in the stretch of the definition
//! keeps it; every other stretch has at most one copy, in front of its first use.

use enjamb_ir::hash::{FxHashMap, FxHashSet};
use enjamb_ir::{Block, Function, Inst, Module, Opcode, SecondaryMap, Stage, Value, ValueDef};
use enjamb_liveness::{ControlFlow, Liveness};

use crate::points::SuspensionPoints;

/// Rewrites async source functions; other functions stay as they are.
pub fn run(module: &Module, function: &mut Function) {
    if !function.is_async() || function.stage != Stage::Source {
        return;
    }
    let flow = ControlFlow::new(function);
    let points = SuspensionPoints::run(module, function, flow.reverse_post_order());
    let across = candidates_across(function, &points);
    if across.is_empty() {
        return;
    }
    for &block in flow.reverse_post_order() {
        copy_in_block(module, function, block, &across);
    }
    remove_unused(function, &across);
}

/// Whether a result of this instruction is computed again rather than saved.
fn is_cheap(opcode: Opcode) -> bool {
    matches!(
        opcode,
        Opcode::Iconst
            | Opcode::Fconst
            | Opcode::Null
            | Opcode::FuncAddr
            | Opcode::StackAddr
            | Opcode::AddrAdd
            | Opcode::MemoryBase
            | Opcode::TableSize
    )
}

/// The cheap values that are live across some point, and the cheap ones that they are made from.
fn candidates_across(function: &Function, points: &SuspensionPoints) -> FxHashSet<Value> {
    let liveness = Liveness::of(function);
    let mut found = FxHashSet::default();
    for (_, in_block) in points.by_block() {
        let mut cursor = liveness.walk_back(function, in_block[0].block);
        for point in in_block.iter().rev() {
            while cursor.next_inst().is_some_and(|inst| inst != point.inst) {
                cursor.step();
            }
            found.extend(
                cursor
                    .live_across()
                    .filter(|&value| definition(function, value).is_some()),
            );
        }
    }
    let mut work: Vec<Value> = found.iter().copied().collect();
    while let Some(value) = work.pop() {
        let Some(inst) = definition(function, value) else {
            continue;
        };
        for &operand in function.args(inst) {
            if definition(function, operand).is_some() && found.insert(operand) {
                work.push(operand);
            }
        }
    }
    found
}

/// The instruction that defines a value, if it is a cheap one.
fn definition(function: &Function, value: Value) -> Option<Inst> {
    match function.values[value].def {
        ValueDef::Result(inst, _) if is_cheap(function.insts[inst].opcode) => Some(inst),
        _ => None,
    }
}

/// Rebuilds the instruction list of a block with copies in front of first uses.
fn copy_in_block(
    module: &Module,
    function: &mut Function,
    block: Block,
    across: &FxHashSet<Value>,
) {
    let insts = std::mem::take(&mut function.blocks[block].insts);
    let mut rebuilt = Vec::with_capacity(insts.len());
    // What stands for a value in the current stretch.
    let mut here: FxHashMap<Value, Value> = FxHashMap::default();
    for inst in insts {
        let mut used = Vec::new();
        function.for_each_use(inst, |value| {
            if across.contains(&value) {
                used.push(value);
            }
        });
        for &value in &used {
            copy_value(function, value, across, &mut here, &mut rebuilt);
        }
        if !used.is_empty() {
            function.map_uses(inst, |value| here.get(&value).copied().unwrap_or(value));
        }
        rebuilt.push(inst);
        for &result in function.results(inst) {
            if across.contains(&result) {
                here.insert(result, result);
            }
        }
        if crate::points::suspends(module, function, inst) {
            here.clear();
        }
    }
    function.blocks[block].insts = rebuilt;
}

/// Makes a copy of a value and of what it is made from, unless the stretch has one. A chain of
/// `addr_add` may be long, so this keeps its own stack.
fn copy_value(
    function: &mut Function,
    value: Value,
    across: &FxHashSet<Value>,
    here: &mut FxHashMap<Value, Value>,
    rebuilt: &mut Vec<Inst>,
) {
    let mut work = vec![value];
    while let Some(&value) = work.last() {
        let missing = |operand: &&Value| across.contains(operand) && !here.contains_key(operand);
        let Some(inst) = definition(function, value).filter(|_| !here.contains_key(&value)) else {
            work.pop();
            continue;
        };
        if let Some(&operand) = function.args(inst).iter().find(missing) {
            work.push(operand);
            continue;
        }
        let data = function.insts[inst];
        let args: Vec<Value> = function.args(inst).to_vec();
        let args: Vec<Value> = args
            .iter()
            .map(|arg| here.get(arg).copied().unwrap_or(*arg))
            .collect();
        let copy = function.make_inst(data.opcode, data.ty, data.payload, &args, &[]);
        function.make_results(copy, &[function.value_type(value)]);
        function.positions[copy] = function.positions[inst];
        let result = function.results(copy)[0];
        function.origins[result] = Some(function.origins[value].unwrap_or(value));
        here.insert(value, result);
        rebuilt.push(copy);
        work.pop();
    }
}

/// Removes the definitions that all uses have left.
fn remove_unused(function: &mut Function, across: &FxHashSet<Value>) {
    let mut uses: SecondaryMap<Value, u32> = SecondaryMap::with_default(0);
    for &block in &function.order {
        for &inst in &function.blocks[block].insts {
            function.for_each_use(inst, |value| uses[value] += 1);
        }
    }
    for block in function.order.clone() {
        let mut insts = std::mem::take(&mut function.blocks[block].insts);
        // Backwards, so that an address is gone before its base is looked at.
        insts.reverse();
        insts.retain(|&inst| {
            let [result] = function.results(inst) else {
                return true;
            };
            if !across.contains(result) || uses[*result] > 0 {
                return true;
            }
            function.for_each_use(inst, |value| uses[value] -= 1);
            false
        });
        insts.reverse();
        function.blocks[block].insts = insts;
    }
}
