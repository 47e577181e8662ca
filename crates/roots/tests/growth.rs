//! Large functions: what the pass makes of them grows with them, and it comes to an end.

use cpu_time::ThreadTime;
use enjamb_ir::{Module, parse_module, verify_module};

const AROUND: &str = "type %node = { number: i64, next: ref }\n\
    import %touch = \"host\" \"touch\" (ref)\nimport %collect = \"enjamb\" \"collect\" ()\n";

fn parsed(body: &str) -> Module {
    let text =
        format!("{AROUND}function %main(i64, ref) {{\nblock0(v0: i64, v1: ref):\n{body}}}\n");
    parse_module(&text).unwrap()
}

fn rooted(body: &str) -> Module {
    let mut module = parsed(body);
    enjamb_roots::place(&mut module);
    verify_module(&module).unwrap();
    module
}

/// Instructions, values, slots and what the safepoints list.
fn size(module: &Module) -> usize {
    let (_, function) = module.bodies().next().unwrap();
    let blocks = function.order.iter().map(|&block| &function.blocks[block]);
    let insts = blocks.flat_map(|block| &block.insts);
    let listed: usize = insts.map(|&inst| function.live_roots(inst).len()).sum();
    function.instruction_count() + function.values.len() + function.roots.len() + listed
}

/// A chain in one block, each object alive across one call.
fn chain(count: usize) -> String {
    let mut text = String::new();
    for link in 0..count {
        text += &format!(
            "v{} = new %node\ncall %collect()\ncall %touch(v{})\n",
            link + 2,
            link + 2
        );
    }
    text + "return\n"
}

#[test]
fn a_long_block_shares_its_slots() {
    let module = rooted(&chain(50_000));
    assert_eq!(module.bodies().next().unwrap().1.roots.len(), 1);
    assert!(size(&module) < 10 * 50_000);
}

/// Numbers that live throughout do not count: only references are looked at.
#[test]
fn many_numbers_alive_across_many_calls() {
    let count = 20_000;
    let mut text = String::new();
    for value in 0..count {
        text += &format!("v{} = iadd v0, v0\n", value + 2);
    }
    for block in 1..=count {
        text += &format!("jump block{block}\nblock{block}:\ncall %collect()\ncall %touch(v1)\n");
    }
    let mut total = 0;
    for value in 0..count {
        text += &format!("v{} = iadd v{total}, v{}\n", count + value + 2, value + 2);
        total = count + value + 2;
    }
    assert!(size(&rooted(&(text + "return\n"))) < 12 * count);
}

/// A reference that is live through a deep nest of loops with a call in the middle.
#[test]
fn a_nest_of_loops() {
    let depth = 5_000;
    let mut text = String::from("jump block1\n");
    for outer in 1..depth {
        text += &format!("block{outer}:\njump block{}\n", outer + 1);
    }
    text += &format!("block{depth}:\ncall %touch(v1)\njump block{}\n", depth + 1);
    for exit in 0..depth {
        let (here, header) = (depth + 1 + exit, depth - exit);
        text += &format!("block{here}:\nbrif v0, block{}, block{header}\n", here + 1);
    }
    text += &format!("block{}:\ncall %touch(v1)\nreturn\n", 2 * depth + 1);
    assert!(size(&rooted(&text)) < 6 * depth);
}

/// Each block of a chain has all later exits in its dominance frontier, since a table leads to them as
/// well.
#[test]
fn exits_that_a_chain_shares_with_a_table() {
    let count = 20_000;
    let exits: Vec<String> = (0..count)
        .map(|exit| format!("block{}", 3 + count + exit))
        .collect();
    let mut text = String::from("brif v0, block1, block2\nblock1:\ncall %collect()\njump block3\n");
    text += &format!(
        "block2:\nv2 = ireduce.i32 v0\nbr_table v2, {}, [{}]\n",
        exits[0],
        exits.join(", ")
    );
    for (link, exit) in exits.iter().enumerate() {
        let next = if link + 1 < count {
            4 + link
        } else {
            2 + 2 * count
        };
        text += &format!("block{}:\nbrif v0, block{next}, {exit}\n", 3 + link);
    }
    for exit in &exits {
        text += &format!("{exit}:\ncall %touch(v1)\nreturn\n");
    }
    assert!(size(&rooted(&text)) < 12 * count);
}

/// Many references that live across one call.
#[test]
fn many_references_at_once() {
    let count = 20_000;
    let mut text = String::new();
    for value in 0..count {
        text += &format!("v{} = select v0, v1, v1\n", value + 2);
    }
    text += "call %collect()\n";
    for value in 0..count {
        text += &format!("v{} = is_null v{}\n", count + 2 + value, value + 2);
    }
    let module = rooted(&(text + "return\n"));
    assert_eq!(module.bodies().next().unwrap().1.roots.len(), count);
    assert!(size(&module) < 10 * count);
}

/// References that live across a call, and a table with as many arms. They are last used by the block that
/// ends in it, or behind it.
fn references_and_a_switch(references: usize, arms: usize, is_behind: bool) -> String {
    let mut text = String::from("v2 = ireduce.i32 v0\n");
    for value in 0..references {
        text += &format!("v{} = select v0, v1, v1\n", value + 3);
    }
    let mut uses = String::new();
    for value in 0..references {
        uses += &format!("v{} = is_null v{}\n", references + 3 + value, value + 3);
    }
    text += "call %collect()\n";
    if !is_behind {
        text += &format!("jump block{}\nblock{}:\n{uses}", arms + 2, arms + 2);
    }
    let blocks: Vec<String> = (1..=arms).map(|arm| format!("block{arm}")).collect();
    text += &format!("br_table v2, block1, [{}]\n", blocks.join(", "));
    for block in blocks {
        text += &format!("{block}:\njump block{}\n", arms + 1);
    }
    text += &format!("block{}:\n", arms + 1);
    if is_behind {
        text += &uses;
    }
    text + "return\n"
}

#[test]
fn many_references_and_a_switch_cost_no_product_of_both() {
    let seconds = |references: usize, arms: usize, is_behind: bool| {
        let module = parsed(&references_and_a_switch(references, arms, is_behind));
        verify_module(&module).unwrap();
        let runs = (0..3).map(|_| {
            let mut module = module.clone();
            let start = ThreadTime::now();
            enjamb_roots::place(&mut module);
            let function = module.bodies().next().unwrap().1;
            assert_eq!(function.roots.len(), references);
            start.elapsed().as_secs_f64()
        });
        runs.fold(f64::INFINITY, f64::min)
    };
    let many = 3000;
    for is_behind in [false, true] {
        let apart = seconds(many, 1, is_behind) + seconds(1, many, is_behind);
        let ratio = seconds(many, many, is_behind) / apart;
        assert!(
            ratio < 4.0,
            "behind {is_behind}: {ratio:.1} times as long as apart"
        );
    }
}
