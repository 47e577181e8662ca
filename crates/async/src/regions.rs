//! Which values live across any suspension point, for all of them at once.
//!
//! A *region* is code that control runs through without a point: a new one begins behind every point, and
//! at every block that is reached on different ways with a point on one of them. Those are the iterated
//! dominance frontier of the blocks with points; any other block is in the region in which its immediate
//! dominator ends. A value lives across some point iff a use of it is in another region than its definition:
//!
//! - Let a region begin on the way down the dominator tree from the definition to the use. If it begins
//!   behind a point, that point is on all ways from the definition to the use. If at a block of the
//!   frontier, there is a way from a point to that block, and on to the use, which does not come past the
//!   definition, since that dominates all of it.
//! - Let control come from a point to the use without coming past the definition. Then what it comes
//!   through is dominated by the definition, and it gets onto the way down the dominator tree either at
//!   the point or at a block whose immediate dominator dominates all that control has come through
//!   from the point up to it. Such a block is of the frontier.
//!
//! This takes time linear in blocks, edges and operands. To ask what lives at each of the points would
//! take the values for each of them.

use enjamb_ir::hash::FxHashSet;
use enjamb_ir::{Block, Function, Module, SecondaryMap, Value, suspends};
use enjamb_liveness::{ControlFlow, DominatorTree, iterated_frontier};

use crate::points::SuspensionPoints;

/// Those values among the results of instructions with `is_wanted` that are live across a point.
pub(crate) fn live_across_any(
    module: &Module,
    function: &Function,
    flow: &ControlFlow,
    points: &SuspensionPoints,
    is_wanted: impl Fn(Value) -> bool,
) -> FxHashSet<Value> {
    let mut found = FxHashSet::default();
    let dominators = DominatorTree::new(function, flow);
    let with_point: Vec<Block> = points.by_block().map(|(_, first)| first[0].block).collect();
    let mut begins_region = SecondaryMap::with_default(false);
    for block in iterated_frontier(flow, &dominators, &with_point) {
        begins_region[block] = true;
    }
    // Regions are numbered; that of the definition, and the one in which a block ends.
    let mut of_definition: SecondaryMap<Value, Option<u32>> = SecondaryMap::with_default(None);
    let mut at_end: SecondaryMap<Block, u32> = SecondaryMap::with_default(0);
    let mut regions = 0;
    let mut begin = || {
        regions += 1;
        regions
    };
    for &block in dominators.preorder() {
        let above = dominators.immediate_dominator(block);
        let mut region = match above.filter(|_| !begins_region[block]) {
            Some(above) => at_end[above],
            None => begin(),
        };
        for &inst in &function.blocks[block].insts {
            function.for_each_use(inst, |value| {
                if of_definition[value].is_some_and(|defined| defined != region) {
                    found.insert(value);
                }
            });
            for &result in function.results(inst) {
                of_definition[result] = is_wanted(result).then_some(region);
            }
            if suspends(module, function, inst) {
                region = begin();
            }
        }
        at_end[block] = region;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use enjamb_ir::{Entity, Opcode, ValueDef, parse_module};
    use enjamb_liveness::Liveness;
    use std::fmt::Write;

    /// A constant, a point or a use.
    #[derive(Clone, Copy)]
    enum Item {
        Define(usize),
        Point,
        Use(usize),
    }

    /// Two ways out of each block.
    type Graph = Vec<[usize; 2]>;

    fn text(graph: &Graph, items: &[Vec<Item>]) -> String {
        let mut text = "import %yield = \"enjamb\" \"yield\" () async\n\
            function %f(i64) async {\nblock0(v0: i64):\n    jump block1\n"
            .to_string();
        for (index, ([left, right], items)) in graph.iter().zip(items).enumerate() {
            let _ = writeln!(text, "block{}:", index + 1);
            let mut user = 1000 * (index + 1);
            for item in items {
                user += 1;
                let _ = match item {
                    Item::Define(value) => writeln!(text, "    v{value} = iconst.i64 {value}"),
                    Item::Point => writeln!(text, "    call %yield()"),
                    Item::Use(value) => writeln!(text, "    v{user} = iadd v{value}, v0"),
                };
            }
            let _ = writeln!(text, "    brif v0, block{}, block{}", left + 1, right + 1);
        }
        text + "}"
    }

    /// What lives across a point by walking back to each of them.
    fn by_definition(module: &Module, function: &Function, flow: &ControlFlow) -> FxHashSet<Value> {
        let liveness = Liveness::of(function);
        let mut found = FxHashSet::default();
        for &block in flow.reverse_post_order() {
            let mut cursor = liveness.walk_back(function, block);
            while let Some(inst) = cursor.next_inst() {
                if suspends(module, function, inst) {
                    found.extend(cursor.live_across());
                }
                cursor.step();
            }
        }
        found.retain(|&value| is_constant(function, value));
        found
    }

    fn is_constant(function: &Function, value: Value) -> bool {
        match function.values[value].def {
            ValueDef::Result(inst, _) => function.insts[inst].opcode == Opcode::Iconst,
            _ => false,
        }
    }

    #[test]
    fn agrees_with_walking_back_to_each_point() {
        let mut state = 1u64;
        let mut below = |bound: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as usize % bound
        };
        let (mut across, mut others) = (0, 0);
        for _ in 0..2000 {
            let count = 1 + below(10);
            let graph: Graph = (0..count).map(|_| [below(count), below(count)]).collect();
            let mut items = vec![Vec::new(); count];
            let module = parse_module(&text(&graph, &items)).unwrap();
            let function = module.bodies().next().unwrap().1;
            let dominators = DominatorTree::new(function, &ControlFlow::new(function));
            // Per block the constants that it defines, from the dominators down.
            let mut defined = vec![Vec::new(); count];
            let mut value = 0;
            for &block in dominators.preorder().iter().skip(1) {
                let here = block.index() - 1;
                for _ in 0..below(5) {
                    let above = (0..count)
                        .filter(|&above| dominators.dominates(Block::from_index(above + 1), block));
                    let usable: Vec<usize> =
                        above.flat_map(|above| defined[above].clone()).collect();
                    items[here].push(match below(8) {
                        0 => Item::Point,
                        1..4 if !usable.is_empty() => Item::Use(usable[below(usable.len())]),
                        _ => {
                            value += 1;
                            defined[here].push(value);
                            Item::Define(value)
                        }
                    });
                }
            }
            let module = parse_module(&text(&graph, &items)).unwrap();
            let function = module.bodies().next().unwrap().1;
            let flow = ControlFlow::new(function);
            let points = SuspensionPoints::run(&module, function, flow.reverse_post_order());
            let is_wanted = |value| is_constant(function, value);
            let found = live_across_any(&module, function, &flow, &points, is_wanted);
            assert_eq!(found, by_definition(&module, function, &flow), "{module}");
            across += found.len();
            others += value - found.len();
        }
        assert!(across > 1000 && others > 1000, "{across}, {others}");
    }
}
