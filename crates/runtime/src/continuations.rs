//! Where continuations live.
//!
//! Objects up to [`LARGEST_CLASS`] bytes are carved from chunks and go back to the free list of
//! their class, larger ones are allocations of their own. Compiled code takes from and gives to the
//! free lists in the context block; it comes here when a list is empty.
//!
//! When the instance counts, it asks for every object: code compiled for counting returns all
//! objects to the list of the large ones, which [`Continuations::drain`] empties before each allocation
//! into lists of its own. So the lists of the classes stay empty and the counts are exact.

use crate::error::NoMemory;
use crate::options::Options;
use enjamb_abi::context::free_list_offset;
use enjamb_abi::continuation::{
    CLASS_STEP, ContinuationHeader, FREE_LISTS, LARGEST_CLASS, free_list_index,
};
use enjamb_abi::memory::Blocks;
use enjamb_ir::hash::FxHashSet;
use std::alloc::Layout;
use std::ptr::NonNull;
use std::sync::Arc;

/// A continuation.
pub(crate) type Object = NonNull<ContinuationHeader>;

/// The free lists of a context block.
pub(crate) type FreeLists = [u64; FREE_LISTS];

const ALIGN: usize = 16;
/// Chunks of the first size; behind them they are larger by this factor.
const SMALL_CHUNKS: usize = 16;
const GROWTH: usize = 16;
/// Objects that a class gets at once.
const BATCH: u32 = 32;

/// Counts of continuations, kept when the instance counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) allocated: u64,
    pub(crate) live: u64,
    pub(crate) live_bytes: u64,
    pub(crate) peak_bytes: u64,
    /// Of roots, which are in none of the others.
    pub(crate) root_bytes: u64,
}

/// What objects of the classes are carved from.
#[derive(Debug)]
struct Chunks {
    /// Where they come from, and objects that are larger.
    blocks: Arc<dyn Blocks>,
    all: Vec<(NonNull<u8>, Layout)>,
    /// The part of the last chunk that no object has had.
    fresh: std::ops::Range<usize>,
    /// Bytes of the first chunks.
    first_bytes: usize,
}

/// The continuations of an instance.
#[derive(Debug)]
pub(crate) struct Continuations {
    chunks: Chunks,
    /// Free objects by class, when counting.
    recycled: FreeLists,
    large: FxHashSet<(u64, u32)>,
    limit: u64,
    /// What counts against the limit: objects, free ones of the classes too, and charges.
    used: u64,
    /// Of this, objects of the classes.
    carved: u64,
    counting: bool,
    counts: Counts,
}

/// The size of an object, from the record of the point where it was last suspended.
///
/// # Safety
/// The object is one of an instance and its `info` points to a record.
pub(crate) unsafe fn size_of_object(object: Object) -> u32 {
    // SAFETY: the caller's promise.
    unsafe { (*(*object.as_ptr()).info).size }
}

fn push(list: &mut u64, object: Object) {
    // SAFETY: a free object: at least a header, and nobody else's.
    unsafe { (*object.as_ptr()).next = *list as *mut ContinuationHeader };
    *list = object.as_ptr() as u64;
}

fn pop(list: &mut u64) -> Option<Object> {
    let object = NonNull::new(*list as *mut ContinuationHeader)?;
    // SAFETY: lists hold free objects, linked through their headers.
    *list = unsafe { (*object.as_ptr()).next } as u64;
    Some(object)
}

impl Continuations {
    pub(crate) fn new(blocks: &Arc<dyn Blocks>, options: &Options) -> Continuations {
        Continuations {
            chunks: Chunks {
                blocks: Arc::clone(blocks),
                all: Vec::new(),
                fresh: 0..0,
                first_bytes: options.continuation_chunk as usize,
            },
            recycled: [0; FREE_LISTS],
            large: FxHashSet::default(),
            limit: options.continuation_limit,
            used: 0,
            carved: 0,
            counting: options.count,
            counts: Counts::default(),
        }
    }

