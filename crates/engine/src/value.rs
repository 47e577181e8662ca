//! Rust types that stand for types of the IR.

use enjamb_ir::{Type, Val};

/// A Rust number that is passed to and from functions.
///
/// Unsigned integers stand for the same type of the IR as signed ones: `u64` and `i64` are `i64`
/// there; `bool` is an `i8` that is 0 or not.
pub trait HostValue: Copy + sealed::Sealed + 'static {
    /// The type of the IR.
    const TYPE: Type;
    /// The number as a word of an argument buffer.
    fn to_word(self) -> u64;
    /// The number in a word of a result buffer.
    fn from_word(word: u64) -> Self;
}

/// No number, one, or a tuple of up to twelve: the parameters or the results of a function.
pub trait HostValues: sealed::Sealed + Sized + 'static {
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

macro_rules! numbers {
    ($($number:ty: $variant:ident, |$value:ident| $to:expr, |$bits:ident| $from:expr;)*) => { $(
        impl sealed::Sealed for $number {}
        impl HostValue for $number {
            const TYPE: Type = Type::$variant;
            fn to_word(self) -> u64 {
                let $value = self;
                Val::$variant($to).to_word()
            }
            fn from_word(word: u64) -> Self {
                // The low bits of the word; what stands above them means nothing.
                let $bits = word;
                $from
            }
        }
        impl HostValues for $number {
            fn types() -> Vec<Type> {
                vec![Self::TYPE]
            }
            fn write(self, words: &mut [u64]) {
                words[0] = self.to_word();
            }
            fn read(words: &[u64]) -> Self {
                Self::from_word(words[0])
            }
        }
    )* };
}

numbers! {
    bool: I8, |value| i8::from(value), |word| word as u8 != 0;
    i8: I8, |value| value, |word| word as i8;
    u8: I8, |value| value as i8, |word| word as u8;
    i16: I16, |value| value, |word| word as i16;
    u16: I16, |value| value as i16, |word| word as u16;
    i32: I32, |value| value, |word| word as i32;
    u32: I32, |value| value as i32, |word| word as u32;
    i64: I64, |value| value, |word| word as i64;
    u64: I64, |value| value as i64, |word| word;
    f32: F32, |value| value.to_bits(), |word| f32::from_bits(word as u32);
    f64: F64, |value| value.to_bits(), |word| f64::from_bits(word);
}

macro_rules! tuples {
    ($(($($name:ident $index:tt),*))*) => { $(
        impl<$($name: HostValue),*> sealed::Sealed for ($($name,)*) {}
        #[allow(unused_variables, clippy::unused_unit, reason = "the empty tuple reads and writes nothing")]
        impl<$($name: HostValue),*> HostValues for ($($name,)*) {
            fn types() -> Vec<Type> {
                vec![$($name::TYPE),*]
            }
            fn write(self, words: &mut [u64]) {
                $(words[$index] = self.$index.to_word();)*
            }
            fn read(words: &[u64]) -> Self {
                ($($name::from_word(words[$index]),)*)
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
        assert_eq!(
            u32::read(&[0xdead_beef_0000_0007]),
            7,
            "upper bits mean nothing"
        );
    }
}
