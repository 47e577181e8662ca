//! What a suspension with its resumption may cost, in instructions, which callgrind counts the same
//! every time.
//!
//! The loop of `benches/programs/yield_loop.enj` runs in children of this test under callgrind, for
//! two numbers of iterations, resumed without the executor; the difference is what the iterations
//! cost, whatever else the process does. From that the same loop without the suspension is
//! subtracted. What is left is all that a suspension adds: call of the leaf, suspension block,
//! epilogue, dispatcher, prologue, dispatch, resumption block.

use enjamb_codegen::{CompileOptions, compile};
use enjamb_ir::{Val, parse_module};
use enjamb_runtime::{Imports, Instance, LoadedModule, Options};
use libtest_mimic::{Arguments, Failed, Trial};
use std::fs::OpenOptions;
use std::io::Write;
use std::process::Command;
use std::sync::{Arc, LazyLock};

/// At depth 1, but for the two lines below.
const BUDGET: f64 = 45.0;
/// The loop has two live integers: each is stored and restored once.
const STORED: f64 = 2.0;
/// As many.
const RESTORED: f64 = 2.0;
/// How much more depth 1000 may cost.
const DEPTH_FACTOR: f64 = 1.2;

/// The first argument of a child.
const CHILD: &str = "--iterate";
const ITERATIONS: [u64; 2] = [10_000, 20_000];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [first, depth, iterations] = &arguments[..]
        && first == CHILD
    {
        let number = |text: &String| text.parse().expect("a child's arguments are numbers");
        return iterate(number(depth), number(iterations));
    }
    let trials = vec![
        Trial::test("instructions_of_a_suspension", || {
            check(depth_1_is_within_budget)
        }),
        Trial::test("instructions_at_depth_1000", || {
            check(depth_does_not_matter)
        }),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn check(test: fn() -> Result<(), Failed>) -> Result<(), Failed> {
    if Command::new("valgrind").arg("--version").output().is_ok() {
        return test();
    }
    let line = "tests/budget: valgrind is missing; get it with: apt-get install valgrind\n";
    print!("did not run: {line}");
    if let Some(path) = std::env::var_os("ENJAMB_SKIP_LOG") {
        let mut log = OpenOptions::new().append(true).create(true).open(path)?;
        log.write_all(line.as_bytes())?;
    }
    Ok(())
}

fn depth_1_is_within_budget() -> Result<(), Failed> {
    let cost = DEPTH_1.clone()?;
    println!("{cost:.2} instructions for each suspension with its resumption at depth 1");
    let budget = BUDGET + STORED + RESTORED;
    if cost > budget {
        return Err(format!("{cost:.2} instructions at depth 1; the budget is {budget}").into());
    }
    Ok(())
}

fn depth_does_not_matter() -> Result<(), Failed> {
    let (shallow, deep) = (DEPTH_1.clone()?, cost(1000)?);
    println!("{deep:.2} instructions for each suspension with its resumption at depth 1000");
    if deep > DEPTH_FACTOR * shallow {
        return Err(
            format!("{deep:.2} instructions at depth 1000, {shallow:.2} at depth 1").into(),
        );
    }
    Ok(())
}

static DEPTH_1: LazyLock<Result<f64, String>> = LazyLock::new(|| cost(1));
static LOOP_ALONE: LazyLock<Result<f64, String>> = LazyLock::new(|| iteration(0));

/// Instructions for each suspension with its resumption below so many activations.
fn cost(depth: u64) -> Result<f64, String> {
    Ok(iteration(depth)? - LOOP_ALONE.clone()?)
}

/// Instructions for each iteration.
fn iteration(depth: u64) -> Result<f64, String> {
    let [few, many] = ITERATIONS;
    let instructions = instructions(depth, many)? - instructions(depth, few)?;
    Ok(instructions as f64 / (many - few) as f64)
}

/// Instructions of a child.
fn instructions(depth: u64, iterations: u64) -> Result<i64, String> {
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(this)
        .args([CHILD, &depth.to_string(), &iterations.to_string()])
        .output()
        .map_err(|error| error.to_string())?;
    let report = String::from_utf8_lossy(&output.stderr);
    let count = report
        .lines()
        .find_map(|line| line.split_once("Collected : ")?.1.parse().ok());
    match count {
        Some(count) if output.status.success() => Ok(count),
        _ => Err(format!("callgrind says:\n{report}")),
    }
}

/// What a child does: that many iterations at the bottom of so many activations; at depth 0 the
/// loop alone.
fn iterate(depth: u64, iterations: u64) {
    let text = include_str!("../benches/programs/yield_loop.enj");
    let module = parse_module(text).expect("the program is well-formed");
    let compiled = compile(Arc::new(module), &CompileOptions::default()).expect("it compiles");
    let loaded = LoadedModule::new(Arc::new(compiled)).expect("there is room for the code");
    let function = |name| {
        loaded
            .module()
            .function_named(name)
            .expect("the program has it")
    };
    let instance = Instance::new(loaded.clone(), Imports::new(), Options::default());
    let mut instance = instance.expect("there is nothing to link");
    let results = if depth == 0 {
        instance.call(
            function("count_without_yield"),
            &[Val::I64(iterations as i64)],
        )
    } else {
        // The loop is an activation itself.
        let arguments = [Val::I64(depth as i64 - 1), Val::I64(iterations as i64)];
        let task = instance
            .spawn(function("deep"), &arguments)
            .expect("it suspends");
        assert!(
            instance
                .resume(task, iterations)
                .expect("it is the only task")
        );
        instance.run_until(task)
    };
    let frames: u64 = (1..depth).map(|frame| 4 * frame + 6).sum();
    let sum = iterations * (iterations + 1) / 2 + frames;
    assert_eq!(results.expect("it does not trap"), [Val::I64(sum as i64)]);
}
