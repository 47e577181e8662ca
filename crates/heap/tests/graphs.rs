//! Random programs on objects, with a model beside them that nothing moves.

use enjamb_abi::heap::{Heap, Mutator, OutOfMemory, Request, Roots, Window};
use enjamb_abi::memory::{Blocks, GlobalBlocks};
use enjamb_abi::object::{ELEMENTS, LENGTH, ObjectLayout, TYPE, type_number, type_word};
use enjamb_heap::CopyingHeap;
use enjamb_ir::Type;
use std::alloc::Layout;
use std::collections::HashMap;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Numbers of SplitMix64.
struct Rng(u64);

impl Rng {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((word ^ (word >> 31)) % limit as u64) as usize
    }
}

/// Types of fields, or of the elements of an array.
enum Shape {
    Fields(&'static [Type]),
    Array(Type),
}

const SHAPES: [Shape; 6] = [
    Shape::Fields(&[Type::I64, Type::Ref]),
    Shape::Fields(&[]),
    Shape::Fields(&[Type::Ref, Type::I8, Type::Ref, Type::I32, Type::Ref]),
    Shape::Array(Type::Ref),
    Shape::Array(Type::I8),
    Shape::Array(Type::I64),
];

fn layouts() -> Vec<ObjectLayout> {
    let layout = |shape: &Shape| match shape {
        Shape::Fields(types) => ObjectLayout::of_fields(types),
        Shape::Array(element) => ObjectLayout::of_array(*element),
    };
    SHAPES.iter().map(layout).collect()
}

/// An object of the model: what is in each place.
struct Object {
    ty: usize,
    places: Vec<Place>,
}

#[derive(Clone, Copy)]
enum Place {
    Reference(Option<usize>),
    Number(Type, u64),
}

impl Place {
    fn new(ty: Type) -> Place {
        match ty {
            Type::Ref => Place::Reference(None),
            ty => Place::Number(ty, 0),
        }
    }
}

/// A heap and its model.
struct Pair {
    heap: CopyingHeap,
    window: Window,
    layouts: Vec<ObjectLayout>,
    roots: Vec<u64>,
    objects: Vec<Object>,
    model_roots: Vec<Option<usize>>,
}

fn place<T>(object: u64, offset: u32) -> *mut T {
    std::ptr::with_exposed_provenance_mut(object as usize + offset as usize)
}

fn read(ty: Type, object: u64, offset: u32) -> u64 {
    // SAFETY: the pair asks for places of its objects.
    unsafe {
        match ty.bytes() {
            1 => place::<u8>(object, offset).read().into(),
            4 => place::<u32>(object, offset).read().into(),
            _ => place::<u64>(object, offset).read(),
        }
    }
}

fn write(ty: Type, object: u64, offset: u32, value: u64) {
    // SAFETY: as in `read`.
    unsafe {
        match ty.bytes() {
            1 => place::<u8>(object, offset).write(value as u8),
            4 => place::<u32>(object, offset).write(value as u32),
            _ => place::<u64>(object, offset).write(value),
        }
    }
}

impl Pair {
    fn new(heap: CopyingHeap, roots: usize) -> Pair {
        Pair {
            heap,
            window: Window::default(),
            layouts: layouts(),
            roots: vec![0; roots],
            objects: Vec::new(),
            model_roots: vec![None; roots],
        }
    }

