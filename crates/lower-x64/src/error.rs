//! Why a function or stub could not be lowered.

use enjamb_ir::Inst;
use enjamb_regalloc::AllocationError;
use enjamb_x64::{AssembleError, OperandError};
use std::fmt;

/// A function or stub that could not be lowered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LowerError {
    /// Name of the function, or what the stub is for.
    pub function: String,
    /// The instruction, if one is to blame.
    pub inst: Option<Inst>,
    /// What is wrong.
    pub reason: String,
}

impl LowerError {
    /// An error of a whole function or stub.
    pub fn new(function: impl Into<String>, reason: impl fmt::Display) -> Self {
        LowerError {
            function: function.into(),
            inst: None,
            reason: reason.to_string(),
        }
    }

    /// The same error, blamed on an instruction.
    pub fn at(self, inst: Inst) -> Self {
        LowerError {
            inst: Some(inst),
            ..self
        }
    }
}

impl fmt::Display for LowerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot lower `{}`", self.function)?;
        if let Some(inst) = self.inst {
            write!(f, ", {inst}")?;
        }
        write!(f, ": {}", self.reason)
    }
}

impl std::error::Error for LowerError {}

/// What prevents the lowering.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The module has no body for the function.
    NoBody,
    /// An async function has not been through the async transform.
    NotTransformed,
    /// The instance layout does not know a signature that the body names.
    UnknownSignature,
    /// An instruction and what it carries do not belong together; the verifier would say so.
    Malformed,
    /// The context block is larger than an instruction can address.
    ModuleTooLarge,
    /// The frame is larger than an instruction can address.
    FrameTooLarge,
    /// An operand does not fit the machine instruction that was chosen.
    Operand(OperandError),
    /// Register allocation failed.
    Allocation(AllocationError),
    /// Assembly failed.
    Assembly(AssembleError),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::NoBody => f.write_str("the module has no body for it"),
            Reason::NotTransformed => {
                f.write_str("an async function must go through the async transform first")
            }
            Reason::UnknownSignature => {
                f.write_str("the instance layout does not know the signature")
            }
            Reason::Malformed => f.write_str("the instruction does not have the parts it needs"),
            Reason::ModuleTooLarge => f.write_str("the module is too large"),
            Reason::FrameTooLarge => f.write_str("the frame is larger than two gigabytes"),
            Reason::Operand(error) => error.fmt(f),
            Reason::Allocation(error) => error.fmt(f),
            Reason::Assembly(error) => error.fmt(f),
        }
    }
}

impl From<OperandError> for Reason {
    fn from(error: OperandError) -> Reason {
        Reason::Operand(error)
    }
}

impl From<AllocationError> for Reason {
    fn from(error: AllocationError) -> Reason {
        Reason::Allocation(error)
    }
}

impl From<AssembleError> for Reason {
    fn from(error: AssembleError) -> Reason {
        Reason::Assembly(error)
    }
}
