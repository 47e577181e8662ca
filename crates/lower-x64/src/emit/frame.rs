//! Entering and leaving a function, and the frame in between.

use super::{Emit, Emitter};
use crate::frame::OWN_CONTINUATION;
use crate::registers::{CONTEXT, CONTINUATION, SCRATCH};
use enjamb_abi::context::{Counter, offsets};
use enjamb_ir::TrapCode;
use enjamb_x64::{Cond, Mem, Op, Operand, Reg, Scale};

/// Frames up to this size are checked by their upper end, so so much stack is free below the
/// limit; and functions that call nothing need no check at all.
const UNCHECKED: u32 = 512;
/// Up to so many bytes of zeros are written without a loop.
const LARGEST_UNROLLED: u32 = 128;

impl Emitter<'_> {
    pub(super) fn prologue(&mut self) {
        self.op(Op::Push64R, &[Reg::RBP.into()]);
        self.op(Op::Mov64RM, &[Reg::RBP.into(), Reg::RSP.into()]);
        self.check_stack();
        let bytes = i64::from(self.frame.bytes);
        if bytes > 0 {
            let down = Mem::base(Reg::RSP, -bytes as i32);
            match self.immediate(Op::Sub64MI, Reg::RSP.into(), bytes) {
                Ok(()) => {}
                Err(_) => self.op(Op::Lea64RM, &[Reg::RSP.into(), down.into()]),
            }
        }
        for (register, offset) in self.frame.saved.clone() {
            let place = Mem::base(Reg::RBP, offset);
            self.op(Op::Mov64MR, &[place.into(), register.into()]);
        }
        if self.frame.request.own_continuation {
            let place = Mem::base(Reg::RBP, OWN_CONTINUATION);
            self.op(Op::Mov64MR, &[place.into(), CONTINUATION.into()]);
        }
    }

    fn check_stack(&mut self) {
        let bytes = self.frame.bytes;
        let mut lowest = Reg::RSP;
        if bytes > UNCHECKED {
            lowest = SCRATCH;
            let down = Mem::base(Reg::RSP, -(bytes as i32));
            self.op(Op::Lea64RM, &[lowest.into(), down.into()]);
        } else if !self.frame.request.calls {
            return;
        }
        let limit = Mem::base(CONTEXT, offsets::STACK_LIMIT as i32);
        self.op(Op::Cmp64RM, &[lowest.into(), limit.into()]);
        self.trap_if(Some(Cond::B), TrapCode::StackOverflow);
    }

    /// Gives the callee-saved registers their old values.
    pub(super) fn restore_saved(&mut self) {
        for (register, offset) in self.frame.saved.clone() {
            let place = Mem::base(Reg::RBP, offset);
            self.op(Op::Mov64RM, &[register.into(), place.into()]);
        }
    }

    fn epilogue(&mut self) -> Emit<()> {
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

    pub(super) fn return_to_caller(&mut self, is_async: bool) -> Emit<()> {
        if is_async {
            self.clear(CONTINUATION);
        }
        self.epilogue()
    }

    /// All suspension blocks leave by one exit; the continuation is in its register.
    pub(super) fn suspend(&mut self) -> Emit<()> {
        if let Some(exit) = self.suspension_exit {
            self.assembler.jmp(exit);
            return Ok(());
        }
        self.suspension_exit = Some(self.assembler.new_label());
        if let Some(exit) = self.suspension_exit {
            self.assembler.bind(exit);
        }
        if self.options.count {
            let counter = Mem::base(CONTEXT, Counter::FramesSuspended.offset() as i32);
            self.op(Op::Inc64M, &[counter.into()]);
        }
        self.epilogue()
    }

    /// Sets a register to zero in the short way, which changes the flags.
    pub(super) fn clear(&mut self, register: Reg) {
        self.op(Op::Xor32RM, &[register.into(), register.into()]);
    }

    /// Writes zeros to `bytes` of the frame, a multiple of 8, from `offset` on.
    pub(super) fn zero_frame(
        &mut self,
        offset: i32,
        bytes: u32,
        zero: Reg,
        counter: Reg,
    ) -> Emit<()> {
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
            let start = x64_move(counter, -i64::from(whole));
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

fn x64_move(register: Reg, value: i64) -> enjamb_x64::Inst<Reg> {
    enjamb_x64::Inst::move_immediate(register, value)
}
