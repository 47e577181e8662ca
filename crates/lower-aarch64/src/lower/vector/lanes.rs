//! Lanes by number, one value in all lanes, and tests of all lanes.

use super::{form, lane_width};
use crate::lower::immediate::ZERO;
use crate::lower::{Lower, Lowering, imm, reg};
use crate::machine::{Condition, Opd};
use enjamb_aarch64::lanes as forms;
use enjamb_aarch64::{Cond, Op, Width};
use enjamb_ir::{Inst, Opcode, Payload, Shape, Type, Value};
use enjamb_lower::{Reason, Values};
use enjamb_regalloc::VReg;

/// The shape, and the number of a lane.
fn lane_of(payload: Payload) -> Option<(Shape, u8)> {
    match payload {
        Payload::Lane(shape, lane) => Some((shape, lane)),
        _ => None,
    }
}

/// The number of a lane as an operand.
fn number(lane: u8) -> Opd {
    imm(i64::from(lane))
}

impl Lowering<'_> {
    pub(super) fn splat(&mut self, inst: Inst) -> Lower<VReg> {
        let shape = self.shape(inst)?;
        let value = self.arg(inst, 0)?;
        if let Some(bits) = self.lane_constant(value) {
            let all_ones = u128::MAX >> (128 - lane_width(shape).bits());
            return Ok(self.vector_constant((bits & all_ones) * (u128::MAX / all_ones)));
        }
        let register = self.value(value)?;
        if shape.lane_type().is_float() {
            let op = form(forms::DUP_LANE, shape)?;
            return self.vector_of(op, &[reg(register), imm(0)]);
        }
        self.vector_of(form(forms::DUP, shape)?, &[reg(register)])
    }

    /// The bits of a scalar constant; above those of its type they mean nothing.
    fn lane_constant(&self, value: Value) -> Option<u128> {
        let integer = self.constant(value).map(|value| value as u64);
        integer.or_else(|| self.float_bits(value)).map(u128::from)
    }

    /// A float in lane 0 is where it has to be.
    pub(super) fn extract_lane(&mut self, inst: Inst) -> Lower<VReg> {
        let (shape, lane) = self.payload(inst, lane_of)?;
        let input = self.operand(inst, 0)?;
        let operands = [reg(input), number(lane)];
        match (shape, lane) {
            (Shape::F32x4 | Shape::F64x2, 0) => Ok(input),
            (Shape::F32x4, _) => self.vector_of(Op::MovSS, &operands),
            (Shape::F64x2, _) => self.vector_of(Op::MovDD, &operands),
            (Shape::I32x4, 0) => self.produce_int(Op::Fmov32RV, &operands[..1]),
            (Shape::I64x2, 0) => self.produce_int(Op::Fmov64RV, &operands[..1]),
            _ => self.produce_int(form(forms::UMOV, shape)?, &operands),
        }
    }

    /// A lane, extended by copies of its sign.
    pub(in crate::lower) fn extract_signed_lane(&mut self, inst: Inst, to: Type) -> Lower<VReg> {
        let (shape, lane) = self.payload(inst, lane_of)?;
        let input = self.operand(inst, 0)?;
        let op = match (shape, to) {
            (Shape::I8x16, Type::I64) => Op::Smov64RB,
            (Shape::I8x16, _) => Op::Smov32RB,
            (Shape::I16x8, Type::I64) => Op::Smov64RH,
            (Shape::I16x8, _) => Op::Smov32RH,
            (Shape::I32x4, _) => Op::Smov64RS,
            _ => return Err(Reason::Malformed),
        };
        self.produce_int(op, &[reg(input), number(lane)])
    }

    /// A lane of another vector need not be anywhere else in between.
    pub(super) fn insert_lane(&mut self, inst: Inst) -> Lower<VReg> {
        let (shape, lane) = self.payload(inst, lane_of)?;
        let (vector, value) = (self.operand(inst, 0)?, self.arg(inst, 1)?);
        if let Some(source) = self.folded(value, &[Opcode::ExtractLane]) {
            let (from_shape, from) = self.payload(source, lane_of)?;
            if lane_width(from_shape) == lane_width(shape) {
                let source = self.operand(source, 0)?;
                let operands = [number(lane), reg(source), number(from)];
                return self.modify(form(forms::INS_LANE, shape)?, vector, &operands);
            }
        }
        if shape.lane_type().is_float() {
            let value = self.value(value)?;
            let operands = [number(lane), reg(value), number(0)];
            return self.modify(form(forms::INS_LANE, shape)?, vector, &operands);
        }
        let value = match self.constant(value) {
            Some(0) => ZERO,
            _ => reg(self.value(value)?),
        };
        self.modify(form(forms::INS, shape)?, vector, &[number(lane), value])
    }

    /// Whether no lane is zero.
    pub(super) fn no_lane_is_zero(&mut self, shape: Shape, input: VReg) -> Lower<Condition> {
        match forms::UMINV.at(lane_width(shape)) {
            Some(op) => {
                let least = self.vector_of(op, &[reg(input)])?;
                let least = self.produce_int(Op::Fmov32RV, &[reg(least)])?;
                Ok(Condition::NotZero(least, Width::B32))
            }
            None => {
                let zeros = self.vector_of(form(forms::CMEQ_ZERO, shape)?, &[reg(input)])?;
                let any = self.any_bit(zeros)?;
                Ok(Condition::Zero(any, Width::B64))
            }
        }
    }

    /// A general register that is zero if and only if the vector is: the larger ones of neighbours, in
    /// 64 bits, are zero only if all are.
    pub(super) fn any_bit(&mut self, input: VReg) -> Lower<VReg> {
        let pairs = self.vector_of(Op::Umaxp4SVVV, &[reg(input); 2])?;
        self.produce_int(Op::Fmov64RV, &[reg(pairs)])
    }

    /// One of two vectors, by flags: a mask of all bits.
    pub(in crate::lower) fn choose_vector(
        &mut self,
        cond: Cond,
        yes: VReg,
        no: VReg,
    ) -> Lower<VReg> {
        let mask = self.produce_int(Op::Csetm64R, &[cond.into()])?;
        let mask = self.vector_of(Op::Dup2DR, &[reg(mask)])?;
        self.modify(Op::Bsl16BVVV, mask, &[reg(yes), reg(no)])
    }
}
