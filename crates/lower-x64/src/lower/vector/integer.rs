//! Arithmetic and comparison of integer lanes.

use super::super::{Lowering, imm, reg};
use super::repeated;
use enjamb_ir::{Inst, IntCond, Opcode, Shape, Value};
use enjamb_lower::{Lower, Reason, Values};
use enjamb_regalloc::VReg;
use enjamb_x64::Op;

/// The form of an operation for the lanes of a shape.
fn by_width(shape: Shape, forms: [Op; 4]) -> Lower<Op> {
    match shape {
        Shape::I8x16 => Ok(forms[0]),
        Shape::I16x8 => Ok(forms[1]),
        Shape::I32x4 => Ok(forms[2]),
        Shape::I64x2 => Ok(forms[3]),
        Shape::F32x4 | Shape::F64x2 => Err(Reason::Malformed),
    }
}

fn sum(shape: Shape) -> Lower<Op> {
    use Op::*;
    by_width(shape, [PaddbXM, PaddwXM, PadddXM, PaddqXM])
}

pub(super) fn difference(shape: Shape) -> Lower<Op> {
    use Op::*;
    by_width(shape, [PsubbXM, PsubwXM, PsubdXM, PsubqXM])
}

/// All ones where lanes are equal.
pub(super) fn equal(shape: Shape) -> Lower<Op> {
    use Op::*;
    by_width(shape, [PcmpeqbXM, PcmpeqwXM, PcmpeqdXM, PcmpeqqXM])
}

/// All ones where the first operand is greater, with sign.
pub(super) fn greater(shape: Shape) -> Lower<Op> {
    use Op::*;
    by_width(shape, [PcmpgtbXM, PcmpgtwXM, PcmpgtdXM, PcmpgtqXM])
}

/// The smaller or larger one of each lane, of which there are no 64-bit forms.
fn extremum(shape: Shape, opcode: Opcode) -> Option<Op> {
    use Op::*;
    let forms = match opcode {
        Opcode::Vumin => [PminubXM, PminuwXM, PminudXM],
        Opcode::Vumax => [PmaxubXM, PmaxuwXM, PmaxudXM],
        Opcode::Vsmin => [PminsbXM, PminswXM, PminsdXM],
        Opcode::Vsmax => [PmaxsbXM, PmaxswXM, PmaxsdXM],
        _ => return None,
    };
    match shape {
        Shape::I8x16 => Some(forms[0]),
        Shape::I16x8 => Some(forms[1]),
        Shape::I32x4 => Some(forms[2]),
        _ => None,
    }
}

