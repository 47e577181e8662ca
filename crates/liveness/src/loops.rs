//! Natural loops and how they nest.
//!
//! A loop is what a header and the edges back to it from blocks that it dominates enclose. A cycle
//! that control enters at several blocks (irreducible flow) has no such header and is no loop: its
//! blocks belong to the loops around it, and [`LoopNest::irreducible`] names where it is closed.
//!
//! Headers are visited innermost first and finished loops are treated as one block each, with a
//! union-find structure, so every block and edge is looked at once per direct membership: almost
//! linear time, whatever the depth.

use crate::dominators::DominatorTree;
use crate::flow::{ControlFlow, NONE};
use enjamb_ir::{Block, Entity};

/// A natural loop, numbered so that inner loops come before outer ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Loop(u32);

#[derive(Clone, Debug)]
struct LoopData {
    header: Block,
    parent: u32,
    depth: u32,
}

/// The natural loops of a function.
#[derive(Clone, Debug)]
pub struct LoopNest {
    loops: Vec<LoopData>,
    innermost: Vec<u32>,
    irreducible: Vec<Block>,
}

impl LoopNest {
    /// Finds the loops of a graph.
    pub fn new(flow: &ControlFlow, dominators: &DominatorTree) -> Self {
        let mut builder = Builder {
            flow,
            nest: LoopNest {
                loops: Vec::new(),
                innermost: vec![NONE; flow.capacity()],
                irreducible: irreducible_targets(flow, dominators),
            },
            outermost: Vec::new(),
            pending: Vec::new(),
        };
        // A header is dominated by those of the loops around it.
        for &header in dominators.preorder().iter().rev() {
            let latches = flow.predecessors(header).iter().map(|edge| edge.block);
            builder
                .pending
                .extend(latches.filter(|&from| dominators.dominates(header, from)));
            if !builder.pending.is_empty() {
                builder.enclose(header);
            }
        }
        let mut nest = builder.nest;
        for index in (0..nest.loops.len()).rev() {
            let parent = nest.loops[index].parent;
            if parent != NONE {
                nest.loops[index].depth = nest.loops[parent as usize].depth + 1;
            }
        }
        nest
    }

    /// The innermost loop around a block.
    pub fn innermost(&self, block: Block) -> Option<Loop> {
        let index = *self.innermost.get(block.index())?;
        (index != NONE).then_some(Loop(index))
    }

    /// How many loops are around a block.
    pub fn depth(&self, block: Block) -> u32 {
        self.innermost(block)
            .map_or(0, |inner| self.loops[inner.0 as usize].depth)
    }

    /// The block through which control enters a loop.
    pub fn header(&self, of: Loop) -> Block {
        self.loops[of.0 as usize].header
    }

    /// The loop directly around a loop.
    pub fn parent(&self, of: Loop) -> Option<Loop> {
        let parent = self.loops[of.0 as usize].parent;
        (parent != NONE).then_some(Loop(parent))
    }

    /// All loops, inner ones before outer ones.
    pub fn loops(&self) -> impl DoubleEndedIterator<Item = Loop> + ExactSizeIterator + use<> {
        (0..self.loops.len() as u32).map(Loop)
    }

    /// The targets of edges that close a cycle without dominating their source, in reverse
    /// post-order: empty exactly if the flow is reducible.
    pub fn irreducible(&self) -> &[Block] {
        &self.irreducible
    }
}

fn irreducible_targets(flow: &ControlFlow, dominators: &DominatorTree) -> Vec<Block> {
    let order = flow.reverse_post_order().iter().copied();
    order
        .filter(|&block| {
            flow.predecessors(block).iter().any(|edge| {
                flow.order_of(edge.block) >= flow.order_of(block)
                    && !dominators.dominates(block, edge.block)
            })
        })
        .collect()
}

struct Builder<'a> {
    flow: &'a ControlFlow,
    nest: LoopNest,
    /// Union-find over loops: towards the outermost loop found so far that holds a loop.
    outermost: Vec<u32>,
    pending: Vec<Block>,
}

impl Builder<'_> {
    /// Makes the loop of a header whose latches are pending.
    fn enclose(&mut self, header: Block) {
        let current = self.nest.loops.len() as u32;
        self.nest.loops.push(LoopData {
            header,
            parent: NONE,
            depth: 1,
        });
        self.outermost.push(current);
        self.nest.innermost[header.index()] = current;
        while let Some(block) = self.pending.pop() {
            let inner = self.nest.innermost[block.index()];
            let entered = if inner == NONE {
                self.nest.innermost[block.index()] = current;
                block
            } else {
                let outer = self.find(inner);
                if outer == current {
                    continue;
                }
                self.nest.loops[outer as usize].parent = current;
                self.outermost[outer as usize] = current;
                self.nest.loops[outer as usize].header
            };
            let sources = self.flow.predecessors(entered).iter();
            self.pending.extend(sources.map(|edge| edge.block));
        }
    }

    fn find(&mut self, of: u32) -> u32 {
        let mut at = of;
        while self.outermost[at as usize] != at {
            let above = self.outermost[at as usize];
            self.outermost[at as usize] = self.outermost[above as usize];
            at = above;
        }
        at
    }
}
