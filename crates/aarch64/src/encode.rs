//! From an instruction to its 32 bits.
//!
//! What is no register is put into its fields when an instruction is made, to see whether it fits,
//! and again here with the registers.

use crate::error::{OperandError, OperandProblem};
use crate::form::{Addressing, Kind, OperandForm, Registers, Role, Table};
use crate::immediate::Immediate;
use crate::inst::Inst;
use crate::operand::{Extend, Label, Mem, Operand, Shift};
use crate::reach::Reach;
use crate::register::{Reg, Width};
use crate::template::{Field, Word};

/// The part of an encoded instruction that depends on where a label is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LabelField {
    /// The label.
    pub label: Label,
    /// How the distance from the instruction to the label is held.
    pub reach: Reach,
}

impl Inst<Reg> {
    /// Appends the encoding to `bytes` and says which part of it depends on a label; that part is
    /// zero.
    ///
    /// # Errors
    /// If a register is none of those that the form takes in its place, or if the architecture
    /// leaves open what happens with these registers. `bytes` is not changed.
    pub fn encode(&self, bytes: &mut Vec<u8>) -> Result<Option<LabelField>, OperandError> {
        let (word, field) = self.word()?;
        bytes.extend_from_slice(&word.to_le_bytes());
        Ok(field)
    }

    /// The encoding, and the part of it that depends on a label; that part is zero.
    ///
    /// # Errors
    /// As [`Inst::encode`].
    pub fn word(&self) -> Result<(u32, Option<LabelField>), OperandError> {
        let form = self.op().info();
        let mut word = Word::new(&form.template);
        let mut label_field = None;
        for (index, (operand, form)) in self.operands().iter().zip(form.operands).enumerate() {
            let registers = place_registers(operand, form, &mut word);
            registers
                .and_then(|()| place(operand, form, &mut word))
                .map_err(|problem| self.error(index, problem))?;
            if let (&Operand::Label(label), Kind::Target(reach)) = (operand, form.kind) {
                label_field = Some(LabelField { label, reach });
            }
        }
        self.check_table()?;
        self.check_overlap()?;
        Ok((word.bits, label_field))
    }

    /// Refuses the second half of a table that is not in the register behind the first.
    fn check_table(&self) -> Result<(), OperandError> {
        const SECOND: Registers = Registers::Table(Table::Second);
        let forms = self.op().info().operands;
        let is_second = |form: &OperandForm| matches!(form.kind, Kind::Register(SECOND, _));
        match (forms.iter().position(is_second), self.operands()) {
            (Some(index @ 2), &[_, Operand::Reg(first), Operand::Reg(second), ..])
                if second != Reg::vector(first.encoding() + 1) =>
            {
                Err(self.error(index, OperandProblem::NotBehind))
            }
            _ => Ok(()),
        }
    }

    fn error(&self, operand: usize, problem: OperandProblem) -> OperandError {
        OperandError {
            op: self.op(),
            operand,
            problem,
        }
    }

    /// Refuses combinations of registers that the manual calls constrained unpredictable: a base
    /// that is written back and transferred, one register loaded twice, and an exclusive store whose
    /// outcome goes to a register that it reads.
    fn check_overlap(&self) -> Result<(), OperandError> {
        let forms = self.op().info().operands;
        let Some(Operand::Mem(mem)) = self.operands().last() else {
            return Ok(());
        };
        let (Mem::Offset { base, .. }
        | Mem::PreIndex { base, .. }
        | Mem::PostIndex { base, .. }
        | Mem::Index { base, .. }) = *mem;
        let transferred = || {
            let registers = self.operands().iter().zip(forms).enumerate();
            registers.filter_map(|(index, (operand, form))| match *operand {
                Operand::Reg(register) => Some((index, register, form)),
                _ => None,
            })
        };
        let fields_of = |form: &OperandForm| form.kind.fields()[0];
        for (index, register, form) in transferred() {
            let is_outcome = fields_of(form) == Field::Rs;
            let others = transferred().filter(|(other, ..)| *other != index);
            let is_doubled = others
                .filter(|(_, _, other)| {
                    is_outcome || form.role == Role::Def && other.role == Role::Def
                })
                .any(|(_, other, _)| other == register);
            let is_base = (mem.writes_base() || is_outcome) && register == base;
            if is_doubled || is_base {
                return Err(self.error(index, OperandProblem::Overlap));
            }
        }
        Ok(())
    }
}

/// Puts the registers of an operand into their fields.
fn place_registers(
    operand: &Operand<Reg>,
    form: &OperandForm,
    word: &mut Word<'_>,
) -> Result<(), OperandProblem> {
    match (*operand, form.kind) {
        (Operand::Reg(register), Kind::Register(registers, fields)) => {
            check_register(register, registers)?;
            for field in fields {
                word.set(*field, u32::from(register.encoding()));
            }
        }
        (Operand::Mem(mem), _) => {
            let (base, index) = match mem {
                Mem::Offset { base, .. }
                | Mem::PreIndex { base, .. }
                | Mem::PostIndex { base, .. } => (base, None),
                Mem::Index { base, index, .. } => (base, Some(index)),
            };
            check_register(base, Registers::GprOrSp)?;
            word.set(Field::Rn, u32::from(base.encoding()));
            if let Some(index) = index {
                if index == Reg::SP {
                    return Err(OperandProblem::StackPointerAsIndex);
                }
                check_register(index, Registers::Gpr)?;
                word.set(Field::Rm, u32::from(index.encoding()));
            }
        }
        _ => {}
    }
    Ok(())
}

