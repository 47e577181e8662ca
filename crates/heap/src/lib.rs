//! A copying garbage collector for the objects of Enjamb programs.
//!
//! In: requests for objects, and the places that refer to objects. Out: zeroed memory with a header,
//! and new addresses in those places. [`CopyingHeap`] implements
//! [`Heap`](enjamb_abi::heap::Heap), which is all that the runtime knows of it.
//!
//! ```text
//!  objects:   chunk │ chunk │ chunk with the window      roots ──┐
//!                                                                ↓ what they reach is copied
//!  after a collection:        chunk with all that lives and the window
//! ```
//!
//! The algorithm is Cheney's: what the roots refer to is copied; then the copies are gone through in
//! order, and what these refer to is copied behind them. An object that was copied has its new address
//! in its first word. So a collection takes time for what lives, and no stack.
//!
//! Invariants: a reference in a root or in an object that lives is never one to a place that was left;
//! memory in the window is zeros; objects take no more bytes than the limit says, and twice that
//! while they are copied. It depends on `enjamb-abi` and `enjamb-ir`, and needs neither a compiler nor a runtime:
//!
//! ```
//! use enjamb_abi::heap::{Heap, Mutator, Request, Window};
//! use enjamb_abi::object::ObjectLayout;
//! use enjamb_heap::CopyingHeap;
//! use enjamb_ir::Type;
//!
//! let layouts = [ObjectLayout::of_fields(&[Type::I64, Type::Ref])];
//! let mut heap = CopyingHeap::new(1 << 20);
//! let (mut window, mut roots) = (Window::default(), vec![0_u64]);
//! let request = Request { ty: 0, length: 0 };
//! for number in 1..=1000_u64 {
//!     // SAFETY: the layouts are always these, the only root is that of the list.
//!     unsafe {
//!         let mutator = Mutator { window: &mut window, layouts: &layouts, roots: &mut roots };
//!         let object = heap.allocate(request, mutator)?;
//!         let fields = (object as *mut u64).add(1);
//!         fields.write(number);
//!         // A list, of which only every tenth object goes on.
//!         fields.add(1).write(roots[0]);
//!         if number % 10 == 0 {
//!             roots[0] = object;
//!         }
//!     }
//! }
//! // SAFETY: as above.
//! unsafe {
//!     let mutator = Mutator { window: &mut window, layouts: &layouts, roots: &mut roots };
//!     heap.collect(mutator);
//! }
//! assert_eq!(heap.statistics(window).objects, 100);
//! # Ok::<(), enjamb_abi::heap::OutOfMemory>(())
//! ```

mod chunk;
mod copying;

pub use copying::CopyingHeap;
