//! How the cost of every pass grows with the size of a function.
//!
//! `cargo bench -p enjamb-tests --bench growth` prints, for each shape of function and each step of
//! the compiler, nanoseconds per value at growing sizes and the exponent fitted to the larger half
//! of them. A quadratic step shows as an exponent near two. `-- --gate` fails above the limit.

use enjamb_codegen::{CompileOptions, PASSES, compile};
use enjamb_ir::{Function, Module, parse_module, verify_module};
use enjamb_liveness::{ControlFlow, DominatorTree, Liveness, LoopNest};
use std::fmt::Write;
use std::hint::black_box;
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
    use enjamb_abi::code::{CodeOptions, RegisterAllocator};
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

/// Slope of the logarithms between the two largest sizes.
fn exponent(small: (usize, f64), large: (usize, f64)) -> f64 {
    (large.1 / small.1).ln() / (large.0 as f64 / small.0 as f64).ln()
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let gate = arguments.iter().any(|argument| argument == "--gate");
    let filter = arguments.iter().find(|argument| !argument.starts_with('-'));
    let mut worst: (f64, String) = (0.0, String::new());
    for shape in SHAPES {
        if filter.is_some_and(|filter| !shape.name.contains(filter.as_str())) {
            continue;
        }
        println!(
            "{}: ns per value at {:?} values, exponent",
            shape.name, shape.sizes
        );
        let rows: Vec<_> = shape
            .sizes
            .iter()
            .map(|&size| measure(&(shape.text)(size)))
            .collect();
        for step in 0..rows[0].len() {
            let name = rows[0][step].0;
            let per_value = shape
                .sizes
                .iter()
                .zip(&rows)
                .map(|(&n, row)| row[step].1 / n as f64);
            let per_value: Vec<String> = per_value.map(|ns| format!("{ns:9.1}")).collect();
            let last = rows.len() - 1;
            let point = |at: usize| (shape.sizes[at], rows[at][step].1);
            let exponent = exponent(point(last - 1), point(last));
            println!("  {name:20} {} {exponent:6.2}", per_value.join(" "));
            if exponent > worst.0 {
                worst = (exponent, format!("{} of {}", name, shape.name));
            }
        }
    }
    println!("largest exponent: {:.2}, {}", worst.0, worst.1);
    if gate && worst.0 > LIMIT + TOLERANCE {
        println!("above {LIMIT} (+{TOLERANCE} for noise)");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
