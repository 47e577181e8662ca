//! What an activation record keeps of the host, for those who look at it from outside.
//!
//! Entry trampolines and the dispatcher push the record; resumption stubs run in its frame. Its
//! frame pointer links it to the host's frames, as that of a compiled function does, so a debugger
//! that knows where the rest of the host's registers are can walk from compiled code into the host.

use crate::target::Target;

/// Where an activation record keeps the registers of the host.
#[derive(Clone, Copy, Debug)]
pub struct ActivationRecord {
    /// Integer registers: the hardware number and the offset from the record's frame pointer.
    pub ints: &'static [(u8, i32)],
    /// Float registers, of which the lower 64 bits are kept.
    pub floats: &'static [(u8, i32)],
    /// From the frame pointer up to the host's stack pointer before the call, in bytes.
    pub above: i32,
}

const X86_64: ActivationRecord = ActivationRecord {
    ints: &[(3, -8), (12, -16), (13, -24), (14, -32), (15, -40)],
    floats: &[],
    above: 16,
};

const AARCH64: ActivationRecord = ActivationRecord {
    ints: &[
        (19, 16),
        (20, 24),
        (21, 32),
        (22, 40),
        (23, 48),
        (24, 56),
        (25, 64),
        (26, 72),
        (27, 80),
        (28, 88),
    ],
    floats: &[
        (8, 96),
        (9, 104),
        (10, 112),
        (11, 120),
        (12, 128),
        (13, 136),
        (14, 144),
        (15, 152),
    ],
    above: 176,
};

impl Target {
    /// The layout of activation records.
    pub const fn activation_record(self) -> &'static ActivationRecord {
        match self {
            Target::X86_64 => &X86_64,
            Target::Aarch64 => &AARCH64,
        }
    }
}
