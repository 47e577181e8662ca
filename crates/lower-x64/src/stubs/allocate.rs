//! The out-of-line part of `new_continuation`: asks the runtime for an object.
//!
//! In: `r11` is the callee's continuation. Out: `rax` is the object, or 0 after the callee's chain
//! has been freed. Everything else but `r11` and the flags is preserved, vector registers included,
//! since a suspension block keeps every live value of its function in registers here.
//!
//! ```text
//!   rbp-8 … rbp-56   rdi rsi rdx rcx r8 r9 r10
//!   rbp-64           padding
//!   rsp+16*i         xmm i
//! ```

use super::{CONTEXT, SCRATCH, Stub, at, context};
use enjamb_abi::context::{Helper, offsets};
use enjamb_x64::{Op, Reg};

/// Integer registers that a C function may clobber, without the result and the scratch register.
const CLOBBERED: [Reg; 7] = [
    Reg::RDI,
    Reg::RSI,
    Reg::RDX,
    Reg::RCX,
    Reg::R8,
    Reg::R9,
    Reg::R10,
];
const VECTOR_BYTES: u32 = 16 * 16;
const PADDING: u32 = 8;

/// Emits the stub for objects of `size` bytes.
pub(super) fn slow(stub: &mut Stub, size: u32) {
    stub.push(Reg::RBP);
    stub.copy(Reg::RBP, Reg::RSP);
    for register in CLOBBERED {
        stub.push(register);
    }
    stub.reserve_stack(VECTOR_BYTES + PADDING);
    for number in 0..16 {
        let word = at(Reg::RSP, u32::from(number) * 16);
        stub.op(Op::MovupsMX, &[word, Reg::xmm(number).into()]);
    }
    stub.store(context(offsets::EXIT_FP), Reg::RBP);
    stub.copy(Reg::RDI, CONTEXT);
    stub.constant(Reg::RSI, u64::from(size));
    stub.copy(Reg::RDX, SCRATCH);
    stub.op(Op::CallM, &[context(Helper::Allocate.offset())]);
    for number in 0..16 {
        let word = at(Reg::RSP, u32::from(number) * 16);
        stub.op(Op::MovupsXM, &[Reg::xmm(number).into(), word]);
    }
    stub.release_stack(VECTOR_BYTES + PADDING);
    for register in CLOBBERED.into_iter().rev() {
        stub.pop(register);
    }
    stub.pop(Reg::RBP);
    stub.op(Op::Ret, &[]);
    stub.frame_bytes = VECTOR_BYTES + PADDING + 8 * CLOBBERED.len() as u32;
}
