//! The functions of the namespace `host`, which goldens and random programs import.
//!
//! They are defined by their names and signatures, so a program declares what it needs:
//!
//! | name | meaning |
//! |---|---|
//! | `log` | takes anything, gives back nothing; only its calls matter |
//! | `echo` | gives back its arguments |
//! | `later` | gives back its argument, and in machine code takes some turns for it if that is not zero; unlike others it is not among the host calls that are compared |
//! | `fail` | ends with an error of the host |
//! | `throw` | throws the exception of its two arguments |
//! | `handle` | makes a reference of a number |
//! | `number` | gives the number of a reference, 0 for null |

use enjamb_ir::{Exception, FuncId, FunctionKind, GlobalInit, Module, Payload, Val};
use std::fmt;

/// The namespace.
pub const NAMESPACE: &str = "host";

/// The names of its functions.
pub const NAMES: [&str; 7] = ["log", "echo", LATER, "fail", "throw", "handle", "number"];

/// The function that may take its time. When it is called and when it is ready depends on the engine, which makes no
/// difference to the programs that call it.
pub const LATER: &str = "later";

/// Whether a module refers to [`LATER`]. It is not enough that it imports it.
pub fn may_wait(module: &Module) -> bool {
    let is_later = |function: FuncId| match &module.functions[function].kind {
        FunctionKind::Import {
            namespace, name, ..
        } => namespace == NAMESPACE && name == LATER,
        FunctionKind::Body(_) => false,
    };
    let mut insts = module.bodies().flat_map(|(_, body)| body.insts.values());
    let mut entries = module.tables.values().flat_map(|table| &table.entries);
    insts.any(|inst| matches!(inst.payload, Payload::Function(function) if is_later(function)))
        || entries.any(|entry| entry.is_some_and(is_later))
        || module.globals.values().any(
            |global| matches!(global.init, GlobalInit::Function(function) if is_later(function)),
        )
}

/// The turns for which the future of `later` is not ready.
pub fn turns(args: &[Val]) -> u32 {
    match args {
        [Val::I64(number)] => (number & 3) as u32,
        _ => 0,
    }
}

/// Why a function of the namespace gives no results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// An error of the host.
    Error(String),
    /// An exception.
    Exception(Exception),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Error(message) => f.write_str(message),
            Failure::Exception(exception) => write!(f, "exception {exception}"),
        }
    }
}

/// What a function of the namespace does.
///
/// # Errors
/// The message of `fail`, and of a function that does not exist; the exception of `throw`.
pub fn call(name: &str, args: &[Val]) -> Result<Vec<Val>, Failure> {
    match (name, args) {
        ("log", _) => Ok(Vec::new()),
        ("echo" | LATER, args) => Ok(args.to_vec()),
        ("fail", _) => Err(Failure::Error("the host function failed".to_string())),
        ("throw", &[Val::I64(tag), Val::Ref(payload)]) => {
            Err(Failure::Exception(Exception { tag, payload }))
        }
        ("handle", &[Val::I64(number)]) => {
            Ok(vec![Val::Ref((number != 0).then_some(number as u64))])
        }
        ("number", &[Val::Ref(handle)]) => Ok(vec![Val::I64(handle.unwrap_or(0) as i64)]),
        _ => {
            let message = format!("the host has no function {name} for {args:?}");
            Err(Failure::Error(message))
        }
    }
}
