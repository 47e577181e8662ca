//! The intermediate representation of Enjamb.
//!
//! In: nothing; this crate is the floor that the others stand on. Out: modules of functions in SSA
//! form with block parameters.

#![forbid(unsafe_code)]

pub mod entity;
pub mod function;
pub mod hash;
mod instructions;
pub mod module;
pub mod opcode;
pub mod operand;
pub mod reference;
pub mod schedule;
pub mod suspension;
pub mod types;

pub use entity::{
    Block, DataId, Entity, FieldId, FileId, FuncId, GlobalId, Inst, LayoutId, MemoryId, PointId,
    PrimaryMap, SecondaryMap, SigId, StackSlot, TableId, Value,
};
pub use function::{
    BlockData, Function, InstData, SlotData, SourcePos, Stage, Target, ValueData, ValueDef,
};
pub use module::{
    DataDecl, Export, FunctionDecl, FunctionKind, GlobalDecl, GlobalInit, MemoryDecl, Module,
    NameError, Named, TableDecl,
};
pub use opcode::{Effects, Opcode, OpcodeInfo, OperandKind, TypeRule};
pub use operand::{FloatCond, IntCond, Payload, Place, TrapCode};
pub use schedule::Schedule;
pub use suspension::{FieldDecl, FieldType, LayoutDecl, PointDecl, SavedField, SavedSource};
pub use types::{Signature, Type, TypeClass};
