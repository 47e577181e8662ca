//! From an instruction in physical registers to bytes.
//!
//! ```text
//! prefixes | REX 0100WRXB | opcode | ModRM mod:reg:rm | SIB scale:index:base | disp | immediate
//! ```
//!
//! R extends `reg`, X extends `index`, B extends `rm`, `base` or the register in the opcode
//! (Intel manual, volume 2, chapter 2).

use crate::encoding::ModRm;
use crate::error::{OperandError, OperandProblem};
use crate::form::{Form, Kind};
use crate::inst::Inst;
use crate::operand::{Base, Label, Mem, Operand};
use crate::register::{Reg, RegClass, Width};

/// A four-byte field of an encoded instruction that depends on where a label is.
///
/// Its value is the label's address plus `addend` minus the address of the field itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LabelField {
    /// The label.
    pub label: Label,
    /// The field's distance from the start of the instruction.
    pub offset: u8,
    /// What is added to the label's address.
    pub addend: i64,
}

/// Marks a `rm` field that announces a SIB byte, and an `index` field that means no index.
const SIB_FOLLOWS: u8 = 0b100;
const NO_INDEX: u8 = 0b100;
/// In `rm` with mod 00: relative to RIP. In a SIB's `base` with mod 00: no base.
const NO_BASE: u8 = 0b101;

/// The operands of a form by the field that encodes them.
#[derive(Default)]
struct Fields {
    /// In ModRM.reg or in the opcode.
    register: Option<Reg>,
    /// In ModRM.rm.
    rm: Option<Rm>,
    immediate: Option<i64>,
    target: Option<Label>,
    /// An 8-bit operand is SPL, BPL, SIL or DIL, whose encodings mean AH, CH, DH, BH without REX.
    needs_rex: bool,
}

enum Rm {
    Register(Reg),
    Memory(Mem<Reg>),
}

impl Inst<Reg> {
    /// Appends the encoding to `bytes` and says which part of it depends on a label; that part is
    /// zero.
    ///
    /// # Errors
    /// If a register is of the wrong class, is not the fixed one that the form wants, or is RSP
    /// used as an index, or if a jump with an 8-bit distance has a label. `bytes` is not changed.
    pub fn encode(&self, bytes: &mut Vec<u8>) -> Result<Option<LabelField>, OperandError> {
        let fields = self.fields()?;
        let form = self.op().info();
        let start = bytes.len();
        bytes.extend_from_slice(form.encoding.prefixes());
        let rex = rex(form, &fields);
        if rex != 0x40 || fields.needs_rex {
            bytes.push(rex);
        }
        bytes.extend_from_slice(form.encoding.opcode());
        let mut label_field = None;
        let mut extension = 0;
        match form.encoding.modrm {
            ModRm::None => {
                if let (Some(last), Some(register)) = (bytes.last_mut(), fields.register) {
                    *last |= register.encoding() & 7;
                }
            }
            ModRm::Digit(digit) => extension = digit,
            ModRm::Register => {
                extension = fields
                    .register
                    .map_or(0, |register| register.encoding() & 7);
            }
        }
        match fields.rm {
            Some(Rm::Register(register)) => {
                bytes.push(modrm(0b11, extension, register.encoding()));
            }
            Some(Rm::Memory(mem)) => {
                label_field = memory(mem, extension, bytes);
            }
            None => {}
        }
        let value = fields.immediate.unwrap_or(0).to_le_bytes();
        let size = form.encoding.immediate_bytes + form.encoding.distance_bytes;
        if let Some(label) = fields.target {
            label_field = Some((label, bytes.len(), 0));
        }
        bytes.extend_from_slice(&value[..usize::from(size)]);
        // The processor counts from the end of the instruction, a field from its own start.
        Ok(label_field.map(|(label, at, disp)| LabelField {
            label,
            offset: (at - start) as u8,
            addend: i64::from(disp) - (bytes.len() - at) as i64,
        }))
    }

