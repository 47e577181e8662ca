//! Arithmetic and comparison of float lanes.
//!
//! NaNs are made canonical as those of scalars are: where something other than float arithmetic on
//! lanes of the same shape reads them.

use super::super::{Lowering, imm, reg};
use super::repeated;
use crate::machine::{DOUBLE_NAN, FloatSize, Opd, SINGLE_NAN};
use enjamb_ir::{FloatCond, Inst, Opcode, Shape};
use enjamb_lower::{Lower, Reason, Values};
use enjamb_regalloc::{RegClass, VReg};
use enjamb_x64::Op;

/// Predicates of CMPPS.
const EQUAL: i64 = 0;
const LESS: i64 = 1;
const LESS_EQUAL: i64 = 2;
const UNORDERED: i64 = 3;
const NOT_EQUAL: i64 = 4;
pub(super) const ORDERED: i64 = 7;

fn size(shape: Shape) -> FloatSize {
    FloatSize::of(shape.lane_type())
}

impl Lowering<'_> {
    pub(super) fn float_lanes(&mut self, inst: Inst, opcode: Opcode, shape: Shape) -> Lower<VReg> {
        use Opcode::*;
        let pick = |single, double| size(shape).pick(single, double);
        let (op, commutes) = match opcode {
            Vfadd => (pick(Op::AddpsXM, Op::AddpdXM), true),
            Vfsub => (pick(Op::SubpsXM, Op::SubpdXM), false),
            Vfmul => (pick(Op::MulpsXM, Op::MulpdXM), true),
            Vfdiv => (pick(Op::DivpsXM, Op::DivpdXM), false),
            Vfsqrt => {
                let value = self.vector_operand(self.arg(inst, 0)?)?;
                let op = pick(Op::SqrtpsXM, Op::SqrtpdXM);
                let root = self.produce(op, RegClass::Float, &[value])?;
                return self.canonical(inst, root);
            }
            Vfmin => return self.smaller_lanes(inst, shape),
            Vfmax => return self.larger_lanes(inst, shape),
            Vfneg | Vfabs => {
                let sign = 1 << (shape.lane_type().bits() - 1);
                let (op, mask) = match opcode {
                    Vfneg => (Op::XorpsXM, repeated(shape, sign)),
                    _ => (Op::AndpsXM, repeated(shape, !sign)),
                };
                let mask = self.constant_mem(&mask).into();
                let value = self.operand(inst, 0)?;
                return self.modify(op, value, &[mask]);
            }
            _ => return Err(Reason::Malformed),
        };
        // Of two NaNs the first one's payload counts, but none is left in the end.
        let (first, second) = self.two_operands(inst, commutes)?;
        let result = self.modify(op, first, &[second])?;
        self.canonical(inst, result)
    }

    /// MINPS gives its second operand for two zeros and where one is a NaN, so both orders together
    /// have all bits of both: a negative zero, or a NaN.
    fn smaller_lanes(&mut self, inst: Inst, shape: Shape) -> Lower<VReg> {
        let op = size(shape).pick(Op::MinpsXM, Op::MinpdXM);
        let (first, second) = (self.operand(inst, 0)?, self.operand(inst, 1)?);
        let one = self.modify(op, first, &[reg(second)])?;
        let other = self.modify(op, second, &[reg(first)])?;
        let result = self.modify(Op::OrpsXM, one, &[reg(other)])?;
        self.canonical(inst, result)
    }

    /// As for the smaller one; the bits that both orders have in common are a positive zero, but not a
    /// NaN where only one operand is.
    fn larger_lanes(&mut self, inst: Inst, shape: Shape) -> Lower<VReg> {
        let op = size(shape).pick(Op::MaxpsXM, Op::MaxpdXM);
        let (first, second) = (self.operand(inst, 0)?, self.operand(inst, 1)?);
        let one = self.modify(op, first, &[reg(second)])?;
        let other = self.modify(op, second, &[reg(first)])?;
        let common = self.modify(Op::AndpsXM, one, &[reg(other)])?;
        let &[result] = self.function.results(inst) else {
            return Err(Reason::Malformed);
        };
        if self.selection.is_exposed(result) {
            let ordered = self.compare_floats_by(shape, ORDERED, first, reg(second))?;
            return self.nan_unless(shape, ordered, common);
        }
        let unordered = self.compare_floats_by(shape, UNORDERED, first, reg(second))?;
        self.modify(Op::OrpsXM, common, &[reg(unordered)])
    }

    /// The lanes of a vector where a mask is set, the canonical NaN in the others.
    pub(super) fn nan_unless(&mut self, shape: Shape, mask: VReg, input: VReg) -> Lower<VReg> {
        let nan = match shape {
            Shape::F32x4 => u64::from(SINGLE_NAN),
            _ => DOUBLE_NAN,
        };
        let nan = self.constant_mem(&repeated(shape, nan)).into();
        let numbers = self.modify(Op::AndpsXM, input, &[reg(mask)])?;
        let nans = self.modify(Op::AndnpsXM, mask, &[nan])?;
        self.modify(Op::OrpsXM, numbers, &[reg(nans)])
    }

    // Comparisons.

    pub(super) fn compare_float_lanes(
        &mut self,
        inst: Inst,
        shape: Shape,
        cond: FloatCond,
    ) -> Lower<VReg> {
        let (predicate, swaps, commutes) = match cond {
            FloatCond::Equal => (EQUAL, false, true),
            FloatCond::NotEqual => (NOT_EQUAL, false, true),
            FloatCond::Less => (LESS, false, false),
            FloatCond::LessEqual => (LESS_EQUAL, false, false),
            FloatCond::Greater => (LESS, true, false),
            FloatCond::GreaterEqual => (LESS_EQUAL, true, false),
            FloatCond::Ordered => (ORDERED, false, true),
            FloatCond::Unordered => (UNORDERED, false, true),
        };
        let (first, second) = match swaps {
            true => {
                let second = self.operand(inst, 1)?;
                (second, self.vector_operand(self.arg(inst, 0)?)?)
            }
            false => self.two_operands(inst, commutes)?,
        };
        self.compare_floats_by(shape, predicate, first, second)
    }

    pub(super) fn compare_floats_by(
        &mut self,
        shape: Shape,
        predicate: i64,
        first: VReg,
        second: Opd,
    ) -> Lower<VReg> {
        let op = size(shape).pick(Op::CmppsXMI, Op::CmppdXMI);
        self.modify(op, first, &[second, imm(predicate)])
    }
}
