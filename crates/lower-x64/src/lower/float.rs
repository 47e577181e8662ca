//! Float constants and arithmetic.
//!
//! A NaN that arithmetic makes is the canonical one. The processor gives others: the operand's
//! payload, or the negative one. They are replaced where a value is exposed, that is, where
//! something other than float arithmetic, comparison or conversion to an integer reads it.

use super::{Lowering, imm, reg};
use crate::machine::{self, FloatSize};
use enjamb_ir::{Inst, Opcode, Payload, Type};
use enjamb_lower::{Lower, Reason, Values};
use enjamb_regalloc::{RegClass, VReg};
use enjamb_x64::Op;

/// The rounding mode of ROUNDSD (Intel manual, volume 2, table 4-20), without inexact exceptions.
const QUIET: i64 = 0b1000;
const TO_NEAREST: i64 = 0;
const DOWN: i64 = 1;
const UP: i64 = 2;
const TO_ZERO: i64 = 3;

impl Lowering<'_> {
    pub(super) fn float_arithmetic(&mut self, inst: Inst) -> Lower<VReg> {
        use Opcode::*;
        let data = self.data(inst);
        let size = FloatSize::of(data.ty);
        let result = match data.opcode {
            Fconst => {
                let bits = self.payload(inst, |payload| match payload {
                    Payload::Float(bits) => Some(bits),
                    _ => None,
                })?;
                return self.float_constant(data.ty, bits);
            }
            Fneg | Fabs | Fcopysign => return self.change_sign(inst),
            Fadd => self.float_binary(inst, size.pick(Op::AddssXM, Op::AddsdXM))?,
            Fsub => self.float_binary(inst, size.pick(Op::SubssXM, Op::SubsdXM))?,
            Fmul => self.float_binary(inst, size.pick(Op::MulssXM, Op::MulsdXM))?,
            Fdiv => self.float_binary(inst, size.pick(Op::DivssXM, Op::DivsdXM))?,
            Fsqrt => {
                let value = self.operand(inst, 0)?;
                let op = size.pick(Op::SqrtssXM, Op::SqrtsdXM);
                self.produce(op, RegClass::Float, &[reg(value)])?
            }
            Fmin | Fmax => return self.float_extremum(inst, data.opcode == Fmax),
            Ceil => self.round(inst, UP)?,
            Floor => self.round(inst, DOWN)?,
            Ftrunc => self.round(inst, TO_ZERO)?,
            Nearest => self.round(inst, TO_NEAREST)?,
            _ => return Err(Reason::Malformed),
        };
        self.canonical(inst, result)
    }

    /// A register with these bits; those of an `f32` are the low ones.
    pub(super) fn float_constant(&mut self, ty: Type, bits: u64) -> Lower<VReg> {
        if bits == 0 {
            let output = self.new_vreg(RegClass::Float);
            self.push(machine::Inst::FloatZero(output));
            return Ok(output);
        }
        let op = FloatSize::of(ty).pick(Op::MovssXM, Op::MovsdXM);
        let mem = self.constant_mem(&bits.to_le_bytes()[..ty.bytes() as usize]);
        self.produce(op, RegClass::Float, &[mem.into()])
    }

    fn float_binary(&mut self, inst: Inst, op: Op) -> Lower<VReg> {
        let (first, second) = (self.operand(inst, 0)?, self.operand(inst, 1)?);
        self.modify(op, first, &[reg(second)])
    }

    fn round(&mut self, inst: Inst, mode: i64) -> Lower<VReg> {
        let value = self.operand(inst, 0)?;
        let op = FloatSize::of(self.data(inst).ty).pick(Op::RoundssXMI, Op::RoundsdXMI);
        self.produce(op, RegClass::Float, &[reg(value), imm(mode | QUIET)])
    }

    fn float_extremum(&mut self, inst: Inst, is_max: bool) -> Lower<VReg> {
        let inputs = [self.operand(inst, 0)?, self.operand(inst, 1)?];
        let output = self.new_vreg(RegClass::Float);
        let size = FloatSize::of(self.data(inst).ty);
        self.push(machine::Inst::Extremum {
            size,
            is_max,
            inputs,
            output,
        });
        Ok(output)
    }

    /// Sign bits go through masks as wide as a register, since that is what the forms read.
    fn change_sign(&mut self, inst: Inst) -> Lower<VReg> {
        let data = self.data(inst);
        let sign = 1_u128 << (data.ty.bits() - 1);
        let only_sign = self.constant_mem(&sign.to_le_bytes()).into();
        let first = self.operand(inst, 0)?;
        if data.opcode == Opcode::Fneg {
            return self.modify(Op::XorpsXM, first, &[only_sign]);
        }
        let but_sign = self.constant_mem(&(!sign).to_le_bytes()).into();
        let magnitude = self.modify(Op::AndpsXM, first, &[but_sign])?;
        if data.opcode == Opcode::Fabs {
            return Ok(magnitude);
        }
        let second = self.operand(inst, 1)?;
        let sign = self.modify(Op::AndpsXM, second, &[only_sign])?;
        self.modify(Op::OrpsXM, magnitude, &[reg(sign)])
    }
}
