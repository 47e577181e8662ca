//! Cells, which is how frames hold values.

use crate::integer::narrow;
use enjamb_ir::{Entity, FuncId, Type, Val};

/// The word of a reference to a function, as [`enjamb_ir::Val`] has it.
pub(crate) fn function_bits(function: FuncId) -> u64 {
    function.index() as u64 + 1
}

/// The function that a word refers to, unless it is null.
pub(crate) fn function_of(bits: u64) -> Option<FuncId> {
    bits.checked_sub(1)
        .map(|index| FuncId::from_index(index as usize))
}

/// The value of a type that lies in memory, least significant byte first.
pub(crate) fn decode(ty: Type, bytes: &[u8]) -> Cell {
    let mut whole = [0; 16];
    whole[..bytes.len()].copy_from_slice(bytes);
    let bits = u128::from_le_bytes(whole);
    match ty.is_int() {
        true => Cell::new(narrow(ty.bits(), bits as i64) as u64),
        false => Cell::vector(bits),
    }
}

/// A value in a frame: its word, as [`enjamb_ir::Val`] has it, and what else is known about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) bits: u64,
    /// The upper half of a vector, else 0.
    high: u64,
    /// 0 says that nothing defines the value on this path, 1 that something does. An address has
    /// the number of its slot plus 2, and `bits` is the offset in it.
    tag: u32,
    /// When it was defined: a reference that is older than the last safepoint may be out of date.
    epoch: u32,
}

impl Cell {
    /// A value that nothing defined: an argument of a resumed activation, a result of a call that
    /// suspended. It may be moved, not used.
    pub(crate) const UNDEFINED: Cell = Cell {
        bits: 0,
        high: 0,
        tag: 0,
        epoch: 0,
    };

    pub(crate) fn new(bits: u64) -> Self {
        Cell {
            bits,
            high: 0,
            tag: 1,
            epoch: 0,
        }
    }

    pub(crate) fn vector(bits: u128) -> Self {
        Cell {
            bits: bits as u64,
            high: (bits >> 64) as u64,
            tag: 1,
            epoch: 0,
        }
    }

    /// A value that comes from the host.
    pub(crate) fn of(value: Val) -> Self {
        Cell::vector(value.to_bits())
    }

    /// The value for the host.
    pub(crate) fn value(self, ty: Type) -> Val {
        Val::from_bits(ty, self.wide_bits())
    }

    /// All bits, as a vector has them.
    pub(crate) fn wide_bits(self) -> u128 {
        u128::from(self.high) << 64 | u128::from(self.bits)
    }

    pub(crate) fn address(slot: usize, offset: u64) -> Self {
        Cell {
            bits: offset,
            high: 0,
            tag: slot as u32 + 2,
            epoch: 0,
        }
    }

    /// The same, defined in an epoch.
    pub(crate) fn in_epoch(self, epoch: u32) -> Self {
        Cell { epoch, ..self }
    }

    /// The epoch in which it was defined.
    pub(crate) fn epoch(self) -> u32 {
        self.epoch
    }

    pub(crate) fn is_defined(self) -> bool {
        self.tag != 0
    }

    /// The slot that an address points into.
    pub(crate) fn slot(self) -> Option<usize> {
        self.tag.checked_sub(2).map(|slot| slot as usize)
    }

    /// The same address a number of bytes further on.
    pub(crate) fn advanced(self, bytes: u64) -> Self {
        Cell {
            bits: self.bits.wrapping_add(bytes),
            ..self
        }
    }
}
