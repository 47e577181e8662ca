//! Any bytes are the decisions of a graph: control flow, dominators and loops are what they are by definition.
#![no_main]

#[path = "../../crates/liveness/tests/support/mod.rs"]
mod support;

use enjamb_gen::Choices;
use support::{oracle, random};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut choices = Choices::new(bytes);
    let random::Generated {
        graph, function, ..
    } = random::any(&mut |bound| choices.below(bound));
    oracle::control_flow(&graph, &function);
    oracle::dominator_tree(&graph, &function);
    oracle::loops(&graph, &function);
});
