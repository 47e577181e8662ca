//! The intermediate representation of Enjamb: modules of functions in SSA form with block
//! parameters, some of which may suspend.
//!
//! **In:** text ([`parse_module`]), or calls of the builder. **Out:** a [`Module`] that can be
//! printed, changed by passes and checked ([`verify_module`]); errors as values with their place.
//!
//! **Facts have one home.** The instruction table says what an instruction is; the [`Opcode`], the
//! printer, the parser, the typing rules and the reference derive from it ([`opcode`]).
//!
//! **Invariants**
//! - What is printed parses back to an equal module, whatever its stage.
//! - No input makes the parser or the verifier panic, and both are linear in it.
//! - A module that the verifier accepts is typed, its values are defined before they are used on
//!   every path, and what it does is defined: it ends, traps or suspends.
//! - Names and numbers of a module are in the order of its declarations, so every output derived
//!   from it is the same each time.
//!
//! **May depend on:** no other crate of the workspace.
//!
//! ```
//! use enjamb_ir::{parse_module, verify_module};
//!
//! let text = "\
//! function %double(i64) -> i64 {
//! block0(v0: i64):
//!     v1 = iadd v0, v0
//!     return v1
//! }
//! ";
//! let module = parse_module(text)?;
//! verify_module(&module)?;
//! assert_eq!(module.to_string(), text);
//!
//! let error = parse_module("function %f() {\nblock0:\n    jump block1\n}\n").unwrap_err();
//! assert_eq!(error.to_string(), "3:10: `block1` is not defined");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

pub mod build;
pub mod context;
pub mod diagnostic;
mod dominance;
pub mod entity;
mod equality;
mod exception;
pub mod fuel;
pub mod function;
pub mod handles;
pub mod hash;
pub mod host_objects;
pub mod host_value;
mod instructions;
pub mod joins;
pub mod manual;
pub mod module;
pub mod object;
pub mod opcode;
pub mod operand;
pub mod parse;
pub mod print;
pub mod reference;
mod replace;
pub mod schedule;
pub mod shape;
pub mod suspension;
pub mod tasks;
pub mod trace;
pub mod types;
pub mod typing;
pub mod verify;
pub mod watcher;

pub use build::{BuildError, FunctionBuilder, ModuleBuilder, Variable};
pub use context::{restores_context, uses_context};
pub use diagnostic::{Diagnostic, Span};
pub use entity::{
    Block, DataId, Entity, FieldId, FileId, FuncId, GlobalId, Inst, LayoutId, MemoryId,
    ObjectTypeId, PointId, PrimaryMap, RootId, SecondaryMap, SigId, StackSlot, TableId, Value,
};
pub use exception::Exception;
pub use fuel::{FuelAccount, FuelSupply};
pub use function::{
    BlockData, Function, InstData, RootSlot, SlotData, SourcePos, Stage, Target, ValueData,
    ValueDef,
};
pub use host_value::Val;
pub use module::{
    DataDecl, Export, FuelPolicy, FunctionDecl, FunctionKind, GlobalDecl, GlobalInit, MemoryDecl,
    Module, NameError, Named, TableDecl,
};
pub use object::{MAX_OBJECT_FIELDS, ObjectField, ObjectFields, ObjectType, ObjectTypeDecl};
pub use opcode::{Effects, Opcode, OpcodeInfo, OperandKind, TypeRule};
pub use operand::{FloatCond, IntCond, Payload, Place, TrapCode};
pub use parse::{ParseErrors, ParsedModule, SourceMap, parse_module, parse_with_spans};
pub use replace::{check_declarations, check_replacement};
pub use schedule::Schedule;
pub use shape::{Shape, ShapeClass};
pub use suspension::{
    FieldDecl, FieldType, LayoutDecl, PointDecl, SavedField, SavedSource, is_tail_await, suspends,
};
pub use tasks::{TaskCursor, TaskInfo, TaskState};
pub use trace::{Location, Trace, TraceBuffer, TraceLimits};
pub use types::{Signature, Type, TypeClass};
pub use verify::{Rule, VerifyError, VerifyErrors, verify_function, verify_module};
pub use watcher::Watcher;
