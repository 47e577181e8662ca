//! Where the memory of an instance comes from that grows with what its programs do.
//!
//! Continuations, the context block and the objects of Enjamb's own heap stand in blocks, which are asked for
//! where there may be none left: that is a trap or an error value then, and nothing else. Whoever has a
//! memory of their own to give, or wants to know or to bound what is taken, implements [`Blocks`].

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc};
use std::fmt;
use std::ptr::NonNull;

/// Gives blocks of memory, and may refuse.
///
/// # Safety
/// A block has the size and the alignment of its layout and belongs to nobody else until it is given back.
/// No method panics.
pub unsafe trait Blocks: fmt::Debug + Send + Sync {
    /// A block for this layout, whose size is not zero; `None` if there is no memory for it.
    fn allocate(&self, layout: Layout) -> Option<NonNull<u8>>;

    /// The same filled with zeros.
    fn allocate_zeroed(&self, layout: Layout) -> Option<NonNull<u8>> {
        let block = self.allocate(layout)?;
        // SAFETY: the block is of this size, and nobody else's.
        unsafe { block.write_bytes(0, layout.size()) };
        Some(block)
    }

    /// Takes a block back.
    ///
    /// # Safety
    /// It came from here for this layout, once, and is not used any more.
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout);
}

/// The global allocator of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GlobalBlocks;

// SAFETY: this is what the global allocator promises.
unsafe impl Blocks for GlobalBlocks {
    fn allocate(&self, layout: Layout) -> Option<NonNull<u8>> {
        // SAFETY: the size is not zero.
        NonNull::new(unsafe { alloc(layout) })
    }

    fn allocate_zeroed(&self, layout: Layout) -> Option<NonNull<u8>> {
        // SAFETY: the size is not zero.
        NonNull::new(unsafe { alloc_zeroed(layout) })
    }

    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { dealloc(block.as_ptr(), layout) };
    }
}
