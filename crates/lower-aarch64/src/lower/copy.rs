//! Copies of stack slots to and from continuations.

use super::{Lower, Lowering, Mem};
use crate::machine::{Inst, Register};
use enjamb_aarch64::access;
use enjamb_lower::Reason;
use enjamb_regalloc::RegClass;

/// Up to so many bytes are copied without a loop.
const LARGEST_UNROLLED: u32 = 128;
/// What a pair of registers holds.
const PAIR: u32 = 16;

/// Whether pairs of words from `mem` on are in reach of their instructions, so that the address
/// need not be computed.
fn is_in_reach(mem: &Mem, size: u32) -> bool {
    let at = |offset: u32| matches!(*mem, Mem::Offset { base, disp } if access::LDP_64.form(&Mem::base(base, disp.saturating_add_unsigned(offset))).is_some());
    at(0) && at(size / PAIR * PAIR)
}

impl Lowering<'_> {
    /// Copies bytes between frame and object, in pieces as large as possible.
    pub(super) fn copy_bytes(&mut self, to: Mem, from: Mem, size: u32) -> Lower<()> {
        if size > LARGEST_UNROLLED {
            return self.copy_in_loop(to, from, size);
        }
        let (to, from) = (self.near(to, size)?, self.near(from, size)?);
        let mut done = 0;
        while size - done >= PAIR {
            let words = [(); 2].map(|()| Register::Value(self.new_vreg(RegClass::Int)));
            for (access, mem) in [(access::LDP_64, from), (access::STP_64, to)] {
                let inst = access.inst(words[0], words[1], offset_by(mem, done)?)?;
                self.push(Inst::Asm(inst));
            }
            done += PAIR;
        }
        while done < size {
            let (load, store, bytes) = match size - done {
                8.. => (access::LDR_64, access::STR_64, 8),
                4.. => (access::LDR_32, access::STR_32, 4),
                2.. => (access::LDRH_32, access::STRH_32, 2),
                _ => (access::LDRB_32, access::STRB_32, 1),
            };
            let piece = Register::Value(self.new_vreg(RegClass::Int));
            self.access(&load, piece, offset_by(from, done)?)?;
            self.access(&store, piece, offset_by(to, done)?)?;
            done += bytes;
        }
        Ok(())
    }

    /// Memory whose first `size` bytes are all in reach.
    fn near(&mut self, mem: Mem, size: u32) -> Lower<Mem> {
        if is_in_reach(&mem, size) {
            return Ok(mem);
        }
        let address = self.address_of(mem)?;
        Ok(Mem::base(Register::Value(address), 0))
    }

    fn copy_in_loop(&mut self, to: Mem, from: Mem, bytes: u32) -> Lower<()> {
        let (to, from) = (self.address_of(to)?, self.address_of(from)?);
        let [index, piece] = [RegClass::Int, RegClass::Float].map(|class| self.new_vreg(class));
        self.push(Inst::CopyLoop {
            to,
            from,
            index,
            piece,
            bytes,
        });
        Ok(())
    }
}

/// The same memory, some bytes further.
fn offset_by(mem: Mem, offset: u32) -> Lower<Mem> {
    match mem {
        Mem::Offset { base, disp } => {
            let disp = disp.checked_add_unsigned(offset);
            Ok(Mem::base(base, disp.ok_or(Reason::FrameTooLarge)?))
        }
        _ => Err(Reason::Malformed),
    }
}
