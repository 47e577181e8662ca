//! Engine, module, instance and typed functions: how a Rust program embeds Enjamb.
//!
//! In: a module, as text or built, and Rust closures for what it imports. Out: functions to call,
//! memories and globals to look into, and for everything that can go wrong an [`Error`].
//!
//! ```text
//! Config ──▶ Engine ──▶ Module ──▶ Instance ──▶ TypedFunc ──▶ Call; Memory, Global
//!                          Imports ──┘
//! ```
//!
//! A [`Module`] is verified and compiled once; an [`Instance`] of it has memories, globals and
//! tasks of its own, and a heap for [`Objects`] if the module declares types of them. Machine code and the interpreter stand behind the same types and give the same
//! results; [`Config::execution`] chooses.
//!
//! What holds:
//! - bad input of any kind is an [`Error`], and engine and instance can be used after it;
//! - one thread at a time is inside of an instance, so it needs no lock of the caller's: a call that would
//!   block is refused meanwhile, a [`Call`], which is a future, waits, and blocks nobody;
//! - a host function reaches the instance that called it through its [`Caller`] and not otherwise.
//!
//! A host calls functions in one of three ways: it blocks ([`TypedFunc::call`], [`TypedFunc::block_on`]),
//! awaits ([`TypedFunc::call_async`]), or resumes by itself ([`Instance::start`]); or it spawns a [`Task`]
//! ([`TypedFunc::spawn`]), which goes on whoever awaits it. What it offers to modules
//! may be async too ([`Imports::async_func`]).
//!
//! It depends on `enjamb-runtime`, `enjamb-codegen`, `enjamb-interp`, `enjamb-heap`, `enjamb-abi` and
//! `enjamb-ir`.
//!
//! ```
//! use enjamb_engine::{Config, Engine, Execution, Imports, Instance, Module};
//!
//! let engine = Engine::new(Config::new().execution(Execution::Interpreter))?;
//! let module = Module::from_text(&engine, r#"
//!     import %scale = "host" "scale" (i64) -> i64
//!     import %yield = "enjamb" "yield" () async
//!     export "main" = %main
//!     function %main(i64) -> i64 async {
//!     block0(v0: i64):
//!         call %yield()
//!         v1 = call %scale(v0)
//!         return v1
//!     }
//! "#)?;
//! let mut imports = Imports::new();
//! imports.func("host", "scale", |number: i64| number * 2);
//! let instance = Instance::new(&module, &imports)?;
//! let main = instance.func::<(i64,), i64>("main")?;
//! assert_eq!(main.block_on((21,))?, 42);
//! # Ok::<(), enjamb_engine::Error>(())
//! ```

#![deny(unsafe_code)]

mod async_host;
mod backend;
mod border;
mod call;
mod caller;
mod config;
mod drivers;
mod engine;
mod error;
mod fuel;
mod func;
mod host;
mod imports;
mod instance;
#[expect(
    unsafe_code,
    reason = "sends an instance of the interpreter between threads"
)]
mod interpreter;
mod machine_code;
mod module;
mod monitor;
mod objects;
mod remote;
mod run;
mod shared_memory;
mod spawner;
mod state;
mod stats;
mod task;
mod tasks;
mod timer;
mod value;

/// What a heap has to be, for [`Config::heap`].
pub mod heap {
    pub use enjamb_abi::heap::{Heap, Mutator, OutOfMemory, Request, Roots, Window};
    pub use enjamb_abi::object::{ElementLayout, ObjectLayout};
    pub use enjamb_heap::CopyingHeap;
}

/// Where memory comes from, for [`Config::blocks`] and [`Config::pages`], and what happens if there is none.
///
/// | no memory for | at the limit | what happens |
/// |---|---|---|
/// | a continuation, a task, the results of a task | [`Config::memory_limit`] | the task ends with the trap `out_of_memory` |
/// | an object that the program makes | [`Config::heap_limit`] | the same |
/// | an object that the host makes | the same | [`ObjectError::OutOfMemory`] |
/// | pages by which a memory grows | the maximum that it declares | `memory_grow` gives -1, the host gets [`Error::OutOfBounds`] |
/// | a new instance | | [`Error::Instantiate`] |
/// | the code of a module | | [`Error::Load`] |
///
/// Errors say for what there was no memory, how many bytes that is, and why; a trap also where, and in the interpreter
/// that alone. Instance and engine can be used as before, and what had been taken until then is given back.
///
/// A source may refuse whatever it likes, at any time. What is not asked of it are the small things that the host's
/// side of an instance consists of: queues, futures, handles, error values. These are on the global allocator, and if
/// that has nothing, Rust ends the process.
pub mod memory {
    pub use enjamb_abi::memory::{Blocks, GlobalBlocks};
    pub use enjamb_runtime::{Access, MemorySource, Pages, Purpose, SystemPages};
}

pub use async_host::IntoAsyncHostFunction;
pub use call::{Call, Drive, UntypedCall};
pub use caller::Caller;
pub use config::{Allocator, Clock, Config, Execution, Fuel, HeapFactory};
pub use engine::Engine;
pub use enjamb_ir::host_objects::{HeapStatistics, ObjectError};
pub use enjamb_ir::{
    Exception, Location, Schedule, Signature, TaskInfo, TaskState, Trace, TraceLimits, TrapCode,
    Type, Val,
};
pub use enjamb_runtime::CodeInUse;
pub use error::{Error, HostError, LinkError, Thrown, Trap};
pub use func::TypedFunc;
pub use host::{Completion, HostFunction, HostReturn, IntoHostFunction, WithCaller};
pub use imports::{BUILTINS, Imports};
pub use instance::Instance;
pub use module::{Module, check_text};
pub use monitor::{Monitor, Snapshot};
pub use objects::{Objects, Ref, reference};
pub use run::{Request, Requests, Run, Stop};
pub use shared_memory::SharedMemory;
pub use spawner::{InstanceDriver, Spawner};
pub use state::{Global, Memory};
pub use stats::Stats;
pub use task::{Task, UntypedTask};
pub use tasks::Tasks;
pub use value::{HostValue, HostValues};
