//! How the cost of every pass grows with the size of a function.
//!
//! `cargo bench -p enjamb-tests --bench growth` prints, for each shape of function and each step of
//! the compiler, nanoseconds per value at growing sizes and the exponent fitted to them by least
//! squares. A quadratic step shows as an exponent near two. `-- --gate` fails above the limit;
//! `-- --json PATH` says where the rows go (`target/bench/growth.json`), from which the next run of
//! the workloads makes a section of `docs/performance.md`; `-- SHAPE` runs one shape of function.

use clap::Parser;
use enjamb_abi::code::{CodeOptions, RegisterAllocator};
use enjamb_codegen::{CompileOptions, PASSES, compile};
use enjamb_ir::{Function, Module, parse_module, verify_module};
use enjamb_liveness::{ControlFlow, DominatorTree, Liveness, LoopNest};
use enjamb_tests::bench::exponent;
use serde_json::{Value, json};
use std::fmt::Write;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

/// No step may grow faster than this.
const LIMIT: f64 = 1.1;
/// Added to the limit by the noise of a shared machine.
const TOLERANCE: f64 = 0.15;

/// A family of functions: `text(n)` has about `n` values.
struct Shape {
    name: &'static str,
    sizes: &'static [usize],
    text: fn(usize) -> String,
}

const SHAPES: &[Shape] = &[
    Shape {
        name: "straight",
        sizes: &[10_000, 100_000, 1_000_000],
        text: straight,
    },
    Shape {
        name: "diamonds",
        sizes: &[10_000, 100_000, 1_000_000],
        text: diamonds,
    },
    Shape {
        name: "long-lived",
        sizes: &[10_000, 100_000, 400_000],
        text: long_lived,
    },
    Shape {
        name: "points",
        sizes: &[1_000, 10_000, 100_000],
        text: points,
    },
    Shape {
        name: "points-in-loops",
        sizes: &[1_000, 10_000, 100_000],
        text: points_in_loops,
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

/// Time of one run of `work` in nanoseconds: the best of a few, as noise only adds.
fn time<R>(mut work: impl FnMut() -> R) -> f64 {
    let runs = (0..3).map(|_| {
        let started = Instant::now();
        black_box(work());
        started.elapsed().as_nanos() as f64
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
    steps.extend(measure_passes(&module, body.clone()));
    steps.extend(measure_lowering(&module));
    steps
}

fn measure_passes(module: &Module, mut body: Function) -> Vec<(&'static str, f64)> {
    let mut steps = Vec::new();
    for pass in PASSES {
        let runs = (0..3).map(|_| {
            let mut copy = body.clone();
            let started = Instant::now();
            (pass.run)(module, &mut copy);
            started.elapsed().as_nanos() as f64
        });
        steps.push((pass.name, runs.fold(f64::INFINITY, f64::min)));
        (pass.run)(module, &mut body);
    }
    steps
}

fn measure_lowering(module: &Module) -> Vec<(&'static str, f64)> {
    let module = Arc::new(module.clone());
    let allocators = [
        ("lower, single pass", RegisterAllocator::SinglePass),
        ("lower, backtracking", RegisterAllocator::Backtracking),
    ];
    let lower = |(name, allocator)| {
        let code = CodeOptions {
            allocator,
            check: false,
            ..CodeOptions::default()
        };
        let options = CompileOptions {
            code,
            verify_passes: false,
            ..CompileOptions::default()
        };
        let compiled = compile(module.clone(), &options).expect("the generated text compiles");
        (name, compiled.stats.lower_ns as f64)
    };
    allocators.into_iter().map(lower).collect()
}

/// Measures how the cost of every pass grows.
#[derive(Parser)]
struct Arguments {
    /// Only shapes of functions whose name contains this
    filter: Option<String>,
    /// Where to write the rows
    #[arg(long, value_name = "PATH")]
    json: Option<PathBuf>,
    /// Fails if a step grows faster than it may
    #[arg(long)]
    gate: bool,
    /// Passed by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

/// How one step grows.
struct Growth {
    shape: &'static Shape,
    step: &'static str,
    ns_per_value: Vec<f64>,
    exponent: f64,
}

impl Growth {
    fn to_json(&self) -> Value {
        json!({
            "shape": self.shape.name,
            "step": self.step,
            "values": self.shape.sizes,
            "ns_per_value": self.ns_per_value,
            "exponent": self.exponent,
        })
    }
}

/// Every step on functions of one shape.
fn measure_shape(shape: &'static Shape) -> Vec<Growth> {
    println!(
        "{}: ns per value at {:?} values, exponent",
        shape.name, shape.sizes
    );
    let sizes = shape.sizes.iter();
    let rows: Vec<_> = sizes.map(|&size| measure(&(shape.text)(size))).collect();
    let grown = (0..rows[0].len()).map(|index| {
        let points = shape.sizes.iter().zip(&rows);
        let costs: Vec<_> = points
            .map(|(&size, row)| (size as f64, row[index].1))
            .collect();
        let growth = Growth {
            shape,
            step: rows[0][index].0,
            ns_per_value: costs.iter().map(|(size, cost)| cost / size).collect(),
            exponent: exponent(&costs),
        };
        let numbers: Vec<_> = growth
            .ns_per_value
            .iter()
            .map(|ns| format!("{ns:9.1}"))
            .collect();
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
    let grown: Vec<Growth> = shapes.flat_map(measure_shape).collect();
    let Some(worst) = grown
        .iter()
        .max_by(|a, b| a.exponent.total_cmp(&b.exponent))
    else {
        eprintln!("error: no shape has `{filter}` in its name");
        return ExitCode::FAILURE;
    };
    println!(
        "largest exponent: {:.2}, {} of {}",
        worst.exponent, worst.step, worst.shape.name
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
