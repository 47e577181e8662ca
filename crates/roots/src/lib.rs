//! Root slots: where a moving collector finds the references that frames hold.
//!
//! **In:** a function of a module with object types, sync or lowered. **Out:** the same function with
//! every reference that lives across a safepoint in a root slot, and every safepoint with the list of the
//! slots that hold something live: the user-level stack map. A collection visits the listed slots of all
//! frames and knows nothing about registers.
//!
//! ```text
//!   block0(v0: ref):                    root0 = root
//!     v1 = new %pair              ⇒   block0(v0: ref):
//!     set_field %pair.next, v1, v0      root_set root0, v0
//!     return v1                         v1 = new %pair roots [root0]
//!                                       v2 = root_get root0
//!                                       set_field %pair.next, v1, v2
//!                                       return v1
//! ```
//!
//! A reference is stored once, right behind its definition: a parameter at the head of its block, what a
//! safepoint gives right behind it or, on the edges out of it, at their targets. It is loaded in front of
//! its first use behind a safepoint, and then stays a value until the next one. A reference that lives
//! across no safepoint is left alone.
//!
//! **Invariants**
//! - A safepoint lists exactly the slots of what is live across it, so nothing dead is kept alive.
//! - No use of a reference is reached from its definition, or from the load that stands for it, through
//!   a safepoint.
//! - What comes out verifies, and means the same. The interpreter checks the two rules above as it runs.
//! - Beside the liveness of references, time and memory are almost linear in the function and in the lists.
//!
//! **May depend on:** `enjamb-ir`, `enjamb-liveness`.
//!
//! ```
//! let mut module = enjamb_ir::parse_module(
//!     "type %pair = { number: i64, next: ref }
//!      function %cons(ref) -> ref {
//!      block0(v0: ref):
//!          v1 = new %pair
//!          set_field %pair.next, v1, v0
//!          return v1
//!      }",
//! )?;
//! enjamb_roots::place(&mut module);
//! assert!(module.to_string().contains("v1 = new %pair roots [root0]"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod edges;
mod reload;
mod safepoints;
mod slots;

use crate::safepoints::Safepoints;
use enjamb_ir::{Function, Module, Stage, Type};
use enjamb_liveness::{ControlFlow, DominatorTree, Liveness, LoopNest};

/// Runs on every function of a module.
pub fn place(module: &mut Module) {
    for id in module.body_ids() {
        let Some(mut function) = module.functions[id].body().cloned() else {
            continue;
        };
        run(module, &mut function);
        if let Some(body) = module.functions[id].body_mut() {
            *body = function;
        }
    }
}

/// Puts the references of a function into root slots. Functions of modules without object types have
/// none that a collector cares about, and stay as they are; so do async functions before they are
/// lowered, and functions that have root slots already.
pub fn run(module: &Module, function: &mut Function) {
    let is_implicit = function.is_async() && function.stage == Stage::Source;
    if module.object_types.is_empty() || is_implicit || !function.roots.is_empty() {
        return;
    }
    if !has_safepoint(function) {
        return;
    }
    edges::run(function);
    let flow = ControlFlow::new(function);
    let dominators = DominatorTree::new(function, &flow);
    let loops = LoopNest::new(&flow, &dominators);
    let is_reference = |value| function.value_type(value) == Type::Ref;
    let liveness = Liveness::of_values(function, &flow, &dominators, &loops, is_reference);
    let safepoints = Safepoints::run(function, &liveness);
    if safepoints.rooted.is_empty() {
        return;
    }
    let slots = slots::run(function, &liveness, &safepoints.rooted);
    for (inst, live) in &safepoints.across {
        let mut listed: Vec<_> = live.iter().filter_map(|&value| slots[value]).collect();
        listed.sort_unstable();
        function.set_live_roots(*inst, &listed);
    }
    reload::run(
        function,
        &flow,
        &dominators,
        &loops,
        &safepoints.blocks,
        &slots,
    );
}

fn has_safepoint(function: &Function) -> bool {
    let blocks = function.order.iter();
    let mut insts = blocks.flat_map(|&block| &function.blocks[block].insts);
    insts.any(|&inst| function.insts[inst].opcode.is_safepoint())
}
