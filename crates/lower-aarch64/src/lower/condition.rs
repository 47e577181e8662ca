//! Comparisons, tests and selection.
//!
//! A condition is a register wherever an instruction can test one: zero, a bit. Everything else is
//! flags, set by the instruction right in front of the one that reads them. So whatever else is needed
//! comes first.

use super::fold::{Source, extension, is_comparison};
use super::immediate::{constant_operand, exponent, signed, unsigned};
use super::{Lower, Lowering, Mem, imm, operation_width, reg, width_of};
use crate::machine::{Condition, Opd};
use enjamb_aarch64::immediate::{is_add, is_logical};
use enjamb_aarch64::{Cond, Op, Operand, Width, sized};
use enjamb_ir::{FloatCond, Inst, IntCond, Opcode, Payload, Type, Value};
use enjamb_lower::{LowerConditions, LowerMemory, Reason, TargetPredicate, Values};
use enjamb_regalloc::{RegClass, VReg};

/// The flag that a comparison of integers sets.
fn flag(cond: IntCond) -> Cond {
    match cond {
        IntCond::Equal => Cond::EQ,
        IntCond::NotEqual => Cond::NE,
        IntCond::SignedLess => Cond::LT,
        IntCond::SignedLessEqual => Cond::LE,
        IntCond::SignedGreater => Cond::GT,
        IntCond::SignedGreaterEqual => Cond::GE,
        IntCond::UnsignedLess => Cond::LO,
        IntCond::UnsignedLessEqual => Cond::LS,
        IntCond::UnsignedGreater => Cond::HI,
        IntCond::UnsignedGreaterEqual => Cond::HS,
    }
}

/// The flag that a comparison of floats sets: one that is clear if they are unordered, where the
/// comparison is false then (architecture manual, C1.2.4).
fn float_flag(cond: FloatCond) -> Cond {
    match cond {
        FloatCond::Equal => Cond::EQ,
        FloatCond::NotEqual => Cond::NE,
        FloatCond::Less => Cond::MI,
        FloatCond::LessEqual => Cond::LS,
        FloatCond::Greater => Cond::GT,
        FloatCond::GreaterEqual => Cond::GE,
        FloatCond::Ordered => Cond::VC,
        FloatCond::Unordered => Cond::VS,
    }
}

/// The condition on exchanged operands.
pub(super) fn exchanged(cond: IntCond) -> IntCond {
    use IntCond::*;
    match cond {
        Equal | NotEqual => cond,
        SignedLess => SignedGreater,
        SignedLessEqual => SignedGreaterEqual,
        SignedGreater => SignedLess,
        SignedGreaterEqual => SignedLessEqual,
        UnsignedLess => UnsignedGreater,
        UnsignedLessEqual => UnsignedGreaterEqual,
        UnsignedGreater => UnsignedLess,
        UnsignedGreaterEqual => UnsignedLessEqual,
    }
}

pub(super) fn exchanged_floats(cond: FloatCond) -> FloatCond {
    use FloatCond::*;
    match cond {
        Less => Greater,
        LessEqual => GreaterEqual,
        Greater => Less,
        GreaterEqual => LessEqual,
        Equal | NotEqual | Ordered | Unordered => cond,
    }
}

fn is_signed(cond: IntCond) -> bool {
    use IntCond::*;
    matches!(
        cond,
        SignedLess | SignedLessEqual | SignedGreater | SignedGreaterEqual
    )
}

/// The same comparison with the next constant in the direction in which it is strict, or not.
fn neighbour(cond: IntCond, constant: i64) -> Option<(IntCond, i64)> {
    use IntCond::*;
    let (cond, step) = match cond {
        SignedLess => (SignedLessEqual, -1),
        SignedLessEqual => (SignedLess, 1),
        SignedGreater => (SignedGreaterEqual, 1),
        SignedGreaterEqual => (SignedGreater, -1),
        UnsignedLess => (UnsignedLessEqual, -1),
        UnsignedLessEqual => (UnsignedLess, 1),
        UnsignedGreater => (UnsignedGreaterEqual, 1),
        UnsignedGreaterEqual => (UnsignedGreater, -1),
        Equal | NotEqual => return None,
    };
    // Not over the end of the numbers, signed or unsigned.
    let near = constant.checked_add(step)?;
    ((near < 0) == (constant < 0)).then_some((cond, near))
}

