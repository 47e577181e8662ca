//! Vectors of 128 bits, with instructions up to SSE4.2.
//!
//! Instructions overwrite their first operand. The second may be a constant in memory, which is aligned;
//! no other memory is, so loads and stores stand alone.

mod float;
mod integer;
mod lanes;
mod shift;
mod shuffle;

use super::{Lowering, reg};
use crate::machine::{self, Opd, Predicate, Register};
use enjamb_ir::{Function, Inst, Opcode, Payload, Shape, Type, Value, ValueDef};
use enjamb_lower::{Lower, LowerVectors, Reason, Values};
use enjamb_regalloc::{RegClass, VReg};
use enjamb_x64::{Cond, Op, Operand};

/// Whether an operand can be taken in: the inverted one of a conjunction, and a conjunction in a test.
pub(super) fn folds(function: &Function, user: Inst, source: Inst) -> bool {
    let (user, source) = (&function.insts[user], &function.insts[source]);
    source.ty == Type::V128
        && matches!(
            (user.opcode, source.opcode),
            (Opcode::Band, Opcode::Bnot) | (Opcode::AnyTrue, Opcode::Band)
        )
}

impl<'a> LowerVectors<'a> for Lowering<'a> {
    fn vector(&mut self, inst: Inst) -> Lower<VReg> {
        use Opcode::*;
        let data = self.data(inst);
        match (data.opcode, data.payload) {
            (Vconst, Payload::Vector(bytes)) => self.vector_constant(bytes),
            (Band, _) => self.conjunction(inst),
            (Bor, _) => self.bitwise(inst, Op::PorXM),
            (Bxor, _) => self.bitwise(inst, Op::PxorXM),
            (Bnot, _) => {
                let value = self.operand(inst, 0)?;
                self.inverted(value)
            }
            (Bitselect, _) => self.bitselect(inst),
            (Shuffle, Payload::Shuffle(bytes)) => self.shuffle(inst, bytes),
            (Splat, Payload::Shape(shape)) => self.splat(inst, shape),
            (ExtractLane, Payload::Lane(shape, lane)) => self.extract_lane(inst, shape, lane),
            (InsertLane, Payload::Lane(shape, lane)) => self.insert_lane(inst, shape, lane),
            (LaneMask, Payload::Shape(shape)) => self.lane_mask(inst, shape),
            (Vicmp, Payload::LanesIntCond(shape, cond)) => {
                let (first, second) = (self.arg(inst, 0)?, self.arg(inst, 1)?);
                self.compare_lanes(shape, cond, first, second)
            }
            (Vishl | Vushr | Vsshr, Payload::Shape(shape)) => self.shift_lanes(inst, shape),
            (Vfcmp, Payload::LanesFloatCond(shape, cond)) => {
                self.compare_float_lanes(inst, shape, cond)
            }
            (opcode, Payload::Shape(shape)) if shape.lane_type().is_float() => {
                self.float_lanes(inst, opcode, shape)
            }
            (opcode, Payload::Shape(shape)) => self.integer_lanes(inst, opcode, shape),
            _ => Err(Reason::Malformed),
        }
    }

    fn any_true(&mut self, value: Value) -> Lower<Predicate> {
        let (first, second) = match self.deferred(value) {
            // PTEST sets the flags by the bits that both operands have.
            Some(inst) if self.data(inst).opcode == Opcode::Band => {
                self.two_operands(inst, true)?
            }
            _ => {
                let value = self.value(value)?;
                (value, reg(value))
            }
        };
        self.effect(Op::PtestXM, &[reg(first), second])?;
        Ok(Predicate::Flag(Cond::NE))
    }

    /// No lane equals zero.
    fn all_true(&mut self, shape: Shape, value: Value) -> Lower<Predicate> {
        let value = self.value(value)?;
        let zero = self.zero();
        let is_zero = self.modify(integer::equal(shape)?, zero, &[reg(value)])?;
        self.effect(Op::PtestXM, &[reg(is_zero), reg(is_zero)])?;
        Ok(Predicate::Flag(Cond::E))
    }

    fn canonical_lanes(&mut self, shape: Shape, input: VReg) -> Lower<VReg> {
        let ordered = self.compare_floats_by(shape, float::ORDERED, input, reg(input))?;
        self.nan_unless(shape, ordered, input)
    }
}

