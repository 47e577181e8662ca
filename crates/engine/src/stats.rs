//! What an instance did, in numbers.

use enjamb_ir::host_objects::HeapStatistics;

/// What happened since an instance was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Times that a leaf suspended.
    pub suspensions: u64,
    /// Activations that were suspended. Compiled code may count fewer than the interpreter: a
    /// function that only returns what its callee gives needs no frame while it waits.
    pub frames_suspended: u64,
    /// Activations that were resumed. Engines differ as above, and in those that a trap ends.
    pub resumptions: u64,
    /// Continuations that were allocated. An interpreter of functions as they were written
    /// allocates none.
    pub continuations_allocated: u64,
    /// Continuations that exist.
    pub continuations_live: u64,
    /// The most bytes of continuations that existed at once.
    pub continuation_bytes_peak: u64,
    /// Collections of garbage.
    pub collections: u64,
    /// Objects that the last collection found alive.
    pub objects_live: u64,
    /// Bytes of these.
    pub object_bytes_live: u64,
    /// Bytes of all objects that were ever made.
    pub object_bytes_allocated: u64,
    /// Fuel that was used. Every engine uses the same.
    pub fuel_used: u64,
    /// Nanoseconds from the text, or the IR, to code.
    pub compile_ns: u64,
    /// Nanoseconds that calls from the host took.
    pub run_ns: u64,
    /// Bytes of machine code of the module.
    pub code_bytes: u64,
}

impl Stats {
    /// The numbers with their names, in order.
    pub fn entries(&self) -> [(&'static str, u64); 14] {
        [
            ("suspensions", self.suspensions),
            ("frames_suspended", self.frames_suspended),
            ("resumptions", self.resumptions),
            ("continuations_allocated", self.continuations_allocated),
            ("continuations_live", self.continuations_live),
            ("continuation_bytes_peak", self.continuation_bytes_peak),
            ("collections", self.collections),
            ("objects_live", self.objects_live),
            ("object_bytes_live", self.object_bytes_live),
            ("object_bytes_allocated", self.object_bytes_allocated),
            ("fuel_used", self.fuel_used),
            ("compile_ns", self.compile_ns),
            ("run_ns", self.run_ns),
            ("code_bytes", self.code_bytes),
        ]
    }

    /// The same with what a heap has done, if there is one.
    pub(crate) fn with_heap(self, heap: Option<HeapStatistics>) -> Stats {
        let heap = heap.unwrap_or_default();
        Stats {
            collections: heap.collections,
            objects_live: heap.objects,
            object_bytes_live: heap.bytes,
            object_bytes_allocated: heap.bytes_allocated,
            ..self
        }
    }
}
