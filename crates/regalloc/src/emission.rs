//! The order in which blocks are emitted, and the way past blocks that need no code.

use bumpalo::Bump;
use bumpalo::collections::Vec as BumpVec;

use crate::builder::Block;
use crate::function::MachineFunction;
use crate::inst::{InstKind, MachineInst};

/// What an emitter walks: the blocks with code, warm ones first, each group in allocation order. The
/// entry is always the first.
///
/// A block that holds a jump and nothing else is not emitted; edges to it go to its target instead.
#[derive(Clone, Debug)]
pub struct EmissionPlan {
    blocks: Vec<Block>,
    /// Per label, the emitted block that control reaches there; `None` for an unreachable block.
    resolved: Vec<Option<Block>>,
}

impl EmissionPlan {
    /// `edited` tells for each instruction whether a move lies beside it.
    pub(crate) fn new<I: MachineInst>(
        function: &MachineFunction<I>,
        edited: &[bool],
        scratch: &Bump,
    ) -> EmissionPlan {
        let resolved = resolve(function, edited, scratch);
        let entry = function.blocks[0].label;
        let kept = |cold: bool| {
            let resolved = &resolved;
            function.blocks().filter(move |&block| {
                resolved[block.index()] == Some(block)
                    && (function.is_cold(block) && block != entry) == cold
            })
        };
        let mut blocks = Vec::with_capacity(function.blocks.len());
        blocks.extend(kept(false));
        blocks.extend(kept(true));
        EmissionPlan { blocks, resolved }
    }

    /// The blocks to emit, in order.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// The blocks to emit, each with the one that follows it, to which it may fall through.
    pub fn iter(&self) -> impl Iterator<Item = (Block, Option<Block>)> + '_ {
        let next = self.blocks.iter().skip(1).copied().map(Some).chain([None]);
        self.blocks.iter().copied().zip(next)
    }

    /// The emitted block that control reaches when it goes to `block`; `None` if `block` is unreachable.
    pub fn resolve(&self, block: Block) -> Option<Block> {
        self.resolved.get(block.index()).copied().flatten()
    }
}

/// Follows chains of blocks that hold only a jump. Each label is settled once, so this is linear; a cycle
/// of such blocks (an endless loop without code) keeps the block by which it was entered.
fn resolve<I: MachineInst>(
    function: &MachineFunction<I>,
    edited: &[bool],
    scratch: &Bump,
) -> Vec<Option<Block>> {
    let mut resolved: Vec<Option<Block>> = vec![None; function.num_blocks()];
    let mut on_chain = BumpVec::with_capacity_in(function.num_blocks(), scratch);
    on_chain.resize(function.num_blocks(), false);
    let mut chain = BumpVec::new_in(scratch);
    let entry = function.blocks[0].label;
    for start in function.blocks() {
        let mut block = start;
        let end = loop {
            if let Some(end) = resolved[block.index()] {
                break end;
            }
            match forwards(function, block, edited) {
                Some(target) if block != entry && !on_chain[block.index()] => {
                    on_chain[block.index()] = true;
                    chain.push(block);
                    block = target;
                }
                _ => break block,
            }
        };
        resolved[end.index()] = Some(end);
        for block in chain.drain(..) {
            resolved[block.index()] = Some(end);
        }
    }
    resolved
}

/// The target of a block that holds a jump and nothing else.
fn forwards<I: MachineInst>(
    function: &MachineFunction<I>,
    block: Block,
    edited: &[bool],
) -> Option<Block> {
    let insts = function.block_insts(block);
    let plain = insts.len() == 1
        && function.inst(insts.start).kind() == InstKind::Jump
        && !edited[insts.start];
    if plain {
        function.block_successors(block).first().copied()
    } else {
        None
    }
}
