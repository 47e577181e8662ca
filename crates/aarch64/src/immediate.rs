//! Which constants instructions can hold, and how.
//!
//! The predicates are for clients that choose between a form with an immediate and one with a
//! register.

use crate::error::OperandProblem;
use crate::register::Width;
use crate::template::{Field, Word};

/// How an immediate is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Immediate {
    /// 12 bits, or 12 bits and 12 zeros.
    Add,
    /// A repeated, rotated run of ones; see [`logical`].
    Logical,
    /// An unsigned number in a field; below the operand's width in bits where the field is a shift
    /// or the number of a bit.
    Unsigned(Field),
    /// The number of a bit of a 64-bit register.
    BitNumber,
    /// A left shift, as the rotation and the end of a run of bits.
    ShiftLeft,
    /// The lowest bit of the field that is written, as a rotation.
    InsertAt,
    /// The size of the field that is written, behind its [`Immediate::InsertAt`].
    InsertSize,
    /// The size of the field that is read, behind its lowest bit.
    ExtractSize,
    /// A float of few bits, given by the bits of its value; see [`float`].
    Float,
    /// Eight bits for every element of a vector register.
    Vector,
    /// 64 bits for both halves of a vector register, each byte zeros or ones; see [`byte_mask`].
    ByteMask,
    /// A float as [`Immediate::Float`] for every element of a vector register.
    VectorFloat,
    /// A shift of elements to the right, by at least one bit and at most all of them.
    ShiftRight(Field),
}

/// The three fields of a logical immediate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logical {
    /// Whether the element has 64 bits.
    pub n: u32,
    /// The rotation to the right.
    pub immr: u32,
    /// The element's size in leading ones, and the number of ones less one.
    pub imms: u32,
}

/// How `value` is written as an immediate of a logical instruction of `width`, if it can be.
///
/// It can if it is made of equal elements of 2, 4, .. 64 bits and each is a rotated run of ones,
/// neither empty nor full (architecture manual, `DecodeBitMasks`). At `Width::B32` the upper half of
/// `value` does not count.
pub fn logical(value: u64, width: Width) -> Option<Logical> {
    let value = match width {
        Width::B64 => value,
        _ => (value & 0xFFFF_FFFF) | value << 32,
    };
    if value == 0 || value == u64::MAX {
        return None;
    }
    // The smallest period that is a power of two.
    let mut size = 64;
    while size > 2 && value.rotate_right(size / 2) == value {
        size /= 2;
    }
    // Rotate until a run of ones starts at bit 0 and the element's highest bit is clear.
    let start = if value & 1 == 1 {
        // A run around the end starts above the highest zero of the element.
        let element = value << (64 - size) >> (64 - size);
        let ones_at_top = (element << (64 - size)).leading_ones();
        (size - ones_at_top) % size
    } else {
        value.trailing_zeros()
    };
    let mask = u64::MAX >> (64 - size);
    let run = value.rotate_right(start) & mask;
    let ones = run.trailing_ones();
    if run != mask >> (size - ones) {
        return None;
    }
    Some(Logical {
        n: u32::from(size == 64),
        immr: (size - start) % size,
        // 11110x for 2 bits, 1110xx for 4, .. 0xxxxx for 32 and xxxxxx for 64.
        imms: (!(2 * size - 1) & 0x3F) | (ones - 1),
    })
}

/// Whether `value` is an immediate of logical instructions of `width`.
pub fn is_logical(value: u64, width: Width) -> bool {
    logical(value, width).is_some()
}

/// Whether `value` is an immediate of additions, subtractions and comparisons.
pub fn is_add(value: i64) -> bool {
    (0..=0xFFF).contains(&value) || (0..=0xFFF_000).contains(&value) && value & 0xFFF == 0
}

