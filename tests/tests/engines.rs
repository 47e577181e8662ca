//! The engines in which every golden file runs.

use enjamb_ir::{FuelSupply, Schedule, Val, parse_module};
use enjamb_tests::engines::{self, SUPPORTED};
use enjamb_tests::observed::{Call, Ending};

const FIBONACCI: &str = include_str!("../golden/async/recursion_that_suspends_in_every_leaf.enj");

#[test]
fn every_engine_runs_and_counts_alike() {
    let module = parse_module(FIBONACCI).expect("the golden parses");
    let call = Call {
        function: "main".to_string(),
        args: vec![Val::I64(10)],
    };
    let (mut names, mut allocated) = (Vec::new(), Vec::new());
    for engine in engines::of_module(&module, FuelSupply::Unlimited).expect("the golden compiles") {
        let run = engine.run(std::slice::from_ref(&call), Schedule::Always);
        let (observed, stats) = run.expect("an instance");
        assert_eq!(observed.calls[0].1, Ending::Results(vec![Val::I64(55)]));
        let counter = |name: &str| stats.iter().find(|(found, _)| *found == name);
        if engine.is_complete() {
            let name = engine.name();
            assert_eq!(
                counter("suspensions"),
                Some(&("suspensions", 177)),
                "{name}"
            );
        }
        if engine.name().starts_with("the JIT") {
            allocated.extend(counter("continuations_allocated").map(|(_, count)| *count));
        }
        names.push(engine.name().to_string());
    }
    let mut expected = vec![
        "the interpreter on the source",
        "the interpreter after state_machine",
    ];
    if SUPPORTED {
        expected.extend([
            "the JIT",
            "the JIT, single pass",
            "the JIT, counting",
            "the JIT, single pass, nothing reused",
            "the JIT, what is dead poisoned",
            "the JIT, single pass, what is dead poisoned",
            "the JIT, resumed on other threads",
            "the JIT, single pass, nothing reused, functions replaced",
        ]);
        assert!(
            allocated[1] > allocated[0],
            "nothing is reused: {allocated:?}"
        );
    }
    assert_eq!(names, expected);
}
