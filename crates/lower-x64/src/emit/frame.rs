//! Entering and leaving a function, and the frame in between.

use super::Emitter;
use crate::machine::Predicate;
use crate::registers::{ALLOCATED, CONTEXT, CONTINUATION, POINT, SCRATCH, reg};
use enjamb_abi::context::{Counter, offsets};
use enjamb_abi::continuation::{INFO, NEXT};
use enjamb_ir::TrapCode;
use enjamb_lower::{Emission, EmitFrame, Lower, OWN_CONTINUATION, StackCheck};
use enjamb_regalloc::PReg;
use enjamb_x64::{Cond, Inst, Mem, Op, Operand, Reg, Scale};

/// Up to so many bytes of zeros are written without a loop.
const LARGEST_UNROLLED: u32 = 128;

impl<'a> EmitFrame<'a> for Emitter<'a> {
    fn prologue(&mut self) -> Lower<()> {
        self.op(Op::Push64R, &[Reg::RBP.into()]);
        self.op(Op::Mov64RM, &[Reg::RBP.into(), Reg::RSP.into()]);
        self.check_stack()?;
        let bytes = i64::from(self.frame.bytes);
        if bytes > 0 {
            let down = Mem::base(Reg::RSP, -bytes as i32);
            match self.immediate(Op::Sub64MI, Reg::RSP.into(), bytes) {
                Ok(()) => {}
                Err(_) => self.op(Op::Lea64RM, &[Reg::RSP.into(), down.into()]),
            }
        }
        for (register, offset) in self.frame.saved.clone() {
            let (register, place) = (reg(register), Mem::base(Reg::RBP, offset));
            self.op(Op::Mov64MR, &[place.into(), register.into()]);
        }
        if self.frame.request.own_continuation {
            let place = Mem::base(Reg::RBP, OWN_CONTINUATION);
            match self.options.reuse_continuations {
                true => self.op(Op::Mov64MR, &[place.into(), CONTINUATION.into()]),
                false => self.immediate(Op::Mov64MI, place.into(), 0)?,
            }
        }
        Ok(())
    }

    fn return_to_caller(&mut self, is_async: bool) -> Lower<()> {
        if is_async {
            self.clear(CONTINUATION);
        }
        self.epilogue()
    }

    fn set_point_and_link(&mut self) -> Lower<()> {
        let info = Mem::base(ALLOCATED, INFO as i32);
        self.op(Op::Mov64MR, &[info.into(), POINT.into()]);
        let next = Mem::base(CONTINUATION, NEXT as i32);
        self.op(Op::Mov64MR, &[next.into(), ALLOCATED.into()]);
        self.op(Op::Mov64RM, &[CONTINUATION.into(), ALLOCATED.into()]);
        Ok(())
    }

    fn suspend(&mut self) -> Lower<()> {
        if self.options.count {
            let counter = Mem::base(CONTEXT, Counter::FramesSuspended.offset() as i32);
            self.op(Op::Inc64M, &[counter.into()]);
        }
        self.epilogue()
    }

    fn zero_frame(&mut self, offset: i32, bytes: u32, zero: PReg, counter: PReg) -> Lower<()> {
        let (zero, counter) = (reg(zero), reg(counter));
        self.op(Op::XorpsXM, &[zero.into(), zero.into()]);
        let whole = bytes / 16 * 16;
        if bytes <= LARGEST_UNROLLED {
            for done in (0..whole).step_by(16) {
                let place = Mem::base(Reg::RBP, offset + done as i32);
                self.op(Op::MovupsMX, &[place.into(), zero.into()]);
            }
        } else {
            // The counter goes from minus the size to zero, so its sign says when to stop.
            let again = self.assembler.new_label();
            let end = offset + whole as i32;
            let start = Inst::move_immediate(counter, -i64::from(whole));
            self.assembler.emit(&start);
            self.assembler.bind(again);
            let place = Mem::indexed(Reg::RBP, counter, Scale::One, end);
            self.op(Op::MovupsMX, &[place.into(), zero.into()]);
            self.immediate(Op::Add64MI, counter.into(), 16)?;
            self.assembler.jcc(Cond::NE, again);
        }
        if bytes > whole {
            let place = Mem::base(Reg::RBP, offset + whole as i32);
            self.op(Op::MovsdMX, &[place.into(), zero.into()]);
        }
        Ok(())
    }
}

impl Emitter<'_> {
    fn check_stack(&mut self) -> Lower<()> {
        let lowest = match self.frame.stack_check() {
            StackCheck::None => return Ok(()),
            StackCheck::Pointer => Reg::RSP,
            StackCheck::Below(bytes) => {
                let down = Mem::base(Reg::RSP, -(bytes as i32));
                self.op(Op::Lea64RM, &[SCRATCH.into(), down.into()]);
                SCRATCH
            }
        };
        let limit = Mem::base(CONTEXT, offsets::STACK_LIMIT as i32);
        self.op(Op::Cmp64RM, &[lowest.into(), limit.into()]);
        let overflows = Predicate::Flag(Cond::B);
        self.trap_if(Some(&overflows), &[], TrapCode::StackOverflow)
    }

    /// Gives the callee-saved registers their old values.
    pub(super) fn restore_saved(&mut self) {
        for (register, offset) in self.frame.saved.clone() {
            let (register, place) = (reg(register), Mem::base(Reg::RBP, offset));
            self.op(Op::Mov64RM, &[register.into(), place.into()]);
        }
    }

    fn epilogue(&mut self) -> Lower<()> {
        self.restore_saved();
        if self.frame.bytes > 0 {
            self.op(Op::Leave, &[]);
        } else {
            self.op(Op::Pop64R, &[Reg::RBP.into()]);
        }
        match self.parameters {
            0 => self.op(Op::Ret, &[]),
            bytes if u16::try_from(bytes).is_ok() => {
                self.op(Op::RetI, &[Operand::Imm(i64::from(bytes))]);
            }
            bytes => {
                // Too many for the instruction: take the return address out first.
                self.op(Op::Pop64R, &[SCRATCH.into()]);
                self.immediate(Op::Add64MI, Reg::RSP.into(), i64::from(bytes))?;
                self.op(Op::JmpM, &[SCRATCH.into()]);
            }
        }
        Ok(())
    }

    /// Sets a register to zero in the short way, which changes the flags.
    pub(super) fn clear(&mut self, register: Reg) {
        self.op(Op::Xor32RM, &[register.into(), register.into()]);
    }
}
