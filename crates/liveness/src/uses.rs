//! Which instructions use a value, and in which block an instruction stands.

use crate::flow::NONE;
use crate::ranges::Ranges;
use enjamb_ir::{Block, Entity, Function, Inst, Value};

/// Definition-use chains of a function, unreachable blocks included.
#[derive(Clone, Debug)]
pub struct Uses {
    of: Ranges<Inst>,
    block_of: Vec<u32>,
}

impl Uses {
    /// Collects the uses of every value, in time linear in the operands.
    pub fn new(function: &Function) -> Self {
        let mut block_of = vec![NONE; function.insts.len()];
        for &block in &function.order {
            for &inst in &function.blocks[block].insts {
                block_of[inst.index()] = block.index() as u32;
            }
        }
        let of = Ranges::build(function.values.len(), |add| {
            for &block in &function.order {
                for &inst in &function.blocks[block].insts {
                    function.for_each_use(inst, |value| add(value.index(), inst));
                }
            }
        });
        Uses { of, block_of }
    }

    /// The instructions that use a value, in the order of the text: one entry per operand or
    /// argument of a branch target.
    pub fn of(&self, value: Value) -> &[Inst] {
        self.of.get(value.index())
    }

    /// How many operands a value is.
    pub fn count(&self, value: Value) -> usize {
        self.of(value).len()
    }

    /// The block in which an instruction stands.
    pub fn block_of(&self, inst: Inst) -> Option<Block> {
        let block = *self.block_of.get(inst.index())?;
        (block != NONE).then(|| Block::from_index(block as usize))
    }
}
