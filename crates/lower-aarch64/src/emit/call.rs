//! Calls, and calls in place of this function.

use super::Emitter;
use crate::registers::{CALLEE, CONTINUATION, TEMPORARIES, reg};
use enjamb_aarch64::{Mem, Op, Reg, access};
use enjamb_lower::{Call, Callee, Emission, EmitCalls, Lower, PARAMETERS};
use enjamb_regalloc::PReg;

/// Words move two at a time.
const PAIR: i32 = 16;
/// Registers that carry nothing to a callee: neither arguments nor its address, nor yet the null
/// continuation.
const WORDS: [Reg; 2] = [Reg::X14, CONTINUATION];

impl<'a> EmitCalls<'a> for Emitter<'a> {
    fn call_symbol(&mut self, symbol: u32) {
        self.assembler.call_symbol(symbol);
    }

    fn call(&mut self, call: &Call) -> Lower<()> {
        if call.is_async {
            self.assembler.load_constant(CONTINUATION, 0);
        }
        match call.callee {
            Callee::Symbol(symbol) => self.assembler.call_symbol(symbol),
            Callee::Address => self.op(Op::BlrR, &[CALLEE.into()]),
        }
        self.record_call();
        // The callee has popped its parameter words; the frame keeps room for them.
        self.add(Reg::SP, Reg::SP, -i64::from(call.stack_bytes));
        Ok(())
    }

    /// The callee's parameter words end where this function's end, below the result words, which
    /// both share.
    ///
    /// ```text
    ///  sp + frame bytes + 16 + own parameter bytes  → ├─ result words
    ///                             callee's parameters │
    ///                                                 │ ← new stack pointer
    /// ```
    fn tail_call(&mut self, call: &Call) -> Lower<()> {
        if call.stack_bytes == 0 {
            self.leave_frame()?;
            self.add(Reg::SP, Reg::SP, i64::from(self.parameters));
        } else {
            self.leave_with_words(call.stack_bytes)?;
        }
        if call.is_async {
            self.assembler.load_constant(CONTINUATION, 0);
        }
        match call.callee {
            Callee::Symbol(symbol) => self.assembler.jmp_symbol(symbol),
            Callee::Address => {
                // Through another register it would not arrive at a landing pad for calls.
                let [target, _] = TEMPORARIES;
                self.op(Op::Mov64RR, &[target.into(), CALLEE.into()]);
                self.op(Op::BrR, &[target.into()]);
            }
        }
        Ok(())
    }

    fn call_allocator(&mut self, symbol: u32, argument: Option<PReg>) {
        if let Some(argument) = argument {
            let [register, _] = TEMPORARIES;
            self.op(Op::Mov64RR, &[register.into(), reg(argument).into()]);
        }
        self.assembler.call_symbol(symbol);
    }
}

impl Emitter<'_> {
    /// Leaves the frame, taking along the parameter words that stand ready at the stack pointer.
    /// They move up, so the last ones go first. They may overwrite the whole frame: what it saved is
    /// restored before.
    fn leave_with_words(&mut self, bytes: u32) -> Lower<()> {
        self.restore_saved()?;
        self.restore_link()?;
        let [from, to] = WORDS;
        let end = self.frame.bytes + PARAMETERS as u32 + self.parameters;
        self.add(from, Reg::SP, i64::from(bytes));
        self.add(to, Reg::SP, i64::from(end));
        let [first, second] = TEMPORARIES;
        let load = access::LDP_64.inst(first, second, Mem::pre(from, -PAIR))?;
        let store = access::STP_64.inst(first, second, Mem::pre(to, -PAIR))?;
        for _ in 0..bytes / PAIR as u32 {
            self.assembler.emit(&load);
            self.assembler.emit(&store);
        }
        self.add(Reg::SP, to, 0);
        Ok(())
    }

    /// Gives frame pointer and link register their old values where the stack pointer still is
    /// what the frame needs.
    fn restore_link(&mut self) -> Lower<()> {
        let saved = Mem::base(Reg::FP, 0);
        if !self.options.branch_protection {
            let restore = access::LDP_64.inst(Reg::FP, Reg::LR, saved)?;
            self.assembler.emit(&restore);
            return Ok(());
        }
        // The link register was signed with the stack pointer as it was at the entry; the
        // instruction for that takes just these registers.
        let [modifier, link] = TEMPORARIES;
        self.add(modifier, Reg::FP, i64::from(PARAMETERS));
        let restore = access::LDP_64.inst(Reg::FP, link, saved)?;
        self.assembler.emit(&restore);
        self.op(Op::Autia1716, &[]);
        self.op(Op::Mov64RR, &[Reg::LR.into(), link.into()]);
        Ok(())
    }
}
