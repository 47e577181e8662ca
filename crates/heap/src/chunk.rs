//! Chunks: stretches of memory that objects fill from the start.

use enjamb_abi::memory::Blocks;
use enjamb_abi::object::ALIGN;
use std::alloc::Layout;
use std::ptr::NonNull;
use std::sync::Arc;

/// What old places are filled with, if asked for: as an address it is none that a program can have,
/// as a header it is that of an object that was moved there.
const POISON: u8 = 0xa5;

/// A stretch of memory. Behind what is filled it is zeros.
#[derive(Debug)]
pub(crate) struct Chunk {
    memory: NonNull<u8>,
    layout: Layout,
    blocks: Arc<dyn Blocks>,
    /// Address behind the last object.
    pub(crate) filled: u64,
}

impl Chunk {
    /// A chunk of that many bytes, or `None` if there is no memory for it.
    pub(crate) fn new(blocks: &Arc<dyn Blocks>, bytes: u64) -> Option<Chunk> {
        let size = usize::try_from(bytes.max(ALIGN)).ok()?;
        let layout = Layout::from_size_align(size, ALIGN as usize).ok()?;
        let memory = blocks.allocate_zeroed(layout)?;
        let filled = memory.as_ptr().expose_provenance() as u64;
        Some(Chunk {
            memory,
            layout,
            blocks: Arc::clone(blocks),
            filled,
        })
    }

    /// Address of the first byte.
    pub(crate) fn start(&self) -> u64 {
        self.memory.addr().get() as u64
    }

    /// Address behind the last byte.
    pub(crate) fn end(&self) -> u64 {
        self.start() + self.layout.size() as u64
    }

    /// Bytes of objects.
    pub(crate) fn used(&self) -> u64 {
        self.filled - self.start()
    }

    /// Bytes behind the objects.
    pub(crate) fn free(&self) -> u64 {
        self.end() - self.filled
    }

    /// Takes bytes behind the objects, which the chunk has to have: their address.
    pub(crate) fn take(&mut self, bytes: u64) -> u64 {
        assert!(
            bytes <= self.free(),
            "a chunk was asked for more than it has"
        );
        let address = self.filled;
        self.filled += bytes;
        address
    }

    /// Makes whatever is read out of the objects recognisably wrong.
    pub(crate) fn poison(&mut self) {
        // SAFETY: the filled part is a part of the memory, and is borrowed exclusively with it.
        unsafe { self.memory.write_bytes(POISON, self.used() as usize) };
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        // SAFETY: it came from there in `new`, with this layout.
        unsafe { self.blocks.free(self.memory, self.layout) };
    }
}

// SAFETY: the chunk owns its memory.
unsafe impl Send for Chunk {}
