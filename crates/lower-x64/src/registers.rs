//! Which machine registers the allocator may use, and how its names map to the assembler's.

use enjamb_abi::convention::{Location, X86_64};
use enjamb_regalloc::{PReg, PRegSet, RegClass, RegisterFile};
use enjamb_x64::Reg;

/// The pinned pointer to the context block.
pub(crate) const CONTEXT: Reg = Reg::gpr(X86_64.context);
/// The hidden continuation, in and out.
pub(crate) const CONTINUATION: Reg = Reg::gpr(X86_64.continuation);
/// Belongs to stubs between two functions; the allocator uses it within one.
pub(crate) const SCRATCH: Reg = Reg::R11;

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

/// The register of a location by convention; `None` for a stack word.
pub(crate) fn register_of(location: Location) -> Option<Reg> {
    match location {
        Location::Int(number) => Some(Reg::gpr(number)),
        Location::Float(number) => Some(Reg::xmm(number)),
        Location::Stack(_) => None,
    }
}

fn is_allocatable(register: Reg) -> bool {
    ![Reg::RSP, Reg::RBP, CONTEXT].contains(&register)
}

fn is_callee_saved(register: Reg) -> bool {
    register.is_gpr() && X86_64.callee_saved.contains(&register.encoding())
}

fn allocatable() -> impl Iterator<Item = Reg> {
    (0..Reg::COUNT)
        .map(Reg)
        .filter(|&register| is_allocatable(register))
}

/// The registers of the convention as the allocator wants them.
pub(crate) fn register_file() -> RegisterFile {
    let (saved, free): (Vec<Reg>, Vec<Reg>) = allocatable().partition(|&r| is_callee_saved(r));
    RegisterFile::new(free.into_iter().map(preg), saved.into_iter().map(preg))
}

/// What a call leaves undefined, results excluded.
pub(crate) fn call_clobbers() -> PRegSet {
    let mut set = PRegSet::empty();
    for register in allocatable().filter(|&register| !is_callee_saved(register)) {
        set.add(preg(register));
    }
    set
}