impl Lowering<'_> {
    /// The bytes of a vector that is a constant, least significant first.
    fn constant_vector(&self, value: Value) -> Option<[u8; 16]> {
        let ValueDef::Result(inst, _) = self.function.values[value].def else {
            return None;
        };
        match (self.data(inst).opcode, self.data(inst).payload) {
            (Opcode::Vconst, Payload::Vector(bytes)) => Some(bytes),
            _ => None,
        }
    }

    /// A vector as an operand that may be a constant in memory.
    fn vector_operand(&mut self, value: Value) -> Lower<Opd> {
        match self.constant_vector(value) {
            Some(bytes) if bytes != [0; 16] && bytes != [0xff; 16] => {
                Ok(self.constant_mem(&bytes).into())
            }
            _ => Ok(reg(self.value(value)?)),
        }
    }

    /// The operands of an instruction, the first in a register, a constant as the second if they may be
    /// exchanged.
    fn two_operands(&mut self, inst: Inst, commutes: bool) -> Lower<(VReg, Opd)> {
        let (mut first, mut second) = (self.arg(inst, 0)?, self.arg(inst, 1)?);
        if commutes && self.constant_vector(first).is_some() {
            std::mem::swap(&mut first, &mut second);
        }
        Ok((self.value(first)?, self.vector_operand(second)?))
    }

    fn bitwise(&mut self, inst: Inst, op: Op) -> Lower<VReg> {
        let (first, second) = self.two_operands(inst, true)?;
        self.modify(op, first, &[second])
    }

    /// PANDN inverts the operand that it overwrites.
    fn conjunction(&mut self, inst: Inst) -> Lower<VReg> {
        let (first, second) = (self.arg(inst, 0)?, self.arg(inst, 1)?);
        for (inverted, other) in [(first, second), (second, first)] {
            if let Some(source) = self.deferred(inverted)
                && self.data(source).opcode == Opcode::Bnot
            {
                let input = self.operand(source, 0)?;
                let other = self.vector_operand(other)?;
                return self.modify(Op::PandnXM, input, &[other]);
            }
        }
        self.bitwise(inst, Op::PandXM)
    }

    fn inverted(&mut self, value: VReg) -> Lower<VReg> {
        let ones = self.ones();
        self.modify(Op::PxorXM, ones, &[reg(value)])
    }

    /// `yes` where a bit of the mask is set, else `no`.
    fn select_bits(&mut self, mask: VReg, yes: Opd, no: Opd) -> Lower<VReg> {
        let yes = match yes {
            Operand::Reg(Register::Value(yes)) => self.modify(Op::PandXM, yes, &[reg(mask)])?,
            constant => self.modify(Op::PandXM, mask, &[constant])?,
        };
        let no = self.modify(Op::PandnXM, mask, &[no])?;
        self.modify(Op::PorXM, yes, &[reg(no)])
    }

    fn bitselect(&mut self, inst: Inst) -> Lower<VReg> {
        let (mask, yes, no) = (self.arg(inst, 0)?, self.arg(inst, 1)?, self.arg(inst, 2)?);
        if let Some(mask) = self.constant_vector(mask) {
            let [but_mask, mask] = [mask.map(|byte| !byte), mask].map(|it| self.constant_mem(&it));
            let (yes, no) = (self.value(yes)?, self.value(no)?);
            let yes = self.modify(Op::PandXM, yes, &[mask.into()])?;
            let no = self.modify(Op::PandXM, no, &[but_mask.into()])?;
            return self.modify(Op::PorXM, yes, &[reg(no)]);
        }
        let mask = self.value(mask)?;
        let (yes, no) = (self.vector_operand(yes)?, self.vector_operand(no)?);
        self.select_bits(mask, yes, no)
    }

    // Constants.

    fn zero(&mut self) -> VReg {
        let output = self.new_vreg(RegClass::Float);
        self.push(machine::Inst::FloatZero(output));
        output
    }

    fn ones(&mut self) -> VReg {
        let output = self.new_vreg(RegClass::Float);
        self.push(machine::Inst::AllOnes(output));
        output
    }

    /// A register with these bytes. Loads of 4 and 8 bytes clear what is above.
    fn vector_constant(&mut self, bytes: [u8; 16]) -> Lower<VReg> {
        if bytes == [0; 16] {
            return Ok(self.zero());
        }
        if bytes == [0xff; 16] {
            return Ok(self.ones());
        }
        let size = bytes.iter().rposition(|&byte| byte != 0).unwrap_or(0) + 1;
        let (op, size) = match size {
            1..=4 => (Op::MovssXM, 4),
            5..=8 => (Op::MovsdXM, 8),
            _ => (Op::MovapsXM, 16),
        };
        let mem = self.constant_mem(&bytes[..size]);
        self.produce(op, RegClass::Float, &[mem.into()])
    }
}

/// The bytes of a constant that is the same in each lane, of which it is the low bits.
fn repeated(shape: Shape, lane: u64) -> [u8; 16] {
    let size = shape.lane_type().bytes() as usize;
    std::array::from_fn(|index| lane.to_le_bytes()[index % size])
}
