//! The objects of an instance: its heap, and everything that the heap has to be told.
//!
//! ```text
//!  compiled code ── stubs ──→ helpers ─┐                         ┌─→ roots: frames, chains, tasks,
//!                                      ├─→ State ─→ dyn Heap ────┤           globals, handles
//!  host ── Instance, HostContext ──────┘    │                    └─→ window, in the context block
//!                                           └─→ access: fields and elements
//! ```
//!
//! A collection happens inside of a helper, or while no compiled code runs. Compiled code has every
//! reference that it will need behind a helper in a root slot of its frame; see
//! [`roots`](self::roots) for where else there are any. Addresses of objects stand in buffers of
//! arguments and results only between two points at which a collection may happen; what hosts hold
//! are handles.

mod access;
mod helpers;
mod maps;
mod roots;

pub(crate) use helpers::{array_copy, new_array, new_object, wrote};
pub use maps::ReferenceMaps;

use self::roots::{InFlight, StateRoots};
use crate::error::Error;
use crate::options::Options;
use crate::state::State;
use enjamb_abi::heap::{Heap, Mutator, OutOfMemory, Request, Window};
use enjamb_codegen::CompiledModule;
use enjamb_ir::Type;
use enjamb_ir::handles::Handles;
use enjamb_ir::host_objects::HeapStatistics;
use std::sync::Arc;

/// The heap of an instance, and what its host holds of it.
#[derive(Debug)]
pub(crate) struct Objects {
    /// None if the module declares no object types.
    heap: Option<Box<dyn Heap>>,
    /// Under stress, the window, which compiled code does not get to see.
    hidden: Window,
    /// Whether every point at which a collection may happen collects.
    stress: bool,
    /// References that the host holds.
    pub(crate) handles: Handles<u64>,
}

impl Objects {
    pub(crate) fn new(
        compiled: &CompiledModule,
        options: &Options,
        heap: impl FnOnce() -> Box<dyn Heap>,
    ) -> Result<Objects, Error> {
        let has_heap = !compiled.layout.objects().is_empty();
        let heap = has_heap.then(heap);
        let wants_barrier = heap.as_ref().is_some_and(|heap| heap.wants_write_barrier());
        if wants_barrier && !compiled.options.write_barrier {
            let message = "the heap wants a write barrier, and the code has none";
            return Err(Error::Load(message.to_string()));
        }
        Ok(Objects {
            heap,
            hidden: Window::default(),
            stress: options.gc_stress && has_heap,
            handles: Handles::new(),
        })
    }

    /// Whether there is a heap: references are addresses then, and handles for the host.
    pub(crate) fn has_heap(&self) -> bool {
        self.heap.is_some()
    }

    /// Whether the heap is to be told what is written.
    fn wants_write_barrier(&self) -> bool {
        let heap = self.heap.as_ref();
        heap.is_some_and(|heap| heap.wants_write_barrier())
    }

    /// Whether as many collections happen as can.
    pub(crate) fn under_stress(&self) -> bool {
        self.stress
    }
}

/// Ends the process if it is dropped. A heap that panics has moved some objects and not others, and nobody
/// could tell which references are good.
struct AbortOnUnwind;

impl Drop for AbortOnUnwind {
    fn drop(&mut self) {
        std::process::abort();
    }
}

impl State {
    /// Lets the heap do something. References in flight are in words of these types.
    fn with_heap<R>(
        &mut self,
        in_flight: InFlight<'_>,
        run: impl FnOnce(&mut dyn Heap, Mutator<'_>) -> R,
    ) -> Option<R> {
        let mut heap = self.objects.heap.take()?;
        let stress = self.objects.stress;
        let mut window = match stress {
            true => self.objects.hidden,
            false => self.context.fixed().window,
        };
        let loaded = Arc::clone(&self.loaded);
        let mut roots = StateRoots::new(self, in_flight);
        let mutator = Mutator {
            window: &mut window,
            layouts: loaded.compiled().layout.objects(),
            roots: &mut roots,
        };
        let aborts = AbortOnUnwind;
        let result = run(&mut *heap, mutator);
        std::mem::forget(aborts);
        match stress {
            true => self.objects.hidden = window,
            false => self.context.fixed().window = window,
        }
        self.objects.heap = Some(heap);
        Some(result)
    }

    /// Collects, if there is a heap. References in flight are in words of these types.
    pub(crate) fn collect_with(&mut self, types: &[Type], words: &mut [u64]) {
        // SAFETY: `StateRoots` visits every reference that there is, once; nothing else runs.
        self.with_heap(InFlight { types, words }, |heap, mutator| unsafe {
            heap.collect(mutator);
        });
        if self.objects.stress {
            self.context.poison_free_continuations();
        }
    }

    /// A point at which a collection may happen: one does, under stress.
    pub(crate) fn safepoint(&mut self) {
        self.safepoint_with(&[], &mut []);
    }

    /// The same with references in flight.
    pub(crate) fn safepoint_with(&mut self, types: &[Type], words: &mut [u64]) {
        if self.objects.stress {
            self.collect_with(types, words);
        }
    }

    /// Makes an object, or an array of that length: its address.
    pub(crate) fn allocate_object(&mut self, ty: u32, length: u64) -> Result<u64, OutOfMemory> {
        self.safepoint();
        let request = Request { ty, length };
        // SAFETY: as in `collect_with`; compiled code names types of its module only, and so does
        // the host, whose numbers were checked.
        let object = self.with_heap(InFlight::none(), |heap, mutator| unsafe {
            heap.allocate(request, mutator)
        });
        object.unwrap_or(Err(OutOfMemory))
    }

    /// A reference has been written into an object.
    fn wrote_reference(&mut self, object: u64, value: u64) {
        if self.objects.wants_write_barrier()
            && let Some(heap) = &mut self.objects.heap
        {
            // SAFETY: both are objects of the heap: compiled code and the host have no others.
            unsafe { heap.wrote(object, value) };
        }
    }

    /// What the heap has done so far, if there is one.
    fn statistics_of_heap(&self) -> Option<HeapStatistics> {
        let window = match self.objects.stress {
            true => self.objects.hidden,
            false => self.context.window(),
        };
        Some(self.objects.heap.as_ref()?.statistics(window))
    }
}
