//! Calls of the runtime that look like calls of compiled functions: imports, services, `yield`.
//!
//! ```text
//!   rbp+16+P   result words, in the caller's frame
//!   rbp+16     parameter words, P bytes
//!   rbp+8      return address into the caller
//!   rbp        caller's frame pointer     ← Context::exit_fp
//!   rsp        buffer: words of the parameters in, of the results out
//! ```
//!
//! The helper is called as `extern "C" fn(context, index, buffer) -> Status`. When it answers
//! `Suspended` the stub returns the sentinel; when it answers `Trapped` it has set
//! `Context::trap_code`; when it answers `Thrown`, `Context::exception`.

use super::throw::raise;
use super::{CONTEXT, CONTINUATION, Stub, at, context};
use enjamb_abi::context::{Counter, Helper, LeafMode, Status, offsets};
use enjamb_abi::convention::{Assignment, Location, X86_64};
use enjamb_ir::{Signature, TrapCode};
use enjamb_x64::{Cond, Label, Op, Reg};

/// First byte above the saved frame pointer and the return address.
const CALLER_AREA: u32 = 16;

/// Emits a stub of this signature that calls a helper.
pub(super) fn call(stub: &mut Stub, helper: Helper, index: u64, signature: &Signature) {
    let params = X86_64.params(&signature.params);
    let results = X86_64.results(&signature.results);
    let buffer = params.buffer_bytes.max(results.buffer_bytes);
    let overflow = stub.frame(buffer.next_multiple_of(16));
    for (word, location) in params.pieces() {
        let word = at(Reg::RSP, word);
        match location {
            Location::Stack(offset) => stub.copy_word(word, at(Reg::RBP, CALLER_AREA + offset)),
            register => stub.store_from(word, register),
        }
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
        stub.immediate(Op::Cmp64MI, Reg::RAX.into(), Status::Thrown as i64);
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
    stub.store(context(offsets::EXIT_FP), Reg::RBP);
    stub.copy(Reg::RDI, CONTEXT);
    stub.constant(Reg::RSI, index);
    stub.copy(Reg::RDX, Reg::RSP);
    stub.op(Op::CallM, &[context(helper.offset())]);
    stub.immediate(Op::Cmp64MI, Reg::RAX.into(), Status::Suspended as i64);
    stub.assembler.jcc(Cond::AE, not_finished);
    not_finished
}

/// Loads results from the buffer; those on the stack go through the scratch register.
fn load_results(stub: &mut Stub, results: &Assignment, stack_words: u32) {
    for (word, location) in results.pieces() {
        let word = at(Reg::RSP, word);
        match location {
            Location::Stack(offset) => stub.copy_word(at(Reg::RBP, stack_words + offset), word),
            register => stub.load_into(register, word),
        }
    }
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

/// Emits the leaf `yield`: four instructions when it suspends by itself.
///
/// It need not say what it waits for: helpers that wait for more than a turn do.
pub(super) fn yield_leaf(stub: &mut Stub, index: u64) {
    let not_always = stub.assembler.new_label();
    let ask = stub.assembler.new_label();
    const { assert!((LeafMode::Never as u64) < LeafMode::Always as u64) };
    const { assert!((LeafMode::Ask as u64) > LeafMode::Always as u64) };
    let always = LeafMode::Always as i64;
    stub.immediate(Op::Cmp64MI, context(offsets::LEAF_MODE), always);
    stub.assembler.jcc(Cond::NE, not_always);
    stub.count(Counter::Suspensions);
    return_sentinel(stub);
    stub.op(Op::Ret, &[]);

    stub.assembler.bind(not_always);
    stub.assembler.jcc(Cond::A, ask);
    stub.clear(CONTINUATION);
    stub.op(Op::Ret, &[]);

    stub.assembler.bind(ask);
    let overflow = stub.frame(16);
    stub.constant(Reg::RAX, 1);
    stub.store(at(Reg::RSP, 0), Reg::RAX);
    let not_finished = call_helper(stub, Helper::LeafDecision, index);
    stub.clear(CONTINUATION);
    stub.leave(0);
    stub.assembler.bind(not_finished);
    return_if_suspended(stub, 0);
    stub.trap(TrapCode::HostError);
    stub.assembler.bind(overflow);
    stub.trap(TrapCode::StackOverflow);
}
