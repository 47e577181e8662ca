//! Lowering of Enjamb IR to AArch64 machine code.
//!
//! **In:** a verified module, its instance layout, and a function: a synchronous one as the front
//! end made it, or an async one after the async transform. **Out:** its code, with relocations and
//! tables ([`enjamb_abi::code::Code`]). [`lower_function`] does functions with a body;
//! [`emit_stub`] the code between them and the runtime.
//!
//! `enjamb-lower` has what all targets share and asks this crate for the rest: `lower` computes in
//! virtual registers with instructions of the assembler (`machine`), `emit` makes bytes of them
//! when they have registers.
//!
//! Invariants: the same input and options give the same bytes; code holds no address and works in
//! every instance of its module; nothing takes more than linear time outside the allocator. Code
//! runs on every processor with Armv8.0-A. What newer ones add is used if it is asked for and does
//! nothing on older ones ([`branch_protection`](enjamb_abi::code::CodeOptions::branch_protection)).
//!
//! The crate depends on `enjamb-ir`, `enjamb-abi`, `enjamb-regalloc`, `enjamb-lower` and
//! `enjamb-aarch64`.
//!
//! ```
//! use enjamb_abi::{code::CodeOptions, context::InstanceLayout};
//! use enjamb_ir::{Entity, Module, Opcode, Payload, Signature, Type};
//! use enjamb_lower_aarch64::lower_function;
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
//! let ret = 0xd65f_03c0_u32;
//! assert!(lowered.code.bytes.ends_with(&ret.to_le_bytes()));
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
enum Aarch64 {}

impl Isa for Aarch64 {
    type Inst = machine::Inst;
    type Lowering<'a> = lower::Lowering<'a>;
    type Emitter<'a> = emit::Emitter<'a>;
}

/// Lowers a function that the module defines. Registers are allocated in a single pass, whatever
/// the options say, if the function is very large. `arena` holds what is needed meanwhile, and
/// `allocator`, made with [`allocator_options`], keeps its memory for the next function. `with_text`
/// keeps the stages in between as text.
///
/// # Errors
/// If the function has no body or is async and has not been transformed; if the frame or the code
/// is too large; or if the module is not a valid one.
pub fn lower_function(
    module: &Module,
    layout: &InstanceLayout,
    function: FuncId,
    options: &CodeOptions,
    allocator: &mut Allocator,
    arena: &Bump,
    with_text: bool,
) -> Result<LoweredFunction, LowerError> {
    enjamb_lower::lower_function::<Aarch64>(
        module, layout, function, options, allocator, arena, with_text,
    )
}
