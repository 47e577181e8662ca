//! What can be wrong with an instruction or with a whole assembly.

use std::error::Error;
use std::fmt;

use crate::form::Kind;
use crate::op::Op;
use crate::operand::Label;
use crate::register::{Reg, RegClass, Width};

/// An operand does not fit the form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperandError {
    /// The form.
    pub op: Op,
    /// The operand's place in the list of all of the form's operands, hidden ones included.
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
    /// The immediate or distance does not fit its field.
    Immediate {
        /// The value given.
        value: i64,
        /// The size of the field.
        field_bytes: u8,
        /// The width that the field is sign-extended to.
        width: Width,
    },
    /// The register is of another class, or its number is not a register's.
    Class(RegClass),
    /// The register must be this one.
    Fixed(Reg),
    /// RSP cannot be an index.
    StackPointerAsIndex,
    /// A reference relative to RIP has no index.
    IndexWithLabel,
    /// A jump with an 8-bit distance got a label; only [`crate::Assembler`] resolves those.
    ShortJumpToLabel,
}

impl fmt::Display for OperandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let form = self.op.info();
        write!(f, "{:?} (`{}`): ", self.op, form.mnemonic)?;
        if !matches!(self.problem, OperandProblem::Count(_)) {
            write!(f, "operand {}: ", self.operand)?;
        }
        match &self.problem {
            OperandProblem::Count(count) => {
                write!(f, "{count} operands given, {} wanted", form.operands.len())
            }
            OperandProblem::Kind(kind) => write!(f, "{} wanted", describe(*kind)),
            OperandProblem::Immediate {
                value,
                field_bytes,
                width,
            } => write!(
                f,
                "{value} does not fit {field_bytes} bytes extended to {} bits",
                width.bits()
            ),
            OperandProblem::Class(class) => {
                write!(f, "{} wanted", describe(Kind::Register(*class)))
            }
            OperandProblem::Fixed(register) => write!(f, "the register must be {register}"),
            OperandProblem::StackPointerAsIndex => f.write_str("rsp cannot be an index"),
            OperandProblem::IndexWithLabel => {
                f.write_str("a reference relative to rip has no index")
            }
            OperandProblem::ShortJumpToLabel => {
                f.write_str("only an assembler resolves a label for an 8-bit distance")
            }
        }
    }
}

fn describe(kind: Kind) -> String {
    let class = |class| match class {
        RegClass::Gpr => "a general register",
        RegClass::Xmm => "an XMM register",
    };
    match kind {
        Kind::Register(which) | Kind::RegisterInMemoryField(which) => class(which).to_owned(),
        Kind::RegisterOrMemory(which) => format!("{} or memory", class(which)),
        Kind::Memory | Kind::Address => "a memory reference".to_owned(),
        Kind::Immediate => "an immediate".to_owned(),
        Kind::Target => "a label or a distance".to_owned(),
        Kind::Fixed(register) => format!("the register {register}"),
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
    /// The code does not fit into 31 bits of offset.
    TooLarge,
    /// A label plus displacement is further than 31 bits away.
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
            AssembleError::TooLarge => f.write_str("the code is larger than 2 GiB"),
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
