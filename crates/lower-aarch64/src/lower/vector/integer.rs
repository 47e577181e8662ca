//! Arithmetic on integer lanes.

use super::{form, lane_width};
use crate::lower::condition::exchanged;
use crate::lower::{Lower, Lowering, imm, reg};
use enjamb_aarch64::lanes::{self as forms, ByLane};
use enjamb_aarch64::{Op, Operand, Shift, Width};
use enjamb_ir::{Inst, IntCond, Opcode, Shape};
use enjamb_lower::Values;
use enjamb_regalloc::VReg;

/// How a comparison is made of two registers: the form, whether they change places, whether it is the
/// opposite.
fn comparison(cond: IntCond) -> (ByLane, bool, bool) {
    use IntCond::*;
    match cond {
        Equal => (forms::CMEQ, false, false),
        NotEqual => (forms::CMEQ, false, true),
        SignedGreater => (forms::CMGT, false, false),
        SignedGreaterEqual => (forms::CMGE, false, false),
        SignedLess => (forms::CMGT, true, false),
        SignedLessEqual => (forms::CMGE, true, false),
        UnsignedGreater => (forms::CMHI, false, false),
        UnsignedGreaterEqual => (forms::CMHS, false, false),
        UnsignedLess => (forms::CMHI, true, false),
        UnsignedLessEqual => (forms::CMHS, true, false),
    }
}

/// The form for a comparison with zero, and whether it reads its register twice.
fn comparison_with_zero(cond: IntCond) -> Option<(ByLane, bool)> {
    use IntCond::*;
    match cond {
        Equal | UnsignedLessEqual => Some((forms::CMEQ_ZERO, false)),
        NotEqual | UnsignedGreater => Some((forms::CMTST, true)),
        SignedGreater => Some((forms::CMGT_ZERO, false)),
        SignedGreaterEqual => Some((forms::CMGE_ZERO, false)),
        SignedLess => Some((forms::CMLT_ZERO, false)),
        SignedLessEqual => Some((forms::CMLE_ZERO, false)),
        UnsignedLess | UnsignedGreaterEqual => None,
    }
}

