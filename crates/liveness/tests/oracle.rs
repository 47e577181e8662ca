//! Everything the crate finds out, compared with definitions written down naively, on random
//! functions: nested and tangled ones, with unreachable blocks and irreducible cycles.

mod support;

use enjamb_ir::{Block, Entity, Function, Inst, StackSlot, Value};
use enjamb_liveness::{ControlFlow, DominatorTree, Liveness, LoopNest, SlotLiveness, Uses};
use std::collections::BTreeSet;
use support::random::{self, Generated, Random, SlotEffect};

const CASES: u64 = 1500;

fn for_each_case(mut check: impl FnMut(&[Vec<usize>], &Generated)) {
    for seed in 0..CASES {
        let mut random = Random(seed);
        let blocks = 1 + random.below(if seed % 10 == 0 { 60 } else { 16 });
        let graph = random::graph(&mut random, blocks, seed % 3 != 0);
        let generated = random::function(&mut random, &graph);
        check(&graph, &generated);
    }
}

fn blocks(graph: &[Vec<usize>]) -> impl Iterator<Item = Block> + use<> {
    (0..graph.len()).map(Block::from_index)
}

#[test]
fn control_flow_lists_every_edge() {
    for_each_case(|graph, generated| {
        let flow = ControlFlow::new(&generated.function);
        let reachable = random::reachable(graph, None);
        for block in blocks(graph) {
            let inside = reachable.contains(&block.index());
            assert_eq!(flow.is_reachable(block), inside);
            let mut expected = graph[block.index()].clone();
            let mut seen = BTreeSet::new();
            expected.retain(|&to| seen.insert(to));
            let found: Vec<usize> = flow.successors(block).iter().map(|b| b.index()).collect();
            assert_eq!(found, expected);
            let mut expected = Vec::new();
            for &from in &reachable {
                for (target, &to) in graph[from].iter().enumerate() {
                    if to == block.index() {
                        expected.push((from, target));
                    }
                }
            }
            let mut found = Vec::new();
            for edge in flow.predecessors(block) {
                let target = generated.function.targets(edge.inst)[edge.target as usize];
                assert_eq!(target.block, block);
                found.push((edge.block.index(), edge.target as usize));
            }
            found.sort_unstable();
            assert_eq!(found, expected);
        }
        let order = flow.reverse_post_order();
        assert_eq!(order.len(), reachable.len());
        for (index, &block) in order.iter().enumerate() {
            assert_eq!(flow.order_of(block), Some(index));
        }
    });
}

#[test]
fn dominators_are_what_cuts_a_block_off() {
    for_each_case(|graph, generated| {
        let flow = ControlFlow::new(&generated.function);
        let tree = DominatorTree::new(&generated.function, &flow);
        let expected = random::dominators(graph);
        for below in blocks(graph) {
            let above: BTreeSet<usize> = blocks(graph)
                .filter(|&above| tree.dominates(above, below))
                .map(Block::index)
                .collect();
            assert_eq!(above, expected[below.index()], "dominators of {below}");
            let strict = above.iter().filter(|&&block| block != below.index());
            let closest = strict.max_by_key(|&&block| expected[block].len());
            let found = tree.immediate_dominator(below).map(Block::index);
            assert_eq!(found, closest.copied());
            if let Some(parent) = tree.immediate_dominator(below) {
                assert!(tree.children(parent).contains(&below));
            }
            // In reverse post-order dominators come first.
            for &block in above.iter() {
                let block = Block::from_index(block);
                assert!(flow.order_of(block) <= flow.order_of(below));
            }
        }
    });
}

/// The natural loop of a header: the blocks that reach an edge back to it without passing it.
fn natural_loop(
    graph: &[Vec<usize>],
    dominators: &[BTreeSet<usize>],
    header: usize,
) -> BTreeSet<usize> {
    let reachable = random::reachable(graph, None);
    let mut body = BTreeSet::new();
    for &from in &reachable {
        if graph[from].contains(&header) && dominators[from].contains(&header) {
            body.extend([header, from]);
        }
    }
    loop {
        let before = body.len();
        for &from in &reachable {
            if graph[from]
                .iter()
                .any(|to| *to != header && body.contains(to))
            {
                body.insert(from);
            }
        }
        if body.len() == before {
            return body;
        }
    }
}

