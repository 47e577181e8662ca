//! The table of targets: what making code for one takes.

use bumpalo::Bump;
use enjamb_abi::code::{Code, CodeOptions, RelocationKind, Symbol};
use enjamb_abi::context::InstanceLayout;
use enjamb_abi::target::Target;
use enjamb_ir::{FuncId, Module};
use enjamb_lower::{LowerError, LoweredFunction};
use enjamb_regalloc::Allocator;
use {enjamb_lower_aarch64 as aarch64, enjamb_lower_x64 as x64};

type LowerFunction = fn(
    &Module,
    &InstanceLayout,
    FuncId,
    &CodeOptions,
    &mut Allocator,
    &Bump,
    bool,
) -> Result<LoweredFunction, LowerError>;
type EmitStub = fn(&Symbol, &Module, &InstanceLayout, &CodeOptions) -> Result<Code, LowerError>;
type ApplyRelocation = fn(RelocationKind, &mut [u8], u32, u64, i64) -> Result<(), LowerError>;

/// What making code for a target takes.
pub(crate) struct Backend {
    pub(crate) lower_function: LowerFunction,
    pub(crate) emit_stub: EmitStub,
    pub(crate) apply_relocation: ApplyRelocation,
    /// What stands between pieces of code: an instruction that traps if it is ever run, over and
    /// over, from a multiple of four on.
    pub(crate) padding: [u8; 4],
    /// The most bytes of code in which each piece reaches every other.
    pub(crate) largest: usize,
}

/// The row of a target.
pub(crate) fn backend(target: Target) -> Backend {
    match target {
        Target::X86_64 => Backend {
            lower_function: x64::lower_function,
            emit_stub: x64::emit_stub,
            apply_relocation: x64::apply_relocation,
            // int3
            padding: [0xcc; 4],
            largest: i32::MAX as usize,
        },
        Target::Aarch64 => Backend {
            lower_function: aarch64::lower_function,
            emit_stub: aarch64::emit_stub,
            apply_relocation: aarch64::apply_relocation,
            // brk #0
            padding: 0xd420_0000_u32.to_le_bytes(),
            largest: 1 << 27,
        },
    }
}
