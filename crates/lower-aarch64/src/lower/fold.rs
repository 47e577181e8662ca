//! What instructions take in of what computes their operands: shifts, extensions, products,
//! complements, sums in addresses, tests in branches.
//!
//! [`folds`] decides, before anything is lowered, which instruction is left to its single use. That
//! is a promise of the user to look for it; what it finds no place for in the end it computes with
//! [`enjamb_lower::Values::value`] like any other operand. So the rules here may be generous.

use super::immediate::{constant_operand, exponent};
use super::{Lower, Lowering, reg, vector};
use crate::machine::Opd;
use enjamb_aarch64::sized::ByWidth;
use enjamb_aarch64::{Extend, Operand, Shift, Width};
use enjamb_ir::{Function, Inst, Opcode, Payload, Place, Type, Value};
use enjamb_lower::Values;
use enjamb_regalloc::VReg;

/// The largest left shift of an extended register.
pub(super) const LARGEST_EXTENDED: u8 = 4;

/// A register operand that an instruction reads shifted by a constant.
#[derive(Clone, Copy)]
pub(super) struct ShiftOf {
    pub shift: Shift,
    pub amount: u8,
    pub value: Value,
}

/// The last operand of an arithmetic or logical instruction.
#[derive(Clone, Copy)]
pub(super) enum Source {
    /// A register.
    Plain(Opd),
    /// A register and its shift.
    Shifted([Opd; 2]),
    /// A register and its extension, in arithmetic only.
    Extended([Opd; 2]),
}

/// The forms of an arithmetic instruction whose last operand is shifted or extended.
#[derive(Clone, Copy)]
pub(super) struct Forms {
    pub shifted: ByWidth,
    pub extended: ByWidth,
}

/// An instruction as a shift by a constant. Bits of a narrow value come in from above in a shift to
/// the right, so only shifts to the left can be taken in then.
pub(super) fn shift_of(function: &Function, inst: Inst) -> Option<ShiftOf> {
    let data = &function.insts[inst];
    let args = function.args(inst);
    let bits = data.ty.bits();
    if data.opcode == Opcode::Imul {
        let factor = |index: usize| exponent(constant_operand(function, inst, index)?, data.ty);
        let (amount, value) = match (factor(1), factor(0)) {
            (Some(amount), _) => (amount, args[0]),
            (None, Some(amount)) => (amount, args[1]),
            (None, None) => return None,
        };
        let shift = Shift::Lsl;
        return Some(ShiftOf {
            shift,
            amount,
            value,
        });
    }
    let shift = match data.opcode {
        Opcode::Ishl => Shift::Lsl,
        Opcode::Ushr if bits >= 32 => Shift::Lsr,
        Opcode::Sshr if bits >= 32 => Shift::Asr,
        Opcode::Rotr | Opcode::Rotl if bits >= 32 => Shift::Ror,
        _ => return None,
    };
    let mut amount = constant_operand(function, inst, 1)? as u32 & (bits - 1);
    if data.opcode == Opcode::Rotl {
        amount = (bits - amount) % bits;
    }
    Some(ShiftOf {
        shift,
        amount: amount as u8,
        value: args[0],
    })
}

/// An instruction as an extension of a narrower register.
pub(super) fn extension_of(function: &Function, inst: Inst) -> Option<Extend> {
    let is_signed = match function.insts[inst].opcode {
        Opcode::Sextend => true,
        Opcode::Uextend => false,
        _ => return None,
    };
    let &from = function.args(inst).first()?;
    Some(extension(function.value_type(from), is_signed))
}

/// The extension that a type needs.
pub(super) fn extension(from: Type, is_signed: bool) -> Extend {
    match (from, is_signed) {
        (Type::I8, false) => Extend::Uxtb,
        (Type::I8, true) => Extend::Sxtb,
        (Type::I16, false) => Extend::Uxth,
        (Type::I16, true) => Extend::Sxth,
        (Type::I32, false) => Extend::Uxtw,
        (Type::I32, true) => Extend::Sxtw,
        (_, false) => Extend::Uxtx,
        (_, true) => Extend::Sxtx,
    }
}

