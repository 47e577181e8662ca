//! Functions so large that registers are allocated in a single pass: what they cost.

use bumpalo::Bump;
use enjamb_abi::code::{CodeOptions, RegisterAllocator};
use enjamb_abi::context::InstanceLayout;
use enjamb_ir::parse_module;
use enjamb_lower_x64::{LoweredFunction, allocator_options, lower_function};
use enjamb_regalloc::Allocator;
use std::fmt::Write;

fn lowered(text: &str, allocator: RegisterAllocator) -> LoweredFunction {
    let mut module = parse_module(text).unwrap_or_else(|errors| panic!("{errors}"));
    enjamb_async::transform(&mut module);
    let function = module.function_named("main").expect("%main");
    let layout = InstanceLayout::new(&module);
    let options = CodeOptions {
        allocator,
        check: false,
        ..CodeOptions::default()
    };
    let mut allocator = Allocator::new(allocator_options(&options));
    let arena = Bump::new();
    lower_function(
        &module,
        &layout,
        function,
        &options,
        &mut allocator,
        &arena,
        false,
    )
    .unwrap_or_else(|error| panic!("{error}"))
}

/// `points` suspension points, `live` values live across all of them.
fn live_across(live: usize, points: usize) -> String {
    let mut text = String::from("import %yield = \"enjamb\" \"yield\" () async\n");
    text += "function %main(i64) -> i64 async {\nblock0(v0: i64):\n";
    for value in 0..live {
        let _ = writeln!(text, "    v{} = iadd v{value}, v0", value + 1);
    }
    for _ in 0..points {
        text += "    call %yield()\n";
    }
    let mut sum = live;
    for value in 0..live {
        let _ = writeln!(text, "    v{} = bxor v{sum}, v{value}", sum + 1);
        sum += 1;
    }
    let _ = writeln!(text, "    return v{sum}\n}}");
    text
}

/// Blocks that all may leave for the same one.
fn shared_exit(blocks: usize) -> String {
    let mut text = String::from("function %main(i64) -> i64 {\nblock0(v0: i64):\n");
    text += "    jump block1(v0)\n";
    for block in 1..blocks {
        let (param, sum, next) = (2 * block, 2 * block + 1, block + 1);
        let _ = write!(
            text,
            "block{block}(v{param}: i64):\n    v{sum} = iadd v{param}, v0\n    \
             brif v{sum}, block{next}(v{sum}), block{blocks}(v0)\n"
        );
    }
    let _ = writeln!(
        text,
        "block{blocks}(v{0}: i64):\n    return v{0}\n}}",
        2 * blocks
    );
    text
}

#[test]
fn frames_do_not_grow_with_the_number_of_points() {
    let live = 50;
    for points in [40, 400] {
        let text = live_across(live, points);
        let frame = lowered(&text, RegisterAllocator::SinglePass)
            .code
            .frame_bytes;
        // Each value needs a slot, and one more while it goes from one block to the next.
        assert!(
            frame < 3 * live as u32 * 8,
            "{points} points: {frame} bytes"
        );
    }
}

#[test]
fn a_block_with_very_many_predecessors_is_not_for_the_backtracking_allocator() {
    let text = shared_exit(10_000);
    let asked = lowered(&text, RegisterAllocator::Backtracking);
    let given = lowered(&text, RegisterAllocator::SinglePass);
    assert_eq!(asked.code, given.code);
    assert!(
        given.code.frame_bytes < 1_000,
        "{} bytes",
        given.code.frame_bytes
    );
}
