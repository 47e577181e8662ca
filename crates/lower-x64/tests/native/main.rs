//! Compiled code, run in this process and compared with the interpreter. The tests are the same for
//! every target.

#![cfg(target_arch = "x86_64")]

#[path = "../../../lower/tests/native/harness.rs"]
mod harness;
#[path = "../../../lower/tests/native/heap.rs"]
mod heap;
#[path = "../../../lower/tests/native/instructions.rs"]
mod instructions;
#[path = "../../../lower/tests/native/objects.rs"]
mod objects;
#[path = "../../../lower/tests/native/pairs.rs"]
mod pairs;
#[path = "../../../lower/tests/native/programs.rs"]
mod programs;
#[path = "../../../lower/tests/native/values.rs"]
mod values;
#[path = "../../../lower/tests/native/vector_operands.rs"]
mod vector_operands;
#[path = "../../../lower/tests/native/vectors.rs"]
mod vectors;

/// What the code is made for.
mod target {
    use enjamb_abi::code::CodeOptions;
    pub use enjamb_abi::convention::X86_64 as CONVENTION;
    pub use enjamb_lower_x64::{allocator_options, apply_relocation, emit_stub, lower_function};

    /// What pages with code of these options are, beside executable.
    pub fn page_flags(_: &CodeOptions) -> i32 {
        0
    }
}
