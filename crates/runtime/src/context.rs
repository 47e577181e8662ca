//! The context block of an instance, as the runtime reaches it.

use crate::continuations::FreeLists;
use crate::error::Error;
use crate::loaded::LoadedModule;
use crate::memory::LinearMemory;
use enjamb_abi::context::{CELL_CODE, Context, FunctionCell, InstanceLayout, Span};
use enjamb_abi::continuation::{CLASS_STEP, ContinuationHeader, FREE_LISTS, RESULTS};
use enjamb_abi::heap::Window;
use enjamb_abi::memory::Blocks;
use enjamb_ir::{Entity, FuncId, GlobalId, GlobalInit, MemoryId, Module, Type, Val};
use std::alloc::Layout;
use std::ptr::NonNull;
use std::sync::Arc;

/// What is written over dead memory: no address, and no small number.
pub(crate) const POISON_BYTE: u8 = 0x5a;
const POISON: u64 = u64::from_ne_bytes([POISON_BYTE; 8]);

/// A context block: aligned, zero at first, of the size that the layout says.
#[derive(Debug)]
pub(crate) struct ContextBlock {
    block: NonNull<Context>,
    layout: Layout,
    blocks: Arc<dyn Blocks>,
}

impl ContextBlock {
    pub(crate) fn new(
        blocks: &Arc<dyn Blocks>,
        layout: &InstanceLayout,
    ) -> Result<ContextBlock, Error> {
        let size = (layout.size() as usize).max(size_of::<Context>());
        let layout = Layout::from_size_align(size, align_of::<Context>())
            .map_err(|_| Error::Load("the module is too large".to_string()))?;
        let refused = || Error::System(format!("no memory for a context block of {size} bytes"));
        let block = blocks.allocate_zeroed(layout).ok_or_else(refused)?;
        Ok(ContextBlock {
            block: block.cast(),
            layout,
            blocks: Arc::clone(blocks),
        })
    }

    /// Address of the block.
    pub(crate) fn pointer(&self) -> *mut Context {
        self.block.as_ptr()
    }

    /// The fixed part.
    pub(crate) fn fixed(&mut self) -> &mut Context {
        // SAFETY: the block starts with a `Context`, for which zeros are valid, and is borrowed
        // exclusively: compiled code, which also writes it, does not run while that lasts.
        unsafe { self.block.as_mut() }
    }

    /// The memory from which compiled code takes objects.
    pub(crate) fn window(&self) -> Window {
        // SAFETY: as in `fixed`; the field is only read.
        unsafe { (&raw const (*self.block.as_ptr()).window).read() }
    }

    /// The free lists.
    pub(crate) fn free_lists(&mut self) -> &mut FreeLists {
        &mut self.fixed().free_lists
    }

    /// Address of a cell of the module part.
    fn cell<T>(&self, offset: u32) -> *mut T {
        let end = offset as usize + size_of::<T>();
        assert!(end <= self.layout.size(), "cell outside the context block");
        // SAFETY: the cell lies inside the allocation.
        unsafe { self.block.as_ptr().byte_add(offset as usize).cast() }
    }

    fn read<T: Copy>(&self, offset: u32) -> T {
        // SAFETY: cells of the module part are aligned by the layout and initialised, at first to
        // zeros, which are valid for the cell types.
        unsafe { self.cell::<T>(offset).read() }
    }

    fn write<T>(&mut self, offset: u32, value: T) {
        // SAFETY: as in `read`.
        unsafe { self.cell::<T>(offset).write(value) }
    }

    /// Tells compiled code where a memory is, and how large.
    pub(crate) fn set_memory(
        &mut self,
        layout: &InstanceLayout,
        id: MemoryId,
        memory: &LinearMemory,
    ) {
        let (base, length) = (memory.base(), memory.size());
        self.write(layout.memory(id), Span { base, length });
    }

    /// Fills the cells of functions and signatures.
    pub(crate) fn set_functions(&mut self, loaded: &LoadedModule) {
        let layout = &loaded.compiled().layout;
        for (index, entry) in loaded.functions.iter().enumerate() {
            let function = FuncId::from_index(index);
            let cell = FunctionCell {
                code: entry.code,
                signature: entry.signature,
                function: index as u32,
            };
            self.write(layout.function(function), cell);
        }
        if loaded.compiled().options.replaceable {
            self.write(layout.other_signatures(), u32::MAX);
        }
        for (signature, &number) in layout.signatures().zip(&loaded.signature_cells) {
            if let Some(offset) = layout.signature(signature) {
                self.write(offset, number);
            }
        }
    }

    /// The code that calls of a function lead to.
    pub(crate) fn code(&self, layout: &InstanceLayout, function: FuncId) -> u64 {
        self.read(layout.function(function) + CELL_CODE)
    }

    /// Lets calls of a function lead to other code.
    pub(crate) fn set_code(&mut self, layout: &InstanceLayout, function: FuncId, code: u64) {
        self.write(layout.function(function) + CELL_CODE, code);
    }

