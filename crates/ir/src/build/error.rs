//! What goes wrong when a module is built.

use crate::module::NameError;
use crate::verify::VerifyErrors;
use std::fmt;

/// Why a module or function was not built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BuildError {
    /// A name cannot be declared.
    Name(NameError),
    /// A function cannot be defined, or its builder was misused.
    Function {
        /// The name of the function.
        function: String,
        /// The printed instruction, if it is about one. Values have the numbers that the builder
        /// gave out.
        instruction: Option<String>,
        /// What is wrong.
        reason: String,
    },
    /// The finished module breaks rules of the verifier.
    Verify(VerifyErrors),
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BuildError::Name(error) => error.fmt(f),
            BuildError::Function {
                function,
                instruction,
                reason,
            } => {
                write!(f, "function `%{function}`")?;
                if let Some(instruction) = instruction {
                    write!(f, ", `{instruction}`")?;
                }
                write!(f, ": {reason}")
            }
            BuildError::Verify(errors) => errors.fmt(f),
        }
    }
}

impl std::error::Error for BuildError {}

impl From<NameError> for BuildError {
    fn from(error: NameError) -> Self {
        BuildError::Name(error)
    }
}

impl From<VerifyErrors> for BuildError {
    fn from(errors: VerifyErrors) -> Self {
        BuildError::Verify(errors)
    }
}
