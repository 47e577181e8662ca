//! Comparisons and selection.

use super::{Lowering, imm, operation_width, reg, width_of};
use crate::machine::{self, FloatSize, Predicate, Register};
use enjamb_ir::{FloatCond, Inst, IntCond, Type, Value};
use enjamb_lower::{Lower, LowerConditions, Reason, Values};
use enjamb_regalloc::{RegClass, VReg};
use enjamb_x64::{Cond, Mem, Op, Width, sized};

/// The flag that a comparison of integers sets.
fn flag(cond: IntCond) -> Cond {
    match cond {
        IntCond::Equal => Cond::E,
        IntCond::NotEqual => Cond::NE,
        IntCond::SignedLess => Cond::L,
        IntCond::SignedLessEqual => Cond::LE,
        IntCond::SignedGreater => Cond::G,
        IntCond::SignedGreaterEqual => Cond::GE,
        IntCond::UnsignedLess => Cond::B,
        IntCond::UnsignedLessEqual => Cond::BE,
        IntCond::UnsignedGreater => Cond::A,
        IntCond::UnsignedGreaterEqual => Cond::AE,
    }
}

impl<'a> LowerConditions<'a> for Lowering<'a> {
    fn compare(&mut self, cond: IntCond, first: Value, second: Value) -> Lower<Predicate> {
        let width = width_of(self.type_of(first));
        let (mut first, mut second, mut cond) = (first, second, flag(cond));
        if self.immediate(first).is_some() && self.immediate(second).is_none() {
            std::mem::swap(&mut first, &mut second);
            cond = cond.swap_operands().ok_or(Reason::Malformed)?;
        }
        let left = self.value(first)?;
        match self.immediate(second) {
            // With zero, TEST leaves all flags as CMP does.
            Some(0) => self.effect(sized::TEST_MR.at(width), &[reg(left), reg(left)])?,
            Some(constant) => self.effect(sized::CMP_MI.at(width), &[reg(left), imm(constant)])?,
            None => {
                let right = self.value(second)?;
                self.effect(sized::CMP_RM.at(width), &[reg(left), reg(right)])?;
            }
        }
        Ok(Predicate::Flag(cond))
    }

    /// UCOMISD sets flags as an unsigned comparison does, and all of them if unordered. So "less"
    /// is "greater" of exchanged operands, which is false if unordered.
    fn compare_floats(&mut self, inst: Inst, cond: FloatCond) -> Lower<Predicate> {
        let (mut first, mut second) = (self.operand(inst, 0)?, self.operand(inst, 1)?);
        if matches!(cond, FloatCond::Less | FloatCond::LessEqual) {
            std::mem::swap(&mut first, &mut second);
        }
        let op = FloatSize::of(self.data(inst).ty).pick(Op::UcomissXM, Op::UcomisdXM);
        self.effect(op, &[reg(first), reg(second)])?;
        Ok(match cond {
            FloatCond::Equal => Predicate::FloatEqual,
            FloatCond::NotEqual => Predicate::FloatNotEqual,
            FloatCond::Less | FloatCond::Greater => Predicate::Flag(Cond::A),
            FloatCond::LessEqual | FloatCond::GreaterEqual => Predicate::Flag(Cond::AE),
            FloatCond::Ordered => Predicate::Flag(Cond::NP),
            FloatCond::Unordered => Predicate::Flag(Cond::P),
        })
    }

    fn same(&mut self, first: VReg, second: VReg) -> Lower<Predicate> {
        self.effect(Op::Cmp64RM, &[reg(first), reg(second)])?;
        Ok(Predicate::Flag(Cond::E))
    }

    fn is_zero(&mut self, value: VReg, ty: Type) -> Lower<Predicate> {
        self.effect(sized::TEST_MR.at(width_of(ty)), &[reg(value), reg(value)])?;
        Ok(Predicate::Flag(Cond::E))
    }

    fn differs(&mut self, value: VReg, word: Mem<Register>) -> Lower<Predicate> {
        self.effect(Op::Cmp32RM, &[reg(value), word.into()])?;
        Ok(Predicate::Flag(Cond::NE))
    }

    fn equals(&mut self, word: Mem<Register>, constant: i64) -> Lower<Predicate> {
        self.effect(Op::Cmp32MI, &[word.into(), imm(constant)])?;
        Ok(Predicate::Flag(Cond::E))
    }

    fn not_below(&mut self, index: VReg, length: Mem<Register>) -> Lower<Predicate> {
        self.effect(Op::Cmp64RM, &[reg(index), length.into()])?;
        Ok(Predicate::Flag(Cond::AE))
    }

    fn at_most(&mut self, length: Mem<Register>, constant: i32) -> Lower<Predicate> {
        self.effect(Op::Cmp64MI, &[length.into(), imm(constant.into())])?;
        Ok(Predicate::Flag(Cond::BE))
    }

    fn take_away(&mut self, word: Mem<Register>, amount: i32) -> Lower<Predicate> {
        self.effect(Op::Sub64MI, &[word.into(), imm(amount.into())])?;
        Ok(Predicate::Flag(Cond::S))
    }

    fn set_byte(&mut self, predicate: Predicate) -> Lower<VReg> {
        let (first, second, join) = match predicate {
            Predicate::Flag(cond) => return self.produce_int(Op::setcc(cond), &[]),
            Predicate::FloatEqual => (Cond::E, Cond::NP, Op::And32RM),
            Predicate::FloatNotEqual => (Cond::NE, Cond::P, Op::Or32RM),
        };
        let first = self.produce_int(Op::setcc(first), &[])?;
        let second = self.produce_int(Op::setcc(second), &[])?;
        self.modify(join, first, &[reg(second)])
    }

    fn choose(&mut self, predicate: Predicate, ty: Type, yes: VReg, no: VReg) -> Lower<VReg> {
        if yes.class() == RegClass::Float {
            return Ok(self.select_float(predicate, yes, no));
        }
        let width = operation_width(ty);
        let (start, other, conds) = match predicate {
            Predicate::Flag(cond) => {
                return self.modify(Op::cmov(width, cond), no, &[reg(yes)]);
            }
            Predicate::FloatEqual => (yes, no, [Cond::NE, Cond::P]),
            Predicate::FloatNotEqual => (no, yes, [Cond::NE, Cond::P]),
        };
        let half = self.modify(Op::cmov(width, conds[0]), start, &[reg(other)])?;
        self.modify(Op::cmov(width, conds[1]), half, &[reg(other)])
    }

    fn clamped(&mut self, index: VReg, ty: Type, last: i64) -> Lower<VReg> {
        let mut index = index;
        if ty != Type::I64 {
            index = self.produce_int(Op::Mov32RM, &[reg(index)])?;
        }
        let last_one = self.load_immediate(last);
        self.effect(Op::Cmp64MI, &[reg(index), imm(last)])?;
        self.modify(Op::cmov(Width::B64, Cond::A), index, &[reg(last_one)])
    }
}

impl Lowering<'_> {
    pub(super) fn select_float(&mut self, predicate: Predicate, yes: VReg, no: VReg) -> VReg {
        let output = self.new_vreg(RegClass::Float);
        self.push(machine::Inst::FloatSelect {
            predicate,
            inputs: [yes, no],
            output,
        });
        output
    }
}