    /// Counts as of now.
    pub(crate) fn counts(&mut self, lists: &mut FreeLists) -> Counts {
        self.drain(lists);
        self.counts
    }

    /// Bytes of the objects that somebody has, roots of tasks included, whether it counts or not: what was ever
    /// made without what is free.
    pub(crate) fn bytes_in_use(&mut self, lists: &mut FreeLists) -> u64 {
        self.drain(lists);
        let large: u64 = self.large.iter().map(|&(_, size)| u64::from(size)).sum();
        let mut free = 0;
        for lists in [&*lists, &self.recycled] {
            for (class, &first) in lists.iter().enumerate() {
                let size = (class as u64 + 1) * u64::from(CLASS_STEP);
                let mut next = first as *const ContinuationHeader;
                // SAFETY: lists hold free objects, linked through their headers.
                while let Some(header) = unsafe { next.as_ref() } {
                    free += size;
                    next = header.next;
                }
            }
        }
        self.carved + large - free
    }

    /// An object for a suspended frame, or `None` if the limit is reached or there is no memory.
    pub(crate) fn allocate_frame(&mut self, lists: &mut FreeLists, size: u32) -> Option<Object> {
        let object = self.allocate(lists, size)?;
        if self.counting {
            self.counts.allocated += 1;
            self.counts.live += 1;
            self.counts.live_bytes += u64::from(size);
            self.counts.peak_bytes = self.counts.peak_bytes.max(self.counts.live_bytes);
        }
        Some(object)
    }

    /// An object for the root of a task.
    pub(crate) fn allocate_root(&mut self, lists: &mut FreeLists, size: u32) -> Option<Object> {
        let object = self.allocate(lists, size)?;
        if self.counting {
            self.counts.root_bytes += u64::from(size);
        }
        Some(object)
    }

    /// Takes back the root of a task, of this size.
    pub(crate) fn free_root(&mut self, lists: &mut FreeLists, root: Object, size: u32) {
        if self.counting {
            self.counts.root_bytes -= u64::from(size);
        }
        self.free(lists, root, size);
    }

    /// An object in no count.
    fn allocate(&mut self, lists: &mut FreeLists, size: u32) -> Option<Object> {
        debug_assert!(size >= 16 && size.is_multiple_of(8));
        self.drain(lists);
        if size > LARGEST_CLASS {
            return self.allocate_large(size);
        }
        // Near the limit no class gets more than a part of what is left for all.
        let affordable = (self.limit.saturating_sub(self.used) / u64::from(size))
            .min(u64::from(u32::MAX)) as u32;
        let (lists, batch) = match self.counting {
            true => (&mut self.recycled, affordable.min(1)),
            false => (lists, affordable.div_ceil(8).min(BATCH)),
        };
        let list = &mut lists[free_list_index(size)];
        if let Some(object) = pop(list) {
            return Some(object);
        }
        let (first, count) = self.chunks.carve(batch, size)?;
        self.used += u64::from(size) * u64::from(count);
        self.carved += u64::from(size) * u64::from(count);
        for number in (0..count).rev() {
            let address = first + (number * size) as usize;
            push(list, NonNull::new(address as *mut ContinuationHeader)?);
        }
        pop(list)
    }

    fn allocate_large(&mut self, size: u32) -> Option<Object> {
        if self.used + u64::from(size) > self.limit {
            return None;
        }
        let layout = Layout::from_size_align(size as usize, ALIGN).ok()?;
        let object = self.chunks.blocks.allocate(layout)?.cast();
        self.large.insert((object.as_ptr() as u64, size));
        self.used += u64::from(size);
        Some(object)
    }

    /// Takes back a frame's object.
    ///
    /// # Safety
    /// It came from [`Continuations::allocate_frame`], has been suspended, and nothing refers to it.
    pub(crate) unsafe fn free_frame(&mut self, lists: &mut FreeLists, object: Object) {
        // SAFETY: a suspended object has a record.
        let size = unsafe { size_of_object(object) };
        if self.counting {
            self.counts.live -= 1;
            self.counts.live_bytes -= u64::from(size);
        }
        self.free(lists, object, size);
    }

