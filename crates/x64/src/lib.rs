//! A table-driven x86-64 assembler: encodings, labels, fix-ups and a printer.
//!
//! **In**: instructions, each a form of the table ([`Op`]) with operands, in physical registers
//! ([`Reg`]) or in a register type of the client's; labels, data and references to symbols.
//! **Out**: [`Code`], which is bytes, the offsets of labels and relocations.
//!
//! One table with a row per encoding form, written in the notation of the Intel manual, defines
//! the enum [`Op`], the encoder, the printer, and what a register allocator has to know
//! ([`Inst::visit`]). [`table`] says how the forms are named.
//!
//! Invariants:
//! * What [`Inst::new`] accepts has the operands that its form has, and immediates that fit it.
//! * [`Assembler::emit`] encodes the form it is given, with the shortest displacement; jumps to
//!   labels alone have their size chosen, as short as possible.
//! * The result depends on the calls made and on nothing else.
//!
//! The crate knows no intermediate representation and depends on no other crate.
//!
//! ```
//! use enjamb_x64::{Assembler, Cond, Inst, Mem, Op, Reg, sized, Width};
//!
//! // The sum of the RSI 32-bit integers at RDI.
//! let mut assembler = Assembler::new();
//! let (head, done) = (assembler.new_label(), assembler.new_label());
//! assembler.emit(&Inst::rr(Op::Xor32RM, Reg::RAX, Reg::RAX)?);
//! assembler.bind(head);
//! assembler.emit(&Inst::ri(sized::SUB_MI.at(Width::B64), Reg::RSI, 1)?);
//! assembler.jcc(Cond::B, done);
//! let load = Inst::rm(Op::Add32RM, Reg::RAX, Mem::base(Reg::RDI, 0))?;
//! assert_eq!(load.to_string(), "add eax, dword ptr [rdi]");
//! assembler.emit(&load);
//! assembler.emit(&Inst::ri(Op::Add64MI, Reg::RDI, 4)?);
//! assembler.jmp(head);
//! assembler.bind(done);
//! assembler.op(Op::Ret, &[]);
//!
//! let code = assembler.finish()?;
//! assert_eq!(code.offset(head), Some(2));
//! assert_eq!(code.bytes[2..8], [0x48, 0x83, 0xEE, 0x01, 0x72, 0x08]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod assembler;
mod code;
mod encode;
mod encoding;
mod error;
mod finish;
mod form;
mod inst;
mod listing;
mod nop;
mod op;
mod operand;
mod print;
mod register;
mod relax;
pub mod sized;
pub mod table;

pub use assembler::Assembler;
pub use code::{Code, Reloc, RelocationKind};
pub use encode::LabelField;
pub use encoding::{Encoding, ModRm};
pub use error::{AssembleError, OperandError, OperandProblem};
pub use form::{Feature, Flags, Form, Kind, OperandForm, Role};
pub use inst::{Constraint, Inst};
pub use listing::{Item, Line, Listing};
pub use op::Op;
pub use operand::{Base, Cond, Label, Mem, Operand, Scale};
pub use print::PrintRegister;
pub use register::{Reg, RegClass, Width};
