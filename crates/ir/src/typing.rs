//! What the instruction table says about one instruction: its signature, operands and results.
//!
//! The table's rows are about every instruction with an opcode; here they meet the declarations
//! that a payload names. The verifier and the builder both ask these functions.

use crate::entity::Entity;
use crate::function::{Function, Stage};
use crate::module::Module;
use crate::opcode::{Opcode, OperandKind, TypeRule};
use crate::operand::{Payload, Place};
use crate::types::{Signature, Type, TypeClass};
use std::fmt;

/// The signature that [`TypeRule::Rest`] refers to in the operands or results of calls and joins.
pub fn payload_signature<'a>(
    module: &'a Module,
    function: &'a Function,
    payload: Payload,
) -> Option<&'a Signature> {
    match payload {
        Payload::Function(callee) => Some(module.functions.get(callee)?.signature()),
        Payload::Signature(signature) => function.signatures.get(signature),
        _ => None,
    }
}

/// Whether a call or join has the hidden first result of lowered functions.
fn has_hidden_result(function: &Function, opcode: Opcode, signature: &Signature) -> bool {
    let suspends = match opcode {
        Opcode::Join | Opcode::TryJoin => true,
        _ => signature.is_async,
    };
    suspends && function.stage == Stage::Lowered
}

/// The types of the results of an instruction, the hidden one included; `None` if its payload
/// names no signature where its row needs one.
pub fn result_types<'a>(
    module: &'a Module,
    function: &'a Function,
    opcode: Opcode,
    ty: Type,
    payload: Payload,
) -> Option<impl Iterator<Item = Type> + use<'a>> {
    let rules = opcode.info().results;
    let (first, rest) = match rules.first() {
        None => (None, &[][..]),
        Some(TypeRule::Is(fixed)) if rules.get(1) == Some(&TypeRule::Rest) => {
            let signature = payload_signature(module, function, payload)?;
            (Some(*fixed), &signature.results[..])
        }
        Some(TypeRule::Is(fixed)) => (Some(*fixed), &[][..]),
        Some(TypeRule::LaneType) => (Some(payload.shape()?.lane_type()), &[][..]),
        Some(TypeRule::Rest) => {
            let signature = payload_signature(module, function, payload)?;
            let hidden = has_hidden_result(function, opcode, signature);
            (hidden.then_some(Type::Cont), &signature.results[..])
        }
        Some(_) => (Some(ty), &[][..]),
    };
    let exception = rules.iter().skip(1).filter_map(|rule| match rule {
        TypeRule::Is(fixed) => Some(*fixed),
        _ => None,
    });
    Some(
        first
            .into_iter()
            .chain(rest.iter().copied())
            .chain(exception),
    )
}

/// The types of the operands that [`TypeRule::Rest`] stands for.
pub fn rest_operands<'a>(
    module: &'a Module,
    function: &'a Function,
    opcode: Opcode,
    payload: Payload,
) -> Option<&'a [Type]> {
    match opcode {
        Opcode::Return => Some(&function.signature.results),
        _ => Some(&payload_signature(module, function, payload)?.params),
    }
}

/// How many bytes a memory access moves; 0 for other instructions.
pub fn access_bytes(opcode: Opcode, ty: Type) -> u32 {
    match opcode {
        Opcode::Load | Opcode::Store => ty.bytes(),
        Opcode::Uload8 | Opcode::Sload8 | Opcode::Istore8 => 1,
        Opcode::Uload16 | Opcode::Sload16 | Opcode::Istore16 => 2,
        Opcode::Uload32 | Opcode::Sload32 | Opcode::Istore32 => 4,
        _ => 0,
    }
}

/// What an operand has to be, once `T` and the place of the access are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Exactly this type.
    Exactly(Type),
    /// A type of this class.
    Class(TypeClass),
    /// An integer type of fewer bits than this one.
    Narrower(Type),
    /// An integer type of more bits than this one.
    Wider(Type),
    /// An integer or float of as many bits as this one.
    SameBits(Type),
}

