//! The context block of an instance: what the pinned register points at.
//!
//! ```text
//!   0  fixed part: [`Context`]
//!   …  module part, laid out by [`InstanceLayout`]:
//!      memories    { base, length in bytes }   16 bytes each
//!      tables      { entries, length }         16 bytes each
//!      functions   [`FunctionCell`]            16 bytes each; a `funcref` is the address of one
//!      globals                                 16 bytes for a vector, else 8
//!      signatures  number of the engine         4 bytes each
//! ```
//!
//! Compiled code addresses all of it by constant offsets, so it is the same for every instance of
//! a module and holds no absolute address.

use crate::continuation::{ContinuationHeader, FREE_LISTS, WORD};
use crate::heap::Window;
use crate::object::ObjectLayout;
use crate::unwind::EXCEPTION_WORDS;
use enjamb_ir::hash::KeyedIndexMap;
use enjamb_ir::{
    DataId, Entity, FuncId, GlobalId, MemoryId, Module, ObjectTypeId, Signature, TableId,
};
use std::mem::offset_of;

/// Services of the runtime that emitted code calls. Each is an `extern "C"` function
/// `(context, index, buffer) -> Status`; arguments stand in the buffer as words, and results
/// replace them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Helper {
    /// Calls imported function number `index`.
    HostCall,
    /// Starts a task that runs function number `index`; the result is the task.
    Spawn,
    /// Waits for a task; `index` is the number of the join signature in the instance layout.
    Join,
    /// Detaches a task.
    Detach,
    /// Asks whether a task has finished.
    IsDone,
    /// Asks for the results of a task; `index` is the number of the join signature in the instance layout,
    /// and the first result whether it has finished.
    TaskTryResult,
    /// Grows memory number `index`.
    MemoryGrow,
    /// Copies between memories; `index` is `to << 32 | from`.
    MemoryCopy,
    /// Fills memory number `index`.
    MemoryFill,
    /// Copies from a data segment; `index` is `memory << 32 | segment`.
    MemoryInit,
    /// Decides whether a leaf suspends: buffer in: 1 if it would by itself; out: 1 if it does.
    LeafDecision,
    /// Allocates a continuation of `index` bytes; the buffer is the callee's continuation. The
    /// status is the address, or 0 after the chain that ends with the callee's has been freed.
    Allocate,
    /// Searches the handler of an exception; `index` is a [`crate::code::Throw`], the buffer a
    /// [`crate::unwind::Unwinding`]. Finished: it is found; thrown: the activation has none.
    Unwind,
    /// Keeps the trace of a trap, before the landing cuts the stack; no index, no buffer.
    Trapped,
    /// Makes an object of type number `index`; the result is the reference.
    NewObject,
    /// Makes an array of type number `index`; parameter: the length, result: the reference.
    NewArray,
    /// Copies between arrays of type number `index`; parameters: to, index there, from, index there,
    /// how many. Checks references, types and bounds itself.
    ArrayCopy,
    /// Tells the heap that into an object, the first parameter, a reference was written, the second.
    /// Called if [`CodeOptions::write_barrier`](crate::code::CodeOptions::write_barrier) is set.
    Wrote,
    /// Cancels a task.
    Cancel,
}

impl Helper {
    /// Every helper, in order of their table.
    pub const ALL: [Helper; 19] = [
        Helper::HostCall,
        Helper::Spawn,
        Helper::Join,
        Helper::Detach,
        Helper::IsDone,
        Helper::TaskTryResult,
        Helper::MemoryGrow,
        Helper::MemoryCopy,
        Helper::MemoryFill,
        Helper::MemoryInit,
        Helper::LeafDecision,
        Helper::Allocate,
        Helper::Unwind,
        Helper::Trapped,
        Helper::NewObject,
        Helper::NewArray,
        Helper::ArrayCopy,
        Helper::Wrote,
        Helper::Cancel,
    ];

    /// Offset of its address in the context block.
    pub const fn offset(self) -> u32 {
        offset_of!(Context, helpers) as u32 + self as u32 * 8
    }

