//! Rust types that stand for types of the IR.

use crate::objects::Ref;
use enjamb_ir::{Type, Val};
use std::num::NonZeroU64;

/// A Rust number or reference that is passed to and from functions.
///
/// Unsigned integers stand for the same type of the IR as signed ones: `u64` and `i64` are `i64`
/// there; `bool` is an `i8` that is 0 or not, `u128` a `v128`, `Option<Ref>` a `ref`.
pub trait HostValue: Copy + Send + Unpin + sealed::Sealed + 'static {
    /// The type of the IR.
    const TYPE: Type;
    /// The number in 128 bits, the low ones: what a buffer of words holds.
    fn to_bits(self) -> u128;
    /// The number in 128 bits; what stands above its type means nothing.
    fn from_bits(bits: u128) -> Self;
}

impl sealed::Sealed for Option<Ref> {}
impl HostValue for Option<Ref> {
    const TYPE: Type = Type::Ref;
    fn to_bits(self) -> u128 {
        self.map_or(0, |reference| reference.0.get().into())
    }
    fn from_bits(bits: u128) -> Self {
        NonZeroU64::new(bits as u64).map(Ref)
    }
}
impl HostValues for Option<Ref> {
    fn types() -> Vec<Type> {
        vec![Type::Ref]
    }
    fn write(self, words: &mut [u64]) {
        put(self, words);
    }
    fn read(mut words: &[u64]) -> Self {
        take(&mut words)
    }
}

/// No number, one, or a tuple of up to twelve: the parameters or the results of a function.
pub trait HostValues: sealed::Sealed + Send + Unpin + Sized + 'static {
    /// Their types.
    fn types() -> Vec<Type>;
    /// Puts them into the first words of a buffer.
    fn write(self, words: &mut [u64]);
    /// Takes them from the first words of a buffer.
    fn read(words: &[u64]) -> Self;
}

mod sealed {
    /// Keeps the traits of this module closed.
    pub trait Sealed {}
}

/// Puts a number into the first words and gives back those behind it.
fn put<T: HostValue>(number: T, words: &mut [u64]) -> &mut [u64] {
    let (own, behind) = words.split_at_mut(T::TYPE.words());
    let bits = number.to_bits();
    own[0] = bits as u64;
    if let Some(high) = own.get_mut(1) {
        *high = (bits >> 64) as u64;
    }
    behind
}

/// Takes a number from the first words and goes on behind it.
fn take<T: HostValue>(words: &mut &[u64]) -> T {
    let (own, behind) = words.split_at(T::TYPE.words());
    *words = behind;
    let high = own.get(1).copied().unwrap_or(0);
    T::from_bits(u128::from(high) << 64 | u128::from(own[0]))
}

macro_rules! numbers {
    ($($number:ty: $variant:ident, |$value:ident| $to:expr, |$bits:ident| $from:expr;)*) => { $(
        impl sealed::Sealed for $number {}
        impl HostValue for $number {
            const TYPE: Type = Type::$variant;
            fn to_bits(self) -> u128 {
                let $value = self;
                Val::$variant($to).to_bits()
            }
            fn from_bits(bits: u128) -> Self {
                let $bits = bits;
                $from
            }
        }
        impl HostValues for $number {
            fn types() -> Vec<Type> {
                vec![Self::TYPE]
            }
            fn write(self, words: &mut [u64]) {
                put(self, words);
            }
            fn read(words: &[u64]) -> Self {
                take(&mut &words[..])
            }
        }
    )* };
}

numbers! {
    bool: I8, |value| i8::from(value), |bits| bits as u8 != 0;
    i8: I8, |value| value, |bits| bits as i8;
    u8: I8, |value| value as i8, |bits| bits as u8;
    i16: I16, |value| value, |bits| bits as i16;
    u16: I16, |value| value as i16, |bits| bits as u16;
    i32: I32, |value| value, |bits| bits as i32;
    u32: I32, |value| value as i32, |bits| bits as u32;
    i64: I64, |value| value, |bits| bits as i64;
    u64: I64, |value| value as i64, |bits| bits as u64;
    u128: V128, |value| value, |bits| bits;
    f32: F32, |value| value.to_bits(), |bits| f32::from_bits(bits as u32);
    f64: F64, |value| value.to_bits(), |bits| f64::from_bits(bits as u64);
}

macro_rules! tuples {
    ($(($($name:ident $index:tt),*))*) => { $(
        impl<$($name: HostValue),*> sealed::Sealed for ($($name,)*) {}
        #[allow(unused_mut, unused_variables, clippy::unused_unit, reason = "the empty tuple reads and writes nothing")]
        impl<$($name: HostValue),*> HostValues for ($($name,)*) {
            fn types() -> Vec<Type> {
                vec![$($name::TYPE),*]
            }
            fn write(self, words: &mut [u64]) {
                $(let words = put(self.$index, words);)*
            }
            fn read(mut words: &[u64]) -> Self {
                ($(take::<$name>(&mut words),)*)
            }
        }
    )* };
}

tuples! {
    ()
    (A 0)
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
    (A 0, B 1, C 2, D 3, E 4)
    (A 0, B 1, C 2, D 3, E 4, F 5)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_hold_what_their_type_says() {
        assert_eq!(<(i8, u16, f32)>::types(), [Type::I8, Type::I16, Type::F32]);
        let mut words = [0; 4];
        (-1_i8, u16::MAX, -0.5_f32, true).write(&mut words);
        assert_eq!(words, [u64::MAX, u64::MAX, 0xbf00_0000, 1]);
        assert_eq!(<(u8, i16, f32, bool)>::read(&words), (255, -1, -0.5, true));
        assert_eq!(<(u128, u8)>::types(), [Type::V128, Type::I8]);
        (3_u128 << 64 | 2, 5_u8).write(&mut words);
        assert_eq!(words[..3], [2, 3, 5]);
        assert_eq!(<(u8, u128)>::read(&words), (2, 5 << 64 | 3));
        assert_eq!(
            u32::read(&[0xdead_beef_0000_0007]),
            7,
            "upper bits mean nothing"
        );
    }
}