impl Expected {
    /// Whether a type is what is expected.
    pub fn accepts(self, ty: Type) -> bool {
        match self {
            Expected::Exactly(expected) => ty == expected,
            Expected::Class(class) => class.contains(ty),
            Expected::Narrower(than) => ty.is_int() && ty.bits() < than.bits(),
            Expected::Wider(than) => ty.is_int() && ty.bits() > than.bits(),
            Expected::SameBits(as_this) => {
                TypeClass::Number.contains(ty) && ty.bits() == as_this.bits()
            }
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expected::Exactly(ty) => write!(f, "{ty}"),
            Expected::Class(class) => f.write_str(class.description()),
            Expected::Narrower(ty) => write!(f, "an integer type narrower than {ty}"),
            Expected::Wider(ty) => write!(f, "an integer type wider than {ty}"),
            Expected::SameBits(ty) => write!(f, "a number of {} bits", ty.bits()),
        }
    }
}

/// What one rule of a row expects; `None` for [`TypeRule::Rest`] and for an access that takes no
/// address operand.
pub fn expected(rule: TypeRule, ty: Type, payload: Payload) -> Option<Expected> {
    match rule {
        TypeRule::T => Some(Expected::Exactly(ty)),
        TypeRule::Is(fixed) => Some(Expected::Exactly(fixed)),
        TypeRule::In(class) => Some(Expected::Class(class)),
        TypeRule::LaneType => Some(Expected::Exactly(payload.shape()?.lane_type())),
        TypeRule::NarrowerThanT => Some(Expected::Narrower(ty)),
        TypeRule::WiderThanT => Some(Expected::Wider(ty)),
        TypeRule::SameBitsAsT => Some(Expected::SameBits(ty)),
        TypeRule::Address => match payload {
            Payload::Access(Place::Address, _) => Some(Expected::Exactly(Type::Addr)),
            Payload::Access(Place::Raw, _) => Some(Expected::Exactly(Type::I64)),
            _ => Some(Expected::Class(TypeClass::WideInt)),
        },
        TypeRule::Rest => None,
    }
}

/// Whether a payload is of the variant that a shape needs.
pub fn payload_fits(kind: OperandKind, payload: Payload) -> bool {
    use OperandKind as Kind;
    match kind {
        Kind::Values | Kind::Jump | Kind::Branch | Kind::BranchTable => payload == Payload::None,
        Kind::Integer => matches!(payload, Payload::Integer(_)),
        Kind::Float => matches!(payload, Payload::Float(_)),
        Kind::Vector => matches!(payload, Payload::Vector(_)),
        Kind::Lanes => matches!(payload, Payload::Shape(_)),
        Kind::Lane => matches!(payload, Payload::Lane(..)),
        Kind::LanesIntCond => matches!(payload, Payload::LanesIntCond(..)),
        Kind::LanesFloatCond => matches!(payload, Payload::LanesFloatCond(..)),
        Kind::Shuffle => matches!(payload, Payload::Shuffle(_)),
        Kind::IntCond => matches!(payload, Payload::IntCond(_)),
        Kind::FloatCond => matches!(payload, Payload::FloatCond(_)),
        Kind::Function | Kind::Call | Kind::TryCall => matches!(payload, Payload::Function(_)),
        Kind::CallIndirect | Kind::Join | Kind::TryCallIndirect | Kind::TryJoin => {
            matches!(payload, Payload::Signature(_))
        }
        Kind::Access => matches!(payload, Payload::Access(..)),
        Kind::Slot => matches!(payload, Payload::Slot(..)),
        Kind::Memory => matches!(payload, Payload::Memory(_)),
        Kind::MemoryPair => matches!(payload, Payload::MemoryPair(..)),
        Kind::MemoryData => matches!(payload, Payload::MemoryData(..)),
        Kind::Global => matches!(payload, Payload::Global(_)),
        Kind::Table => matches!(payload, Payload::Table(_)),
        Kind::ObjectType => matches!(payload, Payload::ObjectType(_)),
        Kind::ObjectField => matches!(payload, Payload::ObjectField(..)),
        Kind::Root => matches!(payload, Payload::Root(_)),
        Kind::Trap => matches!(payload, Payload::Trap(_)),
        Kind::Layout => matches!(payload, Payload::Layout(_)),
        Kind::Field => matches!(payload, Payload::Field(..)),
        Kind::SlotField => matches!(payload, Payload::SlotField(..)),
        Kind::Point => matches!(payload, Payload::Point(_)),
        Kind::PointResult => matches!(payload, Payload::PointResult(..)),
    }
}

