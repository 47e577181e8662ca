//! Linear memories.
//!
//! The address space of the largest size is reserved when the memory is made, so its base never
//! moves and growing is a change of access. Fresh pages are zero.

use crate::error::Error;
use crate::mapping::{Access, Mapping};
use enjamb_ir::module::{MAX_PAGES, PAGE_SIZE};
use enjamb_ir::{MemoryDecl, TrapCode};

/// A linear memory of an instance.
#[derive(Debug)]
pub(crate) struct LinearMemory {
    mapping: Mapping,
    pages: u64,
    max_pages: u64,
}

const OUT_OF_BOUNDS: TrapCode = TrapCode::MemoryOutOfBounds;

impl LinearMemory {
    pub(crate) fn new(decl: &MemoryDecl) -> Result<LinearMemory, Error> {
        let max_pages = decl.max_pages.min(MAX_PAGES);
        let mapping = Mapping::new((max_pages * PAGE_SIZE) as usize, Access::None)?;
        let mut memory = LinearMemory {
            mapping,
            pages: 0,
            max_pages,
        };
        match memory.grow(decl.min_pages) {
            Some(_) => Ok(memory),
            None => Err(Error::Load(format!(
                "memory `%{}` cannot have {} pages",
                decl.name, decl.min_pages
            ))),
        }
    }

    /// Size in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.pages * PAGE_SIZE
    }

    /// Address of the first byte.
    pub(crate) fn base(&self) -> u64 {
        self.mapping.base().as_ptr() as u64
    }

    /// Grows by a number of pages; the size in pages before, or `None` if the new size is above
    /// the maximum or cannot be had.
    pub(crate) fn grow(&mut self, by: u64) -> Option<u64> {
        let before = self.pages;
        let after = before
            .checked_add(by)
            .filter(|&pages| pages <= self.max_pages)?;
        if after > before {
            let size = (after * PAGE_SIZE) as usize;
            self.mapping.protect(size, Access::ReadWrite).ok()?;
        }
        self.pages = after;
        Some(before)
    }

    fn range(&self, at: u64, length: u64) -> Result<std::ops::Range<usize>, TrapCode> {
        match at.checked_add(length) {
            Some(end) if end <= self.size() => Ok(at as usize..end as usize),
            _ => Err(OUT_OF_BOUNDS),
        }
    }

    /// The bytes from `at` on.
    ///
    /// # Errors
    /// `memory_out_of_bounds` if not all of them are inside.
    pub(crate) fn bytes(&self, at: u64, length: u64) -> Result<&[u8], TrapCode> {
        let range = self.range(at, length)?;
        // SAFETY: the first `size()` bytes are readable and initialised, and compiled code, which
        // writes them, does not run while the instance that owns `self` is borrowed.
        let all = unsafe {
            std::slice::from_raw_parts(self.mapping.base().as_ptr(), self.size() as usize)
        };
        Ok(&all[range])
    }

    /// The bytes from `at` on, for writing.
    ///
    /// # Errors
    /// `memory_out_of_bounds` if not all of them are inside.
    pub(crate) fn bytes_mut(&mut self, at: u64, length: u64) -> Result<&mut [u8], TrapCode> {
        let range = self.range(at, length)?;
        // SAFETY: as in `bytes`, and the borrow of `self` is exclusive.
        let all = unsafe {
            std::slice::from_raw_parts_mut(self.mapping.base().as_ptr(), self.size() as usize)
        };
        Ok(&mut all[range])
    }
}

/// Copies between two memories of a list, or within one, as if through a buffer.
pub(crate) fn copy(
    memories: &mut [LinearMemory],
    (to_memory, to): (usize, u64),
    (from_memory, from): (usize, u64),
    length: u64,
) -> Result<(), TrapCode> {
    let source = memories[from_memory].range(from, length)?;
    if to_memory == from_memory {
        let memory = &mut memories[to_memory];
        let target = memory.range(to, length)?;
        let size = memory.size();
        memory.bytes_mut(0, size)?.copy_within(source, target.start);
        return Ok(());
    }
    memories[to_memory].range(to, length)?;
    let [target, source] = memories
        .get_disjoint_mut([to_memory, from_memory])
        .map_err(|_| OUT_OF_BOUNDS)?;
    target
        .bytes_mut(to, length)?
        .copy_from_slice(source.bytes(from, length)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(min_pages: u64, max_pages: u64) -> LinearMemory {
        let name = String::from("heap");
        let decl = MemoryDecl {
            name,
            min_pages,
            max_pages,
        };
        LinearMemory::new(&decl).unwrap()
    }

    #[test]
    fn growing_keeps_base_and_contents() {
        let mut memory = memory(1, 3);
        let base = memory.base();
        memory
            .bytes_mut(65_534, 2)
            .unwrap()
            .copy_from_slice(&[1, 2]);
        assert_eq!(memory.bytes_mut(65_535, 2), Err(OUT_OF_BOUNDS));
        assert_eq!(memory.grow(2), Some(1));
        assert_eq!(memory.bytes(65_534, 4).unwrap(), [1, 2, 0, 0]);
        assert_eq!((memory.base(), memory.size()), (base, 3 * PAGE_SIZE));
        assert_eq!(memory.grow(1), None);
        assert_eq!(memory.grow(u64::MAX), None);
        assert_eq!(memory.bytes(u64::MAX, 2), Err(OUT_OF_BOUNDS));
    }

    #[test]
    fn memories_of_no_page_and_of_4_gib_can_be_had() {
        assert_eq!(memory(0, 0).bytes(0, 0).unwrap(), []);
        let mut large = memory(0, MAX_PAGES);
        assert_eq!(large.grow(MAX_PAGES), Some(0));
        large.bytes_mut(large.size() - 1, 1).unwrap()[0] = 7;
        assert_eq!(large.bytes(large.size() - 2, 2).unwrap(), [0, 7]);
    }

    #[test]
    fn copies_overlap_as_if_through_a_buffer() {
        let mut memories = [memory(1, 1), memory(1, 1)];
        memories[0]
            .bytes_mut(0, 4)
            .unwrap()
            .copy_from_slice(&[1, 2, 3, 4]);
        copy(&mut memories, (0, 1), (0, 0), 4).unwrap();
        assert_eq!(memories[0].bytes(0, 5).unwrap(), [1, 1, 2, 3, 4]);
        copy(&mut memories, (1, 65_532), (0, 1), 4).unwrap();
        assert_eq!(memories[1].bytes(65_532, 4).unwrap(), [1, 2, 3, 4]);
        assert_eq!(
            copy(&mut memories, (1, 65_533), (0, 0), 4),
            Err(OUT_OF_BOUNDS)
        );
        assert_eq!(
            copy(&mut memories, (1, 0), (0, 65_533), 4),
            Err(OUT_OF_BOUNDS)
        );
    }
}
