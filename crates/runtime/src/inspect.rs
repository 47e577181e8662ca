//! What a host sees of the tasks of an instance: everything is found out when somebody asks.

use crate::continuations::size_of_object;
use crate::failure::{Frame, resolve_with};
use crate::options::Stats;
use crate::state::State;
use crate::task::{NONE, RECORD_SIZE, State as Record};
use crate::unwind::Walk;
use crate::versions::Versions;
use enjamb_abi::context::Counter;
use enjamb_abi::continuation::{ContinuationHeader, RESULTS, WORD};
use enjamb_ir::host_objects::HostObjects;
use enjamb_ir::types::word_count;
use enjamb_ir::{TaskCursor, TaskInfo, TaskState, TraceBuffer, TraceLimits};
use std::ptr::NonNull;

/// How often something has happened, of an instance that counts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) tasks_started: u64,
    pub(crate) tasks_finished: u64,
    pub(crate) tasks_failed: u64,
    pub(crate) host_calls: u64,
    pub(crate) host_calls_pending: u64,
}

/// An activation of compiled code that has called the host.
struct Activation {
    task: u32,
    current: *mut ContinuationHeader,
    record: u64,
    exit_fp: u64,
}

impl State {
    /// Counts something, if this instance does; then it also looks whether a watcher has asked, who would wait for
    /// the end of a long turn otherwise.
    pub(crate) fn tally(&mut self, count: impl FnOnce(&mut Tally)) {
        if self.options.count {
            count(&mut self.tally);
            self.publish();
        }
    }

    /// What the instance has done so far.
    pub(crate) fn stats(&mut self) -> Stats {
        let (fuel, tasks) = (self.context.fixed().fuel, self.tasks.count());
        let always = Stats {
            tasks_live: tasks,
            cancellations_cut_short: self.cancellations.cut_short,
            handlers_skipped: self.cancellations.handlers_skipped,
            fuel_used: self.fuel.used(fuel),
            ..Stats::default()
        };
        if !self.options.count {
            return always;
        }
        let counts = self.continuations.counts(self.context.free_lists());
        let counter = self.context.fixed().counters;
        Stats {
            suspensions: counter[Counter::Suspensions as usize],
            frames_suspended: counter[Counter::FramesSuspended as usize],
            resumptions: counter[Counter::Resumptions as usize],
            continuations_allocated: counts.allocated,
            continuations_live: counts.live,
            continuation_bytes_live: counts.live_bytes,
            continuation_bytes_peak: counts.peak_bytes,
            tasks_started: self.tally.tasks_started,
            tasks_finished: self.tally.tasks_finished,
            tasks_failed: self.tally.tasks_failed,
            task_bytes: counts.live_bytes + counts.root_bytes + tasks * RECORD_SIZE,
            host_calls: self.tally.host_calls,
            host_calls_pending: self.tally.host_calls_pending,
            ..always
        }
    }

    /// Tells a watcher who has asked.
    pub(crate) fn publish(&mut self) {
        let Some(mut watcher) = self.watcher.take_if(|watcher| watcher.is_asked()) else {
            return;
        };
        watcher.publish(self.stats(), self.heap_statistics());
        self.watcher = Some(watcher);
    }

    /// A walk over the tasks that exist.
    pub(crate) fn task_cursor(&self) -> TaskCursor {
        let tasks = self.tasks.indices().into_iter();
        let tasks = tasks.map(|index| self.tasks.word(index)).collect();
        TaskCursor::new(tasks, self.executor.timers())
    }

    /// The next task of a walk.
    pub(crate) fn next_task_info(
        &mut self,
        cursor: &mut TaskCursor,
        limits: TraceLimits,
    ) -> Option<TaskInfo> {
        let index = cursor.find_map(|word| self.tasks.find_any(word).ok())?;
        Some(self.task_info(index, cursor, limits))
    }

