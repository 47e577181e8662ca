//! Dominator trees: of blocks for the verifier, of block parameters for the builder.
//!
//! The algorithm is that of Lengauer and Tarjan, "A Fast Algorithm for Finding Dominators in a
//! Flowgraph" (1979), with path compression: `O(edges × log blocks)` on every graph. No step
//! recurses, so deep graphs need no deep stack.

use crate::entity::{Block, Entity};
use crate::function::Function;

const NONE: u32 = u32::MAX;

/// The dominator tree of a function, as an interval per block: a block dominates those whose
/// interval lies in its own.
pub(crate) struct Dominance {
    /// By block index; `first > last` for a block that control does not reach.
    intervals: Vec<(u32, u32)>,
}

impl Dominance {
    /// Computes the dominator tree. Every branch target has to exist.
    pub(crate) fn of(function: &Function) -> Dominance {
        let mut intervals = vec![(1, 0); function.block_capacity()];
        if let Some(entry) = function.entry() {
            let tree = DominatorTree::of(intervals.len(), entry.index(), |node, visit| {
                let successors = function.successors(Block::from_index(node));
                successors.for_each(|block| visit(block.index()));
            });
            number_tree(&tree, &mut intervals);
        }
        Dominance { intervals }
    }

    /// Whether control can reach a block from the entry.
    pub(crate) fn is_reachable(&self, block: Block) -> bool {
        let (first, last) = self.intervals[block.index()];
        first <= last
    }

    /// Whether every path from the entry to `lower` goes through `upper`; both are reachable.
    pub(crate) fn dominates(&self, upper: Block, lower: Block) -> bool {
        let (first, last) = self.intervals[upper.index()];
        let (inner, _) = self.intervals[lower.index()];
        first <= inner && inner <= last
    }
}

/// The dominator tree of any graph, over the nodes that its root reaches.
pub(crate) struct DominatorTree {
    /// Nodes in the order of a depth-first walk, the root first.
    pub(crate) order: Vec<u32>,
    /// By position in `order`: the position of the immediate dominator, which is smaller. That of
    /// the root has no meaning.
    pub(crate) parents: Vec<u32>,
}

impl DominatorTree {
    /// The tree of the graph of nodes `0..count` whose edges `successors` visits.
    pub(crate) fn of(
        count: usize,
        root: usize,
        successors: impl Fn(usize, &mut dyn FnMut(usize)),
    ) -> DominatorTree {
        let walk = Walk::from(count, root, successors);
        let parents = immediate_dominators(&walk);
        DominatorTree {
            order: walk.order,
            parents,
        }
    }
}

/// A depth-first walk; nodes are numbered in the order of the first visit.
struct Walk {
    /// Nodes by number.
    order: Vec<u32>,
    /// By number: the number of the node from which it was reached.
    parent: Vec<u32>,
    /// By number: the numbers of the predecessors, as ranges of `edges`.
    ranges: Vec<(u32, u32)>,
    edges: Vec<u32>,
}

impl Walk {
    fn from(count: usize, root: usize, successors: impl Fn(usize, &mut dyn FnMut(usize))) -> Walk {
        let mut number = vec![NONE; count];
        let mut order = Vec::new();
        let mut parent = Vec::new();
        let mut stack = vec![(root, NONE)];
        while let Some((node, from)) = stack.pop() {
            if number[node] != NONE {
                continue;
            }
            let this = order.len() as u32;
            number[node] = this;
            order.push(node as u32);
            parent.push(from);
            successors(node, &mut |next| stack.push((next, this)));
        }
        let mut walk = Walk {
            ranges: vec![(0, 0); order.len()],
            order,
            parent,
            edges: Vec::new(),
        };
        walk.collect_predecessors(&number, successors);
        walk
    }

    fn collect_predecessors(
        &mut self,
        number: &[u32],
        successors: impl Fn(usize, &mut dyn FnMut(usize)),
    ) {
        let Walk { order, ranges, .. } = self;
        for &node in &*order {
            successors(node as usize, &mut |next| {
                ranges[number[next] as usize].1 += 1;
            });
        }
        let mut start = 0;
        for range in &mut *ranges {
            let count = range.1;
            *range = (start, start);
            start += count;
        }
        let mut edges = vec![0; start as usize];
        for (from, &node) in order.iter().enumerate() {
            successors(node as usize, &mut |next| {
                let end = &mut ranges[number[next] as usize].1;
                edges[*end as usize] = from as u32;
                *end += 1;
            });
        }
        self.edges = edges;
    }

    fn predecessors(&self, number: usize) -> &[u32] {
        let (start, end) = self.ranges[number];
        &self.edges[start as usize..end as usize]
    }
}

/// The forest of the algorithm: `label` is the number with the smallest semidominator on the path
/// from a linked vertex to its root.
struct Forest {
    ancestor: Vec<u32>,
    label: Vec<u32>,
    semi: Vec<u32>,
    path: Vec<u32>,
}

