//! Textbook examples and the degenerate cases.

mod support;

use enjamb_ir::{Block, Entity, Function, Opcode, Signature};
use enjamb_liveness::{ControlFlow, DominatorTree, Liveness, LoopNest, SlotLiveness};
use support::maker::Maker;
use support::shapes::values_across_calls;

fn block(index: usize) -> Block {
    Block::from_index(index)
}

/// A function whose blocks have these successors and a condition from the entry.
fn graph(successors: &[&[usize]]) -> Function {
    let mut maker = Maker::new();
    for _ in successors {
        maker.block();
    }
    let condition = maker.constant(block(0));
    for (from, to) in successors.iter().enumerate() {
        match **to {
            [] => maker.leave(block(from), &[]),
            [one] => maker.jump(block(from), block(one)),
            [one, two] => maker.branch(block(from), condition, block(one), block(two)),
            _ => unreachable!("at most two successors"),
        }
    }
    maker.function
}

fn loops(function: &Function) -> LoopNest {
    let flow = ControlFlow::new(function);
    LoopNest::new(&flow, &DominatorTree::new(function, &flow))
}

#[test]
fn the_example_of_lengauer_and_tarjan() {
    // R A B C D E F G H I J K L, with the dominators of figure 2 of the paper.
    let names = "RABCDEFGHIJKL";
    let edges = [
        "R:ABC", "A:D", "B:ADE", "C:FG", "D:L", "E:H", "F:I", "G:IJ", "H:EK", "I:K", "J:I", "K:RI",
        "L:H",
    ];
    let at = |name: char| names.find(name).expect("a vertex");
    let mut maker = Maker::new();
    names.chars().for_each(|_| {
        maker.block();
    });
    for edge in edges {
        let (from, to) = edge.split_once(':').expect("an edge list");
        let from = block(at(from.chars().next().expect("a vertex")));
        let targets: Vec<_> = to.chars().map(|to| (block(at(to)), &[][..])).collect();
        maker.end(from, Opcode::BrTable, &[], &targets);
    }
    let flow = ControlFlow::new(&maker.function);
    let tree = DominatorTree::new(&maker.function, &flow);
    let expected = "ARBRCRDRERFCGCHRIRJGKRLD";
    let pairs: Vec<char> = expected.chars().collect();
    for pair in pairs.chunks(2) {
        let found = tree.immediate_dominator(block(at(pair[0])));
        assert_eq!(found, Some(block(at(pair[1]))), "dominator of {}", pair[0]);
    }
}

#[test]
fn nested_loops_have_depths_and_parents() {
    // 1 heads the outer loop 1..=4, 2 the inner loop 2..=3.
    let nest = loops(&graph(&[&[1], &[2, 5], &[3], &[2, 4], &[1], &[]]));
    let depths: Vec<u32> = (0..6).map(|index| nest.depth(block(index))).collect();
    assert_eq!(depths, [0, 1, 2, 2, 1, 0]);
    let inner = nest.innermost(block(3)).expect("in a loop");
    assert_eq!(nest.header(inner), block(2));
    let outer = nest.parent(inner).expect("in two loops");
    assert_eq!(nest.header(outer), block(1));
    assert_eq!(nest.parent(outer), None);
    assert!(nest.irreducible().is_empty());
}

#[test]
fn a_cycle_with_two_entries_is_no_loop() {
    let nest = loops(&graph(&[&[1, 2], &[2], &[1, 3], &[]]));
    assert_eq!(nest.loops().len(), 0);
    assert_eq!(nest.irreducible().len(), 1);
    // Inside a loop its blocks belong to that loop.
    let nest = loops(&graph(&[&[1], &[2, 3], &[3], &[2, 4], &[1, 5], &[]]));
    let depths: Vec<u32> = (0..6).map(|index| nest.depth(block(index))).collect();
    assert_eq!(depths, [0, 1, 1, 1, 1, 0]);
    assert_eq!(nest.irreducible().len(), 1);
}

#[test]
fn a_function_without_blocks_has_nothing_live() {
    let function = Function::new("empty", Signature::default());
    let flow = ControlFlow::new(&function);
    assert_eq!(flow.entry(), None);
    let liveness = Liveness::of(&function);
    assert!(liveness.live_in(block(0)).is_empty());
    assert!(
        SlotLiveness::new(&function, &flow)
            .live_in(block(0))
            .is_empty()
    );
}

