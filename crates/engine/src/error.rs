//! Every way in which something can go wrong, as a value.

use crate::objects::Ref;
use enjamb_ir::host_objects::ObjectError;
use enjamb_ir::{Diagnostic, Exception, Location, Signature, Trace, TrapCode, diagnostic};
use std::fmt;

/// What a host function returns when it cannot give results.
pub type HostError = Box<dyn std::error::Error + Send + Sync>;

/// What went wrong. The engine, and the instance if there is one, can be used further.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The text is no module.
    Parse(Vec<Diagnostic>),
    /// The module breaks rules of the IR.
    Verify(Vec<Diagnostic>),
    /// The compiler could not make code of a verified module.
    Compile(String),
    /// The code of a module cannot be made ready to run: there is no memory for it, or debuggers cannot be told.
    Load(String),
    /// An import that nothing satisfies.
    Link(Box<LinkError>),
    /// The instance cannot be made: no memory, or a data segment does not fit.
    Instantiate(String),
    /// The module exports nothing of this kind by this name.
    NoExport {
        /// What was asked for: `function`, `memory`, `global`, `object type` or `field`.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// A function was asked for or called in a way that does not fit its signature.
    BadCall {
        /// The name of the function.
        function: String,
        /// Its signature.
        expected: Signature,
        /// How it was to be called.
        got: String,
    },
    /// A function cannot be replaced by that of another module.
    Replace {
        /// The name of the function.
        function: String,
        /// Why not.
        reason: String,
    },
    /// The program ended the call.
    Trap(Box<Trap>),
    /// The program threw an exception that nothing in it caught.
    Exception(Box<Thrown>),
    /// The host reached outside a memory.
    OutOfBounds {
        /// The name of the memory.
        memory: String,
        /// The first byte.
        offset: u64,
        /// How many bytes.
        length: u64,
        /// How many bytes the memory has.
        size: u64,
    },
    /// Something that cannot be done with an object.
    Object(ObjectError),
    /// A value of another type than the global variable has.
    WrongType(String),
    /// Somebody is inside of the instance: another thread, or a host function that it called tried to call it.
    Running,
    /// A call that would block was made by a thread that is polling a [`Call`](crate::Call): the executor
    /// of that call would not get to what is waited for.
    InsideExecutor,
    /// Machine code cannot run on this host.
    UnsupportedHost(String),
    /// A bug of Enjamb, found while a program ran.
    Internal(String),
}

/// An import that nothing satisfies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkError {
    /// The first half of the import's name.
    pub namespace: String,
    /// The second half of the import's name.
    pub name: String,
    /// The signature that the module expects.
    pub expected: Signature,
    /// The signature of what goes by this name, if anything does.
    pub found: Option<Signature>,
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LinkError {
            namespace,
            name,
            expected,
            found,
        } = self;
        match found {
            None => write!(
                f,
                "unknown import \"{namespace}\" \"{name}\" of signature {expected}"
            ),
            Some(found) => write!(
                f,
                "import \"{namespace}\" \"{name}\" has signature {expected}, but what is given has {found}"
            ),
        }
    }
}

/// The end of a call without results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trap {
    /// The reason.
    pub code: TrapCode,
    /// Where it happened.
    pub location: Option<Location>,
    /// What the host function said whose error this is; see [`TrapCode::HostError`].
    pub message: Option<String>,
    /// The logical stack, as far as [`Config::trace`](crate::Config::trace) keeps it.
    pub trace: Trace,
}

/// An exception that nothing caught.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thrown {
    /// The exception.
    pub exception: Exception,
    /// Where it was thrown.
    pub location: Option<Location>,
    /// What the host function said whose error or panic this is; see [`Exception::HOST_ERROR`].
    pub message: Option<String>,
    /// The logical stack that it has left, as far as [`Config::trace`](crate::Config::trace) keeps it.
    pub trace: Trace,
}

impl fmt::Display for Thrown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exception {}", self.exception)?;
        if let Some(location) = &self.location {
            write!(f, " in {location}")?;
        }
        match &self.message {
            Some(message) => write!(f, ": {message}"),
            None => Ok(()),
        }
    }
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

