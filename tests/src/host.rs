//! The functions of the namespace `host`, which goldens and random programs import.
//!
//! They are defined by their names and signatures, so a program declares what it needs:
//!
//! | name | meaning |
//! |---|---|
//! | `log` | takes anything, gives back nothing; only its calls matter |
//! | `echo` | gives back its arguments |
//! | `fail` | ends with an error of the host |
//! | `handle` | makes a reference of a number |
//! | `number` | gives the number of a reference, 0 for null |

use enjamb_ir::Val;

/// The namespace.
pub const NAMESPACE: &str = "host";

/// The names of its functions.
pub const NAMES: [&str; 5] = ["log", "echo", "fail", "handle", "number"];

/// What a function of the namespace does.
///
/// # Errors
/// The message of `fail`, and of a function that does not exist.
pub fn call(name: &str, args: &[Val]) -> Result<Vec<Val>, String> {
    match (name, args) {
        ("log", _) => Ok(Vec::new()),
        ("echo", args) => Ok(args.to_vec()),
        ("fail", _) => Err("the host function failed".to_string()),
        ("handle", &[Val::I64(number)]) => {
            Ok(vec![Val::Ref((number != 0).then_some(number as u64))])
        }
        ("number", &[Val::Ref(handle)]) => Ok(vec![Val::I64(handle.unwrap_or(0) as i64)]),
        _ => Err(format!("the host has no function {name} for {args:?}")),
    }
}