fn is_extension(function: &Function, inst: Inst) -> bool {
    extension_of(function, inst).is_some()
}

/// Whether an instruction extends 32 bits, as the factors of a long multiplication are extended.
fn extends_word(function: &Function, inst: Inst) -> bool {
    matches!(
        extension_of(function, inst),
        Some(Extend::Uxtw | Extend::Sxtw)
    )
}

fn is_rotation(function: &Function, inst: Inst) -> bool {
    shift_of(function, inst).is_some_and(|shift| shift.shift == Shift::Ror)
}

/// Whether arithmetic can take an instruction in as its last operand.
fn is_arithmetic_source(function: &Function, inst: Inst) -> bool {
    let is_shift = shift_of(function, inst).is_some() && !is_rotation(function, inst);
    is_shift || is_extension(function, inst)
}

/// Whether an instruction adds a constant.
fn adds_constant(function: &Function, inst: Inst) -> bool {
    let is_constant = |index| constant_operand(function, inst, index).is_some();
    match function.insts[inst].opcode {
        Opcode::Iadd => is_constant(0) || is_constant(1),
        Opcode::AddrAdd | Opcode::Isub => is_constant(1),
        _ => false,
    }
}

/// Whether an instruction compares integers or floats.
pub(super) fn is_comparison(opcode: Opcode) -> bool {
    matches!(opcode, Opcode::Icmp | Opcode::Fcmp)
}

/// Whether a branch or selection can test what an instruction computes without computing it.
fn is_test(opcode: Opcode) -> bool {
    matches!(opcode, Opcode::Band | Opcode::Bor) || is_comparison(opcode)
}

/// Whether operand number `operand` of `user` takes in `source`, which is pure, has no other use and
/// stands in the same block.
pub(super) fn folds(function: &Function, user: Inst, operand: usize, source: Inst) -> bool {
    use Opcode::*;
    let data = &function.insts[user];
    let opcode = function.insts[source].opcode;
    let is_source = || is_arithmetic_source(function, source);
    match (data.opcode, data.payload) {
        (Bitselect | InsertLane | Viadd | Visub | Sextend, _) => {
            vector::folds(function, user, operand, source)
        }
        (Band | Bor | Bxor | Bnot, _) if data.ty == Type::V128 => {
            vector::folds(function, user, operand, source)
        }
        (Brif, _) => operand == 0 && is_test(opcode),
        (Select, _) => match operand {
            0 => is_test(opcode),
            _ => matches!(opcode, Bnot | Ineg) || adds_one(function, source).is_some(),
        },
        (Iadd, _) => is_source() || opcode == Imul || adds_constant(function, source),
        (AddrAdd, _) => is_source() || adds_constant(function, source),
        (Isub, _) => operand == 1 && (is_source() || opcode == Imul),
        (Ineg, _) => opcode == Imul || shift_of(function, source).is_some(),
        (Bnot, _) => shift_of(function, source).is_some(),
        (Band | Bor, _) if data.ty == Type::I8 && is_comparison(opcode) => true,
        (Band | Bor | Bxor, _) => opcode == Bnot || shift_of(function, source).is_some(),
        (Imul, _) => data.ty == Type::I64 && extends_word(function, source),
        (Ishl, _) if operand == 0 => {
            is_extension(function, source) && constant_operand(function, user, 1).is_some()
        }
        (Ishl | Ushr | Sshr | Rotl | Rotr, _) => operand == 1 && opcode == Band,
        (Icmp, _) => match operand {
            0 => opcode == Band && constant_operand(function, user, 1) == Some(0),
            _ => data.ty.bits() >= 32 && is_source(),
        },
        (_, Payload::Access(Place::Address | Place::Raw, _)) if operand == 0 => {
            matches!(opcode, Iadd | AddrAdd) || adds_constant(function, source)
        }
        (_, Payload::Access(Place::Memory(_) | Place::Slot(_), _)) if operand == 0 => {
            opcode == Uextend && extends_word(function, source)
        }
        _ => false,
    }
}