/// Whether a comparison instruction holds this constant, or its opposite.
fn is_comparable(constant: i64) -> bool {
    is_add(constant) || constant.checked_neg().is_some_and(is_add)
}

/// The four flags N, Z, C, V, as an instruction holds them, with which a condition holds.
fn flags_for(cond: Cond) -> Opd {
    imm(match cond {
        Cond::EQ | Cond::LE => 0b0100,
        Cond::HS | Cond::HI => 0b0010,
        Cond::MI | Cond::LT => 0b1000,
        Cond::VS => 0b0001,
        Cond::NE | Cond::LO | Cond::PL | Cond::VC | Cond::LS | Cond::GE | Cond::GT => 0,
    })
}

/// A comparison that can depend on flags that another has set.
struct Dependent {
    op: Op,
    operands: [Opd; 2],
    cond: Cond,
}

impl<'a> LowerConditions<'a> for Lowering<'a> {
    fn compare(&mut self, cond: IntCond, first: Value, second: Value) -> Lower<Condition> {
        let (mut cond, mut first, mut second) = (cond, first, second);
        if self.constant(first).is_some() && self.constant(second).is_none() {
            std::mem::swap(&mut first, &mut second);
            cond = exchanged(cond);
        }
        if let Some(constant) = self.constant(second) {
            return match self.compare_with_zero(cond, first, constant)? {
                Some(condition) => Ok(condition),
                None => self.compare_with(cond, first, constant),
            };
        }
        let ty = self.type_of(first);
        let width = operation_width(ty);
        let left = self.extended_value(first, is_signed(cond))?;
        let right = if ty.bits() < 32 {
            let right = self.value(second)?;
            let extend = extension(ty, is_signed(cond));
            Source::Extended([reg(right), Operand::Extend(extend, 0)])
        } else {
            self.arithmetic_source(second)?
        };
        match right {
            Source::Plain(right) => self.effect(sized::CMP_RR.at(width), &[reg(left), right])?,
            Source::Shifted([right, shift]) => {
                self.effect(sized::CMP_RR.at(width), &[reg(left), right, shift])?;
            }
            Source::Extended([right, extend]) => {
                self.effect(sized::CMP_RX.at(width), &[reg(left), right, extend])?;
            }
        }
        Ok(Condition::Flag(flag(cond)))
    }

    fn compare_floats(&mut self, inst: Inst, cond: FloatCond) -> Lower<Condition> {
        let (mut first, mut second) = (self.arg(inst, 0)?, self.arg(inst, 1)?);
        let mut cond = cond;
        if self.is_float_zero(first) {
            std::mem::swap(&mut first, &mut second);
            cond = exchanged_floats(cond);
        }
        let width = width_of(self.type_of(first));
        let left = self.value(first)?;
        if self.is_float_zero(second) {
            self.effect(sized::FCMP_VZ.at(width), &[reg(left)])?;
        } else {
            let right = self.value(second)?;
            self.effect(sized::FCMP_VV.at(width), &[reg(left), reg(right)])?;
        }
        Ok(Condition::Flag(float_flag(cond)))
    }

    fn same(&mut self, first: VReg, second: VReg) -> Lower<Condition> {
        self.effect(Op::Cmp64RR, &[reg(first), reg(second)])?;
        Ok(Condition::Flag(Cond::EQ))
    }

    fn is_zero(&mut self, value: VReg, ty: Type) -> Lower<Condition> {
        if ty.bits() >= 32 {
            return Ok(Condition::Zero(value, operation_width(ty)));
        }
        let mask = imm(unsigned(-1, ty));
        self.effect(Op::Tst32RI, &[reg(value), mask])?;
        Ok(Condition::Flag(Cond::EQ))
    }

    fn differs(&mut self, value: VReg, word: Mem) -> Lower<Condition> {
        let other = self.load(Type::I32, word)?;
        self.effect(Op::Cmp32RR, &[reg(value), reg(other)])?;
        Ok(Condition::Flag(Cond::NE))
    }

    fn equals(&mut self, word: Mem, constant: i64) -> Lower<Condition> {
        let value = self.load(Type::I32, word)?;
        if constant == 0 {
            return Ok(Condition::Zero(value, Width::B32));
        }
        self.compare_constant(value, signed(constant, Type::I32), Type::I32)?;
        Ok(Condition::Flag(Cond::EQ))
    }

    fn not_below(&mut self, index: VReg, length: Mem) -> Lower<Condition> {
        let length = self.load(Type::I64, length)?;
        self.effect(Op::Cmp64RR, &[reg(index), reg(length)])?;
        Ok(Condition::Flag(Cond::HS))
    }

    fn at_most(&mut self, length: Mem, constant: i32) -> Lower<Condition> {
        let length = self.load(Type::I64, length)?;
        if constant == 0 {
            return Ok(Condition::Zero(length, Width::B64));
        }
        self.compare_constant(length, constant.into(), Type::I64)?;
        Ok(Condition::Flag(Cond::LS))
    }

    fn take_away(&mut self, word: Mem, amount: i32) -> Lower<Condition> {
        let amount = i64::from(amount);
        let before = self.load(Type::I64, word)?;
        let left = if is_add(amount) {
            self.produce_int(Op::Subs64RRI, &[reg(before), imm(amount)])?
        } else {
            let amount = self.load_immediate(amount);
            self.produce_int(Op::Subs64RRR, &[reg(before), reg(amount)])?
        };
        self.store_register(Type::I64, word, left)?;
        Ok(Condition::Flag(Cond::MI))
    }

    fn set_byte(&mut self, condition: Condition) -> Lower<VReg> {
        if let Condition::BitSet(value, bit) = condition {
            let (op, lowest) = match bit {
                0..=31 => (Op::Ubfx32RRII, bit),
                _ => (Op::Ubfx64RRII, bit),
            };
            return self.produce_int(op, &[reg(value), imm(i64::from(lowest)), imm(1)]);
        }
        let cond = self.flags(condition)?;
        self.produce_int(Op::Cset32R, &[cond.into()])
    }

    fn choose(&mut self, condition: Condition, ty: Type, yes: VReg, no: VReg) -> Lower<VReg> {
        if yes == no {
            return Ok(yes);
        }
        let cond = self.flags(condition)?;
        if ty == Type::V128 {
            return self.choose_vector(cond, yes, no);
        }
        let operands = [reg(yes), reg(no), cond.into()];
        if yes.class() == RegClass::Float {
            let op = sized::FCSEL_VVV.at(width_of(ty));
            return self.produce(op, RegClass::Float, &operands);
        }
        self.produce_int(sized::CSEL_RRR.at(operation_width(ty)), &operands)
    }

    fn clamped(&mut self, index: VReg, ty: Type, last: i64) -> Lower<VReg> {
        let width = operation_width(ty);
        let bound = self.load_immediate(last);
        self.compare_constant(index, last, ty)?;
        let operands = [reg(index), reg(bound), Cond::LO.into()];
        self.produce_int(sized::CSEL_RRR.at(width), &operands)
    }

    fn folded_test(&mut self, value: Value) -> Lower<Option<Condition>> {
        if let Some(inst) = self.folded(value, &[Opcode::Band, Opcode::Bor]) {
            if let Some(condition) = self.both_or_either(inst)? {
                return Ok(Some(condition));
            }
            if self.data(inst).opcode == Opcode::Band {
                return self.test_bits(inst).map(Some);
            }
        }
        if self.is_folded(value) || !self.is_zero_extended(value) {
            return Ok(None);
        }
        let width = operation_width(self.type_of(value));
        let register = self.value(value)?;
        Ok(Some(Condition::NotZero(register, width)))
    }

    fn folded_select(&mut self, inst: Inst) -> Lower<Option<VReg>> {
        self.select_changed(inst)
    }
}

