//! Constants and strings as text: whatever is written here reads back to the same bits.

use crate::types::Type;
use std::fmt::{self, Formatter, Write};

/// Writes the bits of a float: the shortest decimal that reads back, a NaN with all its bits.
///
/// The `Debug` form of Rust's floats is shortest round-trip and always shows a point or exponent.
pub(super) fn write_float(f: &mut Formatter<'_>, ty: Type, bits: u64) -> fmt::Result {
    if ty == Type::F32 {
        let value = f32::from_bits(bits as u32);
        if value.is_nan() {
            return write!(f, "nan:{:#010x}", bits as u32);
        }
        return write!(f, "{value:?}");
    }
    let value = f64::from_bits(bits);
    if value.is_nan() {
        return write!(f, "nan:{bits:#018x}");
    }
    write!(f, "{value:?}")
}

/// A number of a type as the text format writes constants: integers signed, floats shortest.
///
/// `bits` holds an integer sign-extended and an `f32` in its low half.
#[derive(Clone, Copy, Debug)]
pub struct DisplayNumber {
    /// The type of the number.
    pub ty: Type,
    /// Its bits.
    pub bits: u64,
}

impl fmt::Display for DisplayNumber {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.ty {
            Type::F32 | Type::F64 => write_float(f, self.ty, self.bits),
            ty => write!(f, "{}", sign_extend(ty, self.bits)),
        }
    }
}

/// The low bits that a type has, sign-extended.
pub(crate) fn sign_extend(ty: Type, bits: u64) -> i64 {
    let unused = 64 - ty.bits();
    ((bits << unused) as i64) >> unused
}

/// Writes bytes as a quoted string: letters and digits of any script as they are, the rest escaped.
pub(super) fn write_string(f: &mut Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    f.write_str("\"")?;
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\n' => f.write_str("\\n")?,
                '\t' => f.write_str("\\t")?,
                '"' | '\\' => write!(f, "\\{c}")?,
                ' '..='~' => f.write_char(c)?,
                _ if c.is_alphanumeric() => f.write_char(c)?,
                _ => {
                    let mut buffer = [0; 4];
                    write_hex(f, c.encode_utf8(&mut buffer).as_bytes())?;
                }
            }
        }
        write_hex(f, chunk.invalid())?;
    }
    f.write_str("\"")
}

fn write_hex(f: &mut Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "\\{byte:02x}"))
}
