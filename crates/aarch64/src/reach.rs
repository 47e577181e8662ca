//! How far the forms with a target reach, and which bits hold the distance.

use crate::template::Field;

/// How a form holds the distance to its target, counted from the start of the instruction.
///
/// | reach | distance | forms |
/// | --- | --- | --- |
/// | `Branch26` | ±128 MiB | `b`, `bl` |
/// | `Branch19` | ±1 MiB | `b.cond`, `cbz`, `cbnz` |
/// | `Branch14` | ±32 KiB | `tbz`, `tbnz` |
/// | `Load19` | ±1 MiB | loads from a literal |
/// | `Address21` | ±1 MiB, to the byte | `adr` |
/// | `Page21` | ±4 GiB, between pages of 4 KiB | `adrp` |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reach {
    /// A branch with 26 bits.
    Branch26,
    /// A conditional branch with 19 bits.
    Branch19,
    /// A conditional branch with 14 bits.
    Branch14,
    /// A load with 19 bits.
    Load19,
    /// An address with 21 bits.
    Address21,
    /// A page's address with 21 bits.
    Page21,
}

impl Reach {
    /// The number of bits of the distance, its unit in bytes, and the lowest bit of the field;
    /// addresses have their lowest two bits apart.
    const fn shape(self) -> (u32, i64, u32) {
        match self {
            Reach::Branch26 => (26, 4, 0),
            Reach::Branch19 | Reach::Load19 => (19, 4, 5),
            Reach::Branch14 => (14, 4, 5),
            Reach::Address21 => (21, 1, 5),
            Reach::Page21 => (21, 4096, 5),
        }
    }

    /// The largest distance ahead.
    pub const fn ahead(self) -> i64 {
        let (bits, unit, _) = self.shape();
        ((1 << (bits - 1)) - 1) * unit
    }

    /// Whether `distance` can be encoded.
    pub const fn contains(self, distance: i64) -> bool {
        let (bits, unit, _) = self.shape();
        distance % unit == 0 && distance <= self.ahead() && distance >= -(1 << (bits - 1)) * unit
    }

    /// The fields that hold the distance.
    pub(crate) const fn fields(self) -> &'static [Field] {
        match self {
            Reach::Branch26 => &[Field::Imm26],
            Reach::Branch19 | Reach::Load19 => &[Field::Imm19],
            Reach::Branch14 => &[Field::Imm14],
            Reach::Address21 | Reach::Page21 => &[Field::ImmLow, Field::ImmHigh],
        }
    }

    /// `word` with `distance`, which is in reach.
    pub(crate) const fn patch(self, word: u32, distance: i64) -> u32 {
        debug_assert!(self.contains(distance), "a distance that cannot be encoded");
        let (bits, unit, shift) = self.shape();
        let value = (distance / unit) as u32;
        match self {
            Reach::Address21 | Reach::Page21 => {
                let cleared = word & !(0b11 << 29 | 0x7FFFF << 5);
                cleared | (value & 0b11) << 29 | (value >> 2 & 0x7FFFF) << 5
            }
            _ => {
                let mask = (1 << bits) - 1;
                word & !(mask << shift) | (value & mask) << shift
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_distances_are_those_that_the_bits_hold() {
        for (reach, bits, unit) in [
            (Reach::Branch26, 26, 4),
            (Reach::Branch19, 19, 4),
            (Reach::Branch14, 14, 4),
            (Reach::Load19, 19, 4),
            (Reach::Address21, 21, 1),
            (Reach::Page21, 21, 4096),
        ] {
            let half = unit << (bits - 1);
            assert_eq!(reach.ahead(), half - unit, "{reach:?}");
            assert!(reach.contains(half - unit) && reach.contains(-half));
            assert!(!reach.contains(half) && !reach.contains(-half - unit));
            assert_eq!(reach.contains(half - 2 * unit + 1), unit == 1);
        }
    }
}