impl Lowering<'_> {
    pub(super) fn compare_integer_lanes(
        &mut self,
        inst: Inst,
        shape: Shape,
        cond: IntCond,
    ) -> Lower<(VReg, bool)> {
        let (mut first, mut second) = (self.arg(inst, 0)?, self.arg(inst, 1)?);
        let mut cond = cond;
        if self.vector_bits(first) == Some(0) {
            std::mem::swap(&mut first, &mut second);
            cond = exchanged(cond);
        }
        let left = self.value(first)?;
        if self.vector_bits(second) == Some(0)
            && let Some((forms, is_twice)) = comparison_with_zero(cond)
        {
            let operands = [reg(left); 2];
            let operands = if is_twice {
                &operands[..]
            } else {
                &operands[..1]
            };
            return Ok((self.vector_of(form(forms, shape)?, operands)?, false));
        }
        let right = self.value(second)?;
        let (forms, is_exchanged, is_complement) = comparison(cond);
        let operands = match is_exchanged {
            true => [reg(right), reg(left)],
            false => [reg(left), reg(right)],
        };
        Ok((
            self.vector_of(form(forms, shape)?, &operands)?,
            is_complement,
        ))
    }

    /// The smaller or larger one, for 64 bits by a comparison that tells whether the first is larger.
    pub(super) fn extremum_of_lanes(
        &mut self,
        inst: Inst,
        forms: ByLane,
        is_larger: ByLane,
        wants_larger: bool,
    ) -> Lower<VReg> {
        let shape = self.shape(inst)?;
        if let Some(op) = forms.at(lane_width(shape)) {
            return self.apply(inst, op);
        }
        let operands = [self.operand(inst, 0)?, self.operand(inst, 1)?].map(reg);
        let mask = self.vector_of(form(is_larger, shape)?, &operands)?;
        let [first, second] = operands;
        let chosen = if wants_larger {
            [first, second]
        } else {
            [second, first]
        };
        self.modify(Op::Bsl16BVVV, mask, &chosen)
    }

    /// A sum or difference, with a product if one is left to it as the last operand, or of a sum as any.
    pub(super) fn sum_of_lanes(
        &mut self,
        inst: Inst,
        plain: ByLane,
        with_product: ByLane,
    ) -> Lower<VReg> {
        let (mut first, mut second) = (self.arg(inst, 0)?, self.arg(inst, 1)?);
        if self.data(inst).opcode == Opcode::Viadd && !self.is_folded(second) {
            std::mem::swap(&mut first, &mut second);
        }
        let Some(product) = self.folded(second, &[Opcode::Vimul]) else {
            return self.lanewise(inst, plain);
        };
        let factors = [self.operand(product, 0)?, self.operand(product, 1)?].map(reg);
        let input = self.value(first)?;
        self.modify(form(with_product, self.shape(inst)?)?, input, &factors)
    }

    /// There is no product of 64 bits, so it is put together from those of 32:
    /// a·b = low(a)·low(b) + (high(a)·low(b) + low(a)·high(b))·2³².
    pub(super) fn multiply_lanes(&mut self, inst: Inst) -> Lower<VReg> {
        let shape = self.shape(inst)?;
        if let Some(op) = forms::MUL.at(lane_width(shape)) {
            return self.apply(inst, op);
        }
        let [first, second] = [self.operand(inst, 0)?, self.operand(inst, 1)?].map(reg);
        let crossed = self.vector_of(Op::Rev64_4SVV, &[second])?;
        let products = self.vector_of(Op::Mul4SVVV, &[reg(crossed), first])?;
        let sums = self.vector_of(Op::Uaddlp4SVV, &[reg(products)])?;
        let high = self.vector_of(Op::Shl2DVVI, &[reg(sums), imm(32)])?;
        let first = self.vector_of(Op::Xtn2DVV, &[first])?;
        let second = self.vector_of(Op::Xtn2DVV, &[second])?;
        self.modify(Op::Umlal2SVVV, high, &[reg(first), reg(second)])
    }

    /// A shift by a register goes to the left, by the lowest byte of each lane with its sign.
    pub(super) fn shift_lanes(&mut self, inst: Inst) -> Lower<VReg> {
        let shape = self.shape(inst)?;
        let bits = i64::from(lane_width(shape).bits());
        let opcode = self.data(inst).opcode;
        let (by_constant, by_register) = match opcode {
            Opcode::Vishl => (forms::SHL, forms::USHL),
            Opcode::Vushr => (forms::USHR, forms::USHL),
            _ => (forms::SSHR, forms::SSHL),
        };
        let amount = self.arg(inst, 1)?;
        let input = self.operand(inst, 0)?;
        if let Some(amount) = self.constant(amount) {
            return match amount & (bits - 1) {
                0 => Ok(input),
                amount => self.vector_of(form(by_constant, shape)?, &[reg(input), imm(amount)]),
            };
        }
        let amount = self.value(amount)?;
        let mut amount = self.produce_int(Op::And32RRI, &[reg(amount), imm(bits - 1)])?;
        if opcode != Opcode::Vishl {
            amount = self.produce_int(Op::Neg32RR, &[reg(amount)])?;
        }
        let amounts = self.vector_of(Op::Dup16BR, &[reg(amount)])?;
        self.vector_of(form(by_register, shape)?, &[reg(input), reg(amounts)])
    }

    /// The uppermost bit of each lane. Lanes become all ones or zeros, of which each keeps a bit of its
    /// own, and the sum of all lanes is the mask; of bytes, two halves stand beside each other first.
    pub(super) fn lane_mask(&mut self, inst: Inst) -> Lower<VReg> {
        let shape = self.shape(inst)?;
        let input = self.operand(inst, 0)?;
        let width = lane_width(shape);
        if width == Width::B64 {
            return self.mask_of_halves(input);
        }
        let signs = self.vector_of(form(forms::CMLT_ZERO, shape)?, &[reg(input)])?;
        let bits = self.vector_constant(own_bits(shape));
        let bits = self.vector_of(Op::And16BVVV, &[reg(signs), reg(bits)])?;
        let (op, bits) = match width {
            Width::B8 => {
                let upper = self.vector_of(Op::Ext16BVVVI, &[reg(bits), reg(bits), imm(8)])?;
                let pairs = self.vector_of(Op::Zip1_16BVVV, &[reg(bits), reg(upper)])?;
                (Op::Addv8HV, pairs)
            }
            Width::B16 => (Op::Addv8HV, bits),
            _ => (Op::Addv4SV, bits),
        };
        let sum = self.vector_of(op, &[reg(bits)])?;
        self.produce_int(Op::Fmov32RV, &[reg(sum)])
    }

    /// The signs of two lanes.
    fn mask_of_halves(&mut self, input: VReg) -> Lower<VReg> {
        let signs = self.vector_of(Op::Ushr2DVVI, &[reg(input), imm(63)])?;
        let low = self.produce_int(Op::Fmov64RV, &[reg(signs)])?;
        let high = self.produce_int(Op::UmovRD, &[reg(signs), imm(1)])?;
        let doubled = Operand::Shift(Shift::Lsl, 1);
        self.produce_int(Op::Add32RRR, &[reg(low), reg(high), doubled])
    }
}

/// In lane number n bit n, counted anew from lane 8 on.
fn own_bits(shape: Shape) -> u128 {
    let width = lane_width(shape);
    let lanes = 128 / u32::from(width.bits());
    let bit = |lane: u32| 1u128 << (lane * u32::from(width.bits()) + lane % 8);
    (0..lanes).map(bit).sum()
}
