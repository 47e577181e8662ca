//! Integer arithmetic and logic.

use super::fold::{Forms, Source, shift_of};
use super::immediate::{ZERO, constant_operand, exponent, logical, unsigned};
use super::{Lower, Lowering, imm, operation_width, reg};
use enjamb_aarch64::sized::{self, ByWidth};
use enjamb_aarch64::{Cond, Extend, Op, Operand, Shift, Width};
use enjamb_ir::{Inst, Opcode, Payload, Type, Value};
use enjamb_lower::{LowerArithmetic, Reason, Values};
use enjamb_regalloc::VReg;

const ADD: Forms = Forms {
    shifted: sized::ADD_RRR,
    extended: sized::ADD_RRX,
};
const SUB: Forms = Forms {
    shifted: sized::SUB_RRR,
    extended: sized::SUB_RRX,
};

/// A logical operation: with an immediate, with a register, with the complement of a register.
#[derive(Clone, Copy)]
struct Logic {
    immediate: ByWidth,
    register: ByWidth,
    complement: ByWidth,
}

const AND: Logic = Logic {
    immediate: sized::AND_RRI,
    register: sized::AND_RRR,
    complement: sized::BIC_RRR,
};
const OR: Logic = Logic {
    immediate: sized::ORR_RRI,
    register: sized::ORR_RRR,
    complement: sized::ORN_RRR,
};
const XOR: Logic = Logic {
    immediate: sized::EOR_RRI,
    register: sized::EOR_RRR,
    complement: sized::EON_RRR,
};

/// Multiplication, alone and with an addition, subtraction or negation behind it.
#[derive(Clone, Copy)]
struct Multiply {
    alone: Op,
    add: Op,
    subtract: Op,
}

/// A product: how it is formed, and of what.
struct Product {
    forms: Multiply,
    factors: [VReg; 2],
}

const SIGNED_LONG: Multiply = Multiply {
    alone: Op::SmullRRR,
    add: Op::SmaddlRRRR,
    subtract: Op::SmsublRRRR,
};
const UNSIGNED_LONG: Multiply = Multiply {
    alone: Op::UmullRRR,
    add: Op::UmaddlRRRR,
    subtract: Op::UmsublRRRR,
};

fn multiply_at(width: Width) -> Multiply {
    Multiply {
        alone: sized::MUL_RRR.at(width),
        add: sized::MADD_RRRR.at(width),
        subtract: sized::MSUB_RRRR.at(width),
    }
}

impl<'a> LowerArithmetic<'a> for Lowering<'a> {
    fn integer(&mut self, inst: Inst) -> Lower<VReg> {
        use Opcode::*;
        match self.data(inst).opcode {
            Null => Ok(self.load_immediate(0)),
            Iconst => {
                let value = self.payload(inst, |payload| match payload {
                    Payload::Integer(value) => Some(value),
                    _ => None,
                })?;
                Ok(self.load_constant(value, self.data(inst).ty))
            }
            Iadd => self.sum(inst),
            AddrAdd => self.address_sum(inst),
            Isub => self.difference(inst),
            Ineg => self.negate(inst),
            Band => self.logic(inst, AND),
            Bor => self.logic(inst, OR),
            Bxor => self.logic(inst, XOR),
            Bnot => {
                let width = operation_width(self.data(inst).ty);
                let source = self.logical_source(self.arg(inst, 0)?)?;
                self.unary(sized::MVN_RR.at(width), source)
            }
            Imul => self.multiply(inst),
            Umulhi => self.multiply_high(inst, Op::UmulhRRR, Op::UmullRRR),
            Smulhi => self.multiply_high(inst, Op::SmulhRRR, Op::SmullRRR),
            Udiv | Sdiv | Urem | Srem => self.divide(inst),
            Umin => self.extremum(inst, Cond::LO),
            Umax => self.extremum(inst, Cond::HI),
            Smin => self.extremum(inst, Cond::LT),
            Smax => self.extremum(inst, Cond::GT),
            Ishl | Ushr | Sshr | Rotl | Rotr => self.shift(inst),
            Clz => self.leading_zeros(inst),
            Ctz => self.trailing_zeros(inst),
            Popcnt => self.count_ones(inst),
            _ => Err(Reason::Malformed),
        }
    }

    fn float(&mut self, inst: Inst) -> Lower<VReg> {
        self.lower_float(inst)
    }

    fn convert(&mut self, inst: Inst) -> Lower<VReg> {
        self.lower_conversion(inst)
    }

    fn canonical_nan(&mut self, ty: Type, input: VReg) -> VReg {
        self.replace_nan(ty, input)
    }
}

