//! What the crate finds out about a function, and the same from definitions written down naively. Each check
//! panics where the two differ.

use super::random::{SlotEffect, SlotEffects};
use enjamb_ir::{Block, Entity, Function, Inst, StackSlot, Value};
use enjamb_liveness::{ControlFlow, DominatorTree, Liveness, LoopNest, SlotLiveness, Uses};
use std::collections::BTreeSet;

/// The successors of the blocks of any function.
pub fn graph(function: &Function) -> Vec<Vec<usize>> {
    let successors = |block| function.successors(block).map(|to| to.index()).collect();
    function.blocks.keys().map(successors).collect()
}

/// The blocks that `avoiding` does not cut off from the entry.
pub fn reachable(successors: &[Vec<usize>], avoiding: Option<usize>) -> BTreeSet<usize> {
    let mut seen = BTreeSet::new();
    let mut stack = vec![0];
    while let Some(block) = stack.pop() {
        if Some(block) != avoiding && seen.insert(block) {
            stack.extend(&successors[block]);
        }
    }
    seen
}

/// Per block those that dominate it, by cutting off each in turn.
pub fn dominators(successors: &[Vec<usize>]) -> Vec<BTreeSet<usize>> {
    let all = reachable(successors, None);
    let mut result = vec![BTreeSet::new(); successors.len()];
    for &above in &all {
        let rest = reachable(successors, Some(above));
        for &below in all.difference(&rest) {
            result[below].insert(above);
        }
    }
    result
}

fn blocks(graph: &[Vec<usize>]) -> impl DoubleEndedIterator<Item = Block> + use<> {
    (0..graph.len()).map(Block::from_index)
}

/// Control flow lists every edge, and blocks in reverse post-order.
pub fn control_flow(graph: &[Vec<usize>], function: &Function) {
    let flow = ControlFlow::new(function);
    let reachable = reachable(graph, None);
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
            let target = function.targets(edge.inst)[edge.target as usize];
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
}

/// A block dominates those that it cuts off.
pub fn dominator_tree(graph: &[Vec<usize>], function: &Function) {
    let flow = ControlFlow::new(function);
    let tree = DominatorTree::new(function, &flow);
    let expected = dominators(graph);
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
}

/// The natural loop of a header: the blocks that reach an edge back to it without passing it.
fn natural_loop(
    graph: &[Vec<usize>],
    dominators: &[BTreeSet<usize>],
    header: usize,
) -> BTreeSet<usize> {
    let reachable = reachable(graph, None);
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

/// Loops are natural loops.
pub fn loops(graph: &[Vec<usize>], function: &Function) {
    let flow = ControlFlow::new(function);
    let tree = DominatorTree::new(function, &flow);
    let nest = LoopNest::new(&flow, &tree);
    let dominators = dominators(graph);
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
}

/// Whether the graph has no cycle once edges to dominators are taken out.
fn is_reducible(graph: &[Vec<usize>], dominators: &[BTreeSet<usize>]) -> bool {
    let mut rest = reachable(graph, None);
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

/// From what lives behind an instruction to what lives in front of it. A call that ends its block may hand its own
/// results to the next one.
fn transfer(function: &Function, inst: Inst, live: &mut BTreeSet<Value>) {
    function.for_each_use(inst, |value| {
        live.insert(value);
    });
    for result in function.results(inst) {
        live.remove(result);
    }
}

/// Values live where the equations say.
pub fn values(graph: &[Vec<usize>], function: &Function) {
    let expected = live_in_by_iteration(function);
    let liveness = Liveness::of(function);
    let reachable = reachable(graph, None);
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
        let behind = liveness.behind(function, block);
        for value in function.values.keys() {
            let into = expected[block.index()].contains(&value);
            assert_eq!(liveness.is_live_in(block, value), into);
            assert_eq!(behind.is_live(value), live.contains(&value));
        }
        check_points(function, &liveness, block, live);
    }
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

/// Slots live where the equations say.
pub fn slots(graph: &[Vec<usize>], function: &Function, effects: &SlotEffects) {
    let flow = ControlFlow::new(function);
    let slots = SlotLiveness::new(function, &flow);
    type Bytes = BTreeSet<(StackSlot, u32)>;
    let apply = |inst: Inst, live: &mut Bytes| {
        for (slot, bytes, effect) in effects.get(&inst).into_iter().flatten() {
            for byte in bytes.clone() {
                match effect {
                    SlotEffect::Reads => live.insert((*slot, byte)),
                    SlotEffect::Overwrites => live.remove(&(*slot, byte)),
                };
            }
        }
    };
    let slots_of = |live: &Bytes| -> Vec<StackSlot> {
        let mut slots: Vec<StackSlot> = live.iter().map(|&(slot, _)| slot).collect();
        slots.dedup();
        slots
    };
    let mut expected = vec![BTreeSet::new(); graph.len()];
    let mut changed = true;
    while std::mem::take(&mut changed) {
        for block in blocks(graph).rev() {
            let mut live = BTreeSet::new();
            for to in function.successors(block) {
                live.extend(&expected[to.index()]);
            }
            for &inst in function.blocks[block].insts.iter().rev() {
                apply(inst, &mut live);
            }
            changed |= expected[block.index()] != live;
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
}

/// Uses are all operands.
pub fn uses(function: &Function) {
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
}
