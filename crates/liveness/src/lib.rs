//! Control flow, dominators, loops and sparse SSA liveness for Enjamb IR.
//!
//! In: a [`Function`](enjamb_ir::Function) that the verifier accepts, of either stage. Out:
//!
//! - [`ControlFlow`]: successors, edges by target, reverse post-order, reachability;
//! - [`DominatorTree`]: who dominates whom, in constant time;
//! - [`iterated_frontier`]: where ways from several blocks meet;
//! - [`LoopNest`]: natural loops, and where the flow is irreducible;
//! - [`Liveness`]: which values are live into and out of a block, and at each point inside it by
//!   walking back from its end ([`Backward`]);
//! - [`SlotLiveness`]: the same for the contents of stack slots;
//! - [`Uses`]: which instructions use a value.
//!
//! # Invariants
//!
//! The function is never changed. The results describe it as it was: after a change make them anew.
//! They do not depend on the order in which memory happens to lie: lists of values and blocks come
//! in a stated order. A use that its definition does not dominate is ignored.
//!
//! # Costs
//!
//! Graph, dominators, loops, frontiers and uses take almost linear time and memory in blocks, edges and
//! operands. So does [`Liveness`] as long as each value lives in few runs of blocks, in a numbering that
//! puts next to each other what lies between a definition and its uses: a value that is live through a
//! hundred thousand blocks in a row is one record.
//!
//! That does not hold where many ways lead to two blocks X and Y in turn, as if the N arms of a switch, or
//! of a chain of comparisons, go to X and to Y alternately: the arms that go to X are no neighbours. Each
//! value from above that is used in X and not in Y is stored as a run for each of them, and one that is used in both
//! costs N steps to find, though it is one run. The cost is in proportion to the edges between the blocks
//! where these values live: N times as many as there are values.
//!
//! [`SlotLiveness`] always takes time linear in the blocks where each piece of
//! a slot is live, of which a slot has a few at most, and the edges between them, and stores its results in the same way.
//!
//! A query for what is live into a block takes time logarithmic in the blocks and linear in the values it returns. What is
//! live behind a block takes time linear in what is live into the block and defined in it, however many successors it
//! has; where a value has many runs between successors, each of these may count. A walk through a block is linear
//! in its instructions, with a logarithmic factor for the ordered set.
//!
//! [`Stats`] counts what an analysis did; `cargo bench -p enjamb-liveness` shows how it grows.
//!
//! # Dependencies
//!
//! `enjamb-ir` alone.
//!
//! # Example
//!
//! What has to survive a call:
//!
//! ```
//! use enjamb_ir::{Opcode, parse_module};
//! use enjamb_liveness::Liveness;
//!
//! let module = parse_module(
//!     r#"
//!     import %yield = "enjamb" "yield" () async
//!     function %example(i64, i64) -> i64 async {
//!     block0(v0: i64, v1: i64):
//!         v2 = iadd v0, v1
//!         call %yield()
//!         v3 = iadd v2, v0
//!         return v3
//!     }"#,
//! )
//! .unwrap();
//! let (_, function) = module.bodies().next().unwrap();
//! let liveness = Liveness::of(function);
//! let mut cursor = liveness.walk_back(function, function.order[0]);
//! while let Some(inst) = cursor.next_inst() {
//!     if function.insts[inst].opcode == Opcode::Call {
//!         let kept: Vec<String> = cursor.live_across().map(|v| v.to_string()).collect();
//!         assert_eq!(kept, ["v0", "v2"]);
//!     }
//!     cursor.step();
//! }
//! ```

#![forbid(unsafe_code)]

mod cursor;
mod dominators;
mod flow;
mod frontier;
mod layout;
mod liveness;
mod loops;
mod ranges;
mod regions;
mod runs;
mod slot_access;
mod slots;
mod uses;

pub use cursor::Backward;
pub use dominators::DominatorTree;
pub use flow::{ControlFlow, Edge};
pub use frontier::iterated_frontier;
pub use liveness::{Behind, Liveness, Stats};
pub use loops::{Loop, LoopNest};
pub use slots::{SlotBackward, SlotLiveness};
pub use uses::Uses;
