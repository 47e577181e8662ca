//! One row of the table: everything that is known about an encoding form.

use crate::immediate::Immediate;
use crate::op::Op;
use crate::reach::Reach;
use crate::register::{RegClass, Width};
use crate::template::{Field, Template};

/// Whether an operand is read, written or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Only read.
    Use,
    /// Only written. A 32-bit result clears the upper half of a general register, and a scalar
    /// float result all of the register above it.
    Def,
    /// Read and then overwritten: input and output are in one register.
    UseDef,
}

/// Which registers can stand in a place, and how they are shown there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Registers {
    /// A general register or the zero register.
    Gpr,
    /// A general register or the stack pointer.
    GprOrSp,
    /// A general register or the zero register that is extended by the operand behind it, which
    /// says by what name it is shown.
    Extended,
    /// A SIMD and floating-point register, by the name of the operand's width.
    Scalar,
    /// A SIMD and floating-point register with its arrangement in elements, as in `16b`.
    Vector(&'static str),
    /// 16 bytes of a table.
    Table(Table),
}

/// Which part of a table of bytes a register is. A table of two has registers with numbers one
/// behind the other, 31 before 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Table {
    /// All of it.
    Whole,
    /// The first half.
    First,
    /// The second half, which is not encoded.
    Second,
}

impl Registers {
    /// The class of register.
    pub const fn class(self) -> RegClass {
        match self {
            Registers::Gpr | Registers::GprOrSp | Registers::Extended => RegClass::Gpr,
            Registers::Scalar | Registers::Vector(_) | Registers::Table(_) => RegClass::Vector,
        }
    }
}

/// What kind of memory reference a form has; the access's bytes are the operand's width.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Addressing {
    /// The base alone.
    Base,
    /// A displacement of 12 unsigned bits, in units of the access.
    Scaled,
    /// A displacement of 9 signed bits.
    Unscaled,
    /// The same, written back before the access.
    Pre,
    /// The same, written back after the access.
    Post,
    /// An index register.
    Index,
    /// A displacement of 7 signed bits, in units of one of the two registers.
    Pair,
    /// The same, written back before the access.
    PairPre,
    /// The same, written back after the access.
    PairPost,
}

impl Addressing {
    /// The fields of the reference.
    pub(crate) const fn fields(self) -> &'static [Field] {
        match self {
            Addressing::Base => &[Field::Rn],
            Addressing::Scaled => &[Field::Rn, Field::Imm12],
            Addressing::Unscaled | Addressing::Pre | Addressing::Post => &[Field::Rn, Field::Imm9],
            Addressing::Index => &[Field::Rn, Field::Rm, Field::Option, Field::Scaled],
            Addressing::Pair | Addressing::PairPre | Addressing::PairPost => {
                &[Field::Rn, Field::Imm7]
            }
        }
    }
}

/// What can stand in an operand's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A register, and the fields that hold it: two for a form that reads one register twice.
    Register(Registers, &'static [Field]),
    /// An immediate.
    Immediate(Immediate),
    /// The number of an element of the vector before it.
    Lane(Field),
    /// A shift of the register before it; `true` if it can be a rotation. It can be left out.
    Shift(bool),
    /// The place of an immediate in the register or in each element: a left shift by a multiple of
    /// its size, 16 bits in a wide move and 8 in a vector. It can be left out.
    Place(Field),
    /// An extension of the register before it.
    Extend,
    /// A memory reference.
    Memory(Addressing),
    /// A label, or a distance.
    Target(Reach),
    /// A condition; `true` if the opposite is encoded.
    Condition(bool),
    /// A system register; `true` if it is written.
    System(bool),
    /// The scope of a barrier.
    Barrier,
}

impl Kind {
    /// Whether the operand can be left out: it is a shift, by zero then.
    pub const fn is_optional(self) -> bool {
        matches!(self, Kind::Shift(_) | Kind::Place(_))
    }

    /// The fields that the operand fills in.
    pub fn fields(self) -> &'static [Field] {
        match self {
            Kind::Register(_, fields) => fields,
            Kind::Immediate(immediate) => immediate.fields(),
            Kind::Lane(lane) => Immediate::Unsigned(lane).fields(),
            Kind::Shift(_) => &[Field::Shift, Field::Imm6],
            Kind::Place(field) => Immediate::Unsigned(field).fields(),
            Kind::Extend => &[Field::Option, Field::Imm3],
            Kind::Memory(addressing) => addressing.fields(),
            Kind::Target(reach) => reach.fields(),
            Kind::Condition(_) => &[Field::Cond],
            Kind::System(_) => &[Field::System],
            Kind::Barrier => &[Field::Scope],
        }
    }
}