/// The least and the greatest number of branch targets that a shape takes.
pub fn target_counts(kind: OperandKind) -> (usize, usize) {
    match kind {
        OperandKind::Jump => (1, 1),
        OperandKind::Branch
        | OperandKind::TryCall
        | OperandKind::TryCallIndirect
        | OperandKind::TryJoin => (2, 2),
        OperandKind::BranchTable => (1, usize::MAX),
        _ => (0, 0),
    }
}

/// The first entity that a payload names and that nothing declares, as the text format names it.
pub fn missing_entity(module: &Module, function: &Function, payload: Payload) -> Option<String> {
    fn check(exists: bool, entity: impl Entity) -> Option<String> {
        (!exists).then(|| entity.to_string())
    }
    let memory = |id| check(module.memories.get(id).is_some(), id);
    let slot = |id| check(function.slots.get(id).is_some(), id);
    let layout = |id| check(function.layouts.get(id).is_some(), id);
    let point = |id| check(function.points.get(id).is_some(), id);
    let field = |owner, id| {
        layout(owner).or_else(|| {
            let missing = function.layouts[owner].fields.get(id).is_none();
            missing.then(|| format!("{owner}.{id}"))
        })
    };
    match payload {
        Payload::Function(id) => check(module.functions.get(id).is_some(), id),
        Payload::Signature(id) => check(function.signatures.get(id).is_some(), id),
        Payload::Access(Place::Memory(id), _) | Payload::Memory(id) => memory(id),
        Payload::Access(Place::Slot(id), _) | Payload::Slot(id, _) => slot(id),
        Payload::MemoryPair(to, from) => memory(to).or_else(|| memory(from)),
        Payload::MemoryData(to, data) => {
            memory(to).or_else(|| check(module.data.get(data).is_some(), data))
        }
        Payload::Global(id) => check(module.globals.get(id).is_some(), id),
        Payload::Table(id) => check(module.tables.get(id).is_some(), id),
        Payload::ObjectType(id) => check(module.object_types.get(id).is_some(), id),
        Payload::ObjectField(id, field) => match module.object_types.get(id) {
            None => Some(id.to_string()),
            Some(decl) if decl.shape.field_type(field).is_none() => Some(format!("{id}.{field}")),
            Some(_) => None,
        },
        Payload::Root(id) => check(function.roots.get(id).is_some(), id),
        Payload::Layout(id) => layout(id),
        Payload::Field(owner, id) => field(owner, id),
        Payload::SlotField(owner, id, with) => field(owner, id).or_else(|| slot(with)),
        Payload::Point(id) => point(id),
        Payload::PointResult(id, position) => point(id).or_else(|| {
            let missing = position as usize >= function.points[id].results.len();
            missing.then(|| format!("{id}.{position}"))
        }),
        Payload::None
        | Payload::Integer(_)
        | Payload::Float(_)
        | Payload::Vector(_)
        | Payload::IntCond(_)
        | Payload::FloatCond(_)
        | Payload::Shape(_)
        | Payload::Lane(..)
        | Payload::LanesIntCond(..)
        | Payload::LanesFloatCond(..)
        | Payload::Shuffle(_)
        | Payload::Trap(_)
        | Payload::Access(Place::Address | Place::Raw, _) => None,
    }
}
