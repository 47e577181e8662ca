//! Conversions between integer and float types. Each takes the type of its operand, the type of
//! its result, and bits; integers are held sign-extended, an `f32` in the low half.

use crate::float::{bits32, bits64, widened};
use crate::integer::{narrow, unsigned};
use enjamb_ir::{TrapCode, Type};

/// What the operation table holds for a conversion.
pub(crate) type Conversion = fn(Type, Type, u64) -> Result<u64, TrapCode>;

pub(crate) fn sextend(_: Type, _: Type, a: u64) -> Result<u64, TrapCode> {
    Ok(a)
}

pub(crate) fn uextend(from: Type, _: Type, a: u64) -> Result<u64, TrapCode> {
    Ok(unsigned(from.bits(), a as i64))
}

pub(crate) fn ireduce(_: Type, to: Type, a: u64) -> Result<u64, TrapCode> {
    Ok(narrow(to.bits(), a as i64) as u64)
}

pub(crate) fn fpromote(_: Type, _: Type, a: u64) -> Result<u64, TrapCode> {
    Ok(bits64(widened(Type::F32, a)))
}

pub(crate) fn fdemote(_: Type, _: Type, a: u64) -> Result<u64, TrapCode> {
    Ok(bits32(f64::from_bits(a) as f32))
}

pub(crate) fn from_sint(_: Type, to: Type, a: u64) -> Result<u64, TrapCode> {
    let integer = a as i64;
    Ok(match to {
        Type::F32 => bits32(integer as f32),
        _ => bits64(integer as f64),
    })
}

pub(crate) fn from_uint(from: Type, to: Type, a: u64) -> Result<u64, TrapCode> {
    let integer = unsigned(from.bits(), a as i64);
    Ok(match to {
        Type::F32 => bits32(integer as f32),
        _ => bits64(integer as f64),
    })
}

/// The saturating casts of Rust are the meaning of the saturating conversions.
pub(crate) fn to_sint_saturating(from: Type, to: Type, a: u64) -> Result<u64, TrapCode> {
    let float = widened(from, a);
    Ok(match to {
        Type::I32 => i64::from(float as i32) as u64,
        _ => float as i64 as u64,
    })
}

pub(crate) fn to_uint_saturating(from: Type, to: Type, a: u64) -> Result<u64, TrapCode> {
    let float = widened(from, a);
    Ok(match to {
        Type::I32 => narrow(32, i64::from(float as u32)) as u64,
        _ => float as u64,
    })
}

/// Whether the truncated float lies in `low..high`. The bounds are powers of two, so they are
/// exact; a NaN lies nowhere.
fn in_range(float: f64, low: f64, high: f64) -> Result<(), TrapCode> {
    let truncated = float.trunc();
    if truncated >= low && truncated < high {
        Ok(())
    } else {
        Err(TrapCode::InvalidConversion)
    }
}

/// Two to the power of `bits`.
fn power(bits: u32) -> f64 {
    2.0_f64.powi(bits as i32)
}

pub(crate) fn to_sint(from: Type, to: Type, a: u64) -> Result<u64, TrapCode> {
    let bound = power(to.bits() - 1);
    in_range(widened(from, a), -bound, bound)?;
    to_sint_saturating(from, to, a)
}

pub(crate) fn to_uint(from: Type, to: Type, a: u64) -> Result<u64, TrapCode> {
    in_range(widened(from, a), 0.0, power(to.bits()))?;
    to_uint_saturating(from, to, a)
}

pub(crate) fn bitcast(from: Type, to: Type, a: u64) -> Result<u64, TrapCode> {
    Ok(match (from.is_int(), to.is_int()) {
        (true, false) => unsigned(from.bits(), a as i64),
        (false, true) => narrow(to.bits(), a as i64) as u64,
        _ => a,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sint(x: f64) -> Result<u64, TrapCode> {
        to_sint(Type::F64, Type::I32, x.to_bits())
    }

    #[test]
    fn trapping_conversions_know_their_exact_bounds() {
        assert_eq!(sint(2_147_483_647.9), Ok(2_147_483_647));
        assert_eq!(sint(2_147_483_648.0), Err(TrapCode::InvalidConversion));
        assert_eq!(sint(-2_147_483_648.9), Ok(-2_147_483_648_i64 as u64));
        assert_eq!(sint(-2_147_483_649.0), Err(TrapCode::InvalidConversion));
        assert_eq!(sint(f64::NAN), Err(TrapCode::InvalidConversion));
        let uint = |x: f64| to_uint(Type::F64, Type::I64, x.to_bits());
        assert_eq!(uint(-0.9), Ok(0));
        assert_eq!(
            uint(18_446_744_073_709_549_568.0),
            Ok(18_446_744_073_709_549_568)
        );
        assert_eq!(
            uint(18_446_744_073_709_551_616.0),
            Err(TrapCode::InvalidConversion)
        );
    }

    #[test]
    fn results_of_i32_are_held_sign_extended() {
        let bits = 4_294_967_295.0_f64.to_bits();
        assert_eq!(to_uint(Type::F64, Type::I32, bits), Ok(u64::MAX));
        assert_eq!(
            bitcast(Type::F32, Type::I32, 0x8000_0000),
            Ok(0xffff_ffff_8000_0000)
        );
        assert_eq!(bitcast(Type::I32, Type::F32, u64::MAX), Ok(0xffff_ffff));
    }

    #[test]
    fn integers_round_once_on_their_way_to_f32() {
        // Through f64 this would round twice, to 0x5e80_0000.
        let integer = 0x4000_0040_0000_0001_u64;
        assert_eq!(from_uint(Type::I64, Type::F32, integer), Ok(0x5e80_0001));
    }
}
