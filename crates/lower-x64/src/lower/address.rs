//! Addressing modes: a sum of a base, a scaled index and a constant.

use super::{Lower, Lowering, reg};
use crate::error::Reason;
use crate::machine::Register;
use crate::select::scaled_by;
use enjamb_ir::{Inst, Opcode, Payload, Value, ValueDef};
use enjamb_regalloc::VReg;
use enjamb_x64::{Base, Mem, Op, Reg, Scale};

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
    pub(super) fn address(&mut self, address: Value, offset: u32) -> Lower<Mem<Register>> {
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

    /// The offset of an address in the frame from the frame pointer.
    fn frame_offset(&self, value: Value) -> Option<i32> {
        let ValueDef::Result(inst, 0) = self.function.values[value].def else {
            return None;
        };
        match (self.data(inst).opcode, self.data(inst).payload) {
            (Opcode::StackAddr, Payload::Slot(slot, offset)) => {
                let offset = i32::try_from(offset).ok()?;
                self.frame.slot(slot).checked_add(offset)
            }
            _ => None,
        }
    }

    /// The address of something, in a register.
    pub(super) fn load_address(&mut self, mem: Mem<Register>) -> Lower<VReg> {
        self.produce_int(Op::Lea64RM, &[mem.into()])
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