    /// Whether it may answer [`Status::Thrown`] to a stub that looks like a compiled function.
    pub const fn can_throw(self) -> bool {
        matches!(
            self,
            Helper::HostCall | Helper::Join | Helper::TaskTryResult
        )
    }
}

/// What a helper, an entry trampoline and the dispatcher return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Status {
    /// Finished: results are valid.
    Finished = 0,
    /// Suspended: the wait is described in the context block.
    Suspended = 1,
    /// Trapped: the reason is in the context block.
    Trapped = 2,
    /// Threw: a helper leaves the exception in the context block; after an entry or the dispatcher
    /// nobody in that activation had a handler.
    Thrown = 3,
}

/// How the emitted `yield` leaf decides, in [`Context::leaf_mode`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum LeafMode {
    /// Never suspend.
    Never = 0,
    /// Suspend.
    Always = 1,
    /// Ask [`Helper::LeafDecision`].
    Ask = 2,
}

/// Counters that code compiled with counting on keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Counter {
    /// Leaves that suspended.
    Suspensions,
    /// Suspension blocks that ran.
    FramesSuspended,
    /// Activations that the dispatcher resumed.
    Resumptions,
}

impl Counter {
    /// Number of counters.
    pub const COUNT: usize = 3;
    /// Offset of the counter in the context block.
    pub const fn offset(self) -> u32 {
        offset_of!(Context, counters) as u32 + self as u32 * 8
    }
}

/// The fixed part of the context block.
#[repr(C, align(16))]
#[derive(Debug)]
pub struct Context {
    /// What a leaf returns when it suspends; the first caller's link store writes the head of the
    /// chain into `sentinel.next`.
    pub sentinel: ContinuationHeader,
    /// How many times the dispatcher may resume at once what has just suspended, because nothing
    /// else could run between. A helper that lets a task wait for more than its turn sets it to 0.
    pub fast_resumes: u64,
    /// How the `yield` leaf decides: a [`LeafMode`].
    pub leaf_mode: u64,
    /// Lowest stack address that compiled code may use.
    pub stack_limit: u64,
    /// Fuel that is left; below zero it is a debt.
    pub fuel: i64,
    /// Stack address of the innermost activation record, see [`crate::convention`].
    pub activation: u64,
    /// The continuation whose activation runs, for cleaning up after a trap.
    pub current: u64,
    /// What an entry trampoline got as the hidden result, or the dispatcher's new head.
    pub suspended: u64,
    /// Return address of the call of the trap landing: the key of the trap table.
    pub trap_pc: u64,
    /// Frame pointer at the trap.
    pub trap_fp: u64,
    /// A trap code plus one that a helper sets before it returns [`Status::Trapped`]; 0 for traps
    /// of compiled code.
    pub trap_code: u64,
    /// The exception that a helper raises or that has left an activation.
    pub exception: [u64; EXCEPTION_WORDS],
    /// Frame pointer of the innermost frame that called the host.
    pub exit_fp: u64,
    /// Memory from which compiled code takes objects.
    pub window: Window,
    /// The context word of the task that runs; between calls, that of the next one from the host.
    pub task_word: u64,
    /// Pointer of the runtime to its own instance.
    pub host: u64,
    /// Addresses of the helpers.
    pub helpers: [u64; Helper::ALL.len()],
    /// Counters.
    pub counters: [u64; Counter::COUNT],
    /// Free continuations by size class.
    pub free_lists: [u64; FREE_LISTS],
}

