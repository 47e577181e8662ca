//! Float operations that take a branch.

use super::{Emitter, OutOfLine};
use crate::machine::{DOUBLE_NAN, FloatSize, Predicate, SINGLE_NAN};
use enjamb_lower::Lower;
use enjamb_x64::{Cond, Op, Reg};

impl Emitter<'_> {
    /// The NaN that a register holds becomes the canonical one, out of line.
    pub(super) fn canonical_nan(&mut self, size: FloatSize, register: Reg) -> Lower<()> {
        let compare = size.pick(Op::UcomissXM, Op::UcomisdXM);
        self.op(compare, &[register.into(), register.into()]);
        let back = self.assembler.new_label();
        self.nan_if_unordered(size, register, back);
        self.assembler.bind(back);
        Ok(())
    }

    /// After a comparison: if it was unordered, makes the register the canonical NaN and goes to
    /// `back`.
    fn nan_if_unordered(&mut self, size: FloatSize, register: Reg, back: enjamb_x64::Label) {
        let at = self.assembler.new_label();
        self.assembler.jcc(Cond::P, at);
        self.defer(OutOfLine::Nan {
            at,
            back,
            register,
            is_single: size == FloatSize::Single,
        });
    }

    pub(super) fn load_nan(&mut self, register: Reg, is_single: bool) {
        let (op, constant) = if is_single {
            let bytes = SINGLE_NAN.to_le_bytes();
            (Op::MovssXM, self.assembler.constant(&bytes))
        } else {
            let bytes = DOUBLE_NAN.to_le_bytes();
            (Op::MovsdXM, self.assembler.constant(&bytes))
        };
        self.op(
            op,
            &[register.into(), enjamb_x64::Mem::label(constant).into()],
        );
    }

    /// `register` becomes the smaller or larger of itself and `other`.
    ///
    /// MINSD gives its second operand for a NaN and for two zeros, so both cases come first: equal
    /// numbers differ at most in the sign of zero, which a bitwise operation decides.
    pub(super) fn extremum(
        &mut self,
        size: FloatSize,
        is_max: bool,
        register: Reg,
        other: Reg,
    ) -> Lower<()> {
        let (different, done) = (self.assembler.new_label(), self.assembler.new_label());
        let operands = [register.into(), other.into()];
        self.op(size.pick(Op::UcomissXM, Op::UcomisdXM), &operands);
        self.nan_if_unordered(size, register, done);
        self.assembler.jcc(Cond::NE, different);
        let (equal, extremum) = if is_max {
            (Op::AndpsXM, size.pick(Op::MaxssXM, Op::MaxsdXM))
        } else {
            (Op::OrpsXM, size.pick(Op::MinssXM, Op::MinsdXM))
        };
        self.op(equal, &operands);
        self.assembler.jmp(done);
        self.assembler.bind(different);
        self.op(extremum, &operands);
        self.assembler.bind(done);
        Ok(())
    }

    /// `register` becomes `other` if the predicate holds.
    pub(super) fn float_select(&mut self, predicate: Predicate, register: Reg, other: Reg) {
        let (take, skip) = (self.assembler.new_label(), self.assembler.new_label());
        match predicate {
            Predicate::Flag(cond) => self.assembler.jcc(cond.invert(), skip),
            Predicate::FloatEqual => {
                self.assembler.jcc(Cond::NE, skip);
                self.assembler.jcc(Cond::P, skip);
            }
            Predicate::FloatNotEqual => {
                self.assembler.jcc(Cond::P, take);
                self.assembler.jcc(Cond::E, skip);
            }
        }
        self.assembler.bind(take);
        self.op(Op::MovapsXM, &[register.into(), other.into()]);
        self.assembler.bind(skip);
    }
}
