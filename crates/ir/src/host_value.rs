//! Values as they pass between the host and a function, and as 8-byte words.
//!
//! A vector takes two words, its low half first; every other value takes one. A word holds an integer sign-extended, an `f32` in its low half, a null reference as 0, and a
//! function as its number plus one; where code runs that refers to functions in another way, its
//! runtime translates those. That is how argument buffers and result areas hold values; a word that
//! compiled code wrote may have anything above the bits of its type, which [`Val::from_bits`]
//! ignores.

use crate::entity::{Entity, FuncId};
use crate::parse::vector_bits;
use crate::types::Type;
use std::fmt;

/// A value that a host hands to a function or gets from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Val {
    /// An `i8`.
    I8(i8),
    /// An `i16`.
    I16(i16),
    /// An `i32`.
    I32(i32),
    /// An `i64`.
    I64(i64),
    /// The bits of an `f32`.
    F32(u32),
    /// The bits of an `f64`.
    F64(u64),
    /// The bits of a `v128`, lane 0 the least significant.
    V128(u128),
    /// A handle of the host other than 0, or null.
    Ref(Option<u64>),
    /// A function of the module, or null.
    FuncRef(Option<FuncId>),
    /// A task: an index and a generation.
    Task(u64),
}

/// A text that is no value of the wanted type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseValError {
    text: String,
    ty: Type,
}

impl fmt::Display for ParseValError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no value of type {}", self.text, self.ty)
    }
}

impl std::error::Error for ParseValError {}

impl Val {
    /// A float of type `f32`.
    pub fn f32(value: f32) -> Val {
        Val::F32(value.to_bits())
    }

    /// A float of type `f64`.
    pub fn f64(value: f64) -> Val {
        Val::F64(value.to_bits())
    }

    /// The type of the value.
    pub fn ty(self) -> Type {
        match self {
            Val::I8(_) => Type::I8,
            Val::I16(_) => Type::I16,
            Val::I32(_) => Type::I32,
            Val::I64(_) => Type::I64,
            Val::F32(_) => Type::F32,
            Val::F64(_) => Type::F64,
            Val::V128(_) => Type::V128,
            Val::Ref(_) => Type::Ref,
            Val::FuncRef(_) => Type::FuncRef,
            Val::Task(_) => Type::Task,
        }
    }

    /// The value in 128 bits, of which all but a vector use the low half: what is said about words
    /// above is said about that.
    pub fn to_bits(self) -> u128 {
        let word = match self {
            Val::V128(bits) => return bits,
            Val::I8(value) => i64::from(value) as u64,
            Val::I16(value) => i64::from(value) as u64,
            Val::I32(value) => i64::from(value) as u64,
            Val::I64(value) => value as u64,
            Val::F32(bits) => u64::from(bits),
            Val::F64(word) | Val::Task(word) => word,
            Val::Ref(handle) => handle.unwrap_or(0),
            Val::FuncRef(function) => function.map_or(0, |function| function.index() as u64 + 1),
        };
        word.into()
    }

    /// The value of this type in 128 bits. Of type `addr` or `cont`, which no host ever holds, it
    /// comes out as an `i64`.
    pub fn from_bits(ty: Type, bits: u128) -> Val {
        let word = bits as u64;
        match ty {
            Type::I8 => Val::I8(word as i8),
            Type::I16 => Val::I16(word as i16),
            Type::I32 => Val::I32(word as i32),
            Type::I64 | Type::Addr | Type::Cont => Val::I64(word as i64),
            Type::F32 => Val::F32(word as u32),
            Type::F64 => Val::F64(word),
            Type::V128 => Val::V128(bits),
            Type::Ref => Val::Ref((word != 0).then_some(word)),
            Type::FuncRef => Val::FuncRef((word as usize).checked_sub(1).map(FuncId::from_index)),
            Type::Task => Val::Task(word),
        }
    }

    /// Values as words, one behind the other.
    pub fn to_words(values: &[Val]) -> Vec<u64> {
        let mut words = Vec::with_capacity(values.len());
        for value in values {
            push_words(&mut words, value.ty(), value.to_bits());
        }
        words
    }

    /// The values of these types in words that stand one behind the other.
    pub fn from_words(types: &[Type], words: &[u64]) -> Vec<Val> {
        let values = bits_in_words(types, words);
        values.map(|(ty, bits)| Val::from_bits(ty, bits)).collect()
    }

    /// Reads a number as [`Val`] prints it: integers in signed or unsigned decimal or hexadecimal,
    /// floats as Rust reads them or `nan:0xBITS`; references only as `null`.
    ///
    /// # Errors
    /// If the text is no value of that type, or out of its range.
    pub fn parse(ty: Type, text: &str) -> Result<Val, ParseValError> {
        let bits = match ty {
            Type::I8 | Type::I16 | Type::I32 | Type::I64 => {
                parse_integer(ty.bits(), text).map(u128::from)
            }
            Type::F32 | Type::F64 => parse_float(ty, text).map(u128::from),
            Type::V128 => vector_bits(text),
            Type::Ref | Type::FuncRef => (text == "null").then_some(0),
            Type::Task | Type::Addr | Type::Cont => None,
        };
        bits.map(|bits| Val::from_bits(ty, bits))
            .ok_or_else(|| ParseValError {
                text: text.to_string(),
                ty,
            })
    }
}

/// Appends a value of a type, given in 128 bits, to a buffer of words.
pub fn push_words(words: &mut Vec<u64>, ty: Type, bits: u128) {
    let halves = [bits as u64, (bits >> 64) as u64];
    words.extend_from_slice(&halves[..ty.words()]);
}

