//! Arithmetic on float lanes.

use super::form;
use crate::lower::condition::exchanged_floats;
use crate::lower::{Lower, Lowering, reg};
use enjamb_aarch64::Op;
use enjamb_aarch64::lanes::{self as forms, ByLane};
use enjamb_ir::{FloatCond, Inst, Opcode, Shape, Value};
use enjamb_lower::{Reason, Values};
use enjamb_regalloc::VReg;

/// The canonical NaN in every lane: positive, quiet, no payload.
fn canonical_nans(shape: Shape) -> u128 {
    match shape {
        Shape::F32x4 => u128::from(0x7fc0_0000u32) * 0x1_0000_0001_0000_0001_0000_0001,
        _ => u128::from(0x7ff8_0000_0000_0000u64) * 0x1_0000_0000_0000_0001,
    }
}

/// Whether a comparison is made by the opposite one.
pub(super) fn is_complement(cond: FloatCond) -> bool {
    matches!(cond, FloatCond::NotEqual | FloatCond::Unordered)
}

/// The form for a comparison that is false if unordered, of two registers and of one with zero.
fn comparison(cond: FloatCond) -> Option<(ByLane, ByLane)> {
    match cond {
        FloatCond::Equal | FloatCond::NotEqual => Some((forms::FCMEQ, forms::FCMEQ_ZERO)),
        FloatCond::Greater => Some((forms::FCMGT, forms::FCMGT_ZERO)),
        FloatCond::GreaterEqual => Some((forms::FCMGE, forms::FCMGE_ZERO)),
        _ => None,
    }
}

impl Lowering<'_> {
    /// Arithmetic. Minimum and maximum of the processor are those of the IR.
    pub(super) fn float_lanes(&mut self, inst: Inst) -> Lower<VReg> {
        let forms = match self.data(inst).opcode {
            Opcode::Vfadd => forms::FADD,
            Opcode::Vfsub => forms::FSUB,
            Opcode::Vfmul => forms::FMUL,
            Opcode::Vfdiv => forms::FDIV,
            Opcode::Vfmin => forms::FMIN,
            Opcode::Vfmax => forms::FMAX,
            Opcode::Vfsqrt => forms::FSQRT,
            _ => return Err(Reason::Malformed),
        };
        let result = self.lanewise(inst, forms)?;
        self.canonical(inst, result)
    }

    /// The canonical NaN in the lanes that are not equal to themselves.
    pub(super) fn replace_nans(&mut self, shape: Shape, input: VReg) -> Lower<VReg> {
        let numbers = self.vector_of(form(forms::FCMEQ, shape)?, &[reg(input); 2])?;
        let nans = self.vector_constant(canonical_nans(shape));
        self.modify(Op::Bif16BVVV, input, &[reg(nans), reg(numbers)])
    }

    pub(super) fn compare_float_lanes(
        &mut self,
        inst: Inst,
        shape: Shape,
        cond: FloatCond,
    ) -> Lower<(VReg, bool)> {
        let (mut first, mut second) = (self.arg(inst, 0)?, self.arg(inst, 1)?);
        let is_complement = is_complement(cond);
        if matches!(cond, FloatCond::Ordered | FloatCond::Unordered) {
            let mask = self.ordered_lanes([first, second], shape)?;
            return Ok((mask, is_complement));
        }
        let zero = |this: &Self, value| this.vector_bits(value) == Some(0);
        let mut cond = cond;
        if zero(self, first) {
            std::mem::swap(&mut first, &mut second);
            cond = exchanged_floats(cond);
        }
        let with_zero = match cond {
            FloatCond::Less => Some(forms::FCMLT_ZERO),
            FloatCond::LessEqual => Some(forms::FCMLE_ZERO),
            cond => comparison(cond).map(|(_, with_zero)| with_zero),
        };
        if let Some(forms) = with_zero.filter(|_| zero(self, second)) {
            let value = self.value(first)?;
            let mask = self.vector_of(form(forms, shape)?, &[reg(value)])?;
            return Ok((mask, is_complement));
        }
        if matches!(cond, FloatCond::Less | FloatCond::LessEqual) {
            std::mem::swap(&mut first, &mut second);
            cond = exchanged_floats(cond);
        }
        let (forms, _) = comparison(cond).ok_or(Reason::Malformed)?;
        let operands = [self.value(first)?, self.value(second)?].map(reg);
        Ok((
            self.vector_of(form(forms, shape)?, &operands)?,
            is_complement,
        ))
    }

    /// All ones in the lanes that are NaN in neither vector.
    fn ordered_lanes(&mut self, values: [Value; 2], shape: Shape) -> Lower<VReg> {
        let op = form(forms::FCMEQ, shape)?;
        let [first, second] = values;
        let value = self.value(first)?;
        let mask = self.vector_of(op, &[reg(value); 2])?;
        if first == second {
            return Ok(mask);
        }
        let value = self.value(second)?;
        let other = self.vector_of(op, &[reg(value); 2])?;
        self.vector_of(Op::And16BVVV, &[reg(mask), reg(other)])
    }
}
