//! What a host function can reach of the instance that called it.

use crate::backend::Access;
use crate::error::Error;
use crate::objects::Objects;
use crate::state::{Global, Memory, Reach, Source, global_named, memory_named};
use crate::stats::Stats;
use crate::tasks::Tasks;
use enjamb_ir::{Module, Trace, TraceLimits};
use enjamb_runtime::Spare;
use std::cell::RefCell;
use std::fmt;
use std::task::Waker;

/// The instance that called a host function: its memories, globals and objects, in the midst of the call
/// and while other tasks of it are suspended.
pub struct Caller<'a> {
    module: &'a Module,
    access: RefCell<&'a mut dyn Access>,
    waker: &'a Waker,
}

impl fmt::Debug for Caller<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Caller")
    }
}

impl<'a> Caller<'a> {
    pub(crate) fn new(
        module: &'a Module,
        access: &'a mut dyn Access,
        waker: &'a Waker,
    ) -> Caller<'a> {
        Caller {
            module,
            access: RefCell::new(access),
            waker,
        }
    }

    /// What wakes the calling task, if it waits for the host.
    pub(crate) fn waker(&self) -> &Waker {
        self.waker
    }

    /// Lends what the host function keeps in the instance from call to call, if it has a place there.
    pub(crate) fn with_spare<R>(&self, visit: impl FnOnce(&mut Spare) -> R) -> Option<R> {
        self.access.borrow_mut().spare().map(visit)
    }

    /// The module of the instance.
    pub fn module(&self) -> &Module {
        self.module
    }

    /// The logical stacks of the tasks of the instance that are suspended, in no order to rely on: where
    /// each waits, its callers, and those of the task that waits for it.
    pub fn suspended_stacks(&self, limits: TraceLimits) -> Vec<Trace> {
        self.access.borrow().stacks(limits)
    }

    /// The tasks of the instance that exist, as [`Instance::tasks`](crate::Instance::tasks) has them; the one
    /// that has made the call is among them, unless a sync function was called.
    pub fn tasks(&self) -> Tasks<'_> {
        Tasks::of_caller(self, self.access.borrow().task_cursor())
    }

    /// What happened in the instance so far, without times and sizes of code; as
    /// [`Instance::stats`](crate::Instance::stats) has it.
    pub fn stats(&self) -> Stats {
        let (mut stats, mut heap) = (Stats::default(), None);
        self.reach(&mut |access| {
            stats = access.stats();
            access.with_objects(&mut |objects| heap = objects.heap_statistics());
        });
        stats.with_heap(heap)
    }

    /// A memory that is exported by this name or, failing that, has it.
    ///
    /// # Errors
    /// [`Error::NoExport`].
    pub fn memory(&self, name: &str) -> Result<Memory<'_>, Error> {
        Ok(Memory::new(
            Source::Caller(self),
            memory_named(self.module, name)?,
        ))
    }

    /// The context word of the task that made the call.
    pub fn context(&self) -> i64 {
        self.access.borrow().context()
    }

    /// Gives that task another context word. It stays until the async function returns that the host
    /// function was called from; a function that stands for an async import changes nothing for its
    /// caller.
    pub fn set_context(&self, word: i64) {
        self.access.borrow_mut().set_context(word);
    }

    /// The objects of the instance.
    pub fn objects(&self) -> Objects<'_> {
        Objects::new(Source::Caller(self))
    }

    /// A global variable that is exported by this name or, failing that, has it.
    ///
    /// # Errors
    /// [`Error::NoExport`].
    pub fn global(&self, name: &str) -> Result<Global<'_>, Error> {
        Ok(Global::new(
            Source::Caller(self),
            global_named(self.module, name)?,
        ))
    }
}

impl Reach for Caller<'_> {
    fn reach(&self, visit: &mut dyn FnMut(&mut dyn Access)) {
        // No visit runs code of the host, so none is ever inside of another.
        visit(&mut **self.access.borrow_mut());
    }

    fn module(&self) -> &Module {
        self.module
    }
}
