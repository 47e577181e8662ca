//! Vectors: 128 bits in one register, which each instruction divides into lanes.

mod float;
mod integer;
mod lanes;
mod shuffle;

use super::{Lower, Lowering, reg, width_of};
use crate::machine::{Condition, Inst as MachineInst, Opd};
use enjamb_aarch64::lanes::{self as forms, ByLane};
use enjamb_aarch64::{Op, Width};
use enjamb_ir::{Function, Inst, IntCond, Opcode, Payload, Shape, Value, ValueDef};
use enjamb_lower::{LowerVectors, Reason, Values};
use enjamb_regalloc::{RegClass, VReg};

/// Whether a comparison is made by the opposite one, so that its user had better be told apart.
fn is_complement(function: &Function, inst: Inst) -> bool {
    let data = &function.insts[inst];
    match data.payload {
        Payload::LanesIntCond(_, cond) => cond == IntCond::NotEqual,
        Payload::LanesFloatCond(_, cond) => float::is_complement(cond),
        _ => data.opcode == Opcode::Bnot,
    }
}

/// Whether operand number `operand` of `user`, an instruction on vectors, takes in `source`.
pub(super) fn folds(function: &Function, user: Inst, operand: usize, source: Inst) -> bool {
    match function.insts[user].opcode {
        Opcode::Band | Opcode::Bor => is_complement(function, source),
        Opcode::Bitselect => operand == 0 && is_complement(function, source),
        Opcode::InsertLane => operand == 1 && function.insts[source].opcode == Opcode::ExtractLane,
        Opcode::Viadd | Opcode::Visub => {
            let product = &function.insts[source];
            let is_last = operand == 1 || function.insts[user].opcode == Opcode::Viadd;
            let same = product.payload == function.insts[user].payload;
            let is_possible = product.payload != Payload::Shape(Shape::I64x2);
            product.opcode == Opcode::Vimul && is_last && same && is_possible
        }
        Opcode::Sextend => function.insts[source].opcode == Opcode::ExtractLane,
        _ => false,
    }
}

/// The width of the lanes of a shape.
fn lane_width(shape: Shape) -> Width {
    width_of(shape.lane_type())
}

/// The form of an operation for the lanes of a shape.
fn form(forms: ByLane, shape: Shape) -> Lower<Op> {
    forms.at(lane_width(shape)).ok_or(Reason::Malformed)
}

impl<'a> LowerVectors<'a> for Lowering<'a> {
    fn vector(&mut self, inst: Inst) -> Lower<VReg> {
        use Opcode::*;
        match self.data(inst).opcode {
            Vconst => {
                let bits = self.payload(inst, bits_of)?;
                Ok(self.vector_constant(bits))
            }
            Band => self.combine(inst, Op::And16BVVV, Op::Bic16BVVV),
            Bor => self.combine(inst, Op::Orr16BVVV, Op::Orn16BVVV),
            Bxor => self.apply(inst, Op::Eor16BVVV),
            Bnot => self.apply(inst, Op::Mvn16BVV),
            Bitselect => self.select_bits(inst),
            Splat => self.splat(inst),
            ExtractLane => self.extract_lane(inst),
            InsertLane => self.insert_lane(inst),
            Shuffle => self.shuffle(inst),
            LaneMask => self.lane_mask(inst),
            Viadd => self.sum_of_lanes(inst, forms::ADD, forms::MLA),
            Visub => self.sum_of_lanes(inst, forms::SUB, forms::MLS),
            Vimul => self.multiply_lanes(inst),
            Vineg => self.lanewise(inst, forms::NEG),
            Vumin => self.extremum_of_lanes(inst, forms::UMIN, forms::CMHI, false),
            Vumax => self.extremum_of_lanes(inst, forms::UMAX, forms::CMHI, true),
            Vsmin => self.extremum_of_lanes(inst, forms::SMIN, forms::CMGT, false),
            Vsmax => self.extremum_of_lanes(inst, forms::SMAX, forms::CMGT, true),
            Vishl | Vushr | Vsshr => self.shift_lanes(inst),
            Vicmp | Vfcmp => {
                let (mask, is_complement) = self.compare_lanes(inst)?;
                match is_complement {
                    false => Ok(mask),
                    true => self.vector_of(Op::Mvn16BVV, &[reg(mask)]),
                }
            }
            Vfneg => self.lanewise(inst, forms::FNEG),
            Vfabs => self.lanewise(inst, forms::FABS),
            _ => self.float_lanes(inst),
        }
    }

    fn any_true(&mut self, value: Value) -> Lower<Condition> {
        let input = self.value(value)?;
        let any = self.any_bit(input)?;
        Ok(Condition::NotZero(any, Width::B64))
    }

    fn all_true(&mut self, shape: Shape, value: Value) -> Lower<Condition> {
        let input = self.value(value)?;
        self.no_lane_is_zero(shape, input)
    }

    fn canonical_lanes(&mut self, shape: Shape, input: VReg) -> Lower<VReg> {
        self.replace_nans(shape, input)
    }
}

