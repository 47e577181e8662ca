//! Throwing: the stub that hands an exception to the runtime's search and goes where that says.
//!
//! In: the exception in its registers, `rbp` the frame that throws, the return address the place.
//! The stub has no frame pointer of its own. All of it stands in an [`Unwinding`]:
//!
//! ```text
//!   rsp+112   padding
//!   rsp       Unwinding: place, frame pointer, stack pointer, exception, rbx r12 r13 r14
//! ```
//!
//! Nothing is checked against the stack limit: as with the trap landing, the host's part of the
//! stack is used, and given back at once.

use super::trap::leave_to_host;
use super::{CONTEXT, Stub, at, context};
use enjamb_abi::code::Throw;
use enjamb_abi::context::{Helper, Status, offsets as fields};
use enjamb_abi::continuation::WORD;
use enjamb_abi::convention::X86_64;
use enjamb_abi::unwind::{UNWINDING_SIZE, offsets};
use enjamb_x64::{Cond, Op, Reg};

/// Aligns the stack, together with the return address.
const PADDING: u32 = 8;

/// The registers of an exception, with the offset of each word in a pair of words.
fn exception() -> impl Iterator<Item = (Reg, u32)> {
    let registers = X86_64.exception.into_iter().enumerate();
    registers.map(|(index, number)| (Reg::gpr(number), index as u32 * WORD))
}

/// Emits the stub.
pub(super) fn throw(stub: &mut Stub, throw: Throw) {
    let uncaught = stub.assembler.new_label();
    let word = |offset| at(Reg::RSP, offset);
    stub.reserve_stack(UNWINDING_SIZE + PADDING);
    for (register, offset) in exception() {
        stub.store(word(offsets::EXCEPTION + offset), register);
    }
    stub.load(Reg::RAX, word(UNWINDING_SIZE + PADDING));
    stub.store(word(offsets::PC), Reg::RAX);
    stub.store(word(offsets::FP), Reg::RBP);
    for (index, &number) in X86_64.callee_saved.iter().enumerate() {
        let place = word(offsets::SAVED + index as u32 * WORD);
        stub.store(place, Reg::gpr(number));
    }
    stub.copy(Reg::RDI, CONTEXT);
    stub.constant(Reg::RSI, throw as u64);
    stub.copy(Reg::RDX, Reg::RSP);
    stub.op(Op::CallM, &[context(Helper::Unwind.offset())]);
    stub.test(Reg::RAX);
    stub.assembler.jcc(Cond::NE, uncaught);
    for (register, offset) in exception() {
        stub.load(register, word(offsets::EXCEPTION + offset));
    }
    for (index, &number) in X86_64.callee_saved.iter().enumerate() {
        let place = word(offsets::SAVED + index as u32 * WORD);
        stub.load(Reg::gpr(number), place);
    }
    stub.load(Reg::RBP, word(offsets::FP));
    stub.load(Reg::RAX, word(offsets::PC));
    stub.load(Reg::RSP, word(offsets::SP));
    stub.op(Op::JmpM, &[Reg::RAX.into()]);
    stub.assembler.bind(uncaught);
    leave_to_host(stub, Status::Thrown);
}

/// Throws, out of the frame of a stub, the exception that a helper has left in the context block.
pub(super) fn raise(stub: &mut Stub) {
    for (register, offset) in exception() {
        stub.load(register, context(fields::EXCEPTION + offset));
    }
    let throw = stub.number(enjamb_abi::code::Symbol::Throw(Throw::Again));
    stub.assembler.call_symbol(throw);
}