    fn with_mutator<R>(&mut self, run: impl FnOnce(&mut CopyingHeap, Mutator<'_>) -> R) -> R {
        let mutator = Mutator {
            window: &mut self.window,
            layouts: &self.layouts,
            roots: &mut self.roots,
        };
        run(&mut self.heap, mutator)
    }

    fn offset(&self, ty: usize, place: usize) -> u32 {
        match self.layouts[ty].elements {
            Some(element) => ELEMENTS + element.size * place as u32,
            None => self.layouts[ty].offsets[place],
        }
    }

    /// Makes an object as compiled code does: out of the window, if it fits.
    fn allocate(&mut self, ty: usize, length: u64) -> Result<u64, OutOfMemory> {
        let size = self.layouts[ty].size_of(length).ok_or(OutOfMemory)?;
        if self.layouts[ty].elements.is_none() && size <= self.window.bytes() {
            let object = self.window.next;
            self.window.next += size;
            write(Type::I32, object, TYPE, type_word(ty as u32).into());
            return Ok(object);
        }
        let request = Request {
            ty: ty as u32,
            length,
        };
        // SAFETY: the roots are all there are, the layouts never change.
        self.with_mutator(|heap, mutator| unsafe { heap.allocate(request, mutator) })
    }

    fn make(&mut self, root: usize, ty: usize, length: usize) -> Result<(), OutOfMemory> {
        self.roots[root] = self.allocate(ty, length as u64)?;
        let places = match &SHAPES[ty] {
            Shape::Fields(types) => types.iter().map(|&ty| Place::new(ty)).collect(),
            Shape::Array(element) => vec![Place::new(*element); length],
        };
        self.objects.push(Object { ty, places });
        self.model_roots[root] = Some(self.objects.len() - 1);
        Ok(())
    }

    fn collect(&mut self) {
        // SAFETY: as in `allocate`.
        self.with_mutator(|heap, mutator| unsafe { heap.collect(mutator) });
    }

    /// Changes a place of an object, or puts what it refers to into a root.
    fn touch(&mut self, rng: &mut Rng) {
        let (root, other) = (rng.below(self.roots.len()), rng.below(self.roots.len()));
        let Some(object) = self.model_roots[root] else {
            self.roots[root] = self.roots[other];
            self.model_roots[root] = self.model_roots[other];
            return;
        };
        let ty = self.objects[object].ty;
        let count = self.objects[object].places.len();
        if count == 0 || rng.below(20) == 0 {
            (self.roots[root], self.model_roots[root]) = (0, None);
            return;
        }
        let index = rng.below(count);
        let offset = self.offset(ty, index);
        let loads = rng.below(3) == 0;
        match &mut self.objects[object].places[index] {
            Place::Reference(reference) if loads => {
                self.roots[other] = read(Type::Ref, self.roots[root], offset);
                self.model_roots[other] = *reference;
            }
            Place::Reference(reference) => {
                *reference = self.model_roots[other];
                write(Type::Ref, self.roots[root], offset, self.roots[other]);
            }
            Place::Number(number, value) => {
                *value = rng.below(1 << (number.bits().min(32) - 1)) as u64;
                write(*number, self.roots[root], offset, *value);
            }
        }
    }

    /// Compares everything that can be reached, and gives the number of objects.
    fn compare(&self) -> u64 {
        let mut known: HashMap<usize, u64> = HashMap::new();
        let roots = self
            .model_roots
            .iter()
            .copied()
            .zip(self.roots.iter().copied());
        let mut waiting: Vec<(Option<usize>, u64)> = roots.collect();
        while let Some((model, address)) = waiting.pop() {
            let Some(model) = model else {
                assert_eq!(address, 0);
                continue;
            };
            if let Some(known) = known.insert(model, address) {
                assert_eq!(known, address, "an object has become two");
                continue;
            }
            let Object { ty, places } = &self.objects[model];
            let word = read(Type::I32, address, TYPE) as u32;
            assert_eq!(type_number(word), *ty as u32);
            if self.layouts[*ty].elements.is_some() {
                assert_eq!(read(Type::I64, address, LENGTH), places.len() as u64);
            }
            for (index, place) in places.iter().enumerate() {
                let offset = self.offset(*ty, index);
                match *place {
                    Place::Reference(reference) => {
                        waiting.push((reference, read(Type::Ref, address, offset)));
                    }
                    Place::Number(ty, value) => assert_eq!(read(ty, address, offset), value),
                }
            }
        }
        let mut addresses: Vec<u64> = known.values().copied().collect();
        addresses.sort_unstable();
        addresses.dedup();
        assert_eq!(addresses.len(), known.len(), "two objects have become one");
        known.len() as u64
    }
}

fn run(seed: u64, heap: CopyingHeap, steps: usize, collect_each: usize) {
    let mut rng = Rng(seed);
    let mut pair = Pair::new(heap, 12);
    for step in 0..steps {
        if rng.below(3) == 0 {
            let (root, ty) = (rng.below(12), rng.below(SHAPES.len()));
            let length = match rng.below(50) {
                0 => rng.below(20_000),
                _ => rng.below(12),
            };
            let length = if pair.layouts[ty].elements.is_some() {
                length
            } else {
                0
            };
            pair.make(root, ty, length).expect("the limit is far away");
        } else {
            pair.touch(&mut rng);
        }
        if step % collect_each == 0 {
            let alive = pair.compare();
            pair.collect();
            assert_eq!(pair.compare(), alive);
            assert_eq!(pair.heap.statistics(pair.window).objects, alive);
        }
    }
    assert!(pair.compare() > 0);
}

#[test]
fn graphs_stay_what_they_are() {
    let steps = if cfg!(miri) { 300 } else { 20_000 };
    for seed in 0..8 {
        run(seed, CopyingHeap::new(1 << 30), steps, steps / 10);
    }
}

#[test]
fn graphs_stay_what_they_are_when_everything_moves_all_the_time() {
    let steps = if cfg!(miri) { 100 } else { 3000 };
    for seed in 100..108 {
        run(seed, CopyingHeap::new(1 << 30).poison(true), steps, 1);
    }
}

/// The global allocator, which refuses most requests.
#[derive(Debug, Default)]
struct Stingy {
    requests: AtomicU64,
    live: AtomicU64,
}

// SAFETY: what it gives is the global allocator's.
unsafe impl Blocks for Stingy {
    fn allocate(&self, layout: Layout) -> Option<NonNull<u8>> {
        let number = self.requests.fetch_add(1, Relaxed);
        let is_granted = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 61 == 0;
        let block = is_granted
            .then(|| GlobalBlocks.allocate(layout))
            .flatten()?;
        self.live.fetch_add(1, Relaxed);
        Some(block)
    }

    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        self.live.fetch_sub(1, Relaxed);
        // SAFETY: the caller's promise.
        unsafe { GlobalBlocks.free(block, layout) };
    }
}

#[test]
fn graphs_stay_what_they_are_when_memory_is_refused() {
    let steps = if cfg!(miri) { 100 } else { 3000 };
    for seed in 200..208 {
        let (mut rng, stingy) = (Rng(seed), Arc::new(Stingy::default()));
        let heap = CopyingHeap::new(1 << 20).blocks(stingy.clone());
        let mut pair = Pair::new(heap.poison(seed % 2 == 0), 5);
        let (mut made, mut refused) = (0, 0);
        for _ in 0..steps {
            let (root, ty) = (rng.below(5), rng.below(SHAPES.len()));
            let is_array = matches!(SHAPES[ty], Shape::Array(_));
            let length = if is_array { rng.below(2000) } else { 0 };
            match pair.make(root, ty, length) {
                Ok(()) => made += 1,
                Err(OutOfMemory) => refused += 1,
            }
            (0..5).for_each(|_| pair.touch(&mut rng));
            if rng.below(10) == 0 {
                pair.collect();
            }
            pair.compare();
        }
        assert!(
            made > steps / 4 && refused > steps / 100,
            "{made}, {refused}"
        );
        assert!(pair.heap.statistics(pair.window).collections > 0);
        drop(pair);
        assert_eq!(stingy.live.load(Relaxed), 0);
    }
}

#[test]
fn garbage_is_found_without_being_asked() {
    let mut pair = Pair::new(CopyingHeap::new(8 << 20), 2);
    for number in 0..if cfg!(miri) { 100 } else { 300_000 } {
        pair.make(0, 0, 0).unwrap();
        if number % 1000 == 0 {
            pair.make(1, 3, 50).unwrap();
        }
    }
    let statistics = pair.heap.statistics(pair.window);
    assert!(cfg!(miri) || statistics.collections > 4, "{statistics:?}");
    assert!(
        cfg!(miri) || statistics.bytes_allocated >= 300_000 * 24,
        "{statistics:?}"
    );
    assert!(
        statistics.objects <= 2 && statistics.bytes_moved < 10_000,
        "{statistics:?}"
    );
}

#[test]
fn the_limit_holds_to_the_object() {
    for limit in [100, 1000, 40_000, 1 << 20] {
        let mut pair = Pair::new(CopyingHeap::new(limit), 1);
        let mut count = 0;
        // A list: everything lives. An allocation may move what the root refers to.
        while let Ok(object) = pair.allocate(0, 0) {
            write(Type::Ref, object, pair.offset(0, 1), pair.roots[0]);
            pair.roots[0] = object;
            count += 1;
        }
        assert_eq!(count, limit / 24, "objects in {limit} bytes");
        pair.roots[0] = 0;
        assert!(
            pair.allocate(0, 0).is_ok(),
            "what was freed can be used again"
        );
    }
}

#[test]
fn large_arrays_move_and_too_large_ones_are_refused() {
    let mut pair = Pair::new(CopyingHeap::new(64 << 20), 3);
    let length = if cfg!(miri) { 10_000 } else { 1_000_000 };
    pair.make(0, 5, length).unwrap();
    pair.make(1, 3, length).unwrap();
    write(Type::I64, pair.roots[0], pair.offset(5, length - 1), 77);
    pair.objects[0].places[length - 1] = Place::Number(Type::I64, 77);
    let (from, to) = (pair.roots[0], pair.roots[1]);
    write(Type::Ref, to, pair.offset(3, length / 2), from);
    pair.objects[1].places[length / 2] = Place::Reference(Some(0));
    (pair.roots[0], pair.model_roots[0]) = (0, None);
    pair.collect();
    assert_ne!(pair.roots[1], to);
    assert_eq!(pair.compare(), 2);
    for length in [8 << 20, 1 << 40, u64::MAX / 8, u64::MAX] {
        assert_eq!(pair.allocate(5, length), Err(OutOfMemory), "{length}");
    }
    assert_eq!(pair.compare(), 2, "nothing happens to the others");
}

#[test]
fn weak_places_learn_what_has_become_of_their_objects() {
    struct Both([u64; 1], [u64; 3]);
    impl Roots for Both {
        fn each(&mut self, visit: &mut dyn FnMut(&mut u64)) {
            self.0.iter_mut().for_each(visit);
        }
        fn each_weak(&mut self, visit: &mut dyn FnMut(&mut u64)) {
            self.1.iter_mut().for_each(visit);
        }
    }
    let mut pair = Pair::new(CopyingHeap::new(1 << 20), 2);
    pair.make(0, 0, 0).unwrap();
    pair.make(1, 0, 0).unwrap();
    let mut roots = Both([pair.roots[0]], [pair.roots[0], pair.roots[1], 0]);
    let mutator = Mutator {
        window: &mut pair.window,
        layouts: &pair.layouts,
        roots: &mut roots,
    };
    // SAFETY: only these are used from here on.
    unsafe { pair.heap.collect(mutator) };
    assert_ne!(roots.0[0], pair.roots[0]);
    assert_eq!(roots.1, [roots.0[0], 0, 0]);
}

#[test]
fn an_old_place_is_recognised() {
    let mut pair = Pair::new(CopyingHeap::new(1 << 20).poison(true), 1);
    pair.make(0, 0, 0).unwrap();
    let old = pair.roots[0];
    pair.collect();
    assert_eq!(read(Type::I64, old, 8), 0xa5a5_a5a5_a5a5_a5a5);
    assert_eq!(pair.compare(), 1);
}
