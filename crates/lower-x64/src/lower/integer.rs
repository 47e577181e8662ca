//! Integer arithmetic and bits.

use super::{Lowering, imm, operation_width, reg, width_of};
use crate::machine::{Opd, Register};
use enjamb_ir::{Inst, Opcode, Payload, TrapCode, Type};
use enjamb_lower::{Lower, Reason, Values};
use enjamb_regalloc::{RegClass, VReg};
use enjamb_x64::{Cond, Op, Operand, Width, sized, sized::ByWidth};

/// The instructions that compute with a register or memory, and with an immediate.
type Binary = (ByWidth, ByWidth);
const AND: Binary = (sized::AND_RM, sized::AND_MI);
const OR: Binary = (sized::OR_RM, sized::OR_MI);
const XOR: Binary = (sized::XOR_RM, sized::XOR_MI);
const SUB: Binary = (sized::SUB_RM, sized::SUB_MI);

/// Shifts by a count in CL and by an immediate.
type Shift = (ByWidth, ByWidth);
const SHL: Shift = (sized::SHL_MC, sized::SHL_MI);
const SHR: Shift = (sized::SHR_MC, sized::SHR_MI);
const SAR: Shift = (sized::SAR_MC, sized::SAR_MI);
const ROL: Shift = (sized::ROL_MC, sized::ROL_MI);
const ROR: Shift = (sized::ROR_MC, sized::ROR_MI);

