//! Tasks as a host sees them: what each one waits for, where it stands and what it holds.
//!
//! An engine hands out a [`TaskCursor`], and with it one task after the other, so that looking at ten
//! million of them needs eight bytes for each and no stack but the one that is looked at.

use crate::entity::{FuncId, Inst};
use crate::hash::FxHashMap;
use crate::trace::Trace;
use std::fmt;
use std::time::Duration;

/// The target of the events that engines trace when a task is suspended or its turn comes, with the fields
/// `task`, `function`, `at`, `context` and, of a suspension, `state`: as in [`TaskInfo`].
pub const EVENTS: &str = "enjamb::task";

/// What a task does, or waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskState {
    /// It runs, or a task or a host function that it has called does.
    Running,
    /// It waits for its turn: what it has waited for is there.
    Ready,
    /// It waits for a timer, which has so much time left.
    Sleeping(Duration),
    /// It waits for this task to end.
    Joining(u64),
    /// It waits for this function of the host's, by its name in the module.
    Waiting(String),
    /// It has finished, and its results have not been taken.
    Finished,
    /// It has ended with a trap or an exception, of which nobody knows.
    Failed,
}

/// As in `joins task 3`.
impl fmt::Display for TaskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TaskState::Running => f.write_str("runs"),
            TaskState::Ready => f.write_str("is ready"),
            TaskState::Sleeping(left) => write!(f, "sleeps for {left:?}"),
            TaskState::Joining(task) => write!(f, "joins task {task}"),
            TaskState::Waiting(function) => write!(f, "waits for %{function}"),
            TaskState::Finished => f.write_str("has finished"),
            TaskState::Failed => f.write_str("has failed"),
        }
    }
}

/// A task that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskInfo {
    /// The task: the number behind its value, which no other task of the instance has ever had. Each
    /// engine counts in its own way.
    pub task: u64,
    /// The function that it runs, without the percent sign.
    pub function: String,
    /// What it does, or waits for.
    pub state: TaskState,
    /// Its own activations, innermost first; those of the task that joins it are shown there.
    pub stack: Trace,
    /// The bytes that exist for it: its suspended activations, the place for its results, its record.
    pub bytes: u64,
    /// Whether nobody will join it.
    pub detached: bool,
    /// Its context word, of one that is suspended or runs as the innermost.
    pub context: Option<i64>,
}

impl TaskInfo {
    /// A task without a stack, that runs.
    pub fn new(task: u64, function: &str) -> TaskInfo {
        TaskInfo {
            task,
            function: function.to_string(),
            state: TaskState::Running,
            stack: Trace::default(),
            bytes: 0,
            detached: false,
            context: None,
        }
    }
}

/// A line, and one for each frame.
impl fmt::Display for TaskInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (task, function, state) = (self.task, &self.function, &self.state);
        write!(f, "task {task} %{function} {state}, {} bytes", self.bytes)?;
        if self.detached {
            f.write_str(", detached")?;
        }
        if let Some(context) = self.context.filter(|&context| context != 0) {
            write!(f, ", context {context}")?;
        }
        writeln!(f)?;
        self.stack.write(f, "    ", |_| None)
    }
}

/// The calls of the suspension points of functions, by number of the point. A function may have been
/// replaced, so it is told apart by the number of a module, too.
pub type Points = FxHashMap<(u64, FuncId), Vec<Option<Inst>>>;

/// A walk over the tasks of an instance: those that existed when it began, unless they have gone since.
#[derive(Clone, Debug, Default)]
pub struct TaskCursor {
    tasks: std::vec::IntoIter<u64>,
    /// When the timers of tasks are due.
    timers: FxHashMap<u64, Duration>,
    /// What is looked up once for all stacks.
    pub points: Points,
}

impl TaskCursor {
    /// A walk over these tasks, some of which wait for timers that are due in so much time.
    pub fn new(tasks: Vec<u64>, timers: impl Iterator<Item = (u64, Duration)>) -> TaskCursor {
        TaskCursor {
            tasks: tasks.into_iter(),
            timers: timers.collect(),
            points: Points::default(),
        }
    }

    /// How much time the timer of a task had left when the walk began, if it waited for one.
    pub fn timer(&self, task: u64) -> Option<Duration> {
        self.timers.get(&task).copied()
    }
}

/// The tasks that are left.
impl Iterator for TaskCursor {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        self.tasks.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.tasks.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Location;

    #[test]
    fn a_task_is_a_line_and_its_frames() {
        let mut info = TaskInfo::new(7, "main");
        info.state = TaskState::Sleeping(Duration::from_millis(1500));
        info.bytes = 96;
        info.detached = true;
        info.context = Some(-1);
        info.stack.frames = vec![Location {
            function: "nap".to_string(),
            instruction: "call %sleep(v0)".to_string(),
            position: Some(("nap.src".to_string(), 3, 4)),
        }];
        let expected = "task 7 %main sleeps for 1.5s, 96 bytes, detached, context -1\n    \
            %nap: `call %sleep(v0)` at nap.src:3:4\n";
        assert_eq!(info.to_string(), expected);
    }
}
