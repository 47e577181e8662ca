//! Continuation layouts and suspension points: declarations of lowered functions.
//!
//! They are part of the text format, so a transformed function can be printed, read back and run
//! on its own. Fields have names and types here; offsets are computed from these declarations, by
//! the crate that lays continuations out.

use crate::entity::{Entity, FieldId, Inst, LayoutId, PointId, PrimaryMap, StackSlot, Value};
use crate::function::{Function, SourcePos, ValueDef};
use crate::module::Module;
use crate::opcode::Opcode;
use crate::operand::Payload;
use crate::types::Type;

/// What a field of a continuation holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FieldType {
    /// A value.
    Value(Type),
    /// The contents of a stack slot: size and alignment in bytes.
    Bytes {
        /// Size in bytes.
        size: u32,
        /// Alignment in bytes, at most 16.
        align: u32,
    },
}

/// A field of a continuation layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldDecl {
    /// Its name, unique in the layout.
    pub name: String,
    /// What it holds.
    pub ty: FieldType,
    /// Offset in bytes from the start of the object.
    pub offset: u32,
}

/// The shape of a continuation: header, one result area, then the fields.
///
/// ```text
///  0   next     the continuation of the caller
///  8   info     the static record of the suspension point
/// 16   results  as large as the largest result list of the layout's points
///  …   fields   at their offsets
/// size
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LayoutDecl {
    /// The fields, in order of declaration.
    pub fields: PrimaryMap<FieldId, FieldDecl>,
    /// Size of the whole object in bytes, a multiple of 8.
    pub size: u32,
}

impl LayoutDecl {
    /// The field with this name.
    pub fn field_named(&self, name: &str) -> Option<FieldId> {
        // A layout is searched by name only when text is read; see the parser for its index.
        self.fields
            .values()
            .position(|field| field.name == name)
            .map(FieldId::from_index)
    }
}

/// What a saved field stands for in the function before the transform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SavedSource {
    /// A value.
    Value(Value),
    /// The contents of a stack slot.
    Slot(StackSlot),
}

/// A field that a suspension point stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavedField {
    /// The field of the point's layout.
    pub field: FieldId,
    /// What it stands for.
    pub source: SavedSource,
}

/// A suspension point: its index in the function is its state number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PointDecl {
    /// The layout of the object that is suspended here.
    pub layout: LayoutId,
    /// The results of the call, delivered into the object when the callee finishes. Of an
    /// exceptional entry: [`Exception::TYPES`](crate::Exception::TYPES).
    pub results: Vec<Type>,
    /// Every field that holds something while suspended here.
    pub saved: Vec<SavedField>,
    /// The exceptional entry of a call with an unwind edge: the point that the object is set to
    /// when the callee ends with an exception. Its state goes on at the unwind target.
    pub unwind: Option<PointId>,
    /// Where in the source the call stands.
    pub position: Option<SourcePos>,
}

/// Whether control may leave an async source function at an instruction and come back behind it.
pub fn suspends(module: &Module, function: &Function, inst: Inst) -> bool {
    let data = &function.insts[inst];
    match (data.opcode, data.payload) {
        (Opcode::Join | Opcode::TryJoin, _) => true,
        (Opcode::Call | Opcode::TryCall, Payload::Function(callee)) => module
            .functions
            .get(callee)
            .is_some_and(|decl| decl.signature().is_async),
        (Opcode::CallIndirect | Opcode::TryCallIndirect, Payload::Signature(signature)) => function
            .signatures
            .get(signature)
            .is_some_and(|signature| signature.is_async),
        _ => false,
    }
}

/// Whether an async function ends where it awaits a call, since the instruction behind it returns the
/// results unchanged (M10), or hands them to a block that does nothing but return them. Compiled functions
/// have left such a call, so no logical stack has it.
///
/// A block that is shared pays for itself in a module that runs on fuel, so there it does more.
pub fn is_tail_await(module: &Module, function: &Function, call: Inst, end: Inst) -> bool {
    let opcode = function.insts[call].opcode;
    matches!(opcode, Opcode::Call | Opcode::CallIndirect)
        && function.is_async()
        && suspends(module, function, call)
        && match function.insts[end].opcode {
            Opcode::Return => function.results(call) == function.args(end),
            Opcode::Jump if module.fuel.is_none() => {
                returned_behind(function, end).is_some_and(|end| end == function.results(call))
            }
            _ => false,
        }
}

/// What is returned behind a jump to a block that does nothing else, if all of it is handed over. A
/// result of the call that such a block names itself would be left without a definition there.
fn returned_behind(function: &Function, jump: Inst) -> Option<Vec<Value>> {
    let &[target] = function.targets(jump) else {
        return None;
    };
    let block = &function.blocks[target.block];
    let &[end] = &block.insts[..] else {
        return None;
    };
    if function.insts[end].opcode != Opcode::Return {
        return None;
    }
    let handed = function.target_args(target);
    let stands_for = |value: &Value| match function.values[*value].def {
        ValueDef::Param(at, index) if at == target.block => handed.get(index as usize).copied(),
        _ => None,
    };
    function.args(end).iter().map(stands_for).collect()
}
