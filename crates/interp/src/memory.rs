//! Linear memories. Pages exist from the first write on; a page that does not exist is zero, so a
//! memory of 4 GiB costs nothing until it is used.

use enjamb_ir::module::PAGE_SIZE;
use enjamb_ir::{MemoryDecl, TrapCode};

const PAGE: usize = PAGE_SIZE as usize;

/// A linear memory of an instance.
#[derive(Clone, Debug)]
pub struct Memory {
    pages: Vec<Option<Box<[u8]>>>,
    max_pages: u64,
}

/// The out-of-bounds trap.
const OUT_OF_BOUNDS: TrapCode = TrapCode::MemoryOutOfBounds;

impl Memory {
    pub(crate) fn new(decl: &MemoryDecl) -> Self {
        Memory {
            pages: vec![None; decl.min_pages as usize],
            max_pages: decl.max_pages,
        }
    }

    /// Its size in pages of 65,536 bytes.
    pub fn pages(&self) -> u64 {
        self.pages.len() as u64
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.pages() * PAGE_SIZE
    }

    /// Grows it by a number of pages of zeros. Gives the size in pages before, or nothing where
    /// that would exceed the maximum.
    pub fn grow(&mut self, by: u64) -> Option<u64> {
        let before = self.pages();
        let after = before.checked_add(by)?;
        if after > self.max_pages {
            return None;
        }
        self.pages.resize(after as usize, None);
        Some(before)
    }

    /// Whether `len` bytes from `at` on lie inside.
    fn check(&self, at: u64, len: u64) -> Result<(), TrapCode> {
        match at.checked_add(len) {
            Some(end) if end <= self.size() => Ok(()),
            _ => Err(OUT_OF_BOUNDS),
        }
    }

    /// Fills `bytes` from the memory at `at`.
    ///
    /// # Errors
    /// `memory_out_of_bounds`; then `bytes` is as it was.
    pub fn read(&self, at: u64, bytes: &mut [u8]) -> Result<(), TrapCode> {
        self.check(at, bytes.len() as u64)?;
        let (mut at, mut rest) = (at as usize, bytes);
        while !rest.is_empty() {
            let start = at % PAGE;
            let (now, later) = rest.split_at_mut(rest.len().min(PAGE - start));
            match &self.pages[at / PAGE] {
                Some(page) => now.copy_from_slice(&page[start..start + now.len()]),
                None => now.fill(0),
            }
            at += now.len();
            rest = later;
        }
        Ok(())
    }

    /// Writes `bytes` into the memory at `at`.
    ///
    /// # Errors
    /// `memory_out_of_bounds`; then nothing was written.
    pub fn write(&mut self, at: u64, bytes: &[u8]) -> Result<(), TrapCode> {
        self.check(at, bytes.len() as u64)?;
        let (mut at, mut rest) = (at as usize, bytes);
        while !rest.is_empty() {
            let start = at % PAGE;
            let (now, later) = rest.split_at(rest.len().min(PAGE - start));
            let page = self.pages[at / PAGE].get_or_insert_with(|| vec![0; PAGE].into());
            page[start..start + now.len()].copy_from_slice(now);
            at += now.len();
            rest = later;
        }
        Ok(())
    }

    /// Calls `write` for pieces of `len` bytes from `at` on, after a check of the whole.
    fn by_pieces(
        &mut self,
        at: u64,
        len: u64,
        mut write: impl FnMut(&mut Self, u64, usize) -> Result<(), TrapCode>,
    ) -> Result<(), TrapCode> {
        self.check(at, len)?;
        let mut done = 0;
        while done < len {
            let piece = (len - done).min(PAGE_SIZE);
            write(self, done, piece as usize)?;
            done += piece;
        }
        Ok(())
    }

    pub(crate) fn fill(&mut self, at: u64, byte: u8, len: u64) -> Result<(), TrapCode> {
        let piece = vec![byte; len.min(PAGE_SIZE) as usize];
        self.by_pieces(at, len, |memory, done, size| {
            memory.write(at + done, &piece[..size])
        })
    }

    /// Copies from another memory.
    pub(crate) fn copy_from(
        &mut self,
        source: &Memory,
        to: u64,
        from: u64,
        len: u64,
    ) -> Result<(), TrapCode> {
        source.check(from, len)?;
        let mut buffer = vec![0; len.min(PAGE_SIZE) as usize];
        self.by_pieces(to, len, |memory, done, size| {
            source.read(from + done, &mut buffer[..size])?;
            memory.write(to + done, &buffer[..size])
        })
    }

    /// Copies inside this memory; from the end on where the destination lies behind the source.
    pub(crate) fn copy_within(&mut self, to: u64, from: u64, len: u64) -> Result<(), TrapCode> {
        self.check(from, len)?;
        let mut buffer = vec![0; len.min(PAGE_SIZE) as usize];
        self.by_pieces(to, len, |memory, done, size| {
            let start = if to > from {
                len - done - size as u64
            } else {
                done
            };
            memory.read(from + start, &mut buffer[..size])?;
            memory.write(to + start, &buffer[..size])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(min_pages: u64, max_pages: u64) -> Memory {
        let name = String::from("heap");
        Memory::new(&MemoryDecl {
            name,
            min_pages,
            max_pages,
        })
    }

    #[test]
    fn accesses_across_pages_and_past_the_end() {
        let mut memory = memory(2, 2);
        memory.write(65_534, &[1, 2, 3, 4]).unwrap();
        let mut bytes = [9; 6];
        memory.read(65_533, &mut bytes).unwrap();
        assert_eq!(bytes, [0, 1, 2, 3, 4, 0]);
        assert_eq!(memory.write(131_070, &[7; 3]), Err(OUT_OF_BOUNDS));
        memory.read(131_070, &mut bytes[..2]).unwrap();
        assert_eq!(bytes[..2], [0, 0]);
        assert_eq!(memory.read(u64::MAX, &mut bytes), Err(OUT_OF_BOUNDS));
    }

    #[test]
    fn overlapping_copies_act_as_if_through_a_buffer() {
        for (to, from) in [(3_u64, 0_u64), (0, 3), (70_000, 0), (0, 70_000), (1, 0)] {
            let mut memory = memory(8, 8);
            let len = 200_000;
            let source: Vec<u8> = (0..len).map(|index| (index % 251) as u8).collect();
            memory.write(from, &source).unwrap();
            memory.copy_within(to, from, len as u64).unwrap();
            let mut copied = vec![0; len];
            memory.read(to, &mut copied).unwrap();
            assert!(copied == source, "from {from} to {to}");
        }
    }

    #[test]
    fn growing_keeps_to_the_maximum() {
        let mut memory = memory(1, 3);
        assert_eq!(memory.grow(2), Some(1));
        assert_eq!(memory.grow(1), None);
        assert_eq!(memory.grow(u64::MAX), None);
        assert_eq!(memory.pages(), 3);
    }
}
