//! The examples in every engine under every schedule.
//!
//! In an optimised build they run in the sizes that the examples themselves name; without
//! optimisation the interpreter is too slow for that, and smaller ones show as much.

use enjamb_ir::{FuelSupply, Module, Schedule, Val, parse_module, verify_module};
use enjamb_tests::engines::{self, Engine};
use enjamb_tests::observed::{Call, Ending};
use enjamb_tests::report;
use std::fs;
use std::path::Path;

/// Always, never, the natural one and ten random ones.
fn schedules() -> impl Iterator<Item = Schedule> {
    [Schedule::Always, Schedule::Never, Schedule::Natural]
        .into_iter()
        .chain((1..=10).map(Schedule::Random))
}

/// The larger of two sizes in an optimised build.
fn size(optimised: i64, otherwise: i64) -> i64 {
    if cfg!(debug_assertions) {
        otherwise
    } else {
        optimised
    }
}

fn example(name: &str) -> Module {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let text = fs::read_to_string(root.join(name)).expect("an example");
    let module = parse_module(&text).expect("it parses");
    verify_module(&module).expect("it verifies");
    module
}

/// Runs `%main` everywhere; under one schedule all engines have to observe the same.
fn agree(name: &str, arguments: &[i64]) -> Vec<Ending> {
    let engines = engines::of_module(&example(name), FuelSupply::Unlimited).expect("it compiles");
    let call = Call {
        function: "main".to_string(),
        args: arguments
            .iter()
            .map(|&argument| Val::I64(argument))
            .collect(),
    };
    let run = |engine: &dyn Engine, schedule| {
        let run = engine.run(std::slice::from_ref(&call), schedule);
        run.expect("an instance").0
    };
    let mut endings = Vec::new();
    for schedule in schedules() {
        let reference = run(&*engines[0], schedule);
        for engine in &engines[1..] {
            let observed = run(&**engine, schedule);
            assert!(
                reference.agrees(&observed),
                "{}, schedule {schedule}:\n{}",
                engine.name(),
                report::diff(&reference.to_string(), &observed.to_string())
            );
        }
        endings.push(reference.calls[0].1.clone());
    }
    endings
}

/// Asks that every schedule gives these results.
fn always(name: &str, arguments: &[i64], results: &[i64]) {
    let expected = results.iter().map(|&result| Val::I64(result)).collect();
    let expected = Ending::Results(expected);
    for ending in agree(name, arguments) {
        assert_eq!(ending, expected, "{name}");
    }
}

#[test]
fn fib_yield() {
    let (argument, result) = (size(25, 15), size(75_025, 610));
    always("fib_yield.enj", &[argument], &[result]);
}

#[test]
fn fib() {
    always("fib.enj", &[20], &[6765]);
}

#[test]
fn pipeline() {
    let n = size(1000, 100);
    let odd = n / 2;
    always(
        "pipeline.enj",
        &[n],
        &[odd * (2 * odd - 1) * (2 * odd + 1) / 3],
    );
}

#[test]
fn sleep_sort() {
    always("sleep_sort.enj", &[30, 10, 40, 20], &[10, 20, 30, 40]);
}

#[test]
fn sort_list() {
    let n = size(1000, 120);
    let numbers = || (1..=n).map(|number| number * 7919 % 10007);
    let (least, most) = (numbers().min(), numbers().max());
    always("sort_list.enj", &[n], &[least.unwrap(), most.unwrap(), n]);
}

/// How many tasks wait at once depends on the schedule; the sum of their numbers does not.
#[test]
fn many_tasks() {
    let n = size(100_000, 2_000);
    for ending in agree("many_tasks.enj", &[n]) {
        let Ending::Results(results) = ending else {
            panic!("many_tasks ends with{ending}");
        };
        assert_eq!(results[1], Val::I64(n * (n - 1) / 2));
    }
}
