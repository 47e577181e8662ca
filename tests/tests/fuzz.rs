//! A planted difference is found, named, written to a file that replays, and reduced.

#[path = "../examples/fuzz/plant.rs"]
mod plant;

use enjamb_ir::{FuelSupply, Module, Opcode, Schedule};
use enjamb_tests::case::Case;
use enjamb_tests::differential::{Comparison, Difference, Kind};
use enjamb_tests::engines::Engine;
use enjamb_tests::{golden, reduce};
use plant::Plant;

/// Instructions that a call may take in the interpreter.
const LIMIT: u64 = 200_000;

/// The engines of a module under fuel.
type Engines = dyn Fn(&Module, FuelSupply) -> Result<Vec<Box<dyn Engine>>, String>;

fn found_by(engines: &Engines, case: &Case) -> Option<Difference> {
    let comparison = Comparison {
        engines,
        before: &|_, _| {},
        has_time: &|| true,
        work: u64::MAX,
    };
    comparison.of_case(case).err()
}

/// What the planted engine differs in from all others.
fn found(case: &Case) -> Option<Difference> {
    let planted = Some(Plant::Difference);
    let engines = move |module: &Module, fuel| plant::engines(module, fuel, LIMIT, planted);
    found_by(&engines, case)
}

/// What it differs in from the interpreter, for which a program need not be compiled.
fn found_quickly(case: &Case) -> Option<Difference> {
    let engines = |module: &Module, fuel| {
        let right = plant::interpreter("the interpreter", module, fuel, LIMIT)?;
        let planted = plant::interpreter(plant::PLANTED, &plant::confused(module), fuel, LIMIT)?;
        Ok(vec![right, planted])
    };
    found_by(&engines, case)
}

/// The first program that shows the planted difference under one of few schedules, and has this many
/// instructions at least.
fn example(least: usize) -> Case {
    let cases = (1..).map(|seed| {
        let mut case = Case::of_seed(seed).expect("a program");
        case.schedules.truncate(3);
        case
    });
    let mut large = cases.filter(|case| case.instructions() >= least);
    let found = large.find(|case| found_quickly(case).is_some());
    found.expect("a program that shows it")
}

#[test]
fn a_planted_difference_is_named_and_reduced_to_a_screenful() {
    let case = example(400);
    let difference = found(&case).expect("all engines but the planted one agree");
    assert_eq!(difference.stage, plant::PLANTED);
    assert_eq!(difference.kind, Kind::Differs);
    let before = case.instructions();
    let mut attempts = 0;
    let mut fails = |case: &Case| {
        attempts += 1;
        found_quickly(case).is_some_and(|again| again.is_like(&difference))
    };
    let small = reduce::reduce(case, &mut fails, &mut |_| {});
    println!(
        "{before} instructions, {attempts} attempts\n{}",
        small.module
    );
    assert!(found(&small).is_some_and(|again| again.is_like(&difference)));
    assert!(small.instructions() <= 40, "{}", small.module);
    assert_eq!(small.schedules.len(), 1);
    let confused = [Opcode::Iadd, Opcode::Imul, Opcode::Bxor];
    assert!(small.module.bodies().any(|(_, body)| {
        let opcodes = body.insts.values().map(|inst| inst.opcode);
        opcodes.into_iter().any(|opcode| confused.contains(&opcode))
    }));
}

#[test]
fn a_finding_is_a_golden_file_that_reads_back() {
    for seed in 1..=12 {
        let case = Case::of_seed(seed).expect("a program");
        let text = case.to_text(&["A stage, schedule never: differs".to_string()]);
        let back = Case::of_text(&text).expect("a golden file");
        assert_eq!(back.module, case.module, "{seed}");
        assert_eq!(back.call, case.call, "{seed}");
        assert_eq!(back.fuel, case.fuel, "{seed}");
        assert_eq!(back.schedules, case.schedules, "{seed}");
        assert_eq!(back.schedule_independent, case.schedule_independent);
        assert_eq!(
            back.to_text(&["A stage, schedule never: differs".to_string()]),
            text
        );
        let mut brief = case;
        brief.schedules = vec![Schedule::Natural];
        let text = brief.to_text(&[]);
        assert_eq!(golden::check(&text, false).expect("it holds"), text);
    }
}

#[test]
fn what_is_refused_names_the_stage_and_not_its_numbers() {
    let first = Difference::refused("after roots: the verifier: v12 is odd\nmore".to_string());
    let second = Difference::refused("after roots: the verifier: v7 is odd".to_string());
    assert_eq!(first.stage, "after roots");
    assert!(first.is_like(&second));
    let other = Difference::refused("after roots: the verifier: v7 is even".to_string());
    assert!(!first.is_like(&other));
}

#[test]
fn a_panic_is_a_difference() {
    let case = Case::of_seed(1).expect("a program");
    let comparison = Comparison {
        engines: &|_, _| panic!("number {}", 7),
        before: &|_, _| {},
        has_time: &|| true,
        work: u64::MAX,
    };
    let found = comparison.of_case(&case).expect_err("it panics");
    assert_eq!(found.kind, Kind::Panics("number ".to_string()));
}
