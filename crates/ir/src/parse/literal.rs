//! Integer and float constants: their spelling, and their range by type.

use super::cursor::{Cursor, Parsed};
use super::lexer::{Shortened, Token};
use crate::diagnostic::{Diagnostic, Span};
use crate::print::sign_extend;
use crate::types::Type;

impl Cursor<'_> {
    /// A constant of a number type, as bits: an integer sign-extended, an `f32` in the low half.
    /// Returns `None` for types that are no numbers.
    pub(super) fn number(&mut self, ty: Type) -> Parsed<Option<u64>> {
        if ty.is_float() {
            return self.float(ty).map(Some);
        }
        if ty.is_int() {
            return self.integer(ty).map(|number| Some(number as u64));
        }
        Ok(None)
    }

    /// An integer, signed or unsigned within the width of the type, or `0x` and digits.
    pub(super) fn integer(&mut self, ty: Type) -> Parsed<i64> {
        let Token::Number(text) = self.token else {
            return self.expected(format_args!("an integer of type {ty}"));
        };
        let number = match text.strip_prefix("0x") {
            Some(digits) if digits.bytes().all(|b| b.is_ascii_hexdigit()) => {
                i128::from_str_radix(digits, 16)
            }
            Some(_) => return self.expected(format_args!("an integer of type {ty}")),
            None => text.parse::<i128>(),
        };
        let number = match number {
            Ok(number) => number,
            Err(error) => match error.kind() {
                std::num::IntErrorKind::PosOverflow | std::num::IntErrorKind::NegOverflow => {
                    return Err(out_of_range(self.span, text, ty));
                }
                _ => return self.expected(format_args!("an integer of type {ty}")),
            },
        };
        let bits = ty.bits();
        if number < -(1i128 << (bits - 1)) || number >= 1i128 << bits {
            return Err(out_of_range(self.span, text, ty));
        }
        self.bump();
        Ok(sign_extend(ty, number as u64))
    }

    /// The bits of a vector: `0x` and up to 32 hexadecimal digits.
    pub(super) fn vector(&mut self) -> Parsed<u128> {
        let bits = match self.token {
            Token::Number(text) => vector_bits(text),
            _ => None,
        };
        let Some(bits) = bits else {
            return self.expected("the bits of a vector, `0x` and at most 32 hexadecimal digits");
        };
        self.bump();
        Ok(bits)
    }

    /// A float: decimal, `inf`, `-inf` or `nan:` and all its bits.
    pub(super) fn float(&mut self, ty: Type) -> Parsed<u64> {
        let text = match self.token {
            Token::Word("nan") => return self.nan(ty),
            Token::Word(text @ "inf") | Token::Number(text) => text,
            _ => return self.expected(format_args!("a float of type {ty}")),
        };
        // Rust's parser also takes words that are no numbers of this format.
        let infinite = matches!(text, "inf" | "-inf");
        let decimal = text
            .trim_start_matches('-')
            .starts_with(|c: char| c.is_ascii_digit());
        let (bits, finite) = match ty {
            Type::F32 => {
                let value = text.parse::<f32>().ok();
                (
                    value.map(|v| u64::from(v.to_bits())),
                    value.is_some_and(f32::is_finite),
                )
            }
            _ => {
                let value = text.parse::<f64>().ok();
                (value.map(f64::to_bits), value.is_some_and(f64::is_finite))
            }
        };
        match bits {
            Some(bits) if infinite || (decimal && finite) => {
                self.bump();
                Ok(bits)
            }
            Some(_) if decimal => Err(out_of_range(self.span, text, ty)),
            _ => self.expected(format_args!("a float of type {ty}")),
        }
    }

    fn nan(&mut self, ty: Type) -> Parsed<u64> {
        self.bump();
        self.expect(':')?;
        let bits = match self.token {
            Token::Number(text) => text
                .strip_prefix("0x")
                .filter(|digits| digits.len() <= 16)
                .and_then(|digits| u64::from_str_radix(digits, 16).ok()),
            _ => None,
        };
        let Some(bits) = bits else {
            return self.expected("the bits of the NaN, as in `0x7ff8000000000000`");
        };
        let is_nan = match ty {
            Type::F32 => u32::try_from(bits).is_ok_and(|bits| f32::from_bits(bits).is_nan()),
            _ => f64::from_bits(bits).is_nan(),
        };
        if !is_nan {
            let message = format!("{bits:#x} is not the bits of a NaN of type {ty}");
            return Err(Diagnostic::at(self.span, message));
        }
        self.bump();
        Ok(bits)
    }
}

/// The bits of a vector from `0x` and hexadecimal digits, if that is what the text is.
pub(crate) fn vector_bits(text: &str) -> Option<u128> {
    let digits = text.strip_prefix("0x")?;
    let hexadecimal = digits.bytes().all(|b| b.is_ascii_hexdigit());
    (hexadecimal && digits.len() <= 32).then(|| u128::from_str_radix(digits, 16).ok())?
}

fn out_of_range(span: Span, text: &str, ty: Type) -> Diagnostic {
    let message = format!("`{}` is out of the range of {ty}", Shortened(text));
    Diagnostic::at(span, message)
}
