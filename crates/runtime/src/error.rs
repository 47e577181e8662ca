//! What can go wrong, as values.

use crate::failure::Cause;
use enjamb_ir::{Exception, FuncId, Inst, Location, SourcePos, Trace, TrapCode};
use std::fmt;

/// The end of a task, or of a call from the host, without results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trap {
    /// The reason.
    pub code: TrapCode,
    /// The function that trapped, or that called what trapped.
    pub function: Option<FuncId>,
    /// Its name.
    pub function_name: Option<String>,
    /// The instruction, in the module before all passes.
    pub inst: Option<Inst>,
    /// The instruction as text.
    pub instruction: Option<String>,
    /// Its source position.
    pub position: Option<SourcePos>,
    /// The same with the name of the file: file, line, column.
    pub place: Option<(String, u32, u32)>,
    /// Offset in the module's code of the return address that identified the trap.
    pub native_offset: Option<u32>,
    /// What a host function, or a trap of a joined task, has to say; and for what there was no memory.
    pub message: Option<String>,
    /// The logical stack, as far as [`Options::trace`](crate::Options::trace) keeps it.
    pub trace: Trace,
}

impl Trap {
    pub(crate) fn new(code: TrapCode) -> Trap {
        Trap {
            code,
            function: None,
            function_name: None,
            inst: None,
            instruction: None,
            position: None,
            place: None,
            native_offset: None,
            message: None,
            trace: Trace::default(),
        }
    }
}

/// A trap outside compiled code.
pub(crate) fn bare_trap(code: TrapCode) -> Error {
    Error::Trap(Box::new(Trap::new(code)))
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "trap {}", self.code)?;
        if let Some(name) = &self.function_name {
            write!(f, " in %{name}")?;
        }
        if let Some(instruction) = &self.instruction {
            write!(f, ": `{instruction}`")?;
        }
        if let Some((file, line, column)) = &self.place {
            write!(f, " at {file}:{line}:{column}")?;
        }
        if let Some(message) = &self.message {
            write!(f, ": {message}")?;
        }
        Ok(())
    }
}

/// An exception that nobody caught.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thrown {
    /// The exception.
    pub exception: Exception,
    /// What the host function had to say whose error it was.
    pub message: Option<String>,
    /// Where it was thrown.
    pub location: Option<Location>,
    /// The logical stack that it has left, as far as [`Options::trace`](crate::Options::trace) keeps
    /// it.
    pub trace: Trace,
}

impl fmt::Display for Thrown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "uncaught exception {}", self.exception)?;
        if let Some(location) = &self.location {
            write!(f, " in {location}")?;
        }
        match &self.message {
            Some(message) => write!(f, ": {message}"),
            None => Ok(()),
        }
    }
}

/// Why a host function gave no results: a message, and what its caller gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostError {
    /// The exception that is thrown at the call: [`Exception::HOST_ERROR`], or that with which
    /// another call ended; or the trap that another call ended with.
    pub cause: Cause,
    /// What happened.
    pub message: Option<String>,
}

impl HostError {
    /// An exception that stands for something that happened in the host.
    pub(crate) fn exception(tag: i64, message: String) -> HostError {
        let exception = Exception { tag, payload: None };
        HostError {
            cause: Cause::Exception(exception),
            message: Some(message),
        }
    }
}

impl From<Exception> for HostError {
    fn from(exception: Exception) -> HostError {
        HostError {
            cause: Cause::Exception(exception),
            message: None,
        }
    }
}

impl From<TrapCode> for HostError {
    fn from(code: TrapCode) -> HostError {
        HostError {
            cause: Cause::Trap(code),
            message: None,
        }
    }
}

/// There is no memory for something, and why: the trap `out_of_memory`.
#[derive(Debug)]
pub(crate) struct NoMemory(pub(crate) String);

impl NoMemory {
    pub(crate) const CAUSE: Cause = Cause::Trap(TrapCode::OutOfMemory);
}

impl From<NoMemory> for HostError {
    fn from(NoMemory(reason): NoMemory) -> HostError {
        HostError {
            cause: NoMemory::CAUSE,
            message: Some(reason),
        }
    }
}

impl From<NoMemory> for Error {
    fn from(NoMemory(reason): NoMemory) -> Error {
        Error::Trap(Box::new(Trap {
            message: Some(reason),
            ..Trap::new(TrapCode::OutOfMemory)
        }))
    }
}

impl From<String> for HostError {
    fn from(message: String) -> Self {
        HostError::exception(Exception::HOST_ERROR, message)
    }
}

impl From<&str> for HostError {
    fn from(message: &str) -> Self {
        HostError::from(message.to_string())
    }
}

/// Why a module could not be loaded, an instance not be made, or a call gave no results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The program ended the call. The instance and its other tasks go on.
    Trap(Box<Trap>),
    /// The call ended with an exception.
    Exception(Box<Thrown>),
    /// The call does not fit: an unknown function, or arguments of other number or types.
    BadCall(String),
    /// No host function was given for an import.
    MissingImport {
        /// The first half of its name.
        namespace: String,
        /// The second half of its name.
        name: String,
    },
    /// Compiled code and its module do not fit together, or the instance cannot be set up.
    Load(String),
    /// A task handle that names no task, or one that has been joined or detached.
    BadTask,
    /// The operating system, or a source of memory, refused something.
    System(String),
}

impl Error {
    /// The trap, if the program trapped.
    pub fn trap(&self) -> Option<&Trap> {
        match self {
            Error::Trap(trap) => Some(trap),
            _ => None,
        }
    }

    /// The exception, if nobody caught one.
    pub fn exception(&self) -> Option<&Thrown> {
        match self {
            Error::Exception(thrown) => Some(thrown),
            _ => None,
        }
    }

    /// The logical stack, if the call ended with a trap or an exception.
    pub fn trace(&self) -> Option<&Trace> {
        match self {
            Error::Trap(trap) => Some(&trap.trace),
            Error::Exception(thrown) => Some(&thrown.trace),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Trap(trap) => trap.fmt(f),
            Error::Exception(thrown) => thrown.fmt(f),
            Error::BadCall(reason) => write!(f, "bad call: {reason}"),
            Error::MissingImport { namespace, name } => {
                write!(f, "nothing provides import \"{namespace}\" \"{name}\"")
            }
            Error::Load(reason) => write!(f, "cannot load: {reason}"),
            Error::BadTask => f.write_str("no such task"),
            Error::System(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for Error {}

impl From<Error> for HostError {
    fn from(error: Error) -> HostError {
        let message = error.to_string();
        match error {
            Error::Trap(trap) => HostError {
                cause: Cause::Trap(trap.code),
                message: Some(message),
            },
            Error::Exception(thrown) => HostError {
                cause: Cause::Exception(thrown.exception),
                message: thrown.message,
            },
            _ => HostError::exception(Exception::HOST_ERROR, message),
        }
    }
}
