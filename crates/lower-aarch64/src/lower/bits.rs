//! Shifts, rotations and counts of bits.

use super::fold::extension_of;
use super::immediate::constant_operand;
use super::integer::extended_bits;
use super::{Lower, Lowering, imm, operation_width, reg};
use crate::machine::Opd;
use enjamb_aarch64::sized::{self, ByWidth};
use enjamb_aarch64::{Op, Operand, Shift, Width};
use enjamb_ir::{Inst, Opcode, Type, Value};
use enjamb_lower::{Reason, Values};
use enjamb_regalloc::{RegClass, VReg};

fn left(amount: u8) -> Opd {
    Operand::Shift(Shift::Lsl, amount)
}

impl Lowering<'_> {
    pub(super) fn shift(&mut self, inst: Inst) -> Lower<VReg> {
        let data = self.data(inst);
        let (value, amount) = (self.arg(inst, 0)?, self.arg(inst, 1)?);
        let mask = i64::from(data.ty.bits() - 1);
        match self.constant(amount) {
            Some(amount) => self.shift_by(data.opcode, data.ty, value, amount & mask),
            None => match data.opcode {
                Opcode::Rotl | Opcode::Rotr => self.rotate(inst, value, amount),
                _ => self.shift_by_register(inst, value, amount),
            },
        }
    }

    /// A shift by a constant that is less than the width. To the right, narrow values are taken as bit
    /// fields, which leaves what stands above them behind.
    fn shift_by(&mut self, opcode: Opcode, ty: Type, value: Value, amount: i64) -> Lower<VReg> {
        let width = operation_width(ty);
        let bits = i64::from(ty.bits());
        if opcode == Opcode::Ishl
            && let Some(output) = self.shift_extended(ty, value, amount)?
        {
            return Ok(output);
        }
        let input = self.value(value)?;
        let is_narrow = bits < 32;
        let (op, amount): (ByWidth, i64) = match opcode {
            Opcode::Ishl => (sized::LSL_RRI, amount),
            Opcode::Ushr | Opcode::Sshr if is_narrow => {
                let field = match opcode {
                    Opcode::Ushr => sized::UBFX_RRII,
                    _ => sized::SBFX_RRII,
                };
                let operands = [reg(input), imm(amount), imm(bits - amount)];
                return self.produce_int(field.at(width), &operands);
            }
            Opcode::Ushr => (sized::LSR_RRI, amount),
            Opcode::Sshr => (sized::ASR_RRI, amount),
            Opcode::Rotr if is_narrow => {
                return self.rotate_narrow_left(input, bits, (bits - amount) % bits);
            }
            Opcode::Rotl if is_narrow => return self.rotate_narrow_left(input, bits, amount),
            Opcode::Rotr => (sized::ROR_RRI, amount),
            Opcode::Rotl => (sized::ROR_RRI, (bits - amount) % bits),
            _ => return Err(Reason::Malformed),
        };
        self.produce_int(op.at(width), &[reg(input), imm(amount)])
    }

    /// An extension and a shift to the left in one, as the insertion of a bit field into zeros or
    /// copies of the sign.
    fn shift_extended(&mut self, ty: Type, value: Value, amount: i64) -> Lower<Option<VReg>> {
        let function = self.function;
        let deferred = self.deferred(value);
        let extension = deferred.and_then(|inst| Some((inst, extension_of(function, inst)?)));
        let Some((inst, extend)) = extension else {
            return Ok(None);
        };
        let (size, is_signed) = extended_bits(extend);
        let width = operation_width(ty);
        let insert = if is_signed {
            sized::SBFIZ_RRII
        } else {
            sized::UBFIZ_RRII
        };
        let input = self.operand(inst, 0)?;
        let size = size.min(i64::from(width.bits()) - amount);
        let operands = [reg(input), imm(amount), imm(size)];
        self.produce_int(insert.at(width), &operands).map(Some)
    }

    /// Two parts, of which the upper one is shifted in place; what it has above does not matter.
    fn rotate_narrow_left(&mut self, input: VReg, bits: i64, amount: i64) -> Lower<VReg> {
        if amount == 0 {
            return self.produce_int(Op::Mov32RR, &[reg(input)]);
        }
        let operands = [reg(input), imm(bits - amount), imm(amount)];
        let low = self.produce_int(Op::Ubfx32RRII, &operands)?;
        let operands = [reg(low), reg(input), left(amount as u8)];
        self.produce_int(Op::Orr32RRR, &operands)
    }

    /// An amount that counts modulo the width: the processor's modulus makes a mask superfluous.
    fn amount(&mut self, ty: Type, amount: Value) -> Lower<VReg> {
        let mask = i64::from(ty.bits() - 1);
        if let Some(inst) = self.folded(amount, &[Opcode::Band]) {
            for (index, other) in [(0, 1), (1, 0)] {
                let constant = constant_operand(self.function, inst, index);
                if constant.is_some_and(|constant| constant & mask == mask) {
                    return self.operand(inst, other);
                }
            }
        }
        self.value(amount)
    }

    /// The processor takes the amount modulo 32 or 64.
    fn shift_by_register(&mut self, inst: Inst, value: Value, amount: Value) -> Lower<VReg> {
        let data = self.data(inst);
        let input = match data.opcode {
            Opcode::Ishl => self.value(value)?,
            _ => self.extended_value(value, data.opcode == Opcode::Sshr)?,
        };
        let mut amount = self.amount(data.ty, amount)?;
        if data.ty.bits() < 32 {
            let mask = imm(i64::from(data.ty.bits() - 1));
            amount = self.produce_int(Op::And32RRI, &[reg(amount), mask])?;
        }
        let op = match data.opcode {
            Opcode::Ishl => sized::LSL_RRR,
            Opcode::Ushr => sized::LSR_RRR,
            _ => sized::ASR_RRR,
        };
        let op = op.at(operation_width(data.ty));
        self.produce_int(op, &[reg(input), reg(amount)])
    }

    /// A narrow value is repeated until it fills 32 bits; a rotation of them by an amount modulo 32 is
    /// also one of each copy. A rotation to the left is one to the right by the opposite amount.
    fn rotate(&mut self, inst: Inst, value: Value, amount: Value) -> Lower<VReg> {
        let data = self.data(inst);
        let width = operation_width(data.ty);
        let mut input = self.extended_value(value, false)?;
        let mut filled = data.ty.bits();
        while filled < 32 {
            let operands = [reg(input), reg(input), left(filled as u8)];
            input = self.produce_int(Op::Orr32RRR, &operands)?;
            filled *= 2;
        }
        let mut amount = self.amount(data.ty, amount)?;
        if data.opcode == Opcode::Rotl {
            amount = self.produce_int(Op::Neg32RR, &[reg(amount)])?;
        }
        self.produce_int(sized::ROR_RRR.at(width), &[reg(input), reg(amount)])
    }

    pub(super) fn leading_zeros(&mut self, inst: Inst) -> Lower<VReg> {
        let ty = self.data(inst).ty;
        let value = self.extended_value(self.arg(inst, 0)?, false)?;
        let count = self.produce_int(sized::CLZ_RR.at(operation_width(ty)), &[reg(value)])?;
        match 32_i64 - i64::from(ty.bits()) {
            above @ 1.. => self.produce_int(Op::Sub32RRI, &[reg(count), imm(above)]),
            _ => Ok(count),
        }
    }

    /// A narrow value gets a bit above it, where the count ends.
    pub(super) fn trailing_zeros(&mut self, inst: Inst) -> Lower<VReg> {
        let ty = self.data(inst).ty;
        let width = operation_width(ty);
        let mut value = self.operand(inst, 0)?;
        if ty.bits() < 32 {
            value = self.produce_int(Op::Orr32RRI, &[reg(value), imm(1 << ty.bits())])?;
        }
        let reversed = self.produce_int(sized::RBIT_RR.at(width), &[reg(value)])?;
        self.produce_int(sized::CLZ_RR.at(width), &[reg(reversed)])
    }

    /// Only vectors have a count: of the bits in each byte, which are then added up.
    pub(super) fn count_ones(&mut self, inst: Inst) -> Lower<VReg> {
        let ty = self.data(inst).ty;
        let value = match ty {
            Type::I8 => self.operand(inst, 0)?,
            _ => self.extended_value(self.arg(inst, 0)?, false)?,
        };
        let to_vector = match operation_width(ty) {
            Width::B64 => Op::Fmov64VR,
            _ => Op::Fmov32VR,
        };
        let vector = self.produce(to_vector, RegClass::Float, &[reg(value)])?;
        let counts = self.produce(Op::Cnt8BVV, RegClass::Float, &[reg(vector)])?;
        if ty == Type::I8 {
            return self.produce_int(Op::UmovRB, &[reg(counts), imm(0)]);
        }
        let sum = self.produce(Op::Addv8BV, RegClass::Float, &[reg(counts)])?;
        self.produce_int(Op::Fmov32RV, &[reg(sum)])
    }
}
