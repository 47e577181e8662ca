//! What an instruction's operands are made of: conditions, labels, memory references.

use std::fmt;

use crate::register::Reg;

/// Makes an enum whose `Display` is the name in assembly text, with `ALL` in the order of the rows.
macro_rules! named {
    ($(#[$doc:meta])* $type:ident { $($(#[$row_doc:meta])* $name:ident = $value:tt $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u16)]
        pub enum $type {
            $($(#[$row_doc])* $name = $value,)*
        }

        impl $type {
            /// Every one of them.
            pub const ALL: &'static [$type] = &[$($type::$name),*];

            /// The bits that stand for it in an instruction.
            pub const fn encoding(self) -> u32 {
                self as u32
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $($type::$name => $text,)*
                })
            }
        }
    };
}

named! {
    /// A condition on the flags, numbered as in the instructions (architecture manual, C1.2.4).
    ///
    /// After a float comparison `MI` is less, `LS` less or equal, `GT` greater and `GE` greater or
    /// equal, each false if unordered, and `LO`, `LE`, `HI`, `PL`, `HS`, `LT` the ones that are true
    /// then; `EQ` is equal, `NE` different or unordered, and `VS` unordered. "Always" is left out:
    /// no form needs it, and it has no opposite.
    Cond {
        /// Equal.
        EQ = 0 "eq",
        /// Not equal.
        NE = 1 "ne",
        /// Unsigned above or equal; also the carry.
        HS = 2 "hs",
        /// Unsigned below; also no carry.
        LO = 3 "lo",
        /// Negative.
        MI = 4 "mi",
        /// Not negative.
        PL = 5 "pl",
        /// Overflow; unordered after a float comparison.
        VS = 6 "vs",
        /// No overflow; ordered after a float comparison.
        VC = 7 "vc",
        /// Unsigned above.
        HI = 8 "hi",
        /// Unsigned below or equal.
        LS = 9 "ls",
        /// Signed greater or equal.
        GE = 10 "ge",
        /// Signed less.
        LT = 11 "lt",
        /// Signed greater.
        GT = 12 "gt",
        /// Signed less or equal.
        LE = 13 "le",
    }
}

impl Cond {
    /// The condition that holds when this one does not.
    pub const fn invert(self) -> Cond {
        Cond::ALL[self as usize ^ 1]
    }
}

named! {
    /// How a register operand is shifted.
    Shift {
        /// To the left.
        Lsl = 0 "lsl",
        /// To the right, filled with zeros.
        Lsr = 1 "lsr",
        /// To the right, filled with the sign.
        Asr = 2 "asr",
        /// Rotated to the right; in logical operations only.
        Ror = 3 "ror",
    }
}

named! {
    /// How much of a register operand or index is taken, and what it is extended with.
    Extend {
        /// Zeros above the lowest 8 bits.
        Uxtb = 0 "uxtb",
        /// Zeros above the lowest 16 bits.
        Uxth = 1 "uxth",
        /// Zeros above the lowest 32 bits.
        Uxtw = 2 "uxtw",
        /// All 64 bits; in a memory reference it is called `lsl`.
        Uxtx = 3 "uxtx",
        /// The sign of the lowest 8 bits.
        Sxtb = 4 "sxtb",
        /// The sign of the lowest 16 bits.
        Sxth = 5 "sxth",
        /// The sign of the lowest 32 bits.
        Sxtw = 6 "sxtw",
        /// All 64 bits.
        Sxtx = 7 "sxtx",
    }
}

impl Extend {
    /// Whether all 64 bits of the register are used.
    pub const fn is_whole(self) -> bool {
        matches!(self, Extend::Uxtx | Extend::Sxtx)
    }
}

/// A system register's encoding o0:op1:CRn:CRm:op2, with op0 = 3 (architecture manual, C5.3).
const fn system(op1: u16, crn: u16, crm: u16, op2: u16) -> u16 {
    1 << 14 | op1 << 11 | crn << 7 | crm << 3 | op2
}

named! {
    /// A system register.
    SystemRegister {
        /// The flags.
        Nzcv = (system(3, 4, 2, 0)) "NZCV",
        /// Rounding mode, default NaN, trapping of float operations.
        Fpcr = (system(3, 4, 4, 0)) "FPCR",
        /// Float exceptions that have happened.
        Fpsr = (system(3, 4, 4, 1)) "FPSR",
        /// The thread pointer.
        TpidrEl0 = (system(3, 13, 0, 2)) "TPIDR_EL0",
        /// The sizes of cache lines.
        CtrEl0 = (system(3, 0, 0, 1)) "CTR_EL0",
        /// The size of the block that `dc zva` clears.
        DczidEl0 = (system(3, 0, 0, 7)) "DCZID_EL0",
        /// The frequency of the counter.
        CntfrqEl0 = (system(3, 14, 0, 0)) "CNTFRQ_EL0",
        /// The counter.
        CntvctEl0 = (system(3, 14, 0, 2)) "CNTVCT_EL0",
    }
}

impl SystemRegister {
    /// Whether user code can write it.
    pub const fn is_writable(self) -> bool {
        matches!(
            self,
            SystemRegister::Nzcv
                | SystemRegister::Fpcr
                | SystemRegister::Fpsr
                | SystemRegister::TpidrEl0
        )
    }
}

named! {
    /// Which accesses a barrier orders, and for whom (architecture manual, C6.2, DMB).
    Barrier {
        /// Loads before, outer shareable.
        Oshld = 1 "oshld",
        /// Stores, outer shareable.
        Oshst = 2 "oshst",
        /// All, outer shareable.
        Osh = 3 "osh",
        /// Loads before, non-shareable.
        Nshld = 5 "nshld",
        /// Stores, non-shareable.
        Nshst = 6 "nshst",
        /// All, non-shareable.
        Nsh = 7 "nsh",
        /// Loads before, inner shareable.
        Ishld = 9 "ishld",
        /// Stores, inner shareable.
        Ishst = 10 "ishst",
        /// All, inner shareable: all processors that run one operating system.
        Ish = 11 "ish",
        /// Loads before, full system.
        Ld = 13 "ld",
        /// Stores, full system.
        St = 14 "st",
        /// All, full system.
        Sy = 15 "sy",
    }
}

/// A place in the code, made and bound by a [`crate::Assembler`].
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

/// A memory reference. The base is a general register or the stack pointer.
///
/// Which displacements there are depends on the form; [`crate::access`] chooses the form for a
/// reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mem<R = Reg> {
    /// `[base, #disp]`
    Offset {
        /// The base.
        base: R,
        /// The displacement in bytes.
        disp: i32,
    },
    /// `[base, #disp]!`: the base becomes the address.
    PreIndex {
        /// The base, which is written too.
        base: R,
        /// The displacement in bytes.
        disp: i32,
    },
    /// `[base], #disp`: the address is the base, which moves on by the displacement.
    PostIndex {
        /// The base, which is written too.
        base: R,
        /// The displacement in bytes.
        disp: i32,
    },
    /// `[base, index, extend #amount]`
    Index {
        /// The base.
        base: R,
        /// The index, of which the lower half is used if `extend` says so.
        index: R,
        /// `Uxtx` (no extension), `Uxtw`, `Sxtw` or `Sxtx`.
        extend: Extend,
        /// The left shift of the extended index: 0 or the logarithm of the access's bytes.
        amount: u8,
    },
}

