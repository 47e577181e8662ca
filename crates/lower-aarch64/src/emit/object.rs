//! Objects from the window, and tests of their type.

use super::Emitter;
use crate::registers::{ALLOCATED, CONTEXT, TEMPORARIES, reg};
use enjamb_aarch64::immediate::is_add;
use enjamb_aarch64::{Cond, Label, Op, Operand, Reg, Shift, access};
use enjamb_abi::context::offsets;
use enjamb_abi::object::{ALIGN, ELEMENTS, LENGTH, TYPE};
use enjamb_lower::{EmitObjects, EmitTarget, LONGEST_INLINE, Lower};
use enjamb_regalloc::PReg;

/// Where the next object will be, in the context block.
const NEXT: i32 = offsets::HEAP_NEXT as i32;
/// The end of the window.
const LIMIT: i32 = offsets::HEAP_LIMIT as i32;

impl<'a> EmitObjects<'a> for Emitter<'a> {
    fn new_object(&mut self, size: u32, word: u32) -> Lower<Label> {
        let full = self.new_label();
        let [end, _] = TEMPORARIES;
        self.access(&access::LDR_64, ALLOCATED, CONTEXT, NEXT)?;
        self.add(end, ALLOCATED, i64::from(size));
        self.take(word, full)?;
        Ok(full)
    }

    /// Where the window begins is a multiple of the alignment, so the end of the array is rounded up.
    fn new_array(&mut self, element: u32, word: u32, length: PReg) -> Lower<Label> {
        let full = self.new_label();
        let (length, [end, _]) = (reg(length), TEMPORARIES);
        let longest = Operand::Imm(i64::from(LONGEST_INLINE));
        self.op(Op::Cmp64RI, &[length.into(), longest]);
        self.assembler.jcc(Cond::HI, full);
        self.access(&access::LDR_64, ALLOCATED, CONTEXT, NEXT)?;
        let scaled = Operand::Shift(Shift::Lsl, element.ilog2() as u8);
        self.op(
            Op::Add64RRR,
            &[end.into(), ALLOCATED.into(), length.into(), scaled],
        );
        if u64::from(element) >= ALIGN {
            self.add(end, end, i64::from(ELEMENTS));
        } else {
            self.add(end, end, i64::from(ELEMENTS) + ALIGN as i64 - 1);
            let mask = Operand::Imm(-(ALIGN as i64));
            self.op(Op::And64RRI, &[end.into(), end.into(), mask]);
        }
        self.take(word, full)?;
        self.access(&access::STR_64, length, ALLOCATED, LENGTH as i32)?;
        Ok(full)
    }

    fn is_instance(&mut self, object: PReg, word: u32, output: PReg) -> Lower<()> {
        let (object, output, [found, wanted]) = (reg(object), reg(output), TEMPORARIES);
        let done = self.new_label();
        self.assembler.load_constant(output, 0);
        self.op(Op::Cbz64R, &[object.into(), done.into()]);
        self.access(&access::LDR_32, found, object, TYPE as i32)?;
        if is_add(i64::from(word)) {
            let word = Operand::Imm(i64::from(word));
            self.op(Op::Cmp32RI, &[found.into(), word]);
        } else {
            self.assembler.load_constant(wanted, u64::from(word));
            self.op(Op::Cmp32RR, &[found.into(), wanted.into()]);
        }
        self.op(Op::Cset32R, &[output.into(), Cond::EQ.into()]);
        self.bind(done);
        Ok(())
    }
}

impl Emitter<'_> {
    /// Moves the start of the window to the end of a new object, which is in the first temporary.
    fn take(&mut self, word: u32, full: Label) -> Lower<()> {
        let [end, other] = TEMPORARIES;
        self.access(&access::LDR_64, other, CONTEXT, LIMIT)?;
        self.op(Op::Cmp64RR, &[end.into(), other.into()]);
        self.assembler.jcc(Cond::HI, full);
        self.access(&access::STR_64, end, CONTEXT, NEXT)?;
        let mut header = Reg::ZR;
        if word != 0 {
            self.assembler.load_constant(other, u64::from(word));
            header = other;
        }
        self.access(&access::STR_32, header, ALLOCATED, TYPE as i32)
    }
}
