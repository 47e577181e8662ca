//! Functions of a chosen size in the shapes that could make an analysis slow.

use super::maker::Maker;
use super::random::Random;
use enjamb_ir::{Block, Function, Opcode, Value};

/// A named family of functions: about `blocks` blocks for the argument.
pub type Shape = (&'static str, fn(usize) -> Function);

/// All families.
pub const SHAPES: &[Shape] = &[
    ("chain, ten short-lived values per block", chain),
    ("chain, 200 values live throughout", long_lived),
    (
        "diamonds, a tenth as many values as blocks live throughout",
        diamonds,
    ),
    (
        "early exits, a tenth as many values live throughout",
        early_exits,
    ),
    ("loop nests eight deep, values live throughout", loop_nests),
    (
        "one loop with a way out and a way back per block",
        breaks_and_continues,
    ),
    ("one nest of loops, each in the next", deep_nest),
    ("switch whose cases fall through", fall_through),
    (
        "call in front of a switch, a tenth as many values live behind it",
        switch,
    ),
    // A value that one join alone uses has a run for every other arm, so these are few.
    (
        "switch whose cases go to two joins in turn, three values live behind it",
        switch_to_two_joins,
    ),
    (
        "cycles with two entries, a hundredth as many values live throughout",
        irreducible,
    ),
    (
        "branches to random places nearby, a hundredth as many values live long",
        random_nearby,
    ),
    (
        "suspension points with four values each",
        points_with_own_values,
    ),
    (
        "suspension points with 100 values live throughout",
        points_with_shared_values,
    ),
];

fn constants(maker: &mut Maker, block: Block, count: usize) -> Vec<Value> {
    (0..count).map(|_| maker.constant(block)).collect()
}

/// Ends the function with a return of all these values.
fn finish(mut maker: Maker, last: Block, values: &[Value]) -> Function {
    maker.leave(last, values);
    maker.function
}

fn chain(blocks: usize) -> Function {
    let mut maker = Maker::new();
    let mut block = maker.block();
    let mut value = maker.constant(block);
    for _ in 1..blocks {
        for _ in 0..9 {
            value = maker.add(block, value, value);
        }
        let next = maker.block();
        maker.jump(block, next);
        block = next;
        value = maker.add(block, value, value);
    }
    finish(maker, block, &[value])
}

fn long_lived(blocks: usize) -> Function {
    let mut maker = Maker::new();
    let mut block = maker.block();
    let values = constants(&mut maker, block, 200);
    for _ in 1..blocks {
        let next = maker.block();
        maker.jump(block, next);
        block = next;
    }
    finish(maker, block, &values)
}

fn diamonds(blocks: usize) -> Function {
    let mut maker = Maker::new();
    let mut block = maker.block();
    let values = constants(&mut maker, block, blocks / 10 + 1);
    for _ in 0..blocks / 3 {
        let (then, otherwise, join) = (maker.block(), maker.block(), maker.block());
        maker.branch(block, values[0], then, otherwise);
        maker.jump(then, join);
        maker.jump(otherwise, join);
        block = join;
    }
    finish(maker, block, &values)
}

fn early_exits(blocks: usize) -> Function {
    let mut maker = Maker::new();
    let mut block = maker.block();
    let values = constants(&mut maker, block, blocks / 10 + 1);
    for _ in 0..blocks / 2 {
        let (exit, next) = (maker.block(), maker.block());
        maker.branch(block, values[0], exit, next);
        maker.leave(exit, &values[..1]);
        block = next;
    }
    finish(maker, block, &values)
}

/// A nest of empty loops `depth` deep that starts in `block`; returns the block behind it.
fn nest(maker: &mut Maker, block: Block, condition: Value, depth: usize) -> Block {
    let mut headers = Vec::new();
    let mut block = block;
    for _ in 0..depth {
        let header = maker.block();
        maker.jump(block, header);
        headers.push(header);
        block = header;
    }
    while let Some(header) = headers.pop() {
        let behind = maker.block();
        maker.branch(block, condition, header, behind);
        block = behind;
    }
    block
}

fn loop_nests(blocks: usize) -> Function {
    let mut maker = Maker::new();
    let mut block = maker.block();
    let values = constants(&mut maker, block, blocks / 100 + 1);
    for _ in 0..blocks / 16 {
        block = nest(&mut maker, block, values[0], 8);
    }
    finish(maker, block, &values)
}

fn deep_nest(blocks: usize) -> Function {
    let mut maker = Maker::new();
    let block = maker.block();
    let values = constants(&mut maker, block, blocks / 100 + 1);
    let block = nest(&mut maker, block, values[0], blocks / 2);
    finish(maker, block, &values)
}

fn breaks_and_continues(blocks: usize) -> Function {
    let mut maker = Maker::new();
    let entry = maker.block();
    let values = constants(&mut maker, entry, blocks / 100 + 1);
    let (header, exit) = (maker.block(), maker.block());
    maker.jump(entry, header);
    let mut block = header;
    for _ in 0..blocks / 2 {
        let (second, next) = (maker.block(), maker.block());
        maker.branch(block, values[0], exit, second);
        maker.branch(second, values[0], header, next);
        block = next;
    }
    maker.jump(block, header);
    finish(maker, exit, &values)
}

fn fall_through(blocks: usize) -> Function {
    let mut maker = Maker::new();
    let entry = maker.block();
    let values = constants(&mut maker, entry, blocks / 100 + 1);
    let cases: Vec<Block> = (0..blocks).map(|_| maker.block()).collect();
    let targets: Vec<(Block, &[Value])> = cases.iter().map(|&case| (case, &[][..])).collect();
    maker.end(entry, Opcode::BrTable, &values[..1], &targets);
    for (index, pair) in cases.windows(2).enumerate() {
        let value = values[index % values.len()];
        maker.add(pair[0], value, value);
        maker.jump(pair[0], pair[1]);
    }
    let last = *cases.last().expect("a shape has blocks");
    finish(maker, last, &values)
}

fn switch(blocks: usize) -> Function {
    let mut maker = Maker::new();
    let entry = maker.block();
    let values = constants(&mut maker, entry, blocks / 10 + 1);
    maker.call(entry, values[0]);
    let join = maker.block();
    arms(&mut maker, entry, values[0], blocks, &[join]);
    finish(maker, join, &values)
}

fn switch_to_two_joins(blocks: usize) -> Function {
    let mut maker = Maker::new();
    let entry = maker.block();
    let values = constants(&mut maker, entry, 3);
    maker.call(entry, values[0]);
    let joins = [maker.block(), maker.block()];
    arms(&mut maker, entry, values[0], blocks, &joins);
    maker.leave(joins[0], &values[..2]);
    finish(maker, joins[1], &values[1..])
}

/// Ends a block with a table of `count` arms, which go to the joins in turn.
fn arms(maker: &mut Maker, from: Block, value: Value, count: usize, joins: &[Block]) {
    let arms: Vec<Block> = (0..count).map(|_| maker.block()).collect();
    let targets: Vec<(Block, &[Value])> = arms.iter().map(|&arm| (arm, &[][..])).collect();
    maker.end(from, Opcode::BrTable, &[value], &targets);
    for (&arm, &join) in arms.iter().zip(joins.iter().cycle()) {
        maker.jump(arm, join);
    }
}

fn irreducible(blocks: usize) -> Function {
    let mut maker = Maker::new();
    let mut block = maker.block();
    let values = constants(&mut maker, block, blocks / 100 + 1);
    for _ in 0..blocks / 3 {
        let (left, right, behind) = (maker.block(), maker.block(), maker.block());
        maker.branch(block, values[0], left, right);
        maker.jump(left, right);
        maker.branch(right, values[0], left, behind);
        block = behind;
    }
    finish(maker, block, &values)
}

fn random_nearby(blocks: usize) -> Function {
    let mut maker = Maker::new();
    let mut random = Random(1);
    let all: Vec<Block> = (0..blocks).map(|_| maker.block()).collect();
    let values = constants(&mut maker, all[0], blocks / 100 + 1);
    for index in 0..blocks - 1 {
        let near = (index + 9)
            .saturating_sub(random.below(10))
            .clamp(1, blocks - 1);
        let value = values[random.below(values.len())];
        maker.branch(all[index], value, all[near], all[index + 1]);
    }
    finish(maker, all[blocks - 1], &[])
}

fn points_with_own_values(blocks: usize) -> Function {
    let mut maker = Maker::new();
    let mut block = maker.block();
    let first = maker.constant(block);
    for _ in 0..blocks / 2 {
        let values = constants(&mut maker, block, 4);
        let result = maker.call(block, first);
        let (exit, next) = (maker.block(), maker.block());
        maker.branch(block, result, exit, next);
        maker.leave(exit, &values);
        block = next;
    }
    finish(maker, block, &[])
}

fn points_with_shared_values(blocks: usize) -> Function {
    let mut maker = Maker::new();
    let mut block = maker.block();
    let values = constants(&mut maker, block, 100);
    for _ in 0..blocks / 2 {
        let result = maker.call(block, values[0]);
        let (exit, next) = (maker.block(), maker.block());
        maker.branch(block, result, exit, next);
        maker.leave(exit, &[]);
        block = next;
    }
    finish(maker, block, &values)
}

/// Asks for what every call keeps, as the async transform does; returns how many values that are.
#[allow(dead_code, reason = "not every user of the shapes asks")]
pub fn values_across_calls(function: &Function, liveness: &enjamb_liveness::Liveness) -> usize {
    let mut kept = 0;
    for &block in &function.order {
        let is_call = |inst: &enjamb_ir::Inst| function.insts[*inst].opcode == Opcode::Call;
        if !function.blocks[block].insts.iter().any(is_call) {
            continue;
        }
        let mut cursor = liveness.walk_back(function, block);
        while let Some(inst) = cursor.next_inst() {
            if is_call(&inst) {
                kept += cursor.live_across().count();
            }
            cursor.step();
        }
    }
    kept
}
