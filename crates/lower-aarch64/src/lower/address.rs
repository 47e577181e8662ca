//! Addressing modes: a sum of a base, a scaled or extended index and a constant, put together from the
//! sums that were left to the access.
//!
//! The processor adds either a constant or an index to a base. Where a sum has both, the one that fits
//! worse is added first.

use super::fold::{LARGEST_EXTENDED, extension_of, shift_of};
use super::{Lower, Lowering, Mem, reg};
use crate::machine::{Opd, Register};
use enjamb_aarch64::access::Access;
use enjamb_aarch64::immediate::is_add;
use enjamb_aarch64::{Extend, Op, Operand, Reg, Shift, Width};
use enjamb_ir::{Inst, Opcode, Type, Value};
use enjamb_lower::{Reason, Values};
use enjamb_regalloc::VReg;

/// An index: a register, how it is extended, and how far it is shifted to the left.
#[derive(Clone, Copy)]
pub(super) struct Index {
    register: VReg,
    extend: Extend,
    amount: u8,
}

/// An address that is being put together.
struct Terms {
    base: Option<Register>,
    index: Option<Index>,
    disp: i64,
}

impl Index {
    /// All of a register.
    pub fn whole(register: VReg) -> Index {
        Index {
            register,
            extend: Extend::Uxtx,
            amount: 0,
        }
    }

    /// All of a register, shifted to the left.
    pub fn scaled(register: VReg, amount: u8) -> Index {
        Index {
            amount,
            ..Index::whole(register)
        }
    }

    /// The lower half of a register, without sign.
    pub fn word(register: VReg) -> Index {
        Index {
            extend: Extend::Uxtw,
            ..Index::whole(register)
        }
    }

    /// The index as the last operands of an arithmetic instruction on registers that are shifted, or of
    /// one on registers that are extended.
    pub fn operands(self) -> (bool, [Opd; 2]) {
        let register = reg(self.register);
        if self.extend.is_whole() {
            return (false, [register, Operand::Shift(Shift::Lsl, self.amount)]);
        }
        (true, [register, Operand::Extend(self.extend, self.amount)])
    }

    /// Memory at a base and this index.
    pub fn at_base(self, base: Register) -> Mem {
        Mem::extended(
            base,
            Register::Value(self.register),
            self.extend,
            self.amount,
        )
    }
}

impl Terms {
    const NONE: Terms = Terms {
        base: None,
        index: None,
        disp: 0,
    };

    /// Adds a constant if the sum still is one.
    fn add_constant(&mut self, constant: i64) -> bool {
        let sum = self.disp.checked_add(constant);
        if let Some(sum) = sum {
            self.disp = sum;
        }
        sum.is_some()
    }
}

