//! Entry trampolines: `extern "C" fn(context, code, buffer) -> Status`.
//!
//! ```text
//!   x29             activation record, see `trap`
//!   sp+P+…          result words    R bytes ┐ as the signature demands; after the callee has
//!   sp+0            parameter words P bytes ┘ popped its parameters, sp points at the results
//! ```
//!
//! `x19`, which compiled functions preserve, holds the buffer across the call. Parameters are
//! loaded from its words and results stored back in the same order.

use super::trap::{enter_activation, leave_activation};
use super::{CONTINUATION, SCRATCH, SECOND_SCRATCH, Stub, Way, at, context, words};
use enjamb_aarch64::{Op, Reg};
use enjamb_abi::context::{Status, offsets};
use enjamb_abi::convention::{AARCH64, Assignment};
use enjamb_ir::Signature;

const BUFFER: Reg = Reg::X19;
const CODE: Reg = SECOND_SCRATCH;

/// Emits the trampoline of a signature.
pub(super) fn entry(stub: &mut Stub, signature: &Signature) {
    let params = AARCH64.params(&signature.params);
    let results = AARCH64.results(&signature.results);
    enter_activation(stub);
    stub.copy(CODE, Reg::X1);
    stub.copy(BUFFER, Reg::X2);
    stub.reserve_stack(params.stack_bytes + results.stack_bytes);
    let (registers, stack) = words(&params, 0);
    for (offset, word) in stack {
        stub.load(SCRATCH, at(BUFFER, word));
        stub.store(SCRATCH, at(Reg::SP, offset));
    }
    stub.transfer(Way::Load, BUFFER, &registers);
    stub.clear(CONTINUATION);
    stub.op(Op::BlrR, &[CODE.into()]);

    let suspended = stub.assembler.new_label();
    if signature.is_async {
        stub.op(Op::Cbnz64R, &[CONTINUATION.into(), suspended.into()]);
    }
    store_results(stub, &results, BUFFER, 0);
    stub.release_stack(results.stack_bytes);
    leave_activation(stub, Status::Finished);
    if signature.is_async {
        stub.assembler.bind(suspended);
        stub.release_stack(results.stack_bytes);
        stub.store(CONTINUATION, context(offsets::SUSPENDED));
        leave_activation(stub, Status::Suspended);
    }
}

/// Stores results, whose stack words begin at the stack pointer, as words behind `base + offset`.
pub(super) fn store_results(stub: &mut Stub, results: &Assignment, base: Reg, offset: u32) {
    let (registers, stack) = words(results, offset);
    stub.transfer(Way::Store, base, &registers);
    for (source, word) in stack {
        stub.load(SCRATCH, at(Reg::SP, source));
        stub.store(SCRATCH, at(base, word));
    }
}
