//! The async transform: functions that may suspend become state machines that stay plain IR.
//!
//! In: a verified function of stage *source* with an async signature, and its module. Out: the same
//! function of stage *lowered*: suspension is explicit, what is live across each point is stored
//! into a continuation by name, the entry dispatches on the state. The output is printed, parsed,
//! verified and interpreted like any IR; no target is asked, so it is the same on all of them.
//!
//! Three passes, in this order, each a function `run(&Module, &mut Function)` that leaves alone what
//! is not async or lowered already:
//!
//! 1. [`tail_await`]: a call whose results are returned unchanged becomes a tail call;
//! 2. [`rematerialize`]: constants and frame addresses are computed again behind each point;
//! 3. [`state_machine`]: points → live across → layout → rewriting → entry dispatch.
//!
//! In front of them [`fuel`] makes every function, sync or async, count what it does, if the module runs
//! on fuel. It stands here because its cold side is an async call, which the others then transform.
//! Behind it [`context`] makes async functions give the context word back as they have found it, if the
//! module uses that.
//!
//! Invariant: after each pass the function verifies and means what it meant before.
//! This crate depends on `enjamb-ir`, `enjamb-liveness` and `enjamb-continuation`.
//!
//! ```
//! let mut module = enjamb_ir::parse_module(
//!     r#"
//! import %yield = "enjamb" "yield" () async
//! function %twice(i64) -> i64 async {
//! block0(v0: i64):
//!     call %yield()
//!     v1 = iadd v0, v0
//!     return v1
//! }
//! "#,
//! )?;
//! enjamb_async::transform(&mut module);
//! let text = module.to_string();
//! assert!(text.contains("layout0 = size 24 { v0: i64 @ 16 }"));
//! assert!(text.contains("suspend"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod across;
pub mod context;
mod derive;
mod dispatch;
mod edges;
mod edit;
pub mod fuel;
mod points;
mod regions;
pub mod rematerialize;
mod repair;
mod resumed;
mod rewrite;
pub mod state_machine;
mod suspend;
pub mod tail_await;

use enjamb_ir::{Function, FunctionDecl, FunctionKind, Module};

/// Takes a function's body out of its module, runs `pass` on both, and puts it back. While the pass
/// runs, the module holds a body without blocks and with the same signature in its place.
pub fn with_body<R>(
    module: &mut Module,
    function: enjamb_ir::FuncId,
    pass: impl FnOnce(&Module, &mut Function) -> R,
) -> Option<R> {
    let FunctionDecl {
        kind: FunctionKind::Body(body),
        ..
    } = &mut module.functions[function]
    else {
        return None;
    };
    let empty = Function::new(body.name.clone(), body.signature.clone());
    let mut taken = std::mem::replace(&mut **body, empty);
    let result = pass(module, &mut taken);
    if let Some(body) = module.functions[function].body_mut() {
        *body = taken;
    }
    Some(result)
}

/// Runs the passes on every function of a verified module.
pub fn transform(module: &mut Module) {
    let uses_context = context::applies(module);
    for function in module.body_ids() {
        with_body(module, function, |module, function| {
            fuel::run(module, function);
            if uses_context {
                context::run(module, function);
            }
            tail_await::run(module, function);
            rematerialize::run(module, function);
            state_machine::run(module, function);
        });
    }
}
