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
    /// Bytes of these.
    pub continuation_bytes_live: u64,
    /// The most bytes of continuations that existed at once.
    pub continuation_bytes_peak: u64,
    /// Tasks that exist: that have not ended, or whose results nobody has taken. It is known without
    /// counting.
    pub tasks_live: u64,
    /// Tasks that have begun, calls of async functions by the host included.
    pub tasks_started: u64,
    /// Tasks that have ended with results. Those that were dropped before have neither finished nor failed.
    pub tasks_finished: u64,
    /// Tasks that have ended with a trap or an exception.
    pub tasks_failed: u64,
    /// Tasks that were cancelled, and whose handlers did not all run: one trapped, or those of a call that
    /// was dropped have used up what they are given.
    pub cancellations_cut_short: u64,
    /// Suspended activations of these whose handlers did not run.
    pub handlers_skipped: u64,
    /// Bytes that exist for tasks: what [`TaskInfo::bytes`](crate::TaskInfo) says of all of them. Each engine has its
    /// own.
    pub task_bytes: u64,
    /// Calls of functions of the host.
    pub host_calls: u64,
    /// Those of them whose results came later, so that a task had to wait. In the interpreter none does.
    pub host_calls_pending: u64,
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
    pub fn entries(&self) -> [(&'static str, u64); 24] {
        [
            ("suspensions", self.suspensions),
            ("frames_suspended", self.frames_suspended),
            ("resumptions", self.resumptions),
            ("continuations_allocated", self.continuations_allocated),
            ("continuations_live", self.continuations_live),
            ("continuation_bytes_live", self.continuation_bytes_live),
            ("continuation_bytes_peak", self.continuation_bytes_peak),
            ("tasks_live", self.tasks_live),
            ("tasks_started", self.tasks_started),
            ("tasks_finished", self.tasks_finished),
            ("tasks_failed", self.tasks_failed),
            ("cancellations_cut_short", self.cancellations_cut_short),
            ("handlers_skipped", self.handlers_skipped),
            ("task_bytes", self.task_bytes),
            ("host_calls", self.host_calls),
            ("host_calls_pending", self.host_calls_pending),
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
