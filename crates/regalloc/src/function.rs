//! A function in virtual registers, ready for allocation.

use std::ops::Range;

use regalloc2::{Inst, InstRange, Operand, PRegSet, RegClass, VReg};

use crate::builder::Block;
use crate::error::{AllocationError, Fault};
use crate::inst::{InstKind, MachineInst};
use crate::prepare::span;

/// The position of a block that is unreachable.
pub(crate) const PRUNED: u32 = u32::MAX;

/// A block at its position in allocation order.
pub(crate) struct BlockData {
    pub label: Block,
    /// In the pool.
    pub params: Range<u32>,
    pub insts: InstRange,
    /// One per successor as given to the builder.
    pub edges: Range<u32>,
    /// One per edge of the allocator's control flow graph.
    pub successors: Range<u32>,
    pub predecessors: Range<u32>,
}

/// Machine code in virtual registers: reachable blocks in allocation order, no critical edges, all
/// operands collected. Made by [`MachineFunctionBuilder::finish`](crate::MachineFunctionBuilder::finish).
///
/// Three numberings meet here. A [`Block`] is a label and stays what it was in the builder. A *position*
/// is the index in allocation order, which regalloc2 calls a block. An instruction index counts through
/// all blocks in allocation order.
pub struct MachineFunction<I> {
    pub(crate) name: String,
    pub(crate) classes: Vec<RegClass>,
    pub(crate) wide_floats: bool,
    pub(crate) insts: Vec<I>,
    pub(crate) operands: Vec<Operand>,
    pub(crate) operand_ends: Vec<u32>,
    pub(crate) blocks: Vec<BlockData>,
    pub(crate) positions: Vec<u32>,
    pub(crate) cold: Vec<bool>,
    pub(crate) pool: Vec<VReg>,
    pub(crate) edges: Vec<Block>,
    pub(crate) successors: Vec<regalloc2::Block>,
    pub(crate) successor_labels: Vec<Block>,
    pub(crate) successor_args: Vec<Range<u32>>,
    pub(crate) predecessors: Vec<regalloc2::Block>,
    pub(crate) built_labels: usize,
}

impl<I> MachineFunction<I> {
    /// The name given to the builder.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many block labels there are, unreachable and split blocks included.
    pub fn num_blocks(&self) -> usize {
        self.positions.len()
    }

    /// How many instructions there are, the jumps of split blocks included.
    pub fn num_insts(&self) -> usize {
        self.insts.len()
    }

    /// How many virtual registers the builder made.
    pub fn num_vregs(&self) -> usize {
        self.classes.len()
    }

    /// The instruction with the given index in allocation order.
    pub fn inst(&self, index: usize) -> &I {
        &self.insts[index]
    }

