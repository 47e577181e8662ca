//! How the cost of every pass grows with the size of a function.
//!
//! `cargo bench -p enjamb-tests --bench growth` prints, for each shape of function and each step of
//! the compiler, nanoseconds per value (or block, or suspension point) at growing sizes and the
//! exponent fitted to them by least squares. A quadratic step shows as an exponent near two.
//! `-- --gate` fails above the limit;
//! `-- --json PATH` says where the rows go (`target/bench/growth.json`), from which the next run of
//! the workloads makes a section of `docs/performance.md`; `-- SHAPE` runs one shape of function.

#[path = "workloads/clock.rs"]
mod clock;

use clap::Parser;
use clock::cpu_time;
use enjamb_abi::code::{CodeOptions, RegisterAllocator};
use enjamb_abi::context::InstanceLayout;
use enjamb_abi::target::Target;
use enjamb_codegen::{Lowering, PASSES};
use enjamb_ir::{Module, parse_module, verify_module};
use enjamb_liveness::{ControlFlow, DominatorTree, Liveness, LoopNest};
use enjamb_tests::bench::exponent;
use serde_json::{Value, json};
use std::fmt::Write;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// How often each step runs.
const RUNS: usize = 3;
/// No step may grow faster than this.
const LIMIT: f64 = 1.1;
/// Added to the limit by the noise of a shared machine.
const TOLERANCE: f64 = 0.15;

/// A family of functions: `text(n)` has about `n` of what its size counts.
struct Shape {
    name: &'static str,
    unit: &'static str,
    sizes: &'static [usize],
    text: fn(usize) -> String,
}

const SHAPES: &[Shape] = &[
    Shape {
        name: "straight",
        unit: "values",
        sizes: &[10_000, 100_000, 1_000_000],
        text: straight,
    },
    Shape {
        name: "diamonds",
        unit: "values",
        sizes: &[10_000, 100_000, 1_000_000],
        text: diamonds,
    },
    Shape {
        name: "long-lived",
        unit: "values",
        sizes: &[10_000, 100_000, 400_000],
        text: long_lived,
    },
    Shape {
        name: "points",
        unit: "values",
        sizes: &[1_000, 10_000, 100_000],
        text: points,
    },
    Shape {
        name: "points-in-loops",
        unit: "values",
        sizes: &[1_000, 10_000, 100_000],
        text: points_in_loops,
    },
    Shape {
        name: "shared-exit",
        unit: "blocks",
        sizes: &[1_000, 10_000, 100_000],
        text: shared_exit,
    },
    Shape {
        name: "switch",
        unit: "arms",
        sizes: &[1_000, 10_000, 100_000],
        text: switch,
    },
    Shape {
        name: "live-across",
        unit: "points",
        sizes: &[10, 100, 1_000],
        text: live_across,
    },
];

const YIELD: &str = "import %yield = \"enjamb\" \"yield\" () async\n";

/// One block of additions.
fn straight(values: usize) -> String {
    let mut text = String::from("function %main(i64) -> i64 {\nblock0(v0: i64):\n");
    for value in 1..values {
        let _ = writeln!(text, "    v{value} = iadd v{}, v0", value - 1);
    }
    let _ = writeln!(text, "    return v{}\n}}", values - 1);
    text
}

/// A chain of two-way branches that meet again.
fn diamonds(values: usize) -> String {
    let mut text = String::from("function %main(i64) -> i64 {\nblock0(v0: i64):\n");
    let (mut value, mut block, mut last) = (1, 1, 0);
    while value + 4 < values {
        let (then, other, join) = (block, block + 1, block + 2);
        let _ = write!(
            text,
            "    brif v{last}, block{then}, block{other}\n\
             block{then}:\n    v{value} = iadd v{last}, v0\n    jump block{join}(v{value})\n\
             block{other}:\n    v{} = isub v{last}, v0\n    jump block{join}(v{})\n\
             block{join}(v{}: i64):\n",
            value + 1,
            value + 1,
            value + 2,
        );
        last = value + 2;
        value += 3;
        block += 3;
    }
    let _ = writeln!(text, "    return v{last}\n}}");
    text
}

