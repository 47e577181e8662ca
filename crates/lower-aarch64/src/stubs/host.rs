//! Calls of the runtime that look like calls of compiled functions: imports, services, `yield`.
//!
//! ```text
//!   x29+16+P   result words, in the caller's frame
//!   x29+16     parameter words, P bytes
//!   x29+8      return address into the caller
//!   x29        caller's frame pointer     ← Context::exit_fp
//!   sp         buffer: parameters in, results out, in words
//! ```
//!
//! The helper is called as `extern "C" fn(context, index, buffer) -> Status`. When it answers
//! `Suspended` the stub returns the sentinel; when it answers `Trapped` it has set
//! `Context::trap_code`; when it answers `Thrown`, `Context::exception`.

use super::throw::raise;
use super::{CONTEXT, CONTINUATION, SCRATCH, Stub, Way, at, context, words};
use enjamb_aarch64::{Cond, Label, Op, Reg};
use enjamb_abi::context::{Counter, Helper, LeafMode, Status, offsets};
use enjamb_abi::convention::{AARCH64, Assignment};
use enjamb_ir::{Signature, TrapCode};

/// First byte above the saved frame pointer and the return address.
const CALLER_AREA: u32 = 16;

/// Emits a stub of this signature that calls a helper.
pub(super) fn call(stub: &mut Stub, helper: Helper, index: u64, signature: &Signature) {
    let params = AARCH64.params(&signature.params);
    let results = AARCH64.results(&signature.results);
    let buffer = params.buffer_bytes.max(results.buffer_bytes);
    stub.landing_pad();
    let overflow = stub.frame(buffer.next_multiple_of(16));
    let (registers, stack) = words(&params, 0);
    stub.transfer(Way::Store, Reg::SP, &registers);
    for (offset, word) in stack {
        stub.load(SCRATCH, at(Reg::FP, CALLER_AREA + offset));
        stub.store(SCRATCH, at(Reg::SP, word));
    }
    let not_finished = call_helper(stub, helper, index);
    load_results(stub, &results, CALLER_AREA + params.stack_bytes);
    if signature.is_async {
        stub.clear(CONTINUATION);
    }
    stub.leave(params.stack_bytes);

    stub.assembler.bind(not_finished);
    if signature.is_async {
        return_if_suspended(stub, params.stack_bytes);
    }
    if helper.can_throw() {
        let trapped = stub.assembler.new_label();
        stub.compare(Reg::X0, Status::Thrown as i64);
        stub.assembler.jcc(Cond::NE, trapped);
        raise(stub);
        stub.assembler.bind(trapped);
    }
    stub.trap(TrapCode::HostError);
    stub.assembler.bind(overflow);
    stub.trap(TrapCode::StackOverflow);
}

/// Calls a helper with the buffer at the stack pointer. Control goes on if it has finished and to
/// the label, with the flags of a comparison with `Suspended`, if not.
fn call_helper(stub: &mut Stub, helper: Helper, index: u64) -> Label {
    let not_finished = stub.assembler.new_label();
    stub.store(Reg::FP, context(offsets::EXIT_FP));
    stub.load(SCRATCH, context(helper.offset()));
    stub.copy(Reg::X0, CONTEXT);
    stub.constant(Reg::X1, index);
    stub.op(Op::MovSp64RR, &[Reg::X2.into(), Reg::SP.into()]);
    stub.op(Op::BlrR, &[SCRATCH.into()]);
    stub.compare(Reg::X0, Status::Suspended as i64);
    stub.assembler.jcc(Cond::HS, not_finished);
    not_finished
}

/// Loads results from the buffer.
fn load_results(stub: &mut Stub, results: &Assignment, stack_words: u32) {
    let (registers, stack) = words(results, 0);
    for (offset, word) in stack {
        stub.load(SCRATCH, at(Reg::SP, word));
        stub.store(SCRATCH, at(Reg::FP, stack_words + offset));
    }
    stub.transfer(Way::Load, Reg::SP, &registers);
}

/// Returns to the caller if the flags say that the helper has answered `Suspended`.
fn return_if_suspended(stub: &mut Stub, parameter_bytes: u32) {
    let other = stub.assembler.new_label();
    stub.assembler.jcc(Cond::NE, other);
    return_sentinel(stub);
    stub.leave(parameter_bytes);
    stub.assembler.bind(other);
}

fn return_sentinel(stub: &mut Stub) {
    const {
        assert!(
            offsets::SENTINEL == 0,
            "the context is the sentinel's address"
        )
    };
    stub.copy(CONTINUATION, CONTEXT);
}

/// Emits the leaf `yield`: five instructions when it suspends by itself.
///
/// It need not say what it waits for: helpers that wait for more than a turn do.
pub(super) fn yield_leaf(stub: &mut Stub, index: u64) {
    let not_always = stub.assembler.new_label();
    let ask = stub.assembler.new_label();
    const { assert!((LeafMode::Never as u64) < LeafMode::Always as u64) };
    const { assert!((LeafMode::Ask as u64) > LeafMode::Always as u64) };
    stub.landing_pad();
    stub.load(SCRATCH, context(offsets::LEAF_MODE));
    stub.compare(SCRATCH, LeafMode::Always as i64);
    stub.assembler.jcc(Cond::NE, not_always);
    stub.count(Counter::Suspensions, SCRATCH);
    return_sentinel(stub);
    stub.op(Op::Ret, &[]);

    stub.assembler.bind(not_always);
    stub.assembler.jcc(Cond::HI, ask);
    stub.clear(CONTINUATION);
    stub.op(Op::Ret, &[]);

    stub.assembler.bind(ask);
    let overflow = stub.frame(16);
    stub.constant(SCRATCH, 1);
    stub.store(SCRATCH, at(Reg::SP, 0));
    let not_finished = call_helper(stub, Helper::LeafDecision, index);
    stub.clear(CONTINUATION);
    stub.leave(0);
    stub.assembler.bind(not_finished);
    return_if_suspended(stub, 0);
    stub.trap(TrapCode::HostError);
    stub.assembler.bind(overflow);
    stub.trap(TrapCode::StackOverflow);
}
