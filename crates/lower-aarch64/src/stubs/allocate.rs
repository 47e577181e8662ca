//! The out-of-line part of `new_continuation`: asks the runtime for an object.
//!
//! In: `x16` is the callee's continuation. Out: `x0` is the object, or 0 after the callee's chain
//! has been freed. Everything else but `x16`, `x17`, the link register and the flags is preserved,
//! vector registers as far as values are wide included, since a suspension block keeps every live
//! value of its function in registers here.
//!
//! ```text
//!   x29        frame record
//!   sp+128+8*i d0 … d7, d16 … d31: of the others, the host preserves the lower halves
//!   sp+120     unused
//!   sp+8*i     x1 … x15
//! ```

use super::{CONTEXT, SCRATCH, Stub, Way, context};
use enjamb_aarch64::{Op, Reg};
use enjamb_abi::context::{Helper, offsets};

/// Integer registers that a C function may clobber, without the result and those that belong to
/// stubs.
const INTEGERS: std::ops::RangeInclusive<u8> = 1..=15;
const INTEGER_BYTES: u32 = 128;
const FRAME: u32 = INTEGER_BYTES + 24 * 8;

/// The registers to keep, and where.
fn kept() -> Vec<(Reg, u32)> {
    let integers = INTEGERS.map(|number| (Reg::gpr(number), 8 * u32::from(number - 1)));
    let numbers = (0..8).chain(16..32);
    let floats = numbers.zip(0_u32..);
    let floats = floats.map(|(number, place)| (Reg::vector(number), INTEGER_BYTES + 8 * place));
    integers.chain(floats).collect()
}

/// Emits the stub for objects of `size` bytes.
pub(super) fn slow(stub: &mut Stub, size: u32) {
    stub.push_frame(FRAME);
    stub.transfer(Way::Store, Reg::SP, &kept());
    stub.store(Reg::FP, context(offsets::EXIT_FP));
    stub.copy(Reg::X0, CONTEXT);
    stub.constant(Reg::X1, u64::from(size));
    stub.copy(Reg::X2, SCRATCH);
    stub.load(SCRATCH, context(Helper::Allocate.offset()));
    stub.op(Op::BlrR, &[SCRATCH.into()]);
    stub.transfer(Way::Load, Reg::SP, &kept());
    stub.leave(0);
}
