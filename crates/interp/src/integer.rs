//! Integer operations on values of any width.
//!
//! An integer is held sign-extended to 64 bits. Functions take the width in bits and may leave
//! anything above it in their result: the caller narrows it with [`narrow`].

use enjamb_ir::{IntCond, TrapCode};

/// The integer of `bits` bits that the low bits of `value` are, sign-extended.
pub(crate) fn narrow(bits: u32, value: i64) -> i64 {
    let unused = 64 - bits;
    (value << unused) >> unused
}

/// The value as an unsigned integer.
pub(crate) fn unsigned(bits: u32, value: i64) -> u64 {
    let unused = 64 - bits;
    ((value as u64) << unused) >> unused
}

pub(crate) fn add(_: u32, a: i64, b: i64) -> i64 {
    a.wrapping_add(b)
}

pub(crate) fn sub(_: u32, a: i64, b: i64) -> i64 {
    a.wrapping_sub(b)
}

pub(crate) fn mul(_: u32, a: i64, b: i64) -> i64 {
    a.wrapping_mul(b)
}

pub(crate) fn umulhi(bits: u32, a: i64, b: i64) -> i64 {
    let product = u128::from(unsigned(bits, a)) * u128::from(unsigned(bits, b));
    (product >> bits) as i64
}

pub(crate) fn smulhi(bits: u32, a: i64, b: i64) -> i64 {
    ((i128::from(a) * i128::from(b)) >> bits) as i64
}

pub(crate) fn udiv(bits: u32, a: i64, b: i64) -> Result<i64, TrapCode> {
    match unsigned(bits, b) {
        0 => Err(TrapCode::DivisionByZero),
        divisor => Ok((unsigned(bits, a) / divisor) as i64),
    }
}

pub(crate) fn sdiv(bits: u32, a: i64, b: i64) -> Result<i64, TrapCode> {
    if b == 0 {
        Err(TrapCode::DivisionByZero)
    } else if b == -1 && a == narrow(bits, 1 << (bits - 1)) {
        Err(TrapCode::IntegerOverflow)
    } else {
        Ok(a / b)
    }
}

pub(crate) fn urem(bits: u32, a: i64, b: i64) -> Result<i64, TrapCode> {
    match unsigned(bits, b) {
        0 => Err(TrapCode::DivisionByZero),
        divisor => Ok((unsigned(bits, a) % divisor) as i64),
    }
}

pub(crate) fn srem(_: u32, a: i64, b: i64) -> Result<i64, TrapCode> {
    match b {
        0 => Err(TrapCode::DivisionByZero),
        divisor => Ok(a.wrapping_rem(divisor)),
    }
}

pub(crate) fn neg(_: u32, a: i64) -> i64 {
    a.wrapping_neg()
}

pub(crate) fn umin(bits: u32, a: i64, b: i64) -> i64 {
    unsigned(bits, a).min(unsigned(bits, b)) as i64
}

pub(crate) fn umax(bits: u32, a: i64, b: i64) -> i64 {
    unsigned(bits, a).max(unsigned(bits, b)) as i64
}

pub(crate) fn smin(_: u32, a: i64, b: i64) -> i64 {
    a.min(b)
}

pub(crate) fn smax(_: u32, a: i64, b: i64) -> i64 {
    a.max(b)
}

/// A shift amount: it counts modulo the width, which is a power of two.
fn amount(bits: u32, value: i64) -> u32 {
    value as u32 & (bits - 1)
}

pub(crate) fn shl(bits: u32, a: i64, b: i64) -> i64 {
    a << amount(bits, b)
}

pub(crate) fn ushr(bits: u32, a: i64, b: i64) -> i64 {
    (unsigned(bits, a) >> amount(bits, b)) as i64
}

pub(crate) fn sshr(bits: u32, a: i64, b: i64) -> i64 {
    a >> amount(bits, b)
}

pub(crate) fn rotl(bits: u32, a: i64, b: i64) -> i64 {
    let (value, left) = (unsigned(bits, a), amount(bits, b));
    match left {
        0 => a,
        _ => ((value << left) | (value >> (bits - left))) as i64,
    }
}

pub(crate) fn rotr(bits: u32, a: i64, b: i64) -> i64 {
    rotl(bits, a, b.wrapping_neg())
}

pub(crate) fn clz(bits: u32, a: i64) -> i64 {
    i64::from(unsigned(bits, a).leading_zeros() - (64 - bits))
}

pub(crate) fn ctz(bits: u32, a: i64) -> i64 {
    i64::from(unsigned(bits, a).trailing_zeros().min(bits))
}

pub(crate) fn popcnt(bits: u32, a: i64) -> i64 {
    i64::from(unsigned(bits, a).count_ones())
}

/// Whether a condition holds for two integers. Sign extension keeps the unsigned order too.
pub(crate) fn compare(condition: IntCond, a: i64, b: i64) -> bool {
    let (ua, ub) = (a as u64, b as u64);
    match condition {
        IntCond::Equal => a == b,
        IntCond::NotEqual => a != b,
        IntCond::SignedLess => a < b,
        IntCond::SignedLessEqual => a <= b,
        IntCond::SignedGreater => a > b,
        IntCond::SignedGreaterEqual => a >= b,
        IntCond::UnsignedLess => ua < ub,
        IntCond::UnsignedLessEqual => ua <= ub,
        IntCond::UnsignedGreater => ua > ub,
        IntCond::UnsignedGreaterEqual => ua >= ub,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narrow_integers_wrap_at_their_width() {
        assert_eq!(narrow(8, add(8, 127, 1)), -128);
        assert_eq!(narrow(16, mul(16, 300, 300)), 90_000 - 65_536);
        assert_eq!(narrow(8, neg(8, -128)), -128);
        assert_eq!(narrow(8, sub(8, -128, 1)), 127);
    }

    #[test]
    fn division_names_its_traps() {
        for bits in [8, 16, 32, 64] {
            let least = narrow(bits, 1 << (bits - 1));
            assert_eq!(sdiv(bits, least, -1), Err(TrapCode::IntegerOverflow));
            assert_eq!(sdiv(bits, least, 0), Err(TrapCode::DivisionByZero));
            assert_eq!(srem(bits, least, -1), Ok(0));
            assert_eq!(urem(bits, 5, 0), Err(TrapCode::DivisionByZero));
        }
        assert_eq!(udiv(8, -1, 16), Ok(15));
    }

    #[test]
    fn rotations_and_shifts_take_amounts_modulo_the_width() {
        for bits in [8, 16, 32, 64] {
            let value = narrow(bits, 0x1234_5678_9abc_def1);
            for by in [0, 1, 5, i64::from(bits), -3] {
                let there = narrow(bits, rotl(bits, value, by));
                assert_eq!(narrow(bits, rotr(bits, there, by)), value);
            }
            assert_eq!(
                ushr(bits, value, i64::from(bits)),
                unsigned(bits, value) as i64
            );
        }
    }

    #[test]
    fn high_halves_of_products() {
        assert_eq!(narrow(64, umulhi(64, -1, -1)), -2);
        assert_eq!(narrow(64, smulhi(64, i64::MIN, i64::MIN)), 1 << 62);
        assert_eq!(narrow(32, umulhi(32, -1, -1)), -2);
        assert_eq!(narrow(32, smulhi(32, -1, 2)), -1);
    }

    #[test]
    fn counts_see_the_width_only() {
        assert_eq!((clz(8, 0), ctz(8, 0), popcnt(8, -1)), (8, 8, 8));
        assert_eq!((clz(64, 0), ctz(64, 0), popcnt(64, -1)), (64, 64, 64));
    }
}
