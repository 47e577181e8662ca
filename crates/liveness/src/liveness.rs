//! The blocks into which each value is live.

use crate::cursor::Backward;
use crate::dominators::DominatorTree;
use crate::flow::{ControlFlow, NONE};
use crate::layout::Layout;
use crate::loops::LoopNest;
use crate::ranges::Ranges;
use crate::regions::Regions;
use crate::runs::{Run, RunIndex, RunIndexBuilder, sorted};
use enjamb_ir::{Block, Entity, Function, Inst, Value};

/// Where the values of a function in SSA form live.
///
/// A value is live at a point from which control can reach a use of it. The values that a branch
/// hands over are used by the branch, so they need not be live into its target, and the parameters
/// of a block are defined at its start, so they are not live into it. Uses in unreachable blocks
/// do not count.
///
/// What is stored is, per value, the runs of consecutive blocks into which it is live, in a
/// numbering of the blocks that makes runs long; a value that lives in one block only is not stored
/// at all. Points inside a block come from [walking back](Liveness::walk_back) from its end.
#[derive(Clone, Debug)]
pub struct Liveness {
    layout: Layout,
    index: RunIndex,
    stats: Stats,
}

/// What an analysis cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// How many definitions, blocks and edges were looked at.
    pub steps: u64,
    /// How many runs of consecutive blocks are stored.
    pub runs: u64,
    /// How many bytes the result takes.
    pub bytes: u64,
}

impl Liveness {
    /// Analyses a function whose graph, dominators and loops these are.
    pub fn new(
        function: &Function,
        flow: &ControlFlow,
        dominators: &DominatorTree,
        loops: &LoopNest,
    ) -> Self {
        Self::of_values(function, flow, dominators, loops, |_| true)
    }

    /// The same for some values only: all others are live nowhere.
    pub fn of_values(
        function: &Function,
        flow: &ControlFlow,
        dominators: &DominatorTree,
        loops: &LoopNest,
        wanted: impl Fn(Value) -> bool,
    ) -> Self {
        let layout = Layout::new(flow, dominators, loops);
        let (definitions, mut steps) = definition_blocks(function, &layout);
        let uses = uses_elsewhere(function, &layout, dominators, &definitions);
        let mut builder = RunIndexBuilder::new(function.values.len());
        let mut regions = Regions::new(flow, &layout);
        let mut runs: Vec<Run> = Vec::new();
        for block in children_first(flow, dominators) {
            let children = dominators.children(block);
            regions.untangle(block, children, &mut runs);
            let mut define = |value: Value| {
                let uses = uses.get(value.index());
                let here = definitions[value.index()] == block.index() as u32;
                if !uses.is_empty() && here && wanted(value) {
                    regions.live_runs(block, uses, &mut runs);
                    builder.set(value.index() as u32, &runs);
                }
            };
            for_each_definition(function, block, &mut define);
            regions.finish(block, dominators.immediate_dominator(block), children);
        }
        steps += regions.steps;
        let index = builder.finish(layout.order().len());
        let stats = Stats {
            steps,
            runs: index.len() as u64,
            bytes: (index.bytes() + layout.bytes()) as u64,
        };
        Liveness {
            stats,
            layout,
            index,
        }
    }

    /// Analyses a function from scratch.
    pub fn of(function: &Function) -> Self {
        let flow = ControlFlow::new(function);
        let dominators = DominatorTree::new(function, &flow);
        let loops = LoopNest::new(&flow, &dominators);
        Liveness::new(function, &flow, &dominators, &loops)
    }

    /// Whether `value` is live into `block`.
    pub fn is_live_in(&self, block: Block, value: Value) -> bool {
        self.layout
            .position(block)
            .is_some_and(|position| self.index.contains(value.index(), position))
    }

    /// The values that are live into `block`, in order.
    pub fn live_in(&self, block: Block) -> Vec<Value> {
        let mut values = Vec::new();
        self.collect_live_in(block, &mut values);
        values.sort_unstable();
        values
    }

