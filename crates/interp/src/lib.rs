//! An interpreter for Enjamb IR: the executable meaning of every instruction.
//!
//! In: a module that the verifier accepts, and functions for its imports. Out: the results of
//! calls, or an [`Error`] that says where and why there are none; memories and globals as the calls
//! left them; counts of what happened.
//!
//! It is the oracle that compiled code is compared with, so it shares no idea with the async
//! transform. A call of an async function as it was written suspends by parking the frames of its
//! task, which are on the heap in any case. A module that has been transformed runs too: a
//! continuation is an object of named fields, the dispatcher is part of the interpreter, and a
//! load of a field that the state did not save is an [`Error::Fault`], never a value.
//!
//! What holds:
//! - a call of the IR is never a call of the interpreter in Rust, so the depth of recursion is
//!   limited by [`Options::stack_limit`] alone;
//! - a run depends on nothing but the module, the arguments, the [`Options`] and what host
//!   functions return; with the virtual clock not on time either;
//! - a value that no path defined, such as an argument of a resumed activation, may be passed to a
//!   block and not used otherwise;
//! - after an error the instance can be called again;
//! - tasks belong to the instance: those that a call leaves go on while another one waits, or by
//!   [`Instance::turn`] and [`Instance::round`].
//!
//! It depends on `enjamb-ir` and `tracing`.
//!
//! ```
//! use enjamb_interp::{Imports, Instance, Options, Schedule, Val};
//!
//! let module = enjamb_ir::parse_module(
//!     r#"
//!     import %yield = "enjamb" "yield" () async
//!     function %twice(i64) -> i64 async {
//!     block0(v0: i64):
//!         call %yield()
//!         v1 = iadd v0, v0
//!         return v1
//!     }
//!     "#,
//! )?;
//! let options = Options { schedule: Schedule::Always, ..Options::default() };
//! let mut instance = Instance::new(&module, Imports::new(), options)?;
//! assert_eq!(instance.call("twice", &[Val::I64(21)])?, [Val::I64(42)]);
//! assert_eq!(instance.stats().suspensions, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod access;
mod call;
mod cancel;
mod context;
mod continuation;
mod control;
mod convert;
mod dispatch;
mod error;
mod exception;
mod float;
mod fuel;
mod heap;
mod host;
mod host_objects;
mod inspect;
mod instance;
mod integer;
mod machine;
mod memory;
mod object;
mod operation;
mod options;
mod scheduler;
mod stack;
mod task;
mod trace;
mod value;
mod vector;

pub use enjamb_ir::host_objects::{HeapStatistics, HostObjects, ObjectError};
pub use enjamb_ir::{Schedule, Val};
pub use error::{Error, Fault, Trap, Uncaught};
pub use host::{HostCall, HostContext, HostError, Imports};
pub use instance::Instance;
pub use memory::Memory;
pub use options::{Clock, Options, Stats, Turn};
