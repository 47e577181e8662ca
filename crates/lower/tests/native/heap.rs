//! A heap that stands in for the runtime's: it gives memory and never takes any back. Whenever compiled
//! code asks for an object, all objects that can be reached from the frames move, and nothing but rubbish
//! stays behind.

use enjamb_abi::context::Context;
use enjamb_abi::object::{ElementLayout, LENGTH, ObjectLayout, TYPE, type_number, type_word};
use enjamb_ir::hash::FxHashMap;
use std::ops::Range;

/// Where an object has been.
const RUBBISH: u64 = 0xa5a5_a5a5_a5a5_a5a5;
/// What is left of a return address that is signed.
const ADDRESS: u64 = (1 << 48) - 1;

/// The heap of an instance; its context block holds the address.
pub struct TestHeap {
    pub layouts: Vec<ObjectLayout>,
    /// By return address: offsets of live references from the frame pointer.
    pub safepoints: FxHashMap<u64, Vec<i32>>,
    /// The addresses of the instance's code.
    pub code: Range<u64>,
    /// How often compiled code has asked for an object.
    pub requests: u64,
    /// How many objects have moved.
    pub moved: u64,
    /// What the write barrier was told: object, value.
    pub written: Vec<(u64, u64)>,
}

fn read(address: u64) -> u64 {
    // SAFETY: an object or a frame is there.
    unsafe { (address as *const u64).read() }
}

fn write(address: u64, word: u64) {
    // SAFETY: as above, and nobody else looks at it now.
    unsafe { (address as *mut u64).write(word) }
}

impl TestHeap {
    fn make(&self, ty: u64, length: u64) -> Option<u64> {
        let layout = &self.layouts[ty as usize];
        let size = layout.size_of(length).filter(|&size| size < 1 << 30)?;
        let memory = vec![0_u64; size as usize / 8].leak();
        let object = memory.as_ptr() as u64;
        write(object + u64::from(TYPE), type_word(ty as u32).into());
        if layout.elements.is_some() {
            write(object + u64::from(LENGTH), length);
        }
        Some(object)
    }

    /// Moves what can be reached from the frames above the one at `fp`.
    fn collect(&mut self, mut fp: u64) {
        let mut places = Vec::new();
        loop {
            let (caller, returns) = (read(fp), read(fp + 8) & ADDRESS);
            if !self.code.contains(&returns) {
                break;
            }
            let slots = self.safepoints.get(&returns).into_iter().flatten();
            places.extend(slots.map(|&slot| caller.wrapping_add_signed(slot.into())));
            fp = caller;
        }
        let mut moved: FxHashMap<u64, u64> = FxHashMap::default();
        while let Some(place) = places.pop() {
            let object = read(place);
            let new = match moved.get(&object) {
                _ if object == 0 => 0,
                Some(&new) => new,
                None => {
                    let (new, fields) = self.moved_object(object);
                    moved.insert(object, new);
                    places.extend(fields);
                    new
                }
            };
            write(place, new);
        }
        self.moved += moved.len() as u64;
    }

    /// The copy of an object, and the places of the references in it.
    fn moved_object(&self, object: u64) -> (u64, Vec<u64>) {
        let ty = type_number(read(object + u64::from(TYPE)) as u32);
        let layout = &self.layouts[ty as usize];
        let elements = layout.elements.is_some();
        let length = if elements {
            read(object + u64::from(LENGTH))
        } else {
            0
        };
        let new = self
            .make(ty.into(), length)
            .expect("as large as the old one");
        let size = layout.size_of(length).expect("the size of an object");
        for offset in (0..size).step_by(8) {
            write(new + offset, read(object + offset));
            write(object + offset, RUBBISH);
        }
        let fields = layout
            .references
            .iter()
            .map(|&offset| new + u64::from(offset));
        let elements = match layout.elements {
            Some(ElementLayout {
                is_reference: true, ..
            }) => 0..length,
            _ => 0..0,
        };
        let elements = elements.map(|index| new + u64::from(layout.size) + index * 8);
        (new, fields.chain(elements).collect())
    }

    fn request(&mut self, exit_fp: u64, ty: u64, length: u64) -> Option<u64> {
        self.requests += 1;
        self.collect(exit_fp);
        self.make(ty, length)
    }
}

/// Both helpers that make objects.
pub extern "C" fn new(context: *mut Context, ty: u64, buffer: *mut u64) -> u64 {
    // SAFETY: the context is that of an instance, which holds its heap; the buffer has one word.
    let (context, heap, word) = unsafe {
        let context = &mut *context;
        (
            &*context,
            &mut *(context.host as *mut TestHeap),
            &mut *buffer,
        )
    };
    let is_array = heap.layouts[ty as usize].elements.is_some();
    let length = if is_array { *word } else { 0 };
    match heap.request(context.exit_fp, ty, length) {
        Some(object) => {
            *word = object;
            0
        }
        None => 2,
    }
}

/// The write barrier.
pub extern "C" fn wrote(context: *mut Context, _: u64, buffer: *mut u64) -> u64 {
    // SAFETY: as above, and the buffer has two words.
    unsafe {
        let heap = &mut *((*context).host as *mut TestHeap);
        heap.written.push((buffer.read(), buffer.add(1).read()));
    }
    0
}
