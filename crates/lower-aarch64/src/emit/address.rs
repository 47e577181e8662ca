//! Sums of a register and a distance, and memory at such places: distances that no instruction
//! holds go through a temporary.

use super::Emitter;
use crate::registers::TEMPORARIES;
use enjamb_aarch64::access::{Access, PairAccess};
use enjamb_aarch64::immediate::is_add;
use enjamb_aarch64::{Extend, Mem, Op, Operand, Reg};
use enjamb_lower::Lower;

/// The largest distance that two additions with an immediate of 12 bits make.
const LARGEST_SUM: u64 = 0xff_ffff;

impl Emitter<'_> {
    /// `to` becomes `from + distance`; either can be the stack pointer. The first temporary is
    /// overwritten if the distance needs it.
    pub(super) fn add(&mut self, to: Reg, from: Reg, distance: i64) {
        let (op, size) = match distance {
            0.. => (Op::Add64RRI, distance.unsigned_abs()),
            _ => (Op::Sub64RRI, distance.unsigned_abs()),
        };
        let mut add = |to: Reg, from: Reg, size: u64| {
            self.op(op, &[to.into(), from.into(), Operand::Imm(size as i64)]);
        };
        if size == 0 {
            if to != from {
                self.op(Op::MovSp64RR, &[to.into(), from.into()]);
            }
        } else if is_add(size as i64) {
            add(to, from, size);
        } else if size <= LARGEST_SUM {
            add(to, from, size & !0xfff);
            add(to, to, size & 0xfff);
        } else {
            let [temporary, _] = TEMPORARIES;
            self.assembler.load_constant(temporary, distance as u64);
            // Only this form takes the stack pointer.
            let whole = Operand::Extend(Extend::Uxtx, 0);
            let operands = [to.into(), from.into(), temporary.into(), whole];
            self.op(Op::Add64RRX, &operands);
        }
    }

    /// Where a place of the frame is: counted from the frame pointer or, as stack pointer and frame
    /// pointer are a known distance apart, from whichever `fits` an instruction.
    fn frame_place(&self, base: Reg, disp: i32, fits: impl Fn(&Mem) -> bool) -> Mem {
        let given = Mem::base(base, disp);
        let from_below = Mem::base(Reg::SP, disp.saturating_add(self.frame.bytes as i32));
        if base == Reg::FP && !fits(&given) && fits(&from_below) {
            return from_below;
        }
        given
    }

    /// Loads or stores a register at any distance from a base.
    pub(super) fn access(
        &mut self,
        access: &Access,
        register: Reg,
        base: Reg,
        disp: i32,
    ) -> Lower<()> {
        let mut mem = self.frame_place(base, disp, |mem| access.form(mem).is_some());
        if access.form(&mem).is_none() {
            let [temporary, _] = TEMPORARIES;
            self.assembler.load_constant(temporary, disp as u64);
            mem = Mem::indexed(base, temporary, 0);
        }
        let inst = access.inst(register, mem)?;
        self.assembler.emit(&inst);
        Ok(())
    }

    /// Loads or stores two registers at any distance from a base, which is no temporary.
    pub(super) fn access_pair(
        &mut self,
        access: &PairAccess,
        registers: [Reg; 2],
        base: Reg,
        disp: i32,
    ) -> Lower<()> {
        let mut mem = self.frame_place(base, disp, |mem| access.form(mem).is_some());
        if access.form(&mem).is_none() {
            let [temporary, _] = TEMPORARIES;
            self.add(temporary, base, i64::from(disp));
            mem = Mem::base(temporary, 0);
        }
        let [first, second] = registers;
        let inst = access.inst(first, second, mem)?;
        self.assembler.emit(&inst);
        Ok(())
    }
}