    /// Fills tables, which are made here, and global variables.
    pub(crate) fn set_tables_and_globals(
        &mut self,
        layout: &InstanceLayout,
        module: &Module,
    ) -> Vec<Vec<u64>> {
        let mut tables = Vec::new();
        for (id, decl) in module.tables.iter() {
            let entries = decl.entries.iter();
            let words = entries.map(|entry| self.function_word(layout, *entry));
            let mut table: Vec<u64> = words.collect();
            let base = table.as_mut_ptr() as u64;
            let length = table.len() as u64;
            self.write(layout.table(id), Span { base, length });
            tables.push(table);
        }
        for (id, decl) in module.globals.iter() {
            let bits = match decl.init {
                GlobalInit::Number(bits) => bits.into(),
                GlobalInit::Vector(bits) => bits,
                GlobalInit::Null => 0,
                GlobalInit::Function(function) => self.function_word(layout, Some(function)).into(),
            };
            self.set_global(layout, id, decl.ty, bits);
        }
        tables
    }

    /// The word of a function reference: the address of the function's cell.
    fn function_word(&self, layout: &InstanceLayout, function: Option<FuncId>) -> u64 {
        function.map_or(0, |function| {
            self.cell::<FunctionCell>(layout.function(function)) as u64
        })
    }

    /// The bits of a value as compiled code has them.
    pub(crate) fn bits_of(&self, layout: &InstanceLayout, value: Val) -> u128 {
        match value {
            Val::FuncRef(function) => self.function_word(layout, function).into(),
            value => value.to_bits(),
        }
    }

    /// Bits of compiled code as a value.
    pub(crate) fn value_of(&self, layout: &InstanceLayout, ty: Type, bits: u128) -> Val {
        if ty != Type::FuncRef || bits == 0 {
            return Val::from_bits(ty, bits);
        }
        let word = bits as u64;
        let first = self.block.as_ptr() as u64 + u64::from(layout.function(FuncId::from_index(0)));
        let index = (word - first) / size_of::<FunctionCell>() as u64;
        Val::FuncRef(Some(FuncId::from_index(index as usize)))
    }

    /// The bits of a global variable.
    pub(crate) fn global(&self, layout: &InstanceLayout, id: GlobalId, ty: Type) -> u128 {
        let place = layout.global(id);
        match ty {
            Type::V128 => {
                let [low, high]: [u64; 2] = self.read(place);
                u128::from(high) << 64 | u128::from(low)
            }
            _ => u128::from(self.read::<u64>(place)),
        }
    }

    /// Gives a global variable the bits of a value of its type.
    pub(crate) fn set_global(
        &mut self,
        layout: &InstanceLayout,
        id: GlobalId,
        ty: Type,
        bits: u128,
    ) {
        let (low, high) = (bits as u64, (bits >> 64) as u64);
        match ty {
            Type::V128 => self.write(layout.global(id), [low, high]),
            _ => self.write(layout.global(id), low),
        }
    }

    /// Lets `change` have a global variable that is a reference.
    pub(crate) fn with_reference(
        &mut self,
        layout: &InstanceLayout,
        id: GlobalId,
        change: &mut dyn FnMut(&mut u64),
    ) {
        // SAFETY: as in `read`; the block is borrowed exclusively.
        change(unsafe { &mut *self.cell::<u64>(layout.global(id)) });
    }

    /// Overwrites what free continuations have saved: nobody may read it any more. Those that have been
    /// free for longer, further down in a list, are done already.
    pub(crate) fn poison_free_continuations(&mut self) {
        for (list, &first) in self.fixed().free_lists.iter().enumerate() {
            let mut next = first as *mut ContinuationHeader;
            // SAFETY: lists hold free continuations, linked through their headers.
            while let Some(header) = unsafe { next.as_ref() } {
                let size = match list + 1 {
                    // SAFETY: large ones get there from code that has suspended them.
                    FREE_LISTS => unsafe { (*header.info).size },
                    class => class as u32 * CLASS_STEP,
                };
                let words = size.saturating_sub(RESULTS) as usize / size_of::<u64>();
                // SAFETY: the words behind the header, which belong to nobody.
                let words = unsafe {
                    let behind = next.byte_add(RESULTS as usize).cast::<u64>();
                    std::slice::from_raw_parts_mut(behind, words)
                };
                if words.first().is_none_or(|&word| word == POISON) {
                    break;
                }
                words.fill(POISON);
                next = header.next;
            }
        }
    }
}

impl Drop for ContextBlock {
    fn drop(&mut self) {
        // SAFETY: it came from there in `new`, with this layout.
        unsafe { self.blocks.free(self.block.cast(), self.layout) };
    }
}

// SAFETY: the block belongs to the instance and is reached through it only.
unsafe impl Send for ContextBlock {}
