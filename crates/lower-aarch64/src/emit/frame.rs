//! Entering and leaving a function, and the frame in between.

use super::Emitter;
use crate::machine::Condition;
use crate::registers::{ALLOCATED, CONTEXT, CONTINUATION, POINT, TEMPORARIES, reg};
use enjamb_aarch64::{Cond, Mem, Op, Operand, Reg, access};
use enjamb_abi::context::{Counter, offsets};
use enjamb_abi::continuation::{INFO, NEXT};
use enjamb_ir::TrapCode;
use enjamb_lower::{Emission, EmitFrame, Lower, OWN_CONTINUATION, StackCheck};
use enjamb_regalloc::PReg;

/// Up to so many bytes of zeros are written without a loop.
const LARGEST_UNROLLED: u32 = 128;
/// What a pair of registers fills.
const PAIR: u32 = 16;

/// The place that a pair of registers is pushed to.
const PUSH: Mem = Mem::pre(Reg::SP, -(PAIR as i32));
/// The place that a pair of registers is popped from.
const POP: Mem = Mem::post(Reg::SP, PAIR as i32);

impl<'a> EmitFrame<'a> for Emitter<'a> {
    /// `paciasp` is also a landing pad for calls and for branches through the temporaries
    /// (architecture manual, D24.2, SCTLR_EL1.BT0).
    fn prologue(&mut self) -> Lower<()> {
        if self.options.branch_protection {
            self.op(Op::Paciasp, &[]);
        }
        let link = access::STP_64.inst(Reg::FP, Reg::LR, PUSH)?;
        self.assembler.emit(&link);
        self.add(Reg::FP, Reg::SP, 0);
        self.check_stack()?;
        self.add(Reg::SP, Reg::SP, -i64::from(self.frame.bytes));
        self.save_or_restore(&access::STP_64, &access::STR_64)?;
        if self.frame.request.own_continuation {
            let place = OWN_CONTINUATION;
            let own = match self.options.reuse_continuations {
                true => CONTINUATION,
                false => Reg::ZR,
            };
            self.access(&access::STR_64, own, Reg::FP, place)?;
        }
        Ok(())
    }

    fn return_to_caller(&mut self, is_async: bool) -> Lower<()> {
        if is_async {
            self.assembler.load_constant(CONTINUATION, 0);
        }
        self.epilogue()
    }

    fn set_point_and_link(&mut self) -> Lower<()> {
        self.access(&access::STR_64, POINT, ALLOCATED, INFO as i32)?;
        self.access(&access::STR_64, ALLOCATED, CONTINUATION, NEXT as i32)?;
        self.op(Op::Mov64RR, &[CONTINUATION.into(), ALLOCATED.into()]);
        Ok(())
    }

    fn suspend(&mut self) -> Lower<()> {
        if self.options.count {
            let [counter, _] = TEMPORARIES;
            let place = Counter::FramesSuspended.offset() as i32;
            self.access(&access::LDR_64, counter, CONTEXT, place)?;
            self.add(counter, counter, 1);
            self.access(&access::STR_64, counter, CONTEXT, place)?;
        }
        self.epilogue()
    }

    /// Writes zeros to `bytes` of the frame, a multiple of 8, from `offset` on.
    fn zero_frame(&mut self, offset: i32, bytes: u32, _: PReg, count: PReg) -> Lower<()> {
        let zeros = [Reg::ZR, Reg::ZR];
        let whole = bytes / PAIR * PAIR;
        if bytes <= LARGEST_UNROLLED {
            for done in (0..whole).step_by(PAIR as usize) {
                self.access_pair(&access::STP_64, zeros, Reg::FP, offset + done as i32)?;
            }
        } else {
            let ([place, _], count) = (TEMPORARIES, reg(count));
            self.add(place, Reg::FP, i64::from(offset));
            self.assembler.load_constant(count, u64::from(whole / PAIR));
            let again = self.assembler.new_label();
            self.assembler.bind(again);
            let store = access::STP_64.inst(Reg::ZR, Reg::ZR, Mem::post(place, PAIR as i32))?;
            self.assembler.emit(&store);
            self.count_down(count, 1);
            self.op(Op::Cbnz64R, &[count.into(), again.into()]);
        }
        if bytes > whole {
            let rest = offset + whole as i32;
            self.access(&access::STR_64, Reg::ZR, Reg::FP, rest)?;
        }
        Ok(())
    }
}

