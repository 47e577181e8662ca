//! What a suspension with its resumption may cost, and an async call without, in instructions, which
//! callgrind counts the same every time.
//!
//! The loop of `benches/programs/yield_loop.enj` runs in a child of this test under callgrind, for
//! two numbers of iterations, resumed without the executor; the difference is what the iterations
//! cost, whatever surrounds them. From that the same loop without the suspension is subtracted. What
//! is left is all that a suspension adds: call of the leaf, suspension block, epilogue, dispatcher,
//! prologue, dispatch, resumption block.
//!
//! What an async call costs more than a sync one is found from fib, which is both in `programs/fib.enj`.

mod callgrind;

use enjamb_codegen::{CompileOptions, compile};
use enjamb_ir::{Val, parse_module};
use enjamb_runtime::{Imports, Instance, LoadedModule, Options};
use libtest_mimic::{Arguments, Failed, Trial};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, LazyLock};

/// At depth 1, but for the two lines below.
const BUDGET: f64 = 41.0;
/// The loop has two live integers: each is stored and restored once.
const STORED: f64 = 2.0;
/// As many.
const RESTORED: f64 = 2.0;
/// How much more depth 1000 may cost.
const DEPTH_FACTOR: f64 = 1.15;
/// How many more an async call may cost that does not suspend.
const ASYNC_CALL: f64 = 8.0;

/// The argument of the child.
const CHILD: &str = "--child-of-callgrind";
/// Activations that are suspended; none for the loop alone.
const DEPTHS: [u64; 3] = [0, 1, 1000];
const ITERATIONS: [u64; 2] = [10_000, 20_000];
/// The functions that are called with [`FIB`], which is large enough that what happens once does not matter.
const FIBS: [&str; 2] = ["fib_sync", "fib_async"];
const FIB: i64 = 20;
const FIB_RESULT: i64 = 6765;
const FIB_CALLS: i64 = 21_891;

fn main() {
    if std::env::args().nth(1).is_some_and(|first| first == CHILD) {
        return run_loops();
    }
    let mut trials = vec![
        Trial::test("instructions_of_a_suspension", || {
            check(depth_1_is_within_budget)
        }),
        Trial::test("instructions_at_depth_1000", || {
            check(depth_does_not_matter)
        }),
        Trial::test("instructions_of_an_async_call", || {
            check(async_calls_cost_little)
        }),
    ];
    // Callgrind counts what the host executes: under an emulator, the emulator.
    if std::env::var_os("ENJAMB_EMULATOR").is_some() || !cfg!(target_arch = "x86_64") {
        trials.clear();
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn check(test: fn(&Costs) -> Result<(), Failed>) -> Result<(), Failed> {
    if callgrind::is_there() {
        return test(COSTS.as_ref()?);
    }
    let line = "tests/budget: valgrind is missing; get it with: apt-get install valgrind\n";
    print!("did not run: {line}");
    if let Some(path) = std::env::var_os("ENJAMB_SKIP_LOG") {
        let mut log = fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)?;
        log.write_all(line.as_bytes())?;
    }
    Ok(())
}

fn depth_1_is_within_budget(costs: &Costs) -> Result<(), Failed> {
    let [alone, shallow, _] = costs.iterations;
    let (cost, budget) = (shallow - alone, BUDGET + STORED + RESTORED);
    println!("{cost:.2} instructions for each suspension with its resumption at depth 1");
    if cost > budget {
        return Err(format!("{cost:.2} instructions at depth 1; the budget is {budget}").into());
    }
    Ok(())
}

fn depth_does_not_matter(costs: &Costs) -> Result<(), Failed> {
    let [alone, shallow, deep] = costs.iterations;
    let (shallow, deep) = (shallow - alone, deep - alone);
    println!("{deep:.2} instructions for each suspension with its resumption at depth 1000");
    if deep > DEPTH_FACTOR * shallow {
        return Err(
            format!("{deep:.2} instructions at depth 1000, {shallow:.2} at depth 1").into(),
        );
    }
    Ok(())
}

fn async_calls_cost_little(costs: &Costs) -> Result<(), Failed> {
    let [sync, asynchronous] = costs.calls;
    println!("{sync:.2} instructions for each call of fib, {asynchronous:.2} if it is async");
    if asynchronous - sync > ASYNC_CALL {
        return Err(format!(
            "{asynchronous:.2} instructions for an async call, {sync:.2} for a sync one; \
             {ASYNC_CALL} more are allowed"
        )
        .into());
    }
    Ok(())
}

/// Instructions for each iteration at each depth, and for each call of each fib.
struct Costs {
    iterations: [f64; 3],
    calls: [f64; 2],
}

static COSTS: LazyLock<Result<Costs, String>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("budget");
    let parts = DEPTHS.len() * ITERATIONS.len() + FIBS.len();
    let counts = callgrind::counts(&folder, CHILD, parts).map_err(|error| error.to_string())?;
    let [few, many] = ITERATIONS;
    let cost =
        |depth: usize| (counts[2 * depth + 1] - counts[2 * depth]) as f64 / (many - few) as f64;
    let first_fib = DEPTHS.len() * ITERATIONS.len();
    let call = |fib: usize| counts[first_fib + fib] as f64 / FIB_CALLS as f64;
    Ok(Costs {
        iterations: [cost(0), cost(1), cost(2)],
        calls: [call(0), call(1)],
    })
});

