//! Why a module cannot be compiled.

use enjamb_abi::target::UnsupportedTarget;
use enjamb_ir::VerifyErrors;
use enjamb_lower::LowerError;
use std::fmt;

/// A module that cannot be compiled.
#[derive(Clone, Debug)]
pub enum CompileError {
    /// The module breaks rules of the IR.
    Verify(VerifyErrors),
    /// A module that is not trusted has a function that was lowered already or has root slots. The
    /// instructions of such functions handle continuations, and with them the memory of the runtime, as
    /// they like, or say which references a collection finds.
    Untrusted {
        /// The function.
        function: String,
    },
    /// There is no pass of this name.
    UnknownPass {
        /// The name that was asked for.
        name: String,
    },
    /// A pass made a function that breaks rules of the IR: a mistake of this compiler.
    BrokenByPass {
        /// The pass.
        pass: &'static str,
        /// The function.
        function: String,
        /// The rules that it breaks.
        errors: VerifyErrors,
        /// The function before the pass.
        before: String,
        /// The function after the pass.
        after: String,
    },
    /// A function or stub cannot become code.
    Lower(LowerError),
    /// The code of the module is so large that one end does not reach the other.
    TooLarge {
        /// The most bytes that code for the target may have.
        limit: usize,
    },
    /// Code cannot be made for the machine that was asked for.
    Target(UnsupportedTarget),
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CompileError::Verify(errors) => errors.fmt(f),
            CompileError::Untrusted { function } => write!(
                f,
                "%{function} is lowered already or has root slots, which only a trusted module may have compiled"
            ),
            CompileError::UnknownPass { name } => {
                write!(f, "there is no pass `{name}`; the passes are")?;
                for (index, pass) in crate::passes::PASSES.iter().enumerate() {
                    let separator = if index == 0 { "" } else { "," };
                    write!(f, "{separator} {}", pass.name)?;
                }
                Ok(())
            }
            CompileError::BrokenByPass {
                pass,
                function,
                errors,
                before,
                after,
            } => write!(
                f,
                "pass `{pass}` broke %{function}; this is a mistake of the compiler\n{errors}\n\
                 before:\n{before}\nafter:\n{after}"
            ),
            CompileError::Lower(error) => error.fmt(f),
            CompileError::TooLarge { limit } => {
                write!(f, "the code does not fit in {} MiB", limit >> 20)
            }
            CompileError::Target(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CompileError {}

impl From<LowerError> for CompileError {
    fn from(error: LowerError) -> Self {
        CompileError::Lower(error)
    }
}

impl From<VerifyErrors> for CompileError {
    fn from(errors: VerifyErrors) -> Self {
        CompileError::Verify(errors)
    }
}

impl From<UnsupportedTarget> for CompileError {
    fn from(error: UnsupportedTarget) -> Self {
        CompileError::Target(error)
    }
}
