//! Conversions between integers, between floats, and between the two.

use super::{Lowering, reg};
use crate::machine::{FloatSize, Predicate};
use enjamb_ir::{Inst, Opcode, TrapCode, Type};
use enjamb_lower::{Lower, Reason, Values};
use enjamb_regalloc::{RegClass, VReg};
use enjamb_x64::{Cond, Op};

const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;
const TWO_TO_64: f64 = 18_446_744_073_709_551_616.0;

/// What converts to an integer type without leaving its range.
struct Bounds {
    /// The lowest bound.
    low: f64,
    /// The flag after comparing with it that says "out of range or NaN": below if the bound itself
    /// is in the range, below or equal if not.
    too_low: Cond,
    /// The smallest value that is too large.
    high: f64,
}

/// A bound one below the range is used where the float type has it exactly; an `f32` has not.
fn bounds(from: Type, to: Type, is_signed: bool) -> Bounds {
    let (low, too_low, high) = match (is_signed, to, from) {
        (true, Type::I32, Type::F32) => (-2_147_483_648.0, Cond::B, 2_147_483_648.0),
        (true, Type::I32, _) => (-2_147_483_649.0, Cond::BE, 2_147_483_648.0),
        (true, _, _) => (-TWO_TO_63, Cond::B, TWO_TO_63),
        (false, Type::I32, _) => (-1.0, Cond::BE, 4_294_967_296.0),
        (false, _, _) => (-1.0, Cond::BE, TWO_TO_64),
    };
    Bounds { low, too_low, high }
}

