//! What can be chosen about a run, what it comes to, and what is counted during it.

use enjamb_ir::{FuelSupply, Schedule, TraceLimits};
use std::time::Duration;

/// What `sleep` waits on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clock {
    /// Time stands still while something runs and jumps to the next deadline when nothing can.
    #[default]
    Virtual,
    /// The time of the machine; the thread sleeps when nothing can run.
    Real,
}

/// How an instance runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Which leaf calls suspend.
    pub schedule: Schedule,
    /// What `sleep` waits on.
    pub clock: Clock,
    /// Bytes of frames that may be active at once, before the trap `stack_overflow`. A frame takes
    /// 64 bytes, 16 for each of its values, slots and root slots, and what the slots hold. Frames that
    /// are suspended and were not resumed yet do not count.
    pub stack_limit: usize,
    /// Bytes of suspended activations, and of tasks other than the call's own, that may exist at
    /// once, before the trap `out_of_memory`. A continuation object takes five times the bytes of its
    /// layout, since of each byte is known what it was stored for.
    pub memory_limit: usize,
    /// Bytes of objects that may exist at once, before the trap `out_of_memory`. Objects count what they
    /// take in compiled code.
    pub heap_limit: u64,
    /// Whether objects are collected at every safepoint, and not only when there are many.
    pub gc_stress: bool,
    /// Whether references have to go through root slots in every function, and not only in those
    /// that declare some: for modules that have been through the pass that places them.
    pub check_roots: bool,
    /// Instructions that a call, or a turn between calls, may take before the error `TooManyInstructions`, which ends all tasks. This is
    /// for tests of programs that may not end, and stands on no account.
    pub instruction_limit: Option<u64>,
    /// The fuel of the instance, for modules that run on fuel.
    pub fuel: FuelSupply,
    /// How much of the logical stack traps and exceptions keep.
    pub trace: TraceLimits,
    /// Whether calls of host functions are recorded; see [`Instance::host_calls`].
    ///
    /// [`Instance::host_calls`]: crate::Instance::host_calls
    pub record_host_calls: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            schedule: Schedule::Natural,
            clock: Clock::Virtual,
            stack_limit: 64 << 20,
            memory_limit: 1 << 30,
            heap_limit: 1 << 30,
            gc_stress: false,
            check_roots: false,
            instruction_limit: None,
            fuel: FuelSupply::Unlimited,
            trace: TraceLimits::default(),
            record_host_calls: false,
        }
    }
}

/// What a turn between calls came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// A task ran.
    Ran,
    /// No task can run before this time has passed.
    Waiting(Duration),
    /// No task can run ever.
    Idle,
}

/// What happened since the instance was made, in terms that all engines share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Times that a leaf suspended: `yield`, `test`, `sleep`, and a `join` that had to wait.
    pub suspensions: u64,
    /// Activations that were suspended. An activation counts again when it was resumed in between,
    /// and not again for what happened in callees while it lay suspended.
    pub frames_suspended: u64,
    /// Activations that were resumed.
    pub resumptions: u64,
    /// Continuation objects that lowered functions made.
    pub continuations_allocated: u64,
    /// Continuation objects that exist.
    pub continuations_live: u64,
    /// Bytes of these.
    pub continuation_bytes_live: u64,
    /// The most bytes of continuation objects that existed at once.
    pub continuation_bytes_peak: u64,
    /// Tasks that exist: that have not ended, or whose results nobody has taken.
    pub tasks_live: u64,
    /// Tasks that have begun, calls of async functions included.
    pub tasks_started: u64,
    /// Tasks that have ended with results.
    pub tasks_finished: u64,
    /// Tasks that have ended with a trap or an exception.
    pub tasks_failed: u64,
    /// Bytes that exist for tasks: suspended frames, continuation objects and records.
    pub task_bytes: u64,
    /// Calls of functions of the host.
    pub host_calls: u64,
    /// Calls of `yield` and `test`, which a schedule governs.
    pub leaf_calls: u64,
    /// Instructions that ran.
    pub instructions: u64,
    /// Fuel that was used.
    pub fuel_used: u64,
}
