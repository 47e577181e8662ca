//! What comes out of compiling a module: one piece of relocatable code and its tables.

use enjamb_abi::code::{CodeOptions, Symbol, TrapSite};
use enjamb_abi::context::InstanceLayout;
use enjamb_abi::target::Target;
use enjamb_ir::hash::KeyedIndexMap;
use enjamb_ir::{FuncId, Inst, Module};
use std::ops::Range;
use std::sync::Arc;

/// A place of 8 bytes that gets the address of the code plus `target` when the code is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AbsoluteAddress {
    /// Offset of the place in the code.
    pub place: u32,
    /// Offset in the code of what the place points at.
    pub target: u32,
}

/// Where the code of a function ended up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionRange {
    /// The function.
    pub function: FuncId,
    /// Offset of its first byte.
    pub start: u32,
    /// Offset behind its last byte.
    pub end: u32,
    /// Size of its frame below the frame pointer, in bytes.
    pub frame_bytes: u32,
    /// Callee-saved registers that its frame keeps: the index in
    /// [`Convention::callee_saved`](enjamb_abi::convention::Convention::callee_saved), and the
    /// offset from the frame pointer.
    pub saved: Vec<(u8, i32)>,
    /// Which of the module's handlers are in it.
    pub handlers: Range<u32>,
}

/// An entry of the module's table of handlers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModuleHandler {
    /// Offset in the code of the return address of a call.
    pub offset: u32,
    /// Offset in the code of where an exception that leaves the call lands.
    pub landing: u32,
}

/// An entry of the module's trap table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModuleTrap {
    /// Offset in the code of the return address that identifies the trap.
    pub offset: u32,
    /// The function that traps; `None` in a stub.
    pub function: Option<FuncId>,
    /// Reason and instruction, the latter in [`CompiledModule::transformed`]. Its own offset counts
    /// from the start of the function.
    pub site: TrapSite,
}

/// An entry of the module's table of calls: which instruction a return address belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModuleCall {
    /// Offset in the code of the return address.
    pub offset: u32,
    /// The function that calls.
    pub function: FuncId,
    /// The call, in [`CompiledModule::transformed`].
    pub inst: Inst,
}

/// An entry of the module's table of safepoints: a call at which the heap may be collected while
/// references live in the frame of the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModuleSafepoint {
    /// Offset in the code of the return address.
    pub offset: u32,
    /// The first of its entries in [`CompiledModule::root_slots`].
    pub first: u32,
    /// How many it has there, at least one.
    pub count: u32,
}

/// An entry of the module's table of instructions: what a stretch of code was made from, up to the
/// next entry or the end of the function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModuleInst {
    /// Offset of its first byte.
    pub offset: u32,
    /// The instruction, in [`CompiledModule::transformed`], of the function whose code it is.
    pub inst: Option<Inst>,
}

/// How long the steps of a compilation took, in nanoseconds, and how much they made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CompileStats {
    /// The passes on the IR.
    pub transform_ns: u64,
    /// Lowering, register allocation and emission.
    pub lower_ns: u64,
    /// Stubs and linking.
    pub link_ns: u64,
    /// Instructions of the IR before the passes.
    pub instructions: u64,
}

/// A compiled module.
///
/// `bytes` may be loaded at any address that is a multiple of 4096, by as many loaders as like;
/// nothing in it belongs to an instance.
#[derive(Clone, Debug)]
pub struct CompiledModule {
    /// The machine that the code is for.
    pub target: Target,
    /// What it was made with.
    pub options: CodeOptions,
    /// The module as it was given.
    pub source: Arc<Module>,
    /// The module after all passes: what the code was made from.
    pub transformed: Arc<Module>,
    /// Where things of the module stand in the context block.
    pub layout: InstanceLayout,
    /// Machine code and read-only records.
    pub bytes: Vec<u8>,
    /// Places that need the address of the code, by rising place.
    pub absolute: Vec<AbsoluteAddress>,
    /// Where every symbol ended up.
    pub symbols: KeyedIndexMap<Symbol, u32>,
    /// Functions that the module defines, by rising start.
    pub functions: Vec<FunctionRange>,
    /// Trap table, by rising offset.
    pub traps: Vec<ModuleTrap>,
    /// Table of calls, by rising offset.
    pub calls: Vec<ModuleCall>,
    /// Table of instructions, by rising offset; empty unless it was asked for
    /// ([`CodeOptions::debug_info`](enjamb_abi::code::CodeOptions)).
    pub instructions: Vec<ModuleInst>,
    /// Handlers of exceptions, by rising offset.
    pub handlers: Vec<ModuleHandler>,
    /// Table of safepoints, by rising offset.
    pub safepoints: Vec<ModuleSafepoint>,
    /// Where live references are at safepoints: offsets from the frame pointer of the caller.
    pub root_slots: Vec<i32>,
    /// What it took.
    pub stats: CompileStats,
}

impl CompiledModule {
    /// Offset of a symbol in the code, if the module has it. Every function has its
    /// [`Symbol::Function`] and the [`Symbol::Entry`] of its signature; [`Symbol::Dispatcher`] and
    /// [`Symbol::RootRecord`] are always there.
    pub fn offset(&self, symbol: &Symbol) -> Option<u32> {
        self.symbols.get(symbol).copied()
    }

    /// The entry of the trap table for a return address, as an offset in the code.
    pub fn trap_at(&self, offset: u32) -> Option<&ModuleTrap> {
        let index = self
            .traps
            .binary_search_by_key(&offset, |trap| trap.offset)
            .ok()?;
        Some(&self.traps[index])
    }

    /// The call that a return address, as an offset in the code, belongs to.
    pub fn call_at(&self, offset: u32) -> Option<&ModuleCall> {
        let index = self
            .calls
            .binary_search_by_key(&offset, |call| call.offset)
            .ok()?;
        Some(&self.calls[index])
    }

    /// Where references live in the frame of the function whose call has this return address, an offset
    /// in the code: offsets from its frame pointer.
    pub fn roots_at(&self, offset: u32) -> &[i32] {
        let index = self
            .safepoints
            .binary_search_by_key(&offset, |safepoint| safepoint.offset);
        let Ok(index) = index else { return &[] };
        let ModuleSafepoint { first, count, .. } = self.safepoints[index];
        &self.root_slots[first as usize..][..count as usize]
    }

    /// The landing of an exception that leaves the call with this return address, in a function.
    pub fn landing_at(&self, function: &FunctionRange, offset: u32) -> Option<u32> {
        let Range { start, end } = function.handlers;
        let handlers = &self.handlers[start as usize..end as usize];
        let index = handlers.binary_search_by_key(&offset, |handler| handler.offset);
        Some(handlers[index.ok()?].landing)
    }

    /// The function whose code has the call with this return address. A call that never returns may
    /// stand at its very end.
    pub fn function_at(&self, offset: u32) -> Option<&FunctionRange> {
        let place = offset.checked_sub(1)?;
        let after = self.functions.partition_point(|range| range.start <= place);
        let range = &self.functions[after.checked_sub(1)?];
        (place < range.end).then_some(range)
    }
}
