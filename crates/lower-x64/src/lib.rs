//! Lowering of Enjamb IR to x86-64 machine code.
//!
//! **In:** a verified module, its instance layout, and a function: a synchronous one as the front
//! end made it, or an async one after the async transform. **Out:** its code, with relocations and
//! tables ([`enjamb_abi::code::Code`]). [`lower_function`] does functions with a body;
//! [`emit_stub`] the code between them and the runtime.
//!
//! `enjamb-lower` does what is the same for all targets, in the order that its front page gives. This
//! crate says how x86-64 does its part: `lower` computes, compares, loads and stores in virtual
//! registers (`machine`), `emit` makes bytes of what has got `registers`.
//!
//! Invariants: the same input and options give the same bytes; code holds no address and works in
//! every instance of its module; nothing takes more than linear time outside the allocator. Code
//! runs on processors of level x86-64-v2 (POPCNT, SSE4.1 for rounding, SSSE3 and SSE4.2 for vectors).
//!
//! The crate depends on `enjamb-ir`, `enjamb-abi`, `enjamb-regalloc`, `enjamb-lower` and `enjamb-x64`.
//!
//! ```
//! use enjamb_abi::{code::CodeOptions, context::InstanceLayout};
//! use enjamb_ir::{Entity, Module, Opcode, Payload, Signature, Type};
//! use enjamb_lower_x64::lower_function;
//!
//! let mut module = Module::new();
//! let double = module.declare_function("double", Signature::sync(&[Type::I64], &[Type::I64]))?;
//! let body = module.functions[double].body_mut().expect("it has a body");
//! let block = body.append_block();
//! let x = body.append_param(block, Type::I64);
//! let sum = body.make_inst(Opcode::Iadd, Type::I64, Payload::None, &[x, x], &[]);
//! body.make_results(sum, &[Type::I64]);
//! body.append_inst(block, sum);
//! let result = body.results(sum)[0];
//! let end = body.make_inst(Opcode::Return, Type::I64, Payload::None, &[result], &[]);
//! body.append_inst(block, end);
//!
//! let layout = InstanceLayout::new(&module);
//! let (mut allocator, arena) = Default::default();
//! let options = CodeOptions::default();
//! let lowered = lower_function(&module, &layout, double, &options, &mut allocator, &arena, false)?;
//! assert!(lowered.code.bytes.ends_with(&[0xC3]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod emit;
mod lower;
mod machine;
mod registers;
mod relocation;
pub mod stubs;

use bumpalo::Bump;
use enjamb_abi::code::CodeOptions;
use enjamb_abi::context::InstanceLayout;
use enjamb_ir::{FuncId, Module};
use enjamb_lower::Isa;
use enjamb_regalloc::Allocator;

pub use enjamb_lower::{LowerError, LoweredFunction, Stats, Text, allocator_options};
pub use relocation::apply_relocation;
pub use stubs::emit_stub;

/// The target.
enum X64 {}

impl Isa for X64 {
    type Inst = machine::Inst;
    type Lowering<'a> = lower::Lowering<'a>;
    type Emitter<'a> = emit::Emitter<'a>;
}

/// Lowers a function that the module defines; see [`enjamb_lower::lower_function`].
///
/// # Errors
/// As that function.
pub fn lower_function(
    module: &Module,
    layout: &InstanceLayout,
    function: FuncId,
    options: &CodeOptions,
    allocator: &mut Allocator,
    arena: &Bump,
    with_text: bool,
) -> Result<LoweredFunction, LowerError> {
    enjamb_lower::lower_function::<X64>(
        module, layout, function, options, allocator, arena, with_text,
    )
}