/// What the child does: the loops, each between two requests to callgrind.
fn run_loops() {
    let mut instance = instance_of(include_str!("../benches/programs/yield_loop.enj"));
    let mut fibs = instance_of(include_str!("../benches/programs/fib.enj"));
    callgrind::counting(|| {
        iterate(&mut instance, 0, 1);
        for depth in DEPTHS {
            for iterations in ITERATIONS {
                iterate(&mut instance, depth, iterations);
            }
        }
        for name in FIBS {
            call_fib(&mut fibs, name);
        }
    });
}

fn instance_of(text: &str) -> Instance {
    let module = parse_module(text).expect("the program is well-formed");
    let compiled = compile(Arc::new(module), &CompileOptions::default()).expect("it compiles");
    let loaded = LoadedModule::new(Arc::new(compiled)).expect("there is room for the code");
    let instance = Instance::new(loaded, Imports::new(), Options::default());
    instance.expect("there is nothing to link")
}

fn call_fib(instance: &mut Instance, name: &str) {
    let module = instance.loaded().module().clone();
    let function = module.function_named(name).expect("the program has it");
    // What happens once only is none of the calls' cost.
    let once = instance.call(function, &[Val::I64(1)]);
    assert_eq!(once.expect("it does not trap"), [Val::I64(1)]);
    let results = callgrind::part(|| instance.call(function, &[Val::I64(FIB)]));
    assert_eq!(results.expect("it does not trap"), [Val::I64(FIB_RESULT)]);
}

fn iterate(instance: &mut Instance, depth: u64, iterations: u64) {
    let module = instance.loaded().module().clone();
    let function = |name| module.function_named(name).expect("the program has it");
    let results = if depth == 0 {
        let arguments = [Val::I64(iterations as i64)];
        callgrind::part(|| instance.call(function("count_without_yield"), &arguments))
    } else {
        // The loop is an activation itself.
        let arguments = [Val::I64(depth as i64 - 1), Val::I64(iterations as i64)];
        let task = instance
            .spawn(function("deep"), &arguments)
            .expect("it suspends");
        let done = callgrind::part(|| instance.resume(task, iterations));
        assert!(done.expect("it is the only task"));
        instance.run_until(task)
    };
    let frames: u64 = (1..depth).map(|frame| 4 * frame + 6).sum();
    let sum = iterations * (iterations + 1) / 2 + frames;
    assert_eq!(results.expect("it does not trap"), [Val::I64(sum as i64)]);
}