    fn fields(&self) -> Result<Fields, OperandError> {
        let form = self.op().info();
        let mut fields = Fields::default();
        for (index, (operand, place)) in self.operands().iter().zip(form.operands).enumerate() {
            let problem = |problem| OperandError {
                op: self.op(),
                operand: index,
                problem,
            };
            match (*operand, place.kind) {
                (Operand::Reg(register), Kind::Register(class)) => {
                    check_class(register, class).map_err(problem)?;
                    fields.register = Some(register);
                    fields.needs_rex |= is_low_byte(register, place.width);
                }
                (
                    Operand::Reg(register),
                    Kind::RegisterOrMemory(class) | Kind::RegisterInMemoryField(class),
                ) => {
                    check_class(register, class).map_err(problem)?;
                    fields.rm = Some(Rm::Register(register));
                    fields.needs_rex |= is_low_byte(register, place.width);
                }
                (Operand::Reg(register), Kind::Fixed(wanted)) => {
                    if register != wanted {
                        return Err(problem(OperandProblem::Fixed(wanted)));
                    }
                }
                (Operand::Mem(mem), _) => {
                    check_memory(mem).map_err(problem)?;
                    fields.rm = Some(Rm::Memory(mem));
                }
                (Operand::Imm(value), _) => fields.immediate = Some(value),
                (Operand::Label(label), _) => {
                    if form.encoding.distance_bytes != 4 {
                        return Err(problem(OperandProblem::ShortJumpToLabel));
                    }
                    fields.target = Some(label);
                }
                (Operand::Reg(_), kind) => return Err(problem(OperandProblem::Kind(kind))),
            }
        }
        Ok(fields)
    }
}

fn check_class(register: Reg, class: RegClass) -> Result<(), OperandProblem> {
    let fits = match class {
        RegClass::Gpr => register.is_gpr(),
        RegClass::Xmm => register.is_xmm(),
    };
    if fits {
        Ok(())
    } else {
        Err(OperandProblem::Class(class))
    }
}

fn check_memory(mem: Mem<Reg>) -> Result<(), OperandProblem> {
    if let Base::Reg(base) = mem.base {
        check_class(base, RegClass::Gpr)?;
    }
    match mem.index {
        Some((Reg::RSP, _)) => Err(OperandProblem::StackPointerAsIndex),
        Some((index, _)) => check_class(index, RegClass::Gpr),
        None => Ok(()),
    }
}

fn is_low_byte(register: Reg, width: Width) -> bool {
    width == Width::B8 && matches!(register, Reg::RSP | Reg::RBP | Reg::RSI | Reg::RDI)
}

fn rex(form: &Form, fields: &Fields) -> u8 {
    let high = |register: Option<Reg>| register.map_or(0, |register| register.encoding() >> 3);
    let register = high(fields.register);
    let (rm, index) = match fields.rm {
        Some(Rm::Register(register)) => (high(Some(register)), 0),
        Some(Rm::Memory(mem)) => {
            let base = match mem.base {
                Base::Reg(base) => Some(base),
                Base::Label(_) | Base::None => None,
            };
            (high(base), high(mem.index.map(|(index, _)| index)))
        }
        None => (0, 0),
    };
    let w = u8::from(form.encoding.rex_w);
    if form.encoding.register_in_opcode {
        0x40 | w << 3 | register
    } else {
        0x40 | w << 3 | register << 2 | index << 1 | rm
    }
}

fn modrm(mode: u8, reg: u8, rm: u8) -> u8 {
    mode << 6 | (reg & 7) << 3 | rm & 7
}

/// ModRM, SIB and displacement of a memory operand. Returns a label, the place of the field that
/// holds its distance, and the displacement to add.
fn memory(mem: Mem<Reg>, reg: u8, bytes: &mut Vec<u8>) -> Option<(Label, usize, i32)> {
    let index = mem.index.map_or(NO_INDEX, |(index, _)| index.encoding());
    let scale = mem.index.map_or(0, |(_, scale)| scale as u8);
    match mem.base {
        Base::Label(label) => {
            bytes.push(modrm(0b00, reg, NO_BASE));
            bytes.extend_from_slice(&[0; 4]);
            return Some((label, bytes.len() - 4, mem.disp));
        }
        // Without a SIB byte this would be relative to RIP.
        Base::None => {
            bytes.push(modrm(0b00, reg, SIB_FOLLOWS));
            bytes.push(modrm(scale, index, NO_BASE));
            bytes.extend_from_slice(&mem.disp.to_le_bytes());
        }
        Base::Reg(base) => {
            let low = base.encoding() & 7;
            let disp = mem.disp.to_le_bytes();
            // RBP and R13 with mod 00 would mean no base, so they carry a zero displacement.
            let (mode, disp) = if mem.disp == 0 && low != NO_BASE {
                (0b00, &disp[..0])
            } else if i8::try_from(mem.disp).is_ok() {
                (0b01, &disp[..1])
            } else {
                (0b10, &disp[..])
            };
            // RSP and R12 in `rm` would announce a SIB byte, so they get one.
            if mem.index.is_some() || low == SIB_FOLLOWS {
                bytes.push(modrm(mode, reg, SIB_FOLLOWS));
                bytes.push(modrm(scale, index, low));
            } else {
                bytes.push(modrm(mode, reg, low));
            }
            bytes.extend_from_slice(disp);
        }
    }
    None
}
