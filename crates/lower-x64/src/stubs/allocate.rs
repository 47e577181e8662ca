//! The out-of-line part of instructions that allocate: asks the runtime for memory.
//!
//! In: `r11` is the argument, the callee's continuation or the length of an array. Out: `rax` is the
//! address, or 0 if there is no memory. Everything else but `r11` and the flags is preserved, vector
//! registers included, since the function keeps every live value in registers here.
//!
//! ```text
//!   rbp              frame pointer of the function   ← Context::exit_fp
//!   rbp-8 … rbp-56   rdi rsi rdx rcx r8 r9 r10
//!   rbp-64           buffer of one word
//!   rsp+16*i         xmm i
//! ```

use super::{CONTEXT, SCRATCH, Stub, at, context};
use enjamb_abi::context::{Helper, offsets};
use enjamb_x64::{Cond, Op, Operand, Reg, Width};

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
const BUFFER_BYTES: u32 = 8;

/// Emits the stub for continuations of `size` bytes.
pub(super) fn continuation(stub: &mut Stub, size: u32) {
    save(stub);
    stub.copy(Reg::RDX, SCRATCH);
    call(stub, Helper::Allocate, size);
    restore(stub);
}

/// Emits the stub for objects of the type with a number. The helper answers with a status.
pub(super) fn object(stub: &mut Stub, helper: Helper, number: u32) {
    save(stub);
    stub.store(buffer(), SCRATCH);
    stub.op(Op::Lea64RM, &[Reg::RDX.into(), buffer()]);
    call(stub, helper, number);
    stub.clear(SCRATCH);
    stub.test(Reg::RAX);
    stub.load(Reg::RAX, buffer());
    let no_object = Op::cmov(Width::B64, Cond::NE);
    stub.op(no_object, &[Reg::RAX.into(), SCRATCH.into()]);
    restore(stub);
}

fn buffer() -> Operand<Reg> {
    at(Reg::RSP, VECTOR_BYTES)
}

fn save(stub: &mut Stub) {
    stub.push(Reg::RBP);
    stub.copy(Reg::RBP, Reg::RSP);
    for register in CLOBBERED {
        stub.push(register);
    }
    stub.reserve_stack(VECTOR_BYTES + BUFFER_BYTES);
    for number in 0..16 {
        let word = at(Reg::RSP, u32::from(number) * 16);
        stub.op(Op::MovupsMX, &[word, Reg::xmm(number).into()]);
    }
    stub.store(context(offsets::EXIT_FP), Reg::RBP);
}

/// Calls a helper whose third argument is where it belongs.
fn call(stub: &mut Stub, helper: Helper, index: u32) {
    stub.copy(Reg::RDI, CONTEXT);
    stub.constant(Reg::RSI, u64::from(index));
    stub.op(Op::CallM, &[context(helper.offset())]);
}

fn restore(stub: &mut Stub) {
    for number in 0..16 {
        let word = at(Reg::RSP, u32::from(number) * 16);
        stub.op(Op::MovupsXM, &[Reg::xmm(number).into(), word]);
    }
    stub.release_stack(VECTOR_BYTES + BUFFER_BYTES);
    for register in CLOBBERED.into_iter().rev() {
        stub.pop(register);
    }
    stub.pop(Reg::RBP);
    stub.op(Op::Ret, &[]);
    stub.frame_bytes = VECTOR_BYTES + BUFFER_BYTES + 8 * CLOBBERED.len() as u32;
}
