//! Linear memories, of one instance or shared by several.
//!
//! The address space of the largest size is reserved when the memory is made, so its base never
//! moves and growing is a change of access. Fresh pages are zero.
//!
//! Each instance that uses a shared memory has a length of its own in its context block, which may fall behind:
//! a memory never shrinks, so nothing is reached that is not there. Compiled code reads and writes plainly. What
//! this file does with the bytes of a shared memory it does byte by byte and atomically, since others may
//! write them meanwhile.

use crate::error::Error;
use crate::mapping::{Access, Mapping, Pages, Purpose, SystemPages};
use enjamb_ir::module::{MAX_PAGES, PAGE_SIZE};
use enjamb_ir::{MemoryDecl, TrapCode};
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

/// The bytes of a memory.
#[derive(Debug)]
struct Bytes {
    mapping: Mapping,
    max_pages: u64,
    /// Pages that can be reached.
    pages: Mutex<u64>,
    /// Whether several instances may use it.
    is_shared: bool,
}

const OUT_OF_BOUNDS: TrapCode = TrapCode::MemoryOutOfBounds;

impl Bytes {
    fn new(
        pages: &Arc<dyn Pages>,
        (min_pages, max_pages): (u64, u64),
        is_shared: bool,
    ) -> Result<Arc<Bytes>, Error> {
        let max_pages = max_pages.min(MAX_PAGES);
        let size = (max_pages * PAGE_SIZE) as usize;
        let bytes = Bytes {
            mapping: Mapping::new(pages, size, Purpose::Memory)?,
            max_pages,
            pages: Mutex::new(0),
            is_shared,
        };
        match bytes.grow(min_pages) {
            Some(grown) => grown.map(|_| Arc::new(bytes)),
            None => {
                let reason = format!("a memory cannot have {min_pages} pages");
                Err(Error::Load(reason))
            }
        }
    }

    /// Grows by a number of pages; the pages before and after, or `None` if the new size is above
    /// the maximum. It is an error if the pages cannot be had.
    fn grow(&self, by: u64) -> Option<Result<(u64, u64), Error>> {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        let before = *pages;
        let after = before
            .checked_add(by)
            .filter(|&pages| pages <= self.max_pages)?;
        if after > before {
            let size = (after * PAGE_SIZE) as usize;
            if let Err(error) = self.mapping.protect(size, Access::ReadWrite) {
                return Some(Err(error));
            }
        }
        *pages = after;
        Some(Ok((before, after)))
    }

    /// The same for those who are not told why.
    fn try_grow(&self, by: u64) -> Option<(u64, u64)> {
        let grown = self.grow(by)?;
        let grown = grown.inspect_err(|error| tracing::debug!(%error, "a memory does not grow"));
        grown.ok()
    }

    /// The address of a byte.
    fn address(&self, at: u64) -> *mut u8 {
        self.mapping.base().as_ptr().wrapping_add(at as usize)
    }
}

/// Checks that bytes lie in the first `pages`.
fn check(pages: u64, at: u64, length: u64) -> Result<(), TrapCode> {
    let end = at.checked_add(length).ok_or(OUT_OF_BOUNDS)?;
    (end <= pages * PAGE_SIZE)
        .then_some(())
        .ok_or(OUT_OF_BOUNDS)
}

/// The byte at an address, which others may write.
///
/// # Safety
/// The address is one of a memory that lives, within its pages.
unsafe fn shared_byte<'a>(address: *mut u8) -> &'a AtomicU8 {
    // SAFETY: the caller's promise; whoever else in Rust reaches a byte of a shared memory does so atomically, and
    // compiled code stands outside of Rust's rules.
    unsafe { AtomicU8::from_ptr(address) }
}

/// A linear memory of an instance.
#[derive(Debug)]
pub(crate) struct LinearMemory {
    bytes: Arc<Bytes>,
    /// As far as the instance has seen it grow.
    pages: u64,
}

