//! A numbering of blocks in which the blocks where a value lives tend to be consecutive.
//!
//! It is a preorder of the dominator tree, so a value lives within the span of its definition.
//! Children are ordered so that what lies between a definition and its uses comes before what
//! does not:
//!
//! 1. those inside the innermost loop of their parent, before the way out of that loop;
//! 2. those from which control flows on to blocks elsewhere: the arms of a conditional, before
//!    the block where they meet;
//! 3. those that control never leaves, large subtrees first: the rest of the function, before
//!    early returns and traps.

use crate::dominators::DominatorTree;
use crate::flow::{ControlFlow, NONE};
use crate::loops::LoopNest;
use enjamb_ir::{Block, Entity};

/// Reachable blocks by position and back.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    order: Vec<Block>,
    position: Vec<u32>,
}

impl Layout {
    pub(crate) fn new(flow: &ControlFlow, dominators: &DominatorTree, loops: &LoopNest) -> Self {
        let leaves = leaving_subtrees(flow, dominators);
        let mut order = Vec::with_capacity(dominators.preorder().len());
        let mut position = vec![NONE; flow.capacity()];
        let mut stack: Vec<Block> = flow.entry().into_iter().collect();
        while let Some(block) = stack.pop() {
            position[block.index()] = order.len() as u32;
            order.push(block);
            let children = stack.len();
            stack.extend_from_slice(dominators.children(block));
            stack[children..].sort_by_cached_key(|&child| {
                let key = if is_within_loop_of(loops, block, child) {
                    (0, 0)
                } else if leaves[child.index()] {
                    (1, 0)
                } else {
                    (2, u32::MAX - dominators.subtree_size(child))
                };
                (key, flow.order_of(child))
            });
            stack[children..].reverse();
        }
        Layout { order, position }
    }

    /// The position of a block, if it is reachable.
    pub(crate) fn position(&self, block: Block) -> Option<u32> {
        let position = *self.position.get(block.index())?;
        (position != NONE).then_some(position)
    }

    /// The blocks by position.
    pub(crate) fn order(&self) -> &[Block] {
        &self.order
    }

    /// How many bytes the numbering takes.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&self.order[..]) + size_of_val(&self.position[..])
    }
}

/// Whether a child in the dominator tree is inside the innermost loop of its parent.
fn is_within_loop_of(loops: &LoopNest, parent: Block, child: Block) -> bool {
    let (Some(around), Some(inner)) = (loops.innermost(parent), loops.innermost(child)) else {
        return false;
    };
    // A loop that has the child but not the parent has the child as its header.
    inner == around || (loops.header(inner) == child && loops.parent(inner) == Some(around))
}

/// Per block whether an edge leads from the blocks that it dominates to one that it does not.
fn leaving_subtrees(flow: &ControlFlow, dominators: &DominatorTree) -> Vec<bool> {
    let mut depth = vec![0u32; flow.capacity()];
    for &block in dominators.preorder() {
        if let Some(above) = dominators.immediate_dominator(block) {
            depth[block.index()] = depth[above.index()] + 1;
        }
    }
    // The target's immediate dominator dominates the source, so an edge leaves the subtrees of
    // exactly the source's dominators below that one, but for the target itself.
    let mut least = vec![NONE; flow.capacity()];
    let mut leaves = vec![false; flow.capacity()];
    for &block in dominators.preorder().iter().rev() {
        for &to in flow.successors(block) {
            let stays_in = if dominators.dominates(to, block) {
                depth[to.index()]
            } else {
                dominators
                    .immediate_dominator(to)
                    .map_or(0, |above| depth[above.index()])
            };
            least[block.index()] = least[block.index()].min(stays_in);
        }
        leaves[block.index()] = least[block.index()] < depth[block.index()];
        if let Some(above) = dominators.immediate_dominator(block) {
            least[above.index()] = least[above.index()].min(least[block.index()]);
        }
    }
    leaves
}
