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
//! fn main() -> Result<(), Error> {
//!     let engine = Engine::jit()?;
//!     let module = Module::from_text(&engine, r#"
//!         import %yield = "enjamb" "yield" () async
//!         import %price = "shop" "price" (i64) -> f64
//!         export "total" = %total
//!         function %total(i64, f64) -> f64 async {
//!         block0(v0: i64, v1: f64):
//!             v2 = call %price(v0)
//!             call %yield()             ; everything live is kept while others run
//!             v3 = fmul v2, v1
//!             return v3
//!         }
//!     "#)?;
//!     let mut imports = Imports::new();
//!     imports.func("shop", "price", |article: i64| article as f64 + 0.5);
//!     let instance = Instance::new(&module, &imports)?;
//!     let total = instance.func::<(i64, f64), f64>("total")?;
//!     assert_eq!(total.block_on((7, 2.0))?, 15.0);
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

#![forbid(unsafe_code)]

pub use enjamb_codegen as codegen;
pub use enjamb_engine::*;
pub use enjamb_interp as interp;
pub use enjamb_ir as ir;

/// What almost every embedding needs.
pub mod prelude {
    pub use enjamb_engine::{
        Caller, Clock, Config, Engine, Error, Execution, Global, Imports, Instance, Memory, Module,
        Schedule, Signature, Type, TypedFunc, Val,
    };
}
