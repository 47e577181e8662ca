//! What the lowerings of Enjamb IR to machine code share between targets.
//!
//! **In:** a verified module, its instance layout, and a function: a synchronous one as the front end
//! made it, or an async one after the async transform; and a target, an [`Isa`]. **Out:** the function's
//! code with relocations and tables ([`enjamb_abi::code::Code`]).
//!
//! [`lower_function`] takes these steps:
//!
//! ```text
//! order      blocks in the order in which the allocator wants them
//! select     what is computed where it is used                 the target: what it can fold
//! driver     machine code in virtual registers                 the target: LowerTarget …
//!            registers, by enjamb-regalloc                     the target: Registers
//! frame      where everything is in the frame
//! emission   bytes, trap table, calls                          the target: EmitTarget …
//! ```
//!
//! A target is three types: its own instructions ([`TargetInst`]), which [`Code`] puts beside the
//! operations that all targets have; a struct that lowers, around [`LoweringState`] ([`backend`](Backend)
//! lists the traits it implements, [`Values`] is what it gets); and a struct that emits, around
//! [`EmissionState`] ([`EmitTarget`], [`EmitFrame`], [`EmitCalls`], [`EmitObjects`], and it gets
//! [`Emission`]). Shared is what the calling convention, the continuations, the runtime or the IR decide:
//! blocks and branches, arguments, calls, suspension and resumption, which bounds are checked. The target's
//! is what the processor decides: arithmetic, conditions, addressing modes, constants. It also emits the
//! stubs, told apart by [`StubKind`].
//!
//! Invariants: nothing here takes more than linear time outside the allocator, and the same input
//! gives the same code. Every error names the function and, where one is to blame, the instruction.
//!
//! The crate depends on `enjamb-ir`, `enjamb-abi` and `enjamb-regalloc`, and knows no target.
//!
//! ```
//! use enjamb_abi::{code::Symbol, context::InstanceLayout};
//! use enjamb_ir::parse_module;
//! use enjamb_lower::{FrameRequest, StubKind, symbol_name};
//!
//! let module = parse_module(
//!     "import %yield = \"enjamb\" \"yield\" () async
//!      function %f() {
//!          ss0 = slot 12 align 4
//!          ss1 = slot 32 align 16
//!      block0:
//!          return
//!      }",
//! )?;
//! let layout = InstanceLayout::new(&module);
//! let [leaf, f] = ["yield", "f"].map(|name| module.function_named(name).expect("it is declared"));
//!
//! // An import stands for a stub, a function with a body does not.
//! let symbol = Symbol::Function(leaf);
//! assert!(matches!(StubKind::of(&symbol, &module, &layout)?, StubKind::Yield { .. }));
//! assert_eq!(symbol_name(&module, &symbol), "%yield");
//! assert!(StubKind::of(&Symbol::Function(f), &module, &layout).is_err());
//!
//! // Slots stand one below the other, from the frame pointer on.
//! let function = module.functions[f].body().expect("it has one");
//! let frame = FrameRequest::new(function).map_err(|reason| reason.to_string())?;
//! let offsets: Vec<i32> = function.slots.keys().map(|slot| frame.slot(slot)).collect();
//! assert_eq!(offsets, [-16, -48]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod backend;
mod call;
mod check;
mod continuation;
mod control;
mod crossing;
mod driver;
mod emission;
mod emitter;
mod entry;
mod error;
mod frame;
mod function;
mod machine;
mod memory;
mod nans;
mod object;
mod object_code;
mod order;
mod print;
mod registers;
mod select;
mod state;
mod symbol;
mod values;

pub use backend::*;
pub use check::{ConstantCheck, IndexCheck};
pub use emitter::{
    Assembled, Emission, EmissionState, EmitCalls, EmitFrame, EmitObjects, EmitTarget,
    LONGEST_INLINE, register,
};
pub use error::{Lower, LowerError, Reason};
pub use frame::{Frame, FrameRequest, OWN_CONTINUATION, PARAMETERS, StackCheck};
pub use function::{Isa, LoweredFunction, Stats, Text, allocator_options, lower_function};
pub use machine::{Call, Callee, Code, PredicateOf, Step, TargetInst, TargetPredicate};
pub use object_code::ObjectCode;
pub use registers::{Registers, class_of, float, int, register_of};
pub use select::Selection;
pub use state::{Constant, Lowered, LoweringState};
pub use symbol::{BUILTIN_NAMESPACE, StubKind, stub_name, symbol_name};
pub use values::Values;
