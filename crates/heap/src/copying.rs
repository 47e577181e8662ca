//! The heap: when it collects, and how.

use crate::chunk::Chunk;
use enjamb_abi::heap::{Heap, Mutator, OutOfMemory, Request, Roots, Window};
use enjamb_abi::memory::{Blocks, GlobalBlocks};
use enjamb_abi::object::{ELEMENTS, LENGTH, ObjectLayout, TYPE, type_number, type_word};
use enjamb_ir::host_objects::HeapStatistics;
use std::sync::Arc;

/// Bytes of the smallest chunk.
const SMALLEST_CHUNK: u64 = 32 << 10;
/// The same where what is left is overwritten: collections are at every turn there, and each takes a chunk.
const SMALLEST_POISONED: u64 = 2 << 10;
/// Bytes of the largest chunk that is not made for one object or for a collection.
const LARGEST_CHUNK: u64 = 1 << 20;
/// Bytes of objects below which no collection happens by itself.
const FIRST_COLLECTION: u64 = 1 << 20;
/// The bit of an object's first word that says that the rest of the word is its new address.
const MOVED: u64 = 1;

/// A heap that copies what lives to a new place whenever its objects have doubled.
#[derive(Debug)]
pub struct CopyingHeap {
    /// The chunk with the window, if there is one.
    current: Option<Chunk>,
    full: Vec<Chunk>,
    /// Bytes in `full`.
    full_bytes: u64,
    blocks: Arc<dyn Blocks>,
    limit: u64,
    /// Bytes of objects at which the next collection happens.
    threshold: u64,
    poisons: bool,
    /// What was left at the last collection, if it is to be recognised.
    left: Vec<Chunk>,
    statistics: HeapStatistics,
}

impl CopyingHeap {
    /// A heap whose objects take no more than this many bytes.
    pub fn new(limit: u64) -> CopyingHeap {
        CopyingHeap {
            current: None,
            full: Vec::new(),
            full_bytes: 0,
            blocks: Arc::new(GlobalBlocks),
            limit,
            threshold: FIRST_COLLECTION.min(limit),
            poisons: false,
            left: Vec::new(),
            statistics: HeapStatistics::default(),
        }
    }

    /// Sets where the memory comes from, which is the global allocator otherwise.
    pub fn blocks(self, blocks: Arc<dyn Blocks>) -> CopyingHeap {
        CopyingHeap { blocks, ..self }
    }

    /// Sets whether the places that objects have left are overwritten, and not used again before the
    /// next collection: a reference that was not found leads to nonsense then.
    pub fn poison(self, poisons: bool) -> CopyingHeap {
        CopyingHeap { poisons, ..self }
    }

    fn smallest_chunk(&self) -> u64 {
        match self.poisons {
            true => SMALLEST_POISONED,
            false => SMALLEST_CHUNK,
        }
    }

    /// Bytes of all objects.
    fn used(&self) -> u64 {
        self.full_bytes + self.current.as_ref().map_or(0, Chunk::used)
    }

    /// Takes note of what compiled code has taken.
    fn close(&mut self, window: &mut Window) {
        if let Some(chunk) = &mut self.current {
            chunk.filled = window.next;
        }
        *window = Window::default();
    }

    /// Lets compiled code have what the current chunk and the threshold allow.
    fn open(&self, window: &mut Window) {
        if let Some(chunk) = &self.current {
            let left = self.threshold.saturating_sub(self.used());
            let bytes = chunk.free().min(left) & !(enjamb_abi::object::ALIGN - 1);
            *window = Window {
                next: chunk.filled,
                limit: chunk.filled + bytes,
            };
        }
    }

    /// Memory for an object, with the window closed.
    fn place(&mut self, size: u64) -> Option<u64> {
        if self.used().checked_add(size)? > self.threshold {
            return None;
        }
        if let Some(chunk) = self.current.as_mut().filter(|chunk| size <= chunk.free()) {
            return Some(chunk.take(size));
        }
        if size > self.smallest_chunk() / 4 {
            let mut chunk = Chunk::new(&self.blocks, size)?;
            let address = chunk.take(size);
            self.full_bytes += size;
            self.full.push(chunk);
            return Some(address);
        }
        let left = self.threshold - self.used();
        let bytes = self.used().clamp(self.smallest_chunk(), LARGEST_CHUNK);
        let mut chunk = Chunk::new(&self.blocks, bytes.min(left).next_multiple_of(8))?;
        let address = chunk.take(size);
        if let Some(full) = self.current.replace(chunk) {
            self.full_bytes += full.used();
            self.full.push(full);
        }
        Some(address)
    }