/// One operand of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperandForm {
    /// What can stand here.
    pub kind: Kind,
    /// How much of it is read or written; for an immediate the width of the operation.
    pub width: Width,
    /// Read, written or both.
    pub role: Role,
}

/// What a form does with the flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flags {
    /// Neither read nor written.
    Keep,
    /// Read.
    Read,
    /// Written.
    Write,
    /// Read and written.
    ReadWrite,
}

impl Flags {
    /// Whether the result depends on the flags.
    pub const fn are_read(self) -> bool {
        matches!(self, Flags::Read | Flags::ReadWrite)
    }

    /// Whether flags from before the instruction are lost.
    pub const fn are_written(self) -> bool {
        matches!(self, Flags::Write | Flags::ReadWrite)
    }
}

/// The extension of the architecture that a form needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Feature {
    /// Armv8.0-A. Landing pads and the signing hints are in it: they do nothing there.
    Baseline,
    /// Pointer authentication (FEAT_PAuth) outside the space of hints.
    PAuth,
}

/// An encoding form: one row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// The form's name.
    pub op: Op,
    /// The mnemonic, or a text with `%` in the place of the operands.
    pub pattern: &'static str,
    /// The operands, in the order of the text, destination first for all but stores.
    pub operands: &'static [OperandForm],
    /// The template in the manual's notation.
    pub notation: &'static str,
    /// The template.
    pub template: Template,
    /// The use of flags.
    pub flags: Flags,
    /// The extension needed.
    pub feature: Feature,
}

impl Form {
    /// The most operands that any form has.
    pub const MAX_OPERANDS: usize = 4;

    /// The mnemonic.
    pub fn mnemonic(&self) -> &'static str {
        self.pattern.split(' ').next().unwrap_or(self.pattern)
    }
}

/// The words that rows of the table are written in.
pub(crate) mod notation {
    use super::{Addressing, Kind, OperandForm, Registers, Role, Table};
    use crate::immediate::Immediate;
    use crate::reach::Reach;
    use crate::register::Width;
    use crate::template::Field;

    const fn operand(kind: Kind, width: Width, role: Role) -> OperandForm {
        OperandForm { kind, width, role }
    }

    /// The operand is read; every operand is that says nothing else.
    pub(crate) const fn r(place: OperandForm) -> OperandForm {
        place
    }

    /// The operand is written.
    pub(crate) const fn w(place: OperandForm) -> OperandForm {
        operand(place.kind, place.width, Role::Def)
    }

    /// The operand is read and written.
    pub(crate) const fn rw(place: OperandForm) -> OperandForm {
        operand(place.kind, place.width, Role::UseDef)
    }

    /// Registers: `$name` with the fields at one width.
    macro_rules! registers {
        ($($name:ident: $registers:expr, $width:ident, [$($field:ident)*];)*) => {
            $(pub(crate) const $name: OperandForm = operand(
                Kind::Register($registers, &[$(Field::$field),*]),
                Width::$width,
                Role::Use,
            );)*
        };
    }

    use Registers::{Extended, Gpr, GprOrSp, Scalar};