impl Lowering<'_> {
    pub(super) fn conversion(&mut self, inst: Inst) -> Lower<VReg> {
        use Opcode::*;
        let data = self.data(inst);
        let from = self.type_of(self.arg(inst, 0)?);
        let value = self.operand(inst, 0)?;
        match data.opcode {
            Sextend | Uextend => self.extend(value, from, data.opcode == Sextend),
            Ireduce => Ok(value),
            Bitcast => self.bitcast(value, from, data.ty),
            Fpromote => {
                let wide = self.produce(Op::Cvtss2sdXM, RegClass::Float, &[reg(value)])?;
                self.canonical(inst, wide)
            }
            Fdemote => {
                let narrow = self.produce(Op::Cvtsd2ssXM, RegClass::Float, &[reg(value)])?;
                self.canonical(inst, narrow)
            }
            FcvtFromSint => self.signed_to_float(value, from, data.ty),
            FcvtFromUint => self.unsigned_to_float(value, from, data.ty),
            FcvtToSint | FcvtToUint => {
                let is_signed = data.opcode == FcvtToSint;
                self.check_bounds(value, from, &bounds(from, data.ty, is_signed))?;
                match (data.ty, is_signed) {
                    (Type::I64, false) => self.truncate_unsigned(value, from),
                    (Type::I32, true) => self.truncate(value, from, Type::I32),
                    // The range of 32 unsigned bits is within that of 64 signed ones.
                    _ => self.truncate(value, from, Type::I64),
                }
            }
            FcvtToSintSat => self.saturate_signed(value, from, data.ty),
            FcvtToUintSat => self.saturate_unsigned(value, from, data.ty),
            _ => Err(Reason::Malformed),
        }
    }

    /// To 64 bits; the type of the result does not matter, since bits above it are undefined.
    fn extend(&mut self, value: VReg, from: Type, is_signed: bool) -> Lower<VReg> {
        let op = match (from, is_signed) {
            (Type::I8, true) => Op::Movsx64RM8,
            (Type::I16, true) => Op::Movsx64RM16,
            (_, true) => Op::Movsxd64RM32,
            (Type::I8, false) => Op::Movzx32RM8,
            (Type::I16, false) => Op::Movzx32RM16,
            (_, false) => Op::Mov32RM,
        };
        self.produce_int(op, &[reg(value)])
    }

    fn bitcast(&mut self, value: VReg, from: Type, to: Type) -> Lower<VReg> {
        let is_single = to.bits() == 32;
        match (from.is_float(), to.is_float()) {
            (true, false) => {
                let op = if is_single { Op::MovdMX } else { Op::MovqMX };
                let output = self.new_vreg(RegClass::Int);
                self.effect(op, &[reg(output), reg(value)])?;
                Ok(output)
            }
            (false, true) => {
                let op = if is_single { Op::MovdXM } else { Op::MovqXM };
                self.produce(op, RegClass::Float, &[reg(value)])
            }
            _ => Ok(value),
        }
    }

    fn signed_to_float(&mut self, value: VReg, from: Type, to: Type) -> Lower<VReg> {
        let size = FloatSize::of(to);
        let op = match from {
            Type::I32 => size.pick(Op::Cvtsi2ss32XM, Op::Cvtsi2sd32XM),
            _ => size.pick(Op::Cvtsi2ss64XM, Op::Cvtsi2sd64XM),
        };
        self.produce(op, RegClass::Float, &[reg(value)])
    }

    /// 64 bits whose highest is set are halved, with the lost bit kept where it still decides the
    /// rounding, converted as signed and doubled.
    fn unsigned_to_float(&mut self, value: VReg, from: Type, to: Type) -> Lower<VReg> {
        if from == Type::I32 {
            let wide = self.extend(value, from, false)?;
            return self.signed_to_float(wide, Type::I64, to);
        }
        let small = self.signed_to_float(value, Type::I64, to)?;
        let lost = self.modify(Op::And32MI, value, &[super::imm(1)])?;
        let half = self.modify(Op::Shr64MI, value, &[super::imm(1)])?;
        let half = self.modify(Op::Or64RM, half, &[reg(lost)])?;
        let half = self.signed_to_float(half, Type::I64, to)?;
        let add = FloatSize::of(to).pick(Op::AddssXM, Op::AddsdXM);
        let large = self.modify(add, half, &[reg(half)])?;
        self.effect(Op::Test64MR, &[reg(value), reg(value)])?;
        Ok(self.select_float(Predicate::Flag(Cond::S), large, small))
    }

    /// A float constant of a type, from a value that the type has exactly.
    fn exactly(&mut self, ty: Type, value: f64) -> Lower<VReg> {
        let bits = match ty {
            Type::F32 => u64::from((value as f32).to_bits()),
            _ => value.to_bits(),
        };
        self.float_constant(ty, bits)
    }

    fn compare_float(&mut self, ty: Type, value: VReg, other: VReg) -> Lower<()> {
        let op = FloatSize::of(ty).pick(Op::UcomissXM, Op::UcomisdXM);
        self.effect(op, &[reg(value), reg(other)])
    }

    fn check_bounds(&mut self, value: VReg, ty: Type, bounds: &Bounds) -> Lower<()> {
        let low = self.exactly(ty, bounds.low)?;
        self.compare_float(ty, value, low)?;
        self.trap_on(bounds.too_low, TrapCode::InvalidConversion);
        let high = self.exactly(ty, bounds.high)?;
        self.compare_float(ty, value, high)?;
        self.trap_on(Cond::AE, TrapCode::InvalidConversion);
        Ok(())
    }

    /// The smallest signed integer for a NaN and for what is out of range.
    fn truncate(&mut self, value: VReg, from: Type, to: Type) -> Lower<VReg> {
        let size = FloatSize::of(from);
        let op = match to {
            Type::I32 => size.pick(Op::Cvttss2si32RM, Op::Cvttsd2si32RM),
            _ => size.pick(Op::Cvttss2si64RM, Op::Cvttsd2si64RM),
        };
        self.produce_int(op, &[reg(value)])
    }

    /// From 2^63 on, the signed conversion gives only the highest bit; the others are those of the
    /// value less 2^63. Below, the second half is masked out.
    fn truncate_unsigned(&mut self, value: VReg, from: Type) -> Lower<VReg> {
        let bound = self.exactly(from, TWO_TO_63)?;
        let low = self.truncate(value, from, Type::I64)?;
        let subtract = FloatSize::of(from).pick(Op::SubssXM, Op::SubsdXM);
        let rest = self.modify(subtract, value, &[reg(bound)])?;
        let high = self.truncate(rest, from, Type::I64)?;
        let mask = self.modify(Op::Sar64MI, low, &[super::imm(63)])?;
        let high = self.modify(Op::And64RM, high, &[reg(mask)])?;
        self.modify(Op::Or64RM, low, &[reg(high)])
    }

    /// The nearest bound, by MINSD or MAXSD, which give their second operand for a NaN.
    fn clamp(&mut self, op: Op, value: VReg, ty: Type, bound: f64) -> Lower<VReg> {
        let bound = self.exactly(ty, bound)?;
        self.modify(op, value, &[reg(bound)])
    }

    /// `integer`, or 0 if the float it was made from is a NaN.
    fn zero_for_nan(&mut self, integer: VReg, value: VReg, ty: Type) -> Lower<VReg> {
        let zero = self.load_immediate(0);
        self.compare_float(ty, value, value)?;
        self.modify(Op::Cmovp64RM, integer, &[reg(zero)])
    }

    /// `integer`, or `largest` from `bound` on.
    fn largest_from(
        &mut self,
        integer: VReg,
        largest: i64,
        (value, ty, bound): (VReg, Type, f64),
    ) -> Lower<VReg> {
        let largest = self.load_immediate(largest);
        let bound = self.exactly(ty, bound)?;
        self.compare_float(ty, value, bound)?;
        self.modify(Op::Cmovae64RM, integer, &[reg(largest)])
    }

    fn saturate_signed(&mut self, value: VReg, from: Type, to: Type) -> Lower<VReg> {
        if to == Type::I32 {
            // An f64 has both bounds exactly.
            let value = self.as_double(value, from)?;
            let low = self.clamp(Op::MaxsdXM, value, Type::F64, f64::from(i32::MIN))?;
            let both = self.clamp(Op::MinsdXM, low, Type::F64, f64::from(i32::MAX))?;
            let integer = self.truncate(both, Type::F64, Type::I32)?;
            return self.zero_for_nan(integer, value, Type::F64);
        }
        // What is too low gives the smallest integer anyway.
        let integer = self.truncate(value, from, Type::I64)?;
        let integer = self.largest_from(integer, i64::MAX, (value, from, TWO_TO_63))?;
        self.zero_for_nan(integer, value, from)
    }

    fn saturate_unsigned(&mut self, value: VReg, from: Type, to: Type) -> Lower<VReg> {
        if to == Type::I32 {
            let value = self.as_double(value, from)?;
            let low = self.clamp(Op::MaxsdXM, value, Type::F64, 0.0)?;
            let both = self.clamp(Op::MinsdXM, low, Type::F64, f64::from(u32::MAX))?;
            return self.truncate(both, Type::F64, Type::I64);
        }
        let max = FloatSize::of(from).pick(Op::MaxssXM, Op::MaxsdXM);
        let low = self.clamp(max, value, from, 0.0)?;
        let integer = self.truncate_unsigned(low, from)?;
        self.largest_from(integer, -1, (low, from, TWO_TO_64))
    }

    fn as_double(&mut self, value: VReg, from: Type) -> Lower<VReg> {
        match from {
            Type::F32 => self.produce(Op::Cvtss2sdXM, RegClass::Float, &[reg(value)]),
            _ => Ok(value),
        }
    }
}