impl Lowering<'_> {
    /// An instruction with a new vector as its first operand.
    fn vector_of(&mut self, op: Op, rest: &[Opd]) -> Lower<VReg> {
        self.produce(op, RegClass::Float, rest)
    }

    /// A form with the operands of an instruction, which are registers.
    fn apply(&mut self, inst: Inst, op: Op) -> Lower<VReg> {
        let first = self.operand(inst, 0)?;
        if self.function.args(inst).len() == 1 {
            return self.vector_of(op, &[reg(first)]);
        }
        let second = self.operand(inst, 1)?;
        self.vector_of(op, &[reg(first), reg(second)])
    }

    /// The same, by the shape of the instruction.
    fn lanewise(&mut self, inst: Inst, forms: ByLane) -> Lower<VReg> {
        let op = form(forms, self.shape(inst)?)?;
        self.apply(inst, op)
    }

    fn shape(&self, inst: Inst) -> Lower<Shape> {
        self.payload(inst, Payload::shape)
    }

    /// A register with these bits.
    fn vector_constant(&mut self, bits: u128) -> VReg {
        let output = self.new_vreg(RegClass::Float);
        self.push(MachineInst::VectorConstant { output, bits });
        output
    }

    /// The bits of the vector constant that a value is.
    fn vector_bits(&self, value: Value) -> Option<u128> {
        match self.function.values[value].def {
            ValueDef::Result(inst, 0) => bits_of(self.data(inst).payload),
            _ => None,
        }
    }

    /// A value or its complement, whichever is had for less: `true` if it is the complement.
    fn maybe_complement(&mut self, value: Value) -> Lower<(VReg, bool)> {
        match self.deferred(value) {
            Some(inst) if self.data(inst).opcode == Opcode::Bnot => {
                Ok((self.operand(inst, 0)?, true))
            }
            Some(inst) if is_complement(self.function, inst) => self.compare_lanes(inst),
            _ => Ok((self.value(value)?, false)),
        }
    }

    /// A form for two operands, and one for the first and the complement of the second.
    fn combine(&mut self, inst: Inst, plain: Op, with_complement: Op) -> Lower<VReg> {
        let operands = [self.arg(inst, 0)?, self.arg(inst, 1)?];
        let is_folded = operands.map(|value| self.deferred(value).is_some());
        let [first, second] = match is_folded {
            [true, false] => [operands[1], operands[0]],
            _ => operands,
        };
        let first = self.value(first)?;
        let (second, is_complement) = self.maybe_complement(second)?;
        let op = if is_complement {
            with_complement
        } else {
            plain
        };
        self.vector_of(op, &[reg(first), reg(second)])
    }

    /// The mask is overwritten: as a rule it is used once.
    fn select_bits(&mut self, inst: Inst) -> Lower<VReg> {
        let (yes, no) = (self.operand(inst, 1)?, self.operand(inst, 2)?);
        let (mask, is_complement) = self.maybe_complement(self.arg(inst, 0)?)?;
        let (yes, no) = if is_complement { (no, yes) } else { (yes, no) };
        self.modify(Op::Bsl16BVVV, mask, &[reg(yes), reg(no)])
    }

    /// All ones in the lanes for which a comparison holds, or does not, if `true` comes with it.
    fn compare_lanes(&mut self, inst: Inst) -> Lower<(VReg, bool)> {
        match self.data(inst).payload {
            Payload::LanesIntCond(shape, cond) => self.compare_integer_lanes(inst, shape, cond),
            Payload::LanesFloatCond(shape, cond) => self.compare_float_lanes(inst, shape, cond),
            _ => Err(Reason::Malformed),
        }
    }
}

fn bits_of(payload: Payload) -> Option<u128> {
    match payload {
        Payload::Vector(bytes) => Some(u128::from_le_bytes(bytes)),
        _ => None,
    }
}
