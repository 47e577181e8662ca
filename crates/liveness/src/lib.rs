//! Control flow, dominators, loops and sparse SSA liveness for Enjamb IR.

#![forbid(unsafe_code)]

mod cursor;
mod dominators;
mod flow;
mod layout;
mod liveness;
mod loops;
mod ranges;
mod regions;
mod runs;
mod slots;
mod uses;

pub use cursor::Backward;
pub use dominators::DominatorTree;
pub use flow::{ControlFlow, Edge};
pub use liveness::{Liveness, Stats};
pub use loops::{Loop, LoopNest};
pub use slots::{SlotBackward, SlotLiveness};
pub use uses::Uses;
