//! The result of an assembly.

use crate::listing::Listing;
use crate::operand::Label;

/// How a place in the code is changed when its symbol's address is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RelocationKind {
    /// Four bytes: symbol + addend − address of the place.
    Rel32,
    /// Eight bytes: symbol + addend.
    Abs64,
}

/// A place in the code that depends on the address of an external symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reloc {
    /// Where in the code.
    pub offset: u32,
    /// How it is changed.
    pub kind: RelocationKind,
    /// The client's number for the symbol.
    pub symbol: u32,
    /// What is added.
    pub addend: i64,
}

/// Assembled code. It can be placed at any address that is a multiple of `alignment`.
#[derive(Clone, Debug)]
pub struct Code {
    /// The code, its tables and constants.
    pub bytes: Vec<u8>,
    /// What depends on external symbols, by rising offset.
    pub relocations: Vec<Reloc>,
    /// The alignment that the code needs.
    pub alignment: u32,
    pub(crate) labels: Vec<Option<u32>>,
    pub(crate) listing: Listing,
}

impl Code {
    /// Where `label` is, or `None` if it is not bound.
    pub fn offset(&self, label: Label) -> Option<u32> {
        *self.labels.get(label.index() as usize)?
    }

    /// What was assembled, line by line; empty unless [`crate::Assembler::keep_listing`] was
    /// called.
    pub fn listing(&self) -> &Listing {
        &self.listing
    }
}