    /// What is asked about the values behind the terminator of `block`, in time linear in its targets.
    pub fn behind(&self, function: &Function, block: Block) -> Behind<'_> {
        let is_reachable = self.layout.position(block).is_some();
        let successors = function.successors(block).filter(|_| is_reachable);
        Behind {
            liveness: self,
            successors: sorted(successors.filter_map(|to| self.layout.position(to))),
        }
    }

    /// The values that are live behind the terminator of `block`, in order: those that are live
    /// into a successor.
    pub fn live_out(&self, function: &Function, block: Block) -> Vec<Value> {
        // The successors may be many and all have the same values live into them. But each of these is
        // live into the block, too, or defined in it.
        let behind = self.behind(function, block);
        let mut values = Vec::new();
        self.collect_live_in(block, &mut values);
        for_each_definition(function, block, &mut |value| values.push(value));
        values.retain(|&value| behind.is_live(value));
        values.sort_unstable();
        values
    }

    /// The reachable blocks in the numbering that this is stored by: dominators come first.
    pub fn order(&self) -> &[Block] {
        self.layout.order()
    }

    /// The last block in that order into which a value is live.
    pub fn last_live_in(&self, value: Value) -> Option<Block> {
        let position = self.index.last_position(value.index())?;
        Some(self.layout.order()[position as usize])
    }

    fn collect_live_in(&self, block: Block, values: &mut Vec<Value>) {
        if let Some(position) = self.layout.position(block) {
            self.index.for_each_key_at(position, |key| {
                values.push(Value::from_index(key as usize));
            });
        }
    }

    /// A cursor behind the terminator of `block`, to visit the points of the block backwards.
    pub fn walk_back<'a>(&self, function: &'a Function, block: Block) -> Backward<'a> {
        Backward::new(function, block, self.live_out(function, block))
    }

    /// The values that are live right behind `inst`, in order, found by walking back to it from the
    /// end of its block; none if it is not in `block`. For several points of one block use
    /// [`walk_back`](Self::walk_back).
    pub fn live_after(&self, function: &Function, block: Block, inst: Inst) -> Option<Vec<Value>> {
        let mut cursor = self.walk_back(function, block);
        while cursor.next_inst()? != inst {
            cursor.step();
        }
        Some(cursor.live().iter().copied().collect())
    }

    /// What the analysis cost.
    pub fn stats(&self) -> Stats {
        self.stats
    }
}

/// The end of a block, to ask whether values are live there.
#[derive(Clone, Debug)]
pub struct Behind<'a> {
    liveness: &'a Liveness,
    /// The positions of the successors, sorted, each once.
    successors: Vec<u32>,
}

impl Behind<'_> {
    /// Whether `value` is live into a successor: in time logarithmic in their number, if the value lives in
    /// one run of blocks, as most do.
    pub fn is_live(&self, value: Value) -> bool {
        let index = &self.liveness.index;
        index.contains_any(value.index(), &self.successors)
    }
}

fn for_each_definition(function: &Function, block: Block, define: &mut impl FnMut(Value)) {
    let data = &function.blocks[block];
    data.params.iter().copied().for_each(&mut *define);
    for &inst in &data.insts {
        function
            .results(inst)
            .iter()
            .copied()
            .for_each(&mut *define);
    }
}

/// Per value the index of the reachable block that defines it; and how many definitions there are.
fn definition_blocks(function: &Function, layout: &Layout) -> (Vec<u32>, u64) {
    let mut definitions = vec![NONE; function.values.len()];
    let mut steps = 0;
    for &block in layout.order() {
        for_each_definition(function, block, &mut |value| {
            steps += 1;
            definitions[value.index()] = block.index() as u32;
        });
    }
    (definitions, steps)
}

/// Per value the positions of the blocks other than its own that use it, each once.
fn uses_elsewhere(
    function: &Function,
    layout: &Layout,
    dominators: &DominatorTree,
    definitions: &[u32],
) -> Ranges<u32> {
    let mut last_user = vec![NONE; definitions.len()];
    Ranges::build(definitions.len(), |add| {
        last_user.fill(NONE);
        for (position, &block) in layout.order().iter().enumerate() {
            for &inst in &function.blocks[block].insts {
                function.for_each_use(inst, |value| {
                    let definition = definitions[value.index()];
                    if definition == NONE || last_user[value.index()] == position as u32 {
                        return;
                    }
                    last_user[value.index()] = position as u32;
                    // A use that its definition does not dominate is an error of the function,
                    // which the verifier reports.
                    let definition = Block::from_index(definition as usize);
                    if dominators.strictly_dominates(definition, block) {
                        add(value.index(), position as u32);
                    }
                });
            }
        }
    })
}

/// The blocks of the dominator tree, children before parents, siblings in reverse post-order.
fn children_first(flow: &ControlFlow, dominators: &DominatorTree) -> Vec<Block> {
    let mut order = Vec::with_capacity(dominators.preorder().len());
    let mut stack: Vec<Block> = flow.entry().into_iter().collect();
    while let Some(block) = stack.pop() {
        order.push(block);
        stack.extend_from_slice(dominators.children(block));
    }
    order.reverse();
    order
}