    fn task_info(&mut self, index: u32, cursor: &mut TaskCursor, limits: TraceLimits) -> TaskInfo {
        let word = self.tasks.word(index);
        let function = self.tasks[index].function();
        let mut info = TaskInfo::new(word, &self.loaded.module().functions[function].name);
        info.state = self.task_state(index, cursor);
        info.detached = self.tasks[index].detached;
        info.bytes = RECORD_SIZE;
        if !self.tasks[index].root.is_null() {
            let words = word_count(&self.loaded.signature(function).results);
            info.bytes += u64::from(RESULTS) + words as u64 * u64::from(WORD);
        }
        let mut trace = TraceBuffer::new(limits);
        match self.tasks[index].state {
            Record::Suspended | Record::Failing => {
                let head = self.tasks[index].head;
                info.context = Some(self.tasks[index].context_word as i64);
                info.bytes += self.walk_chain(index, head, &mut trace);
            }
            Record::Running => {
                if index == self.current_task {
                    info.context = Some(self.context.fixed().task_word as i64);
                }
                info.bytes += self.walk_running(index, &mut trace);
            }
            Record::Free | Record::Finished | Record::Failed => {}
        }
        info.stack = resolve_with(&self.versions, &trace, &mut cursor.points);
        info
    }

    fn task_state(&self, index: u32, cursor: &TaskCursor) -> TaskState {
        match self.tasks[index].state {
            Record::Free | Record::Running => TaskState::Running,
            Record::Failing => TaskState::Ready,
            Record::Finished => TaskState::Finished,
            Record::Failed => TaskState::Failed,
            Record::Suspended => {
                if let Some(call) = self.executor.pending(index) {
                    let function = &self.loaded.module().functions[call.function];
                    TaskState::Waiting(function.name.clone())
                } else if let Some(target) = self.joined_by(index) {
                    TaskState::Joining(self.tasks.word(target))
                } else if let Some(left) = cursor.timer(self.tasks.word(index)) {
                    TaskState::Sleeping(left)
                } else {
                    TaskState::Ready
                }
            }
        }
    }

    /// Adds the suspended activations from `head` on to a trace: the bytes of their continuations.
    pub(crate) fn walk_chain(
        &self,
        index: u32,
        head: *mut ContinuationHeader,
        trace: &mut TraceBuffer<Frame>,
    ) -> u64 {
        let (root, mut next, mut bytes) = (self.tasks[index].root, head, 0);
        while next != root
            && let Some(object) = NonNull::new(next)
        {
            // SAFETY: chains of suspended activations are linked up to their root, and each has the record
            // of a point, or of a separator.
            let (rest, record) = unsafe { ((*next).next, &*(*next).info) };
            bytes += u64::from(match self.is_separator(object) {
                true => self.loaded.separator_size,
                false => {
                    trace.push(Frame::Point((&raw const *record) as u64));
                    record.size
                }
            });
            next = rest;
        }
        bytes
    }

    /// The same for a task that runs: frames of its activation, then what is suspended behind it.
    fn walk_running(&mut self, index: u32, trace: &mut TraceBuffer<Frame>) -> u64 {
        let Some(activation) = self.activation_of(index) else {
            return 0;
        };
        // SAFETY: record and exit belong together, since nested activations put back what they have found,
        // and compiled code waits there.
        unsafe { walk_frames(&self.versions, &activation, trace) };
        let Some(object) = NonNull::new(activation.current) else {
            return 0;
        };
        // SAFETY: while an activation runs, its continuation is linked to the rest of the chain, and has the
        // record of the point that it was resumed at.
        let (size, rest) = unsafe { (size_of_object(object), (*activation.current).next) };
        u64::from(size) + self.walk_chain(index, rest, trace)
    }

    /// The activation of a task that runs. No task has two.
    fn activation_of(&mut self, index: u32) -> Option<Activation> {
        let task = self.current_task;
        let context = self.context.fixed();
        let innermost = Activation {
            task,
            current: context.current as *mut ContinuationHeader,
            record: context.activation,
            exit_fp: context.exit_fp,
        };
        let outer = self.activations.iter().rev().map(|outer| Activation {
            task: outer.task,
            current: outer.current as *mut ContinuationHeader,
            record: outer.activation,
            exit_fp: outer.exit_fp,
        });
        let mut all = std::iter::once(innermost).chain(outer);
        all.find(|activation| activation.task == index && index != NONE && activation.record != 0)
    }
}

/// Adds the frames of an activation to a trace.
///
/// # Safety
/// Compiled code of the `versions` waits where the activation has left it.
unsafe fn walk_frames(
    versions: &Versions,
    activation: &Activation,
    trace: &mut TraceBuffer<Frame>,
) {
    // SAFETY: the caller's promise. The exit is the frame of a stub, which is nobody's.
    let mut walk = unsafe { Walk::from_exit(versions, activation.record, activation.exit_fp) };
    while walk.step() {
        if let Some(frame) = walk.frame() {
            trace.push(frame);
        }
    }
}
