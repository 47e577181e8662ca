//! Allocation: continuations off the free list of their size class, or else from the runtime, and the
//! out-of-line part of instructions that make objects.
//!
//! In: for a continuation `r10` is that of the callee, for an array `r11` is the length. Out: `rax` is the
//! address. Everything else but `r11` and the flags is preserved, vector registers included, since the
//! function keeps every live value in registers here.
//!
//! Without memory the call of the stub is what traps: its return address is the key of the trap table. Of
//! a continuation the runtime has freed the callee's chain by then.
//!
//! The frame, where the runtime is asked:
//!
//! ```text
//!   rbp              frame pointer of the function   ← Context::exit_fp
//!   rbp-8 … rbp-56   rdi rsi rdx rcx r8 r9 r10
//!   rbp-64           buffer of one word
//!   rsp+16*i         xmm i
//! ```

use super::{CONTEXT, CONTINUATION, SCRATCH, Stub, at, context};
use enjamb_abi::code::Symbol;
use enjamb_abi::context::{Helper, free_list_offset, offsets};
use enjamb_abi::continuation::{LARGEST_CLASS, NEXT};
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
    if size <= LARGEST_CLASS {
        let list = context(free_list_offset(size));
        let empty = stub.assembler.new_label();
        stub.load(Reg::RAX, list);
        stub.test(Reg::RAX);
        stub.assembler.jcc(Cond::E, empty);
        stub.load(SCRATCH, at(Reg::RAX, NEXT));
        stub.store(list, SCRATCH);
        stub.op(Op::Ret, &[]);
        stub.assembler.bind(empty);
    }
    save(stub);
    stub.copy(Reg::RDX, CONTINUATION);
    call(stub, Helper::Allocate, size);
    restore(stub);
    return_or_trap(stub);
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
    return_or_trap(stub);
}

/// Returns if there is an address.
fn return_or_trap(stub: &mut Stub) {
    let failed = stub.assembler.new_label();
    stub.test(Reg::RAX);
    stub.assembler.jcc(Cond::E, failed);
    stub.op(Op::Ret, &[]);
    stub.assembler.bind(failed);
    let landing = stub.number(Symbol::TrapLanding);
    stub.assembler.jmp_symbol(landing);
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
    stub.frame_bytes = VECTOR_BYTES + BUFFER_BYTES + 8 * CLOBBERED.len() as u32;
}
