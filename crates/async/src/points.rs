//! Finds the suspension points of a function.

use enjamb_ir::{Block, Function, Inst, Module, suspends};

/// A suspension point before rewriting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SuspensionPoint {
    /// The block of the call.
    pub(crate) block: Block,
    /// Position of the call in the block.
    pub(crate) position: usize,
    /// The call.
    pub(crate) inst: Inst,
}

impl SuspensionPoint {
    /// Where a call with an unwind target goes on: in blocks of their own, see [`crate::edges`].
    pub(crate) fn targets(&self, function: &Function) -> Option<[Block; 2]> {
        match function.targets(self.inst) {
            [normal, unwind] => Some([normal.block, unwind.block]),
            _ => None,
        }
    }
}

/// All suspension points of a function, in the order of the given blocks: the index is the state
/// number. Points of one block follow each other.
#[derive(Clone, Debug, Default)]
pub(crate) struct SuspensionPoints {
    points: Vec<SuspensionPoint>,
}

impl SuspensionPoints {
    /// Finds the points in `blocks`.
    pub(crate) fn run(module: &Module, function: &Function, blocks: &[Block]) -> Self {
        let mut points = Vec::new();
        for &block in blocks {
            for (position, &inst) in function.blocks[block].insts.iter().enumerate() {
                if suspends(module, function, inst) {
                    points.push(SuspensionPoint {
                        block,
                        position,
                        inst,
                    });
                }
            }
        }
        SuspensionPoints { points }
    }

    /// The points, by state number.
    pub(crate) fn as_slice(&self) -> &[SuspensionPoint] {
        &self.points
    }

    /// The points of each block that has one: the state number of the first, and the points.
    pub(crate) fn by_block(&self) -> impl Iterator<Item = (usize, &[SuspensionPoint])> {
        let mut state = 0;
        self.points
            .chunk_by(|a, b| a.block == b.block)
            .map(move |points| {
                let first = state;
                state += points.len();
                (first, points)
            })
    }
}