#[test]
fn a_value_is_live_around_the_loop_that_uses_it_and_not_behind() {
    let mut maker = Maker::new();
    let blocks: Vec<Block> = (0..4).map(|_| maker.block()).collect();
    let value = maker.constant(blocks[0]);
    maker.jump(blocks[0], blocks[1]);
    maker.add(blocks[1], value, value);
    maker.jump(blocks[1], blocks[2]);
    let other = maker.constant(blocks[2]);
    maker.branch(blocks[2], other, blocks[1], blocks[3]);
    maker.leave(blocks[3], &[]);
    let liveness = Liveness::of(&maker.function);
    let live: Vec<bool> = blocks
        .iter()
        .map(|&block| liveness.is_live_in(block, value))
        .collect();
    assert_eq!(live, [false, true, true, false]);
}

#[test]
fn a_use_that_no_definition_dominates_is_ignored() {
    let mut function = graph(&[&[1, 2], &[], &[]]);
    let mut maker = Maker {
        function: function.clone(),
    };
    let value = maker.constant(block(1));
    function = maker.function;
    let inst = *function.blocks[block(2)].insts.last().expect("a return");
    let results = function.results(inst).len();
    assert_eq!(results, 0);
    let user = function.make_inst(
        Opcode::Return,
        enjamb_ir::Type::I64,
        enjamb_ir::Payload::None,
        &[value],
        &[],
    );
    function.blocks[block(2)].insts = vec![user];
    assert!(!Liveness::of(&function).is_live_in(block(2), value));
}

#[test]
fn calls_keep_what_the_shapes_promise() {
    let shape = |wanted: &str| {
        let found = support::shapes::SHAPES
            .iter()
            .find(|(name, _)| name.starts_with(wanted));
        found.expect("a shape").1
    };
    // Each point keeps its four values and the first one, which the later points take.
    let function = shape("suspension points with four")(200);
    let kept = values_across_calls(&function, &Liveness::of(&function));
    assert_eq!(kept, 100 * 5 - 1);
    let function = shape("suspension points with 100")(200);
    let kept = values_across_calls(&function, &Liveness::of(&function));
    assert_eq!(kept, 100 * 100);
}

/// What a call with an unwind target gives lives on its edges only.
#[test]
fn results_of_a_terminator_are_live_nowhere() {
    let module = enjamb_ir::parse_module(
        "function %f(i64, i64, i64) -> i64 {
block0(v0: i64, v1: i64, v2: i64):
    v3, v4, v5 = try_call %f(v0, v0, v0), block1(v3, v1), unwind block2(v4)
block1(v6: i64, v7: i64):
    v8 = iadd v6, v7
    return v8
block2(v9: i64):
    v10 = iadd v9, v2
    return v10
}",
    )
    .expect("a module");
    let (_, function) = module.bodies().next().expect("a function");
    let value = |index: usize| enjamb_ir::Value::from_index(index);
    let liveness = Liveness::of(function);
    assert_eq!(liveness.live_in(block(1)), []);
    assert_eq!(liveness.live_in(block(2)), [value(2)]);
    assert_eq!(liveness.live_out(function, block(0)), [value(2)]);
    let mut cursor = liveness.walk_back(function, block(0));
    assert_eq!(cursor.live_across().collect::<Vec<_>>(), [value(2)]);
    cursor.step();
    let before: Vec<_> = cursor.live().iter().copied().collect();
    assert_eq!(before, [value(0), value(1), value(2)]);
}

/// A slot with more pieces than are worth it is one piece, which no store of a part overwrites.
#[test]
fn a_slot_in_many_pieces_is_overwritten_as_a_whole_or_not_at_all() {
    let live_into_the_stores = |stores: usize| {
        let stores: String = (0..stores)
            .map(|offset| format!("    istore8 ss0[{offset}], v0\n"))
            .collect();
        let text = format!(
            "function %f(i64) -> i64 {{\n    ss0 = slot 64 align 8\nblock0(v0: i64):\n    jump block1\n\
             block1:\n{stores}    jump block2\nblock2:\n    v1 = load.i64 ss0[0]\n    return v1\n}}"
        );
        let module = enjamb_ir::parse_module(&text).expect("a module");
        let (_, function) = module.bodies().next().expect("a function");
        let flow = ControlFlow::new(function);
        !SlotLiveness::new(function, &flow)
            .live_in(block(1))
            .is_empty()
    };
    assert!(live_into_the_stores(7));
    assert!(!live_into_the_stores(8));
    assert!(live_into_the_stores(64));
}
