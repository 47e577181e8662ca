//! How an exception leaves frames.
//!
//! An exception is two words. `throw` puts them into the registers [`Convention::exception`] and
//! calls [`Symbol::Throw`], whose return address says where that was. The stub collects what the
//! walk needs in an [`Unwinding`] on the stack and calls [`Helper::Unwind`], which *searches* only:
//! it walks from frame to frame by the frame pointers and takes the registers that each function
//! has saved out of its frame. If it comes to a handler, the stub loads the registers and jumps
//! there; if it comes to the activation record, the stub leaves the activation with
//! [`Status::Thrown`]. So no frame of the host is ever skipped, and a call that may throw costs
//! nothing while it does not.
//!
//! ```text
//!  compiled frames, innermost first            handler: a landing in the code for the return
//!    fp → caller's fp                                   address of a call
//!         return address  ─→ function, handler
//!         saved registers                      sp at a landing: fp - size of the frame
//!  activation record                           ← no walk goes beyond
//! ```
//!
//! [`Convention::exception`]: crate::convention::Convention::exception
//! [`Symbol::Throw`]: crate::code::Symbol::Throw
//! [`Helper::Unwind`]: crate::context::Helper::Unwind
//! [`Status::Thrown`]: crate::context::Status::Thrown

use crate::continuation::WORD;
use crate::convention::{AARCH64, X86_64};

/// Words of an exception: an `i64`, then a reference.
pub const EXCEPTION_WORDS: usize = 2;

/// Room for the callee-saved registers of every target.
pub const SAVED_REGISTERS: usize = 9;

/// What the throw stub tells the walk, and the walk the stub.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unwinding {
    /// In: the return address of the call that throws. Out: the landing.
    pub pc: u64,
    /// In: the frame pointer there. Out: that of the frame with the handler.
    pub fp: u64,
    /// Out: the stack pointer at the landing.
    pub sp: u64,
    /// The exception.
    pub exception: [u64; EXCEPTION_WORDS],
    /// The callee-saved registers, in the order of the convention. In: as the frame at `fp` sees
    /// them; out: as the one with the handler does.
    pub saved: [u64; SAVED_REGISTERS],
}

/// Offsets of the fields of an [`Unwinding`].
pub mod offsets {
    use super::Unwinding;
    use std::mem::offset_of;
    /// The place.
    pub const PC: u32 = offset_of!(Unwinding, pc) as u32;
    /// The frame pointer.
    pub const FP: u32 = offset_of!(Unwinding, fp) as u32;
    /// The stack pointer.
    pub const SP: u32 = offset_of!(Unwinding, sp) as u32;
    /// The exception.
    pub const EXCEPTION: u32 = offset_of!(Unwinding, exception) as u32;
    /// The callee-saved registers.
    pub const SAVED: u32 = offset_of!(Unwinding, saved) as u32;
}

/// Size of an [`Unwinding`] in bytes, a multiple of 16.
pub const UNWINDING_SIZE: u32 = 112;

const _: () = {
    assert!(std::mem::size_of::<Unwinding>() == UNWINDING_SIZE as usize);
    assert!(UNWINDING_SIZE.is_multiple_of(16) && offsets::SAVED.is_multiple_of(WORD));
    assert!(X86_64.callee_saved.len() <= SAVED_REGISTERS);
    assert!(AARCH64.callee_saved.len() <= SAVED_REGISTERS);
};