impl Forest {
    fn evaluate(&mut self, vertex: u32) -> u32 {
        if self.ancestor[vertex as usize] == NONE {
            return vertex;
        }
        let mut at = vertex;
        while self.ancestor[self.ancestor[at as usize] as usize] != NONE {
            self.path.push(at);
            at = self.ancestor[at as usize];
        }
        while let Some(below) = self.path.pop() {
            let above = self.ancestor[below as usize];
            let best = self.label[above as usize];
            if self.semi[best as usize] < self.semi[self.label[below as usize] as usize] {
                self.label[below as usize] = best;
            }
            self.ancestor[below as usize] = self.ancestor[above as usize];
        }
        self.label[vertex as usize]
    }
}

/// By number: the number of the immediate dominator; that of the entry is `NONE`.
fn immediate_dominators(walk: &Walk) -> Vec<u32> {
    let count = walk.order.len();
    let mut forest = Forest {
        ancestor: vec![NONE; count],
        label: (0..count as u32).collect(),
        semi: (0..count as u32).collect(),
        path: Vec::new(),
    };
    let mut dominators = vec![NONE; count];
    // The vertices with a semidominator form a list per semidominator.
    let mut head = vec![NONE; count];
    let mut next = vec![NONE; count];
    for vertex in (1..count).rev() {
        for &from in walk.predecessors(vertex) {
            let best = forest.evaluate(from);
            forest.semi[vertex] = forest.semi[vertex].min(forest.semi[best as usize]);
        }
        let semi = forest.semi[vertex] as usize;
        next[vertex] = std::mem::replace(&mut head[semi], vertex as u32);
        let parent = walk.parent[vertex];
        forest.ancestor[vertex] = parent;
        let mut member = std::mem::replace(&mut head[parent as usize], NONE);
        while member != NONE {
            let best = forest.evaluate(member);
            let below = forest.semi[best as usize] < forest.semi[member as usize];
            dominators[member as usize] = if below { best } else { parent };
            member = next[member as usize];
        }
    }
    for vertex in 1..count {
        if dominators[vertex] != forest.semi[vertex] {
            dominators[vertex] = dominators[dominators[vertex] as usize];
        }
    }
    dominators
}

/// Gives every block of the tree the interval of pre-order numbers of its subtree.
fn number_tree(tree: &DominatorTree, intervals: &mut [(u32, u32)]) {
    let DominatorTree { order, parents } = tree;
    // A dominator has a smaller number than what it dominates, so sizes add up from behind and
    // places are handed out from the front.
    let mut sizes = vec![1u32; order.len()];
    for node in (1..order.len()).rev() {
        sizes[parents[node] as usize] += sizes[node];
    }
    let mut free = vec![0u32; order.len()];
    for (node, &block) in order.iter().enumerate() {
        let mut first = 0;
        if node > 0 {
            let place = &mut free[parents[node] as usize];
            first = *place;
            *place += sizes[node];
        }
        intervals[block as usize] = (first, first + sizes[node] - 1);
        free[node] = first + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::opcode::Opcode;
    use crate::operand::Payload;
    use crate::types::{Signature, Type};

    /// A function whose block `i` branches to `graph[i]`.
    fn function_of(graph: &[Vec<usize>]) -> Function {
        let mut function = Function::new("graph", Signature::default());
        let blocks: Vec<Block> = graph.iter().map(|_| function.append_block()).collect();
        for (&block, next) in blocks.iter().zip(graph) {
            let targets: Vec<_> = next
                .iter()
                .map(|&to| function.target(blocks[to], &[]))
                .collect();
            let opcode = if targets.is_empty() {
                Opcode::Return
            } else {
                Opcode::BrTable
            };
            let inst = function.make_inst(opcode, Type::I64, Payload::None, &[], &targets);
            function.append_inst(block, inst);
        }
        function
    }

    fn reachable(graph: &[Vec<usize>], without: Option<usize>) -> Vec<bool> {
        let mut seen = vec![false; graph.len()];
        let mut stack = vec![0];
        while let Some(at) = stack.pop() {
            if Some(at) != without && !seen[at] {
                seen[at] = true;
                stack.extend(&graph[at]);
            }
        }
        seen
    }

    #[test]
    fn agrees_with_the_definition_on_random_graphs() {
        let mut state = 1u64;
        let mut random = |below: usize| {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (state >> 33) as usize % below
        };
        for _ in 0..500 {
            let count = 1 + random(12);
            let graph: Vec<Vec<usize>> = (0..count)
                .map(|_| (0..random(4)).map(|_| random(count)).collect())
                .collect();
            let dominance = Dominance::of(&function_of(&graph));
            let all = reachable(&graph, None);
            for upper in 0..count {
                let block = Block::from_index(upper);
                assert_eq!(dominance.is_reachable(block), all[upper], "{graph:?}");
                let others = reachable(&graph, Some(upper));
                for lower in (0..count).filter(|&lower| all[upper] && all[lower]) {
                    assert_eq!(
                        dominance.dominates(block, Block::from_index(lower)),
                        !others[lower],
                        "{upper} {lower} {graph:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_long_chain_needs_no_deep_stack() {
        let count = 200_000;
        let graph: Vec<Vec<usize>> = (0..count)
            .map(|at| {
                if at + 1 < count {
                    vec![at + 1, 0]
                } else {
                    vec![]
                }
            })
            .collect();
        let dominance = Dominance::of(&function_of(&graph));
        assert!(dominance.dominates(Block::from_index(7), Block::from_index(count - 1)));
        assert!(!dominance.dominates(Block::from_index(count - 1), Block::from_index(7)));
    }
}
