//! Activation records, and the landing that cuts the stack back to the innermost one.
//!
//! Entry trampolines and the dispatcher push the same record, so one landing serves both:
//!
//! ```text
//!            return address into the host
//!   rbp  →   rbp of the host
//!   rbp- 8   rbx ┐
//!   rbp-16   r12 │
//!   rbp-24   r13 │ of the host
//!   rbp-32   r14 │
//!   rbp-40   r15 ┘
//!   rbp-48   previous activation   ← Context::activation; the stack is 16-aligned here
//! ```

use super::{CONTEXT, Stub, context};
use enjamb_abi::context::{Helper, Status, offsets};
use enjamb_abi::target::Target;
use enjamb_x64::{Op, Reg};

/// The registers of the record, as [`enjamb_abi::activation`] has them, from the top down.
fn saved() -> impl DoubleEndedIterator<Item = Reg> {
    let record = Target::X86_64.activation_record();
    record.ints.iter().map(|&(number, _)| Reg::gpr(number))
}

/// Pushes an activation record of a function whose first argument is the context block, and pins
/// that.
pub(super) fn enter_activation(stub: &mut Stub) {
    stub.push(Reg::RBP);
    stub.copy(Reg::RBP, Reg::RSP);
    for register in saved() {
        stub.push(register);
    }
    stub.copy(CONTEXT, Reg::RDI);
    stub.op(Op::Push64M, &[context(offsets::ACTIVATION)]);
    stub.store(context(offsets::ACTIVATION), Reg::RSP);
}

/// Pops the activation record at the stack pointer and returns a status to the host.
pub(super) fn leave_activation(stub: &mut Stub, status: Status) {
    stub.constant(Reg::RAX, status as u64);
    stub.op(Op::Pop64M, &[context(offsets::ACTIVATION)]);
    for register in saved().rev() {
        stub.pop(register);
    }
    stub.pop(Reg::RBP);
    stub.op(Op::Ret, &[]);
}

/// Leaves the innermost activation from anywhere in it. Since records nest, activations of the
/// host in between are never cut off: each has its own.
pub(super) fn leave_to_host(stub: &mut Stub, status: Status) {
    stub.load(Reg::RSP, context(offsets::ACTIVATION));
    leave_activation(stub, status);
}

/// The landing: keeps the key of the trap table, lets the runtime look at the frames while they are
/// there, then leaves. A trap may come from anywhere, so the stack is aligned here.
pub(super) fn landing(stub: &mut Stub) {
    stub.op(Op::Pop64M, &[context(offsets::TRAP_PC)]);
    stub.store(context(offsets::TRAP_FP), Reg::RBP);
    stub.immediate(Op::And64MI, Reg::RSP.into(), -16);
    stub.copy(Reg::RDI, CONTEXT);
    stub.op(Op::CallM, &[context(Helper::Trapped.offset())]);
    leave_to_host(stub, Status::Trapped);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runtime_is_called_with_an_aligned_stack_wherever_the_trap_comes_from() {
        let mut stub = Stub::new(false);
        stub.assembler.keep_listing();
        landing(&mut stub);
        let listing = stub.assembler.finish().unwrap().listing().to_string();
        let place = |text: &str| listing.find(text).unwrap_or_else(|| panic!("{listing}"));
        assert!(place("and rsp, -16") < place("call "), "{listing}");
    }
}
