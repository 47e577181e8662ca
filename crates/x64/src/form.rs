//! One row of the table: everything that is known about an encoding form.

use crate::encoding::Encoding;
use crate::op::Op;
use crate::register::{Reg, RegClass, Width};

/// Whether an operand is read, written or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Only read.
    Use,
    /// Only written. What a form with an 8- or 16-bit or a scalar float result leaves in the rest
    /// of the register has no meaning.
    Def,
    /// Read and then overwritten: input and output are in one register.
    UseDef,
}

/// What can stand in an operand's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A register of this class.
    Register(RegClass),
    /// A register of this class, or memory: `r/m` in the manual.
    RegisterOrMemory(RegClass),
    /// A register of this class where the encoding could have memory, but this form has not.
    RegisterInMemoryField(RegClass),
    /// Memory only.
    Memory,
    /// A memory reference whose address alone is used.
    Address,
    /// An immediate. If its encoding is shorter than the operand's width it is sign-extended.
    Immediate,
    /// The target of a branch.
    Target,
    /// This register, named by the opcode alone.
    Fixed(Reg),
}

/// One operand of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperandForm {
    /// What can stand here.
    pub kind: Kind,
    /// How much of it is read or written.
    pub width: Width,
    /// Read, written or both.
    pub role: Role,
    /// The operand is not part of the assembly text.
    pub hidden: bool,
}

/// What a form does with the arithmetic flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flags {
    /// Neither read nor written.
    Keep,
    /// Read.
    Read,
    /// Written; some may be left undefined.
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

/// The extension of the instruction set that a form needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Feature {
    /// The x86-64 baseline, which includes SSE2.
    Baseline,
    /// SSE3.
    Sse3,
    /// SSSE3.
    Ssse3,
    /// SSE4.1.
    Sse41,
    /// SSE4.2.
    Sse42,
    /// POPCNT.
    Popcnt,
    /// LZCNT (also called ABM).
    Lzcnt,
    /// BMI1, for TZCNT.
    Bmi1,
}

/// An encoding form: one row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// The form's name.
    pub op: Op,
    /// The mnemonic in Intel syntax.
    pub mnemonic: &'static str,
    /// The operands, in Intel's order, destination first.
    pub operands: &'static [OperandForm],
    /// The encoding in the manual's notation.
    pub notation: &'static str,
    /// The encoding.
    pub encoding: Encoding,
    /// The use of flags.
    pub flags: Flags,
    /// The CPU feature needed.
    pub feature: Feature,
}

impl Form {
    /// The most operands that any form has.
    pub const MAX_OPERANDS: usize = 3;

    /// Whether this form is `other` with a shorter, sign-extended immediate.
    pub(crate) fn is_short_form_of(&self, other: &Form) -> bool {
        self.mnemonic == other.mnemonic
            && self.operands == other.operands
            && self.encoding.immediate_bytes == 1
            && other.encoding.immediate_bytes > 1
    }
}

/// The words that rows of the table are written in.
pub(crate) mod notation {
    use super::{Kind, OperandForm, Role};
    use crate::register::{Reg, RegClass, Width};

    /// An operand before its role is known.
    #[derive(Clone, Copy)]
    pub(crate) struct Place {
        kind: Kind,
        width: Width,
        hidden: bool,
    }

    const fn with_role(place: Place, role: Role) -> OperandForm {
        OperandForm {
            kind: place.kind,
            width: place.width,
            role,
            hidden: place.hidden,
        }
    }

    /// The operand is read.
    pub(crate) const fn r(place: Place) -> OperandForm {
        with_role(place, Role::Use)
    }

    /// The operand is written.
    pub(crate) const fn w(place: Place) -> OperandForm {
        with_role(place, Role::Def)
    }

    /// The operand is read and written.
    pub(crate) const fn rw(place: Place) -> OperandForm {
        with_role(place, Role::UseDef)
    }

    const fn visible(kind: Kind, width: Width) -> Place {
        Place {
            kind,
            width,
            hidden: false,
        }
    }

