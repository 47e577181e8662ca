//! Values that a resumption computes from others that it has loaded, instead of loading them too.
//!
//! What one cheap instruction makes of values that are saved at a point anyway, and of constants, is not
//! saved there (M7). The instruction is repeated in the resumption block only: a call that does not
//! suspend pays nothing for it.

use enjamb_ir::hash::{FxHashMap, FxHashSet};
use enjamb_ir::{Block, Function, Inst, Opcode, Payload, SavedSource, Value, ValueDef};

use crate::edit::Editor;

/// Whether an instruction takes a processor no longer than a store and a load.
fn is_cheap(function: &Function, inst: Inst) -> bool {
    use Opcode::*;
    let data = function.insts[inst];
    let constant = |index: usize| {
        let operand = function.args(inst).get(index);
        operand.is_some_and(|&operand| function.integer_constant(operand).is_some())
    };
    match data.opcode {
        Iadd | Isub | Band | Bor | Bxor => data.ty.is_int(),
        Ishl | Ushr | Sshr => data.ty.is_int() && constant(1),
        Ineg | Bnot => data.ty.is_int(),
        Sextend | Uextend | Ireduce => true,
        _ => false,
    }
}

/// The cheap instruction that defines a value.
fn definition(function: &Function, value: Value) -> Option<Inst> {
    match function.values[value].def {
        ValueDef::Result(inst, 0) if is_cheap(function, inst) => Some(inst),
        _ => None,
    }
}

/// Those of the `saved` values of a point that cannot be computed from the others. `targets` is what is
/// live into each of the targets of a call that has two: a value is computed from what its target has.
pub(crate) fn to_be_saved(
    function: &Function,
    saved: &[Value],
    targets: &[FxHashSet<SavedSource>],
) -> Vec<Value> {
    let here: FxHashSet<Value> = saved.iter().copied().collect();
    let is_with = |operand: Value, value: Value| {
        let [operand_source, value] = [operand, value].map(SavedSource::Value);
        let has_both = |target: &FxHashSet<SavedSource>| {
            target.contains(&operand_source) || !target.contains(&value)
        };
        here.contains(&operand) && targets.iter().all(has_both)
    };
    let is_derived = |value: Value| {
        let Some(inst) = definition(function, value) else {
            return false;
        };
        let mut operands = function.args(inst).iter();
        operands
            .all(|&operand| function.integer_constant(operand).is_some() || is_with(operand, value))
    };
    let values = saved.iter().copied();
    values.filter(|&value| !is_derived(value)).collect()
}

/// Computes `values` at the end of a block, in which `loaded` stands for what they are made from. One may
/// be made from the other, in a chain that may be long, so this keeps its own stack. Returns what stands for
/// each.
pub(crate) fn compute(
    editor: &mut Editor<'_>,
    block: Block,
    values: &[Value],
    mut loaded: FxHashMap<Value, Value>,
) -> Vec<Value> {
    let mut work: Vec<Value> = values.iter().rev().copied().collect();
    while let Some(&value) = work.last() {
        let Some(inst) =
            definition(editor.function, value).filter(|_| !loaded.contains_key(&value))
        else {
            work.pop();
            continue;
        };
        let operands = editor.function.args(inst).to_vec();
        let missing = operands
            .iter()
            .filter(|operand| !loaded.contains_key(operand));
        let missing: Vec<Value> = missing.copied().collect();
        if missing.is_empty() {
            let operands: Vec<Value> = operands.iter().map(|operand| loaded[operand]).collect();
            let copy = repeat(editor, block, inst, &operands);
            loaded.insert(value, copy);
            work.pop();
        }
        for operand in missing {
            match editor.function.integer_constant(operand) {
                Some(constant) => {
                    let ty = editor.function.value_type(operand);
                    let payload = Payload::Integer(constant);
                    let copy = editor.value(block, Opcode::Iconst, payload, &[], ty);
                    loaded.insert(operand, copy);
                }
                None => work.push(operand),
            }
        }
    }
    values.iter().map(|value| loaded[value]).collect()
}

/// Appends a copy of an instruction with other operands.
fn repeat(editor: &mut Editor<'_>, block: Block, inst: Inst, operands: &[Value]) -> Value {
    let function = &mut *editor.function;
    let (data, value) = (function.insts[inst], function.results(inst)[0]);
    let copy = function.make_inst(data.opcode, data.ty, data.payload, operands, &[]);
    editor.append(block, copy);
    let function = &mut *editor.function;
    function.make_results(copy, &[function.value_type(value)]);
    let result = function.results(copy)[0];
    function.origins[result] = Some(function.origins[value].unwrap_or(value));
    result
}