impl Lowering<'_> {
    pub(super) fn integer_arithmetic(&mut self, inst: Inst) -> Lower<VReg> {
        use Opcode::*;
        let data = self.data(inst);
        let width = operation_width(data.ty);
        match data.opcode {
            Null => Ok(self.load_immediate(0)),
            Iconst => {
                let value = self.payload(inst, |payload| match payload {
                    Payload::Integer(value) => Some(value),
                    _ => None,
                })?;
                // The upper half of a narrower value does not matter; without sign it is shorter.
                let is_wide = data.ty == Type::I64;
                Ok(self.load_immediate(if is_wide {
                    value
                } else {
                    i64::from(value as u32)
                }))
            }
            Iadd | AddrAdd => self.sum(inst),
            Isub => match self.immediate(self.arg(inst, 1)?) {
                Some(_) => self.sum(inst),
                None => self.binary(inst, SUB, false),
            },
            Band => self.binary(inst, AND, true),
            Bor => self.binary(inst, OR, true),
            Bxor => self.binary(inst, XOR, true),
            Imul => self.multiply(inst),
            Umulhi => self.multiply_high(inst, sized::MUL_M),
            Smulhi => self.multiply_high(inst, sized::IMUL_M),
            Udiv | Sdiv | Urem | Srem => self.divide(inst),
            Ineg => {
                let value = self.operand(inst, 0)?;
                self.modify(sized::NEG_M.at(width), value, &[])
            }
            Bnot => {
                let value = self.operand(inst, 0)?;
                self.modify(sized::NOT_M.at(width), value, &[])
            }
            Umin => self.extremum(inst, Cond::B),
            Umax => self.extremum(inst, Cond::A),
            Smin => self.extremum(inst, Cond::L),
            Smax => self.extremum(inst, Cond::G),
            Ishl => self.shift(inst, SHL),
            Ushr => self.shift(inst, SHR),
            Sshr => self.shift(inst, SAR),
            Rotl => self.shift(inst, ROL),
            Rotr => self.shift(inst, ROR),
            Clz => self.leading_zeros(inst),
            Ctz => self.trailing_zeros(inst),
            Popcnt => {
                let value = self.extended_operand(inst, 0, false)?;
                self.produce_int(sized::POPCNT_RM.at(width), &[reg(value)])
            }
            _ => Err(Reason::Malformed),
        }
    }

    /// A value with its upper bits, up to 32, defined.
    pub(super) fn extended(&mut self, value: VReg, ty: Type, is_signed: bool) -> Lower<VReg> {
        let op = match (ty, is_signed) {
            (Type::I8, false) => Op::Movzx32RM8,
            (Type::I8, true) => Op::Movsx32RM8,
            (Type::I16, false) => Op::Movzx32RM16,
            (Type::I16, true) => Op::Movsx32RM16,
            _ => return Ok(value),
        };
        self.produce_int(op, &[reg(value)])
    }

    fn extended_operand(&mut self, inst: Inst, index: usize, is_signed: bool) -> Lower<VReg> {
        let value = self.operand(inst, index)?;
        self.extended(value, self.data(inst).ty, is_signed)
    }

    /// Sum or difference, with operands taken in as far as an addressing mode can.
    fn sum(&mut self, inst: Inst) -> Lower<VReg> {
        let width = operation_width(self.data(inst).ty);
        let mem = self.sum_as_address(inst)?;
        self.produce_int(sized::LEA_RM.at(width), &[mem.into()])
    }

    fn binary(&mut self, inst: Inst, ops: Binary, commutes: bool) -> Lower<VReg> {
        let width = operation_width(self.data(inst).ty);
        let (mut first, mut second) = (self.arg(inst, 0)?, self.arg(inst, 1)?);
        if commutes && self.immediate(first).is_some() {
            std::mem::swap(&mut first, &mut second);
        }
        let input = self.value(first)?;
        match self.immediate(second) {
            Some(constant) => self.modify(ops.1.at(width), input, &[imm(constant)]),
            None => {
                let other = self.value(second)?;
                self.modify(ops.0.at(width), input, &[reg(other)])
            }
        }
    }

    fn multiply(&mut self, inst: Inst) -> Lower<VReg> {
        let width = operation_width(self.data(inst).ty);
        let (mut first, mut second) = (self.arg(inst, 0)?, self.arg(inst, 1)?);
        if self.immediate(first).is_some() {
            std::mem::swap(&mut first, &mut second);
        }
        let input = self.value(first)?;
        match self.immediate(second) {
            Some(factor) if factor > 0 && (factor as u64).is_power_of_two() => {
                let amount = i64::from(factor.trailing_zeros());
                self.modify(sized::SHL_MI.at(width), input, &[imm(amount)])
            }
            Some(factor) => self.produce_int(sized::IMUL_RMI.at(width), &[reg(input), imm(factor)]),
            None => {
                let other = self.value(second)?;
                self.modify(sized::IMUL_RM.at(width), input, &[reg(other)])
            }
        }
    }

    fn multiply_high(&mut self, inst: Inst, op: ByWidth) -> Lower<VReg> {
        let width = operation_width(self.data(inst).ty);
        let (first, second) = (self.operand(inst, 0)?, self.operand(inst, 1)?);
        let (high, low) = (self.new_vreg(RegClass::Int), self.new_vreg(RegClass::Int));
        self.effect(
            op.at(width),
            &[reg(high), in_place(first, low), reg(second)],
        )?;
        Ok(high)
    }

    /// Quotients and remainders; narrow ones in 32 bits.
    fn divide(&mut self, inst: Inst) -> Lower<VReg> {
        let data = self.data(inst);
        let is_signed = matches!(data.opcode, Opcode::Sdiv | Opcode::Srem);
        let is_remainder = matches!(data.opcode, Opcode::Urem | Opcode::Srem);
        let width = operation_width(data.ty);
        let constant = self.function.integer_constant(self.arg(inst, 1)?);
        let mut divisor = self.extended_operand(inst, 1, is_signed)?;
        let dividend = self.extended_operand(inst, 0, is_signed)?;
        if constant.is_none_or(|constant| constant == 0) {
            self.effect(sized::TEST_MR.at(width), &[reg(divisor), reg(divisor)])?;
            self.trap_on(Cond::E, TrapCode::DivisionByZero);
        }
        if is_signed && constant.is_none_or(|constant| constant == -1) {
            if is_remainder {
                divisor = self.avoid_minus_one(divisor, width)?;
            } else {
                self.check_quotient(dividend, divisor, data.ty)?;
            }
        }
        let (quotient, remainder) = (self.new_vreg(RegClass::Int), self.new_vreg(RegClass::Int));
        let (high, op) = if is_signed {
            let extend = match width {
                Width::B64 => Op::Cqo,
                _ => Op::Cdq,
            };
            let high = self.produce_int(extend, &[reg(dividend)])?;
            (high, sized::IDIV_M)
        } else {
            (self.load_immediate(0), sized::DIV_M)
        };
        let operands = [
            in_place(dividend, quotient),
            in_place(high, remainder),
            reg(divisor),
        ];
        self.effect(op.at(width), &operands)?;
        Ok(if is_remainder { remainder } else { quotient })
    }

    /// A remainder by -1 is that by 1, which does not overflow in the processor.
    fn avoid_minus_one(&mut self, divisor: VReg, width: Width) -> Lower<VReg> {
        let one = self.load_immediate(1);
        self.effect(sized::CMP_MI.at(width), &[reg(divisor), imm(-1)])?;
        self.modify(Op::cmov(width, Cond::E), divisor, &[reg(one)])
    }

    /// Traps if the dividend is the smallest integer and the divisor -1: if the bits in which the
    /// one differs from the smallest integer and the other from -1 are none.
    fn check_quotient(&mut self, dividend: VReg, divisor: VReg, ty: Type) -> Lower<()> {
        let width = operation_width(ty);
        let smallest = self.load_immediate(-1 << (ty.bits() - 1));
        let first = self.modify(sized::XOR_RM.at(width), smallest, &[reg(dividend)])?;
        let second = self.modify(sized::NOT_M.at(width), divisor, &[])?;
        self.modify(sized::OR_RM.at(width), first, &[reg(second)])?;
        self.trap_on(Cond::E, TrapCode::IntegerOverflow);
        Ok(())
    }

    fn extremum(&mut self, inst: Inst, keep_first: Cond) -> Lower<VReg> {
        let ty = self.data(inst).ty;
        let (first, second) = (self.operand(inst, 0)?, self.operand(inst, 1)?);
        self.effect(sized::CMP_RM.at(width_of(ty)), &[reg(first), reg(second)])?;
        self.modify(
            Op::cmov(operation_width(ty), keep_first),
            second,
            &[reg(first)],
        )
    }

    /// Shifts and rotations. The processor takes the count modulo 32 or 64, so narrow shifts mask
    /// it; a rotation of 8 or 16 bits by a count modulo 32 is right as it is.
    fn shift(&mut self, inst: Inst, ops: Shift) -> Lower<VReg> {
        let data = self.data(inst);
        let is_narrow = data.ty.bits() < 32;
        let is_rotation = matches!(data.opcode, Opcode::Rotl | Opcode::Rotr);
        let width = if is_rotation {
            width_of(data.ty)
        } else {
            operation_width(data.ty)
        };
        let mut value = self.operand(inst, 0)?;
        if matches!(data.opcode, Opcode::Ushr | Opcode::Sshr) {
            value = self.extended(value, data.ty, data.opcode == Opcode::Sshr)?;
        }
        let mask = i64::from(data.ty.bits() - 1);
        let amount = self.arg(inst, 1)?;
        if let Some(constant) = self.function.integer_constant(amount) {
            return self.modify(ops.1.at(width), value, &[imm(constant & mask)]);
        }
        let mut count = self.value(amount)?;
        if is_narrow && !is_rotation {
            count = self.modify(Op::And32MI, count, &[imm(mask)])?;
        }
        self.modify(ops.0.at(width), value, &[reg(count)])
    }

    /// BSR gives the index of the highest bit and, on every processor with 64-bit mode, leaves its
    /// destination as it was for zero; AMD's manual says so, Intel's since 2023 too. The index is
    /// counted from the other end by an exclusive or, which maps 2 * bits - 1 to bits.
    fn leading_zeros(&mut self, inst: Inst) -> Lower<VReg> {
        let ty = self.data(inst).ty;
        let (width, bits) = (operation_width(ty), i64::from(ty.bits()));
        let value = self.extended_operand(inst, 0, false)?;
        let for_zero = self.load_immediate(2 * bits - 1);
        let highest = self.modify(sized::BSR_RM.at(width), for_zero, &[reg(value)])?;
        self.modify(sized::XOR_MI.at(width), highest, &[imm(bits - 1)])
    }

    /// As for [`Self::leading_zeros`]. A narrow value gets a bit above it, where BSF stops.
    fn trailing_zeros(&mut self, inst: Inst) -> Lower<VReg> {
        let ty = self.data(inst).ty;
        let (width, bits) = (operation_width(ty), i64::from(ty.bits()));
        let mut value = self.operand(inst, 0)?;
        if bits < 32 {
            value = self.modify(Op::Or32MI, value, &[imm(1 << bits)])?;
        }
        let for_zero = self.load_immediate(bits);
        self.modify(sized::BSF_RM.at(width), for_zero, &[reg(value)])
    }
}

/// An operand that is read and replaced.
fn in_place(input: VReg, output: VReg) -> Opd {
    Operand::Reg(Register::InPlace { input, output })
}
