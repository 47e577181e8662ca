//! What can be reached by an activation that was resumed.
//!
//! Two facts follow. A suspension point that no resumption reaches always suspends a fresh
//! activation, so it need not look for an object to reuse. A value whose definition no resumption
//! reaches is *stable* (M11): every later suspension of the activation finds it in the object,
//! because it was live, and so stored, when that object was made. Block parameters of loops around
//! a point are reached again, so they are never stable.

use crate::across::LiveAcross;
use crate::points::SuspensionPoints;
use enjamb_ir::hash::{FxHashMap, FxHashSet};
use enjamb_ir::{Block, Function, SavedSource, SecondaryMap, Type, Value, ValueDef};
use enjamb_liveness::{ControlFlow, Uses};

/// The blocks and points that a resumed activation can reach.
pub(crate) struct Resumed {
    /// Blocks that are reached from their start.
    blocks: SecondaryMap<Block, bool>,
    /// Per block with a point: the position of its first one.
    first_point: FxHashMap<Block, usize>,
    /// Positions of instructions in blocks that have a point.
    positions: FxHashMap<enjamb_ir::Inst, usize>,
}

impl Resumed {
    /// Walks forward from all continuations at once.
    pub(crate) fn run(function: &Function, flow: &ControlFlow, points: &SuspensionPoints) -> Self {
        let mut first_point = FxHashMap::default();
        let mut positions = FxHashMap::default();
        let mut blocks = SecondaryMap::with_default(false);
        let mut work = Vec::new();
        for (_, in_block) in points.by_block() {
            let first = in_block[0];
            first_point.insert(first.block, first.position);
            let insts = function.blocks[first.block].insts.iter().enumerate();
            positions.extend(insts.map(|(position, &inst)| (inst, position)));
            work.push(first.block);
        }
        // The walk starts behind the points, so it marks successors, not the blocks themselves.
        while let Some(block) = work.pop() {
            for &successor in flow.successors(block) {
                if !std::mem::replace(&mut blocks[successor], true) {
                    work.push(successor);
                }
            }
        }
        Resumed {
            blocks,
            first_point,
            positions,
        }
    }

    /// Whether a resumed activation can come to this place of a block.
    pub(crate) fn reaches(&self, block: Block, position: usize) -> bool {
        self.blocks[block]
            || self
                .first_point
                .get(&block)
                .is_some_and(|&first| position > first)
    }

    /// Whether a value need be stored into a fresh object only. References never are: a moving
    /// collector does not update the object of a running activation (M9).
    fn is_stable(&self, function: &Function, uses: &Uses, value: Value) -> bool {
        if function.value_type(value) == Type::Ref {
            return false;
        }
        match function.values[value].def {
            ValueDef::Param(block, _) => !self.blocks[block],
            ValueDef::Result(inst, _) => uses.block_of(inst).is_some_and(|block| {
                // Results come behind their instruction: those of a point, in its continuation.
                let position = self.positions.get(&inst);
                !self.reaches(block, position.map_or(0, |&position| position + 1))
            }),
            ValueDef::Unused => false,
        }
    }

    /// The values among those that points save which are stable. To be asked before rewriting,
    /// which gives values other definitions.
    pub(crate) fn stable_values(
        &self,
        function: &Function,
        uses: &Uses,
        across: &LiveAcross,
    ) -> FxHashSet<Value> {
        let sources = across
            .needs
            .iter()
            .flat_map(|need| &need.saved)
            .map(|need| need.source);
        let values = sources.filter_map(|source| match source {
            SavedSource::Value(value) => Some(value),
            SavedSource::Slot(_) => None,
        });
        values
            .filter(|&value| self.is_stable(function, uses, value))
            .collect()
    }
}
