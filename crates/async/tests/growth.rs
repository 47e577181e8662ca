//! Large functions: what the transform makes of them grows with them, and it comes to an end.
//!
//! Each shape has a size at which work that grows with its square does not end in reasonable time or
//! memory.

use cpu_time::ThreadTime;
use enjamb_interp::{Imports, Instance, Options, Schedule, Val};
use enjamb_ir::{Function, Module, parse_module, verify_module};

const YIELD: &str = "import %yield = \"enjamb\" \"yield\" () async\n";
const TEST: &str = "import %test = \"enjamb\" \"test\" (i64) -> i64 async\n";

fn lowered(text: &str) -> Module {
    let mut module = parse_module(text).unwrap();
    enjamb_async::transform(&mut module);
    verify_module(&module).unwrap();
    module
}

fn main_of(module: &Module) -> &Function {
    module.bodies().next().unwrap().1
}

/// Instructions, values and what the points save, for each of `count` units.
fn size_for_each(module: &Module, count: usize) -> usize {
    let function = main_of(module);
    let saved: usize = function
        .points
        .values()
        .map(|point| point.saved.len())
        .sum();
    (function.instruction_count() + function.values.len() + saved) / count
}

/// Suspends at the points `at` alone.
fn run(module: &Module, at: Schedule, argument: i64) -> Vec<Val> {
    let options = Options {
        schedule: at,
        ..Options::default()
    };
    let mut instance = Instance::new(module, Imports::new(), options).unwrap();
    instance.call("main", &[Val::I64(argument)]).unwrap()
}

/// Adds up what a number of points give, with the first argument alive to the end.
fn chain(points: usize) -> String {
    let mut text = format!("{TEST}function %main(i64) -> i64 async {{\nblock0(v0: i64):\n");
    for point in 0..points {
        let (sum, result) = (2 * point, 2 * point + 1);
        text += &format!("v{result} = call %test(v{sum})\n");
        text += &format!("v{} = iadd v{result}, v0\n", sum + 2);
    }
    text + &format!("return v{}\n}}", 2 * points)
}

#[test]
fn any_number_of_states() {
    for count in [1, 2, 3, 63, 64, 65, 1000, 10_000] {
        let module = lowered(&chain(count));
        assert_eq!(main_of(&module).points.len(), count);
        let expected = [Val::I64(3 * (count as i64 + 1))];
        let last = count as u64 - 1;
        for only in [0, 1, last / 2, last.saturating_sub(1), last] {
            assert_eq!(
                run(&module, Schedule::Only(only), 3),
                expected,
                "{only} of {count}"
            );
        }
        if count <= 1000 {
            assert_eq!(run(&module, Schedule::Always, 3), expected, "{count}");
        }
    }
}

#[test]
fn many_values_at_one_point() {
    let count = 10_000;
    let mut text = format!("{YIELD}function %main(i64) -> i64 async {{\nblock0(v0: i64):\n");
    for value in 0..count {
        text += &format!("v{} = iadd v{value}, v0\n", value + 1);
    }
    text += "call %yield()\n";
    for value in 0..count {
        text += &format!(
            "v{} = iadd v{value}, v{}\n",
            count + value + 1,
            count - value
        );
    }
    let module = lowered(&(text + &format!("return v{}\n}}", 2 * count)));
    assert!(size_for_each(&module, count) < 12);
    let expected = run(&module, Schedule::Never, 1);
    assert_eq!(run(&module, Schedule::Always, 1), expected);
}

#[test]
fn a_nest_of_loops() {
    let depth = 2000;
    let mut text =
        format!("{YIELD}function %main(i64) -> i64 async {{\nblock0(v0: i64):\njump block1\n");
    for outer in 1..depth {
        text += &format!("block{outer}:\njump block{}\n", outer + 1);
    }
    text += &format!("block{depth}:\ncall %yield()\njump block{}\n", depth + 1);
    for exit in 0..depth {
        let (here, header) = (depth + 1 + exit, depth - exit);
        text += &format!("block{here}:\nbrif v0, block{}, block{header}\n", here + 1);
    }
    let module = lowered(&(text + &format!("block{}:\nreturn v0\n}}", 2 * depth + 1)));
    assert!(size_for_each(&module, depth) < 12);
    assert_eq!(run(&module, Schedule::Always, 7), [Val::I64(7)]);
}