#[test]
fn loops_are_natural_loops() {
    for_each_case(|graph, generated| {
        let flow = ControlFlow::new(&generated.function);
        let tree = DominatorTree::new(&generated.function, &flow);
        let nest = LoopNest::new(&flow, &tree);
        let dominators = random::dominators(graph);
        let bodies: Vec<BTreeSet<usize>> = (0..graph.len())
            .map(|header| natural_loop(graph, &dominators, header))
            .collect();
        let count = bodies.iter().filter(|body| !body.is_empty()).count();
        assert_eq!(nest.loops().len(), count);
        for block in blocks(graph) {
            let mut around: Vec<usize> = (0..graph.len())
                .filter(|&header| bodies[header].contains(&block.index()))
                .collect();
            around.sort_by_key(|&header| bodies[header].len());
            assert_eq!(nest.depth(block), around.len() as u32);
            let chain = std::iter::successors(nest.innermost(block), |&of| nest.parent(of));
            let headers: Vec<usize> = chain.map(|of| nest.header(of).index()).collect();
            assert_eq!(headers, around, "loops around {block}");
        }
        assert_eq!(
            nest.irreducible().is_empty(),
            is_reducible(graph, &dominators)
        );
    });
}

/// Whether the graph has no cycle once edges to dominators are taken out.
fn is_reducible(graph: &[Vec<usize>], dominators: &[BTreeSet<usize>]) -> bool {
    let mut rest = random::reachable(graph, None);
    loop {
        let next = rest.iter().copied().find(|&block| {
            let mut ahead = graph[block]
                .iter()
                .filter(|to| !dominators[block].contains(to));
            ahead.all(|to| !rest.contains(to))
        });
        match next {
            Some(block) => rest.remove(&block),
            None => return rest.is_empty(),
        };
    }
}

/// The values live into each block, by iterating the equations until nothing changes.
fn live_in_by_iteration(function: &Function) -> Vec<BTreeSet<Value>> {
    let mut live_in = vec![BTreeSet::new(); function.blocks.len()];
    loop {
        let mut changed = false;
        for &block in &function.order {
            let mut live: BTreeSet<Value> = BTreeSet::new();
            for to in function.successors(block) {
                live.extend(&live_in[to.index()]);
            }
            for &inst in function.blocks[block].insts.iter().rev() {
                transfer(function, inst, &mut live);
            }
            for param in &function.blocks[block].params {
                live.remove(param);
            }
            changed |= live_in[block.index()] != live;
            live_in[block.index()] = live;
        }
        if !changed {
            return live_in;
        }
    }
}

fn transfer(function: &Function, inst: Inst, live: &mut BTreeSet<Value>) {
    for result in function.results(inst) {
        live.remove(result);
    }
    function.for_each_use(inst, |value| {
        live.insert(value);
    });
}

#[test]
fn values_live_where_the_equations_say() {
    for_each_case(|graph, Generated { function, .. }| {
        let expected = live_in_by_iteration(function);
        let liveness = Liveness::of(function);
        let reachable = random::reachable(graph, None);
        for block in blocks(graph) {
            if !reachable.contains(&block.index()) {
                assert_eq!(liveness.live_in(block), []);
                continue;
            }
            let found = liveness.live_in(block);
            let live: Vec<Value> = expected[block.index()].iter().copied().collect();
            assert_eq!(found, live, "live into {block}");
            let mut live = BTreeSet::new();
            for to in function.successors(block) {
                live.extend(&expected[to.index()]);
            }
            let out: Vec<Value> = live.iter().copied().collect();
            assert_eq!(
                liveness.live_out(function, block),
                out,
                "live out of {block}"
            );
            for value in function.values.keys() {
                let into = expected[block.index()].contains(&value);
                assert_eq!(liveness.is_live_in(block, value), into);
                let out_of = liveness.is_live_out(function, block, value);
                assert_eq!(out_of, live.contains(&value));
            }
            check_points(function, &liveness, block, live);
        }
    });
}

