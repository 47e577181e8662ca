//! What edits of functions have in common.

use crate::case::Case;
use enjamb_ir::hash::{FxHashMap, FxHashSet};
use enjamb_ir::{Block, FuncId, Function, Inst, Opcode, Payload, Type, Value};

/// Whether an instruction makes a constant.
pub(super) fn is_constant(function: &Function, inst: Inst) -> bool {
    matches!(
        function.insts[inst].opcode,
        Opcode::Iconst | Opcode::Fconst | Opcode::Vconst | Opcode::Null
    )
}

/// The case with one function changed.
pub(super) fn with_body(
    case: &Case,
    id: FuncId,
    change: impl FnOnce(&mut Function) -> Option<()>,
) -> Option<Case> {
    let mut case = case.clone();
    change(case.module.functions[id].body_mut()?)?;
    Some(case)
}

/// Puts zero in the place of values that are defined no longer.
pub(super) fn put_zeros(function: &mut Function, values: &FxHashSet<Value>) {
    let used = map_all_uses(function, |_| None);
    let mut wanted: Vec<Value> = used
        .into_iter()
        .filter(|value| values.contains(value))
        .collect();
    wanted.sort();
    let mut zeros: FxHashMap<Value, Value> = FxHashMap::default();
    for value in wanted {
        let ty = function.value_type(value);
        if let Some(zero) = zero(function, ty) {
            zeros.insert(value, zero);
        }
    }
    map_all_uses(function, |value| zeros.get(&value).copied());
}

/// Replaces uses everywhere in a function. Gives the values that were used.
pub(super) fn map_all_uses(
    function: &mut Function,
    replacement: impl Fn(Value) -> Option<Value>,
) -> FxHashSet<Value> {
    let mut used = FxHashSet::default();
    for block in function.order.clone() {
        for inst in function.blocks[block].insts.clone() {
            function.map_uses(inst, |value| {
                used.insert(value);
                replacement(value).unwrap_or(value)
            });
        }
    }
    used
}

/// A zero of a type, made at the head of the entry; `None` if the type has no constants.
pub(super) fn zero(function: &mut Function, ty: Type) -> Option<Value> {
    let (opcode, payload) = match ty {
        Type::I8 | Type::I16 | Type::I32 | Type::I64 => (Opcode::Iconst, Payload::Integer(0)),
        Type::F32 | Type::F64 => (Opcode::Fconst, Payload::Float(0)),
        Type::V128 => (Opcode::Vconst, Payload::Vector([0; 16])),
        Type::Ref | Type::FuncRef => (Opcode::Null, Payload::None),
        Type::Addr | Type::Task | Type::Cont => return None,
    };
    let entry = function.entry()?;
    let head = function.blocks[entry].insts.iter().copied();
    let mut head = head.take_while(|&inst| is_constant(function, inst));
    let found = head.find(|&inst| {
        let data = &function.insts[inst];
        let result = function.results(inst).first();
        data.payload == payload && result.is_some_and(|&value| function.value_type(value) == ty)
    });
    let inst = found.unwrap_or_else(|| {
        let inst = function.make_inst(opcode, ty, payload, &[], &[]);
        function.make_results(inst, &[ty]);
        function.blocks[entry].insts.insert(0, inst);
        inst
    });
    function.results(inst).first().copied()
}

/// Ends a block by returning zeros.
pub(super) fn return_zeros(function: &mut Function, block: Block) -> Option<()> {
    let types = function.signature.results.clone();
    let zeros: Option<Vec<Value>> = types.into_iter().map(|ty| zero(function, ty)).collect();
    let inst = function.make_inst(Opcode::Return, Type::I64, Payload::None, &zeros?, &[]);
    function.append_inst(block, inst);
    Some(())
}

/// Takes blocks away that nothing leads to.
pub(super) fn drop_unreachable(function: &mut Function) {
    let mut reached: FxHashSet<Block> = function.entry().into_iter().collect();
    let mut next: Vec<Block> = reached.iter().copied().collect();
    while let Some(block) = next.pop() {
        let successors: Vec<Block> = function.successors(block).collect();
        next.extend(
            successors
                .into_iter()
                .filter(|&block| reached.insert(block)),
        );
    }
    function.order.retain(|block| reached.contains(block));
}

/// Makes an instruction anew with other operands; results and targets stay.
pub(super) fn with_args(function: &mut Function, block: Block, at: usize, args: &[Value]) {
    let old = function.blocks[block].insts[at];
    let data = function.insts[old];
    let (targets, results) = (
        function.targets(old).to_vec(),
        function.results(old).to_vec(),
    );
    let new = function.make_inst(data.opcode, data.ty, data.payload, args, &targets);
    function.set_results(new, &results);
    function.blocks[block].insts[at] = new;
}