impl Emitter<'_> {
    fn check_stack(&mut self) -> Lower<()> {
        let [lower, limit] = TEMPORARIES;
        let lowest = match self.frame.stack_check() {
            StackCheck::None => return Ok(()),
            StackCheck::Pointer => Reg::FP,
            StackCheck::Below(bytes) => {
                self.add(lower, Reg::FP, -i64::from(bytes));
                lower
            }
        };
        let place = offsets::STACK_LIMIT as i32;
        self.access(&access::LDR_64, limit, CONTEXT, place)?;
        self.op(Op::Cmp64RR, &[lowest.into(), limit.into()]);
        let is_below = Condition::Flag(Cond::LO);
        self.trap_if(Some(&is_below), &[], TrapCode::StackOverflow)
    }

    /// Stores or loads the callee-saved registers, two at a time: each stands right below the one
    /// before it.
    fn save_or_restore(&mut self, pair: &access::PairAccess, single: &access::Access) -> Lower<()> {
        for registers in self.frame.saved.clone().chunks(2) {
            match *registers {
                [(upper, _), (lower, offset)] => {
                    let registers = [reg(lower), reg(upper)];
                    self.access_pair(pair, registers, Reg::FP, offset)?;
                }
                [(register, offset)] => self.access(single, reg(register), Reg::FP, offset)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Leaves the frame: stack pointer, frame pointer, link register and the callee-saved ones are
    /// as they were when the function was entered.
    pub(super) fn leave_frame(&mut self) -> Lower<()> {
        self.restore_saved()?;
        if self.frame.bytes > 0 {
            self.add(Reg::SP, Reg::FP, 0);
        }
        let link = access::LDP_64.inst(Reg::FP, Reg::LR, POP)?;
        self.assembler.emit(&link);
        if self.options.branch_protection {
            self.op(Op::Autiasp, &[]);
        }
        Ok(())
    }

    /// Gives the callee-saved registers their old values.
    pub(super) fn restore_saved(&mut self) -> Lower<()> {
        self.save_or_restore(&access::LDP_64, &access::LDR_64)
    }

    fn epilogue(&mut self) -> Lower<()> {
        self.leave_frame()?;
        self.add(Reg::SP, Reg::SP, i64::from(self.parameters));
        self.op(Op::Ret, &[]);
        Ok(())
    }

    /// Copies `bytes`, at least 16, to `[to]` from `[from]`: if they are no multiple of 16, the last 16
    /// first, and then the others from the end to the start.
    pub(super) fn copy_loop(
        &mut self,
        [to, from]: [Reg; 2],
        index: Reg,
        piece: Reg,
        bytes: u32,
    ) -> Lower<()> {
        let load = access::LDR_V128.inst(piece, Mem::indexed(from, index, 0))?;
        let store = access::STR_V128.inst(piece, Mem::indexed(to, index, 0))?;
        if !bytes.is_multiple_of(PAIR) {
            self.assembler.load_constant(index, u64::from(bytes - PAIR));
            self.assembler.emit(&load);
            self.assembler.emit(&store);
        }
        self.assembler
            .load_constant(index, u64::from(bytes / PAIR * PAIR));
        let again = self.assembler.new_label();
        self.assembler.bind(again);
        self.count_down(index, PAIR);
        self.assembler.emit(&load);
        self.assembler.emit(&store);
        self.op(Op::Cbnz64R, &[index.into(), again.into()]);
        Ok(())
    }

    fn count_down(&mut self, count: Reg, step: u32) {
        let step = Operand::Imm(i64::from(step));
        self.op(Op::Sub64RRI, &[count.into(), count.into(), step]);
    }
}
