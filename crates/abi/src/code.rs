//! Code on its way from the lowering to the runtime, and the tables that go with it.

use enjamb_ir::{FuncId, Inst, PointId, Signature, SourcePos, TrapCode};

use crate::context::Helper;
use crate::convention::ResumeShape;

/// A piece of emitted code that other code refers to before its place is known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Symbol {
    /// The code of a function that the module defines, or the import stub of an imported one.
    Function(FuncId),
    /// The static record of a suspension point.
    Point(FuncId, PointId),
    /// A stub that calls a helper of the runtime as if it were a compiled function.
    Service(Service),
    /// Cuts the stack back to the innermost activation record; called, never returns.
    TrapLanding,
    /// Throws the exception in the registers of the convention; called, never returns. See
    /// [`crate::unwind`].
    Throw(Throw),
    /// Gets a continuation of this many bytes, from its free list or from [`Helper::Allocate`]. The
    /// callee's continuation is in the register for that; everything but the register of the result
    /// and the scratch registers of the target is preserved. Without memory the callee's chain is
    /// freed, and the call itself traps.
    NewContinuation(u32),
    /// Calls [`Helper::NewObject`] or [`Helper::NewArray`] for the type of this number, preserving
    /// every register but that of the result and the scratch registers of the target. The length of an
    /// array comes in the first of these. Without an object the call itself traps, for the reason that the
    /// helper has given.
    NewSlow(Helper, u32),
    /// The dispatcher: an `extern "C"` function `(context, head) -> Status`.
    Dispatcher,
    /// The part of the dispatcher that resumes functions of one shape.
    Resume(ResumeShape),
    /// The record of the continuation at the end of every chain, owned by a task.
    RootRecord,
    /// An `extern "C"` function `(context, code, buffer) -> Status` that calls compiled code of
    /// this signature; arguments stand in the buffer as words, and results replace them.
    Entry(Signature),
}

/// Whether an exception is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u64)]
pub enum Throw {
    /// It is: its trace begins here.
    New,
    /// It goes on outwards: what is known of it stays known.
    Again,
}

/// A call of the runtime that looks like a call of a compiled function.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Service {
    /// The helper that is called.
    pub helper: Helper,
    /// Its `index` argument.
    pub index: u64,
    /// Parameters and results; async if the helper may answer that it suspends.
    pub signature: Signature,
}

/// How the place of a relocation is filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelocationKind {
    /// 32 bits: target + addend - address of the place. Both are in the same piece of code.
    Relative32,
    /// The lower 26 bits of an AArch64 branch: (target + addend - address of the place) / 4.
    Branch26,
    /// The 21 bits of an AArch64 `adrp`: the 4096-byte page of target + addend minus that of the
    /// place. Code is loaded at a page boundary, so offsets in it tell both.
    Page21,
    /// The 12 bits of an AArch64 `add`: target + addend within its page.
    PageOffset12,
    /// 64 bits: the address of the target + addend.
    Absolute64,
}

/// A place in code that depends on where a symbol ends up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relocation {
    /// Offset of the place from the start of its code, in bytes.
    pub offset: u32,
    /// How it is filled in.
    pub kind: RelocationKind,
    /// What it refers to.
    pub symbol: Symbol,
    /// Added to the target.
    pub addend: i64,
}

/// An entry of the trap table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrapSite {
    /// Offset from the start of the code of the return address that identifies the trap.
    pub offset: u32,
    /// Why it traps.
    pub code: TrapCode,
    /// The instruction that traps, in the function that was lowered; none for the prologue.
    pub inst: Option<Inst>,
    /// Its source position.
    pub position: Option<SourcePos>,
}

/// A call at which the heap may be collected while references live in the frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Safepoint {
    /// Return address of the call, as an offset from the start of the code.
    pub offset: u32,
    /// Where the live references are: offsets of root slots from the frame pointer.
    pub slots: Vec<i32>,
}

/// Emitted code of one function or stub.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Code {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Alignment of the first byte, a power of two.
    pub align: u32,
    /// Places that depend on other code.
    pub relocations: Vec<Relocation>,
    /// Trap table, by rising offset.
    pub traps: Vec<TrapSite>,
    /// Return addresses of calls and the instruction each belongs to, by rising offset.
    pub calls: Vec<(u32, Inst)>,
    /// Where the code of each instruction begins, by rising offset; an instruction may have several
    /// stretches. `None` is what belongs to no instruction, as moves between blocks do. The first
    /// entry is the end of the prologue. Empty unless [`CodeOptions::debug_info`] is set.
    pub instructions: Vec<(u32, Option<Inst>)>,
    /// Where an exception that leaves a call lands: the return address of the call and the landing,
    /// by rising return address. Calls without a handler have no entry.
    pub handlers: Vec<(u32, u32)>,
    /// Calls across which references live, by rising offset.
    pub safepoints: Vec<Safepoint>,
    /// Callee-saved registers that the prologue saves: the hardware number, and the offset of the
    /// place from the frame pointer.
    pub saved: Vec<(u8, i32)>,
    /// Size of the frame below the frame pointer, in bytes.
    pub frame_bytes: u32,
}

/// Settings that change what is emitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeOptions {
    /// The slower allocator with better code, or the fast one.
    pub allocator: RegisterAllocator,
    /// Whether code counts suspensions and resumptions.
    pub count: bool,
    /// Whether the register allocation is checked by an independent checker.
    pub check: bool,
    /// Whether code for AArch64 signs return addresses (`paciasp`, `autiasp`) and begins with a
    /// landing pad wherever an indirect branch leads (`bti`). All of these are hints, which
    /// processors without the features ignore. x86-64 code is the same with and without.
    pub branch_protection: bool,
    /// Whether to keep which instruction each stretch of code was made from, for debuggers. The
    /// bytes are the same with and without.
    pub debug_info: bool,
    /// Whether code calls [`Helper::Wrote`] after it has written a reference into an object.
    pub write_barrier: bool,
    /// Whether an activation that was resumed suspends into the object that it came from, where that fits, and
    /// does not store again what has not changed. Without it code is slower and does the same, so that the two
    /// can be compared.
    pub reuse_continuations: bool,
    /// Whether functions can be replaced while they are in use: then calls of functions that the module
    /// defines lead where [`FunctionCell`](crate::context::FunctionCell)s say.
    pub replaceable: bool,
}

/// Which register allocator runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RegisterAllocator {
    /// Backtracking: better code.
    #[default]
    Backtracking,
    /// Single pass: faster compilation.
    SinglePass,
}

impl Default for CodeOptions {
    fn default() -> Self {
        CodeOptions {
            allocator: RegisterAllocator::default(),
            count: false,
            check: cfg!(debug_assertions),
            branch_protection: false,
            debug_info: false,
            write_barrier: false,
            reuse_continuations: true,
            replaceable: false,
        }
    }
}
