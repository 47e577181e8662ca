//! Float operations. A NaN that arithmetic makes is the canonical one; sign operations work on
//! bits, so that they keep the other bits of a NaN.

use enjamb_ir::{FloatCond, Type};

/// The bits of the result of `f32` arithmetic.
pub(crate) fn bits32(value: f32) -> u64 {
    u64::from(if value.is_nan() {
        0x7fc0_0000
    } else {
        value.to_bits()
    })
}

/// The bits of the result of `f64` arithmetic.
pub(crate) fn bits64(value: f64) -> u64 {
    if value.is_nan() {
        0x7ff8_0000_0000_0000
    } else {
        value.to_bits()
    }
}

/// An operation on both float types.
#[derive(Clone, Copy)]
pub(crate) struct Binary {
    pub(crate) f32: fn(f32, f32) -> f32,
    pub(crate) f64: fn(f64, f64) -> f64,
}

impl Binary {
    pub(crate) fn apply(self, ty: Type, a: u64, b: u64) -> u64 {
        match ty {
            Type::F32 => bits32((self.f32)(
                f32::from_bits(a as u32),
                f32::from_bits(b as u32),
            )),
            _ => bits64((self.f64)(f64::from_bits(a), f64::from_bits(b))),
        }
    }
}

/// An operation on both float types.
#[derive(Clone, Copy)]
pub(crate) struct Unary {
    pub(crate) f32: fn(f32) -> f32,
    pub(crate) f64: fn(f64) -> f64,
}

impl Unary {
    pub(crate) fn apply(self, ty: Type, a: u64) -> u64 {
        match ty {
            Type::F32 => bits32((self.f32)(f32::from_bits(a as u32))),
            _ => bits64((self.f64)(f64::from_bits(a))),
        }
    }
}

macro_rules! binary {
    ($name:ident, $a:ident, $b:ident, $body:expr) => {
        pub(crate) const $name: Binary = Binary {
            f32: |$a, $b| $body,
            f64: |$a, $b| $body,
        };
    };
}

macro_rules! unary {
    ($name:ident, $a:ident, $body:expr) => {
        pub(crate) const $name: Unary = Unary {
            f32: |$a| $body,
            f64: |$a| $body,
        };
    };
}

binary!(ADD, a, b, a + b);
binary!(SUB, a, b, a - b);
binary!(MUL, a, b, a * b);
binary!(DIV, a, b, a / b);
// `min` and `max` of the library prefer the number to the NaN and leave the order of zeros open.
binary!(MIN, a, b, {
    if a.is_nan() || b.is_nan() {
        a + b
    } else if a < b || (a == b && a.is_sign_negative()) {
        a
    } else {
        b
    }
});
binary!(MAX, a, b, {
    if a.is_nan() || b.is_nan() {
        a + b
    } else if a > b || (a == b && a.is_sign_positive()) {
        a
    } else {
        b
    }
});
unary!(SQRT, a, a.sqrt());
unary!(CEIL, a, a.ceil());
unary!(FLOOR, a, a.floor());
unary!(TRUNC, a, a.trunc());
unary!(NEAREST, a, a.round_ties_even());

fn sign_bit(ty: Type) -> u64 {
    1 << (ty.bits() - 1)
}

pub(crate) fn neg(ty: Type, a: u64) -> u64 {
    a ^ sign_bit(ty)
}

pub(crate) fn abs(ty: Type, a: u64) -> u64 {
    a & !sign_bit(ty)
}

pub(crate) fn copysign(ty: Type, a: u64, b: u64) -> u64 {
    abs(ty, a) | (b & sign_bit(ty))
}

/// A float of either type as an `f64`, which holds every `f32` exactly.
pub(crate) fn widened(ty: Type, bits: u64) -> f64 {
    match ty {
        Type::F32 => f64::from(f32::from_bits(bits as u32)),
        _ => f64::from_bits(bits),
    }
}

/// Whether a condition holds for two floats.
pub(crate) fn compare(condition: FloatCond, a: f64, b: f64) -> bool {
    match condition {
        FloatCond::Equal => a == b,
        FloatCond::NotEqual => a != b,
        FloatCond::Less => a < b,
        FloatCond::LessEqual => a <= b,
        FloatCond::Greater => a > b,
        FloatCond::GreaterEqual => a >= b,
        FloatCond::Ordered => !a.is_nan() && !b.is_nan(),
        FloatCond::Unordered => a.is_nan() || b.is_nan(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_makes_the_canonical_nan_only() {
        let payload = 0xfff8_dead_beef_0001_u64;
        for operation in [ADD, SUB, MUL, DIV, MIN, MAX] {
            let result = operation.apply(Type::F64, payload, 1.0_f64.to_bits());
            assert_eq!(result, 0x7ff8_0000_0000_0000);
        }
        for operation in [SQRT, CEIL, FLOOR, TRUNC, NEAREST] {
            assert_eq!(operation.apply(Type::F32, 0xffc0_1234), 0x7fc0_0000);
        }
        assert_eq!(
            SQRT.apply(Type::F64, (-1.0_f64).to_bits()),
            0x7ff8_0000_0000_0000
        );
    }

    #[test]
    fn sign_operations_keep_the_bits_of_a_nan() {
        assert_eq!(neg(Type::F32, 0x7fc0_1234), 0xffc0_1234);
        assert_eq!(abs(Type::F64, 0xfff8_0000_0000_0007), 0x7ff8_0000_0000_0007);
        assert_eq!(copysign(Type::F32, 0x7fc0_1234, 0x8000_0000), 0xffc0_1234);
    }

    #[test]
    fn minimum_and_maximum_order_the_zeros() {
        let (zero, minus) = (0.0_f32.to_bits().into(), (-0.0_f32).to_bits().into());
        for (a, b) in [(zero, minus), (minus, zero)] {
            assert_eq!(MIN.apply(Type::F32, a, b), minus);
            assert_eq!(MAX.apply(Type::F32, a, b), zero);
        }
    }

    #[test]
    fn halves_round_to_even() {
        let nearest = |x: f64| f64::from_bits(NEAREST.apply(Type::F64, x.to_bits()));
        assert_eq!(
            [nearest(0.5), nearest(1.5), nearest(-2.5)],
            [0.0, 2.0, -2.0]
        );
    }
}
