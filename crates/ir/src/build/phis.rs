//! Which block parameters that variables asked for are needed, and what the others stand for.
//!
//! Parameters that hand on but each other and one other value are redundant: all of them are that
//! value (section 3.2 of the paper that `variables` names). In the graph whose edges go from
//! arguments to parameters, and from a root to every other value, those are the parameters that one
//! value dominates. So the dominator tree finds all of them at once, for irreducible flow too: below
//! the root stand the values that are values of their own, below each what equals it.

use super::variables::{Role, Variables};
use crate::dominance::DominatorTree;
use crate::entity::{Block, SecondaryMap, Value};
use crate::hash::FxHashMap;

const ROOT: usize = 0;

/// What the values of the builder are in the finished function.
pub(super) struct Resolution {
    /// By index of the parameter: the value that it stands for, itself if it is needed.
    stands_for: Vec<Value>,
}

impl Resolution {
    /// Finds redundant parameters; arguments from blocks out of reach do not count.
    pub(super) fn of(variables: &Variables, reachable: &SecondaryMap<Block, bool>) -> Self {
        let graph = PhiGraph::of(variables, reachable);
        let tree = DominatorTree::of(graph.values.len(), ROOT, |node, visit| {
            graph.users[node]
                .iter()
                .for_each(|&user| visit(user as usize));
        });
        // Parameters that no value reaches stand only in blocks out of reach.
        let mut stands_for: Vec<Value> = variables.phis.iter().map(|phi| phi.value).collect();
        let mut tops: Vec<u32> = Vec::with_capacity(tree.order.len());
        for (position, (&node, &parent)) in tree.order.iter().zip(&tree.parents).enumerate() {
            let below_root = position == 0 || parent == 0;
            let top = if below_root {
                node
            } else {
                tops[parent as usize]
            };
            tops.push(top);
            if let Role::Phi(index) = variables.roles[graph.values[node as usize]] {
                stands_for[index as usize] = graph.values[top as usize];
            }
        }
        Resolution { stands_for }
    }

    /// What a value is in the finished function.
    pub(super) fn resolve(&self, variables: &Variables, value: Value) -> Value {
        match variables.roles[value] {
            Role::Phi(index) => self.stands_for[index as usize],
            _ => value,
        }
    }
}

/// Node 0 is the root, then come the parameters in their order, then their other arguments.
struct PhiGraph {
    /// By node; that of the root has no meaning.
    values: Vec<Value>,
    /// By node: the nodes of the parameters that take it as argument.
    users: Vec<Vec<u32>>,
}

impl PhiGraph {
    fn of(variables: &Variables, reachable: &SecondaryMap<Block, bool>) -> Self {
        let no_value = crate::Entity::from_index(0);
        let mut values: Vec<Value> = vec![no_value];
        values.extend(variables.phis.iter().map(|phi| phi.value));
        let mut users: Vec<Vec<u32>> = vec![Vec::new(); values.len()];
        let mut nodes: FxHashMap<Value, u32> = FxHashMap::default();
        for (index, phi) in variables.phis.iter().enumerate() {
            let user = index as u32 + 1;
            let predecessors = &variables.blocks[phi.block].predecessors;
            for (&arg, &from) in phi.args.iter().zip(predecessors) {
                if !reachable[from] {
                    continue;
                }
                let node = match variables.roles[arg] {
                    Role::Phi(other) => other + 1,
                    _ => *nodes.entry(arg).or_insert_with(|| {
                        let node = values.len() as u32;
                        values.push(arg);
                        users.push(Vec::new());
                        users[ROOT].push(node);
                        node
                    }),
                };
                users[node as usize].push(user);
            }
        }
        PhiGraph { values, users }
    }
}