/// Each block of a chain has all later exits in its dominance frontier, since a table leads to them
/// as well.
#[test]
fn exits_that_a_chain_shares_with_a_table() {
    let count = 20_000;
    let mut text = format!("{YIELD}function %main(i64) -> i64 async {{\nblock0(v0: i64):\n");
    let exits: Vec<String> = (0..count)
        .map(|exit| format!("block{}", 3 + count + exit))
        .collect();
    text += "brif v0, block1, block2\nblock1:\ncall %yield()\njump block3\nblock2:\n";
    text += &format!("br_table v0, {}, [{}]\n", exits[0], exits.join(", "));
    for (link, exit) in exits.iter().enumerate() {
        let next = if link + 1 < count {
            4 + link
        } else {
            2 + count + count
        };
        text += &format!("block{}:\nbrif v0, block{next}, {exit}\n", 3 + link);
    }
    for exit in &exits {
        text += &format!("{exit}:\nreturn v0\n");
    }
    let module = lowered(&(text + "}"));
    assert!(size_for_each(&module, count) < 8);
    assert_eq!(run(&module, Schedule::Always, 7), [Val::I64(7)]);
}

#[test]
fn a_long_chain_of_addresses_used_behind_many_points() {
    let count = 2000;
    let mut text = format!(
        "{YIELD}function %main(i64) -> i64 async {{\nss0 = slot 16 align 8\nblock0(v0: i64):
v1 = iconst.i64 8\nv2 = iconst.i64 -8\nv3 = stack_addr ss0[0]\n"
    );
    for link in 0..count {
        text += &format!(
            "v{} = addr_add v{}, v{}\n",
            link + 4,
            link + 3,
            1 + link % 2
        );
    }
    for point in 0..count {
        text += &format!("call %yield()\nistore8 addr[v{}], v0\n", 3 + count - point);
    }
    let module = lowered(&(text + "v2004 = load.i64 ss0[8]\nreturn v2004\n}"));
    assert!(size_for_each(&module, count) < 40);
    assert_eq!(run(&module, Schedule::Always, 7), [Val::I64(7)]);
}

/// Behind each point a record is built field by field and read: it lives across none.
#[test]
fn a_slot_built_in_pieces_behind_many_points() {
    let (count, fields) = (2000, 16);
    let mut text = format!(
        "{YIELD}function %main(i64) -> i64 async {{\nss0 = slot {} align 8\nblock0(v0: i64):\n",
        8 * fields
    );
    for point in 0..count {
        text += "call %yield()\n";
        for field in 0..fields {
            text += &format!("store ss0[{}], v{point}\n", 8 * field);
        }
        text += &format!("v{} = load.i64 ss0[{}]\n", point + 1, 8 * (point % fields));
    }
    let module = lowered(&(text + &format!("return v{count}\n}}")));
    let sizes: Vec<u32> = (main_of(&module).layouts.values())
        .map(|layout| layout.size)
        .collect();
    assert_eq!(sizes, [24]);
    assert!(size_for_each(&module, count) < 45);
    assert_eq!(run(&module, Schedule::Always, 7), [Val::I64(7)]);
}

#[test]
fn constants_from_the_entry_used_behind_many_points() {
    let count = 10_000;
    let mut text = format!("{YIELD}function %main(i64) -> i64 async {{\nblock0(v0: i64):\n");
    for constant in 1..=count {
        text += &format!("v{constant} = iconst.i64 {constant}\n");
    }
    for point in 1..=count {
        let sum = if point == 1 { 0 } else { count + point - 1 };
        text += &format!(
            "call %yield()\nv{} = iadd v{sum}, v{point}\n",
            count + point
        );
    }
    let module = lowered(&(text + &format!("return v{}\n}}", 2 * count)));
    assert!(size_for_each(&module, count) < 30);
    let sum = (count * (count + 1) / 2) as i64;
    assert_eq!(run(&module, Schedule::Only(5000), 7), [Val::I64(7 + sum)]);
}