/// Two hundred values that live through a chain of blocks.
fn long_lived(values: usize) -> String {
    const LONG: usize = 200;
    let mut text = String::from("function %main(i64) -> i64 {\nblock0(v0: i64):\n");
    for value in 1..=LONG {
        let _ = writeln!(text, "    v{value} = iadd v{}, v0", value - 1);
    }
    let (mut value, mut block) = (LONG + 1, 1);
    let _ = writeln!(text, "    jump block{block}");
    while value < values {
        let _ = writeln!(text, "block{block}:");
        for _ in 0..10 {
            let _ = writeln!(text, "    v{value} = iadd v{}, v0", value - 1);
            value += 1;
        }
        block += 1;
        let _ = writeln!(text, "    jump block{block}");
    }
    let _ = writeln!(text, "block{block}:");
    let mut sum = value - 1;
    for long in 1..=LONG {
        let _ = writeln!(text, "    v{value} = iadd v{sum}, v{long}");
        sum = value;
        value += 1;
    }
    let _ = writeln!(text, "    return v{sum}\n}}");
    text
}

/// Suspension points one after the other, four values live across each, ten values between two.
fn points(values: usize) -> String {
    let mut text = String::from(YIELD);
    text.push_str("function %main(i64) -> i64 async {\nblock0(v0: i64):\n");
    for value in 1..4 {
        let _ = writeln!(text, "    v{value} = iadd v{}, v0", value - 1);
    }
    let mut value = 4;
    while value < values {
        text.push_str("    call %yield()\n");
        for _ in 0..10 {
            let _ = writeln!(text, "    v{value} = iadd v{}, v{}", value - 1, value - 4);
            value += 1;
        }
    }
    let _ = writeln!(text, "    return v{}\n}}", value - 1);
    text
}

/// Loops one after the other, each with a point inside and four values live around it.
fn points_in_loops(values: usize) -> String {
    let mut text = String::from(YIELD);
    text.push_str("function %main(i64) -> i64 async {\nblock0(v0: i64):\n");
    text.push_str("    v1 = iadd v0, v0\n    v2 = iadd v1, v0\n    v3 = iconst.i64 1\n");
    let (mut value, mut block, mut last) = (4, 1, 2);
    while value < values {
        let _ = write!(
            text,
            "    jump block{block}(v{last})\n\
             block{block}(v{value}: i64):\n    call %yield()\n\
             \x20   v{} = isub v{value}, v3\n    v{} = iadd v{}, v1\n    v{} = icmp sgt v{}, v0\n\
             \x20   brif v{}, block{block}(v{}), block{}\nblock{}:\n",
            value + 1,
            value + 2,
            value + 1,
            value + 3,
            value + 2,
            value + 3,
            value + 1,
            block + 1,
            block + 1,
        );
        last = value + 2;
        value += 4;
        block += 2;
    }
    let _ = writeln!(text, "    return v{last}\n}}");
    text
}

/// Blocks of one value that all leave to the same block, which has a parameter.
fn shared_exit(blocks: usize) -> String {
    let mut text = String::from("function %main(i64) -> i64 {\nblock0(v0: i64):\n");
    for block in 1..blocks {
        let _ = write!(
            text,
            "    v{block} = iadd v{}, v0\n    brif v{block}, block{block}, block{blocks}(v0)\n\
             block{block}:\n",
            block - 1,
        );
    }
    let _ = write!(
        text,
        "    jump block{blocks}(v{})\nblock{blocks}(v{blocks}: i64):\n    return v{blocks}\n}}\n",
        blocks - 1,
    );
    text
}

