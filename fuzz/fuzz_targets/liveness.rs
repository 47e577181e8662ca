//! Any bytes are the decisions of a function, or of a program with some: values and stack slots live where the
//! equations say, solved by iteration.
#![no_main]

#[path = "../../crates/liveness/tests/support/mod.rs"]
mod support;

use enjamb_gen::Choices;
use support::{effects, oracle, random};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let [kind, bytes @ ..] = bytes else { return };
    if kind % 2 == 0 {
        let mut choices = Choices::new(bytes);
        let case = random::any(&mut |bound| choices.below(bound));
        oracle::values(&case.graph, &case.function);
        oracle::uses(&case.function);
        oracle::slots(&case.graph, &case.function, &case.effects);
        return;
    }
    let program = enjamb_gen::program(bytes).expect("a program is valid");
    for (_, function) in program.module.bodies() {
        let graph = oracle::graph(function);
        oracle::values(&graph, function);
        oracle::slots(&graph, function, &effects::of(function));
        oracle::uses(function);
        oracle::loops(&graph, function);
    }
});
