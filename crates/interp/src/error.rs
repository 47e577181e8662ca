//! Why a call gave no results.

use enjamb_ir::print::display_inst;
use enjamb_ir::{Exception, Function, Inst, Module, PointId, SourcePos, TrapCode};
use std::fmt;

/// A place in a running program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The name of the function, without the percent sign.
    pub function: String,
    /// The instruction in the text format; for an activation that lies suspended in an object, the
    /// name of its suspension point.
    pub instruction: String,
    /// Its position in the source: file, line, column.
    pub position: Option<(String, u32, u32)>,
}

impl Location {
    /// The place of an instruction.
    pub(crate) fn of_instruction(module: &Module, function: &Function, inst: Inst) -> Self {
        let position = function.positions[inst];
        let mut instruction = display_inst(Some(module), function, inst).to_string();
        // The text ends with the position, which stands here in full.
        if let (Some(_), Some((bare, _))) = (position, instruction.rsplit_once(" @ ")) {
            instruction.truncate(bare.len());
        }
        Location {
            function: function.name.clone(),
            instruction,
            position: position.map(|position| named_position(module, position)),
        }
    }

    /// The place of an activation that is suspended at a point.
    pub(crate) fn of_point(module: &Module, function: &Function, point: PointId) -> Self {
        let position = function.points[point].position;
        Location {
            function: function.name.clone(),
            instruction: point.to_string(),
            position: position.map(|position| named_position(module, position)),
        }
    }
}

fn named_position(module: &Module, position: SourcePos) -> (String, u32, u32) {
    let file = module.files.get(position.file).cloned();
    let file = file.unwrap_or_else(|| position.file.to_string());
    (file, position.line, position.column)
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "%{}: `{}`", self.function, self.instruction)?;
        if let Some((file, line, column)) = &self.position {
            write!(f, " at {file}:{line}:{column}")?;
        }
        Ok(())
    }
}

/// The end of a task without results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trap {
    /// The reason.
    pub code: TrapCode,
    /// The logical stack: where it happened, then the callers, suspended ones too, then those of
    /// the task that joined. Not more than [`Trap::STACK_SHOWN`].
    pub stack: Vec<Location>,
    /// How many callers are not listed.
    pub omitted: usize,
}

impl Trap {
    /// The most entries of a logical stack that are kept.
    pub const STACK_SHOWN: usize = 64;

    /// Where it happened, unless the task had no activation.
    pub fn location(&self) -> Option<&Location> {
        self.stack.first()
    }

    pub(crate) fn new(code: TrapCode) -> Self {
        Trap {
            code,
            stack: Vec::new(),
            omitted: 0,
        }
    }

    /// Adds a caller to the logical stack.
    pub(crate) fn push(&mut self, location: impl FnOnce() -> Location) {
        if self.stack.len() < Self::STACK_SHOWN {
            self.stack.push(location());
        } else {
            self.omitted += 1;
        }
    }
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "trap {}", self.code)?;
        match self.location() {
            Some(location) => write!(f, " in {location}"),
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
    /// The logical stack of the place where it was thrown first, as [`Trap::stack`] has it.
    pub stack: Vec<Location>,
    /// How many callers are not listed.
    pub omitted: usize,
}

impl Uncaught {
    /// The most entries of a logical stack that are kept.
    pub const STACK_SHOWN: usize = Trap::STACK_SHOWN;
}

impl fmt::Display for Uncaught {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exception {}", self.exception)?;
        if let Some(location) = self.stack.first() {
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
    /// The task that was joined ended like this.
    Joined(Box<Trap>),
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