impl Lowering<'_> {
    /// `bytes` at an address plus a constant offset.
    pub(super) fn addressed(&mut self, address: Value, offset: u32, bytes: u32) -> Lower<Mem> {
        let mut terms = Terms::NONE;
        self.add_term(&mut terms, address)?;
        if !terms.add_constant(i64::from(offset)) {
            let rest = std::mem::take(&mut terms.disp);
            let rest = self.load_immediate(rest);
            self.add_register(&mut terms, Register::Value(rest))?;
            terms.disp = i64::from(offset);
        }
        self.reference(terms, bytes)
    }

    /// The address that is the sum of an address and a number.
    pub(super) fn address_sum(&mut self, inst: Inst) -> Lower<VReg> {
        let mut terms = Terms::NONE;
        for operand in 0..2 {
            self.add_term(&mut terms, self.arg(inst, operand)?)?;
        }
        let base = self.base_and_constant(&terms)?;
        match terms.index {
            Some(index) => self.indexed(Register::Value(base), index),
            None => Ok(base),
        }
    }

    fn add_term(&mut self, terms: &mut Terms, value: Value) -> Lower<()> {
        let constant = self.function.integer_constant(value);
        if constant.is_some_and(|constant| terms.add_constant(constant)) {
            return Ok(());
        }
        if let Some(offset) = self.frame_offset(value)
            && terms.add_constant(i64::from(offset))
        {
            return self.add_register(terms, Register::Fixed(Reg::FP));
        }
        let Some(inst) = self.deferred(value) else {
            let register = self.value(value)?;
            return self.add_register(terms, Register::Value(register));
        };
        match self.data(inst).opcode {
            Opcode::Iadd | Opcode::AddrAdd => {
                self.add_term(terms, self.arg(inst, 0)?)?;
                return self.add_term(terms, self.arg(inst, 1)?);
            }
            Opcode::Isub => {
                let constant = self.constant(self.arg(inst, 1)?);
                let opposite = constant.and_then(i64::checked_neg);
                if opposite.is_some_and(|constant| terms.add_constant(constant)) {
                    return self.add_term(terms, self.arg(inst, 0)?);
                }
            }
            _ => {}
        }
        if terms.index.is_none()
            && let Some(index) = self.as_index(inst)?
        {
            terms.index = Some(index);
            return Ok(());
        }
        let register = self.value(value)?;
        self.add_register(terms, Register::Value(register))
    }

    /// An instruction as an index: an extension of 32 bits, a shift to the left, or both.
    fn as_index(&mut self, inst: Inst) -> Lower<Option<Index>> {
        let function = self.function;
        let is_word = |inst| {
            extension_of(function, inst)
                .filter(|extend| matches!(extend, Extend::Uxtw | Extend::Sxtw))
        };
        if let Some(extend) = is_word(inst) {
            let register = self.operand(inst, 0)?;
            return Ok(Some(Index {
                register,
                extend,
                amount: 0,
            }));
        }
        let Some(shift) = shift_of(function, inst).filter(|shift| shift.shift == Shift::Lsl) else {
            return Ok(None);
        };
        let inner = self
            .deferred(shift.value)
            .filter(|_| shift.amount <= LARGEST_EXTENDED);
        if let Some((inner, extend)) = inner.and_then(|inner| Some((inner, is_word(inner)?))) {
            return Ok(Some(Index {
                register: self.operand(inner, 0)?,
                extend,
                amount: shift.amount,
            }));
        }
        Ok(Some(Index {
            amount: shift.amount,
            ..Index::whole(self.value(shift.value)?)
        }))
    }

    /// Adds a register; base and index become one register if there is no place for it.
    fn add_register(&mut self, terms: &mut Terms, register: Register) -> Lower<()> {
        if let (Some(base), Some(index)) = (terms.base, terms.index) {
            let sum = self.indexed(base, index)?;
            terms.base = Some(Register::Value(sum));
            terms.index = None;
        }
        match (terms.base, register) {
            (None, _) => terms.base = Some(register),
            // The frame pointer is no register of the allocator's, so it is the base.
            (Some(Register::Value(base)), Register::Fixed(_)) => {
                terms.base = Some(register);
                terms.index = Some(Index::whole(base));
            }
            (Some(_), Register::Value(register)) => terms.index = Some(Index::whole(register)),
            (Some(_), _) => return Err(Reason::Malformed),
        }
        Ok(())
    }

    /// The sum of a base and an index in a register.
    pub(super) fn indexed(&mut self, base: Register, index: Index) -> Lower<VReg> {
        let (is_extended, [register, change]) = index.operands();
        let op = if is_extended {
            Op::Add64RRX
        } else {
            Op::Add64RRR
        };
        self.produce_int(op, &[Operand::Reg(base), register, change])
    }

    /// The sum of base and constant in a register.
    fn base_and_constant(&mut self, terms: &Terms) -> Lower<VReg> {
        match (terms.base, terms.disp) {
            (None, disp) => Ok(self.load_immediate(disp)),
            (Some(Register::Value(base)), 0) => Ok(base),
            (Some(base @ Register::Fixed(_)), disp) if i32::try_from(disp).is_ok() => {
                self.address_of(Mem::base(base, disp as i32))
            }
            (Some(base), disp) => self.add_constant(Operand::Reg(base), disp, Type::I64),
        }
    }

    /// Memory too far from a base for an access: the upper bits of the distance are added to the base, if
    /// one addition does, and the rest is in reach.
    pub(super) fn in_reach(&mut self, access: &Access, base: Register, disp: i32) -> Lower<Mem> {
        let (high, low) = (i64::from(disp & !0xfff), disp & 0xfff);
        let is_near = |disp| access.form(&Mem::base(base, disp)).is_some();
        if is_add(high.abs()) && is_near(low) {
            let near = self.add_constant(Operand::Reg(base), high, Type::I64)?;
            return Ok(Mem::base(Register::Value(near), low));
        }
        let distance = self.load_immediate(i64::from(disp));
        Ok(Mem::indexed(base, Register::Value(distance), 0))
    }

    /// Memory of `bytes` at an address.
    fn reference(&mut self, terms: Terms, bytes: u32) -> Lower<Mem> {
        let disp = i32::try_from(terms.disp);
        let (index, disp) = match (terms.base, terms.index, disp) {
            (Some(base), None, Ok(disp)) => return Ok(Mem::base(base, disp)),
            (_, None, _) => {
                let base = self.base_and_constant(&terms)?;
                return Ok(Mem::base(Register::Value(base), 0));
            }
            (_, Some(index), disp) => (index, disp),
        };
        let scale = Width::from_bytes(bytes).map_or(0, Width::scale);
        let is_scaled = index.amount == 0 || index.amount == scale;
        match (terms.base, disp) {
            (Some(base), Ok(0)) if is_scaled => Ok(index.at_base(base)),
            // Small distances are in reach of every access.
            (Some(base @ Register::Value(_)), Ok(disp @ -256..256)) => {
                let sum = self.indexed(base, index)?;
                Ok(Mem::base(Register::Value(sum), disp))
            }
            _ => {
                let base = Register::Value(self.base_and_constant(&terms)?);
                if is_scaled {
                    return Ok(index.at_base(base));
                }
                let sum = self.indexed(base, index)?;
                Ok(Mem::base(Register::Value(sum), 0))
            }
        }
    }
}
