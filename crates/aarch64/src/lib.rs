//! A table-driven AArch64 assembler: encodings, labels, fix-ups, veneers and a printer.
//!
//! **In**: instructions, each a form of the table ([`Op`]) with operands, in physical registers
//! ([`Reg`]) or in a register type of the client's; labels, data and references to symbols.
//! **Out**: [`Code`], which is bytes, the offsets of labels and relocations.
//!
//! One table with a row per encoding form, a template of 32 bits with named fields as the
//! architecture manual draws it, defines the enum [`Op`], the encoder, the printer, and what a
//! register allocator has to know ([`Inst::visit`]). [`table`] says how the forms are named.
//!
//! Invariants:
//! * What [`Inst::new`] accepts has the operands that its form has, and all but its registers can be
//!   encoded.
//! * [`Assembler::emit`] encodes the form it is given, in four bytes where the target is in reach.
//! * However long code is, up to 128 MiB, its branches reach their labels.
//! * The result depends on the calls made and on nothing else.
//!
//! The crate knows no intermediate representation and depends on no other crate.
//!
//! ```
//! use enjamb_aarch64::{Assembler, Cond, Inst, Mem, Op, Reg, access, sized, Width};
//!
//! // The sum of the X1 32-bit integers at X0.
//! let mut assembler = Assembler::new();
//! let (head, done) = (assembler.new_label(), assembler.new_label());
//! assembler.load_constant(Reg::X2, 0);
//! assembler.bind(head);
//! assembler.emit(&Inst::rri(sized::SUBS_RRI.at(Width::B64), Reg::X1, Reg::X1, 1)?);
//! assembler.jcc(Cond::LO, done);
//! let load = access::LDR_32.inst(Reg::X3, Mem::post(Reg::X0, 4))?;
//! assert_eq!(load.to_string(), "ldr w3, [x0], #4");
//! assembler.emit(&load);
//! assembler.emit(&Inst::rrr(Op::Add32RRR, Reg::X2, Reg::X2, Reg::X3)?);
//! assembler.jmp(head);
//! assembler.bind(done);
//! assembler.emit(&Inst::rr(Op::Mov32RR, Reg::X0, Reg::X2)?);
//! assembler.op(Op::Ret, &[]);
//!
//! let code = assembler.finish()?;
//! assert_eq!(code.offset(head), Some(4));
//! assert_eq!(code.bytes[4..12], [0x21, 0x04, 0x00, 0xF1, 0x83, 0x00, 0x00, 0x54]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

pub mod access;
mod assembler;
mod code;
pub mod constant;
mod encode;
mod error;
mod finish;
mod form;
pub mod immediate;
mod inst;
mod island;
pub mod lanes;
mod listing;
mod op;
mod operand;
mod pool;
mod print;
mod reach;
mod refer;
mod register;
pub mod sized;
pub mod table;
mod template;
mod vector_constant;

pub use assembler::Assembler;
pub use code::{Code, OutOfReach, Reloc, RelocationKind};
pub use encode::LabelField;
pub use error::{AssembleError, OperandError, OperandProblem};
pub use form::{Addressing, Feature, Flags, Form, Kind, OperandForm, Registers, Role, Table};
pub use immediate::Immediate;
pub use inst::{Constraint, Inst};
pub use listing::{Item, Line, Listing};
pub use op::Op;
pub use operand::{Barrier, Cond, Extend, Label, Mem, Operand, Shift, SystemRegister};
pub use print::PrintRegister;
pub use reach::Reach;
pub use register::{Reg, RegClass, RegisterName, Width};
pub use template::{Field, Slot, Template};
