//! Why a function or stub could not be lowered.

use enjamb_ir::Inst;
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
