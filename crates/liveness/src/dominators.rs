//! The dominator tree, after Lengauer and Tarjan.
//!
//! "A Fast Algorithm for Finding Dominators in a Flowgraph" (1979), in the version with path
//! compression alone: O(edges × log blocks) on every graph, irreducible ones included, where the
//! iterative algorithm of Cooper, Harvey and Kennedy can become quadratic.

use crate::flow::{ControlFlow, NONE};
use crate::ranges::Ranges;
use enjamb_ir::{Block, Entity, Function};

/// Which blocks stand on every path from the entry to a block.
#[derive(Clone, Debug)]
pub struct DominatorTree {
    parent: Vec<u32>,
    children: Ranges<Block>,
    preorder: Vec<Block>,
    /// Numbers in `preorder` of a block and of the first one behind its subtree.
    span: Vec<(u32, u32)>,
}

impl DominatorTree {
    /// The dominator tree of the reachable blocks of `function`, whose graph is `flow`.
    pub fn new(function: &Function, flow: &ControlFlow) -> Self {
        debug_assert_eq!(function.block_capacity(), flow.capacity());
        let parent = Ancestry::immediate_dominators(flow);
        let children = Ranges::build(flow.capacity(), |add| {
            for &block in flow.reverse_post_order() {
                let above = parent[block.index()];
                if above != NONE {
                    add(above as usize, block);
                }
            }
        });
        let mut tree = DominatorTree {
            span: vec![(NONE, 0); parent.len()],
            preorder: Vec::with_capacity(flow.reverse_post_order().len()),
            parent,
            children,
        };
        tree.number(flow.entry());
        tree
    }

    fn number(&mut self, entry: Option<Block>) {
        let mut stack: Vec<Block> = entry.into_iter().collect();
        while let Some(block) = stack.pop() {
            let number = self.preorder.len() as u32;
            self.span[block.index()] = (number, number + 1);
            self.preorder.push(block);
            stack.extend(self.children.get(block.index()).iter().rev());
        }
        for &block in self.preorder.iter().rev() {
            let above = self.parent[block.index()];
            if above != NONE {
                let end = self.span[block.index()].1;
                let span = &mut self.span[above as usize];
                span.1 = span.1.max(end);
            }
        }
    }

    /// The closest strict dominator: none for the entry and for unreachable blocks.
    pub fn immediate_dominator(&self, block: Block) -> Option<Block> {
        let parent = *self.parent.get(block.index())?;
        (parent != NONE).then(|| Block::from_index(parent as usize))
    }

    /// Whether every path from the entry to `below` passes `above`, in constant time. Each
    /// reachable block dominates itself; no statement holds about an unreachable one.
    pub fn dominates(&self, above: Block, below: Block) -> bool {
        match (self.span.get(above.index()), self.span.get(below.index())) {
            (Some(&(start, end)), Some(&(number, _))) => start <= number && number < end,
            _ => false,
        }
    }

    /// Whether `above` dominates `below` and is another block.
    pub fn strictly_dominates(&self, above: Block, below: Block) -> bool {
        above != below && self.dominates(above, below)
    }

    /// The blocks whose immediate dominator is `block`, in reverse post-order.
    pub fn children(&self, block: Block) -> &[Block] {
        self.children.get(block.index())
    }

    /// The reachable blocks, each behind its dominators, subtrees side by side.
    pub fn preorder(&self) -> &[Block] {
        &self.preorder
    }

    /// How many blocks a block dominates, itself included.
    pub(crate) fn subtree_size(&self, block: Block) -> u32 {
        let (start, end) = self.span[block.index()];
        end.saturating_sub(start)
    }
}

/// The forest of the algorithm, over the numbers of a depth-first walk.
struct Ancestry {
    /// The link of a vertex, compressed; `NONE` for roots.
    ancestor: Vec<u32>,
    /// The vertex with the least semidominator on the compressed path.
    label: Vec<u32>,
    semi: Vec<u32>,
    path: Vec<u32>,
}

impl Ancestry {
    /// Per block index the index of its immediate dominator.
    fn immediate_dominators(flow: &ControlFlow) -> Vec<u32> {
        let preorder = flow.depth_first_preorder();
        let count = preorder.len() as u32;
        let mut number = vec![NONE; flow.capacity()];
        for (index, &block) in preorder.iter().enumerate() {
            number[block.index()] = index as u32;
        }
        let mut forest = Ancestry {
            ancestor: vec![NONE; preorder.len()],
            label: (0..count).collect(),
            semi: (0..count).collect(),
            path: Vec::new(),
        };
        let mut dominator = vec![NONE; preorder.len()];
        // Vertices by semidominator, as linked lists.
        let mut bucket = vec![NONE; preorder.len()];
        let mut bucket_next = vec![NONE; preorder.len()];
        for vertex in (1..count).rev() {
            let block = preorder[vertex as usize];
            for edge in flow.predecessors(block) {
                let best = forest.evaluate(number[edge.block.index()]);
                let semi = forest.semi[best as usize];
                let own = &mut forest.semi[vertex as usize];
                *own = semi.min(*own);
            }
            let semi = forest.semi[vertex as usize] as usize;
            bucket_next[vertex as usize] = std::mem::replace(&mut bucket[semi], vertex);
            let parent = flow
                .tree_parent(block)
                .map_or(0, |block| number[block.index()]);
            forest.ancestor[vertex as usize] = parent;
            let mut waiting = std::mem::replace(&mut bucket[parent as usize], NONE);
            while waiting != NONE {
                let best = forest.evaluate(waiting);
                let lower = forest.semi[best as usize] < forest.semi[waiting as usize];
                dominator[waiting as usize] = if lower { best } else { parent };
                waiting = bucket_next[waiting as usize];
            }
        }
        let mut result = vec![NONE; flow.capacity()];
        for vertex in 1..preorder.len() {
            let found = dominator[vertex];
            if found != forest.semi[vertex] {
                dominator[vertex] = dominator[found as usize];
            }
            let above = preorder[dominator[vertex] as usize];
            result[preorder[vertex].index()] = above.index() as u32;
        }
        result
    }

    /// The vertex with the least semidominator between `vertex` and its root, the root excluded.
    fn evaluate(&mut self, vertex: u32) -> u32 {
        let mut at = vertex;
        let mut above = self.ancestor[at as usize];
        if above == NONE {
            return vertex;
        }
        while self.ancestor[above as usize] != NONE {
            self.path.push(at);
            at = above;
            above = self.ancestor[at as usize];
        }
        let mut upper = at;
        while let Some(lower) = self.path.pop() {
            let (best, own) = (self.label[upper as usize], self.label[lower as usize]);
            if self.semi[best as usize] < self.semi[own as usize] {
                self.label[lower as usize] = best;
            }
            self.ancestor[lower as usize] = above;
            upper = lower;
        }
        self.label[vertex as usize]
    }
}
