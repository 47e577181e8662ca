//! Throwing: the stub that hands an exception to the runtime's search and goes where that says.
//!
//! In: the exception in its registers, `x29` the frame that throws, the link register the place.
//! The stub has no frame pointer of its own. All of it stands in an [`Unwinding`]:
//!
//! ```text
//!   sp       Unwinding: place, frame pointer, stack pointer, exception, x19 … x27
//! ```
//!
//! Nothing is checked against the stack limit: as with the trap landing, the host's part of the
//! stack is used, and given back at once. The handler is reached through `x17`.
//!
//! [`Unwinding`]: enjamb_abi::unwind::Unwinding

use super::trap::leave_to_host;
use super::{CONTEXT, Kept, SCRATCH, SECOND_SCRATCH, Stub, Way, at, context};
use enjamb_aarch64::{Op, Reg};
use enjamb_abi::code::{Symbol, Throw};
use enjamb_abi::context::{Helper, Status, offsets as fields};
use enjamb_abi::continuation::WORD;
use enjamb_abi::convention::AARCH64;
use enjamb_abi::unwind::{UNWINDING_SIZE, offsets};

/// Registers by number, with the offsets of words that stand one behind the other.
fn words(numbers: &[u8], offset: u32) -> impl Iterator<Item = Kept> {
    let words = numbers.iter().zip(0_u32..);
    words.map(move |(&number, index)| Kept::word(Reg::gpr(number), offset + index * WORD))
}

/// The registers of an exception.
fn exception(offset: u32) -> Vec<Kept> {
    words(&AARCH64.exception, offset).collect()
}

/// The registers in an [`Unwinding`](enjamb_abi::unwind::Unwinding), when `place` holds the place.
fn unwinding(place: Reg) -> Vec<Kept> {
    let mut all = vec![
        Kept::word(place, offsets::PC),
        Kept::word(Reg::FP, offsets::FP),
    ];
    all.extend(exception(offsets::EXCEPTION));
    all.extend(words(AARCH64.callee_saved, offsets::SAVED));
    all
}

/// Emits the stub.
pub(super) fn throw(stub: &mut Stub, throw: Throw) {
    let uncaught = stub.assembler.new_label();
    stub.reserve_stack(UNWINDING_SIZE);
    stub.transfer(Way::Store, Reg::SP, &unwinding(Reg::LR));
    stub.load(SCRATCH, context(Helper::Unwind.offset()));
    stub.copy(Reg::X0, CONTEXT);
    stub.constant(Reg::X1, throw as u64);
    stub.op(Op::MovSp64RR, &[Reg::X2.into(), Reg::SP.into()]);
    stub.op(Op::BlrR, &[SCRATCH.into()]);
    stub.op(Op::Cbnz64R, &[Reg::X0.into(), uncaught.into()]);
    stub.transfer(Way::Load, Reg::SP, &unwinding(SECOND_SCRATCH));
    stub.load(SCRATCH, at(Reg::SP, offsets::SP));
    stub.op(Op::MovSp64RR, &[Reg::SP.into(), SCRATCH.into()]);
    stub.op(Op::BrR, &[SECOND_SCRATCH.into()]);
    stub.assembler.bind(uncaught);
    leave_to_host(stub, Status::Thrown);
}

/// Throws, out of the frame of a stub, the exception that a helper has left in the context block.
pub(super) fn raise(stub: &mut Stub) {
    stub.transfer(Way::Load, CONTEXT, &exception(fields::EXCEPTION));
    let throw = stub.number(Symbol::Throw(Throw::Again));
    stub.assembler.call_symbol(throw);
}
