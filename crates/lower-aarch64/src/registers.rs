//! Which machine registers the allocator may use, and how its names map to the assembler's.

use enjamb_aarch64::Reg;
use enjamb_abi::convention::AARCH64;
use enjamb_lower::Registers;
use enjamb_regalloc::{PReg, RegClass};

/// The pinned pointer to the context block.
pub(crate) const CONTEXT: Reg = Reg::gpr(AARCH64.context);
/// The hidden continuation, in and out.
pub(crate) const CONTINUATION: Reg = Reg::gpr(AARCH64.continuation);
/// No value lives in these. Wherever one step becomes several instructions they are free, and they
/// belong to stubs between two functions.
pub(crate) const TEMPORARIES: [Reg; 2] = [Reg::X16, Reg::X17];
/// Holds the address of the callee at an indirect call: no argument is there, and a call
/// overwrites it in any case.
pub(crate) const CALLEE: Reg = Reg::X9;
/// Where the two vectors of a table of bytes are: the instruction asks for neighbours. No argument or
/// result is there.
pub(crate) const TABLE: [Reg; 2] = [Reg::V30, Reg::V31];
/// Where an allocation leaves the object, and a function that suspends has it.
pub(crate) const ALLOCATED: Reg = Reg::X0;

/// Where a function that suspends has the address of the point's record.
pub(crate) const POINT: Reg = Reg::X1;

/// The registers of the target. x18 belongs to the platform.
pub(crate) const REGISTERS: Registers = Registers {
    convention: &AARCH64,
    ints: 31,
    floats: 32,
    reserved: &[16, 17, 18, AARCH64.context, 29, 30],
    frame_pointer: 29,
    callee: preg(CALLEE),
    tail_callee: preg(CALLEE),
    allocated: preg(ALLOCATED),
    allocation_clobbers: &[],
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
        RegClass::Float | RegClass::Vector => Reg::vector(preg.hw_enc() as u8),
    }
}
