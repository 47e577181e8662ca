//! The dispatcher: the loop that resumes the activations of a chain, innermost first.
//!
//! `extern "C" fn(context, head) -> Status` pushes an activation record and runs the head. While
//! an activation runs, `r12`, which compiled functions preserve, is its continuation k, and `k.next`
//! is the rest of the chain. The loop has no code of its own: it is threaded through the resumption
//! stubs, each of which ends by jumping to the stub of the next continuation.
//!
//! ```text
//!  dispatcher ─→ run k: current = k, jump [k.info].resume
//!                  │                                                         ↑
//!                  └→ resumption stub: call entry; it came back with r       │
//!                      r = k     suspended again: k.next is the rest still ──┤ k = sentinel.next,
//!                      r other   suspended: r.next = k.next, free k ─────────┤ if it may go on at
//!                      r null    finished: results into the result area of   │ once; else leave:
//!                                the rest, free k, k = rest ─────────────────┘ suspended, k
//! ```
//!
//! Every chain ends with a root continuation, which its task owns. Its record is the
//! [`Symbol::RootRecord`]; its "resumption stub" leaves the dispatcher, so the loop tests nothing
//! per frame. Stack of a resumption, rebuilt for each activation:
//!
//! ```text
//!   rbp-48   activation record, see `trap`
//!   rsp+P    result words    R bytes
//!   rsp+0    parameter words P bytes: never read by a resumed function, but it may write them
//! ```
//!
//! An activation that suspends in its own object costs ten instructions here.

use super::entry::store_results;
use super::trap::{enter_activation, leave_activation};
use super::{CONTEXT, CONTINUATION, Stub, at, context};
use enjamb_abi::code::Symbol;
use enjamb_abi::context::{Counter, Status, free_list_offset, offsets};
use enjamb_abi::continuation::{INFO, LARGEST_CLASS, NEXT, POINT_RECORD_SIZE, RESULTS, record};
use enjamb_abi::convention::{ResumeShape, X86_64};
use enjamb_x64::{Cond, Op, Reg};

/// The continuation whose activation runs.
const RUNNING: Reg = Reg::R12;
/// The rest of the chain, where it is needed.
const REST: Reg = Reg::RBX;

/// Emits the entry of the dispatcher.
pub(super) fn dispatcher(stub: &mut Stub) {
    enter_activation(stub);
    stub.copy(RUNNING, Reg::RSI);
    run(stub);
}

/// Resumes `RUNNING`: four instructions, the last of which jumps to its resumption stub.
fn run(stub: &mut Stub) {
    stub.load(Reg::RAX, at(RUNNING, INFO));
    stub.store(context(offsets::CURRENT), RUNNING);
    stub.copy(CONTINUATION, RUNNING);
    stub.op(Op::JmpM, &[at(Reg::RAX, record::RESUME)]);
}

/// Emits the resumption stub of a shape; `rax` is the record of `RUNNING`.
pub(super) fn resume(stub: &mut Stub, shape: &ResumeShape) {
    let results = X86_64.results(&shape.results);
    let labels = [(); 3].map(|()| stub.assembler.new_label());
    let [not_itself, other_object, suspended] = labels;
    stub.count(Counter::Resumptions);
    stub.reserve_stack(shape.param_bytes + shape.result_bytes);
    stub.op(Op::CallM, &[at(Reg::RAX, record::ENTRY)]);
    stub.op(Op::Cmp64RM, &[CONTINUATION.into(), RUNNING.into()]);
    stub.assembler.jcc(Cond::NE, not_itself);
    stub.release_stack(shape.result_bytes);
    stub.assembler.bind(suspended);
    go_on_or_leave(stub);

    stub.assembler.bind(not_itself);
    stub.load(REST, at(RUNNING, NEXT));
    stub.test(CONTINUATION);
    stub.assembler.jcc(Cond::NE, other_object);
    store_results(stub, &results, REST, RESULTS);
    stub.release_stack(shape.result_bytes);
    free_running(stub);
    stub.copy(RUNNING, REST);
    run(stub);

    stub.assembler.bind(other_object);
    stub.release_stack(shape.result_bytes);
    stub.store(at(CONTINUATION, NEXT), REST);
    free_running(stub);
    stub.assembler.jmp(suspended);
}

/// The chain is whole again, and suspended.
fn go_on_or_leave(stub: &mut Stub) {
    let leave = stub.assembler.new_label();
    // A tail-awaited leaf returns the sentinel itself, whose link is the rest then.
    stub.load(RUNNING, context(offsets::SENTINEL + NEXT));
    stub.immediate(Op::Sub64MI, context(offsets::FAST_RESUMES), 1);
    stub.assembler.jcc(Cond::B, leave);
    run(stub);
    stub.assembler.bind(leave);
    stub.store(context(offsets::SUSPENDED), RUNNING);
    leave_activation(stub, Status::Suspended);
}

/// Puts `RUNNING` on its free list. It keeps its `info`, from which the runtime learns the size of
/// a large object. Clobbers rax, rcx, rdx.
///
/// With counting on, every object goes to the list of large ones: the lists of the classes stay
/// empty, every allocation asks the runtime, and the runtime, which empties that list each time,
/// knows at any moment how many objects are alive.
fn free_running(stub: &mut Stub) {
    let large = free_list_offset(LARGEST_CLASS + 8);
    if stub.count {
        stub.load(Reg::RDX, context(large));
        stub.store(at(RUNNING, NEXT), Reg::RDX);
        stub.store(context(large), RUNNING);
        return;
    }
    let list = enjamb_x64::Mem::indexed(CONTEXT, Reg::RCX, enjamb_x64::Scale::One, 0);
    stub.load(Reg::RAX, at(RUNNING, INFO));
    stub.op(
        Op::Mov32RM,
        &[Reg::RCX.into(), at(Reg::RAX, record::FREE_LIST)],
    );
    stub.load(Reg::RDX, list.into());
    stub.store(at(RUNNING, NEXT), Reg::RDX);
    stub.store(list.into(), RUNNING);
}

/// Emits the record of root continuations, and behind it the code that "resumes" one.
pub(super) fn root_record(stub: &mut Stub) {
    let itself = stub.number(Symbol::RootRecord);
    const {
        assert!(
            record::RESUME == 0,
            "the record begins with the stub's address"
        )
    };
    stub.assembler
        .data_symbol(itself, i64::from(POINT_RECORD_SIZE));
    stub.assembler.data(&[0; POINT_RECORD_SIZE as usize - 8]);
    leave_activation(stub, Status::Finished);
}
