//! Constants as immediates of instructions, and what stands in for those that do not fit.

use super::{Lower, Lowering, imm, operation_width, reg};
use crate::machine::{Opd, Register};
use enjamb_aarch64::immediate::{is_add, is_logical};
use enjamb_aarch64::{Extend, Op, Operand, Reg, Width, sized};
use enjamb_ir::{Function, Inst, Type, Value};
use enjamb_regalloc::VReg;

/// The zero register as an operand.
pub(super) const ZERO: Opd = Operand::Reg(Register::Fixed(Reg::ZR));

/// The largest number that two additions of immediates add.
const TWO_STEPS: i64 = 0xff_ffff;

/// The integer that the low bits of `value` are, sign-extended.
pub(super) fn signed(value: i64, ty: Type) -> i64 {
    let above = 64 - ty.bits();
    value << above >> above
}

/// The integer that the low bits of `value` are, with zeros above.
pub(super) fn unsigned(value: i64, ty: Type) -> i64 {
    let above = 64 - ty.bits();
    ((value as u64) << above >> above) as i64
}

/// The constant that a value is, sign-extended.
pub(super) fn constant(function: &Function, value: Value) -> Option<i64> {
    let constant = function.integer_constant(value)?;
    Some(signed(constant, function.value_type(value)))
}

/// The constant that an operand of an instruction is, sign-extended.
pub(super) fn constant_operand(function: &Function, inst: Inst, operand: usize) -> Option<i64> {
    let &value = function.args(inst).get(operand)?;
    constant(function, value)
}

/// The exponent of the power of two that a constant of a type is, read as unsigned.
pub(super) fn exponent(constant: i64, ty: Type) -> Option<u8> {
    let bits = unsigned(constant, ty) as u64;
    bits.is_power_of_two().then(|| bits.trailing_zeros() as u8)
}

/// The immediate by which a logical instruction expresses the low bits of `value`; what it has
/// above them does not matter.
pub(super) fn logical(value: i64, ty: Type) -> Option<i64> {
    let low = unsigned(value, ty);
    let candidates = match ty.bits() {
        8 => [low, signed(value, ty), low * 0x0101_0101],
        16 => [low, signed(value, ty), low * 0x0001_0001],
        _ => [low; 3],
    };
    let width = operation_width(ty);
    let clear = |candidate: i64| candidate & (u64::MAX >> (64 - width.bits())) as i64;
    let fits = |candidate: &i64| is_logical(*candidate as u64, width);
    candidates.into_iter().map(clear).find(fits)
}

impl Lowering<'_> {
    /// The constant that a value is, sign-extended.
    pub(super) fn constant(&self, value: Value) -> Option<i64> {
        constant(self.function, value)
    }

    /// A register that holds the low bits of a constant of a type, and zeros above 32 bits where the
    /// instructions of the type leave zeros too.
    pub(super) fn load_constant(&mut self, value: i64, ty: Type) -> VReg {
        self.load_immediate(match operation_width(ty) {
            Width::B64 => value,
            _ => i64::from(value as u32),
        })
    }

    /// The sum of a register and a constant of any size, in the width of a type; flags are kept.
    pub(super) fn add_constant(&mut self, input: Opd, value: i64, ty: Type) -> Lower<VReg> {
        let width = operation_width(ty);
        let value = match width {
            Width::B64 => value,
            _ => i64::from(value as i32),
        };
        let (op, size) = if value < 0 {
            (sized::SUB_RRI.at(width), value.wrapping_neg())
        } else {
            (sized::ADD_RRI.at(width), value)
        };
        if is_add(size) {
            return self.produce_int(op, &[input, imm(size)]);
        }
        if (0..=TWO_STEPS).contains(&size) {
            let high = self.produce_int(op, &[input, imm(size & !0xfff)])?;
            return self.produce_int(op, &[reg(high), imm(size & 0xfff)]);
        }
        let constant = self.load_constant(value, ty);
        if input == Operand::Reg(Register::Fixed(Reg::SP)) {
            // Only this form takes the stack pointer.
            let whole = Operand::Extend(Extend::Uxtx, 0);
            return self.produce_int(Op::Add64RRX, &[input, reg(constant), whole]);
        }
        self.produce_int(sized::ADD_RRR.at(width), &[input, reg(constant)])
    }

    /// Sets the flags as a comparison of a register with a constant does.
    pub(super) fn compare_constant(&mut self, register: VReg, value: i64, ty: Type) -> Lower<()> {
        let width = operation_width(ty);
        if is_add(value) {
            return self.effect(sized::CMP_RI.at(width), &[reg(register), imm(value)]);
        }
        // Subtracting a number and adding its opposite set the same flags, but for zero.
        if let Some(opposite) = value.checked_neg()
            && is_add(opposite)
        {
            return self.effect(sized::CMN_RI.at(width), &[reg(register), imm(opposite)]);
        }
        let constant = self.load_constant(value, ty);
        self.effect(sized::CMP_RR.at(width), &[reg(register), reg(constant)])
    }
}
