//! Why a function or stub could not be lowered.

use enjamb_ir::Inst;
use std::fmt;

/// What a step of the lowering gives.
pub type Lower<T> = Result<T, Reason>;

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
pub enum Reason {
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
    /// An assembler or the register allocator says no, in its own words.
    Other(String),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::NoBody => "the module has no body for it",
            Reason::NotTransformed => "an async function must go through the async transform first",
            Reason::UnknownSignature => "the instance layout does not know the signature",
            Reason::Malformed => "the instruction does not have the parts it needs",
            Reason::ModuleTooLarge => "the module is too large",
            Reason::FrameTooLarge => "the frame is larger than two gigabytes",
            Reason::Other(reason) => reason,
        })
    }
}

/// Every error of the crates below is a reason. That is why a reason is no `Error` itself.
impl<E: std::error::Error> From<E> for Reason {
    fn from(error: E) -> Reason {
        Reason::Other(error.to_string())
    }
}
