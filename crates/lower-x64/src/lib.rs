//! Lowering of Enjamb IR to x86-64 machine code.
//!
//! **In:** a verified module, its instance layout, and a function: a synchronous one as the front
//! end made it, or an async one after the async transform. **Out:** its code, with relocations and
//! tables ([`enjamb_abi::code::Code`]). [`lower_function`] does functions with a body;
//! [`emit_stub`] the code between them and the runtime.
//!
//! The steps, one module each: `order` puts blocks in order, `select` decides what is computed where
//! it is used, `lower` makes machine code in virtual registers (`machine`), the allocator of
//! `enjamb-regalloc` gives registers, `frame` lays out the frame, `emit` makes bytes.
//!
//! Invariants: the same input and options give the same bytes; code holds no address and works in
//! every instance of its module; nothing takes more than linear time outside the allocator. Code
//! runs on processors of level x86-64-v2 (SSE4.1 for rounding, POPCNT).
//!
//! The crate depends on `enjamb-ir`, `enjamb-abi`, `enjamb-regalloc` and `enjamb-x64`.
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
pub mod error;
mod frame;
mod function;
mod lower;
mod machine;
mod order;
mod print;
mod registers;
mod relocation;
mod select;
pub mod stubs;

pub use error::LowerError;
pub use function::{LoweredFunction, Stats, Text, allocator_options, lower_function};
pub use relocation::apply_relocation;
pub use stubs::emit_stub;
