//! What has to be checked before an access, as far as the function itself tells.
//!
//! An access to a linear memory compares the end of what it touches with the length of the memory. A
//! memory never shrinks and its base never moves.

use crate::machine::TargetInst;
use crate::state::LoweringState;
use enjamb_ir::module::PAGE_SIZE;
use enjamb_ir::{MemoryId, StackSlot, Type, Value};

/// How an access of a linear memory is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexCheck {
    /// The index is a constant.
    Constant {
        /// Index plus offset; anything, if that is beyond all numbers.
        start: u64,
        /// What is left to do.
        check: ConstantCheck,
    },
    /// Traps if the index plus `reach` is larger than the length of the memory.
    Variable {
        /// The end of the access, from the index on.
        reach: i64,
        /// Whether the index has 64 bits, so that the sum may wrap around, which traps too. Otherwise
        /// it has 32, the bits above which are undefined in its register.
        may_wrap: bool,
    },
}

/// How an access at a constant index is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConstantCheck {
    /// It lies in the least size of the memory.
    Passes,
    /// Traps if this end of the access is larger than the length of the memory.
    Compare(i64),
    /// No memory is that large.
    Fails,
}

impl<T: TargetInst> LoweringState<'_, T> {
    /// How `bytes` of a linear memory at `index + offset` are checked.
    pub fn index_check(
        &self,
        memory: MemoryId,
        index: Value,
        offset: u32,
        bytes: u32,
    ) -> IndexCheck {
        let Some(constant) = self.constant_index(index) else {
            return IndexCheck::Variable {
                reach: i64::from(offset) + i64::from(bytes),
                may_wrap: self.type_of(index) == Type::I64,
            };
        };
        let start = constant.checked_add(u64::from(offset));
        let end = start.and_then(|start| start.checked_add(u64::from(bytes)));
        let pages = self.module.memories[memory].min_pages;
        let minimum = pages.saturating_mul(PAGE_SIZE);
        let check = match end.map(i64::try_from) {
            Some(Ok(end)) if end as u64 <= minimum => ConstantCheck::Passes,
            Some(Ok(end)) => ConstantCheck::Compare(end),
            _ => ConstantCheck::Fails,
        };
        // A start that does not fit has trapped if it is not within the memory.
        let start = start.unwrap_or_default();
        IndexCheck::Constant { start, check }
    }

    /// The largest index at which `bytes` of a stack slot may be accessed at an offset; `None` if
    /// there is none.
    pub fn slot_check(&self, slot: StackSlot, offset: u32, bytes: u32) -> Option<u64> {
        let size = u64::from(self.function.slots[slot].size);
        size.checked_sub(u64::from(offset) + u64::from(bytes))
    }

    /// The value of an index that is a constant.
    fn constant_index(&self, index: Value) -> Option<u64> {
        let constant = self.function.integer_constant(index)?;
        Some(match self.type_of(index) {
            Type::I64 => constant as u64,
            _ => u64::from(constant as u32),
        })
    }
}