/// Constants from the entry that are used behind a chain of blocks with a point each.
fn constants_over_blocks_with_points(constants: usize, points: usize) -> String {
    let mut text = format!("{YIELD}function %main(i64) -> i64 async {{\nblock0(v0: i64):\n");
    for constant in 1..=constants {
        text += &format!("v{constant} = iconst.i64 {constant}\n");
    }
    for block in 1..=points {
        text += &format!("jump block{block}\nblock{block}:\ncall %yield()\n");
    }
    for constant in 1..=constants {
        let sum = if constant == 1 {
            0
        } else {
            constants + constant - 1
        };
        text += &format!("v{} = iadd v{sum}, v{constant}\n", constants + constant);
    }
    text + &format!("return v{}\n}}", 2 * constants)
}

/// Values that live across a point in front of a table with many arms, which meet again.
fn values_over_a_switch(values: usize, arms: usize) -> String {
    let mut text = format!("{YIELD}function %main(i64) -> i64 async {{\nblock0(v0: i64):\n");
    for value in 1..=values {
        text += &format!("v{value} = iadd v{}, v0\n", value - 1);
    }
    let blocks: Vec<String> = (1..=arms).map(|arm| format!("block{arm}")).collect();
    text += &format!("v{} = ireduce.i32 v0\ncall %yield()\n", values + 1);
    text += &format!(
        "br_table v{}, block1, [{}]\n",
        values + 1,
        blocks.join(", ")
    );
    for block in blocks {
        text += &format!("{block}:\njump block{}\n", arms + 1);
    }
    text += &format!("block{}:\n", arms + 1);
    let first = values + 2;
    for value in 1..=values {
        let sum = if value == 1 { 0 } else { first + value - 2 };
        text += &format!("v{} = iadd v{sum}, v{value}\n", first + value - 1);
    }
    text + &format!("return v{}\n}}", first + values - 1)
}

/// How much longer the transform takes for many of both than for many of each apart.
fn together(shape: fn(usize, usize) -> String, many: usize) -> f64 {
    let seconds = |first: usize, second: usize| {
        let module = parse_module(&shape(first, second)).unwrap();
        verify_module(&module).unwrap();
        let runs = (0..3).map(|_| {
            let mut module = module.clone();
            let start = ThreadTime::now();
            enjamb_async::transform(&mut module);
            start.elapsed().as_secs_f64()
        });
        runs.fold(f64::INFINITY, f64::min)
    };
    seconds(many, many) / (seconds(many, 1) + seconds(1, many))
}

#[test]
fn many_values_over_many_blocks_cost_no_product_of_both() {
    let ratio = together(constants_over_blocks_with_points, 2000);
    assert!(ratio < 4.0, "constants: {ratio:.1} times as long as apart");
    let ratio = together(values_over_a_switch, 2000);
    assert!(ratio < 4.0, "switch: {ratio:.1} times as long as apart");
    for shape in [constants_over_blocks_with_points, values_over_a_switch] {
        let module = lowered(&shape(100, 100));
        let expected = run(&module, Schedule::Never, 1);
        assert_eq!(run(&module, Schedule::Always, 1), expected);
    }
}

/// Gives its argument if that is even, else throws it; suspends before if the schedule says so.
const ODD_THROWS: &str = "function %odd_throws(i64) -> i64 async {
block0(v0: i64):
    v1 = call %test(v0)
    v2 = iconst.i64 1
    v3 = band v1, v2
    brif v3, block1, block2
block1:
    v4 = null.ref
    throw v1, v4
block2:
    return v1
}
";