impl<R: Copy> Mem<R> {
    /// `[base, #disp]`
    pub const fn base(base: R, disp: i32) -> Mem<R> {
        Mem::Offset { base, disp }
    }

    /// `[base, #disp]!`
    pub const fn pre(base: R, disp: i32) -> Mem<R> {
        Mem::PreIndex { base, disp }
    }

    /// `[base], #disp`
    pub const fn post(base: R, disp: i32) -> Mem<R> {
        Mem::PostIndex { base, disp }
    }

    /// `[base, index, lsl #amount]`
    pub const fn indexed(base: R, index: R, amount: u8) -> Mem<R> {
        Mem::extended(base, index, Extend::Uxtx, amount)
    }

    /// `[base, index, extend #amount]`
    pub const fn extended(base: R, index: R, extend: Extend, amount: u8) -> Mem<R> {
        Mem::Index {
            base,
            index,
            extend,
            amount,
        }
    }

    /// The same reference with its registers replaced, base first.
    pub fn map<S>(self, mut change: impl FnMut(R) -> S) -> Mem<S> {
        match self {
            Mem::Offset { base, disp } => Mem::Offset {
                base: change(base),
                disp,
            },
            Mem::PreIndex { base, disp } => Mem::PreIndex {
                base: change(base),
                disp,
            },
            Mem::PostIndex { base, disp } => Mem::PostIndex {
                base: change(base),
                disp,
            },
            Mem::Index {
                base,
                index,
                extend,
                amount,
            } => Mem::Index {
                base: change(base),
                index: change(index),
                extend,
                amount,
            },
        }
    }

    /// Whether the access changes the base.
    pub const fn writes_base(&self) -> bool {
        matches!(self, Mem::PreIndex { .. } | Mem::PostIndex { .. })
    }
}

/// An operand of an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operand<R = Reg> {
    /// A register.
    Reg(R),
    /// A memory reference.
    Mem(Mem<R>),
    /// An immediate, or the distance of a target in bytes counted from the start of the
    /// instruction. A float immediate is given by the bits of its value.
    Imm(i64),
    /// A target.
    Label(Label),
    /// A condition.
    Cond(Cond),
    /// How the register before it is shifted; left out, it is not.
    Shift(Shift, u8),
    /// How the register before it is extended, and then shifted to the left.
    Extend(Extend, u8),
    /// A system register.
    System(SystemRegister),
    /// A barrier's scope.
    Barrier(Barrier),
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

impl<R> From<Cond> for Operand<R> {
    fn from(cond: Cond) -> Operand<R> {
        Operand::Cond(cond)
    }
}