/// The eight bits that stand for a float in `fmov`, if it can be written so: ±n/16 × 2^e with n from
/// 16 to 31 and e from −3 to 4 (architecture manual, `VFPExpandImm`). `bits` are the bits of its
/// value at `Width::B32` or `Width::B64`.
pub fn float(bits: u64, width: Width) -> Option<u8> {
    // sign, NOT(e), e repeated, two bits of exponent, four of fraction, zeros
    let (total, exponent) = match width {
        Width::B64 => (64, 11),
        _ => (32, 8),
    };
    let fraction = total - 1 - exponent;
    let sign = bits >> (total - 1) & 1;
    let low = bits >> (fraction - 4) & 0x3F;
    let is_small = bits >> (fraction + 2) & 1;
    let repeated = is_small * ((1 << (exponent - 3)) - 1);
    let exponent_bits = (is_small ^ 1) << (exponent - 3) | repeated;
    let high = sign << (exponent - 2) | exponent_bits;
    let expected = high << (fraction + 2) | low << (fraction - 4);
    (bits == expected).then_some((sign << 7 | is_small << 6 | low) as u8)
}

/// A bit for each byte of `value`, if each is zeros or ones.
pub fn byte_mask(value: u64) -> Option<u8> {
    let mut bytes = value.to_le_bytes().into_iter().zip(0..);
    bytes.try_fold(0, |mask, (byte, bit)| match byte {
        0 => Some(mask),
        0xFF => Some(mask | 1 << bit),
        _ => None,
    })
}

impl Immediate {
    /// The fields that the immediate fills in.
    pub(crate) fn fields(self) -> &'static [Field] {
        match self {
            Immediate::Add => &[Field::Shifted, Field::Imm12],
            Immediate::Logical => &[Field::N, Field::Immr, Field::Imms],
            Immediate::BitNumber => &[Field::BitHigh, Field::BitLow],
            Immediate::ShiftLeft => &[Field::Immr, Field::Imms],
            Immediate::InsertAt => &[Field::Immr],
            Immediate::InsertSize | Immediate::ExtractSize => &[Field::Imms],
            Immediate::Float => &[Field::Imm8],
            Immediate::Vector | Immediate::ByteMask | Immediate::VectorFloat => {
                &[Field::Abc, Field::Defgh]
            }
            Immediate::Unsigned(field) | Immediate::ShiftRight(field) => single(field),
        }
    }

    /// Puts `value` into its fields. `width` is that of the operation.
    pub(crate) fn place(
        self,
        value: i64,
        width: Width,
        word: &mut Word<'_>,
    ) -> Result<(), OperandProblem> {
        let problem = OperandProblem::Immediate { value, width };
        let small = u32::try_from(value);
        let bits = u32::from(width.bits());
        let below = |limit: u32| match small {
            Ok(value) if value < limit => Ok(value),
            _ => Err(problem.clone()),
        };
        match self {
            Immediate::Add => {
                if !is_add(value) {
                    return Err(problem);
                }
                let is_shifted = value > 0xFFF;
                word.set(Field::Shifted, u32::from(is_shifted));
                word.set(
                    Field::Imm12,
                    (value >> if is_shifted { 12 } else { 0 }) as u32,
                );
            }
            Immediate::Logical => {
                let is_extended = u32::try_from(value).is_ok() || i32::try_from(value).is_ok();
                if width == Width::B32 && !is_extended {
                    return Err(problem);
                }
                let logical = logical(value as u64, width).ok_or(problem)?;
                word.set(Field::N, logical.n);
                word.set(Field::Immr, logical.immr);
                word.set(Field::Imms, logical.imms);
            }
            Immediate::Unsigned(field) => {
                let limit = 1 << field.width();
                let is_position = matches!(field, Field::Immr | Field::Imms | Field::BitLow);
                let limit = if is_position { bits.min(limit) } else { limit };
                word.set(field, below(limit)?);
            }
            Immediate::BitNumber => {
                let number = below(bits)?;
                word.set(Field::BitHigh, number >> 5);
                word.set(Field::BitLow, number);
            }
            Immediate::ShiftLeft => {
                let amount = below(bits)?;
                word.set(Field::Immr, (bits - amount) % bits);
                word.set(Field::Imms, bits - 1 - amount);
            }
            Immediate::InsertAt => word.set(Field::Immr, (bits - below(bits)?) % bits),
            Immediate::InsertSize => {
                let lowest = (bits - word.get(Field::Immr)) % bits;
                word.set(
                    Field::Imms,
                    below_from(1, small.ok(), bits - lowest).ok_or(problem)? - 1,
                );
            }
            Immediate::ExtractSize => {
                let lowest = word.get(Field::Immr);
                let size = below_from(1, small.ok(), bits - lowest).ok_or(problem)?;
                word.set(Field::Imms, lowest + size - 1);
            }
            Immediate::Float => {
                let float = float(value as u64, width).ok_or(problem)?;
                word.set(Field::Imm8, u32::from(float));
            }
            Immediate::Vector => split_byte(below(256)?, word),
            Immediate::ByteMask => {
                split_byte(byte_mask(value as u64).ok_or(problem)?.into(), word);
            }
            Immediate::VectorFloat => {
                split_byte(float(value as u64, width).ok_or(problem)?.into(), word);
            }
            Immediate::ShiftRight(field) => {
                let amount = below_from(1, small.ok(), bits).ok_or(problem)?;
                word.set(field, bits - amount);
            }
        }
        Ok(())
    }
}