    /// Takes back an object of this size that nothing refers to.
    fn free(&mut self, lists: &mut FreeLists, object: Object, size: u32) {
        if size <= LARGEST_CLASS {
            let lists = if self.counting {
                &mut self.recycled
            } else {
                lists
            };
            push(&mut lists[free_list_index(size)], object);
        } else if self.large.remove(&(object.as_ptr() as u64, size)) {
            self.used -= u64::from(size);
            release_large(&*self.chunks.blocks, object.as_ptr() as u64, size);
        }
    }

    /// Why something of so many bytes cannot be had.
    pub(crate) fn refusal(&self, what: &str, bytes: u64) -> NoMemory {
        let reason = match self.used.saturating_add(bytes) > self.limit {
            true => format!("the limit is {} bytes", self.limit),
            false => "there is none left".to_string(),
        };
        NoMemory(format!("no memory for {what}, {bytes} bytes: {reason}"))
    }

    /// Counts bytes that the instance keeps elsewhere against the limit, if they fit.
    pub(crate) fn charge(&mut self, bytes: u64) -> bool {
        let used = self.used.saturating_add(bytes);
        let fits = used <= self.limit;
        if fits {
            self.used = used;
        }
        fits
    }

    /// The same whether they fit or not.
    pub(crate) fn charge_anyway(&mut self, bytes: u64) {
        self.used = self.used.saturating_add(bytes);
    }

    /// Takes back what the two have counted.
    pub(crate) fn discharge(&mut self, bytes: u64) {
        self.used -= bytes;
    }

    /// Takes back the objects of the classes, if they are many. No object may be alive. After that
    /// what one class had is open to all of them.
    pub(crate) fn reset(&mut self, lists: &mut FreeLists) {
        if self.used <= self.limit / 2 {
            return;
        }
        self.drain(lists);
        *lists = [0; FREE_LISTS];
        self.recycled = [0; FREE_LISTS];
        self.used -= std::mem::take(&mut self.carved);
        self.chunks.release();
    }

    /// Takes the objects that compiled code has put on the list of large ones.
    pub(crate) fn drain(&mut self, lists: &mut FreeLists) {
        const { assert!(free_list_offset(LARGEST_CLASS + 8) > free_list_offset(LARGEST_CLASS)) };
        while let Some(object) = pop(&mut lists[FREE_LISTS - 1]) {
            // SAFETY: the dispatcher frees objects of frames, after their last suspension.
            unsafe { self.free_frame(lists, object) };
        }
    }
}

impl Chunks {
    /// Takes up to `batch` objects in a row from the fresh part of the last chunk, or from a new one:
    /// the address of the first, and how many.
    fn carve(&mut self, batch: u32, size: u32) -> Option<(usize, u32)> {
        if batch == 0 {
            return None;
        }
        if self.fresh.len() < size as usize {
            let growth = if self.all.len() < SMALL_CHUNKS {
                1
            } else {
                GROWTH
            };
            let bytes = self.first_bytes.saturating_mul(growth).max(size as usize);
            let layout = Layout::from_size_align(bytes, ALIGN).ok()?;
            let chunk = self.blocks.allocate_zeroed(layout)?;
            self.all.push((chunk, layout));
            self.fresh = chunk.as_ptr() as usize..chunk.as_ptr() as usize + bytes;
        }
        let count = batch.min((self.fresh.len() / size as usize) as u32);
        let first = self.fresh.start;
        self.fresh.start += (count * size) as usize;
        Some((first, count))
    }

    fn release(&mut self) {
        self.fresh = 0..0;
        for (chunk, layout) in self.all.drain(..) {
            // SAFETY: it came from there in `carve`, with this layout. Nothing uses the objects in it:
            // none is alive when all is reset or dropped.
            unsafe { self.blocks.free(chunk, layout) };
        }
    }
}