    /// The blocks in allocation order.
    pub fn blocks(&self) -> impl Iterator<Item = Block> + '_ {
        self.blocks.iter().map(|block| block.label)
    }

    /// The indices of the instructions of a block; empty for an unreachable block.
    pub fn block_insts(&self, block: Block) -> Range<usize> {
        self.data(block).map_or(0..0, |data| {
            let first = data.insts.first().index();
            first..first + data.insts.len()
        })
    }

    /// Where a block's terminator continues, in the order given to the builder. A successor may have been
    /// replaced by the block that was put on the edge to it.
    pub fn block_successors(&self, block: Block) -> &[Block] {
        self.data(block)
            .map_or(&[], |data| &self.edges[span(&data.edges)])
    }

    /// The parameters of a block.
    pub fn block_params(&self, block: Block) -> &[VReg] {
        self.data(block)
            .map_or(&[], |data| &self.pool[span(&data.params)])
    }

    /// Whether a block is emitted after all that are not cold.
    pub fn is_cold(&self, block: Block) -> bool {
        self.cold[block.index()]
    }

    /// Whether a block was put on a critical edge.
    pub fn is_split(&self, block: Block) -> bool {
        block.index() >= self.built_labels
    }

    /// Whether a value of a class takes two spill slots of 8 bytes instead of one.
    pub fn is_wide(&self, class: RegClass) -> bool {
        match class {
            RegClass::Int => false,
            RegClass::Float => self.wide_floats,
            RegClass::Vector => true,
        }
    }

    /// Whether a block can be reached from the entry.
    pub fn is_reachable(&self, block: Block) -> bool {
        self.data(block).is_some()
    }

    /// The operands of an instruction, in the order it names them.
    pub fn inst_operands(&self, index: usize) -> &[Operand] {
        self.operands_of(Inst::new(index))
    }

    pub(crate) fn data(&self, block: Block) -> Option<&BlockData> {
        match self.positions.get(block.index()) {
            None | Some(&PRUNED) => None,
            Some(&position) => Some(&self.blocks[position as usize]),
        }
    }

    /// The edges of the allocator's control flow graph that leave a block, to pass to [`Self::args_of`].
    pub(crate) fn flow_successors(&self, block: Block) -> Range<usize> {
        self.data(block).map_or(0..0, |data| span(&data.successors))
    }

    pub(crate) fn params_at(&self, position: usize) -> &[VReg] {
        &self.pool[span(&self.blocks[position].params)]
    }

    pub(crate) fn args_of(&self, successor: usize) -> &[VReg] {
        &self.pool[span(&self.successor_args[successor])]
    }

    pub(crate) fn operands_of(&self, inst: Inst) -> &[Operand] {
        let start = inst
            .index()
            .checked_sub(1)
            .map_or(0, |before| self.operand_ends[before]);
        &self.operands[span(&(start..self.operand_ends[inst.index()]))]
    }

    /// Adds function, block and instruction to a fault.
    pub(crate) fn place(&self, fault: Fault, inst: Inst) -> AllocationError {
        if inst.is_invalid() || inst.index() >= self.insts.len() {
            return fault.at(&self.name, None, None);
        }
        let position = self
            .blocks
            .partition_point(|block| block.insts.first() <= inst)
            - 1;
        let block = &self.blocks[position];
        fault.at(
            &self.name,
            Some(block.label),
            Some(inst.index() - block.insts.first().index()),
        )
    }
}

/// A function as regalloc2 reads it.
pub(crate) struct View<'a, I> {
    pub function: &'a MachineFunction<I>,
    pub allocatable: PRegSet,
}

impl<I: MachineInst> regalloc2::Function for View<'_, I> {
    fn num_insts(&self) -> usize {
        self.function.insts.len()
    }

    fn num_blocks(&self) -> usize {
        self.function.blocks.len()
    }

    fn entry_block(&self) -> regalloc2::Block {
        regalloc2::Block::new(0)
    }

    fn block_insns(&self, block: regalloc2::Block) -> InstRange {
        self.function.blocks[block.index()].insts
    }

    fn block_succs(&self, block: regalloc2::Block) -> &[regalloc2::Block] {
        &self.function.successors[span(&self.function.blocks[block.index()].successors)]
    }

    fn block_preds(&self, block: regalloc2::Block) -> &[regalloc2::Block] {
        &self.function.predecessors[span(&self.function.blocks[block.index()].predecessors)]
    }

    fn block_params(&self, block: regalloc2::Block) -> &[VReg] {
        self.function.params_at(block.index())
    }

    fn is_ret(&self, inst: Inst) -> bool {
        self.function.insts[inst.index()].kind() == InstKind::Return
    }

    fn is_branch(&self, inst: Inst) -> bool {
        matches!(
            self.function.insts[inst.index()].kind(),
            InstKind::Branch | InstKind::Jump
        )
    }

    fn branch_blockparams(&self, block: regalloc2::Block, _: Inst, successor: usize) -> &[VReg] {
        let first = self.function.blocks[block.index()].successors.start as usize;
        self.function.args_of(first + successor)
    }

    fn inst_operands(&self, inst: Inst) -> &[Operand] {
        self.function.operands_of(inst)
    }

    fn inst_clobbers(&self, inst: Inst) -> PRegSet {
        self.function.insts[inst.index()].clobbers() & self.allocatable
    }

    fn num_vregs(&self) -> usize {
        self.function.classes.len()
    }

    fn spillslot_size(&self, class: RegClass) -> usize {
        1 + usize::from(self.function.is_wide(class))
    }

    fn multi_spillslot_named_by_last_slot(&self) -> bool {
        true
    }
}
