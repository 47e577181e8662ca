//! A random control-flow graph with its dominators.

use super::Rng;

/// Blocks by number. The entry 0 is no successor; the last one is the exit, which every block but
/// the entry can also reach on its own.
pub struct Graph {
    pub successors: Vec<Vec<usize>>,
    /// All blocks but the exit; the reachable ones in reverse post-order.
    pub order: Vec<usize>,
    /// Per block a set of blocks as bits. That of an unreachable block is empty.
    dominators: Vec<u64>,
}

impl Graph {
    pub fn random(rng: &mut Rng) -> Graph {
        let count = 2 + rng.below(9);
        let mut successors = vec![vec![1]];
        for _ in 1..count {
            let edges = rng.pick(&[0, 1, 1, 2, 2, 2, 3, 4]);
            successors.push((0..edges).map(|_| 1 + rng.below(count - 1)).collect());
        }
        let mut graph = Graph {
            dominators: vec![0; count],
            order: Vec::new(),
            successors,
        };
        graph.visit(0, &mut vec![false; count]);
        graph.order.reverse();
        graph.find_dominators();
        for block in 0..count {
            if !graph.order.contains(&block) {
                graph.order.push(block);
            }
        }
        graph
    }

    pub fn blocks(&self) -> usize {
        self.successors.len() + 1
    }

    pub fn exit(&self) -> usize {
        self.successors.len()
    }

    /// The blocks that dominate `block`, without itself.
    pub fn dominators(&self, block: usize) -> impl Iterator<Item = usize> + '_ {
        let set = self.dominators[block];
        (0..self.successors.len()).filter(move |&above| above != block && set & (1 << above) != 0)
    }

    fn visit(&mut self, block: usize, seen: &mut Vec<bool>) {
        seen[block] = true;
        for to in self.successors[block].clone() {
            if !seen[to] {
                self.visit(to, seen);
            }
        }
        self.order.push(block);
    }

    /// Shrinks the sets of reachable blocks until they hold; the graph is small.
    fn find_dominators(&mut self) {
        for &block in &self.order[1..] {
            self.dominators[block] = u64::MAX;
        }
        self.dominators[0] = 1;
        let mut changed = true;
        while std::mem::take(&mut changed) {
            for &block in &self.order {
                let above = self.dominators[block];
                for &to in &self.successors[block] {
                    let shrunk = self.dominators[to] & (above | 1 << to);
                    changed |= shrunk != self.dominators[to];
                    self.dominators[to] = shrunk;
                }
            }
        }
    }
}