/// A table behind a point. Its arms go to two blocks in turn, each of which uses ten of twenty values that live
/// across the point.
fn switch(arms: usize) -> String {
    const LIVE: usize = 20;
    let mut text = String::from(YIELD);
    text.push_str("function %main(i64) -> i64 async {\nblock0(v0: i64):\n");
    for value in 1..=LIVE {
        let _ = writeln!(text, "    v{value} = iadd v{}, v0", value - 1);
    }
    let mut value = LIVE + 1;
    text.push_str("    call %yield()\n");
    let table: Vec<String> = (1..=arms).map(|arm| format!("block{arm}")).collect();
    let _ = writeln!(text, "    br_table v0, block1, [{}]", table.join(", "));
    for arm in 1..=arms {
        let _ = writeln!(text, "block{arm}:\n    jump block{}", arms + 1 + arm % 2);
    }
    for join in 0..2 {
        let _ = writeln!(text, "block{}:", arms + 1 + join);
        let mut sum = 0;
        for live in 1..=LIVE / 2 {
            let _ = writeln!(text, "    v{value} = iadd v{sum}, v{}", 2 * live - join);
            sum = value;
            value += 1;
        }
        let _ = writeln!(text, "    return v{sum}");
    }
    text + "}\n"
}

/// A hundred values that live across all points; ten values between two.
fn live_across(points: usize) -> String {
    const LIVE: usize = 100;
    let mut text = String::from(YIELD);
    text.push_str("function %main(i64) -> i64 async {\nblock0(v0: i64):\n");
    for value in 1..=LIVE {
        let _ = writeln!(text, "    v{value} = iadd v{}, v0", value - 1);
    }
    let mut value = LIVE + 1;
    for _ in 0..points {
        text.push_str("    call %yield()\n");
        for _ in 0..10 {
            let _ = writeln!(text, "    v{value} = iadd v{}, v0", value - 1);
            value += 1;
        }
    }
    for live in 1..=LIVE {
        let _ = writeln!(text, "    v{value} = iadd v{}, v{live}", value - 1);
        value += 1;
    }
    let _ = writeln!(text, "    return v{}\n}}", value - 1);
    text
}

/// Processor time of one run of `work` in nanoseconds: the best of a few, as noise only adds.
fn time<R>(mut work: impl FnMut() -> R) -> f64 {
    let runs = (0..RUNS).map(|_| {
        let started = cpu_time();
        black_box(work());
        (cpu_time() - started).as_nanos() as f64
    });
    runs.fold(f64::INFINITY, f64::min)
}

/// Every step on one function: its name and time.
fn measure(text: &str) -> Vec<(&'static str, f64)> {
    let module = parse_module(text).expect("the generated text parses");
    let mut steps = vec![("parse", time(|| parse_module(text).is_ok()))];
    steps.push(("print", time(|| module.to_string().len())));
    steps.push(("verify", time(|| verify_module(&module).is_ok())));
    let main = module
        .function_named("main")
        .expect("the module has a main function");
    let body = module.functions[main].body().expect("main has a body");
    steps.push((
        "control flow",
        time(|| ControlFlow::new(body).reverse_post_order().len()),
    ));
    let flow = ControlFlow::new(body);
    steps.push((
        "dominators",
        time(|| DominatorTree::new(body, &flow).preorder().len()),
    ));
    let dominators = DominatorTree::new(body, &flow);
    let loops = LoopNest::new(&flow, &dominators);
    steps.push((
        "liveness",
        time(|| black_box(Liveness::new(body, &flow, &dominators, &loops))),
    ));
    steps.extend(measure_passes(module.clone()));
    steps
}

/// The passes and, behind them, the lowering with each allocator.
fn measure_passes(mut module: Module) -> Vec<(&'static str, f64)> {
    let mut steps = Vec::new();
    let main = module
        .function_named("main")
        .expect("the module has a main function");
    for pass in PASSES {
        if !(pass.applies)(&module) {
            continue;
        }
        let body = module.functions[main].body().expect("main has a body");
        let (mut best, mut after) = (f64::INFINITY, None);
        for _ in 0..RUNS {
            let mut copy = body.clone();
            let started = cpu_time();
            (pass.run)(&module, &mut copy);
            best = best.min((cpu_time() - started).as_nanos() as f64);
            after = Some(copy);
        }
        steps.push((pass.name, best));
        if let (Some(body), Some(after)) = (module.functions[main].body_mut(), after) {
            *body = after;
        }
    }
    let layout = InstanceLayout::new(&module);
    for (name, allocator) in [
        ("lower, single pass", RegisterAllocator::SinglePass),
        ("lower, backtracking", RegisterAllocator::Backtracking),
    ] {
        let code = CodeOptions {
            allocator,
            check: false,
            ..CodeOptions::default()
        };
        let mut lowering = Lowering::new(&module, &layout, Target::X86_64, code);
        let lower = || {
            lowering
                .run(main, false)
                .expect("the generated text compiles")
        };
        steps.push((name, time(lower)));
    }
    steps
}

