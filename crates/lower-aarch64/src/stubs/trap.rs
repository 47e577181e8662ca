//! Activation records, and the landing that cuts the stack back to the innermost one.
//!
//! Entry trampolines and the dispatcher make the same record, so one landing serves both. It holds
//! what the procedure call standard of the host wants preserved, of the vector registers the lower
//! halves:
//!
//! ```text
//!   x29+168   unused
//!   x29+160   previous activation
//!   x29+ 96   d8 … d15   ┐
//!   x29+ 16   x19 … x28  │ of the host
//!   x29+  8   x30        │
//!   x29       x29        ┘ ← Context::activation; also the stack pointer, 16-aligned
//! ```

use super::{CONTEXT, SCRATCH, Stub, at, context};
use enjamb_aarch64::{Mem, Op, Reg, access};
use enjamb_abi::activation::ActivationRecord;
use enjamb_abi::context::{Helper, Status, offsets};
use enjamb_abi::target::Target;

const RECORD: &ActivationRecord = Target::Aarch64.activation_record();
const PREVIOUS: u32 = 160;

/// The registers of the record that are stored in pairs, with their offsets.
fn pairs() -> impl Iterator<Item = (Reg, Reg, i32)> {
    let pairs = |registers: &'static [(u8, i32)], register: fn(u8) -> Reg| {
        let pairs = registers.chunks_exact(2);
        pairs.map(move |pair| (register(pair[0].0), register(pair[1].0), pair[0].1))
    };
    pairs(RECORD.ints, Reg::gpr).chain(pairs(RECORD.floats, Reg::vector))
}

/// Makes an activation record of a function whose first argument is the context block, and pins
/// that.
pub(super) fn enter_activation(stub: &mut Stub) {
    stub.landing_pad();
    let record = Mem::pre(Reg::SP, -RECORD.above);
    stub.emit(access::STP_64.inst(Reg::FP, Reg::LR, record));
    stub.op(Op::MovSp64RR, &[Reg::FP.into(), Reg::SP.into()]);
    for (first, second, offset) in pairs() {
        let store = [access::STP_64, access::STP_V64][usize::from(first.is_vector())];
        stub.emit(store.inst(first, second, Mem::base(Reg::SP, offset)));
    }
    stub.copy(CONTEXT, Reg::X0);
    stub.load(SCRATCH, context(offsets::ACTIVATION));
    stub.store(SCRATCH, at(Reg::SP, PREVIOUS));
    stub.store(Reg::FP, context(offsets::ACTIVATION));
}

/// Unmakes the activation record at the stack pointer and returns a status to the host.
pub(super) fn leave_activation(stub: &mut Stub, status: Status) {
    stub.load(SCRATCH, at(Reg::SP, PREVIOUS));
    stub.store(SCRATCH, context(offsets::ACTIVATION));
    for (first, second, offset) in pairs() {
        let load = [access::LDP_64, access::LDP_V64][usize::from(first.is_vector())];
        stub.emit(load.inst(first, second, Mem::base(Reg::SP, offset)));
    }
    stub.constant(Reg::X0, status as u64);
    let record = Mem::post(Reg::SP, RECORD.above);
    stub.emit(access::LDP_64.inst(Reg::FP, Reg::LR, record));
    stub.op(Op::Ret, &[]);
}

/// Leaves the innermost activation from anywhere in it. Since records nest, activations of the
/// host in between are never cut off: each has its own.
pub(super) fn leave_to_host(stub: &mut Stub, status: Status) {
    stub.load(SCRATCH, context(offsets::ACTIVATION));
    stub.op(Op::MovSp64RR, &[Reg::SP.into(), SCRATCH.into()]);
    leave_activation(stub, status);
}

/// The landing: keeps the key of the trap table, which the call has left in the link register, lets
/// the runtime look at the frames while they are there, then leaves.
pub(super) fn landing(stub: &mut Stub) {
    stub.store(Reg::LR, context(offsets::TRAP_PC));
    stub.store(Reg::FP, context(offsets::TRAP_FP));
    stub.load(SCRATCH, context(Helper::Trapped.offset()));
    stub.copy(Reg::X0, CONTEXT);
    stub.op(Op::BlrR, &[SCRATCH.into()]);
    leave_to_host(stub, Status::Trapped);
}
