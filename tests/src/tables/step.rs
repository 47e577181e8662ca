//! What a machine instruction does that concerns an unwinder, whatever the target.

/// A set of integer registers by hardware number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Registers(pub(super) u32);

impl Registers {
    pub(super) fn has(self, register: u8) -> bool {
        self.0 >> register & 1 != 0
    }

    pub(super) fn add(&mut self, register: u8) {
        self.0 |= 1 << register;
    }
}

/// Where control goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// To the next instruction.
    Next,
    /// To an offset in the code.
    Jump(u32),
    /// To an offset in the code, or to the next instruction.
    Branch(u32),
    /// Into a function or stub, at this offset in the code if that is known, and back.
    Call(Option<u32>),
    /// To an address in a register.
    Indirect,
    /// To the caller.
    Return,
    /// Nowhere.
    Stop,
}

/// A place in memory: so many bytes from where a register points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) base: u8,
    pub(super) offset: i32,
}

/// An access to memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// All of a register is stored.
    Save(u8, Place),
    /// All of a register is loaded.
    Restore(u8, Place),
    /// So many bytes are written.
    Write(Place, u32),
}

/// A decoded instruction.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// The offset in the code of the next one.
    pub(super) end: u32,
    pub(super) flow: Flow,
    pub(super) accesses: Vec<Access>,
    /// The registers that are written.
    pub(super) written: Registers,
    /// A register that is made to point at a place.
    pub(super) address: Option<(u8, Place)>,
    /// An offset in the code that a register is made to point at.
    pub(super) label: Option<u32>,
    /// Whether the return address is signed or, if not, checked.
    pub(super) signs: Option<bool>,
}

impl Step {
    /// By how much a register goes down, if by a constant.
    pub(super) fn down(&self, register: u8) -> i32 {
        match self.address {
            Some((moved, place)) if moved == register && place.base == register => -place.offset,
            _ => 0,
        }
    }
}

/// The frame pointer of a caller stands where a frame pointer points, the return address above it, and there the caller's part
/// of the stack ends.
pub(super) const FRAME_RECORD: i32 = 16;
/// Where the return address stands.
pub(super) const RETURN_ADDRESS: i32 = 8;

/// The registers of a target that frames are reached by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pointers {
    /// The frame pointer.
    pub(super) frame: u8,
    /// The stack pointer, by a number that no other register has.
    pub(super) stack: u8,
    /// Where the return address is when a function has just been called. If that is on the stack, it is in no register and
    /// has a number of its own.
    pub(super) link: u8,
    /// How far above the frame pointer the stack pointer is when a function has just been called.
    pub(super) called: i32,
}
