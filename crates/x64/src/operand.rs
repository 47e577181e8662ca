//! What an instruction's operands are made of: conditions, labels, memory references.

use std::fmt;

use crate::register::{Reg, Width};

/// A condition on the flags, numbered as in the low four bits of Jcc, SETcc and CMOVcc opcodes
/// (Intel manual, volume 2, appendix B.1.4.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Cond {
    /// Overflow.
    O,
    /// No overflow.
    NO,
    /// Unsigned below; also the carry.
    B,
    /// Unsigned above or equal; also no carry.
    AE,
    /// Equal.
    E,
    /// Not equal.
    NE,
    /// Unsigned below or equal.
    BE,
    /// Unsigned above.
    A,
    /// Negative.
    S,
    /// Not negative.
    NS,
    /// Parity even; unordered after a float comparison.
    P,
    /// Parity odd; ordered after a float comparison.
    NP,
    /// Signed less.
    L,
    /// Signed greater or equal.
    GE,
    /// Signed less or equal.
    LE,
    /// Signed greater.
    G,
}

impl Cond {
    /// All conditions in the order of their encoding.
    pub const ALL: [Cond; 16] = [
        Cond::O,
        Cond::NO,
        Cond::B,
        Cond::AE,
        Cond::E,
        Cond::NE,
        Cond::BE,
        Cond::A,
        Cond::S,
        Cond::NS,
        Cond::P,
        Cond::NP,
        Cond::L,
        Cond::GE,
        Cond::LE,
        Cond::G,
    ];

    /// The four-bit encoding.
    pub const fn encoding(self) -> u8 {
        self as u8
    }

    /// The condition that holds exactly when this one does not.
    pub const fn invert(self) -> Cond {
        Cond::ALL[(self as u8 ^ 1) as usize]
    }

    /// The condition that holds for `b ? a` exactly when this one holds for `a ? b`, or `None` for
    /// a condition that is not an order between two operands.
    pub const fn swap_operands(self) -> Option<Cond> {
        Some(match self {
            Cond::B => Cond::A,
            Cond::A => Cond::B,
            Cond::AE => Cond::BE,
            Cond::BE => Cond::AE,
            Cond::L => Cond::G,
            Cond::G => Cond::L,
            Cond::GE => Cond::LE,
            Cond::LE => Cond::GE,
            Cond::E | Cond::NE => self,
            _ => return None,
        })
    }
}

/// A place in the code, bound by [`crate::Assembler::bind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(u32);

impl Label {
    /// The label with number `index`; see [`crate::Assembler::with_labels`].
    pub const fn from_index(index: u32) -> Label {
        Label(index)
    }

    /// The label's number.
    pub const fn index(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "L{}", self.0)
    }
}

/// The factor of an index register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scale {
    /// index × 1
    One,
    /// index × 2
    Two,
    /// index × 4
    Four,
    /// index × 8
    Eight,
}

impl Scale {
    /// All scales in the order of their encoding.
    pub const ALL: [Scale; 4] = [Scale::One, Scale::Two, Scale::Four, Scale::Eight];

    /// The factor as a number.
    pub const fn factor(self) -> u8 {
        1 << self as u8
    }

    /// The scale that multiplies by `factor`, if there is one.
    pub const fn from_factor(factor: u64) -> Option<Scale> {
        match factor {
            1 => Some(Scale::One),
            2 => Some(Scale::Two),
            4 => Some(Scale::Four),
            8 => Some(Scale::Eight),
            _ => None,
        }
    }
}

/// What a memory reference counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Base<R> {
    /// The content of a general register.
    Reg(R),
    /// The address of a label, reached relative to RIP. Such a reference has no index.
    Label(Label),
    /// Zero: the displacement, sign-extended to 64 bits, is the address.
    None,
}

/// A memory reference: `base + index * scale + disp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mem<R = Reg> {
    /// The base.
    pub base: Base<R>,
    /// An optional index register, which cannot be RSP, and its factor.
    pub index: Option<(R, Scale)>,
    /// The displacement.
    pub disp: i32,
}

impl<R: Copy> Mem<R> {
    /// `[register + disp]`
    pub const fn base(register: R, disp: i32) -> Mem<R> {
        Mem {
            base: Base::Reg(register),
            index: None,
            disp,
        }
    }

    /// `[base + index * scale + disp]`
    pub const fn indexed(base: R, index: R, scale: Scale, disp: i32) -> Mem<R> {
        Mem {
            base: Base::Reg(base),
            index: Some((index, scale)),
            disp,
        }
    }

    /// `[index * scale + disp]`
    pub const fn scaled(index: R, scale: Scale, disp: i32) -> Mem<R> {
        Mem {
            base: Base::None,
            index: Some((index, scale)),
            disp,
        }
    }

    /// The memory at `label`.
    pub const fn label(label: Label) -> Mem<R> {
        Mem {
            base: Base::Label(label),
            index: None,
            disp: 0,
        }
    }

    /// The memory at the sign-extended 32-bit address `disp`.
    pub const fn absolute(disp: i32) -> Mem<R> {
        Mem {
            base: Base::None,
            index: None,
            disp,
        }
    }

    /// The same reference with its registers replaced, base first.
    pub fn map<S>(self, mut change: impl FnMut(R) -> S) -> Mem<S> {
        Mem {
            base: match self.base {
                Base::Reg(register) => Base::Reg(change(register)),
                Base::Label(label) => Base::Label(label),
                Base::None => Base::None,
            },
            index: self
                .index
                .map(|(register, scale)| (change(register), scale)),
            disp: self.disp,
        }
    }
}

/// An operand of an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operand<R = Reg> {
    /// A register.
    Reg(R),
    /// A memory reference.
    Mem(Mem<R>),
    /// An immediate, or the distance of a relative branch counted from the end of the instruction.
    Imm(i64),
    /// The target of a relative branch.
    Label(Label),
}

impl<R> From<Mem<R>> for Operand<R> {
    fn from(mem: Mem<R>) -> Operand<R> {
        Operand::Mem(mem)
    }
}

impl From<Reg> for Operand<Reg> {
    fn from(register: Reg) -> Operand<Reg> {
        Operand::Reg(register)
    }
}

impl<R> From<Label> for Operand<R> {
    fn from(label: Label) -> Operand<R> {
        Operand::Label(label)
    }
}

impl<R> From<i64> for Operand<R> {
    fn from(value: i64) -> Operand<R> {
        Operand::Imm(value)
    }
}

/// `value` as the sign-extended content of `width` bits.
pub(crate) fn sign_extend(value: i64, width: Width) -> i64 {
    match width {
        Width::B8 => value as i8 as i64,
        Width::B16 => value as i16 as i64,
        Width::B32 => value as i32 as i64,
        Width::B64 | Width::B128 => value,
    }
}