fn check_points(function: &Function, liveness: &Liveness, block: Block, mut live: BTreeSet<Value>) {
    let mut cursor = liveness.walk_back(function, block);
    for &inst in function.blocks[block].insts.iter().rev() {
        assert_eq!(cursor.next_inst(), Some(inst));
        assert_eq!(*cursor.live(), live, "live behind {inst}");
        let after = liveness.live_after(function, block, inst);
        assert_eq!(after, Some(live.iter().copied().collect()));
        let mut across = live.clone();
        function.results(inst).iter().for_each(|result| {
            across.remove(result);
        });
        assert!(cursor.live_across().eq(across));
        assert_eq!(cursor.step(), Some(inst));
        transfer(function, inst, &mut live);
    }
    assert_eq!(*cursor.live(), live);
    assert_eq!(cursor.step(), None);
}

#[test]
fn slots_live_where_the_equations_say() {
    for_each_case(|graph, Generated { function, effects }| {
        let flow = ControlFlow::new(function);
        let slots = SlotLiveness::new(function, &flow);
        type Bytes = BTreeSet<(StackSlot, u32)>;
        let apply = |inst: Inst, live: &mut Bytes| {
            let Some((slot, bytes, effect)) = effects.get(&inst) else {
                return;
            };
            for byte in bytes.clone() {
                match effect {
                    SlotEffect::Reads => live.insert((*slot, byte)),
                    SlotEffect::Overwrites => live.remove(&(*slot, byte)),
                };
            }
        };
        let slots_of = |live: &Bytes| -> Vec<StackSlot> {
            let mut slots: Vec<StackSlot> = live.iter().map(|&(slot, _)| slot).collect();
            slots.dedup();
            slots
        };
        let mut expected = vec![BTreeSet::new(); graph.len()];
        for _ in 0..=graph.len() {
            for block in blocks(graph) {
                let mut live = BTreeSet::new();
                for to in function.successors(block) {
                    live.extend(&expected[to.index()]);
                }
                for &inst in function.blocks[block].insts.iter().rev() {
                    apply(inst, &mut live);
                }
                expected[block.index()] = live;
            }
        }
        for &block in flow.reverse_post_order() {
            let live = slots_of(&expected[block.index()]);
            assert_eq!(slots.live_in(block), live, "slots live into {block}");
            for slot in function.slots.keys() {
                assert_eq!(slots.is_live_in(block, slot), live.contains(&slot));
            }
            let mut live = BTreeSet::new();
            for to in function.successors(block) {
                live.extend(&expected[to.index()]);
            }
            let mut cursor = slots.walk_back(function, block);
            while let Some(inst) = cursor.next_inst() {
                let found: Vec<StackSlot> = cursor.live().collect();
                assert_eq!(found, slots_of(&live), "slots live behind {inst}");
                cursor.step();
                apply(inst, &mut live);
            }
            assert!(cursor.live().eq(slots_of(&live)));
        }
    });
}

#[test]
fn uses_are_all_operands() {
    for_each_case(|_, Generated { function, .. }| {
        let uses = Uses::new(function);
        let mut expected = vec![Vec::new(); function.values.len()];
        for &block in &function.order {
            for &inst in &function.blocks[block].insts {
                assert_eq!(uses.block_of(inst), Some(block));
                function.for_each_use(inst, |value| expected[value.index()].push(inst));
            }
        }
        for value in function.values.keys() {
            assert_eq!(uses.of(value), expected[value.index()]);
            assert_eq!(uses.count(value), expected[value.index()].len());
        }
    });
}
