//! A JIT compiler back end in which async is a property of compiled code, not of the source
//! language.
//!
//! A function whose signature is `async` is written like any other. While nothing that it calls
//! waits, a call of it costs what a call costs; when something waits, every frame keeps just its
//! live values in a small object on the heap and returns, and goes on later where it stopped.
//!
//! In: modules, as text or built with [`ir`], and Rust closures for what they import. Out:
//! functions that run. This crate re-exports the ones below it and has no code of its own:
//!
//! ```
//! use enjamb::prelude::*;
//!
//! const PROGRAM: &str = r#"
//! import %yield = "enjamb" "yield" () async
//! import %report = "host" "report" (i64)
//!
//! export "sum" = %sum
//! function %sum(i64) -> i64 async {           ; 0 + 1 + … + (n - 1), giving way to others each time
//! block0(v0: i64):
//!     v1 = iconst.i64 0
//!     jump block1(v1, v1)
//! block1(v2: i64, v3: i64):                   ; v2 counts, v3 is the sum
//!     v4 = icmp slt v2, v0
//!     brif v4, block2, block3
//! block2:
//!     call %yield()                           ; suspends here; v0, v2 and v3 are saved
//!     call %report(v3)
//!     v5 = iadd v3, v2
//!     v6 = iconst.i64 1
//!     v7 = iadd v2, v6
//!     jump block1(v7, v5)
//! block3:
//!     return v3
//! }
//! "#;
//!
//! fn main() -> Result<(), Error> {
//!     let engine = Engine::jit()?;
//!     let module = Module::from_text(&engine, PROGRAM)?;
//!     let mut imports = Imports::new();
//!     imports.func("host", "report", |sum: i64| println!("{sum} so far"));
//!     let instance = Instance::new(&module, &imports)?;
//!     let sum = instance.func::<(i64,), i64>("sum")?;
//!     assert_eq!(sum.block_on((5,))?, 10);
//!     Ok(())
//! }
//! ```
//!
//! A compiled async function is a future to Rust, for any executor, and may await futures of Rust:
//!
//! ```
//! use enjamb::prelude::*;
//! use std::time::Duration;
//!
//! const PROGRAM: &str = r#"
//! import %fetch = "host" "fetch" (i64) -> i64 async
//! function %sum(i64, i64) -> i64 async {
//! block0(v0: i64, v1: i64):
//!     v2 = call %fetch(v0)                    ; waits for tokio's clock
//!     v3 = call %fetch(v1)
//!     v4 = iadd v2, v3
//!     return v4
//! }
//! "#;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), Error> {
//!     let mut imports = Imports::new();
//!     imports.async_func("host", "fetch", |key: u64| async move {
//!         tokio::time::sleep(Duration::from_millis(key)).await;
//!         key * 2
//!     });
//!     let instance = Instance::new(&Module::from_text(&Engine::jit()?, PROGRAM)?, &imports)?;
//!     let sum = instance.func::<(u64, u64), u64>("sum")?;
//!     let (one, other) = tokio::join!(sum.call_async((10, 20)), sum.call_async((1, 2)));
//!     assert_eq!((one?, other?), (60, 6));
//!     Ok(())
//! }
//! ```
//!
//! | module | crate | what it is |
//! |---|---|---|
//! | [`ir`] | `enjamb-ir` | the intermediate representation: builder, text format, verifier |
//! | [`interp`] | `enjamb-interp` | its meaning as a program |
//! | [`codegen`] | `enjamb-codegen` | the compiler, pass by pass |
//! | this one | `enjamb-engine` | what a program needs that embeds it |
//!
//! What holds: machine code and interpreter give the same results in the same order; whatever is
//! wrong with a program or a call is an [`Error`], and engine and instance can be used after it.
//!
//! It depends on `enjamb-engine`, `enjamb-codegen`, `enjamb-interp` and `enjamb-ir`.

#![forbid(unsafe_code)]

pub use enjamb_codegen as codegen;
pub use enjamb_engine::*;
pub use enjamb_interp as interp;
pub use enjamb_ir as ir;

/// What almost every embedding needs.
pub mod prelude {
    pub use enjamb_engine::{
        Call, Caller, Clock, Completion, Config, Engine, Error, Execution, Global, Imports,
        Instance, Memory, Module, Objects, Ref, Schedule, Signature, Task, Type, TypedFunc, Val,
    };
}
