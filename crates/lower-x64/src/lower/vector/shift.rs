//! Shifts of integer lanes. The processor has none of bytes, and none of 64 bits with sign.

use super::super::{Lowering, imm, reg};
use super::integer::{difference, greater};
use super::repeated;
use enjamb_ir::{Inst, Opcode, Shape};
use enjamb_lower::{Lower, Reason, Values};
use enjamb_regalloc::{RegClass, VReg};
use enjamb_x64::Op;

/// The forms of a shift, by a register and by an immediate; bytes are shifted as parts of 16 bits, and
/// 64 bits without sign.
fn forms(opcode: Opcode, shape: Shape) -> Lower<(Op, Op)> {
    use Op::*;
    Ok(match (opcode, shape) {
        (Opcode::Vishl, Shape::I8x16 | Shape::I16x8) => (PsllwXM, PsllwXI),
        (Opcode::Vishl, Shape::I32x4) => (PslldXM, PslldXI),
        (Opcode::Vishl, Shape::I64x2) => (PsllqXM, PsllqXI),
        (Opcode::Vsshr, Shape::I16x8) => (PsrawXM, PsrawXI),
        (Opcode::Vsshr, Shape::I32x4) => (PsradXM, PsradXI),
        (Opcode::Vushr | Opcode::Vsshr, Shape::I8x16) => (PsrlwXM, PsrlwXI),
        (Opcode::Vushr, Shape::I16x8) => (PsrlwXM, PsrlwXI),
        (Opcode::Vushr, Shape::I32x4) => (PsrldXM, PsrldXI),
        (Opcode::Vushr | Opcode::Vsshr, Shape::I64x2) => (PsrlqXM, PsrlqXI),
        _ => return Err(Reason::Malformed),
    })
}

/// Whether zeros come in instead of signs, which are added afterwards.
fn lacks_signs(opcode: Opcode, shape: Shape) -> bool {
    opcode == Opcode::Vsshr && matches!(shape, Shape::I8x16 | Shape::I64x2)
}

impl Lowering<'_> {
    pub(super) fn shift_lanes(&mut self, inst: Inst, shape: Shape) -> Lower<VReg> {
        let opcode = self.data(inst).opcode;
        let last = shape.lane_type().bits() - 1;
        let amount = self.arg(inst, 1)?;
        let value = self.operand(inst, 0)?;
        if let Some(amount) = self.function.integer_constant(amount) {
            return self.shift_by(opcode, shape, value, amount as u32 & last);
        }
        let amount = self.value(amount)?;
        let amount = self.modify(Op::And32MI, amount, &[imm(last.into())])?;
        match (opcode, shape) {
            (Opcode::Vsshr, Shape::I8x16) => self.shift_widened(value, amount),
            (Opcode::Vsshr, Shape::I64x2) => {
                let amount = self.amount(amount)?;
                let sign = self.vector_constant(repeated(shape, 1 << last))?;
                let [value, sign] =
                    [value, sign].map(|input| self.modify(Op::PsrlqXM, input, &[reg(amount)]));
                self.extended_from(shape, value?, sign?)
            }
            (_, Shape::I8x16) => self.shift_bytes(opcode, value, amount),
            _ => {
                let amount = self.amount(amount)?;
                self.modify(forms(opcode, shape)?.0, value, &[reg(amount)])
            }
        }
    }

    /// A shift by a constant.
    fn shift_by(&mut self, opcode: Opcode, shape: Shape, value: VReg, amount: u32) -> Lower<VReg> {
        let last = shape.lane_type().bits() - 1;
        if amount == 0 {
            return Ok(value);
        }
        if lacks_signs(opcode, shape) && amount == last {
            let zero = self.zero();
            return self.modify(greater(shape)?, zero, &[reg(value)]);
        }
        let op = forms(opcode, shape)?.1;
        let mut shifted = self.modify(op, value, &[imm(amount.into())])?;
        if shape == Shape::I8x16 {
            // What has come in from the next byte.
            let kept: u8 = match opcode {
                Opcode::Vishl => 0xff << amount,
                _ => 0xff >> amount,
            };
            let kept = self.constant_mem(&[kept; 16]).into();
            shifted = self.modify(Op::PandXM, shifted, &[kept])?;
        }
        if lacks_signs(opcode, shape) {
            let sign = self
                .constant_mem(&repeated(shape, 1 << last >> amount))
                .into();
            let flipped = self.modify(Op::PxorXM, shifted, &[sign])?;
            return self.modify(difference(shape)?, flipped, &[sign]);
        }
        Ok(shifted)
    }

    /// The amount of a shift in a vector register.
    fn amount(&mut self, amount: VReg) -> Lower<VReg> {
        self.produce(Op::MovdXM, RegClass::Float, &[reg(amount)])
    }

    /// Copies the bit where the sign is upwards: inverting it and taking it away borrows through all
    /// bits above, unless it was set.
    fn extended_from(&mut self, shape: Shape, value: VReg, sign: VReg) -> Lower<VReg> {
        let flipped = self.modify(Op::PxorXM, value, &[reg(sign)])?;
        self.modify(difference(shape)?, flipped, &[reg(sign)])
    }

    /// Bytes without sign, shifted as 16 bits. What has come in from the next byte is masked; the mask
    /// is what a shift in the same way leaves of ones in the byte that nothing comes into.
    fn shift_bytes(&mut self, opcode: Opcode, value: VReg, amount: VReg) -> Lower<VReg> {
        let op = forms(opcode, Shape::I8x16)?.0;
        let amount = self.amount(amount)?;
        let shifted = self.modify(op, value, &[reg(amount)])?;
        let ones = self.ones();
        let mask = self.modify(op, ones, &[reg(amount)])?;
        let place = match opcode {
            Opcode::Vishl => reg(self.zero()),
            _ => self.constant_mem(&[1; 16]).into(),
        };
        let mask = self.modify(Op::PshufbXM, mask, &[place])?;
        self.modify(Op::PandXM, shifted, &[reg(mask)])
    }

    /// Bytes with sign, each shifted as the upper half of 16 bits, and by 8 more.
    fn shift_widened(&mut self, value: VReg, amount: VReg) -> Lower<VReg> {
        let amount = self.modify(Op::Add32MI, amount, &[imm(8)])?;
        let amount = self.amount(amount)?;
        let [low, high] = [Op::PunpcklbwXM, Op::PunpckhbwXM].map(|unpack| {
            let half = self.modify(unpack, value, &[reg(value)])?;
            self.modify(Op::PsrawXM, half, &[reg(amount)])
        });
        self.modify(Op::PacksswbXM, low?, &[reg(high?)])
    }
}
