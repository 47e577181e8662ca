//! What can be wrong with an instruction or with a whole assembly.

use std::error::Error;
use std::fmt;

use crate::form::{Kind, Registers};
use crate::op::Op;
use crate::operand::Label;
use crate::register::Width;

/// An operand does not fit the form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperandError {
    /// The form.
    pub op: Op,
    /// The operand's place in the form's list.
    pub operand: usize,
    /// What is wrong.
    pub problem: OperandProblem,
}

/// What is wrong with an operand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperandProblem {
    /// The instruction has this many operands.
    Count(usize),
    /// The form wants another kind of operand here.
    Kind(Kind),
    /// The immediate cannot be encoded.
    Immediate {
        /// The value given.
        value: i64,
        /// The width of the operation.
        width: Width,
    },
    /// The displacement of a memory reference, or the distance of a target, cannot be encoded.
    Displacement(i64),
    /// The shift's kind or amount cannot be encoded.
    Shift,
    /// The extension or the amount that follows it cannot be encoded.
    Extend,
    /// The register is not one of these.
    Register(Registers),
    /// The register of an index is the stack pointer.
    StackPointerAsIndex,
    /// The instruction writes one register twice, or writes its base back and transfers it, or an
    /// exclusive store tells the outcome in a register that it reads: the architecture leaves open
    /// what happens.
    Overlap,
    /// The register is not the one behind the table's first.
    NotBehind,
    /// No form has this memory reference.
    NoForm,
}

impl fmt::Display for OperandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let form = self.op.info();
        write!(f, "{:?} (`{}`): ", self.op, form.mnemonic())?;
        if !matches!(self.problem, OperandProblem::Count(_)) {
            write!(f, "operand {}: ", self.operand)?;
        }
        match &self.problem {
            OperandProblem::Count(count) => {
                write!(f, "{count} operands given, {} wanted", form.operands.len())
            }
            OperandProblem::Kind(kind) => write!(f, "{} wanted", describe(*kind)),
            OperandProblem::Immediate { value, width } => {
                write!(
                    f,
                    "{value:#x} is no immediate of {} bits here",
                    width.bits()
                )
            }
            OperandProblem::Displacement(distance) => {
                write!(f, "a distance of {distance} bytes cannot be encoded")
            }
            OperandProblem::Shift => f.write_str("the shift cannot be encoded"),
            OperandProblem::Extend => f.write_str("the extension cannot be encoded"),
            OperandProblem::Register(registers) => {
                write!(f, "{} wanted", describe_registers(*registers))
            }
            OperandProblem::StackPointerAsIndex => f.write_str("sp cannot be an index"),
            OperandProblem::Overlap => {
                f.write_str("the register must differ from the instruction's other ones")
            }
            OperandProblem::NotBehind => {
                f.write_str("the second half of a table is in the register behind the first")
            }
            OperandProblem::NoForm => f.write_str("no form has this memory reference"),
        }
    }
}

fn describe_registers(registers: Registers) -> &'static str {
    match registers {
        Registers::Gpr | Registers::Extended => "a general register or the zero register",
        Registers::GprOrSp => "a general register or the stack pointer",
        Registers::Scalar | Registers::Vector(_) | Registers::Table(_) => {
            "a SIMD and floating-point register"
        }
    }
}

fn describe(kind: Kind) -> &'static str {
    match kind {
        Kind::Register(registers, _) => describe_registers(registers),
        Kind::Immediate(_) => "an immediate",
        Kind::Lane(_) => "the number of an element",
        Kind::Shift(_) | Kind::Place(_) => "a shift",
        Kind::Extend => "an extension",
        Kind::Memory(_) => "a memory reference of the form's kind",
        Kind::Target(_) => "a label or a distance",
        Kind::Condition(_) => "a condition",
        Kind::System(false) => "a system register",
        Kind::System(true) => "a system register that can be written",
        Kind::Barrier => "the scope of a barrier",
    }
}

impl Error for OperandError {}

/// Why [`crate::Assembler::finish`] gave no code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AssembleError {
    /// An instruction has a bad operand.
    Operand {
        /// The instruction's place: how many were emitted before it.
        instruction: usize,
        /// What is wrong with it.
        error: OperandError,
    },
    /// A label that is referred to was never bound.
    Unbound(Label),
    /// A label was bound twice.
    BoundTwice(Label),
    /// A label is bound or referred to that this assembler did not create.
    Foreign(Label),
    /// A constant of this many bytes; only 4, 8 and 16 are allowed.
    ConstantSize(usize),
    /// An alignment that is not a power of two up to 4096.
    Alignment(u32),
    /// A reservation of more than 4096 bytes.
    Reservation(u32),
    /// An instruction would stand at this offset, which is no multiple of four.
    Misaligned(u32),
    /// The code is larger than 128 MiB, the reach of an unconditional branch.
    TooLarge,
    /// A reference to a label is out of reach.
    Distance(Label),
}

impl fmt::Display for AssembleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AssembleError::Operand { instruction, error } => {
                write!(f, "instruction {instruction}: {error}")
            }
            AssembleError::Unbound(label) => write!(f, "label {label} is used but never bound"),
            AssembleError::BoundTwice(label) => write!(f, "label {label} is bound twice"),
            AssembleError::Foreign(label) => {
                write!(f, "label {label} is not one of this assembler's")
            }
            AssembleError::ConstantSize(size) => {
                write!(f, "a constant has 4, 8 or 16 bytes, not {size}")
            }
            AssembleError::Alignment(boundary) => {
                write!(f, "{boundary} is no power of two up to 4096 to align to")
            }
            AssembleError::Reservation(bytes) => {
                write!(
                    f,
                    "{bytes} bytes are more than the 4096 that can be kept together"
                )
            }
            AssembleError::Misaligned(offset) => {
                write!(f, "an instruction at offset {offset}, no multiple of four")
            }
            AssembleError::TooLarge => f.write_str("the code is larger than 128 MiB"),
            AssembleError::Distance(label) => {
                write!(f, "a reference to label {label} is out of reach")
            }
        }
    }
}

impl Error for AssembleError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            AssembleError::Operand { error, .. } => Some(error),
            _ => None,
        }
    }
}
