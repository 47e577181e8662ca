//! Compiled code, run in this process and compared with the interpreter. The tests are the same for
//! every target.

#![cfg(target_arch = "aarch64")]

#[path = "../../../lower/tests/native/harness.rs"]
mod harness;
#[path = "../../../lower/tests/native/instructions.rs"]
mod instructions;
#[path = "../../../lower/tests/native/programs.rs"]
mod programs;

/// What the code is made for.
mod target {
    pub use enjamb_abi::convention::AARCH64 as CONVENTION;
    pub use enjamb_lower_aarch64::{
        allocator_options, apply_relocation, emit_stub, lower_function,
    };
}