impl Lowering<'_> {
    /// An instruction with one source.
    fn unary(&mut self, op: Op, source: Source) -> Lower<VReg> {
        match source {
            Source::Plain(register) => self.produce_int(op, &[register]),
            Source::Shifted(operands) | Source::Extended(operands) => {
                self.produce_int(op, &operands)
            }
        }
    }

    /// The operands of a commutative instruction, such that the one which the instruction takes in is
    /// the second: a constant before anything that is left to this use.
    fn commuted(&self, inst: Inst) -> Lower<[Value; 2]> {
        let operands = [self.arg(inst, 0)?, self.arg(inst, 1)?];
        let [first, second] = operands.map(|value| {
            let is_constant = self.constant(value).is_some();
            (is_constant, self.deferred(value).is_some())
        });
        Ok(if first > second {
            [operands[1], operands[0]]
        } else {
            operands
        })
    }

    fn sum(&mut self, inst: Inst) -> Lower<VReg> {
        let ty = self.data(inst).ty;
        let [first, second] = self.commuted(inst)?;
        if let Some(constant) = self.constant(second) {
            let input = self.value(first)?;
            return self.add_constant(reg(input), constant, ty);
        }
        if let Some(product) = self.folded_product(second)? {
            return self.accumulate(product, product_add, first);
        }
        self.arithmetic(ADD, ty, first, second)
    }

    fn difference(&mut self, inst: Inst) -> Lower<VReg> {
        let ty = self.data(inst).ty;
        let (first, second) = (self.arg(inst, 0)?, self.arg(inst, 1)?);
        if let Some(constant) = self.constant(second) {
            let input = self.value(first)?;
            return self.add_constant(reg(input), constant.wrapping_neg(), ty);
        }
        if let Some(product) = self.folded_product(second)? {
            return self.accumulate(product, product_subtract, first);
        }
        self.arithmetic(SUB, ty, first, second)
    }

    fn arithmetic(&mut self, forms: Forms, ty: Type, first: Value, second: Value) -> Lower<VReg> {
        let input = self.value(first)?;
        let source = self.arithmetic_source(second)?;
        self.with_source(forms, operation_width(ty), input, source)
    }

    fn negate(&mut self, inst: Inst) -> Lower<VReg> {
        let width = operation_width(self.data(inst).ty);
        let value = self.arg(inst, 0)?;
        if let Some(product) = self.folded_product(value)? {
            let [first, second] = product.factors.map(reg);
            return self.produce_int(product.forms.subtract, &[first, second, ZERO]);
        }
        let source = self.shift_source(value, false)?;
        self.unary(sized::NEG_RR.at(width), source)
    }

    fn logic(&mut self, inst: Inst, logic: Logic) -> Lower<VReg> {
        let ty = self.data(inst).ty;
        let width = operation_width(ty);
        let [first, second] = self.commuted(inst)?;
        if let Some(constant) = self.constant(second) {
            return self.logic_with(inst, logic, first, constant);
        }
        let input = self.value(first)?;
        let (op, second) = match self.folded(second, &[Opcode::Bnot]) {
            Some(complement) => (logic.complement, self.arg(complement, 0)?),
            None => (logic.register, second),
        };
        match self.logical_source(second)? {
            Source::Plain(other) => self.produce_int(op.at(width), &[reg(input), other]),
            Source::Shifted([other, shift]) | Source::Extended([other, shift]) => {
                self.produce_int(op.at(width), &[reg(input), other, shift])
            }
        }
    }

    /// A logical operation with a constant.
    fn logic_with(&mut self, inst: Inst, logic: Logic, first: Value, constant: i64) -> Lower<VReg> {
        let data = self.data(inst);
        let width = operation_width(data.ty);
        if data.opcode == Opcode::Band
            && let Some(field) = self.bit_field(data.ty, first, constant)?
        {
            return Ok(field);
        }
        if data.opcode == Opcode::Bxor && constant == -1 {
            let source = self.logical_source(first)?;
            return self.unary(sized::MVN_RR.at(width), source);
        }
        let input = self.value(first)?;
        let other = match logical(constant, data.ty) {
            Some(constant) => {
                return self.produce_int(logic.immediate.at(width), &[reg(input), imm(constant)]);
            }
            None if constant == 0 => ZERO,
            None => reg(self.load_constant(constant, data.ty)),
        };
        self.produce_int(logic.register.at(width), &[reg(input), other])
    }

    /// The low bits of a value that is shifted to the right, by a mask of low ones.
    fn bit_field(&mut self, ty: Type, value: Value, mask: i64) -> Lower<Option<VReg>> {
        let mask = unsigned(mask, ty) as u64;
        let Some(inst) = self.folded(value, &[Opcode::Ushr]) else {
            return Ok(None);
        };
        let Some(amount) = constant_operand(self.function, inst, 1) else {
            return Ok(None);
        };
        if mask == 0 || !(mask.wrapping_add(1)).is_power_of_two() && mask != u64::MAX {
            return Ok(None);
        }
        let bits = i64::from(ty.bits());
        let lowest = amount & (bits - 1);
        let size = i64::from(mask.trailing_ones()).min(bits - lowest);
        let input = self.operand(inst, 0)?;
        let op = sized::UBFX_RRII.at(operation_width(ty));
        let operands = [reg(input), imm(lowest), imm(size)];
        self.produce_int(op, &operands).map(Some)
    }

    /// A product that is left to its use, unless it is as good as a shift.
    fn folded_product(&mut self, value: Value) -> Lower<Option<Product>> {
        match self.folded(value, &[Opcode::Imul]) {
            Some(inst) if shift_of(self.function, inst).is_none() => self.product(inst).map(Some),
            _ => Ok(None),
        }
    }

    /// The factors of a product; two words that are extended alike are multiplied as words.
    fn product(&mut self, inst: Inst) -> Lower<Product> {
        let ty = self.data(inst).ty;
        let values = [self.arg(inst, 0)?, self.arg(inst, 1)?];
        let extensions = [Opcode::Sextend, Opcode::Uextend];
        let words = values.map(|value| self.folded(value, &extensions));
        if let ([Some(first), Some(second)], Type::I64) = (words, ty) {
            let operands = [self.arg(first, 0)?, self.arg(second, 0)?];
            let are_words = operands.map(|value| self.type_of(value)) == [Type::I32; 2];
            let opcodes = [first, second].map(|inst| self.data(inst).opcode);
            if are_words && opcodes[0] == opcodes[1] {
                let forms = match opcodes[0] {
                    Opcode::Sextend => SIGNED_LONG,
                    _ => UNSIGNED_LONG,
                };
                let factors = [self.value(operands[0])?, self.value(operands[1])?];
                return Ok(Product { forms, factors });
            }
        }
        let factors = [self.value(values[0])?, self.value(values[1])?];
        Ok(Product {
            forms: multiply_at(operation_width(ty)),
            factors,
        })
    }

    fn accumulate(
        &mut self,
        product: Product,
        form: fn(&Multiply) -> Op,
        other: Value,
    ) -> Lower<VReg> {
        let other = self.value(other)?;
        let [first, second] = product.factors.map(reg);
        self.produce_int(form(&product.forms), &[first, second, reg(other)])
    }

    fn multiply(&mut self, inst: Inst) -> Lower<VReg> {
        let ty = self.data(inst).ty;
        let (mut first, mut second) = (self.arg(inst, 0)?, self.arg(inst, 1)?);
        if self.constant(first).is_some() {
            std::mem::swap(&mut first, &mut second);
        }
        if let Some(factor) = self.constant(second)
            && let Some(output) = self.multiply_by(first, factor, ty)?
        {
            return Ok(output);
        }
        let product = self.product(inst)?;
        let [first, second] = product.factors.map(reg);
        self.produce_int(product.forms.alone, &[first, second])
    }

    /// A product by a constant that at most two shifts and sums make: 2ⁿ, -2ⁿ, 2ⁿ + 1, 1 - 2ⁿ, 2ⁿ - 1,
    /// and 2ᵐ times (2ⁿ + 1).
    fn multiply_by(&mut self, value: Value, factor: i64, ty: Type) -> Lower<Option<VReg>> {
        let width = operation_width(ty);
        let left = |amount: u8| Operand::Shift(Shift::Lsl, amount);
        let opposite = factor.wrapping_neg();
        let odd = factor >> factor.trailing_zeros().min(63);
        let power = |number: i64| exponent(number, ty).filter(|exponent| *exponent > 0);
        let output = if let Some(amount) = exponent(factor, ty) {
            let input = self.value(value)?;
            let amount = imm(i64::from(amount));
            self.produce_int(sized::LSL_RRI.at(width), &[reg(input), amount])
        } else if let Some(amount) = exponent(opposite, ty) {
            let input = self.value(value)?;
            self.produce_int(sized::NEG_RR.at(width), &[reg(input), left(amount)])
        } else if let Some(amount) = power(odd.wrapping_sub(1)) {
            let input = reg(self.value(value)?);
            let sum = self.produce_int(sized::ADD_RRR.at(width), &[input, input, left(amount)])?;
            match factor.trailing_zeros() {
                0 => Ok(sum),
                twos => {
                    let twos = imm(i64::from(twos));
                    self.produce_int(sized::LSL_RRI.at(width), &[reg(sum), twos])
                }
            }
        } else if let Some(amount) = power(opposite.wrapping_add(1)) {
            let input = reg(self.value(value)?);
            self.produce_int(sized::SUB_RRR.at(width), &[input, input, left(amount)])
        } else if let Some(amount) = power(factor.wrapping_add(1)) {
            let input = reg(self.value(value)?);
            let amount = imm(i64::from(amount));
            let product = self.produce_int(sized::LSL_RRI.at(width), &[input, amount])?;
            self.produce_int(sized::SUB_RRR.at(width), &[reg(product), input])
        } else {
            return Ok(None);
        };
        output.map(Some)
    }

    fn multiply_high(&mut self, inst: Inst, whole: Op, word: Op) -> Lower<VReg> {
        let (first, second) = (self.operand(inst, 0)?, self.operand(inst, 1)?);
        let operands = [reg(first), reg(second)];
        if self.data(inst).ty == Type::I64 {
            return self.produce_int(whole, &operands);
        }
        let product = self.produce_int(word, &operands)?;
        self.produce_int(Op::Lsr64RRI, &[reg(product), imm(32)])
    }

    /// The smaller or larger of two. With zero, the sign of a signed number makes a mask.
    fn extremum(&mut self, inst: Inst, keep_first: Cond) -> Lower<VReg> {
        let ty = self.data(inst).ty;
        let width = operation_width(ty);
        let is_signed = matches!(keep_first, Cond::LT | Cond::GT);
        let [first, second] = self.commuted(inst)?;
        let constant = self.constant(second);
        let input = self.extended_value(first, is_signed)?;
        if is_signed && constant == Some(0) {
            let form = match keep_first {
                Cond::LT => sized::AND_RRR,
                _ => sized::BIC_RRR,
            };
            let sign = Operand::Shift(Shift::Asr, width.bits() - 1);
            return self.produce_int(form.at(width), &[reg(input), reg(input), sign]);
        }
        let other = self.extended_value(second, is_signed)?;
        let operands = [reg(input), reg(other)];
        self.effect(sized::CMP_RR.at(width), &operands)?;
        let [first, second] = operands;
        self.produce_int(
            sized::CSEL_RRR.at(width),
            &[first, second, keep_first.into()],
        )
    }
}

fn product_add(forms: &Multiply) -> Op {
    forms.add
}

fn product_subtract(forms: &Multiply) -> Op {
    forms.subtract
}

/// How many bits an extension leaves, and whether they are signed.
pub(super) fn extended_bits(extend: Extend) -> (i64, bool) {
    match extend {
        Extend::Uxtb => (8, false),
        Extend::Sxtb => (8, true),
        Extend::Uxth => (16, false),
        Extend::Sxth => (16, true),
        Extend::Uxtw => (32, false),
        Extend::Sxtw => (32, true),
        Extend::Uxtx => (64, false),
        Extend::Sxtx => (64, true),
    }
}
