//! The pass list: the passes on the IR, in order, and why the order is this one.

use enjamb_ir::{Function, Module};

/// A pass: one file, one `run`, named as it is named here.
#[derive(Clone, Copy)]
pub struct Pass {
    /// Name of the pass, its file, its span and its dump.
    pub name: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// Whether code cannot be made without it.
    pub required: bool,
    /// Whether it has something to do in a module, which is asked before any pass runs.
    pub applies: fn(&Module) -> bool,
    /// Changes a function. The module is for looking at declarations only.
    pub run: fn(&Module, &mut Function),
}

/// All passes, in the order in which they run on each function.
///
/// ```text
/// source IR
///   │ fuel             functions of modules that run on fuel count their instructions
///   │ context          async functions give the context word back as they have found it
///   │ tail_await       async calls whose results are returned are tail calls
///   │ rematerialize    no constant and no frame address is live across a suspension point
///   │ state_machine    every async function is lowered: suspension is explicit
///   │ roots            references that live across safepoints are in root slots
///   ▼
/// IR that the lowering takes
/// ```
pub const PASSES: &[Pass] = &[
    Pass {
        name: "fuel",
        summary: "makes functions of modules that run on fuel count their instructions",
        // Without it they would never run out.
        required: true,
        applies: |module| module.fuel.is_some(),
        run: enjamb_async::fuel::run,
    },
    Pass {
        name: "context",
        summary: "lets async functions give the context word back as they have found it",
        // Without it callers would see the words of their callees.
        required: true,
        applies: enjamb_async::context::applies,
        run: enjamb_async::context::run,
    },
    Pass {
        name: "tail_await",
        summary: "makes tail calls of async calls whose results are returned unchanged",
        required: false,
        applies: |_| true,
        run: enjamb_async::tail_await::run,
    },
    Pass {
        name: "rematerialize",
        summary: "computes constants and frame addresses again behind suspension points",
        // Without it the frame addresses would have to be saved.
        required: true,
        applies: |_| true,
        run: enjamb_async::rematerialize::run,
    },
    Pass {
        name: "state_machine",
        summary: "turns async functions into state machines",
        required: true,
        applies: |_| true,
        run: enjamb_async::state_machine::run,
    },
    Pass {
        name: "roots",
        summary: "puts references that live across safepoints into root slots",
        required: true,
        applies: |_| true,
        run: enjamb_roots::run,
    },
];

/// Pairs of passes of which the first has to run before the second, and why.
pub const ORDER: &[(&str, &str, &str)] = &[
    (
        "fuel",
        "tail_await",
        "fuel counts the instructions of the source",
    ),
    (
        "fuel",
        "rematerialize",
        "constants live across the calls that fuel makes, too",
    ),
    (
        "fuel",
        "state_machine",
        "an async function suspends in the calls that fuel makes",
    ),
    (
        "fuel",
        "context",
        "fuel counts the instructions of the source",
    ),
    (
        "context",
        "tail_await",
        "a function that gives the word back is not done when its last call is",
    ),
    (
        "context",
        "state_machine",
        "the word that a function has found is live across its suspension points",
    ),
    (
        "tail_await",
        "state_machine",
        "a tail await must not become a state",
    ),
    (
        "tail_await",
        "rematerialize",
        "what is used behind a tail await only is in no one's way",
    ),
    (
        "rematerialize",
        "state_machine",
        "the state machine saves all that is live across a point",
    ),
    (
        "state_machine",
        "roots",
        "what stands for a reference behind a point is known once the point is explicit",
    ),
];

/// The pass with this name, and its position.
pub fn pass_named(name: &str) -> Option<(usize, &'static Pass)> {
    PASSES
        .iter()
        .enumerate()
        .find(|(_, pass)| pass.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_keeps_every_constraint() {
        for (before, after, reason) in ORDER {
            let position = |name| pass_named(name).expect("the constraint names a pass").0;
            assert!(
                position(before) < position(after),
                "{before} before {after}: {reason}"
            );
        }
    }

    #[test]
    fn names_are_unique() {
        for (index, pass) in PASSES.iter().enumerate() {
            assert_eq!(pass_named(pass.name).map(|found| found.0), Some(index));
        }
    }
}
