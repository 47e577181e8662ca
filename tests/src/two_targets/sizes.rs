//! How many bytes of code functions and suspension points take.

use enjamb_abi::code::{CodeOptions, RegisterAllocator};
use enjamb_abi::continuation::POINT_RECORD_SIZE;
use enjamb_abi::target::Target;
use enjamb_codegen::{CompileOptions, CompiledModule, compile};
use enjamb_ir::{Module, parse_module};
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

/// The programs whose functions are measured: all examples, and goldens of different kinds.
const PROGRAMS: &[&str] = &[
    "examples/fib.enj",
    "examples/fib_yield.enj",
    "examples/many_tasks.enj",
    "examples/pipeline.enj",
    "examples/sleep_sort.enj",
    "tests/golden/integer/divide_by_constants.enj",
    "tests/golden/integer/count_bits.enj",
    "tests/golden/float/rounding.enj",
    "tests/golden/memory/stores_of_every_width.enj",
    "tests/golden/flow/branch_table.enj",
    "tests/golden/call/many_parameters_and_results.enj",
    "tests/golden/async/nested_loops.enj",
    "tests/golden/async/live_across_of_every_type.enj",
    "tests/golden/exception/nested_handlers_run_in_order.enj",
];

const ALLOCATORS: [RegisterAllocator; 2] = [
    RegisterAllocator::Backtracking,
    RegisterAllocator::SinglePass,
];

/// Suspension points of the functions from whose difference in size the size of one follows.
const FEW: usize = 100;
const MANY: usize = 200;

fn compiled(
    module: &Arc<Module>,
    target: Target,
    allocator: RegisterAllocator,
) -> Result<CompiledModule, String> {
    let code = CodeOptions {
        allocator,
        count: false,
        check: false,
        ..CodeOptions::default()
    };
    let options = CompileOptions {
        target: target.triple(),
        code,
        verify_passes: false,
    };
    compile(module.clone(), &options).map_err(|error| error.to_string())
}

fn read(text: &str) -> Result<Arc<Module>, String> {
    parse_module(text)
        .map(Arc::new)
        .map_err(|errors| errors.to_string())
}

/// Bytes of code of each function that a module defines, for each target and then each allocator.
fn sizes(module: &Arc<Module>) -> Result<[Vec<usize>; 4], String> {
    let mut sizes = [const { Vec::new() }; 4];
    let ways = ALLOCATORS
        .iter()
        .flat_map(|allocator| Target::ALL.map(|target| (target, *allocator)));
    for (sizes, (target, allocator)) in sizes.iter_mut().zip(ways) {
        let compiled = compiled(module, target, allocator)?;
        let bytes = |range: &enjamb_codegen::FunctionRange| (range.end - range.start) as usize;
        *sizes = compiled.functions.iter().map(bytes).collect();
    }
    Ok(sizes)
}

/// The table of functions.
pub(super) fn functions() -> Result<String, String> {
    let mut table = String::from(
        "### Code size\n\n\
         Bytes of code for each function, constants in memory and jump tables included, stubs and records not; \
         *sp* is the single-pass\nallocator. IR instructions are those of the function as it was written.\n\n\
         | program | function | | IR instructions | x86-64 | AArch64 | x86-64 sp | AArch64 sp |\n\
         |---|---|---|---:|---:|---:|---:|---:|\n",
    );
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (mut instructions, mut sums) = (0, [0; 4]);
    for program in PROGRAMS {
        let text = std::fs::read_to_string(root.join(program))
            .map_err(|error| format!("{program}: {error}"))?;
        let module = read(&text)?;
        let sizes = sizes(&module)?;
        for (index, (_, body)) in module.bodies().enumerate() {
            let name = program.trim_start_matches("tests/golden/");
            let kind = if body.signature.is_async { "async" } else { "" };
            let count = body.instruction_count();
            write!(table, "| {name} | `%{}` | {kind} | {count} |", body.name).map_err(fmt_error)?;
            for (sum, sizes) in sums.iter_mut().zip(&sizes) {
                *sum += sizes[index];
                write!(table, " {} |", sizes[index]).map_err(fmt_error)?;
            }
            table.push('\n');
            instructions += count;
        }
    }
    let [x64, aarch64, x64_single, aarch64_single] = sums;
    let each = |bytes: usize| bytes as f64 / instructions as f64;
    write!(
        table,
        "| all | | | {instructions} | {x64} | {aarch64} | {x64_single} | {aarch64_single} |\n\n\
         An instruction of the IR takes {:.1} bytes on x86-64 and {:.1} on AArch64, a ratio of {:.2}; with the single-pass\n\
         allocator {:.1} and {:.1}.\n",
        each(x64),
        each(aarch64),
        aarch64 as f64 / x64 as f64,
        each(x64_single),
        each(aarch64_single),
    )
    .map_err(fmt_error)?;
    Ok(table)
}