    const fn hidden(register: Reg, width: Width) -> Place {
        Place {
            kind: Kind::Fixed(register),
            width,
            hidden: true,
        }
    }

    const GPR: Kind = Kind::Register(RegClass::Gpr);
    const GPR_OR_MEMORY: Kind = Kind::RegisterOrMemory(RegClass::Gpr);
    const XMM_OR_MEMORY: Kind = Kind::RegisterOrMemory(RegClass::Xmm);

    // General registers, and general registers or memory.
    pub(crate) const R8: Place = visible(GPR, Width::B8);
    pub(crate) const R16: Place = visible(GPR, Width::B16);
    pub(crate) const R32: Place = visible(GPR, Width::B32);
    pub(crate) const R64: Place = visible(GPR, Width::B64);
    pub(crate) const RM8: Place = visible(GPR_OR_MEMORY, Width::B8);
    pub(crate) const RM16: Place = visible(GPR_OR_MEMORY, Width::B16);
    pub(crate) const RM32: Place = visible(GPR_OR_MEMORY, Width::B32);
    pub(crate) const RM64: Place = visible(GPR_OR_MEMORY, Width::B64);

    // XMM registers, and XMM registers or memory of a width.
    pub(crate) const X: Place = visible(Kind::Register(RegClass::Xmm), Width::B128);
    pub(crate) const XM32: Place = visible(XMM_OR_MEMORY, Width::B32);
    pub(crate) const XM64: Place = visible(XMM_OR_MEMORY, Width::B64);
    pub(crate) const XM128: Place = visible(XMM_OR_MEMORY, Width::B128);

    // Registers in the field of memory.
    pub(crate) const RR32: Place = visible(Kind::RegisterInMemoryField(RegClass::Gpr), Width::B32);
    pub(crate) const XR: Place = visible(Kind::RegisterInMemoryField(RegClass::Xmm), Width::B128);

    // Memory alone.
    pub(crate) const M8: Place = visible(Kind::Memory, Width::B8);
    pub(crate) const M16: Place = visible(Kind::Memory, Width::B16);
    pub(crate) const M32: Place = visible(Kind::Memory, Width::B32);
    pub(crate) const M64: Place = visible(Kind::Memory, Width::B64);
    pub(crate) const M128: Place = visible(Kind::Memory, Width::B128);

    // A memory reference that is not accessed.
    pub(crate) const ADDRESS32: Place = visible(Kind::Address, Width::B32);
    pub(crate) const ADDRESS64: Place = visible(Kind::Address, Width::B64);

    // Immediates by the width they are extended to; the encoding says how many bytes are stored.
    pub(crate) const I8: Place = visible(Kind::Immediate, Width::B8);
    pub(crate) const I16: Place = visible(Kind::Immediate, Width::B16);
    pub(crate) const I32: Place = visible(Kind::Immediate, Width::B32);
    pub(crate) const I64: Place = visible(Kind::Immediate, Width::B64);

    pub(crate) const TARGET: Place = visible(Kind::Target, Width::B64);

    // The count of a shift, which is part of the text, and registers that are not.
    pub(crate) const CL: Place = visible(Kind::Fixed(Reg::RCX), Width::B8);
    pub(crate) const AL: Place = hidden(Reg::RAX, Width::B8);
    pub(crate) const AX: Place = hidden(Reg::RAX, Width::B16);
    pub(crate) const EAX: Place = hidden(Reg::RAX, Width::B32);
    pub(crate) const RAX: Place = hidden(Reg::RAX, Width::B64);
    pub(crate) const DX: Place = hidden(Reg::RDX, Width::B16);
    pub(crate) const EDX: Place = hidden(Reg::RDX, Width::B32);
    pub(crate) const RDX: Place = hidden(Reg::RDX, Width::B64);
    pub(crate) const RCX: Place = hidden(Reg::RCX, Width::B64);
    pub(crate) const RSI: Place = hidden(Reg::RSI, Width::B64);
    pub(crate) const RDI: Place = hidden(Reg::RDI, Width::B64);
    pub(crate) const XMM0: Place = hidden(Reg::XMM0, Width::B128);
}