impl LinearMemory {
    pub(crate) fn new(pages: &Arc<dyn Pages>, decl: &MemoryDecl) -> Result<LinearMemory, Error> {
        let bytes = Bytes::new(pages, (decl.min_pages, decl.max_pages), false);
        let bytes =
            bytes.map_err(|error| Error::Load(format!("memory `%{}`: {error}", decl.name)))?;
        Ok(LinearMemory {
            bytes,
            pages: decl.min_pages,
        })
    }

    /// One that others use too.
    pub(crate) fn of(shared: &SharedMemory, decl: &MemoryDecl) -> Result<LinearMemory, Error> {
        let (pages, most) = (shared.pages(), shared.0.max_pages);
        if pages < decl.min_pages || most > decl.max_pages {
            let name = &decl.name;
            let (min_pages, max_pages) = (decl.min_pages, decl.max_pages);
            return Err(Error::Load(format!(
                "memory `%{name}` is to have {min_pages} to {max_pages} pages, and the shared one has {pages} to {most}"
            )));
        }
        Ok(LinearMemory {
            bytes: Arc::clone(&shared.0),
            pages,
        })
    }

    /// Size in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.pages * PAGE_SIZE
    }

    /// Address of the first byte.
    pub(crate) fn base(&self) -> u64 {
        self.bytes.address(0) as u64
    }

    /// Grows by a number of pages; the size in pages before, or `None` if the new size is above
    /// the maximum or cannot be had. What others have grown is seen from then on.
    pub(crate) fn grow(&mut self, by: u64) -> Option<u64> {
        let (before, after) = self.bytes.try_grow(by)?;
        self.pages = after;
        Some(before)
    }

    /// Copies the bytes from `at` on into a buffer.
    ///
    /// # Errors
    /// `memory_out_of_bounds` if not all of them are inside.
    pub(crate) fn read(&self, at: u64, target: &mut [u8]) -> Result<(), TrapCode> {
        check(self.pages, at, target.len() as u64)?;
        let source = self.bytes.address(at);
        if !self.bytes.is_shared {
            // SAFETY: the pages are readable; compiled code, which writes them, does not run while the instance that
            // owns `self` is borrowed; and a buffer of Rust's is no part of them.
            unsafe { source.copy_to_nonoverlapping(target.as_mut_ptr(), target.len()) };
            return Ok(());
        }
        for (index, byte) in target.iter_mut().enumerate() {
            // SAFETY: it lies inside.
            *byte = unsafe { shared_byte(source.wrapping_add(index)) }.load(Relaxed);
        }
        Ok(())
    }

    /// Copies a buffer to where `at` says.
    ///
    /// # Errors
    /// `memory_out_of_bounds` if not all of it is inside.
    pub(crate) fn write(&mut self, at: u64, source: &[u8]) -> Result<(), TrapCode> {
        check(self.pages, at, source.len() as u64)?;
        let target = self.bytes.address(at);
        if !self.bytes.is_shared {
            // SAFETY: as in `read`, and the borrow of `self` is exclusive.
            unsafe { target.copy_from_nonoverlapping(source.as_ptr(), source.len()) };
            return Ok(());
        }
        for (index, &byte) in source.iter().enumerate() {
            // SAFETY: it lies inside.
            unsafe { shared_byte(target.wrapping_add(index)) }.store(byte, Relaxed);
        }
        Ok(())
    }

    /// Writes one byte many times.
    ///
    /// # Errors
    /// As [`LinearMemory::write`].
    pub(crate) fn fill(&mut self, at: u64, length: u64, byte: u8) -> Result<(), TrapCode> {
        check(self.pages, at, length)?;
        let target = self.bytes.address(at);
        if !self.bytes.is_shared {
            // SAFETY: as in `write`.
            unsafe { target.write_bytes(byte, length as usize) };
            return Ok(());
        }
        for index in 0..length as usize {
            // SAFETY: it lies inside.
            unsafe { shared_byte(target.wrapping_add(index)) }.store(byte, Relaxed);
        }
        Ok(())
    }
}