/// `value` if it is between `first` and `last`.
fn below_from(first: u32, value: Option<u32>, last: u32) -> Option<u32> {
    value.filter(|value| (first..=last).contains(value))
}

/// Puts eight bits into the two fields that vector instructions have for them.
fn split_byte(value: u32, word: &mut Word<'_>) {
    word.set(Field::Abc, value >> 5);
    word.set(Field::Defgh, value);
}

/// The slice of one field.
fn single(field: Field) -> &'static [Field] {
    match field {
        Field::Immr => &[Field::Immr],
        Field::Imms => &[Field::Imms],
        Field::Imm5 => &[Field::Imm5],
        Field::Imm16 => &[Field::Imm16],
        Field::BitLow => &[Field::BitLow],
        Field::Nzcv => &[Field::Nzcv],
        Field::Hint => &[Field::Hint],
        Field::Lane1 => &[Field::Lane1],
        Field::Lane2 => &[Field::Lane2],
        Field::Lane3 => &[Field::Lane3],
        Field::Lane4 => &[Field::Lane4],
        Field::Source1 => &[Field::Source1],
        Field::Source2 => &[Field::Source2],
        Field::Source3 => &[Field::Source3],
        Field::Source4 => &[Field::Source4],
        Field::Shift3 => &[Field::Shift3],
        Field::Shift4 => &[Field::Shift4],
        Field::Shift5 => &[Field::Shift5],
        Field::Shift6 => &[Field::Shift6],
        Field::Bytes1 => &[Field::Bytes1],
        Field::Bytes2 => &[Field::Bytes2],
        Field::Imm4 => &[Field::Imm4],
        Field::Half => &[Field::Half],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    /// `DecodeBitMasks` of the architecture manual.
    fn decode(logical: Logical) -> Option<u64> {
        let Logical { n, immr, imms } = logical;
        let length = 31 - (n << 6 | (!imms & 0x3F)).leading_zeros();
        let size = 1u32 << length;
        let (ones, rotation) = (imms & (size - 1), immr & (size - 1));
        if ones == size - 1 {
            return None;
        }
        let mask = u64::MAX >> (64 - size);
        let run = (1u64 << (ones + 1)) - 1;
        let rotated = (run >> rotation | run.checked_shl(size - rotation).unwrap_or(0)) & mask;
        let copies = u64::MAX / mask;
        Some(rotated * copies)
    }

    /// Every value that the manual's function gives, with the canonical fields of it.
    fn all(width: Width) -> Vec<(u64, Logical)> {
        let mut all = Vec::new();
        for n in 0..=u32::from(width == Width::B64) {
            for imms in 0..64 {
                if n == 0 && imms >= 62 {
                    continue;
                }
                let size = 1 << (31 - (n << 6 | (!imms & 0x3F)).leading_zeros());
                for immr in 0..size {
                    let logical = Logical { n, immr, imms };
                    all.extend(decode(logical).map(|value| (value, logical)));
                }
            }
        }
        all
    }

    #[test]
    fn all_logical_immediates_are_found() {
        for (width, count) in [(Width::B64, 5334), (Width::B32, 1302)] {
            let all = all(width);
            let values: HashSet<u64> = all.iter().map(|(value, _)| *value).collect();
            assert_eq!((all.len(), values.len()), (count, count));
            for (value, expected) in all {
                assert_eq!(logical(value, width), Some(expected), "{value:#x}");
            }
        }
    }

    #[test]
    fn nothing_else_is_a_logical_immediate() {
        let values: HashSet<u64> = all(Width::B64).iter().map(|(value, _)| *value).collect();
        let mut state = 1u64;
        for value in values.iter().copied() {
            for bit in 0..64 {
                let near = value ^ 1 << bit;
                assert_eq!(
                    is_logical(near, Width::B64),
                    values.contains(&near),
                    "{near:#x}"
                );
            }
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            assert_eq!(is_logical(state, Width::B64), values.contains(&state));
        }
        for value in [0, u64::MAX] {
            assert!(!is_logical(value, Width::B64) && !is_logical(value, Width::B32));
        }
    }

    #[test]
    fn floats_of_eight_bits_are_found() {
        let (mut doubles, mut singles) = (HashSet::new(), HashSet::new());
        for imm8 in 0..=255u8 {
            let sign = if imm8 & 0x80 == 0 { 1.0 } else { -1.0 };
            let exponent = i32::from(imm8 >> 4 & 3) - if imm8 & 0x40 == 0 { -1 } else { 3 };
            let value = sign * (16.0 + f64::from(imm8 & 15)) / 16.0 * 2f64.powi(exponent);
            assert_eq!(float(value.to_bits(), Width::B64), Some(imm8), "{value}");
            let single = (value as f32).to_bits();
            assert_eq!(float(single.into(), Width::B32), Some(imm8), "{value}");
            doubles.insert(value.to_bits());
            singles.insert(u64::from(single));
        }
        for value in [
            0.0,
            -0.0,
            0.1,
            32.0,
            0.0625,
            1.03125,
            f64::NAN,
            f64::INFINITY,
            1e300,
        ] {
            assert_eq!(float(value.to_bits(), Width::B64), None, "{value}");
            let single = (value as f32).to_bits();
            assert_eq!(float(single.into(), Width::B32), None, "{value}");
        }
        for bits in doubles
            .iter()
            .flat_map(|value| (0..64).map(move |bit| value ^ 1 << bit))
        {
            assert_eq!(float(bits, Width::B64).is_some(), doubles.contains(&bits));
        }
        for bits in singles
            .iter()
            .flat_map(|value| (0..32).map(move |bit| value ^ 1 << bit))
        {
            assert_eq!(float(bits, Width::B32).is_some(), singles.contains(&bits));
        }
    }

    #[test]
    fn masks_of_bytes_are_found() {
        for mask in 0..=255u8 {
            let bytes = std::array::from_fn(|bit| if mask >> bit & 1 == 0 { 0 } else { 0xFF });
            let value = u64::from_le_bytes(bytes);
            assert_eq!(byte_mask(value), Some(mask));
            for bit in 0..64 {
                assert_eq!(byte_mask(value ^ 1 << bit), None);
            }
        }
    }

    #[test]
    fn additions_take_twelve_bits_at_two_places() {
        for value in [0, 1, 0xFFF, 0x1000, 0xFFF_000, 0x123_000] {
            assert!(is_add(value), "{value:#x}");
        }
        for value in [-1, 0x1001, 0x100_0000, 0xFFF_FFF, i64::MIN] {
            assert!(!is_add(value), "{value:#x}");
        }
    }
}
