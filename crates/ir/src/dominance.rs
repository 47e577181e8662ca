//! Which blocks dominate which, for the verifier.
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
            let walk = Walk::from(function, entry);
            let parents = immediate_dominators(&walk);
            number_tree(&walk.order, &parents, &mut intervals);
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

/// A depth-first walk; blocks are numbered in the order of the first visit.
struct Walk {
    /// Blocks by number.
    order: Vec<Block>,
    /// By number: the number of the block from which it was reached.
    parent: Vec<u32>,
    /// By number: the numbers of the predecessors, as ranges of `edges`.
    ranges: Vec<(u32, u32)>,
    edges: Vec<u32>,
}

impl Walk {
    fn from(function: &Function, entry: Block) -> Walk {
        let mut number = vec![NONE; function.block_capacity()];
        let mut order = Vec::new();
        let mut parent = Vec::new();
        let mut stack = vec![(entry, NONE)];
        while let Some((block, from)) = stack.pop() {
            if number[block.index()] != NONE {
                continue;
            }
            let this = order.len() as u32;
            number[block.index()] = this;
            order.push(block);
            parent.push(from);
            stack.extend(function.successors(block).map(|next| (next, this)));
        }
        let (ranges, edges) = predecessors(function, &order, &number);
        Walk {
            order,
            parent,
            ranges,
            edges,
        }
    }

    fn predecessors(&self, number: usize) -> &[u32] {
        let (start, end) = self.ranges[number];
        &self.edges[start as usize..end as usize]
    }
}

/// Predecessor lists of the numbered blocks, in one vector.
fn predecessors(
    function: &Function,
    order: &[Block],
    number: &[u32],
) -> (Vec<(u32, u32)>, Vec<u32>) {
    let mut ranges = vec![(0u32, 0u32); order.len()];
    for &block in order {
        for next in function.successors(block) {
            ranges[number[next.index()] as usize].1 += 1;
        }
    }
    let mut start = 0;
    for range in &mut ranges {
        let count = range.1;
        *range = (start, start);
        start += count;
    }
    let mut edges = vec![0; start as usize];
    for (from, &block) in order.iter().enumerate() {
        for next in function.successors(block) {
            let end = &mut ranges[number[next.index()] as usize].1;
            edges[*end as usize] = from as u32;
            *end += 1;
        }
    }
    (ranges, edges)
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
fn number_tree(order: &[Block], parents: &[u32], intervals: &mut [(u32, u32)]) {
    // A dominator has a smaller number than what it dominates, so sizes add up from behind and
    // places are handed out from the front.
    let mut sizes = vec![1u32; order.len()];
    for vertex in (1..order.len()).rev() {
        sizes[parents[vertex] as usize] += sizes[vertex];
    }
    let mut free = vec![0u32; order.len()];
    for (vertex, &block) in order.iter().enumerate() {
        let first = match parents[vertex] {
            NONE => 0,
            parent => {
                let place = free[parent as usize];
                free[parent as usize] += sizes[vertex];
                place
            }
        };
        intervals[block.index()] = (first, first + sizes[vertex] - 1);
        free[vertex] = first + 1;
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