/// Offsets of the fields of [`Context`] that emitted code uses.
pub mod offsets {
    use super::Context;
    use std::mem::offset_of;
    macro_rules! offsets {
        ($($(#[$doc:meta])* $name:ident = $field:ident;)*) => {
            $($(#[$doc])* pub const $name: u32 = offset_of!(Context, $field) as u32;)*
        };
    }
    offsets! {
        /// The sentinel.
        SENTINEL = sentinel;
        /// Suspensions that may be resumed at once.
        FAST_RESUMES = fast_resumes;
        /// How `yield` decides.
        LEAF_MODE = leaf_mode;
        /// Lowest stack address.
        STACK_LIMIT = stack_limit;
        /// Fuel that is left.
        FUEL = fuel;
        /// Innermost activation record.
        ACTIVATION = activation;
        /// Running continuation.
        CURRENT = current;
        /// Hidden result of an entry, or new head.
        SUSPENDED = suspended;
        /// Return address at a trap.
        TRAP_PC = trap_pc;
        /// Frame pointer at a trap.
        TRAP_FP = trap_fp;
        /// Trap code of a helper, plus one.
        TRAP_CODE = trap_code;
        /// Exception of a helper, or of an activation.
        EXCEPTION = exception;
        /// Frame pointer at a host call.
        EXIT_FP = exit_fp;
        /// Context word of the running task.
        TASK_WORD = task_word;
        /// Free lists.
        FREE_LISTS = free_lists;
    }
    /// Address of the next object of the heap.
    pub const HEAP_NEXT: u32 =
        (offset_of!(Context, window) + offset_of!(super::Window, next)) as u32;
    /// End of the memory for objects.
    pub const HEAP_LIMIT: u32 =
        (offset_of!(Context, window) + offset_of!(super::Window, limit)) as u32;
    /// First byte of the module part.
    pub const MODULE_PART: u32 = (std::mem::size_of::<Context>() as u32).next_multiple_of(16);
}

/// Offset in the context block of the free list for objects of `size` bytes.
pub const fn free_list_offset(size: u32) -> u32 {
    offsets::FREE_LISTS + crate::continuation::free_list_index(size) as u32 * 8
}

/// A function as a `funcref` sees it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct FunctionCell {
    /// Address of its code.
    pub code: u64,
    /// Number of its signature in the engine.
    pub signature: u32,
    /// Its number in the module.
    pub function: u32,
}

/// Offset of the code address in a [`FunctionCell`].
pub const CELL_CODE: u32 = offset_of!(FunctionCell, code) as u32;
/// Offset of the signature number in a [`FunctionCell`].
pub const CELL_SIGNATURE: u32 = offset_of!(FunctionCell, signature) as u32;

/// A memory or table as compiled code sees it: address of the first byte or entry, and length in
/// bytes or entries.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// Address of the first byte or entry.
    pub base: u64,
    /// Length in bytes (memory) or entries (table).
    pub length: u64,
}

/// Offset of the length in a [`Span`].
pub const SPAN_LENGTH: u32 = offset_of!(Span, length) as u32;

/// Where things of a module stand in the context block of its instances.
#[derive(Clone, Debug)]
pub struct InstanceLayout {
    memories: u32,
    tables: u32,
    functions: u32,
    globals: Vec<u32>,
    signature_cells: u32,
    signatures: KeyedIndexMap<Signature, ()>,
    /// How many of them have a cell of their own.
    own_cells: usize,
    objects: Vec<ObjectLayout>,
    size: u32,
}

impl InstanceLayout {
    /// Lays out the module part. Signatures are those that bodies name, each once, in order of
    /// appearance.
    pub fn new(module: &Module) -> Self {
        let mut signatures = KeyedIndexMap::default();
        add_signatures(&mut signatures, module);
        let cells = signatures.len();
        Self::with_signatures(module, signatures, cells)
    }

    /// The same if functions of the module may be replaced. The signatures of all functions are among
    /// those that have cells. So one that a later body names without having a cell is that of no function,
    /// and one cell, behind the others, stands for all of these.
    pub fn replaceable(module: &Module) -> Self {
        let declared = module.functions.values();
        let mut signatures = declared
            .map(|function| (function.signature().clone(), ()))
            .collect();
        add_signatures(&mut signatures, module);
        let cells = signatures.len() + 1;
        Self::with_signatures(module, signatures, cells)
    }

    /// This layout of a module with replaceable functions, for code of another one that has the same
    /// declarations. Signatures that only that one names are added.
    pub fn extended(&self, module: &Module) -> Self {
        let mut layout = self.clone();
        add_signatures(&mut layout.signatures, module);
        layout
    }

    /// Whether code that was made for another layout, of a module with the same declarations, finds
    /// everything where this one has it.
    pub fn fits(&self, other: &InstanceLayout) -> bool {
        let count = other.signatures.len();
        count <= self.own_cells
            && self
                .signatures
                .keys()
                .take(count)
                .eq(other.signatures.keys())
    }

    /// Whether this layout has what another one has in the same places, and maybe more signatures.
    pub fn extends(&self, other: &InstanceLayout) -> bool {
        let count = other.signatures.len();
        self.own_cells == other.own_cells
            && count <= self.signatures.len()
            && self
                .signatures
                .keys()
                .take(count)
                .eq(other.signatures.keys())
    }

    fn with_signatures(
        module: &Module,
        signatures: KeyedIndexMap<Signature, ()>,
        cells: usize,
    ) -> Self {
        let memories = offsets::MODULE_PART;
        let tables = memories + module.memories.len() as u32 * 16;
        let functions = tables + module.tables.len() as u32 * 16;
        let mut signature_cells = functions + module.functions.len() as u32 * 16;
        let globals = module.globals.values().map(|global| {
            let offset = signature_cells;
            signature_cells += global.ty.words() as u32 * WORD;
            offset
        });
        let globals = globals.collect();
        let end = signature_cells + cells as u32 * 4;
        let size = end.next_multiple_of(16);
        let objects = module.object_types.values();
        let objects = objects.map(|ty| ObjectLayout::of(&ty.shape)).collect();
        InstanceLayout {
            memories,
            tables,
            functions,
            globals,
            signature_cells,
            own_cells: signatures.len(),
            signatures,
            objects,
            size,
        }
    }

    /// Offset of the [`Span`] of a memory.
    pub fn memory(&self, memory: MemoryId) -> u32 {
        self.memories + memory.index() as u32 * 16
    }
    /// Offset of the [`Span`] of a table.
    pub fn table(&self, table: TableId) -> u32 {
        self.tables + table.index() as u32 * 16
    }
    /// Offset of the [`FunctionCell`] of a function.
    pub fn function(&self, function: FuncId) -> u32 {
        self.functions + function.index() as u32 * 16
    }
    /// Offset of a global variable.
    pub fn global(&self, global: GlobalId) -> u32 {
        self.globals[global.index()]
    }
    /// Offset of the cell that holds the engine's number of a signature, if a body names it.
    pub fn signature(&self, signature: &Signature) -> Option<u32> {
        let index = self.signature_index(signature)?;
        Some(self.signature_cells + index.min(self.own_cells as u32) * 4)
    }
    /// Offset of the cell of all signatures that no function has, if functions may be replaced.
    pub fn other_signatures(&self) -> u32 {
        self.signature_cells + self.own_cells as u32 * 4
    }
    /// The signature of a number among those that bodies name.
    pub fn signature_of_index(&self, index: usize) -> Option<&Signature> {
        self.signatures
            .get_index(index)
            .map(|(signature, ())| signature)
    }
    /// Number of a signature among those that bodies name.
    pub fn signature_index(&self, signature: &Signature) -> Option<u32> {
        self.signatures
            .get_index_of(signature)
            .map(|index| index as u32)
    }
    /// The signatures that bodies name, in order of their cells.
    pub fn signatures(&self) -> impl ExactSizeIterator<Item = &Signature> {
        self.signatures.keys()
    }
    /// The layout of the objects of a type.
    pub fn object(&self, ty: ObjectTypeId) -> &ObjectLayout {
        &self.objects[ty.index()]
    }
    /// The layouts of all objects, by number of their type.
    pub fn objects(&self) -> &[ObjectLayout] {
        &self.objects
    }
    /// Size of the whole context block in bytes.
    pub fn size(&self) -> u32 {
        self.size
    }
}

fn add_signatures(signatures: &mut KeyedIndexMap<Signature, ()>, module: &Module) {
    for (_, body) in module.bodies() {
        for signature in body.signatures.values() {
            if !signatures.contains_key(signature) {
                signatures.insert(signature.clone(), ());
            }
        }
    }
}

/// The `index` operand of [`Helper::MemoryCopy`] and [`Helper::MemoryInit`].
pub fn pair_index(to: MemoryId, from: u32) -> u64 {
    (to.index() as u64) << 32 | u64::from(from)
}

/// The segment as the second half of [`pair_index`].
pub fn data_index(data: DataId) -> u32 {
    data.index() as u32
}
