//! The machine registers of a target, by the allocator's names.

use enjamb_abi::convention::{Convention, Location};
use enjamb_ir::Type;
use enjamb_regalloc::{PReg, PRegSet, RegClass, RegisterFile};

/// What a target has of registers, and what it does with them.
#[derive(Clone, Copy, Debug)]
pub struct Registers {
    /// The convention between compiled functions.
    pub convention: &'static Convention,
    /// How many integer registers there are.
    pub ints: u8,
    /// How many float registers there are.
    pub floats: u8,
    /// Integer registers that the allocator never has, by number: context, frame and stack pointer,
    /// and what the target keeps for itself.
    pub reserved: &'static [u8],
    /// The frame pointer, for the text of machine code.
    pub frame_pointer: u8,
    /// Where the address of an indirect call's callee is. The allocator has it, a call overwrites it,
    /// and no argument is there.
    pub callee: PReg,
    /// The same for a call in place of the function, whose saved registers are restored by then.
    pub tail_callee: PReg,
    /// Where what was allocated is: a continuation or an object.
    pub allocated: PReg,
    /// What else an allocation overwrites of the allocator's registers.
    pub allocation_clobbers: &'static [PReg],
    /// Where the address of the point is when a function suspends: neither of the above, nor the register
    /// of continuations.
    pub point: PReg,
}

/// An integer register, by hardware number.
pub const fn int(number: u8) -> PReg {
    PReg::new(number as usize, RegClass::Int)
}

/// A float register, by hardware number.
pub const fn float(number: u8) -> PReg {
    PReg::new(number as usize, RegClass::Float)
}

/// The register class of a type.
pub fn class_of(ty: Type) -> RegClass {
    if ty.in_vector_register() {
        RegClass::Float
    } else {
        RegClass::Int
    }
}

/// The register of a location by convention; `None` for a stack word.
pub fn register_of(location: Location) -> Option<PReg> {
    match location {
        Location::Int(number) => Some(int(number)),
        Location::Float(number) | Location::Vector(number) => Some(float(number)),
        Location::Stack(_) => None,
    }
}

impl Registers {
    /// The pinned pointer to the context block.
    pub const fn context(&self) -> PReg {
        int(self.convention.context)
    }

    /// The hidden continuation, in and out.
    pub const fn continuation(&self) -> PReg {
        int(self.convention.continuation)
    }

    /// The two words of an exception, where it is thrown and where it lands.
    pub fn exception(&self) -> [PReg; 2] {
        self.convention.exception.map(int)
    }

    fn allocatable(&self) -> impl Iterator<Item = PReg> {
        let reserved = self.reserved;
        let ints = (0..self.ints).filter(move |number| !reserved.contains(number));
        ints.map(int).chain((0..self.floats).map(float))
    }

    fn is_callee_saved(&self, register: PReg) -> bool {
        let number = register.hw_enc() as u8;
        register.class() == RegClass::Int && self.convention.callee_saved.contains(&number)
    }

    /// The registers of the convention as the allocator wants them.
    pub fn register_file(&self) -> RegisterFile {
        let (saved, free): (Vec<PReg>, Vec<PReg>) = self
            .allocatable()
            .partition(|&register| self.is_callee_saved(register));
        RegisterFile::new(free, saved)
    }

    /// What a call leaves undefined, results excluded.
    pub fn call_clobbers(&self) -> PRegSet {
        let mut set = PRegSet::empty();
        for register in self
            .allocatable()
            .filter(|&register| !self.is_callee_saved(register))
        {
            set.add(register);
        }
        set
    }
}
