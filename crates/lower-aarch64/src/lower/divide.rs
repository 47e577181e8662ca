//! Quotients and remainders.
//!
//! The processor's division does not trap: by zero it gives zero, and the smallest integer by -1 is
//! itself. A remainder is the dividend less quotient times divisor, which makes that one 0, as it has
//! to be.

use super::immediate::{exponent, unsigned};
use super::{Lowering, imm, operation_width, reg};
use crate::machine::{Condition, Opd};
use enjamb_aarch64::{Cond, Op, Operand, Shift, Width, sized};
use enjamb_ir::{Inst, Opcode, TrapCode, Type};
use enjamb_lower::Lower;
use enjamb_regalloc::VReg;

/// No flag is set.
const NONE: Opd = Operand::Imm(0);

impl Lowering<'_> {
    /// Narrow numbers are extended and divided as 32 bits.
    pub(super) fn divide(&mut self, inst: Inst) -> Lower<VReg> {
        let data = self.data(inst);
        let (first, second) = (self.arg(inst, 0)?, self.arg(inst, 1)?);
        let is_signed = matches!(data.opcode, Opcode::Sdiv | Opcode::Srem);
        let is_remainder = matches!(data.opcode, Opcode::Urem | Opcode::Srem);
        let width = operation_width(data.ty);
        let constant = self.constant(second);
        if let Some(divisor) = constant.and_then(|constant| power_of(constant, data.ty, is_signed))
        {
            let dividend = self.extended_value(first, is_signed)?;
            return match (is_signed, is_remainder) {
                (true, false) => self.signed_quotient(dividend, divisor, width),
                (true, true) => self.signed_remainder(dividend, divisor, width),
                (false, false) => {
                    let amount = imm(i64::from(divisor));
                    self.produce_int(sized::LSR_RRI.at(width), &[reg(dividend), amount])
                }
                (false, true) => self.low_bits(dividend, divisor, width),
            };
        }
        let divisor = self.extended_value(second, is_signed)?;
        let dividend = self.extended_value(first, is_signed)?;
        if constant.is_none_or(|constant| constant == 0) {
            self.trap_if(Condition::Zero(divisor, width), TrapCode::DivisionByZero);
        }
        let is_checked = is_signed && !is_remainder && constant.is_none_or(|value| value == -1);
        if is_checked && data.ty.bits() >= 32 {
            self.check_operands(dividend, divisor, width)?;
        }
        let form = if is_signed {
            sized::SDIV_RRR
        } else {
            sized::UDIV_RRR
        };
        let quotient = self.produce_int(form.at(width), &[reg(dividend), reg(divisor)])?;
        if is_checked && data.ty.bits() < 32 {
            self.check_quotient(quotient, data.ty)?;
        }
        if !is_remainder {
            return Ok(quotient);
        }
        let operands = [reg(quotient), reg(divisor), reg(dividend)];
        self.produce_int(sized::MSUB_RRRR.at(width), &operands)
    }

    /// Traps if the divisor is -1 and the dividend the smallest integer, the only one from which 1
    /// cannot be subtracted without overflow.
    fn check_operands(&mut self, dividend: VReg, divisor: VReg, width: Width) -> Lower<()> {
        self.effect(sized::CMN_RI.at(width), &[reg(divisor), imm(1)])?;
        let operands = [reg(dividend), imm(1), NONE, Cond::EQ.into()];
        self.effect(sized::CCMP_RI.at(width), &operands)?;
        self.trap_if(Condition::Flag(Cond::VS), TrapCode::IntegerOverflow);
        Ok(())
    }

    /// The same for narrow numbers: only that quotient is one more than the largest integer.
    fn check_quotient(&mut self, quotient: VReg, ty: Type) -> Lower<()> {
        let too_large = imm(1 << (ty.bits() - 1));
        self.effect(Op::Cmp32RI, &[reg(quotient), too_large])?;
        self.trap_if(Condition::Flag(Cond::EQ), TrapCode::IntegerOverflow);
        Ok(())
    }

    /// A mask of the low bits of which there is at least one.
    fn low_bits(&mut self, value: VReg, count: u8, width: Width) -> Lower<VReg> {
        if count == 0 {
            return Ok(self.load_immediate(0));
        }
        let mask = imm(((1_u64 << count) - 1) as i64);
        self.produce_int(sized::AND_RRI.at(width), &[reg(value), mask])
    }

    /// By a power of two: a shift rounds down, so a negative dividend gets the divisor less 1 added.
    fn signed_quotient(&mut self, dividend: VReg, power: u8, width: Width) -> Lower<VReg> {
        let amount = imm(i64::from(power));
        if power == 0 {
            return self.produce_int(sized::LSL_RRI.at(width), &[reg(dividend), amount]);
        }
        let sign = self.produce_int(
            sized::ASR_RRI.at(width),
            &[reg(dividend), imm(i64::from(width.bits()) - 1)],
        )?;
        let low_ones = Operand::Shift(Shift::Lsr, width.bits() - power);
        let biased = self.produce_int(
            sized::ADD_RRR.at(width),
            &[reg(dividend), reg(sign), low_ones],
        )?;
        self.produce_int(sized::ASR_RRI.at(width), &[reg(biased), amount])
    }

    /// By a power of two: the low bits of the magnitude, with the dividend's sign. After the negation
    /// the flags say whether the dividend was positive.
    fn signed_remainder(&mut self, dividend: VReg, power: u8, width: Width) -> Lower<VReg> {
        let opposite = self.produce_int(sized::NEGS_RR.at(width), &[reg(dividend)])?;
        let of_positive = self.low_bits(dividend, power, width)?;
        let of_negative = self.low_bits(opposite, power, width)?;
        let operands = [reg(of_positive), reg(of_negative), Cond::MI.into()];
        self.produce_int(sized::CSNEG_RRR.at(width), &operands)
    }
}

/// The exponent of a divisor that is a power of two, in the sign of the division.
fn power_of(divisor: i64, ty: Type, is_signed: bool) -> Option<u8> {
    let is_positive = divisor > 0 || !is_signed;
    is_positive.then(|| exponent(unsigned(divisor, ty), ty))?
}
