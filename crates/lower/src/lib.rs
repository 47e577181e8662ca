//! What the lowerings of Enjamb IR to machine code share between targets.

#![forbid(unsafe_code)]

mod backend;
mod call;
mod check;
mod continuation;
mod control;
mod crossing;
mod driver;
mod emission;
mod entry;
mod error;
mod frame;
mod function;
mod machine;
mod memory;
mod order;
mod print;
mod registers;
mod select;
mod state;
mod symbol;
mod values;

pub use backend::*;
pub use check::{ConstantCheck, IndexCheck};
pub use emission::{
    Assembled, Emission, EmissionState, EmitCalls, EmitFrame, EmitTarget, register,
};
pub use error::{Lower, LowerError, Reason};
pub use frame::{Frame, FrameRequest, OWN_CONTINUATION, PARAMETERS, StackCheck};
pub use function::{Isa, LoweredFunction, Stats, Text, allocator_options, lower_function};
pub use machine::{Call, Callee, Code, PredicateOf, Step, TargetInst, TargetPredicate};
pub use registers::{Registers, class_of, float, int, register_of};
pub use select::Selection;
pub use state::{Constant, Lowered, LoweringState};
pub use symbol::{BUILTIN_NAMESPACE, StubKind, resume_results, stub_name, symbol_name};
pub use values::Values;
