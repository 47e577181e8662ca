//! Code memory, dispatcher, tasks and executor for code compiled by Enjamb.
//!
//! In: a [`CompiledModule`](enjamb_codegen::CompiledModule) and the functions that it imports. Out:
//! calls of its functions. [`LoadedModule`] publishes the code, [`Instance`] adds what belongs to
//! one use of it: memories, globals, continuations and tasks.
//!
//! ```text
//!  Instance ─→ machine ─→ entry trampoline ─→ compiled code ─→ stubs ─→ helpers ─→ host functions
//!                 │                                                        │
//!                 ├─→ dispatcher ─→ resumption stub ─→ compiled code       ↓
//!                 └─→ executor: run queue, timers, host      tasks, memories, objects
//! ```
//!
//! Invariants:
//! - No page is writable and runnable at a time.
//! - Compiled code reaches the runtime through helpers only; none of them unwinds, and a panic of
//!   a host function becomes an exception.
//! - A frame of the host is never skipped: an exception that leaves an entry is an error there.
//! - A trap ends one task, whose continuations are freed; the instance and its other tasks go on.
//! - A chain of continuations belongs to one task and ends with that task's root.
//! - The state of an instance is borrowed only between two entries into compiled code.
//!
//! This is the one crate of the code path with unsafe code; each block says why it is sound. It
//! depends on `enjamb-ir`, `enjamb-abi`, `enjamb-heap`, `enjamb-codegen`, `gimli`, `libc`, `object` and `tracing`.
//!
//! ```
//! use enjamb_runtime::CodeMemory;
//!
//! // A `ret` on a page of its own, which is executable and read-only.
//! let code = CodeMemory::publish(&[0xc3], &[], false)?;
//! assert_eq!(code.offset(code.address(0)), Some(0));
//! # Ok::<(), enjamb_runtime::Error>(())
//! ```

mod border;
mod cancel;
mod code_memory;
mod context;
mod continuations;
mod debug;
mod entry;
mod error;
mod executor;
mod failure;
mod guests;
mod helpers;
mod host;
mod inspect;
mod instance;
mod loaded;
mod machine;
mod mapping;
mod memory;
#[cfg(all(test, loom))]
mod models;
mod objects;
mod options;
mod processor;
mod source;
mod state;
mod sync;
mod task;
mod trace;
mod turns;
mod unwind;
mod versions;
mod wakes;

pub use cancel::REFUSALS;
pub use code_memory::{CodeInUse, CodeMemory};
pub use debug::{LoadOptions, debug_image};
pub use entry::{AlreadyInside, Entered, Entry, Serve, Ticket};
pub use error::{Error, HostError, Thrown, Trap};
pub use executor::ClockKind;
pub use failure::Cause;
pub use guests::{Driven, Guest, Guests};
pub use host::{
    HostContext, HostFunction, HostFuture, HostOperation, Imports, Operation, Outcome, Spare,
    WordFunction,
};
pub use instance::{Instance, TaskHandle};
pub use loaded::LoadedModule;
pub use machine::Step;
pub use mapping::{Access, Pages, Purpose, SystemPages};
pub use memory::SharedMemory;
pub use objects::ReferenceMaps;
pub use options::{Options, Stats};
pub use source::MemorySource;
pub use wakes::Wakes;
