//! The registers that a target lets the allocator use.

use regalloc2::{MachineEnv, PReg, PRegSet, RegClass};

/// The allocatable registers of a target under one calling convention.
///
/// A register that is pinned, reserved or not there is simply not listed. Caller-saved registers are
/// preferred, since using a callee-saved one costs a save and a restore in the prologue and epilogue.
#[derive(Clone, Debug)]
pub struct RegisterFile {
    pub(crate) environment: MachineEnv,
    allocatable: PRegSet,
    callee_saved: PRegSet,
}

impl RegisterFile {
    /// A file of the given registers, of all classes. A register in both lists counts as callee-saved.
    pub fn new(
        caller_saved: impl IntoIterator<Item = PReg>,
        callee_saved: impl IntoIterator<Item = PReg>,
    ) -> RegisterFile {
        let mut preferred = [PRegSet::empty(); 3];
        let mut non_preferred = [PRegSet::empty(); 3];
        for preg in caller_saved {
            preferred[preg.class() as usize].add(preg);
        }
        for preg in callee_saved {
            preferred[preg.class() as usize].remove(preg);
            non_preferred[preg.class() as usize].add(preg);
        }
        let environment = MachineEnv {
            preferred_regs_by_class: preferred,
            non_preferred_regs_by_class: non_preferred,
            scratch_by_class: [None; 3],
            fixed_stack_slots: Vec::new(),
        };
        let allocatable = PRegSet::from(&environment);
        let callee_saved = non_preferred
            .iter()
            .fold(PRegSet::empty(), |all, &set| all | set);
        RegisterFile {
            environment,
            allocatable,
            callee_saved,
        }
    }

    /// The same registers, but the backtracking algorithm gives one of them only to values that have to
    /// be there. While it has not yet placed what a call gives, that register looks like one which the
    /// call preserves, and whatever lives across the call would go there first, to be moved away later.
    pub fn with_fixed_only(mut self, preg: PReg) -> Self {
        self.environment.preferred_regs_by_class[preg.class() as usize].remove(preg);
        self
    }

    /// Every register the allocator may use.
    pub fn allocatable(&self) -> PRegSet {
        self.allocatable
    }

    /// The allocatable registers whose values the caller expects to find again.
    pub fn callee_saved(&self) -> PRegSet {
        self.callee_saved
    }

    /// The allocatable registers of one class.
    pub fn of_class(&self, class: RegClass) -> PRegSet {
        self.environment.preferred_regs_by_class[class as usize]
            | self.environment.non_preferred_regs_by_class[class as usize]
    }
}
