//! Lowering of Enjamb IR to x86-64 machine code.

#![forbid(unsafe_code)]

pub mod error;
pub mod stubs;

pub use error::LowerError;
pub use stubs::emit_stub;