    /// Copies what lives, with the window closed. If there is no memory to copy it to, nothing
    /// happens.
    ///
    /// # Safety
    /// The promise of [`Heap::collect`].
    unsafe fn copy_all(&mut self, layouts: &[ObjectLayout], roots: &mut dyn Roots) {
        let used = self.used();
        let room = used.max(self.smallest_chunk().min(self.limit));
        let Some(chunk) = Chunk::new(&self.blocks, room) else {
            return;
        };
        let mut copies = Copies {
            next: chunk.start(),
            chunk,
            layouts,
            objects: 0,
        };
        // SAFETY: the caller's promise; the chunk has room for every object that there is.
        unsafe { copies.copy_reachable(roots) };
        let mut old = std::mem::take(&mut self.full);
        old.extend(self.current.take());
        if self.poisons {
            old.iter_mut().for_each(Chunk::poison);
            self.left = old;
        }
        let live = copies.chunk.used();
        let statistics = &mut self.statistics;
        statistics.bytes_allocated += used - statistics.bytes;
        statistics.bytes_moved += live;
        statistics.collections += 1;
        statistics.objects = copies.objects;
        statistics.bytes = live;
        self.full_bytes = 0;
        self.current = Some(copies.chunk);
        self.threshold = live.saturating_mul(2).max(FIRST_COLLECTION).min(self.limit);
    }
}

// SAFETY: memory for objects and for the window comes out of chunks that the heap owns, each byte
// once; chunks are zeros at first. `Copies` moves what can be reached and writes each new address
// wherever the old one was. Chunks are given back after that only.
unsafe impl Heap for CopyingHeap {
    unsafe fn allocate(
        &mut self,
        request: Request,
        mutator: Mutator<'_>,
    ) -> Result<u64, OutOfMemory> {
        let layout = &mutator.layouts[request.ty as usize];
        let size = layout.size_of(request.length).ok_or(OutOfMemory)?;
        self.close(mutator.window);
        let mut place = self.place(size);
        if place.is_none() && size <= self.limit {
            // SAFETY: the caller's promise.
            unsafe { self.copy_all(mutator.layouts, mutator.roots) };
            // An object may be larger than what is there until the next collection, but for the limit.
            let needed = self.used().saturating_add(size);
            self.threshold = self.threshold.max(needed.min(self.limit));
            place = self.place(size);
        }
        self.open(mutator.window);
        let address = place.ok_or(OutOfMemory)?;
        // SAFETY: the memory is of the object's size and nobody else's.
        unsafe {
            write(address, TYPE, type_word(request.ty));
            if layout.elements.is_some() {
                write(address, LENGTH, request.length);
            }
        }
        Ok(address)
    }

    unsafe fn collect(&mut self, mutator: Mutator<'_>) {
        self.close(mutator.window);
        // SAFETY: the caller's promise.
        unsafe { self.copy_all(mutator.layouts, mutator.roots) };
        self.open(mutator.window);
    }

    fn statistics(&self, window: Window) -> HeapStatistics {
        let taken = self
            .current
            .as_ref()
            .map_or(0, |chunk| window.next.saturating_sub(chunk.filled));
        let since = self.used() + taken - self.statistics.bytes;
        HeapStatistics {
            bytes_allocated: self.statistics.bytes_allocated + since,
            ..self.statistics
        }
    }
}

/// A part of an object.
///
/// # Safety
/// It lies inside an object or memory of a heap, at a multiple of its size.
unsafe fn read<T: Copy>(address: u64, offset: u32) -> T {
    let place = std::ptr::with_exposed_provenance::<T>(address as usize + offset as usize);
    // SAFETY: the caller's promise.
    unsafe { place.read() }
}

