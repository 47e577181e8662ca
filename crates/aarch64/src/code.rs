//! The result of an assembly.

use std::error::Error;
use std::fmt;

use crate::listing::Listing;
use crate::operand::Label;
use crate::reach::Reach;

/// How a place in the code is changed when its symbol's address is known. S is the symbol's address
/// with the addend, P that of the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RelocationKind {
    /// A branch or call: S − P, within ±128 MiB.
    Branch26,
    /// An `adrp`: the page of S minus the page of P, within ±4 GiB.
    Page21,
    /// An addition of the lowest 12 bits of S.
    Low12,
    /// Four bytes of data: S − P.
    Rel32,
    /// Eight bytes: S.
    Abs64,
}

/// A relocation's target is too far away, or its field is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfReach {
    /// The address of the place.
    pub place: u64,
    /// The address that it should refer to.
    pub target: u64,
}

impl fmt::Display for OutOfReach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:#x} is out of reach from {:#x}",
            self.target, self.place
        )
    }
}

impl Error for OutOfReach {}

impl RelocationKind {
    /// The number of bytes that are changed.
    pub const fn bytes(self) -> usize {
        match self {
            RelocationKind::Abs64 => 8,
            _ => 4,
        }
    }

    /// Changes `field`, which starts with the place, so that it refers to `target`.
    ///
    /// Except for `Abs64` both addresses can be counted from any multiple of 4096 instead of zero.
    ///
    /// # Errors
    /// If the distance or the field is too short; `field` is not changed.
    pub fn apply(self, field: &mut [u8], place: u64, target: u64) -> Result<(), OutOfReach> {
        let error = OutOfReach { place, target };
        let distance = target.wrapping_sub(place) as i64;
        let reached = |reach: Reach, word, distance| {
            if reach.contains(distance) {
                Ok(reach.patch(word, distance))
            } else {
                Err(error)
            }
        };
        if self == RelocationKind::Abs64 {
            let field = field.first_chunk_mut().ok_or(error)?;
            *field = target.to_le_bytes();
            return Ok(());
        }
        let field = field.first_chunk_mut().ok_or(error)?;
        let word = u32::from_le_bytes(*field);
        let page = |address: u64| address & !0xFFF;
        let word = match self {
            RelocationKind::Branch26 => reached(Reach::Branch26, word, distance)?,
            RelocationKind::Page21 => {
                let pages = page(target).wrapping_sub(page(place)) as i64;
                reached(Reach::Page21, word, pages)?
            }
            RelocationKind::Low12 => word & !(0xFFF << 10) | (target as u32 & 0xFFF) << 10,
            RelocationKind::Rel32 | RelocationKind::Abs64 => {
                i32::try_from(distance).map_err(|_| error)? as u32
            }
        };
        *field = word.to_le_bytes();
        Ok(())
    }
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
