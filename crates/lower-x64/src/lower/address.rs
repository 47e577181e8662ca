//! Addressing modes: a sum of a base, a scaled index and a constant.

use super::{Lowering, reg};
use crate::machine::Register;
use enjamb_ir::{Function, Inst, Opcode, Payload, Place, Type, Value};
use enjamb_lower::{Lower, LowerMemory, Reason, Values};
use enjamb_regalloc::VReg;
use enjamb_x64::{Base, Mem, Op, Reg, Scale};

/// Whether an operand can be part of an addressing mode.
pub(super) fn folds(function: &Function, user: Inst, operand: usize, source: Inst) -> bool {
    let user = &function.insts[user];
    let is_address = match (user.opcode, user.payload) {
        (_, Payload::Access(Place::Address | Place::Raw, _)) => operand == 0,
        (Opcode::Iadd | Opcode::Isub | Opcode::AddrAdd, _) => true,
        _ => false,
    };
    is_address && is_address_part(function, source)
}

/// Whether an addressing mode can take in an instruction.
fn is_address_part(function: &Function, inst: Inst) -> bool {
    match function.insts[inst].opcode {
        Opcode::Iadd | Opcode::AddrAdd => true,
        Opcode::Isub => function.integer_constant(function.args(inst)[1]).is_some(),
        _ => scaled_by(function, inst).is_some(),
    }
}

/// The amount of a shift by which an index register can be scaled.
fn scaled_by(function: &Function, inst: Inst) -> Option<u64> {
    let data = &function.insts[inst];
    if data.opcode != Opcode::Ishl || !matches!(data.ty, Type::I32 | Type::I64) {
        return None;
    }
    let amount = function.integer_constant(function.args(inst)[1])?;
    (0..=3).contains(&amount).then(|| 1 << amount)
}

/// An addressing mode that is being put together.
struct Terms {
    base: Option<Register>,
    index: Option<(Register, Scale)>,
    disp: i32,
}

impl Terms {
    fn mem(&self) -> Mem<Register> {
        Mem {
            base: self.base.map_or(Base::None, Base::Reg),
            index: self.index,
            disp: self.disp,
        }
    }

    /// Adds a constant if the sum still fits.
    fn add_constant(&mut self, constant: i64) -> bool {
        let sum = i64::from(self.disp).checked_add(constant);
        match sum.map(i32::try_from) {
            Some(Ok(sum)) => {
                self.disp = sum;
                true
            }
            _ => false,
        }
    }
}

impl Lowering<'_> {
    /// The memory at an address plus a constant offset.
    pub(super) fn sum_of(&mut self, address: Value, offset: u32) -> Lower<Mem<Register>> {
        let mut terms = self.no_terms();
        self.add_term(&mut terms, address)?;
        self.add_offset(&mut terms, i64::from(offset))?;
        Ok(terms.mem())
    }

    /// A sum or difference as if it were an address.
    pub(super) fn sum_as_address(&mut self, inst: Inst) -> Lower<Mem<Register>> {
        let mut terms = self.no_terms();
        self.add_sum(&mut terms, inst)?;
        Ok(terms.mem())
    }

    fn no_terms(&self) -> Terms {
        Terms {
            base: None,
            index: None,
            disp: 0,
        }
    }

    fn add_sum(&mut self, terms: &mut Terms, inst: Inst) -> Lower<()> {
        let (first, second) = (self.arg(inst, 0)?, self.arg(inst, 1)?);
        self.add_term(terms, first)?;
        // A difference is an address part whatever the size of its constant.
        match (
            self.data(inst).opcode,
            self.function.integer_constant(second),
        ) {
            (Opcode::Isub, Some(constant)) => self.add_offset(terms, constant.wrapping_neg()),
            (Opcode::Isub, None) => Err(Reason::Malformed),
            _ => self.add_term(terms, second),
        }
    }

    fn add_term(&mut self, terms: &mut Terms, value: Value) -> Lower<()> {
        let constant = self.function.integer_constant(value);
        if constant.is_some_and(|constant| terms.add_constant(constant)) {
            return Ok(());
        }
        if let Some(offset) = self.frame_offset(value) {
            terms.disp = terms
                .disp
                .checked_add(offset)
                .ok_or(Reason::FrameTooLarge)?;
            return self.add_register(terms, Register::Fixed(Reg::RBP));
        }
        if let Some(inst) = self.deferred(value) {
            match (scaled_by(self.function, inst), terms.index) {
                (Some(factor), None) => {
                    let index = self.operand(inst, 0)?;
                    let scale = Scale::from_factor(factor).ok_or(Reason::Malformed)?;
                    terms.index = Some((Register::Value(index), scale));
                    return Ok(());
                }
                (None, _) => return self.add_sum(terms, inst),
                (Some(_), Some(_)) => {}
            }
        }
        let register = self.value(value)?;
        self.add_register(terms, Register::Value(register))
    }

    /// Adds a register; the terms so far become one register if there is no place for it.
    fn add_register(&mut self, terms: &mut Terms, register: Register) -> Lower<()> {
        if terms.base.is_some() && terms.index.is_some() {
            let sum = self.produce_int(Op::Lea64RM, &[terms.mem().into()])?;
            *terms = self.no_terms();
            terms.base = Some(Register::Value(sum));
        }
        match (terms.base, register) {
            (None, _) => terms.base = Some(register),
            // The frame pointer cannot be left in a register of the allocator's, so it is the base.
            (Some(base), Register::Fixed(_)) => {
                terms.base = Some(register);
                terms.index = Some((base, Scale::One));
            }
            (Some(_), _) => terms.index = Some((register, Scale::One)),
        }
        Ok(())
    }

    fn add_offset(&mut self, terms: &mut Terms, offset: i64) -> Lower<()> {
        if terms.add_constant(offset) {
            return Ok(());
        }
        let register = self.load_immediate(offset);
        self.add_register(terms, Register::Value(register))
    }

    /// The sum of a register and a constant of any size.
    pub(super) fn offset_by(&mut self, register: VReg, offset: i64) -> Lower<VReg> {
        match i32::try_from(offset) {
            Ok(disp) => self.load_address(Mem::base(Register::Value(register), disp)),
            Err(_) => {
                let amount = self.load_immediate(offset);
                self.modify(Op::Add64RM, amount, &[reg(register)])
            }
        }
    }
}