/// Adds the argument to what a number of calls give or throw.
fn chain_of_handlers(points: usize) -> String {
    let mut text = format!("{TEST}function %main(i64) -> i64 async {{\n");
    text += "block0(v0: i64):\njump block1(v0)\n";
    for point in 0..points {
        let (value, block) = (6 * point, 2 * point);
        text += &format!(
            "block{}(v{}: i64):\nv{}, v{}, v{} = try_call %odd_throws(v{}), block{}(v{}), unwind block{}(v{})\n",
            block + 1,
            value + 1,
            value + 2,
            value + 3,
            value + 4,
            value + 1,
            block + 2,
            value + 2,
            block + 2,
            value + 3,
        );
        text += &format!(
            "block{}(v{}: i64):\nv{} = iadd v{}, v0\njump block{}(v{})\n",
            block + 2,
            value + 5,
            value + 6,
            value + 5,
            block + 3,
            value + 6,
        );
    }
    let (block, value) = (2 * points + 1, 6 * points + 1);
    text + &format!("block{block}(v{value}: i64):\nreturn v{value}\n}}\n{ODD_THROWS}")
}

#[test]
fn any_number_of_handlers() {
    for count in [1, 2, 3, 31, 32, 33, 64, 1000, 10_000] {
        let module = lowered(&chain_of_handlers(count));
        assert_eq!(main_of(&module).points.len(), 2 * count);
        let size = size_for_each(&module, count);
        assert!(count < 10 || size < 55, "{size} for each of {count}");
        for argument in [3, 4] {
            let expected = [Val::I64(argument * (count as i64 + 1))];
            let last = count as u64 - 1;
            for only in [0, last / 2, last] {
                let found = run(&module, Schedule::Only(only), argument);
                assert_eq!(found, expected, "{only} of {count}");
            }
            if count <= 1000 {
                assert_eq!(run(&module, Schedule::Always, argument), expected);
            }
        }
    }
}

/// All calls have one handler, in which as many values are live as at each call.
#[test]
fn one_handler_for_many_calls() {
    let (count, live) = (5000, 10);
    let mut text = format!("{TEST}function %main(i64) -> i64 async {{\nblock0(v0: i64):\n");
    for value in 1..=live {
        text += &format!("v{value} = iadd v{}, v0\n", value - 1);
    }
    for point in 0..count {
        let (result, next) = (live + 1 + 3 * point, 2 + point);
        let (tag, payload) = (result + 1, result + 2);
        text += &format!(
            "v{result}, v{tag}, v{payload} = try_call %odd_throws(v{live}), block{next}, unwind block1(v{tag})\n\
             block{next}:\n"
        );
    }
    let handled = live + 1 + 3 * count;
    text += &format!("return v0\nblock1(v{handled}: i64):\n");
    for value in 1..=live {
        text += &format!(
            "v{} = iadd v{}, v{value}\n",
            handled + value,
            handled + value - 1
        );
    }
    text += &format!("return v{}\n}}\n{ODD_THROWS}", handled + live);
    let module = lowered(&text);
    // Each point saves the values, hands them on twice, and loads them in two ways.
    assert!(size_for_each(&module, count) < 14 * live + 40);
    let thrown = 11 + (2..=11).sum::<i64>();
    assert_eq!(run(&module, Schedule::Always, 1), [Val::I64(thrown)]);
    assert_eq!(run(&module, Schedule::Only(4000), 2), [Val::I64(2)]);
}

/// No link but the first lies inside the slot.
#[test]
fn a_long_chain_of_addresses_beyond_their_slot() {
    let count = 2000;
    let mut text = format!(
        "{YIELD}function %look(addr) {{\nblock0(v0: addr):\nreturn\n}}
function %main(i64) -> i64 async {{\nss0 = slot 16 align 8\nblock0(v0: i64):
v1 = iconst.i64 8\nv2 = stack_addr ss0[8]\n"
    );
    for link in 0..count {
        text += &format!("v{} = addr_add v{}, v1\n", link + 3, link + 2);
    }
    for point in 0..count {
        text += &format!("call %yield()\ncall %look(v{})\n", 2 + count - point);
    }
    let module = lowered(&(text + "return v0\n}"));
    let main = module.bodies().nth(1).unwrap().1;
    let size = main.instruction_count() / count;
    assert!(size < 40, "{size} instructions for each");
    assert_eq!(run(&module, Schedule::Always, 7), [Val::I64(7)]);
}