fn fmt_error(error: std::fmt::Error) -> String {
    error.to_string()
}

/// Which values live across the calls of a loop. They change in each round, so each point has to store
/// all of them.
#[derive(Clone, Copy)]
enum Across {
    /// The same four across all calls.
    Same,
    /// Four that are computed anew in front of each.
    Own,
}

/// What is called.
#[derive(Clone, Copy)]
enum Callee {
    Async,
    Sync,
}

/// A loop with `points` calls of the same function in which four values live across each call.
fn loop_with_calls(points: usize, callee: Callee, across: Across) -> String {
    let (callee, mark) = match callee {
        Callee::Async => ("import %pause = \"enjamb\" \"yield\" () async", " async"),
        Callee::Sync => ("import %pause = \"host\" \"pause\" ()", ""),
    };
    let mut text = format!(
        "{callee}\n\
         function %main(i64, i64, i64, i64) -> i64{mark} {{\n\
         block0(v0: i64, v1: i64, v2: i64, v3: i64):\n    jump block1(v0, v1, v2, v3)\n\
         block1(v4: i64, v5: i64, v6: i64, v7: i64):\n"
    );
    let mut last = 7;
    for _ in 0..points {
        text += "    call %pause()\n";
        if let Across::Own = across {
            for _ in 0..4 {
                last += 1;
                text += &format!("    v{last} = imul v{}, v{}\n", last - 4, last - 3);
            }
        }
    }
    let [a, b, c, d] = [last - 3, last - 2, last - 1, last];
    let sum = last + 1;
    text + &format!(
        "    v{sum} = iadd v{a}, v{b}\n    brif v{sum}, block1(v{sum}, v{c}, v{d}, v{a}), block2\n\
         block2:\n    return v{sum}\n}}\n"
    )
}

/// What one call more adds to a function, for each target and then each allocator.
fn bytes_of_a_call(callee: Callee, across: Across) -> Result<[f64; 4], String> {
    let size = |points| {
        let module = read(&loop_with_calls(points, callee, across))?;
        sizes(&module)
    };
    let (few, many) = (size(FEW)?, size(MANY)?);
    Ok(std::array::from_fn(|way| {
        (many[way][0] - few[way][0]) as f64 / (MANY - FEW) as f64
    }))
}

/// Bytes of code of an async call with four live values, for each target and then each allocator: with the
/// same across all calls, and with some of its own, without what computes these.
pub(super) fn bytes_of_a_point() -> Result<[[f64; 4]; 2], String> {
    let same = bytes_of_a_call(Callee::Async, Across::Same)?;
    let own = bytes_of_a_call(Callee::Async, Across::Own)?;
    let own_sync = bytes_of_a_call(Callee::Sync, Across::Own)?;
    let sync = bytes_of_a_call(Callee::Sync, Across::Same)?;
    let own = std::array::from_fn(|way| own[way] - own_sync[way] + sync[way]);
    Ok([same, own])
}

/// The table of suspension points.
pub(super) fn points() -> Result<String, String> {
    let [same, own] = bytes_of_a_point()?;
    let sync = bytes_of_a_call(Callee::Sync, Across::Same)?;
    let row = |name: &str, bytes: [f64; 4]| {
        let [x64, aarch64, x64_single, aarch64_single] = bytes;
        format!("| {name} | {x64:.1} | {aarch64:.1} | {x64_single:.1} | {aarch64_single:.1} |\n")
    };
    Ok(format!(
        "### Suspension points\n\n\
         Bytes of code that one call more adds to a loop with {FEW} of them, measured by adding {}. Four integers \
         that change in\neach round live across it. The async call has its test, a suspension block that stores \
         the four and a resumption block\nthat loads them, as far as not all states load the same; to that comes \
         a record of {POINT_RECORD_SIZE} bytes.\n\n\
         | | x86-64 | AArch64 | x86-64 sp | AArch64 sp |\n|---|---:|---:|---:|---:|\n{}{}{}",
        MANY - FEW,
        row(
            "an async call, the same four integers live across all",
            same
        ),
        row("an async call, four integers of its own", own),
        row("a sync call in its place", sync),
    ))
}
