//! Memories that several instances use at once.

use crate::error::Error;
use enjamb_ir::module::PAGE_SIZE;
use enjamb_runtime::Pages;
use std::fmt;
use std::sync::Arc;

/// A linear memory that several instances use at once, on as many threads: instances are given it by
/// [`Imports::memory`](crate::Imports::memory). Copies are cheap and stand for the same memory.
///
/// Compiled code reads and writes it as any other memory: plainly. An aligned access of at most 8 bytes is not torn.
/// Beyond that, what one instance writes another one sees for certain, and in order, only if the host puts the one
/// call behind the other: by a channel, a lock, or by joining a thread. Without that any mixture of old and new
/// bytes may be seen, and nothing else goes wrong.
///
/// It never moves and never shrinks. An instance that has grown it reaches the new pages at once, others after they
/// have grown it themselves, be it by 0 pages. Each instance that is made copies the active data of
/// its module into it.
///
/// ```
/// use enjamb_engine::{Engine, Imports, Instance, Module, SharedMemory};
///
/// # let Ok(engine) = Engine::jit() else { return Ok(()) };
/// let module = Module::from_text(&engine, r#"
///     memory %heap 1..4
///     function %put(i64, i64) {
///     block0(v0: i64, v1: i64):
///         store %heap[v0], v1
///         return
///     }
///     function %get(i64) -> i64 {
///     block0(v0: i64):
///         v1 = load.i64 %heap[v0]
///         return v1
///     }
/// "#)?;
/// let (memory, mut imports) = (SharedMemory::new(1, 4)?, Imports::new());
/// imports.memory("heap", &memory);
/// let (one, two) = (Instance::new(&module, &imports)?, Instance::new(&module, &imports)?);
/// one.func::<(i64, i64), ()>("put")?.call((8, 42))?;
/// assert_eq!(two.func::<(i64,), i64>("get")?.call((8,))?, 42);
/// # Ok::<(), enjamb_engine::Error>(())
/// ```
#[derive(Clone)]
pub struct SharedMemory(pub(crate) enjamb_runtime::SharedMemory);

impl fmt::Debug for SharedMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SharedMemory of {} bytes", self.size())
    }
}

impl SharedMemory {
    /// A memory of that many pages of 65,536 bytes, which are zero, and never more than that many.
    ///
    /// # Errors
    /// [`Error::Instantiate`] if there are more at the start than at the most, or the machine has no memory left.
    pub fn new(min_pages: u64, max_pages: u64) -> Result<SharedMemory, Error> {
        SharedMemory::of(enjamb_runtime::SharedMemory::new(min_pages, max_pages))
    }

    /// The same of pages from elsewhere, as those that [`Config::pages`](crate::Config::pages) sets.
    ///
    /// # Errors
    /// As for [`SharedMemory::new`].
    pub fn of_pages(pages: &Arc<dyn Pages>, min_pages: u64, max_pages: u64) -> Result<Self, Error> {
        let memory = enjamb_runtime::SharedMemory::of_pages(pages, min_pages, max_pages);
        SharedMemory::of(memory)
    }

    fn of(
        memory: Result<enjamb_runtime::SharedMemory, enjamb_runtime::Error>,
    ) -> Result<Self, Error> {
        let failed = |error: enjamb_runtime::Error| Error::Instantiate(error.to_string());
        memory.map(SharedMemory).map_err(failed)
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.0.pages() * PAGE_SIZE
    }

    /// Grows it by a number of pages and gives its pages before.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`] if it would exceed its maximum, or the machine has no memory left.
    pub fn grow(&self, pages: u64) -> Result<u64, Error> {
        let length = pages.saturating_mul(PAGE_SIZE);
        let grown = self.0.grow(pages);
        grown.ok_or_else(|| self.out_of_bounds(self.size(), length))
    }

    /// Fills `bytes` from the memory, starting at `offset`, one byte after the other.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`] if not all of them are inside.
    pub fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<(), Error> {
        match self.0.read(offset, bytes) {
            true => Ok(()),
            false => Err(self.out_of_bounds(offset, bytes.len() as u64)),
        }
    }

    /// Writes `bytes` into the memory, starting at `offset`, one byte after the other.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`] if not all of them are inside, with nothing written.
    pub fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        match self.0.write(offset, bytes) {
            true => Ok(()),
            false => Err(self.out_of_bounds(offset, bytes.len() as u64)),
        }
    }

    fn out_of_bounds(&self, offset: u64, length: u64) -> Error {
        Error::OutOfBounds {
            memory: "shared".to_string(),
            offset,
            length,
            size: self.size(),
        }
    }
}