/// The values of these types, each with its type in 128 bits, in words that stand one behind the
/// other.
pub fn bits_in_words<'a>(
    types: &'a [Type],
    words: &'a [u64],
) -> impl Iterator<Item = (Type, u128)> + 'a {
    let mut rest = words.iter().copied();
    types.iter().map_while(move |&ty| {
        let low = u128::from(rest.next()?);
        let high = match ty {
            Type::V128 => u128::from(rest.next()?),
            _ => 0,
        };
        Some((ty, high << 64 | low))
    })
}

fn parse_integer(bits: u32, text: &str) -> Option<u64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let magnitude = match digits.strip_prefix("0x") {
        Some(hex) if !hex.starts_with('+') => i128::from(u64::from_str_radix(hex, 16).ok()?),
        _ if digits.starts_with('+') => return None,
        _ => i128::from(digits.parse::<u64>().ok()?),
    };
    let value = if negative { -magnitude } else { magnitude };
    let range = -(1_i128 << (bits - 1))..1_i128 << bits;
    range.contains(&value).then_some(value as u64)
}

fn parse_float(ty: Type, text: &str) -> Option<u64> {
    if let Some(hex) = text.strip_prefix("nan:0x") {
        let bits = u64::from_str_radix(hex, 16).ok()?;
        let is_nan = match ty {
            Type::F32 => f32::from_bits(u32::try_from(bits).ok()?).is_nan(),
            _ => f64::from_bits(bits).is_nan(),
        };
        return is_nan.then_some(bits);
    }
    if ty == Type::F32 {
        let value: f32 = text.parse().ok()?;
        return (!value.is_nan()).then_some(u64::from(value.to_bits()));
    }
    let value: f64 = text.parse().ok()?;
    (!value.is_nan()).then_some(value.to_bits())
}

impl fmt::Display for Val {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Val::Ref(None) | Val::FuncRef(None) => f.write_str("null"),
            Val::Ref(Some(handle)) => write!(f, "ref:{handle:#x}"),
            Val::FuncRef(Some(function)) => write!(f, "{function}"),
            Val::Task(word) => write!(f, "task:{word:#x}"),
            Val::I8(value) => write!(f, "{value}"),
            Val::I16(value) => write!(f, "{value}"),
            Val::I32(value) => write!(f, "{value}"),
            Val::I64(value) => write!(f, "{value}"),
            Val::V128(bits) => write!(f, "{bits:#034x}"),
            Val::F32(bits) => match f32::from_bits(bits) {
                value if value.is_nan() => write!(f, "nan:{bits:#010x}"),
                value => write!(f, "{value:?}"),
            },
            Val::F64(bits) => match f64::from_bits(bits) {
                value if value.is_nan() => write!(f, "nan:{bits:#018x}"),
                value => write!(f, "{value:?}"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_reads_back() {
        let values = [
            Val::I8(-128),
            Val::I16(-1),
            Val::I32(i32::MAX),
            Val::I64(i64::MIN),
            Val::f32(0.1),
            Val::f32(f32::NEG_INFINITY),
            Val::f64(-0.0),
            Val::F64(0xfff8_0000_0000_0001),
            Val::F32(0x7fc0_0000),
            Val::V128(0x8000_0000_0000_0000_0000_0000_0000_0007),
            Val::Ref(None),
            Val::FuncRef(None),
        ];
        let types = values.map(Val::ty);
        let words = Val::to_words(&values);
        assert_eq!(words.len(), values.len() + 1);
        assert_eq!(Val::from_words(&types, &words), values);
        for value in values {
            let text = value.to_string();
            assert_eq!(Val::parse(value.ty(), &text), Ok(value), "{text}");
            assert_eq!(Val::from_bits(value.ty(), value.to_bits()), value);
        }
        let function = Val::FuncRef(Some(FuncId::from_index(0)));
        assert_eq!(Val::from_bits(Type::FuncRef, function.to_bits()), function);
        assert_eq!(Val::f64(1.5).to_string(), "1.5");
        assert_eq!(Val::F32(0x7fc0_0000).to_string(), "nan:0x7fc00000");
    }

    #[test]
    fn words_of_compiled_code_may_have_anything_above() {
        assert_eq!(Val::from_bits(Type::I8, 0xabcd_efff), Val::I8(-1));
        assert_eq!(
            Val::from_bits(Type::F32, 0x1_3f80_0000_u128 | 7 << 40),
            Val::f32(1.0)
        );
    }

    #[test]
    fn numbers_are_checked_against_their_type() {
        assert_eq!(Val::parse(Type::I8, "255"), Ok(Val::I8(-1)));
        assert_eq!(Val::parse(Type::I8, "0x80"), Ok(Val::I8(-128)));
        for text in ["256", "-129", "", "-", "1.0", "+1", "0x+1", "--1"] {
            assert!(Val::parse(Type::I8, text).is_err(), "{text}");
        }
        for text in ["nan", "nan:0x3f800000", "one"] {
            assert!(Val::parse(Type::F32, text).is_err(), "{text}");
        }
        assert_eq!(Val::parse(Type::V128, "0xff"), Ok(Val::V128(255)));
        for text in ["255", "0x", "0x-1", "0x100000000000000000000000000000000"] {
            assert!(Val::parse(Type::V128, text).is_err(), "{text}");
        }
        let message = Val::parse(Type::Task, "1").unwrap_err().to_string();
        assert_eq!(message, "`1` is no value of type task");
    }
}
