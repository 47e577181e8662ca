//! The intermediate representation of Enjamb.
//!
//! In: nothing; this crate is the floor that the others stand on. Out: modules of functions in SSA
//! form with block parameters.

#![forbid(unsafe_code)]

pub mod build;
pub mod diagnostic;
mod dominance;
pub mod entity;
mod equality;
pub mod function;
pub mod hash;
pub mod host_value;
mod instructions;
pub mod module;
pub mod opcode;
pub mod operand;
pub mod parse;
pub mod print;
pub mod reference;
pub mod schedule;
pub mod suspension;
pub mod types;
pub mod typing;
pub mod verify;

pub use build::{BuildError, FunctionBuilder, ModuleBuilder, Variable};
pub use diagnostic::{Diagnostic, Span};
pub use entity::{
    Block, DataId, Entity, FieldId, FileId, FuncId, GlobalId, Inst, LayoutId, MemoryId, PointId,
    PrimaryMap, SecondaryMap, SigId, StackSlot, TableId, Value,
};
pub use function::{
    BlockData, Function, InstData, SlotData, SourcePos, Stage, Target, ValueData, ValueDef,
};
pub use host_value::Val;
pub use module::{
    DataDecl, Export, FunctionDecl, FunctionKind, GlobalDecl, GlobalInit, MemoryDecl, Module,
    NameError, Named, TableDecl,
};
pub use opcode::{Effects, Opcode, OpcodeInfo, OperandKind, TypeRule};
pub use operand::{FloatCond, IntCond, Payload, Place, TrapCode};
pub use parse::{ParseErrors, ParsedModule, SourceMap, parse_module, parse_with_spans};
pub use schedule::Schedule;
pub use suspension::{FieldDecl, FieldType, LayoutDecl, PointDecl, SavedField, SavedSource};
pub use types::{Signature, Type, TypeClass};
pub use verify::{Rule, VerifyError, VerifyErrors, verify_function, verify_module};