fn release_large(blocks: &dyn Blocks, address: u64, size: u32) {
    if let Ok(layout) = Layout::from_size_align(size as usize, ALIGN)
        && let Some(object) = NonNull::new(address as *mut u8)
    {
        // SAFETY: `allocate_large` made it with this layout and recorded both; it is released once,
        // when it leaves the record.
        unsafe { blocks.free(object, layout) };
    }
}

impl Drop for Continuations {
    fn drop(&mut self) {
        for &(address, size) in &self.large {
            release_large(&*self.chunks.blocks, address, size);
        }
        self.chunks.release();
    }
}

// SAFETY: it owns its chunks and objects; none belongs to a thread.
unsafe impl Send for Continuations {}

#[cfg(test)]
mod tests {
    use super::*;
    use enjamb_abi::continuation::PointRecord;
    use enjamb_abi::memory::GlobalBlocks;

    fn continuations(continuation_limit: u64, count: bool) -> Continuations {
        let blocks: Arc<dyn Blocks> = Arc::new(GlobalBlocks);
        let options = Options {
            continuation_limit,
            count,
            ..Options::default()
        };
        Continuations::new(&blocks, &options)
    }

    fn record(size: u32) -> PointRecord {
        PointRecord {
            resume: 0,
            entry: 0,
            free_list: 0,
            size,
            layout: 0,
            state: 0,
            function: 0,
            exceptional: 0,
        }
    }

    #[test]
    fn objects_of_a_class_are_apart_and_reused() {
        let (mut all, mut lists) = (continuations(1 << 20, false), [0; FREE_LISTS]);
        let mut addresses: Vec<usize> = (0..100)
            .map(|_| all.allocate_frame(&mut lists, 48).unwrap().as_ptr() as usize)
            .collect();
        let last = *addresses.last().unwrap();
        all.free(&mut lists, NonNull::new(last as *mut _).unwrap(), 48);
        let again = all.allocate_frame(&mut lists, 48).unwrap();
        assert_eq!(again.as_ptr() as usize, last);
        addresses.sort_unstable();
        assert!(addresses.windows(2).all(|pair| pair[1] - pair[0] >= 48));
    }

    #[test]
    fn what_is_in_use_is_known_without_counting() {
        for counting in [false, true] {
            let (mut all, mut lists) = (continuations(1 << 20, counting), [0; FREE_LISTS]);
            let sizes = [16, 48, 48, LARGEST_CLASS, 600];
            let records = sizes.map(record);
            let objects = sizes.map(|size| all.allocate_frame(&mut lists, size).unwrap());
            let root = all.allocate_root(&mut lists, 24).unwrap();
            let mut left = u64::from(sizes.iter().sum::<u32>() + 24);
            assert_eq!(all.bytes_in_use(&mut lists), left);
            for (object, record) in objects.into_iter().zip(&records) {
                // SAFETY: a live object of these, freed once.
                unsafe {
                    (*object.as_ptr()).info = record;
                    all.free_frame(&mut lists, object);
                }
                left -= u64::from(record.size);
                assert_eq!(all.bytes_in_use(&mut lists), left);
            }
            all.free_root(&mut lists, root, 24);
            assert_eq!(all.bytes_in_use(&mut lists), 0);
        }
    }

    #[test]
    fn the_limit_holds_to_the_object() {
        let (mut all, mut lists) = (continuations(1000, false), [0; FREE_LISTS]);
        let small = (0..).take_while(|_| all.allocate_frame(&mut lists, 64).is_some());
        assert_eq!(small.count(), 15);
        let (mut all, mut lists) = (continuations(1000, false), [0; FREE_LISTS]);
        let first = all.allocate_frame(&mut lists, 504).unwrap();
        assert!(all.allocate_frame(&mut lists, 504).is_none());
        all.free(&mut lists, first, 504);
        assert!(all.allocate_frame(&mut lists, 504).is_some());
    }

    /// Has no memory.
    #[derive(Debug)]
    struct Empty;

    // SAFETY: it gives nothing.
    unsafe impl Blocks for Empty {
        fn allocate(&self, _: Layout) -> Option<NonNull<u8>> {
            None
        }
        unsafe fn free(&self, _: NonNull<u8>, _: Layout) {}
    }