fn check_register(register: Reg, registers: Registers) -> Result<(), OperandProblem> {
    let fits = match registers {
        Registers::Gpr | Registers::Extended => register.is_gpr() && register != Reg::SP,
        Registers::GprOrSp => register.is_gpr() && register != Reg::ZR,
        Registers::Scalar | Registers::Vector(_) | Registers::Table(_) => register.is_vector(),
    };
    if fits {
        Ok(())
    } else {
        Err(OperandProblem::Register(registers))
    }
}

/// Checks that `operand` can stand in the place described by `form`, and puts all of it that is no
/// register into its fields.
pub(crate) fn place<R>(
    operand: &Operand<R>,
    form: &OperandForm,
    word: &mut Word<'_>,
) -> Result<(), OperandProblem> {
    match (form.kind, operand) {
        (Kind::Register(..), Operand::Reg(_)) => Ok(()),
        // A label in a page would tie the code to addresses modulo 4096.
        (Kind::Target(reach), Operand::Label(_)) if reach != Reach::Page21 => Ok(()),
        (Kind::Immediate(immediate), Operand::Imm(value)) => {
            immediate.place(*value, form.width, word)
        }
        (Kind::Lane(lane), Operand::Imm(value)) => {
            Immediate::Unsigned(lane).place(*value, form.width, word)
        }
        (Kind::Shift(can_rotate), &Operand::Shift(shift, amount)) => {
            if amount >= form.width.bits() || shift == Shift::Ror && !can_rotate {
                return Err(OperandProblem::Shift);
            }
            word.set(Field::Shift, shift.encoding());
            word.set(Field::Imm6, amount.into());
            Ok(())
        }
        (Kind::Place(field), &Operand::Shift(shift, amount)) => {
            let unit = if field == Field::Half { 16 } else { 8 };
            if shift != Shift::Lsl || amount % unit != 0 || amount >= form.width.bits() {
                return Err(OperandProblem::Shift);
            }
            word.set(field, u32::from(amount / unit));
            Ok(())
        }
        (Kind::Extend, &Operand::Extend(extend, amount)) => {
            // In 32 bits the low half is all there is; `uxtw` and `sxtw` say so.
            if amount > 4 || form.width == Width::B32 && extend.is_whole() {
                return Err(OperandProblem::Extend);
            }
            word.set(Field::Option, extend.encoding());
            word.set(Field::Imm3, amount.into());
            Ok(())
        }
        (Kind::Memory(addressing), Operand::Mem(mem)) => memory(mem, addressing, form.width, word),
        (Kind::Target(reach), &Operand::Imm(distance)) => {
            if !reach.contains(distance) {
                return Err(OperandProblem::Displacement(distance));
            }
            word.bits = reach.patch(word.bits, distance);
            Ok(())
        }
        (Kind::Condition(is_inverted), Operand::Cond(cond)) => {
            let cond = if is_inverted { cond.invert() } else { *cond };
            word.set(Field::Cond, cond.encoding());
            Ok(())
        }
        (Kind::System(is_written), Operand::System(register))
            if register.is_writable() || !is_written =>
        {
            word.set(Field::System, register.encoding());
            Ok(())
        }
        (Kind::Barrier, Operand::Barrier(scope)) => {
            word.set(Field::Scope, scope.encoding());
            Ok(())
        }
        (kind, _) => Err(OperandProblem::Kind(kind)),
    }
}

/// Displacement or extension of a memory reference.
fn memory<R>(
    mem: &Mem<R>,
    addressing: Addressing,
    width: Width,
    word: &mut Word<'_>,
) -> Result<(), OperandProblem> {
    let (disp, field, unit) = match (addressing, mem) {
        (Addressing::Base, Mem::Offset { disp: 0, .. }) => return Ok(()),
        (Addressing::Scaled, Mem::Offset { disp, .. }) => (*disp, Field::Imm12, width.bytes()),
        (Addressing::Unscaled, Mem::Offset { disp, .. })
        | (Addressing::Pre, Mem::PreIndex { disp, .. })
        | (Addressing::Post, Mem::PostIndex { disp, .. }) => (*disp, Field::Imm9, 1),
        (Addressing::Pair, Mem::Offset { disp, .. })
        | (Addressing::PairPre, Mem::PreIndex { disp, .. })
        | (Addressing::PairPost, Mem::PostIndex { disp, .. }) => {
            (*disp, Field::Imm7, width.bytes())
        }
        (Addressing::Index, &Mem::Index { extend, amount, .. }) => {
            // Options with bit 1 clear are not allocated.
            let is_word_or_more =
                extend.is_whole() || matches!(extend, Extend::Uxtw | Extend::Sxtw);
            if !is_word_or_more || amount != 0 && amount != width.scale() {
                return Err(OperandProblem::Extend);
            }
            word.set(Field::Option, extend.encoding());
            word.set(Field::Scaled, u32::from(amount != 0));
            return Ok(());
        }
        _ => return Err(OperandProblem::Kind(Kind::Memory(addressing))),
    };
    let unit = i32::from(unit);
    let bits = field.width();
    let range = if field == Field::Imm12 {
        0..1 << bits
    } else {
        -(1 << (bits - 1))..1 << (bits - 1)
    };
    if disp % unit != 0 || !range.contains(&(disp / unit)) {
        return Err(OperandProblem::Displacement(disp.into()));
    }
    word.set(field, (disp / unit) as u32);
    Ok(())
}