impl Error {
    /// The error that a host function returns to throw an exception of the program's own.
    ///
    /// ```
    /// use enjamb_engine::{Error, Imports};
    ///
    /// const NEGATIVE: i64 = 7; // a tag that the front end has chosen
    /// Imports::new().func("math", "root", |number: i64| match u64::try_from(number) {
    ///     Ok(number) => Ok(number.isqrt()),
    ///     Err(_) => Err(Error::throw(NEGATIVE, None)),
    /// });
    /// ```
    pub fn throw(tag: i64, payload: Option<Ref>) -> Error {
        let payload = payload.map(|payload| payload.number().get());
        Error::Exception(Box::new(Thrown {
            exception: Exception { tag, payload },
            location: None,
            message: None,
            trace: Trace::default(),
        }))
    }

    /// What a call gives that was cancelled before it began.
    pub(crate) fn cancelled() -> Error {
        Error::throw(Exception::CANCELLED, None)
    }

    /// Whether this is how a task ends that was cancelled.
    pub fn is_cancelled(&self) -> bool {
        let thrown = self.exception().map(|thrown| thrown.exception.tag);
        thrown == Some(Exception::CANCELLED)
    }

    /// The reason of a trap.
    pub fn trap_code(&self) -> Option<TrapCode> {
        match self {
            Error::Trap(trap) => Some(trap.code),
            _ => None,
        }
    }

    /// The exception that nothing caught.
    pub fn exception(&self) -> Option<&Thrown> {
        match self {
            Error::Exception(thrown) => Some(thrown),
            _ => None,
        }
    }

    /// The logical stack, if the program ended the call: functions and source positions, innermost
    /// first, as if nothing had ever been suspended.
    pub fn trace(&self) -> Option<&Trace> {
        match self {
            Error::Trap(trap) => Some(&trap.trace),
            Error::Exception(thrown) => Some(&thrown.trace),
            _ => None,
        }
    }

    /// What is wrong with a text, for [`Error::Parse`] and [`Error::Verify`]; else nothing.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        match self {
            Error::Parse(diagnostics) | Error::Verify(diagnostics) => diagnostics,
            _ => &[],
        }
    }

    /// The error for a person who has the text: with file, line, column, the line itself and a
    /// caret where it is about a place of the text.
    pub fn render(&self, file_name: &str, text: &str, color: bool) -> String {
        match self.diagnostics() {
            [] => format!("error: {self}"),
            diagnostics => diagnostic::render(diagnostics, file_name, text, color),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Parse(diagnostics) | Error::Verify(diagnostics) => {
                for (index, diagnostic) in diagnostics.iter().enumerate() {
                    let separator = if index > 0 { "\n" } else { "" };
                    write!(f, "{separator}{diagnostic}")?;
                }
                Ok(())
            }
            Error::Compile(reason) => write!(f, "cannot compile: {reason}"),
            Error::Load(reason) => write!(f, "cannot load the code: {reason}"),
            Error::Link(error) => error.fmt(f),
            Error::Instantiate(reason) => write!(f, "cannot make an instance: {reason}"),
            Error::NoExport { kind, name } => write!(f, "the module has no {kind} `{name}`"),
            Error::BadCall {
                function,
                expected,
                got,
            } => {
                write!(
                    f,
                    "function `{function}` has signature {expected}, but {got}"
                )
            }
            Error::Replace { function, reason } => {
                write!(f, "cannot replace function `{function}`: {reason}")
            }
            Error::Trap(trap) => trap.fmt(f),
            Error::Exception(thrown) => thrown.fmt(f),
            Error::OutOfBounds {
                memory,
                offset,
                length,
                size,
            } => write!(
                f,
                "{length} bytes at {offset} are not inside memory `{memory}` of {size} bytes"
            ),
            Error::Object(error) => error.fmt(f),
            Error::WrongType(reason) => f.write_str(reason),
            Error::Running => f.write_str("the instance is running a function"),
            Error::InsideExecutor => {
                f.write_str("this thread is polling a call and must not be blocked by another one")
            }
            Error::UnsupportedHost(host) => {
                write!(f, "unsupported host: no machine code for {host}")
            }
            Error::Internal(reason) => write!(f, "bug in Enjamb: {reason}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<ObjectError> for Error {
    fn from(error: ObjectError) -> Self {
        Error::Object(error)
    }
}