/// Measures how the cost of every pass grows.
#[derive(Parser)]
struct Arguments {
    /// Only shapes of functions whose name contains this
    filter: Option<String>,
    /// Where to write the rows
    #[arg(long, value_name = "PATH")]
    json: Option<PathBuf>,
    /// Only functions of up to this many values, blocks or points
    #[arg(long, value_name = "SIZE", default_value_t = 1_000_000)]
    largest: usize,
    /// Fails if a step grows faster than it may
    #[arg(long)]
    gate: bool,
    /// Passed by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

/// How one step grows.
struct Growth {
    shape: &'static str,
    step: &'static str,
    unit: &'static str,
    sizes: Vec<usize>,
    ns_each: Vec<f64>,
    exponent: f64,
}

impl Growth {
    fn to_json(&self) -> Value {
        json!({
            "shape": self.shape,
            "step": self.step,
            "unit": self.unit,
            "sizes": self.sizes,
            "ns_each": self.ns_each,
            "exponent": self.exponent,
        })
    }
}

/// Every step on functions of one shape.
fn measure_shape(shape: &'static Shape, largest: usize) -> Vec<Growth> {
    let sizes = shape.sizes.iter().copied().filter(|&size| size <= largest);
    let sizes: Vec<usize> = sizes.collect();
    println!(
        "{}: ns each at {sizes:?} {}, exponent",
        shape.name, shape.unit
    );
    let measured = sizes.iter().map(|&size| measure(&(shape.text)(size)));
    let rows: Vec<_> = measured.collect();
    let steps = rows.first().map_or(0, Vec::len);
    let grown = (0..steps).map(|step| {
        let points = sizes.iter().zip(&rows);
        let costs: Vec<_> = points
            .map(|(&size, row)| (size as f64, row[step].1))
            .collect();
        let growth = Growth {
            shape: shape.name,
            step: rows[0][step].0,
            unit: shape.unit,
            sizes: sizes.clone(),
            ns_each: costs.iter().map(|(size, cost)| cost / size).collect(),
            exponent: exponent(&costs),
        };
        let numbers = growth.ns_each.iter().map(|ns| format!("{ns:9.1}"));
        let numbers: Vec<_> = numbers.collect();
        println!(
            "  {:20} {} {:6.2}",
            growth.step,
            numbers.join(" "),
            growth.exponent
        );
        growth
    });
    grown.collect()
}

fn write(arguments: &Arguments, grown: &[Growth]) -> std::io::Result<()> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench/growth.json");
    let path = arguments.json.as_ref().unwrap_or(&default);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let rows: Vec<Value> = grown.iter().map(Growth::to_json).collect();
    std::fs::write(path, serde_json::to_string_pretty(&rows)? + "\n")
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = arguments.filter.as_deref().unwrap_or_default();
    let shapes = SHAPES.iter().filter(|shape| shape.name.contains(filter));
    let grown: Vec<Growth> = shapes
        .flat_map(|shape| measure_shape(shape, arguments.largest))
        .collect();
    // One size has no exponent.
    let fitted = grown.iter().filter(|growth| growth.exponent.is_finite());
    let Some(worst) = fitted.max_by(|a, b| a.exponent.total_cmp(&b.exponent)) else {
        eprintln!("error: no shape with `{filter}` in its name has two sizes that small");
        return ExitCode::FAILURE;
    };
    println!(
        "largest exponent: {:.2}, {} of {}",
        worst.exponent, worst.step, worst.shape
    );
    if let Err(error) = write(&arguments, &grown) {
        eprintln!("error: cannot write the rows: {error}");
        return ExitCode::FAILURE;
    }
    if arguments.gate && worst.exponent > LIMIT + TOLERANCE {
        println!("above {LIMIT} (+{TOLERANCE} for noise)");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
