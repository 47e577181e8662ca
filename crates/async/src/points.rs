//! Finds the suspension points of a function.

use enjamb_ir::{Block, Function, Inst, Module, Opcode, Payload};

/// Whether control may leave the function at `inst` and come back behind it.
pub(crate) fn suspends(module: &Module, function: &Function, inst: Inst) -> bool {
    let data = &function.insts[inst];
    match (data.opcode, data.payload) {
        (Opcode::Join | Opcode::TryJoin, _) => true,
        (Opcode::Call | Opcode::TryCall, Payload::Function(callee)) => module
            .functions
            .get(callee)
            .is_some_and(|decl| decl.signature().is_async),
        (Opcode::CallIndirect | Opcode::TryCallIndirect, Payload::Signature(signature)) => function
            .signatures
            .get(signature)
            .is_some_and(|signature| signature.is_async),
        _ => false,
    }
}

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