impl Lowering<'_> {
    /// A condition as flags.
    pub(super) fn flags(&mut self, condition: Condition) -> Lower<Cond> {
        Ok(match condition {
            Condition::Flag(cond) => cond,
            Condition::Zero(value, width) | Condition::NotZero(value, width) => {
                self.effect(sized::CMP_RI.at(width), &[reg(value), imm(0)])?;
                match condition {
                    Condition::Zero(..) => Cond::EQ,
                    _ => Cond::NE,
                }
            }
            Condition::BitClear(value, bit) | Condition::BitSet(value, bit) => {
                let op = match bit {
                    0..=31 => Op::Tst32RI,
                    _ => Op::Tst64RI,
                };
                self.effect(op, &[reg(value), imm(1 << bit)])?;
                match condition {
                    Condition::BitClear(..) => Cond::EQ,
                    _ => Cond::NE,
                }
            }
        })
    }

    /// Comparisons with a constant that ask for nothing but zero or the sign.
    fn compare_with_zero(
        &mut self,
        cond: IntCond,
        value: Value,
        constant: i64,
    ) -> Lower<Option<Condition>> {
        use IntCond::*;
        let ty = self.type_of(value);
        let sign = ty.bits() as u8 - 1;
        let is_nonzero = match (cond, constant) {
            (NotEqual | UnsignedGreater, 0) => true,
            (Equal | UnsignedLessEqual, 0) => false,
            (SignedLess, 0) | (SignedLessEqual, -1) => {
                let register = self.value(value)?;
                return Ok(Some(Condition::BitSet(register, sign)));
            }
            (SignedGreaterEqual, 0) | (SignedGreater, -1) => {
                let register = self.value(value)?;
                return Ok(Some(Condition::BitClear(register, sign)));
            }
            _ => return Ok(None),
        };
        let condition = match self.folded(value, &[Opcode::Band]) {
            Some(inst) => self.test_bits(inst)?,
            None if self.is_zero_extended(value) => {
                let register = self.value(value)?;
                Condition::NotZero(register, operation_width(ty))
            }
            None => {
                let register = self.value(value)?;
                self.is_zero(register, ty)?.inverted()
            }
        };
        Ok(Some(if is_nonzero {
            condition
        } else {
            condition.inverted()
        }))
    }

    fn compare_with(&mut self, cond: IntCond, value: Value, constant: i64) -> Lower<Condition> {
        let ty = self.type_of(value);
        let is_signed = is_signed(cond);
        let register = self.extended_value(value, is_signed)?;
        let (mut cond, mut constant) = (cond, constant);
        if ty.bits() < 32 && !is_signed {
            constant = unsigned(constant, ty);
        }
        if !is_comparable(constant)
            && let Some((other, near)) = neighbour(cond, constant)
            && is_comparable(near)
        {
            (cond, constant) = (other, near);
        }
        self.compare_constant(register, constant, ty)?;
        Ok(Condition::Flag(flag(cond)))
    }

    /// Whether any bit of a conjunction that is left to this use is set.
    fn test_bits(&mut self, inst: Inst) -> Lower<Condition> {
        let ty = self.data(inst).ty;
        let width = operation_width(ty);
        let (mut first, mut second) = (self.arg(inst, 0)?, self.arg(inst, 1)?);
        if self.constant(first).is_some() {
            std::mem::swap(&mut first, &mut second);
        }
        if let Some(constant) = self.constant(second) {
            let mask = unsigned(constant, ty);
            let register = self.value(first)?;
            if let Some(bit) = exponent(mask, ty) {
                return Ok(Condition::BitSet(register, bit));
            }
            if is_logical(mask as u64, width) {
                self.effect(sized::TST_RI.at(width), &[reg(register), imm(mask)])?;
            } else {
                let mask = self.load_immediate(mask);
                self.effect(sized::TST_RR.at(width), &[reg(register), reg(mask)])?;
            }
            return Ok(Condition::Flag(Cond::NE));
        }
        if ty.bits() < 32 {
            let both = [self.value(first)?, self.value(second)?].map(reg);
            let both = self.produce_int(Op::And32RRR, &both)?;
            return Ok(self.is_zero(both, ty)?.inverted());
        }
        let register = self.value(first)?;
        match self.logical_source(second)? {
            Source::Plain(other) => {
                self.effect(sized::TST_RR.at(width), &[reg(register), other])?;
            }
            Source::Shifted([other, shift]) | Source::Extended([other, shift]) => {
                self.effect(sized::TST_RR.at(width), &[reg(register), other, shift])?;
            }
        }
        Ok(Condition::Flag(Cond::NE))
    }

    /// Two comparisons of which both or either have to hold: the second is made only if the first
    /// leaves it open, and else the flags become those of the result.
    fn both_or_either(&mut self, inst: Inst) -> Lower<Option<Condition>> {
        let parts = [self.arg(inst, 0)?, self.arg(inst, 1)?];
        let [Some(mut first), Some(mut second)] =
            parts.map(|part| self.folded(part, &[Opcode::Icmp, Opcode::Fcmp]))
        else {
            return Ok(None);
        };
        if !self.can_depend(second) {
            std::mem::swap(&mut first, &mut second);
        }
        if !self.can_depend(second) {
            return Ok(None);
        }
        let second = self.dependent(second)?;
        let condition = self.comparison(first)?;
        let first = self.flags(condition)?;
        let is_both = self.data(inst).opcode == Opcode::Band;
        let (needed, otherwise) = if is_both {
            (first, second.cond.invert())
        } else {
            (first.invert(), second.cond)
        };
        let [left, right] = second.operands;
        self.effect(
            second.op,
            &[left, right, flags_for(otherwise), needed.into()],
        )?;
        Ok(Some(Condition::Flag(second.cond)))
    }

    /// Whether a comparison has a form that depends on flags.
    fn can_depend(&self, inst: Inst) -> bool {
        debug_assert!(is_comparison(self.data(inst).opcode));
        self.data(inst).ty.bits() >= 32
    }

    /// The operands of a comparison that will depend on flags. They are computed here.
    fn dependent(&mut self, inst: Inst) -> Lower<Dependent> {
        let data = self.data(inst);
        let (first, second) = (self.arg(inst, 0)?, self.arg(inst, 1)?);
        let width = operation_width(data.ty);
        match data.payload {
            Payload::IntCond(cond) => {
                let left = reg(self.value(first)?);
                let constant = constant_operand(self.function, inst, 1);
                let (op, right) = match constant {
                    Some(constant @ 0..=31) => (sized::CCMP_RI, imm(constant)),
                    Some(constant @ -31..=-1) => (sized::CCMN_RI, imm(-constant)),
                    _ => (sized::CCMP_RR, reg(self.value(second)?)),
                };
                Ok(Dependent {
                    op: op.at(width),
                    operands: [left, right],
                    cond: flag(cond),
                })
            }
            Payload::FloatCond(cond) => {
                let operands = [self.value(first)?, self.value(second)?].map(reg);
                let op = match width {
                    Width::B64 => Op::Fccmp64VV,
                    _ => Op::Fccmp32VV,
                };
                Ok(Dependent {
                    op,
                    operands,
                    cond: float_flag(cond),
                })
            }
            _ => Err(Reason::Malformed),
        }
    }

    fn is_float_zero(&self, value: Value) -> bool {
        let sign_only = self.float_bits(value).map(|bits| bits << 1);
        match self.type_of(value) {
            Type::F32 => sign_only.is_some_and(|bits| bits as u32 == 0),
            _ => sign_only == Some(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_make_their_condition_hold() {
        for &cond in Cond::ALL {
            let Operand::Imm(flags) = flags_for(cond) else {
                panic!("flags are an immediate");
            };
            let [v, c, z, n] = [0, 1, 2, 3].map(|bit| flags >> bit & 1 == 1);
            let holds = match cond {
                Cond::EQ => z,
                Cond::NE => !z,
                Cond::HS => c,
                Cond::LO => !c,
                Cond::MI => n,
                Cond::PL => !n,
                Cond::VS => v,
                Cond::VC => !v,
                Cond::HI => c && !z,
                Cond::LS => !c || z,
                Cond::GE => n == v,
                Cond::LT => n != v,
                Cond::GT => !z && n == v,
                Cond::LE => z || n != v,
            };
            assert!(holds, "{cond}");
        }
    }

    #[test]
    fn neighbours_are_the_same_comparison() {
        let holds = |cond, a: i64, b: i64| match cond {
            IntCond::Equal => a == b,
            IntCond::NotEqual => a != b,
            IntCond::SignedLess => a < b,
            IntCond::SignedLessEqual => a <= b,
            IntCond::SignedGreater => a > b,
            IntCond::SignedGreaterEqual => a >= b,
            IntCond::UnsignedLess => (a as u64) < b as u64,
            IntCond::UnsignedLessEqual => a as u64 <= b as u64,
            IntCond::UnsignedGreater => a as u64 > b as u64,
            IntCond::UnsignedGreaterEqual => a as u64 >= b as u64,
        };
        use IntCond::*;
        for cond in [
            Equal,
            NotEqual,
            SignedLess,
            SignedLessEqual,
            SignedGreater,
            SignedGreaterEqual,
            UnsignedLess,
            UnsignedLessEqual,
            UnsignedGreater,
            UnsignedGreaterEqual,
        ] {
            let words = [
                i64::MIN,
                -4098,
                -4097,
                -4096,
                -2,
                -1,
                0,
                1,
                4096,
                4097,
                i64::MAX,
            ];
            for (a, b) in words.into_iter().flat_map(|a| words.map(|b| (a, b))) {
                assert_eq!(holds(exchanged(cond), b, a), holds(cond, a, b));
                if let Some((other, near)) = neighbour(cond, b) {
                    assert_eq!(holds(other, a, near), holds(cond, a, b), "{cond:?} {a} {b}");
                }
            }
        }
    }
}