/// What an instruction adds 1 to.
pub(super) fn adds_one(function: &Function, inst: Inst) -> Option<Value> {
    let args = function.args(inst);
    let is = |index, wanted| constant_operand(function, inst, index) == Some(wanted);
    match function.insts[inst].opcode {
        Opcode::Iadd if is(1, 1) => Some(args[0]),
        Opcode::Iadd if is(0, 1) => Some(args[1]),
        Opcode::Isub if is(1, -1) => Some(args[0]),
        _ => None,
    }
}

impl Lowering<'_> {
    /// A value's definition, if it is left to the use at hand and has one of the opcodes.
    pub(super) fn folded(&self, value: Value, opcodes: &[Opcode]) -> Option<Inst> {
        let inst = self.deferred(value)?;
        opcodes.contains(&self.data(inst).opcode).then_some(inst)
    }

    /// Whether a value is left to the use at hand.
    pub(super) fn is_folded(&self, value: Value) -> bool {
        self.deferred(value).is_some()
    }

    /// A value as the last operand of a logical instruction.
    pub(super) fn logical_source(&mut self, value: Value) -> Lower<Source> {
        self.shift_source(value, true)
    }

    /// A value, shifted if a shift was left to this use.
    pub(super) fn shift_source(&mut self, value: Value, can_rotate: bool) -> Lower<Source> {
        let function = self.function;
        let deferred = self.deferred(value);
        match deferred.and_then(|inst| shift_of(function, inst)) {
            Some(shift) if can_rotate || shift.shift != Shift::Ror => self.shifted_source(shift),
            _ => Ok(Source::Plain(reg(self.value(value)?))),
        }
    }

    fn shifted_source(&mut self, of: ShiftOf) -> Lower<Source> {
        let register = self.value(of.value)?;
        let shift = Operand::Shift(of.shift, of.amount);
        Ok(Source::Shifted([reg(register), shift]))
    }

    /// A value as the last operand of an arithmetic instruction.
    pub(super) fn arithmetic_source(&mut self, value: Value) -> Lower<Source> {
        let function = self.function;
        let Some(inst) = self.deferred(value) else {
            return Ok(Source::Plain(reg(self.value(value)?)));
        };
        if let Some(extend) = extension_of(function, inst) {
            return self.extended_source(inst, extend, 0);
        }
        match shift_of(function, inst) {
            Some(shift) if shift.shift != Shift::Ror => {
                let inner = self.deferred(shift.value);
                let extension = inner.and_then(|inner| extension_of(function, inner));
                match (inner, extension) {
                    (Some(inner), Some(extend))
                        if shift.shift == Shift::Lsl && shift.amount <= LARGEST_EXTENDED =>
                    {
                        self.extended_source(inner, extend, shift.amount)
                    }
                    _ => self.shifted_source(shift),
                }
            }
            _ => Ok(Source::Plain(reg(self.value(value)?))),
        }
    }

    fn extended_source(&mut self, inst: Inst, extend: Extend, amount: u8) -> Lower<Source> {
        let register = self.operand(inst, 0)?;
        Ok(Source::Extended([
            reg(register),
            Operand::Extend(extend, amount),
        ]))
    }

    /// An instruction with a source as its last operand, and a new integer as its first.
    pub(super) fn with_source(
        &mut self,
        forms: Forms,
        width: Width,
        first: VReg,
        source: Source,
    ) -> Lower<VReg> {
        match source {
            Source::Plain(last) => self.produce_int(forms.shifted.at(width), &[reg(first), last]),
            Source::Shifted([last, shift]) => {
                self.produce_int(forms.shifted.at(width), &[reg(first), last, shift])
            }
            Source::Extended([last, extend]) => {
                self.produce_int(forms.extended.at(width), &[reg(first), last, extend])
            }
        }
    }
}