    // The manual's names: a letter for the file and the width, one for the field. `_SP` allows the
    // stack pointer, `NM` is one register in both fields, `ME` is extended.
    registers! {
        WD: Gpr, B32, [Rd];
        WN: Gpr, B32, [Rn];
        WM: Gpr, B32, [Rm];
        WA: Gpr, B32, [Ra];
        WT: Gpr, B32, [Rt];
        WT2: Gpr, B32, [Rt2];
        WS: Gpr, B32, [Rs];
        WNM: Gpr, B32, [Rn Rm];
        WME: Extended, B32, [Rm];
        WD_SP: GprOrSp, B32, [Rd];
        WN_SP: GprOrSp, B32, [Rn];
        XD: Gpr, B64, [Rd];
        XN: Gpr, B64, [Rn];
        XM: Gpr, B64, [Rm];
        XA: Gpr, B64, [Ra];
        XT: Gpr, B64, [Rt];
        XT2: Gpr, B64, [Rt2];
        XNM: Gpr, B64, [Rn Rm];
        XME: Extended, B64, [Rm];
        XD_SP: GprOrSp, B64, [Rd];
        XN_SP: GprOrSp, B64, [Rn];
        BT: Scalar, B8, [Rt];
        BD: Scalar, B8, [Rd];
        HT: Scalar, B16, [Rt];
        HD: Scalar, B16, [Rd];
        SD: Scalar, B32, [Rd];
        SN: Scalar, B32, [Rn];
        SM: Scalar, B32, [Rm];
        SA: Scalar, B32, [Ra];
        ST: Scalar, B32, [Rt];
        ST2: Scalar, B32, [Rt2];
        DD: Scalar, B64, [Rd];
        DN: Scalar, B64, [Rn];
        DM: Scalar, B64, [Rm];
        DA: Scalar, B64, [Ra];
        DT: Scalar, B64, [Rt];
        DT2: Scalar, B64, [Rt2];
        QT: Scalar, B128, [Rt];
        QT2: Scalar, B128, [Rt2];
        VD8B: Registers::Vector("8b"), B64, [Rd];
        VN8B: Registers::Vector("8b"), B64, [Rn];
        VM8B: Registers::Vector("8b"), B64, [Rm];
        VNM8B: Registers::Vector("8b"), B64, [Rn Rm];
        VD16B: Registers::Vector("16b"), B128, [Rd];
        VN16B: Registers::Vector("16b"), B128, [Rn];
        VM16B: Registers::Vector("16b"), B128, [Rm];
        VNM16B: Registers::Vector("16b"), B128, [Rn Rm];
        VD4H: Registers::Vector("4h"), B64, [Rd];
        VN4H: Registers::Vector("4h"), B64, [Rn];
        VM4H: Registers::Vector("4h"), B64, [Rm];
        VD8H: Registers::Vector("8h"), B128, [Rd];
        VN8H: Registers::Vector("8h"), B128, [Rn];
        VM8H: Registers::Vector("8h"), B128, [Rm];
        VD2S: Registers::Vector("2s"), B64, [Rd];
        VN2S: Registers::Vector("2s"), B64, [Rn];
        VM2S: Registers::Vector("2s"), B64, [Rm];
        VD4S: Registers::Vector("4s"), B128, [Rd];
        VN4S: Registers::Vector("4s"), B128, [Rn];
        VM4S: Registers::Vector("4s"), B128, [Rm];
        VD2D: Registers::Vector("2d"), B128, [Rd];
        VN2D: Registers::Vector("2d"), B128, [Rn];
        VM2D: Registers::Vector("2d"), B128, [Rm];
        TABLE: Registers::Table(Table::Whole), B128, [Rn];
        TABLE_FIRST: Registers::Table(Table::First), B128, [Rn];
        TABLE_SECOND: Registers::Table(Table::Second), B128, [];
        // Before a lane: one element.
        VDB: Registers::Vector("b"), B128, [Rd];
        VDH: Registers::Vector("h"), B128, [Rd];
        VDS: Registers::Vector("s"), B128, [Rd];
        VDD: Registers::Vector("d"), B128, [Rd];
        VNB: Registers::Vector("b"), B128, [Rn];
        VNH: Registers::Vector("h"), B128, [Rn];
        VNS: Registers::Vector("s"), B128, [Rn];
        VND: Registers::Vector("d"), B128, [Rn];
    }

    /// Operands without a role, of an operation of one width.
    macro_rules! others {
        ($($name:ident: $kind:expr, $width:ident;)*) => {
            $(pub(crate) const $name: OperandForm = operand($kind, Width::$width, Role::Use);)*
        };
    }

    const fn unsigned(field: Field) -> Kind {
        Kind::Immediate(Immediate::Unsigned(field))
    }

    const fn shift_right(field: Field) -> Kind {
        Kind::Immediate(Immediate::ShiftRight(field))
    }

