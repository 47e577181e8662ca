//! Which machine registers the allocator may use, and how its names map to the assembler's.

use enjamb_abi::convention::X86_64;
use enjamb_lower::Registers;
use enjamb_regalloc::{PReg, RegClass};
use enjamb_x64::Reg;

/// The pinned pointer to the context block.
pub(crate) const CONTEXT: Reg = Reg::gpr(X86_64.context);
/// The hidden continuation, in and out.
pub(crate) const CONTINUATION: Reg = Reg::gpr(X86_64.continuation);
/// Belongs to stubs between two functions; the allocator uses it within one.
pub(crate) const SCRATCH: Reg = Reg::R11;
/// Holds the address of the callee at an indirect call: no argument is there, and a call overwrites
/// it in any case.
pub(crate) const CALLEE: Reg = SCRATCH;
/// The same for a tail call, which needs the scratch register itself.
pub(crate) const TAIL_CALLEE: Reg = Reg::RAX;
/// Where an allocation leaves the object, and a function that suspends has it.
pub(crate) const ALLOCATED: Reg = Reg::RAX;

/// Where a function that suspends has the address of the point's record.
pub(crate) const POINT: Reg = Reg::RCX;

/// The registers of the target.
pub(crate) const REGISTERS: Registers = Registers {
    convention: &X86_64,
    ints: 16,
    floats: 16,
    reserved: &[Reg::RSP.encoding(), Reg::RBP.encoding(), CONTEXT.encoding()],
    frame_pointer: Reg::RBP.encoding(),
    callee: preg(CALLEE),
    tail_callee: preg(TAIL_CALLEE),
    allocated: preg(ALLOCATED),
    allocation_clobbers: &[preg(SCRATCH)],
    point: preg(POINT),
};

/// The allocator's name of a register.
pub(crate) const fn preg(register: Reg) -> PReg {
    let class = if register.is_gpr() {
        RegClass::Int
    } else {
        RegClass::Float
    };
    PReg::new(register.encoding() as usize, class)
}

/// The assembler's name of a register.
pub(crate) fn reg(preg: PReg) -> Reg {
    match preg.class() {
        RegClass::Int => Reg::gpr(preg.hw_enc() as u8),
        RegClass::Float | RegClass::Vector => Reg::xmm(preg.hw_enc() as u8),
    }
}
