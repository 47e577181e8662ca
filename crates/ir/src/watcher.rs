//! Whom an engine tells its numbers while it runs.
//!
//! Nobody may look at an instance while another thread is inside of it, and nobody could in the midst of
//! compiled code. So the engine looks itself, between two turns of tasks, when it has been asked.

use crate::host_objects::HeapStatistics;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What numbers of type `S` are published with.
pub type Publish<S> = Box<dyn FnMut(S, Option<HeapStatistics>) + Send>;

/// Somebody who may ask an instance for numbers of type `S`.
pub struct Watcher<S> {
    asked: Arc<AtomicBool>,
    publish: Publish<S>,
}

impl<S> fmt::Debug for Watcher<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Watcher(asked: {:?})", self.asked)
    }
}

impl<S> Watcher<S> {
    /// Who sets `asked` gets the numbers some time later. `publish` must not reach the instance.
    pub fn new(asked: Arc<AtomicBool>, publish: Publish<S>) -> Self {
        Watcher { asked, publish }
    }

    /// Whether the numbers were asked for since they were published last.
    pub fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Acquire)
    }

    /// Publishes the numbers.
    pub fn publish(&mut self, numbers: S, heap: Option<HeapStatistics>) {
        self.asked.store(false, Ordering::Release);
        (self.publish)(numbers, heap);
    }
}
