//! The context block of an instance, as the runtime reaches it.

use crate::error::Error;
use crate::heap::{FreeLists, Object};
use crate::loaded::LoadedModule;
use crate::memory::LinearMemory;
use enjamb_abi::context::{Context, FunctionCell, InstanceLayout, Span};
use enjamb_ir::{Entity, FuncId, GlobalId, GlobalInit, MemoryId, Module, Type, Val};
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;

/// A context block: aligned, zero at first, of the size that the layout says.
#[derive(Debug)]
pub(crate) struct ContextBlock {
    block: NonNull<Context>,
    layout: Layout,
}

impl ContextBlock {
    pub(crate) fn new(layout: &InstanceLayout) -> Result<ContextBlock, Error> {
        let size = (layout.size() as usize).max(size_of::<Context>());
        let layout = Layout::from_size_align(size, align_of::<Context>())
            .map_err(|_| Error::Load("the module is too large".to_string()))?;
        // SAFETY: the size is not zero.
        let block = NonNull::new(unsafe { alloc_zeroed(layout) }.cast());
        let block = block.ok_or_else(|| Error::system("allocating a context block"))?;
        Ok(ContextBlock { block, layout })
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
        for (signature, &number) in layout.signatures().zip(&loaded.signature_cells) {
            if let Some(offset) = layout.signature(signature) {
                self.write(offset, number);
            }
        }
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
            self.write_global(layout, id, decl.ty, bits);
        }
        tables
    }

    fn write_global(&mut self, layout: &InstanceLayout, id: GlobalId, ty: Type, bits: u128) {
        let (low, high) = (bits as u64, (bits >> 64) as u64);
        match ty {
            Type::V128 => self.write(layout.global(id), [low, high]),
            _ => self.write(layout.global(id), low),
        }
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

    /// A global variable.
    pub(crate) fn global(&self, layout: &InstanceLayout, id: GlobalId, ty: Type) -> Val {
        let place = layout.global(id);
        let bits = match ty {
            Type::V128 => {
                let [low, high]: [u64; 2] = self.read(place);
                u128::from(high) << 64 | u128::from(low)
            }
            _ => u128::from(self.read::<u64>(place)),
        };
        self.value_of(layout, ty, bits)
    }

    /// Gives a global variable a value of its type.
    pub(crate) fn set_global(&mut self, layout: &InstanceLayout, id: GlobalId, value: Val) {
        let bits = self.bits_of(layout, value);
        self.write_global(layout, id, value.ty(), bits);
    }

    /// The chain from the sentinel up to and including `last`, which a suspension that could not
    /// be finished has left behind.
    pub(crate) fn half_built_chain(&mut self, last: u64) -> Vec<Object> {
        let sentinel = self.pointer() as u64;
        let mut chain = Vec::new();
        let mut next = self.fixed().sentinel.next;
        while last != sentinel
            && let Some(object) = NonNull::new(next)
        {
            chain.push(object);
            if next as u64 == last {
                break;
            }
            // SAFETY: the sentinel's chain is linked up to `last` by the suspension blocks that
            // ran since the leaf returned.
            next = unsafe { (*next).next };
        }
        chain
    }
}

impl Drop for ContextBlock {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout.
        unsafe { dealloc(self.block.as_ptr().cast(), self.layout) };
    }
}

// SAFETY: the block belongs to the instance and is reached through it only.
unsafe impl Send for ContextBlock {}
