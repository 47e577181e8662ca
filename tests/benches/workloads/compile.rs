//! Compile time: both allocators, on a function with more and more suspension points.

use crate::clock::cpu_time;
use crate::measure::{Row, Settings};
use enjamb_abi::code::{CodeOptions, RegisterAllocator};
use enjamb_codegen::{CompileOptions, compile};
use enjamb_ir::{Module, parse_module};
use std::error::Error;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

/// Suspension points of the functions.
pub const POINTS: [u64; 5] = [1, 10, 100, 1000, 10_000];
/// The allocator that ours is set beside.
pub const SINGLE_PASS: &str = "ours, single-pass allocator";
/// How long one sample should take at least.
const SAMPLE: Duration = Duration::from_millis(5);

/// Runs the workloads that are selected.
pub fn run(settings: &Settings) -> Result<Vec<Row>, Box<dyn Error>> {
    let mut rows = Vec::new();
    for points in POINTS {
        let name = format!("compile/{points}");
        if !settings.selects(&name) {
            continue;
        }
        let module = Arc::new(parse_module(&text(points)).map_err(|error| error.to_string())?);
        let (mut backtracking, mut single_pass) = (Vec::new(), Vec::new());
        for _ in 0..settings.samples {
            backtracking.push(per_instruction(&module, RegisterAllocator::Backtracking)?);
            single_pass.push(per_instruction(&module, RegisterAllocator::SinglePass)?);
        }
        rows.push(Row::new(
            &name,
            "ns",
            &backtracking,
            SINGLE_PASS,
            &single_pass,
        ));
    }
    Ok(rows)
}

/// Suspension points one after the other in a loop, four values live across each and ten
/// instructions between two.
fn text(points: u64) -> String {
    let mut text = String::from(
        "import %yield = \"enjamb\" \"yield\" () async\n\
         function %main(i64) -> i64 async {\nblock0(v0: i64):\n    v1 = iconst.i64 1\n    \
         v2 = iadd v0, v1\n    v3 = iadd v2, v1\n    jump block1(v0, v2, v3)\n\
         block1(v4: i64, v5: i64, v6: i64):\n",
    );
    let mut value = 7;
    for _ in 0..points {
        text.push_str("    call %yield()\n");
        for _ in 0..10 {
            let _ = writeln!(text, "    v{value} = iadd v{}, v{}", value - 1, value - 3);
            value += 1;
        }
    }
    let _ = write!(
        text,
        "    brif v{}, block1(v{}, v{}, v{}), block2\nblock2:\n    return v{}\n}}\n",
        value - 1,
        value - 3,
        value - 2,
        value - 1,
        value - 2,
    );
    text
}

/// Nanoseconds from IR to code by instruction of the IR.
fn per_instruction(
    module: &Arc<Module>,
    allocator: RegisterAllocator,
) -> Result<f64, Box<dyn Error>> {
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
    let (started, mut instructions) = (cpu_time(), 0);
    while cpu_time() - started < SAMPLE {
        instructions += compile(module.clone(), &options)?.stats.instructions;
    }
    Ok((cpu_time() - started).as_nanos() as f64 / instructions as f64)
}