/// Copies between two memories of a list, or within one, as if through a buffer.
pub(crate) fn copy(
    memories: &mut [LinearMemory],
    (to_memory, to): (usize, u64),
    (from_memory, from): (usize, u64),
    length: u64,
) -> Result<(), TrapCode> {
    let (source, target) = (&memories[from_memory], &memories[to_memory]);
    check(source.pages, from, length)?;
    check(target.pages, to, length)?;
    let is_shared = source.bytes.is_shared || target.bytes.is_shared;
    let (source, target) = (source.bytes.address(from), target.bytes.address(to));
    if !is_shared {
        // SAFETY: both ranges lie inside, and nobody else reaches them while the memories are borrowed.
        unsafe { source.copy_to(target, length as usize) };
        return Ok(());
    }
    // Two names may be those of one memory, so it is the addresses that tell the direction.
    let backward = source < target;
    for index in 0..length as usize {
        let index = match backward {
            true => length as usize - 1 - index,
            false => index,
        };
        // SAFETY: both lie inside.
        unsafe {
            let byte = shared_byte(source.wrapping_add(index)).load(Relaxed);
            shared_byte(target.wrapping_add(index)).store(byte, Relaxed);
        }
    }
    Ok(())
}

/// A linear memory that several instances use at once. Copies are cheap and stand for the same one.
#[derive(Clone, Debug)]
pub struct SharedMemory(Arc<Bytes>);

impl SharedMemory {
    /// A memory of that many pages of the operating system, which are zero. Address space is reserved for all that
    /// it may have.
    ///
    /// # Errors
    /// If there are more at the start than at the most, or the system has no memory.
    pub fn new(min_pages: u64, max_pages: u64) -> Result<SharedMemory, Error> {
        SharedMemory::of_pages(
            &(Arc::new(SystemPages) as Arc<dyn Pages>),
            min_pages,
            max_pages,
        )
    }

    /// The same of pages from elsewhere.
    ///
    /// # Errors
    /// As for [`SharedMemory::new`].
    pub fn of_pages(
        pages: &Arc<dyn Pages>,
        min_pages: u64,
        max_pages: u64,
    ) -> Result<SharedMemory, Error> {
        Bytes::new(pages, (min_pages, max_pages), true).map(SharedMemory)
    }

    /// Its pages.
    pub fn pages(&self) -> u64 {
        *self.0.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Grows it by a number of pages and gives its pages before; `None` if it cannot.
    pub fn grow(&self, by: u64) -> Option<u64> {
        self.0.try_grow(by).map(|(before, _)| before)
    }

    fn now(&self) -> LinearMemory {
        LinearMemory {
            bytes: Arc::clone(&self.0),
            pages: self.pages(),
        }
    }

    /// Fills `target` with the bytes from `at` on: `false` if not all of them are inside.
    pub fn read(&self, at: u64, target: &mut [u8]) -> bool {
        self.now().read(at, target).is_ok()
    }

    /// Writes `source` to where `at` says: `false`, with nothing written, if not all of it is inside.
    pub fn write(&self, at: u64, source: &[u8]) -> bool {
        self.now().write(at, source).is_ok()
    }
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
        LinearMemory::new(&(Arc::new(SystemPages) as Arc<dyn Pages>), &decl).unwrap()
    }

    fn bytes<const N: usize>(memory: &LinearMemory, at: u64) -> Result<[u8; N], TrapCode> {
        let mut bytes = [0; N];
        memory.read(at, &mut bytes).map(|()| bytes)
    }

