//! Settings of an instance, and what it counts.

use crate::executor::ClockKind;
use enjamb_ir::{FuelSupply, Schedule, TraceLimits};

/// Settings of an instance.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Which calls of the leaves `yield` and `test` suspend.
    pub schedule: Schedule,
    /// What `sleep` waits on.
    pub clock: ClockKind,
    /// How much of the stack compiled code may use, in bytes, counted from the outermost call. If
    /// another instance on the same thread has called, no more than is left to that one. The
    /// thread needs some more for the host functions that are called.
    pub stack_size: usize,
    /// The most bytes that continuations and tasks may take.
    pub continuation_limit: u64,
    /// Bytes of continuations that are asked for at a time, if there are few: later on it is 16 times as many, and
    /// never less than what is wanted.
    pub continuation_chunk: u32,
    /// The most bytes that objects may take, unless the instance is made with a heap of its own.
    pub heap_limit: u64,
    /// Whether to collect wherever a collection may happen, and to overwrite what is free: a reference
    /// that was not found, or one to something that is gone, leads to nonsense then.
    pub gc_stress: bool,
    /// Whether to overwrite what is dead whenever compiled code is entered: the stack that it is going to use, on
    /// which frames were that have suspended, and free continuations. Code that still reads there reads nonsense.
    pub poison: bool,
    /// The fuel of the instance, if the module runs on fuel.
    pub fuel: FuelSupply,
    /// How much of the logical stack traps and exceptions keep.
    pub trace: TraceLimits,
    /// Whether to keep [`Stats`]. The code has to be compiled for counting.
    pub count: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            schedule: Schedule::Natural,
            clock: ClockKind::Real,
            stack_size: 512 << 10,
            continuation_limit: 16 << 30,
            continuation_chunk: 64 << 10,
            heap_limit: 16 << 30,
            gc_stress: false,
            poison: false,
            fuel: FuelSupply::Unlimited,
            trace: TraceLimits::default(),
            count: false,
        }
    }
}

/// What an instance has done so far; but for `tasks_live`, fuel and cancellations all zero unless it counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Leaf calls that suspended.
    pub suspensions: u64,
    /// Frames that were saved: suspension blocks that ran.
    pub frames_suspended: u64,
    /// Frames that were resumed.
    pub resumptions: u64,
    /// Continuations that were allocated.
    pub continuations_allocated: u64,
    /// Continuations that are alive.
    pub continuations_live: u64,
    /// Bytes of these.
    pub continuation_bytes_live: u64,
    /// The most bytes that live continuations have taken at a time.
    pub continuation_bytes_peak: u64,
    /// Tasks that exist: that have not ended, or whose results nobody has taken.
    pub tasks_live: u64,
    /// Tasks that have begun.
    pub tasks_started: u64,
    /// Tasks that have ended with results.
    pub tasks_finished: u64,
    /// Tasks that have ended with a trap or an exception.
    pub tasks_failed: u64,
    /// Bytes that exist for tasks: continuations, places for results, records.
    pub task_bytes: u64,
    /// Calls of functions of the host.
    pub host_calls: u64,
    /// Those of them whose results came later.
    pub host_calls_pending: u64,
    /// Tasks that were cancelled, and whose handlers did not all run: one trapped, or they have used up
    /// what they are given when a task is cancelled at once.
    pub cancellations_cut_short: u64,
    /// Suspended frames of these whose handlers did not run.
    pub handlers_skipped: u64,
    /// Fuel that was used.
    pub fuel_used: u64,
}
