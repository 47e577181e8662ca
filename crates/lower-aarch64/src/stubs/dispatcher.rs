//! The dispatcher: the loop that resumes the activations of a chain, innermost first.
//!
//! `extern "C" fn(context, head) -> Status` makes an activation record and runs the head. While
//! an activation runs, `x19`, which compiled functions preserve, is its continuation k, and `k.next`
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
//!   x29      activation record, see `trap`
//!   sp+P     result words    R bytes
//!   sp+0     parameter words P bytes: never read by a resumed function, but it may write them
//! ```
//!
//! An activation that suspends in its own object costs thirteen instructions here. They are reached
//! through `x17` and reach the function through `x16`, so one kind of landing pad serves all.

use super::entry::store_results;
use super::trap::{enter_activation, leave_activation};
use super::{CONTEXT, CONTINUATION, SCRATCH, SECOND_SCRATCH, Stub, at, context};
use enjamb_aarch64::{Cond, Mem, Op, Reg, access};
use enjamb_abi::code::Symbol;
use enjamb_abi::context::{Counter, Status, free_list_offset, offsets};
use enjamb_abi::continuation::{INFO, LARGEST_CLASS, NEXT, POINT_RECORD_SIZE, RESULTS, record};
use enjamb_abi::convention::{AARCH64, ResumeShape};

/// The continuation whose activation runs.
const RUNNING: Reg = Reg::X19;
/// The rest of the chain, where it is needed; carries no result.
const REST: Reg = Reg::X9;
/// The address of the resumed function, from `run` to its call.
const ENTRY: Reg = SCRATCH;

/// Emits the entry of the dispatcher.
pub(super) fn dispatcher(stub: &mut Stub) {
    enter_activation(stub);
    stub.copy(RUNNING, Reg::X1);
    run(stub);
}

/// Resumes `RUNNING`: five instructions, the last of which jumps to its resumption stub, with the
/// address of the function in `ENTRY`.
fn run(stub: &mut Stub) {
    const {
        assert!(
            record::RESUME == 0 && record::ENTRY == 8,
            "one instruction loads both"
        )
    };
    stub.load(SCRATCH, at(RUNNING, INFO));
    stub.store(RUNNING, context(offsets::CURRENT));
    let both = Mem::base(SCRATCH, record::RESUME as i32);
    stub.emit(access::LDP_64.inst(SECOND_SCRATCH, ENTRY, both));
    stub.copy(CONTINUATION, RUNNING);
    stub.op(Op::BrR, &[SECOND_SCRATCH.into()]);
}

/// Emits the resumption stub of a shape.
pub(super) fn resume(stub: &mut Stub, shape: &ResumeShape) {
    let results = AARCH64.results(&shape.results);
    let labels = [(); 3].map(|()| stub.assembler.new_label());
    let [not_itself, other_object, suspended] = labels;
    stub.landing_pad();
    stub.count(Counter::Resumptions, SECOND_SCRATCH);
    stub.reserve_stack(shape.param_bytes + shape.result_bytes);
    stub.op(Op::BlrR, &[ENTRY.into()]);
    stub.op(Op::Cmp64RR, &[CONTINUATION.into(), RUNNING.into()]);
    stub.assembler.jcc(Cond::NE, not_itself);
    stub.release_stack(shape.result_bytes);
    stub.assembler.bind(suspended);
    go_on_or_leave(stub);

    stub.assembler.bind(not_itself);
    stub.load(REST, at(RUNNING, NEXT));
    stub.op(Op::Cbnz64R, &[CONTINUATION.into(), other_object.into()]);
    store_results(stub, &results, REST, RESULTS);
    stub.release_stack(shape.result_bytes);
    free_running(stub);
    stub.copy(RUNNING, REST);
    run(stub);

    stub.assembler.bind(other_object);
    stub.release_stack(shape.result_bytes);
    stub.store(REST, at(CONTINUATION, NEXT));
    free_running(stub);
    stub.assembler.jmp(suspended);
}

/// The chain is whole again, and suspended.
fn go_on_or_leave(stub: &mut Stub) {
    let leave = stub.assembler.new_label();
    stub.load(SCRATCH, context(offsets::FAST_RESUMES));
    // A tail-awaited leaf returns the sentinel itself, whose link is the rest then.
    stub.load(RUNNING, context(offsets::SENTINEL + NEXT));
    stub.op(Op::Subs64RRI, &[SCRATCH.into(), SCRATCH.into(), 1.into()]);
    stub.assembler.jcc(Cond::LO, leave);
    stub.store(SCRATCH, context(offsets::FAST_RESUMES));
    run(stub);
    stub.assembler.bind(leave);
    stub.store(RUNNING, context(offsets::SUSPENDED));
    leave_activation(stub, Status::Suspended);
}

/// Puts `RUNNING` on its free list. It keeps its `info`, from which the runtime learns the size of
/// a large object. Clobbers both scratch registers.
///
/// With counting on, every object goes to the list of large ones: the lists of the classes stay
/// empty, every allocation asks the runtime, and the runtime, which empties that list each time,
/// knows at any moment how many objects are alive.
fn free_running(stub: &mut Stub) {
    let list = if stub.count {
        context(free_list_offset(LARGEST_CLASS + 8))
    } else {
        stub.load(SCRATCH, at(RUNNING, INFO));
        stub.emit(access::LDR_32.inst(SCRATCH, at(SCRATCH, record::FREE_LIST)));
        Mem::indexed(CONTEXT, SCRATCH, 0)
    };
    stub.load(SECOND_SCRATCH, list);
    stub.store(SECOND_SCRATCH, at(RUNNING, NEXT));
    stub.store(RUNNING, list);
}

/// Emits the record of root continuations, and behind it the code that "resumes" one.
pub(super) fn root_record(stub: &mut Stub) {
    let itself = stub.number(Symbol::RootRecord);
    stub.assembler
        .data_symbol(itself, i64::from(POINT_RECORD_SIZE));
    stub.assembler.data(&[0; POINT_RECORD_SIZE as usize - 8]);
    stub.landing_pad();
    leave_activation(stub, Status::Finished);
}
