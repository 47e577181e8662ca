//! Copies between stack slots and the fields of continuations.

use super::{Lowering, reg};
use crate::machine::Register;
use enjamb_lower::{Lower, LowerMemory, Reason};
use enjamb_regalloc::RegClass;
use enjamb_x64::{Mem, Op, Operand};

/// Slots up to this size are copied in pieces, larger ones by a string instruction.
const LARGEST_UNROLLED: u32 = 128;

impl Lowering<'_> {
    /// Copies bytes between frame and object, in pieces as large as possible.
    pub(super) fn copy_bytes(
        &mut self,
        to: Mem<Register>,
        from: Mem<Register>,
        size: u32,
    ) -> Lower<()> {
        if size > LARGEST_UNROLLED {
            return self.copy_string(to, from, size);
        }
        let mut done = 0;
        while done < size {
            let (load, store, class, bytes) = match size - done {
                16.. => (Op::MovdquXM, Op::MovdquMX, RegClass::Float, 16),
                8.. => (Op::Mov64RM, Op::Mov64MR, RegClass::Int, 8),
                4.. => (Op::Mov32RM, Op::Mov32MR, RegClass::Int, 4),
                2.. => (Op::Movzx32RM16, Op::Mov16MR, RegClass::Int, 2),
                _ => (Op::Movzx32RM8, Op::Mov8MR, RegClass::Int, 1),
            };
            let at = |mem: Mem<Register>| {
                let disp = mem
                    .disp
                    .checked_add(done as i32)
                    .ok_or(Reason::FrameTooLarge)?;
                Ok::<_, Reason>(Operand::Mem(Mem { disp, ..mem }))
            };
            // Nothing comes between the two, so a piece is in a register all its life. Where a function has no vectors
            // (`FrameRequest::vectors`) a spill would keep 8 bytes of the 16.
            let piece = self.produce(load, class, &[at(from)?])?;
            self.effect(store, &[at(to)?, reg(piece)])?;
            done += bytes;
        }
        Ok(())
    }

    fn copy_string(&mut self, to: Mem<Register>, from: Mem<Register>, size: u32) -> Lower<()> {
        let to = self.load_address(to)?;
        let from = self.load_address(from)?;
        let count = self.load_immediate(i64::from(size));
        let [count, to, from] = [count, to, from].map(|input| {
            let output = self.new_vreg(RegClass::Int);
            Operand::Reg(Register::InPlace { input, output })
        });
        self.effect(Op::RepMovsb, &[count, to, from])
    }
}
