//! The out-of-line part of instructions that allocate: asks the runtime for memory.
//!
//! In: `x16` is the argument, the callee's continuation or the length of an array. Out: `x0` is the
//! address, or 0 if there is no memory. Everything else but `x16`, `x17`, the link register and the
//! flags is preserved, all of the vector registers included, since the function keeps every live value in
//! registers here; the host preserves none of them as a whole.
//!
//! ```text
//!   x29         frame record                   ← Context::exit_fp
//!   sp+128+16*i q0 … q31
//!   sp+120      buffer of one word
//!   sp+8*i      x1 … x15
//! ```

use super::{CONTEXT, Kept, SCRATCH, Stub, Way, at, context};
use enjamb_aarch64::{Cond, Op, Reg};
use enjamb_abi::context::{Helper, offsets};

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
    save(stub);
    stub.copy(Reg::X2, SCRATCH);
    call(stub, Helper::Allocate, size);
    restore(stub);
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
    stub.leave(0);
}