    #[test]
    fn growing_keeps_base_and_contents() {
        let mut memory = memory(1, 3);
        let base = memory.base();
        memory.write(65_534, &[1, 2]).unwrap();
        assert_eq!(memory.write(65_535, &[3, 3]), Err(OUT_OF_BOUNDS));
        assert_eq!(memory.grow(2), Some(1));
        assert_eq!(bytes::<4>(&memory, 65_534).unwrap(), [1, 2, 0, 0]);
        assert_eq!((memory.base(), memory.size()), (base, 3 * PAGE_SIZE));
        assert_eq!(memory.grow(1), None);
        assert_eq!(memory.grow(u64::MAX), None);
        assert_eq!(bytes::<2>(&memory, u64::MAX), Err(OUT_OF_BOUNDS));
    }

    #[test]
    fn memories_of_no_page_and_of_4_gib_can_be_had() {
        assert_eq!(bytes::<0>(&memory(0, 0), 0).unwrap(), []);
        let mut large = memory(0, MAX_PAGES);
        if large.grow(MAX_PAGES).is_none() {
            // A system that promises no more than it has may refuse, and nothing has happened then.
            let promises = std::fs::read_to_string("/proc/sys/vm/overcommit_memory").unwrap();
            assert_eq!((promises.trim(), large.size()), ("2", 0));
            return;
        }
        large.write(large.size() - 1, &[7]).unwrap();
        assert_eq!(bytes(&large, large.size() - 2).unwrap(), [0, 7]);
    }

    fn copies_overlap(mut memories: [LinearMemory; 2]) {
        memories[0].write(0, &[1, 2, 3, 4]).unwrap();
        copy(&mut memories, (0, 1), (0, 0), 4).unwrap();
        assert_eq!(bytes(&memories[0], 0).unwrap(), [1, 1, 2, 3, 4]);
        copy(&mut memories, (1, 65_532), (0, 1), 4).unwrap();
        assert_eq!(bytes(&memories[1], 65_532).unwrap(), [1, 2, 3, 4]);
        copy(&mut memories, (0, 0), (0, 1), 4).unwrap();
        assert_eq!(bytes(&memories[0], 0).unwrap(), [1, 2, 3, 4, 4]);
        for (to, from) in [(65_533, 0), (0, 65_533)] {
            let outside = copy(&mut memories, (1, to), (0, from), 4);
            assert_eq!(outside, Err(OUT_OF_BOUNDS));
        }
        memories[0].fill(65_534, 2, 9).unwrap();
        assert_eq!(memories[0].fill(65_534, 3, 8), Err(OUT_OF_BOUNDS));
        assert_eq!(bytes(&memories[0], 65_533).unwrap(), [0, 9, 9]);
    }

    #[test]
    fn copies_overlap_as_if_through_a_buffer() {
        copies_overlap([memory(1, 1), memory(1, 1)]);
        let shared = || SharedMemory::new(1, 1).unwrap().now();
        copies_overlap([shared(), memory(1, 1)]);
        copies_overlap([shared(), shared()]);
        // Two names of one memory.
        let shared = SharedMemory::new(1, 1).unwrap();
        let mut names = [shared.now(), shared.now()];
        shared.write(0, &[1, 2, 3, 4]);
        copy(&mut names, (1, 1), (0, 0), 4).unwrap();
        assert_eq!(bytes(&names[0], 0).unwrap(), [1, 1, 2, 3, 4]);
    }

    #[test]
    fn a_shared_memory_is_seen_to_grow_by_who_grows_it() {
        let shared = SharedMemory::new(1, 4).unwrap();
        let (mut one, mut two) = (shared.now(), shared.now());
        assert_eq!(one.grow(1), Some(1));
        assert_eq!((one.size(), two.size()), (2 * PAGE_SIZE, PAGE_SIZE));
        assert_eq!(two.grow(0), Some(2));
        assert_eq!(two.size(), 2 * PAGE_SIZE);
        assert_eq!(shared.grow(2), Some(2));
        assert_eq!((one.grow(1), shared.pages()), (None, 4));
        assert!(!shared.write(4 * PAGE_SIZE, &[0]));
        assert!(SharedMemory::new(3, 2).is_err());
    }
}
