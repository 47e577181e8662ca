//! Why a call gave no results.

use enjamb_ir::{Exception, Location, Trace, TrapCode};
use std::fmt;

/// The end of a task without results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trap {
    /// The reason.
    pub code: TrapCode,
    /// What else there is to say.
    pub message: Option<String>,
    /// Where it happened, unless the task had no activation.
    pub location: Option<Location>,
    /// The logical stack, as far as [`Options::trace`](crate::Options::trace) keeps it: where it
    /// happened, then the callers, suspended ones too, then those of the task that joined. A call
    /// whose results its function returns unchanged is not in it; see [`enjamb_ir::is_tail_await`].
    pub trace: Trace,
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "trap {}", self.code)?;
        if let Some(location) = &self.location {
            write!(f, " in {location}")?;
        }
        match &self.message {
            Some(message) => write!(f, ": {message}"),
            None => Ok(()),
        }
    }
}

/// An exception that nothing caught.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uncaught {
    /// The exception.
    pub exception: Exception,
    /// What a host function said; see [`Exception::HOST_ERROR`].
    pub message: Option<String>,
    /// Where it was thrown.
    pub location: Option<Location>,
    /// The frames that it has left, innermost first, as [`Trap::trace`] has them: for what nobody
    /// caught on the way, the logical stack at the throw.
    pub trace: Trace,
}

impl fmt::Display for Uncaught {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exception {}", self.exception)?;
        if let Some(location) = &self.location {
            write!(f, " thrown in {location}")?;
        }
        match &self.message {
            Some(message) => write!(f, ": {message}"),
            None => Ok(()),
        }
    }
}

/// Why an instance could not be made or a call gave no results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The program ended the call. The instance and its memories can still be used.
    Trap(Box<Trap>),
    /// The call ended with an exception. The instance and its memories can still be used.
    Exception(Box<Uncaught>),
    /// The call does not fit: an unknown function, a wrong number or type of arguments.
    BadCall(String),
    /// The instance cannot be made: an import is missing, a data segment does not fit.
    BadInstance(String),
    /// A rule of lowered IR is broken: a bug of the pass that made it, never of the program.
    Fault(Box<Fault>),
    /// The call took more than [`Options::instruction_limit`](crate::Options::instruction_limit).
    TooManyInstructions,
}

/// A broken rule of lowered IR, found while it ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong.
    pub reason: String,
    /// Where, unless it is between two activations.
    pub location: Option<Location>,
}

impl Error {
    /// The trap code, if the program trapped.
    pub fn trap_code(&self) -> Option<TrapCode> {
        match self {
            Error::Trap(trap) => Some(trap.code),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Trap(trap) => write!(f, "{trap}"),
            Error::Exception(uncaught) => write!(f, "{uncaught}"),
            Error::BadCall(reason) | Error::BadInstance(reason) => f.write_str(reason),
            Error::Fault(fault) => {
                write!(f, "fault: {}", fault.reason)?;
                match &fault.location {
                    Some(location) => write!(f, ", in {location}"),
                    None => Ok(()),
                }
            }
            Error::TooManyInstructions => f.write_str("the call takes too many instructions"),
        }
    }
}

impl std::error::Error for Error {}

/// Why the running task stops in the middle of an instruction.
#[derive(Clone, Debug)]
pub(crate) enum Stop {
    Trap(TrapCode),
    /// The task that was joined trapped: the record of this one says how.
    Joined,
    Fault(String),
    TooManyInstructions,
}

impl From<TrapCode> for Stop {
    fn from(code: TrapCode) -> Self {
        Stop::Trap(code)
    }
}

impl Stop {
    pub(crate) fn fault(reason: impl Into<String>) -> Self {
        Stop::Fault(reason.into())
    }
}
