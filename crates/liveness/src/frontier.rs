//! Where the blocks that are reached from several of a set meet.
//!
//! The iterated dominance frontier of a set of blocks after Sreedhar and Gao, "A Linear Time
//! Algorithm for Placing φ-Nodes" (1995): roots are taken by falling depth in the dominator tree,
//! and each walks over what it dominates and no deeper root has walked over. No frontier of a
//! single block is ever stored: in nests of loops those take quadratic space.

use crate::dominators::DominatorTree;
use crate::flow::ControlFlow;
use enjamb_ir::{Block, SecondaryMap};

/// The iterated dominance frontier of `roots`, which have to be reachable, in reverse post-order: the
/// blocks into which edges lead from different roots, or from one and from where none is. Takes time
/// linear in blocks and edges.
pub fn iterated_frontier(
    flow: &ControlFlow,
    dominators: &DominatorTree,
    roots: &[Block],
) -> Vec<Block> {
    let mut depth: SecondaryMap<Block, usize> = SecondaryMap::new();
    for &block in dominators.preorder() {
        let above = dominators.immediate_dominator(block);
        depth[block] = above.map_or(0, |above| depth[above] + 1);
    }
    let mut search = Search {
        flow,
        dominators,
        depth,
        is_root: SecondaryMap::with_default(false),
        is_join: SecondaryMap::with_default(false),
        walked: SecondaryMap::with_default(false),
        pending: Vec::new(),
    };
    for &root in roots {
        search.add_root(root);
    }
    let mut joins = Vec::new();
    // What a walk adds is not deeper than the root that it starts from.
    for level in (0..search.pending.len()).rev() {
        while let Some(root) = search.pending[level].pop() {
            search.walk(root, level, &mut joins);
        }
    }
    joins.sort_unstable_by_key(|&block| flow.order_of(block));
    joins
}

struct Search<'a> {
    flow: &'a ControlFlow,
    dominators: &'a DominatorTree,
    depth: SecondaryMap<Block, usize>,
    /// Given at the start, or found.
    is_root: SecondaryMap<Block, bool>,
    is_join: SecondaryMap<Block, bool>,
    walked: SecondaryMap<Block, bool>,
    /// Roots to walk from, by depth.
    pending: Vec<Vec<Block>>,
}

impl Search<'_> {
    fn add_root(&mut self, block: Block) {
        if std::mem::replace(&mut self.is_root[block], true) {
            return;
        }
        let level = self.depth[block];
        if self.pending.len() <= level {
            self.pending.resize(level + 1, Vec::new());
        }
        self.pending[level].push(block);
    }

    /// Finds the edges that leave what `root` dominates.
    fn walk(&mut self, root: Block, level: usize, joins: &mut Vec<Block>) {
        let mut work = vec![root];
        while let Some(block) = work.pop() {
            if std::mem::replace(&mut self.walked[block], true) {
                continue;
            }
            for &to in self.flow.successors(block) {
                // The edge to a child in the dominator tree is deeper than the root.
                if self.depth[to] <= level && !std::mem::replace(&mut self.is_join[to], true) {
                    self.add_root(to);
                    joins.push(to);
                }
            }
            work.extend_from_slice(self.dominators.children(block));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use enjamb_ir::{Entity, parse_module};
    use std::collections::BTreeSet;

    /// Frontiers by their definition: where dominance ends, again and again.
    fn by_definition(
        flow: &ControlFlow,
        dominators: &DominatorTree,
        roots: &[Block],
    ) -> BTreeSet<Block> {
        let mut work = roots.to_vec();
        let mut found = BTreeSet::new();
        while let Some(root) = work.pop() {
            for &block in flow.reverse_post_order() {
                let mut edges = flow.predecessors(block).iter();
                let ends = edges.any(|edge| dominators.dominates(root, edge.block))
                    && !dominators.strictly_dominates(root, block);
                if ends && found.insert(block) {
                    work.push(block);
                }
            }
        }
        found
    }

    #[test]
    fn agrees_with_the_definition_on_random_graphs() {
        let mut state = 1u64;
        let mut below = |bound: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) % bound
        };
        let mut found = 0;
        for _ in 0..500 {
            let count = 2 + below(12);
            let mut text = "function %f(i64) {\nblock0(v0: i64):\n    jump block1\n".to_string();
            for block in 1..=count {
                let (a, b) = (1 + below(count), 1 + below(count));
                text += &format!("block{block}:\n    brif v0, block{a}, block{b}\n");
            }
            let module = parse_module(&(text + "}")).unwrap();
            let (_, function) = module.bodies().next().unwrap();
            let flow = ControlFlow::new(function);
            let dominators = DominatorTree::new(function, &flow);
            let mut roots: Vec<Block> = (0..=below(3))
                .map(|_| Block::from_index(1 + below(count) as usize))
                .filter(|&block| flow.is_reachable(block))
                .collect();
            roots.dedup();
            let joins = iterated_frontier(&flow, &dominators, &roots);
            found += joins.len();
            assert_eq!(
                joins.iter().copied().collect::<BTreeSet<_>>().len(),
                joins.len()
            );
            let joins = joins.into_iter().collect();
            assert_eq!(
                by_definition(&flow, &dominators, &roots),
                joins,
                "{roots:?}\n{module}"
            );
        }
        assert!(found > 500, "{found}");
    }
}
