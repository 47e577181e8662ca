//! What threads share, by the names of the standard library; under `--cfg loom` the same of the crate `loom`,
//! which runs models in every order (`cargo xtask loom`, and the folder `models`).

#[cfg(not(loom))]
pub(crate) use real::*;

#[cfg(not(loom))]
mod real {
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    pub(crate) use std::sync::{Mutex, MutexGuard};
    pub(crate) use std::thread::{Thread, ThreadId, current, park, park_timeout};

    /// The id of this thread, without a reference to the thread that would have to be counted.
    pub(crate) fn current_id() -> ThreadId {
        thread_local! {
            static ID: ThreadId = current().id();
        }
        ID.with(|&id| id)
    }

    /// The cell of the standard library, lent as `loom`'s is.
    #[derive(Debug)]
    pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        pub(crate) fn new(value: T) -> Self {
            UnsafeCell(std::cell::UnsafeCell::new(value))
        }

        pub(crate) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
            f(self.0.get())
        }

        pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
            f(self.0.get())
        }
    }
}

#[cfg(loom)]
pub(crate) use model::*;

#[cfg(loom)]
mod model {
    pub(crate) use loom::cell::UnsafeCell;
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    pub(crate) use loom::sync::{Mutex, MutexGuard};
    pub(crate) use loom::thread::{Thread, ThreadId, current, park};

    pub(crate) fn current_id() -> ThreadId {
        current().id()
    }

    /// Models have no clock: the time may have passed at once.
    pub(crate) fn park_timeout(_time: std::time::Duration) {
        loom::thread::yield_now();
    }
}
