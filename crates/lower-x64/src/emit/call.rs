//! Calls, and calls in place of this function.

use super::Emitter;
use crate::registers::{CALLEE, CONTINUATION, SCRATCH, TAIL_CALLEE, reg};
use enjamb_abi::continuation::WORD;
use enjamb_lower::{Call, Callee, Emission, EmitCalls, Lower, PARAMETERS};
use enjamb_regalloc::PReg;
use enjamb_x64::{Mem, Op, Reg};

impl<'a> EmitCalls<'a> for Emitter<'a> {
    fn call_symbol(&mut self, symbol: u32) {
        self.assembler.call_symbol(symbol);
    }

    fn call(&mut self, call: &Call) -> Lower<()> {
        if call.is_async {
            self.clear(CONTINUATION);
        }
        match call.callee {
            Callee::Symbol(symbol) => self.call_symbol(symbol),
            Callee::Address => self.op(Op::CallM, &[CALLEE.into()]),
        }
        self.record_call();
        // The callee has popped its parameter words; the frame keeps room for them.
        if call.stack_bytes > 0 {
            self.immediate(Op::Sub64MI, Reg::RSP.into(), i64::from(call.stack_bytes))?;
        }
        Ok(())
    }

    /// The callee's parameter words end where this function's end, below the result words, which
    /// both share; the return address goes right below them.
    ///
    /// ```text
    ///  rsp + frame bytes + 16 + own parameter bytes  → ├─ result words
    ///                              callee's parameters │
    ///                              return address      │ ← new stack pointer
    /// ```
    ///
    /// The words stand ready at the stack pointer and move up, so the last one goes first. They may
    /// overwrite the whole frame: what it saved is restored before, and the return address waits in
    /// the scratch register. The continuation register, null when the callee starts, carries words.
    fn tail_call(&mut self, call: &Call) -> Lower<()> {
        self.restore_saved();
        if call.stack_bytes == 0 && self.parameters == 0 {
            if self.frame.bytes > 0 {
                self.op(Op::Mov64RM, &[Reg::RSP.into(), Reg::RBP.into()]);
            }
            self.op(Op::Pop64R, &[Reg::RBP.into()]);
        } else {
            let end =
                i64::from(self.frame.bytes) + i64::from(PARAMETERS) + i64::from(self.parameters);
            self.move_words(end as i32, call.stack_bytes as i32);
        }
        if call.is_async {
            self.clear(CONTINUATION);
        }
        match call.callee {
            Callee::Symbol(symbol) => self.assembler.jmp_symbol(symbol),
            Callee::Address => self.op(Op::JmpM, &[TAIL_CALLEE.into()]),
        }
        Ok(())
    }

    fn call_allocator(&mut self, symbol: u32, argument: Option<PReg>) {
        if let Some(argument) = argument {
            self.op(Op::Mov64RM, &[SCRATCH.into(), reg(argument).into()]);
        }
        self.call_symbol(symbol);
    }
}

impl Emitter<'_> {
    /// Moves parameter words so that they end at `[rsp + end]`, and the return address below.
    fn move_words(&mut self, end: i32, bytes: i32) {
        let return_address = Mem::base(Reg::RBP, WORD as i32);
        self.op(Op::Mov64RM, &[SCRATCH.into(), return_address.into()]);
        self.op(
            Op::Mov64RM,
            &[Reg::RBP.into(), Mem::base(Reg::RBP, 0).into()],
        );
        for offset in (0..bytes).step_by(WORD as usize).rev() {
            let from = Mem::base(Reg::RSP, offset);
            let to = Mem::base(Reg::RSP, end - bytes + offset);
            self.op(Op::Mov64RM, &[CONTINUATION.into(), from.into()]);
            self.op(Op::Mov64MR, &[to.into(), CONTINUATION.into()]);
        }
        let top = end - bytes - WORD as i32;
        self.op(
            Op::Lea64RM,
            &[Reg::RSP.into(), Mem::base(Reg::RSP, top).into()],
        );
        self.op(
            Op::Mov64MR,
            &[Mem::base(Reg::RSP, 0).into(), SCRATCH.into()],
        );
    }
}
