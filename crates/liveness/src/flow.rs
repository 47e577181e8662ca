//! Predecessors, successors and the order in which forward passes visit blocks.

use crate::ranges::Ranges;
use enjamb_ir::{Block, Entity, Function, Inst};

/// Marks the absence of a block number in the compact tables of this crate.
pub(crate) const NONE: u32 = u32::MAX;

/// An edge into a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The block that it leaves.
    pub block: Block,
    /// The terminator of that block.
    pub inst: Inst,
    /// Which of the terminator's targets it is.
    pub target: u32,
}

/// The control-flow graph of a function, as far as the entry reaches.
#[derive(Clone, Debug)]
pub struct ControlFlow {
    order: Vec<Block>,
    number: Vec<u32>,
    preorder: Vec<Block>,
    tree_parent: Vec<u32>,
    successors: Ranges<Block>,
    predecessors: Ranges<Edge>,
}

impl ControlFlow {
    /// Walks the blocks of a function, in time linear in blocks and edges.
    pub fn new(function: &Function) -> Self {
        let capacity = function.block_capacity();
        let successors = distinct_successors(function);
        let mut flow = ControlFlow {
            order: Vec::new(),
            number: vec![NONE; capacity],
            preorder: Vec::new(),
            tree_parent: vec![NONE; capacity],
            successors,
            predecessors: Ranges::empty(),
        };
        if let Some(entry) = function.entry() {
            flow.depth_first(entry);
        }
        for (index, &block) in flow.order.iter().enumerate() {
            flow.number[block.index()] = index as u32;
        }
        flow.predecessors = Ranges::build(capacity, |add| {
            for &block in &flow.order {
                let Some(inst) = function.terminator(block) else {
                    continue;
                };
                for (target, to) in function.targets(inst).iter().enumerate() {
                    let target = target as u32;
                    add(
                        to.block.index(),
                        Edge {
                            block,
                            inst,
                            target,
                        },
                    );
                }
            }
        });
        flow
    }

    /// Fills `preorder`, `tree_parent` and `order` (reversed at the end).
    fn depth_first(&mut self, entry: Block) {
        let mut seen = vec![false; self.number.len()];
        let mut stack = vec![(entry, 0)];
        seen[entry.index()] = true;
        self.preorder.push(entry);
        while let Some((block, next)) = stack.last_mut() {
            let from = *block;
            let Some(&to) = self.successors.get(from.index()).get(*next) else {
                self.order.push(from);
                stack.pop();
                continue;
            };
            *next += 1;
            if !std::mem::replace(&mut seen[to.index()], true) {
                self.tree_parent[to.index()] = from.index() as u32;
                self.preorder.push(to);
                stack.push((to, 0));
            }
        }
        self.order.reverse();
    }

    /// The entry block, if the function has a block.
    pub fn entry(&self) -> Option<Block> {
        self.order.first().copied()
    }

    /// The reachable blocks, each before its successors but for edges that close a cycle.
    pub fn reverse_post_order(&self) -> &[Block] {
        &self.order
    }

    /// The position of a block in [`reverse_post_order`](Self::reverse_post_order), if reachable.
    pub fn order_of(&self, block: Block) -> Option<usize> {
        let number = *self.number.get(block.index())?;
        (number != NONE).then_some(number as usize)
    }

    /// Whether a path leads from the entry to `block`.
    pub fn is_reachable(&self, block: Block) -> bool {
        self.order_of(block).is_some()
    }

    /// The blocks that control can go to, each once, in order of first mention.
    pub fn successors(&self, block: Block) -> &[Block] {
        self.successors.get(block.index())
    }

    /// The edges into a block that leave reachable blocks: one per target that names it, those of
    /// one source side by side.
    pub fn predecessors(&self, block: Block) -> &[Edge] {
        self.predecessors.get(block.index())
    }

    /// One more than the largest index of a block.
    pub(crate) fn capacity(&self) -> usize {
        self.number.len()
    }

    /// The reachable blocks in the order in which the depth-first walk found them.
    pub(crate) fn depth_first_preorder(&self) -> &[Block] {
        &self.preorder
    }

    /// From where the depth-first walk found a block; none for the entry.
    pub(crate) fn tree_parent(&self, block: Block) -> Option<Block> {
        let parent = self.tree_parent[block.index()];
        (parent != NONE).then(|| Block::from_index(parent as usize))
    }
}

fn distinct_successors(function: &Function) -> Ranges<Block> {
    let capacity = function.block_capacity();
    let mut last_source = vec![NONE; capacity];
    let mut starts = Vec::with_capacity(capacity + 1);
    let mut items = Vec::new();
    for index in 0..capacity {
        starts.push(items.len() as u32);
        for to in function.successors(Block::from_index(index)) {
            if last_source[to.index()] != index as u32 {
                last_source[to.index()] = index as u32;
                items.push(to);
            }
        }
    }
    starts.push(items.len() as u32);
    Ranges::from_parts(starts, items)
}