    others! {
        ADD_IMM: Kind::Immediate(Immediate::Add), B64;
        LOGICAL32: Kind::Immediate(Immediate::Logical), B32;
        LOGICAL64: Kind::Immediate(Immediate::Logical), B64;
        IMM16: unsigned(Field::Imm16), B64;
        IMM5: unsigned(Field::Imm5), B64;
        NZCV: unsigned(Field::Nzcv), B64;
        HINT: unsigned(Field::Hint), B64;
        IMMR32: unsigned(Field::Immr), B32;
        IMMR64: unsigned(Field::Immr), B64;
        IMMS32: unsigned(Field::Imms), B32;
        IMMS64: unsigned(Field::Imms), B64;
        BIT32: unsigned(Field::BitLow), B32;
        BIT64: Kind::Immediate(Immediate::BitNumber), B64;
        LEFT32: Kind::Immediate(Immediate::ShiftLeft), B32;
        LEFT64: Kind::Immediate(Immediate::ShiftLeft), B64;
        INTO32: Kind::Immediate(Immediate::InsertAt), B32;
        INTO64: Kind::Immediate(Immediate::InsertAt), B64;
        INTO_SIZE32: Kind::Immediate(Immediate::InsertSize), B32;
        INTO_SIZE64: Kind::Immediate(Immediate::InsertSize), B64;
        FROM_SIZE32: Kind::Immediate(Immediate::ExtractSize), B32;
        FROM_SIZE64: Kind::Immediate(Immediate::ExtractSize), B64;
        FLOAT32: Kind::Immediate(Immediate::Float), B32;
        FLOAT64: Kind::Immediate(Immediate::Float), B64;
        BYTE: Kind::Immediate(Immediate::Vector), B8;
        BYTE_MASK: Kind::Immediate(Immediate::ByteMask), B64;
        BYTE_NUMBER: unsigned(Field::Imm4), B8;
        VECTOR_FLOAT32: Kind::Immediate(Immediate::VectorFloat), B32;
        VECTOR_FLOAT64: Kind::Immediate(Immediate::VectorFloat), B64;
        SHL_B: unsigned(Field::Shift3), B8;
        SHL_H: unsigned(Field::Shift4), B16;
        SHL_S: unsigned(Field::Shift5), B32;
        SHL_D: unsigned(Field::Shift6), B64;
        SHR_B: shift_right(Field::Shift3), B8;
        SHR_H: shift_right(Field::Shift4), B16;
        SHR_S: shift_right(Field::Shift5), B32;
        SHR_D: shift_right(Field::Shift6), B64;
        BYTES2: Kind::Place(Field::Bytes1), B16;
        BYTES4: Kind::Place(Field::Bytes2), B32;
        LANE_B: Kind::Lane(Field::Lane4), B8;
        LANE_H: Kind::Lane(Field::Lane3), B16;
        LANE_S: Kind::Lane(Field::Lane2), B32;
        LANE_D: Kind::Lane(Field::Lane1), B64;
        FROM_LANE_B: Kind::Lane(Field::Source4), B8;
        FROM_LANE_H: Kind::Lane(Field::Source3), B16;
        FROM_LANE_S: Kind::Lane(Field::Source2), B32;
        FROM_LANE_D: Kind::Lane(Field::Source1), B64;
        SHIFT32: Kind::Shift(false), B32;
        SHIFT64: Kind::Shift(false), B64;
        ROTATE32: Kind::Shift(true), B32;
        ROTATE64: Kind::Shift(true), B64;
        HALF32: Kind::Place(Field::Half), B32;
        HALF64: Kind::Place(Field::Half), B64;
        EXTEND32: Kind::Extend, B32;
        EXTEND64: Kind::Extend, B64;
        COND: Kind::Condition(false), B64;
        NOT_COND: Kind::Condition(true), B64;
        SYSTEM: Kind::System(false), B64;
        SYSTEM_TO: Kind::System(true), B64;
        BARRIER: Kind::Barrier, B64;
        TO26: Kind::Target(Reach::Branch26), B64;
        TO19: Kind::Target(Reach::Branch19), B64;
        TO14: Kind::Target(Reach::Branch14), B64;
        AT19: Kind::Target(Reach::Load19), B64;
        ADDRESS: Kind::Target(Reach::Address21), B64;
        PAGE: Kind::Target(Reach::Page21), B64;
    }

    /// Memory: the access's width.
    pub(crate) const fn mem(addressing: Addressing, width: Width) -> OperandForm {
        operand(Kind::Memory(addressing), width, Role::Use)
    }

    pub(crate) use Addressing::{
        Base, Index, Pair, PairPost, PairPre, Post, Pre, Scaled, Unscaled,
    };
    pub(crate) use Width::{B8, B16, B32, B64, B128};
}
