//! The pass list of the Enjamb compiler: a module in, relocatable code and tables out.
//!
//! In: a [`Module`](enjamb_ir::Module) of the IR. Out: a [`CompiledModule`], one piece of machine
//! code that can be loaded anywhere and shared by all instances of the module, with the tables that
//! say which suspension point, trap or call a place belongs to. [`PASSES`] lists the passes on the
//! IR, [`run_passes`] runs a selection of them, [`compile`] does everything.
//!
//! Invariants: the same module and options give the same bytes; after every pass the module verifies.
//! This crate depends on all crates that take part in making code, and on neither the interpreter
//! nor the runtime.
//!
//! ```
//! use enjamb_codegen::{CompileOptions, compile};
//! use std::sync::Arc;
//!
//! let text = "function %double(i64) -> i64 {
//! block0(v0: i64):
//!     v1 = iadd v0, v0
//!     return v1
//! }";
//! let module = Arc::new(enjamb_ir::parse_module(text)?);
//! let mut options = CompileOptions::default();
//! options.target = "x86_64-unknown-linux-gnu".parse().expect("a triple");
//! let compiled = compile(module, &options)?;
//! assert_eq!(compiled.functions.len(), 1);
//! assert!(!compiled.bytes.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod compile;
mod compiled;
mod error;
mod frames;
mod link;
mod passes;
mod runner;
mod target;

pub use compile::{CompileOptions, Lowering, check_trust, compile, compile_replacement};
pub use compiled::{
    AbsoluteAddress, CompileStats, CompiledModule, FunctionRange, ModuleCall, ModuleHandler,
    ModuleInst, ModuleSafepoint, ModuleTrap,
};
pub use enjamb_abi::target::{Target, UnsupportedTarget};
pub use enjamb_lower::LoweredFunction;
pub use error::CompileError;
pub use frames::{FieldReport, FrameReport, LayoutReport, LiveReport, PointReport, Stored};
pub use passes::{ORDER, PASSES, Pass, pass_named};
pub use runner::{Selection, run_passes};
