//! Physical registers, operand widths and register classes.

use std::fmt;

/// A physical register: 0..=15 are the general registers and 16..=31 the XMM registers, each in
/// the order of its hardware encoding.
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
    RAX = 0, RCX = 1, RDX = 2, RBX = 3, RSP = 4, RBP = 5, RSI = 6, RDI = 7,
    R8 = 8, R9 = 9, R10 = 10, R11 = 11, R12 = 12, R13 = 13, R14 = 14, R15 = 15,
    XMM0 = 16, XMM1 = 17, XMM2 = 18, XMM3 = 19, XMM4 = 20, XMM5 = 21, XMM6 = 22, XMM7 = 23,
    XMM8 = 24, XMM9 = 25, XMM10 = 26, XMM11 = 27, XMM12 = 28, XMM13 = 29, XMM14 = 30, XMM15 = 31,
}

/// One row per general register: its name at 8, 16, 32 and 64 bits.
const GENERAL_NAMES: [[&str; 4]; 16] = [
    ["al", "ax", "eax", "rax"],
    ["cl", "cx", "ecx", "rcx"],
    ["dl", "dx", "edx", "rdx"],
    ["bl", "bx", "ebx", "rbx"],
    ["spl", "sp", "esp", "rsp"],
    ["bpl", "bp", "ebp", "rbp"],
    ["sil", "si", "esi", "rsi"],
    ["dil", "di", "edi", "rdi"],
    ["r8b", "r8w", "r8d", "r8"],
    ["r9b", "r9w", "r9d", "r9"],
    ["r10b", "r10w", "r10d", "r10"],
    ["r11b", "r11w", "r11d", "r11"],
    ["r12b", "r12w", "r12d", "r12"],
    ["r13b", "r13w", "r13d", "r13"],
    ["r14b", "r14w", "r14d", "r14"],
    ["r15b", "r15w", "r15d", "r15"],
];

const XMM_NAMES: [&str; 16] = [
    "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
    "xmm11", "xmm12", "xmm13", "xmm14", "xmm15",
];

impl Reg {
    /// The number of registers; valid registers are below it.
    pub const COUNT: u8 = 32;

    /// The general register with the hardware encoding `encoding & 15`.
    pub const fn gpr(encoding: u8) -> Reg {
        Reg(encoding & 15)
    }

    /// The XMM register with the hardware encoding `encoding & 15`.
    pub const fn xmm(encoding: u8) -> Reg {
        Reg(16 + (encoding & 15))
    }

    /// Whether this is a general register.
    pub const fn is_gpr(self) -> bool {
        self.0 < 16
    }

    /// Whether this is an XMM register.
    pub const fn is_xmm(self) -> bool {
        self.0 >= 16 && self.0 < Self::COUNT
    }

    /// The four-bit hardware encoding within the register's class.
    pub const fn encoding(self) -> u8 {
        self.0 & 15
    }

    /// The class that the register belongs to.
    pub const fn class(self) -> RegClass {
        if self.is_gpr() {
            RegClass::Gpr
        } else {
            RegClass::Xmm
        }
    }

    /// The register's name in Intel syntax when `width` of it is used. XMM registers have one
    /// name; a general register has no 128-bit name and gets its 64-bit one.
    pub const fn name(self, width: Width) -> &'static str {
        let encoding = self.encoding() as usize;
        if self.is_gpr() {
            let column = match width {
                Width::B8 => 0,
                Width::B16 => 1,
                Width::B32 => 2,
                Width::B64 | Width::B128 => 3,
            };
            GENERAL_NAMES[encoding][column]
        } else {
            XMM_NAMES[encoding]
        }
    }
}

impl fmt::Display for Reg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name(Width::B64))
    }
}

impl fmt::Debug for Reg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A register file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RegClass {
    /// The general registers.
    Gpr,
    /// The XMM registers.
    Xmm,
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
}
