//! The contract between code that Enjamb compiles and the runtime that runs it.
//!
//! In: signatures, modules and layouts of the IR. Out: where everything is. [`convention`] says
//! which register carries what, [`continuation`] what a suspended frame looks like, [`context`]
//! what the pinned register points at, [`code`] how code and its tables travel from the lowering to
//! the runtime, [`unwind`] how an exception leaves frames, [`object`] what an object of a heap looks
//! like, [`heap`] what an instance asks of its heap, and [`memory`] of whoever gives it memory. No other
//! crate knows an offset of these; both sides use the names from here.
//!
//! Invariants: this crate computes and declares, it runs nothing; what emitted code and Rust code
//! both see is `repr(C)`, with its offsets asserted when this is compiled. It depends on `enjamb-ir`
//! and `target-lexicon` only.
//!
//! ```
//! use enjamb_abi::convention::{Location, X86_64};
//! use enjamb_ir::Type;
//!
//! let params = X86_64.params(&[Type::I64, Type::F64, Type::I64]);
//! assert_eq!(params.locations, [Location::Int(7), Location::Float(0), Location::Int(6)]);
//! assert_eq!(params.stack_bytes, 0);
//! ```

#![deny(unsafe_code)]

pub mod activation;
pub mod code;
pub mod context;
pub mod continuation;
pub mod convention;
#[expect(
    unsafe_code,
    reason = "declares what an implementation of a heap has to promise"
)]
pub mod heap;
#[expect(
    unsafe_code,
    reason = "declares what a source of memory has to promise, and is that of the global allocator"
)]
pub mod memory;
pub mod object;
pub mod target;
pub mod unwind;
