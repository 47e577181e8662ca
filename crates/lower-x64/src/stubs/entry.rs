//! Entry trampolines: `extern "C" fn(context, code, buffer) -> Status`.
//!
//! ```text
//!   rbp-48          activation record, see `trap`
//!   rsp+P+…         result words    R bytes ┐ as the signature demands; after the callee has
//!   rsp+0           parameter words P bytes ┘ popped its parameters, rsp points at the results
//! ```
//!
//! `rbx` holds the buffer across the call. Parameters are loaded from its words and results stored
//! back in the same order.

use super::trap::{enter_activation, leave_activation};
use super::{CONTINUATION, Stub, at, context};
use enjamb_abi::context::{Status, offsets};
use enjamb_abi::convention::{Assignment, Location, X86_64};
use enjamb_ir::Signature;
use enjamb_x64::{Cond, Op, Reg};

const BUFFER: Reg = Reg::RBX;

/// Emits the trampoline of a signature.
pub(super) fn entry(stub: &mut Stub, signature: &Signature) {
    let params = X86_64.params(&signature.params);
    let results = X86_64.results(&signature.results);
    enter_activation(stub);
    stub.copy(Reg::RAX, Reg::RSI);
    stub.copy(BUFFER, Reg::RDX);
    stub.reserve_stack(params.stack_bytes + results.stack_bytes);
    for (word, location) in params.pieces() {
        let word = at(BUFFER, word);
        match location {
            Location::Stack(offset) => stub.copy_word(at(Reg::RSP, offset), word),
            register => stub.load_into(register, word),
        }
    }
    stub.clear(CONTINUATION);
    stub.op(Op::CallM, &[Reg::RAX.into()]);

    let suspended = stub.assembler.new_label();
    if signature.is_async {
        stub.test(CONTINUATION);
        stub.assembler.jcc(Cond::NE, suspended);
    }
    store_results(stub, &results, BUFFER, 0);
    stub.release_stack(results.stack_bytes);
    leave_activation(stub, Status::Finished);
    if signature.is_async {
        stub.assembler.bind(suspended);
        stub.release_stack(results.stack_bytes);
        stub.store(context(offsets::SUSPENDED), CONTINUATION);
        leave_activation(stub, Status::Suspended);
    }
}

/// Stores results, whose stack words begin at the stack pointer, as words behind `base + offset`.
/// No result is in the scratch register, through which the stack words go.
pub(super) fn store_results(stub: &mut Stub, results: &Assignment, base: Reg, offset: u32) {
    for (word, location) in results.pieces() {
        let word = at(base, offset + word);
        match location {
            Location::Stack(source) => stub.copy_word(word, at(Reg::RSP, source)),
            register => stub.store_from(word, register),
        }
    }
}