/// # Safety
/// As for [`read`].
unsafe fn write<T>(address: u64, offset: u32, value: T) {
    let place = std::ptr::with_exposed_provenance_mut::<T>(address as usize + offset as usize);
    // SAFETY: the caller's promise.
    unsafe { place.write(value) };
}

/// The new place of the objects, while they move there.
struct Copies<'a> {
    chunk: Chunk,
    /// Copies before this one refer to copies only.
    next: u64,
    layouts: &'a [ObjectLayout],
    objects: u64,
}

impl<'a> Copies<'a> {
    /// Copies what can be reached.
    ///
    /// # Safety
    /// The roots refer to objects that are not in the chunk, with these layouts, and so do these
    /// objects. The chunk has room for all of them.
    unsafe fn copy_reachable(&mut self, roots: &mut dyn Roots) {
        // SAFETY: what a root holds is an object that may have been copied already.
        roots.each(&mut |place| *place = unsafe { self.copy(*place) });
        while self.next < self.chunk.filled {
            // SAFETY: the objects of the chunk stand behind each other.
            self.next += unsafe { self.copy_references_of(self.next) };
        }
        // SAFETY: as for the other roots.
        roots.each_weak(&mut |place| *place = unsafe { moved_to(*place) }.unwrap_or(0));
    }

    /// Copies an object unless that has been done, and gives its new address.
    ///
    /// # Safety
    /// The address is 0 or that of an object in its old place.
    unsafe fn copy(&mut self, old: u64) -> u64 {
        // SAFETY: the caller's promise.
        unsafe {
            if let Some(new) = moved_to(old) {
                return new;
            }
            let size = self.size(old);
            let new = self.chunk.take(size);
            let from = std::ptr::with_exposed_provenance::<u64>(old as usize);
            let to = std::ptr::with_exposed_provenance_mut::<u64>(new as usize);
            from.copy_to_nonoverlapping(to, size as usize / 8);
            write(old, TYPE, new | MOVED);
            self.objects += 1;
            new
        }
    }

    /// # Safety
    /// The address is that of an object that was not moved.
    unsafe fn layout(&self, object: u64) -> &'a ObjectLayout {
        // SAFETY: every object begins with its type.
        let word = unsafe { read::<u32>(object, TYPE) };
        &self.layouts[type_number(word) as usize]
    }

    /// # Safety
    /// The address is that of an object that was not moved.
    unsafe fn size(&self, object: u64) -> u64 {
        // SAFETY: arrays have their length behind the header.
        unsafe {
            let layout = self.layout(object);
            let length = layout.elements.map_or(0, |_| read(object, LENGTH));
            layout.size_of(length).unwrap_or(u64::MAX)
        }
    }

    /// Copies what a copy refers to, and gives the size of the copy.
    ///
    /// # Safety
    /// The address is that of an object in its new place.
    unsafe fn copy_references_of(&mut self, object: u64) -> u64 {
        // SAFETY: the places are those of references in the object, which is in its new place and
        // refers to objects in their old ones.
        unsafe {
            let size = self.size(object);
            let layout = self.layout(object);
            if layout
                .elements
                .is_some_and(|elements| elements.is_reference)
            {
                let length: u64 = read(object, LENGTH);
                for index in 0..length {
                    self.copy_reference(object + index * 8, ELEMENTS);
                }
            }
            for &offset in &layout.references {
                self.copy_reference(object, offset);
            }
            size
        }
    }

    /// # Safety
    /// A reference to an object in its old place, or 0, is there.
    unsafe fn copy_reference(&mut self, address: u64, offset: u32) {
        // SAFETY: the caller's promise.
        unsafe {
            let new = self.copy(read(address, offset));
            write(address, offset, new);
        }
    }
}

/// Where an object has moved to, if it has; nothing stays nothing.
///
/// # Safety
/// The address is 0 or that of an object in its old place.
unsafe fn moved_to(old: u64) -> Option<u64> {
    if old == 0 {
        return Some(0);
    }
    // SAFETY: every object has at least 8 bytes.
    let word: u64 = unsafe { read(old, TYPE) };
    (word & MOVED != 0).then_some(word & !MOVED)
}