    #[test]
    fn what_was_refused_counts_for_nothing() {
        for (count, size) in [(false, 48), (true, 48), (false, 600), (true, 600)] {
            let (mut all, mut lists) = (continuations(1000, count), [0; FREE_LISTS]);
            let blocks = std::mem::replace(&mut all.chunks.blocks, Arc::new(Empty));
            for _ in 0..100 {
                assert!(all.allocate_frame(&mut lists, size).is_none());
                assert!(all.allocate_root(&mut lists, size).is_none());
            }
            let reason = all.refusal("a frame", size.into()).0;
            let expected = format!("no memory for a frame, {size} bytes: there is none left");
            assert_eq!((all.used, reason), (0, expected));
            assert_eq!(all.counts(&mut lists).live, 0);
            all.chunks.blocks = blocks;
            assert!(all.allocate_frame(&mut lists, size).is_some());
            let reason = all.refusal("a frame", 1000).0;
            assert!(reason.ends_with("the limit is 1000 bytes"), "{reason}");
        }
    }

    #[test]
    fn what_is_kept_elsewhere_counts_too() {
        let (mut all, mut lists) = (continuations(1000, false), [0; FREE_LISTS]);
        assert!(!all.charge(1001));
        assert!(all.charge(600));
        assert!(all.allocate(&mut lists, 504).is_none());
        assert!(!all.charge(401));
        all.discharge(600);
        assert!(all.allocate(&mut lists, 504).is_some());
    }

    #[test]
    fn what_one_class_had_is_open_to_all_after_a_reset() {
        for counting in [false, true] {
            let (mut all, mut lists) = (continuations(1000, counting), [0; FREE_LISTS]);
            let record = record(64);
            assert!(all.charge(30));
            for _ in 0..2 {
                let objects = std::iter::from_fn(|| all.allocate_frame(&mut lists, 64));
                let objects: Vec<Object> = objects.collect();
                assert_eq!(objects.len(), 15);
                for object in objects {
                    // SAFETY: a live object of these, freed once.
                    unsafe {
                        (*object.as_ptr()).info = &record;
                        all.free_frame(&mut lists, object);
                    }
                }
                assert!(all.allocate(&mut lists, 128).is_none());
                all.reset(&mut lists);
                assert_eq!((all.used, all.chunks.all.len()), (30, 0));
                assert_eq!(all.counts(&mut lists).live, 0);
            }
            assert!(all.allocate(&mut lists, 128).is_some());
        }
    }

    #[test]
    fn roots_get_the_space_of_large_frames_that_have_finished() {
        let (mut all, mut lists) = (continuations(1000, false), [0; FREE_LISTS]);
        let record = record(600);
        let frame = all.allocate_frame(&mut lists, 600).unwrap();
        // SAFETY: an object of these; `push` is what the dispatcher does.
        unsafe { (*frame.as_ptr()).info = &record };
        push(&mut lists[FREE_LISTS - 1], frame);
        assert!(all.allocate(&mut lists, 504).is_some());
    }

    #[test]
    fn counts_are_exact_when_code_frees_to_the_last_list() {
        let (mut all, mut lists) = (continuations(1 << 20, true), [0; FREE_LISTS]);
        let (small, large) = (record(32), record(400));
        for (round, record) in [&small, &large, &small].into_iter().enumerate() {
            let object = all.allocate_frame(&mut lists, record.size).unwrap();
            assert!(lists[..FREE_LISTS - 1].iter().all(|&list| list == 0));
            assert_eq!(all.counts(&mut lists).live, 1);
            // SAFETY: an object of these; `push` is what the dispatcher does.
            unsafe { (*object.as_ptr()).info = record };
            push(&mut lists[FREE_LISTS - 1], object);
            let counts = all.counts(&mut lists);
            assert_eq!((counts.allocated, counts.live), (round as u64 + 1, 0));
        }
        assert_eq!(all.counts(&mut lists).peak_bytes, 400);
    }
}
