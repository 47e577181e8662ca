//! Physical registers, operand widths and register classes.

use std::fmt;

/// A physical register: 0..=30 are the general registers, 31 is the zero register, 32..=63 are the
/// SIMD and floating-point registers, and 64 is the stack pointer.
///
/// In an instruction the number 31 of a general register means the zero register or the stack
/// pointer, which one depends on the place (architecture manual, C1.2.5). Here they are two
/// registers, and a place takes one of them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reg(pub u8);

macro_rules! register_constants {
    ($($name:ident = $number:literal),* $(,)?) => {
        impl Reg {
            $(
                #[doc = concat!("The register `", stringify!($name), "`.")]
                pub const $name: Reg = Reg($number);
            )*
        }
    };
}

register_constants! {
    X0 = 0, X1 = 1, X2 = 2, X3 = 3, X4 = 4, X5 = 5, X6 = 6, X7 = 7, X8 = 8, X9 = 9, X10 = 10,
    X11 = 11, X12 = 12, X13 = 13, X14 = 14, X15 = 15, X16 = 16, X17 = 17, X18 = 18, X19 = 19,
    X20 = 20, X21 = 21, X22 = 22, X23 = 23, X24 = 24, X25 = 25, X26 = 26, X27 = 27, X28 = 28,
    X29 = 29, X30 = 30, ZR = 31,
    V0 = 32, V1 = 33, V2 = 34, V3 = 35, V4 = 36, V5 = 37, V6 = 38, V7 = 39, V8 = 40, V9 = 41,
    V10 = 42, V11 = 43, V12 = 44, V13 = 45, V14 = 46, V15 = 47, V16 = 48, V17 = 49, V18 = 50,
    V19 = 51, V20 = 52, V21 = 53, V22 = 54, V23 = 55, V24 = 56, V25 = 57, V26 = 58, V27 = 59,
    V28 = 60, V29 = 61, V30 = 62, V31 = 63,
    SP = 64,
}

impl Reg {
    /// The number of registers; valid registers are below it.
    pub const COUNT: u8 = 65;

    /// The frame pointer of the procedure call standard.
    pub const FP: Reg = Reg::X29;

    /// The register that calls leave the return address in.
    pub const LR: Reg = Reg::X30;

    /// The general register with the number `number & 31`; 31 is the zero register.
    pub const fn gpr(number: u8) -> Reg {
        Reg(number & 31)
    }

    /// The SIMD and floating-point register with the number `number & 31`.
    pub const fn vector(number: u8) -> Reg {
        Reg(32 + (number & 31))
    }

    /// Whether this is a general register, the zero register or the stack pointer.
    pub const fn is_gpr(self) -> bool {
        self.0 < 32 || self.0 == Reg::SP.0
    }

    /// Whether this is a SIMD and floating-point register.
    pub const fn is_vector(self) -> bool {
        self.0 >= 32 && self.0 < 64
    }

    /// The five bits that stand for the register in an instruction.
    pub const fn encoding(self) -> u8 {
        if self.0 == Reg::SP.0 { 31 } else { self.0 & 31 }
    }

    /// The class that the register belongs to.
    pub const fn class(self) -> RegClass {
        if self.is_gpr() {
            RegClass::Gpr
        } else {
            RegClass::Vector
        }
    }

    /// The register's name when `width` of it is used, as in `w3`, `sp`, `xzr` or `d7`. A general
    /// register has two names, for 64 bits and for everything narrower.
    pub fn name(self, width: Width) -> RegisterName {
        RegisterName(self, width)
    }
}

impl fmt::Display for Reg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_vector() {
            write!(f, "v{}", self.encoding())
        } else {
            self.name(Width::B64).fmt(f)
        }
    }
}

impl fmt::Debug for Reg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The name by which some width of a register is used; it is made for its `Display`.
#[derive(Clone, Copy, Debug)]
pub struct RegisterName(Reg, Width);

impl fmt::Display for RegisterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RegisterName(register, width) = *self;
        if register.is_vector() {
            let letter = match width {
                Width::B8 => 'b',
                Width::B16 => 'h',
                Width::B32 => 's',
                Width::B64 => 'd',
                Width::B128 => 'q',
            };
            return write!(f, "{letter}{}", register.encoding());
        }
        let is_narrow = width < Width::B64;
        match (register, is_narrow) {
            (Reg::SP, false) => f.write_str("sp"),
            (Reg::SP, true) => f.write_str("wsp"),
            (Reg::ZR, false) => f.write_str("xzr"),
            (Reg::ZR, true) => f.write_str("wzr"),
            (_, false) => write!(f, "x{}", register.encoding()),
            (_, true) => write!(f, "w{}", register.encoding()),
        }
    }
}

/// A register file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RegClass {
    /// The general registers.
    Gpr,
    /// The SIMD and floating-point registers.
    Vector,
}

/// How much of a register or of memory an operand is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Width {
    /// 8 bits.
    B8,
    /// 16 bits.
    B16,
    /// 32 bits.
    B32,
    /// 64 bits.
    B64,
    /// 128 bits.
    B128,
}

impl Width {
    /// The width in bytes.
    pub const fn bytes(self) -> u8 {
        1 << self as u8
    }

    /// The width in bits.
    pub const fn bits(self) -> u8 {
        self.bytes() * 8
    }

    /// The width of `bytes` bytes, if there is one.
    pub const fn from_bytes(bytes: u32) -> Option<Width> {
        match bytes {
            1 => Some(Width::B8),
            2 => Some(Width::B16),
            4 => Some(Width::B32),
            8 => Some(Width::B64),
            16 => Some(Width::B128),
            _ => None,
        }
    }

    /// The logarithm of the width in bytes: the amount that scales an index.
    pub const fn scale(self) -> u8 {
        self as u8
    }
}
