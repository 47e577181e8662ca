//! Selections of integers that change the value they take: one more, the complement, the opposite, or
//! one of the numbers that these make of zero.

use super::fold::adds_one;
use super::immediate::ZERO;
use super::{Lower, Lowering, operation_width, reg};
use crate::machine::Opd;
use enjamb_aarch64::sized::{self, ByWidth};
use enjamb_ir::{Inst, Opcode, Value};
use enjamb_lower::{LowerConditions, TargetPredicate, Values};
use enjamb_regalloc::VReg;

/// What a selection can do to its second value, when it takes that.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Nothing,
    Increment,
    Complement,
    Negate,
}

impl Change {
    fn select(self) -> ByWidth {
        match self {
            Change::Nothing => sized::CSEL_RRR,
            Change::Increment => sized::CSINC_RRR,
            Change::Complement => sized::CSINV_RRR,
            Change::Negate => sized::CSNEG_RRR,
        }
    }
}

/// A value of a selection: what is read, and what becomes of it.
#[derive(Clone, Copy)]
enum Arm {
    Zero(Change),
    Value(Change, Value),
}

impl Arm {
    fn change(self) -> Change {
        match self {
            Arm::Zero(change) | Arm::Value(change, _) => change,
        }
    }
}

impl Lowering<'_> {
    /// A selection of integers.
    pub(super) fn select_changed(&mut self, inst: Inst) -> Lower<Option<VReg>> {
        let ty = self.data(inst).ty;
        if ty.in_vector_register() {
            return Ok(None);
        }
        let (yes, no) = (self.arg(inst, 1)?, self.arg(inst, 2)?);
        let (mut yes, mut no) = (self.arm(yes), self.arm(no));
        let is_one = |arm| matches!(arm, Arm::Zero(Change::Increment));
        let is_zero = |arm| matches!(arm, Arm::Zero(Change::Nothing));
        if is_one(yes) && is_zero(no) || is_zero(yes) && is_one(no) {
            let condition = self.predicate(self.arg(inst, 0)?)?;
            let condition = match is_one(yes) {
                true => condition,
                false => condition.inverted(),
            };
            return self.set_byte(condition).map(Some);
        }
        // Only the second value can be changed.
        let is_inverted = no.change() == Change::Nothing && yes.change() != Change::Nothing;
        if is_inverted {
            std::mem::swap(&mut yes, &mut no);
        }
        let first = self.unchanged(yes, inst, if is_inverted { 2 } else { 1 })?;
        let second = match no {
            Arm::Zero(_) => ZERO,
            Arm::Value(_, value) => reg(self.value(value)?),
        };
        let condition = self.predicate(self.arg(inst, 0)?)?;
        let mut cond = self.flags(condition)?;
        if is_inverted {
            cond = cond.invert();
        }
        let op = no.change().select().at(operation_width(ty));
        self.produce_int(op, &[first, second, cond.into()])
            .map(Some)
    }

    /// What a selection can make of one of its values.
    fn arm(&self, value: Value) -> Arm {
        match self.constant(value) {
            Some(0) => return Arm::Zero(Change::Nothing),
            Some(1) => return Arm::Zero(Change::Increment),
            Some(-1) => return Arm::Zero(Change::Complement),
            _ => {}
        }
        let changed = self.deferred(value).and_then(|inst| {
            let first = self.function.args(inst).first().copied()?;
            match self.data(inst).opcode {
                Opcode::Bnot => Some(Arm::Value(Change::Complement, first)),
                Opcode::Ineg => Some(Arm::Value(Change::Negate, first)),
                _ => adds_one(self.function, inst).map(|one| Arm::Value(Change::Increment, one)),
            }
        });
        changed.unwrap_or(Arm::Value(Change::Nothing, value))
    }

    /// A value of a selection without anything that the selection does to it.
    fn unchanged(&mut self, arm: Arm, inst: Inst, operand: usize) -> Lower<Opd> {
        match arm {
            Arm::Zero(Change::Nothing) => Ok(ZERO),
            _ => Ok(reg(self.operand(inst, operand)?)),
        }
    }
}
