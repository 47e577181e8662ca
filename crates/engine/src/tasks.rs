//! The tasks of an instance, one after the other.

use crate::instance::Entered;
use crate::state::Reach;
use enjamb_ir::{TaskCursor, TaskInfo, TraceLimits};
use std::fmt;

/// The tasks of an instance that exist: see [`Instance::tasks`](crate::Instance::tasks).
///
/// Each is looked at when it is asked for, so that it takes no memory for stacks that nobody looks at. What
/// it takes is eight bytes for each task, and a few more for each that waits for a timer.
pub struct Tasks<'a> {
    from: From<'a>,
    cursor: TaskCursor,
    limits: TraceLimits,
}

enum From<'a> {
    Instance(Entered<'a>),
    Caller(&'a dyn Reach),
}

impl fmt::Debug for Tasks<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tasks({} left)", self.cursor.size_hint().0)
    }
}

impl<'a> Tasks<'a> {
    pub(crate) fn of_instance(mut entered: Entered<'a>) -> Self {
        let cursor = entered.access().task_cursor();
        Tasks::new(From::Instance(entered), cursor)
    }

    pub(crate) fn of_caller(caller: &'a dyn Reach, cursor: TaskCursor) -> Self {
        Tasks::new(From::Caller(caller), cursor)
    }

    fn new(from: From<'a>, cursor: TaskCursor) -> Self {
        Tasks {
            from,
            cursor,
            limits: TraceLimits::SHORT,
        }
    }

    /// The same with more or less of their logical stacks; with [`TraceLimits::OFF`] without.
    pub fn stacks(self, limits: TraceLimits) -> Self {
        Tasks { limits, ..self }
    }
}

impl Iterator for Tasks<'_> {
    type Item = TaskInfo;

    fn next(&mut self) -> Option<TaskInfo> {
        let (cursor, limits) = (&mut self.cursor, self.limits);
        match &mut self.from {
            From::Instance(entered) => entered.access().next_task(cursor, limits),
            From::Caller(caller) => {
                let mut next = None;
                caller.reach(&mut |access| next = access.next_task(cursor, limits));
                next
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, self.cursor.size_hint().1)
    }
}