impl Lowering<'_> {
    pub(super) fn integer_lanes(
        &mut self,
        inst: Inst,
        opcode: Opcode,
        shape: Shape,
    ) -> Lower<VReg> {
        use Opcode::*;
        let op = match (opcode, shape) {
            (Viadd, _) => sum(shape)?,
            (Visub, _) => {
                let (first, second) = self.two_operands(inst, false)?;
                return self.modify(difference(shape)?, first, &[second]);
            }
            (Vineg, _) => {
                let (zero, value) = (self.zero(), self.operand(inst, 0)?);
                return self.modify(difference(shape)?, zero, &[reg(value)]);
            }
            (Vimul, Shape::I16x8) => Op::PmullwXM,
            (Vimul, Shape::I32x4) => Op::PmulldXM,
            (Vimul, _) => return self.multiply_wide(inst),
            (Vumin | Vumax | Vsmin | Vsmax, _) => match extremum(shape, opcode) {
                Some(op) => op,
                None => return self.wide_extremum(inst, opcode),
            },
            _ => return Err(Reason::Malformed),
        };
        let (first, second) = self.two_operands(inst, true)?;
        self.modify(op, first, &[second])
    }

    /// Products of 64-bit lanes: PMULUDQ multiplies low halves, and of the products with a high half
    /// only the low half counts.
    fn multiply_wide(&mut self, inst: Inst) -> Lower<VReg> {
        let (first, second) = (self.operand(inst, 0)?, self.operand(inst, 1)?);
        let high_first = self.modify(Op::PsrlqXI, first, &[imm(32)])?;
        let high_first = self.modify(Op::PmuludqXM, high_first, &[reg(second)])?;
        let high_second = self.modify(Op::PsrlqXI, second, &[imm(32)])?;
        let high_second = self.modify(Op::PmuludqXM, high_second, &[reg(first)])?;
        let high = self.modify(Op::PaddqXM, high_first, &[reg(high_second)])?;
        let high = self.modify(Op::PsllqXI, high, &[imm(32)])?;
        let low = self.modify(Op::PmuludqXM, first, &[reg(second)])?;
        self.modify(Op::PaddqXM, low, &[reg(high)])
    }

    /// The smaller or larger one of 64-bit lanes.
    fn wide_extremum(&mut self, inst: Inst, opcode: Opcode) -> Lower<VReg> {
        let cond = match opcode {
            Opcode::Vumin | Opcode::Vumax => IntCond::UnsignedGreater,
            _ => IntCond::SignedGreater,
        };
        let (first, second) = (self.arg(inst, 0)?, self.arg(inst, 1)?);
        let is_greater = self.compare_lanes(Shape::I64x2, cond, first, second)?;
        let (first, second) = (self.vector_operand(first)?, self.vector_operand(second)?);
        match opcode {
            Opcode::Vumin | Opcode::Vsmin => self.select_bits(is_greater, second, first),
            _ => self.select_bits(is_greater, first, second),
        }
    }

    // Comparisons.

    pub(super) fn compare_lanes(
        &mut self,
        shape: Shape,
        cond: IntCond,
        first: Value,
        second: Value,
    ) -> Lower<VReg> {
        use IntCond::*;
        match cond {
            Equal => self.compare_equal(shape, first, second),
            NotEqual => {
                let is_equal = self.compare_equal(shape, first, second)?;
                self.inverted(is_equal)
            }
            SignedGreater => self.compare_greater(shape, first, second),
            SignedLess => self.compare_greater(shape, second, first),
            UnsignedGreater => self.compare_above(shape, first, second),
            UnsignedLess => self.compare_above(shape, second, first),
            SignedLessEqual => self.compare_bound(shape, Opcode::Vsmin, first, second),
            SignedGreaterEqual => self.compare_bound(shape, Opcode::Vsmax, first, second),
            UnsignedLessEqual => self.compare_bound(shape, Opcode::Vumin, first, second),
            UnsignedGreaterEqual => self.compare_bound(shape, Opcode::Vumax, first, second),
        }
    }

    fn compare_equal(&mut self, shape: Shape, first: Value, second: Value) -> Lower<VReg> {
        let (mut first, mut second) = (first, second);
        if self.constant_vector(first).is_some() {
            std::mem::swap(&mut first, &mut second);
        }
        let (first, second) = (self.value(first)?, self.vector_operand(second)?);
        self.modify(equal(shape)?, first, &[second])
    }

    fn compare_greater(&mut self, shape: Shape, first: Value, second: Value) -> Lower<VReg> {
        let (first, second) = (self.value(first)?, self.vector_operand(second)?);
        self.modify(greater(shape)?, first, &[second])
    }

    /// Greater without sign: greater with sign, the sign bits of both inverted.
    fn compare_above(&mut self, shape: Shape, first: Value, second: Value) -> Lower<VReg> {
        let (first, second) = (self.biased(shape, first)?, self.biased(shape, second)?);
        self.modify(greater(shape)?, first, &[reg(second)])
    }

    fn biased(&mut self, shape: Shape, value: Value) -> Lower<VReg> {
        let sign = repeated(shape, 1 << (shape.lane_type().bits() - 1));
        if let Some(mut bytes) = self.constant_vector(value) {
            bytes
                .iter_mut()
                .zip(sign)
                .for_each(|(byte, sign)| *byte ^= sign);
            return self.vector_constant(bytes);
        }
        let sign = self.constant_mem(&sign).into();
        let value = self.value(value)?;
        self.modify(Op::PxorXM, value, &[sign])
    }

    /// Whether the first operand is the smaller (or larger) of both, or equal. Of 64-bit lanes: whether
    /// it is not beyond the other one.
    fn compare_bound(
        &mut self,
        shape: Shape,
        opcode: Opcode,
        first: Value,
        second: Value,
    ) -> Lower<VReg> {
        if let Some(op) = extremum(shape, opcode) {
            let (input, second) = (self.value(first)?, self.vector_operand(second)?);
            let bound = self.modify(op, input, &[second])?;
            return self.modify(equal(shape)?, bound, &[reg(input)]);
        }
        let is_beyond = match opcode {
            Opcode::Vsmin => self.compare_greater(shape, first, second)?,
            Opcode::Vsmax => self.compare_greater(shape, second, first)?,
            Opcode::Vumin => self.compare_above(shape, first, second)?,
            _ => self.compare_above(shape, second, first)?,
        };
        self.inverted(is_beyond)
    }
}
