//! What an instance asks of its heap.
//!
//! Objects are made in two ways. Compiled code takes small ones from the [`Window`], a stretch of
//! zeroed memory, by moving its start; only what does not fit comes to [`Heap::allocate`]. The heap
//! may move the window whenever it is called.
//!
//! ```text
//!  compiled code ── new ──→ window ── empty ──→ runtime ──→ Heap::allocate ──┐ memory is short
//!                                                  │                        ↓
//!                                                  └─────── Roots ←──── collection
//! ```
//!
//! A collection may move any object. It calls [`Roots`] for every place outside of the heap that
//! holds a reference and writes the new addresses there.

use crate::object::ObjectLayout;
use enjamb_ir::host_objects::HeapStatistics;
use std::fmt;

/// Memory from which compiled code takes objects: all zeros, both ends a multiple of
/// [`ALIGN`](crate::object::ALIGN). It may be empty; no memory at all is two zeros.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// Address of the next object.
    pub next: u64,
    /// Address behind the last byte.
    pub limit: u64,
}

impl Window {
    /// Bytes that are left.
    pub const fn bytes(self) -> u64 {
        self.limit - self.next
    }
}

/// The places outside of a heap that hold references to its objects.
pub trait Roots {
    /// Visits every place whose object is to live on: 0 or the address of an object.
    fn each(&mut self, visit: &mut dyn FnMut(&mut u64));

    /// Visits every place that keeps no object alive, once it is known which objects live on:
    /// `visit` writes the new address, or 0 if the object does not.
    fn each_weak(&mut self, _visit: &mut dyn FnMut(&mut u64)) {}
}

/// No places at all: a collection with these frees everything.
impl Roots for () {
    fn each(&mut self, _visit: &mut dyn FnMut(&mut u64)) {}
}

/// References that somebody holds in a row.
impl Roots for Vec<u64> {
    fn each(&mut self, visit: &mut dyn FnMut(&mut u64)) {
        self.iter_mut().for_each(visit);
    }
}

/// What a heap gets to know of the program that uses it.
pub struct Mutator<'a> {
    /// The window: where compiled code has left it, and where the heap leaves it.
    pub window: &'a mut Window,
    /// Layouts by the number of the type.
    pub layouts: &'a [ObjectLayout],
    /// References outside of the heap.
    pub roots: &'a mut dyn Roots,
}

impl fmt::Debug for Mutator<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mutator({:?})", self.window)
    }
}

/// An object to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// The number of its type.
    pub ty: u32,
    /// The number of elements, if it is an array; otherwise 0.
    pub length: u64,
}

/// There is no memory for an object, within the limit of the heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory;

impl fmt::Display for OutOfMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the heap has no memory for the object")
    }
}

impl std::error::Error for OutOfMemory {}

/// The heap of an instance: makes objects, and finds out which ones are needed no more.
///
/// # Safety
/// An object that [`Heap::allocate`] gives and memory in the window belong to nobody else, and the
/// object has its header, its length and otherwise zeros. Every object that can be reached from the
/// roots stays as it is, until a call says at each place that refers to it where it has gone.
/// Nothing changes between calls. No method panics: nobody could go on with objects that have moved in part.
pub unsafe trait Heap: Send + fmt::Debug {
    /// Makes an object, collecting if that is what it takes.
    ///
    /// # Errors
    /// If there is no memory for it even then.
    ///
    /// # Safety
    /// The layouts are the same at every call for this heap; the request names one. The window
    /// is as this heap has left it, or further on with objects in what was taken. The roots are all
    /// places outside that refer to objects which will be used, and each is 0 or one of this heap.
    unsafe fn allocate(
        &mut self,
        request: Request,
        mutator: Mutator<'_>,
    ) -> Result<u64, OutOfMemory>;

    /// Frees what cannot be reached from the roots.
    ///
    /// # Safety
    /// As for [`Heap::allocate`].
    unsafe fn collect(&mut self, mutator: Mutator<'_>);

    /// Whether [`Heap::wrote`] is to be called. Code is compiled for one answer, so it never changes.
    fn wants_write_barrier(&self) -> bool {
        false
    }

    /// A reference to `value`, or 0, has been written into `object`.
    ///
    /// # Safety
    /// Both are objects of this heap.
    unsafe fn wrote(&mut self, _object: u64, _value: u64) {}

    /// What it has done so far, with the window where compiled code has left it.
    fn statistics(&self, window: Window) -> HeapStatistics;
}
