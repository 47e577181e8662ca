//! Objects from the window, and tests of their type.

use super::Emitter;
use crate::registers::{ALLOCATED, CONTEXT, SCRATCH, reg};
use enjamb_abi::context::offsets;
use enjamb_abi::object::{ALIGN, ELEMENTS, LENGTH, TYPE};
use enjamb_lower::{EmitObjects, EmitTarget, LONGEST_INLINE, Lower};
use enjamb_regalloc::PReg;
use enjamb_x64::{Cond, Label, Mem, Op, Operand, Reg, Scale};

/// Where the next object will be.
const NEXT: Mem<Reg> = Mem::base(CONTEXT, offsets::HEAP_NEXT as i32);
/// The end of the window.
const LIMIT: Mem<Reg> = Mem::base(CONTEXT, offsets::HEAP_LIMIT as i32);

impl<'a> EmitObjects<'a> for Emitter<'a> {
    fn new_object(&mut self, size: u32, word: u32) -> Lower<Label> {
        let full = self.new_label();
        self.op(Op::Mov64RM, &[ALLOCATED.into(), NEXT.into()]);
        let end = Mem::base(ALLOCATED, size as i32);
        self.op(Op::Lea64RM, &[SCRATCH.into(), end.into()]);
        self.take(word, full)?;
        Ok(full)
    }

    /// Where the window begins is a multiple of the alignment, so the end of the array is rounded up.
    fn new_array(&mut self, element: u32, word: u32, length: PReg) -> Lower<Label> {
        let full = self.new_label();
        let length = reg(length);
        self.immediate(Op::Cmp64MI, length.into(), i64::from(LONGEST_INLINE))?;
        self.assembler.jcc(Cond::A, full);
        self.op(Op::Mov64RM, &[ALLOCATED.into(), NEXT.into()]);
        let scale = Scale::from_factor(u64::from(element)).unwrap_or(Scale::Eight);
        let is_round = u64::from(element) >= ALIGN;
        let rest = if is_round { 0 } else { ALIGN as i32 - 1 };
        let end = Mem::indexed(ALLOCATED, length, scale, ELEMENTS as i32 + rest);
        self.op(Op::Lea64RM, &[SCRATCH.into(), end.into()]);
        if u64::from(element) > ALIGN {
            let end = Mem::indexed(SCRATCH, length, scale, 0);
            self.op(Op::Lea64RM, &[SCRATCH.into(), end.into()]);
        }
        if !is_round {
            self.immediate(Op::And64MI, SCRATCH.into(), -(ALIGN as i64))?;
        }
        self.take(word, full)?;
        let place = Mem::base(ALLOCATED, LENGTH as i32);
        self.op(Op::Mov64MR, &[place.into(), length.into()]);
        Ok(full)
    }

    fn is_instance(&mut self, object: PReg, word: u32, output: PReg) -> Lower<()> {
        let (object, output) = (reg(object), reg(output));
        let done = self.new_label();
        self.clear(output);
        self.op(Op::Test64MR, &[object.into(), object.into()]);
        self.assembler.jcc(Cond::E, done);
        let place = Mem::base(object, TYPE as i32);
        self.immediate(Op::Cmp32MI, place.into(), i64::from(word))?;
        self.op(Op::setcc(Cond::E), &[output.into()]);
        self.bind(done);
        Ok(())
    }
}

impl Emitter<'_> {
    /// Moves the start of the window to the end of a new object, which is in the scratch register.
    fn take(&mut self, word: u32, full: Label) -> Lower<()> {
        self.op(Op::Cmp64RM, &[SCRATCH.into(), LIMIT.into()]);
        self.assembler.jcc(Cond::A, full);
        self.op(Op::Mov64MR, &[NEXT.into(), SCRATCH.into()]);
        let place: Operand<Reg> = Mem::base(ALLOCATED, TYPE as i32).into();
        self.op(Op::Mov32MI, &[place, Operand::Imm(i64::from(word))]);
        Ok(())
    }
}
