//! Allocation: continuations off the free list of their size class, or else from the runtime, and the
//! out-of-line part of instructions that make objects.
//!
//! In: for a continuation `x15` is that of the callee, for an array `x16` is the length. Out: `x0` is the
//! address. Everything else but `x16`, `x17`, the link register and the flags is preserved, all of the
//! vector registers included, since the function keeps every live value in registers here; the host
//! preserves none of them as a whole.
//!
//! Without memory the call of the stub is what traps: its return address is the key of the trap table. Of
//! a continuation the runtime has freed the callee's chain by then.
//!
//! The frame, where the runtime is asked:
//!
//! ```text
//!   x29         frame record                   ← Context::exit_fp
//!   sp+128+16*i q0 … q31
//!   sp+120      buffer of one word
//!   sp+8*i      x1 … x15
//! ```

use super::{CONTEXT, CONTINUATION, Kept, SCRATCH, Stub, Way, at, context};
use enjamb_aarch64::{Cond, Op, Reg};
use enjamb_abi::code::Symbol;
use enjamb_abi::context::{Helper, free_list_offset, offsets};
use enjamb_abi::continuation::{LARGEST_CLASS, NEXT};

/// Integer registers that a C function may clobber, without the result and those that belong to
/// stubs.
const INTEGERS: std::ops::RangeInclusive<u8> = 1..=15;
const BUFFER: u32 = 120;
const INTEGER_BYTES: u32 = 128;
const FRAME: u32 = INTEGER_BYTES + 32 * 16;

/// The registers to keep, and where.
fn kept() -> Vec<Kept> {
    let integers = INTEGERS.map(|number| Kept::word(Reg::gpr(number), 8 * u32::from(number - 1)));
    let vectors =
        (0..32).map(|number| Kept::vector(number, INTEGER_BYTES + 16 * u32::from(number)));
    integers.chain(vectors).collect()
}

/// Emits the stub for continuations of `size` bytes.
pub(super) fn continuation(stub: &mut Stub, size: u32) {
    if size <= LARGEST_CLASS {
        let list = context(free_list_offset(size));
        let empty = stub.assembler.new_label();
        stub.load(Reg::X0, list);
        stub.op(Op::Cbz64R, &[Reg::X0.into(), empty.into()]);
        stub.load(SCRATCH, at(Reg::X0, NEXT));
        stub.store(SCRATCH, list);
        stub.op(Op::Ret, &[]);
        stub.assembler.bind(empty);
    }
    save(stub);
    stub.copy(Reg::X2, CONTINUATION);
    call(stub, Helper::Allocate, size);
    restore(stub);
    return_or_trap(stub);
}

/// Emits the stub for objects of the type with a number. The helper answers with a status.
pub(super) fn object(stub: &mut Stub, helper: Helper, number: u32) {
    save(stub);
    stub.store(SCRATCH, at(Reg::SP, BUFFER));
    let buffer = [Reg::X2.into(), Reg::SP.into(), i64::from(BUFFER).into()];
    stub.op(Op::Add64RRI, &buffer);
    call(stub, helper, number);
    stub.compare(Reg::X0, 0);
    stub.load(Reg::X0, at(Reg::SP, BUFFER));
    let or_null = [
        Reg::X0.into(),
        Reg::X0.into(),
        Reg::ZR.into(),
        Cond::EQ.into(),
    ];
    stub.op(Op::Csel64RRR, &or_null);
    restore(stub);
    return_or_trap(stub);
}

/// Returns if there is an address.
fn return_or_trap(stub: &mut Stub) {
    let failed = stub.assembler.new_label();
    stub.op(Op::Cbz64R, &[Reg::X0.into(), failed.into()]);
    stub.op(Op::Ret, &[]);
    stub.assembler.bind(failed);
    let landing = stub.number(Symbol::TrapLanding);
    stub.assembler.jmp_symbol(landing);
}

fn save(stub: &mut Stub) {
    stub.push_frame(FRAME);
    stub.transfer(Way::Store, Reg::SP, &kept());
    stub.store(Reg::FP, context(offsets::EXIT_FP));
}

/// Calls a helper whose third argument is where it belongs.
fn call(stub: &mut Stub, helper: Helper, index: u32) {
    stub.copy(Reg::X0, CONTEXT);
    stub.constant(Reg::X1, u64::from(index));
    stub.load(SCRATCH, context(helper.offset()));
    stub.op(Op::BlrR, &[SCRATCH.into()]);
}

fn restore(stub: &mut Stub) {
    stub.transfer(Way::Load, Reg::SP, &kept());
    stub.pop_frame();
}
