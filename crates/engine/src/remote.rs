//! Async functions of one instance as imports of another one.
//!
//! The function runs as a task of its own instance. Until it has finished, the calling task is
//! suspended, and whenever the caller's executor asks, the other instance gets some turns.

use crate::backend::{Poll, Task};
use crate::instance::Instance;
use enjamb_ir::{FuncId, Val};
use enjamb_runtime::{HostError, Outcome, PendingCall};
use std::time::Duration;

/// An async function of an instance.
#[derive(Clone)]
pub(crate) struct Remote {
    instance: Instance,
    function: FuncId,
}

impl Remote {
    pub(crate) fn new(instance: Instance, function: FuncId) -> Self {
        Remote { instance, function }
    }

    /// Starts a call: its results, or that they come later. `None` if the instance cannot run
    /// tasks beside others.
    pub(crate) fn call(&self, arguments: &[Val]) -> Option<Result<Outcome, HostError>> {
        let started = match self.instance.enter() {
            Ok(mut backend) => backend.serve(self.function, arguments)?,
            Err(error) => Err(error),
        };
        Some(started.map_err(message).and_then(|task| {
            let mut call = RemoteCall {
                instance: self.instance.clone(),
                task: Some(task),
                wait: Duration::ZERO,
            };
            match call.poll() {
                Some(results) => results.map(Outcome::Ready),
                None => Ok(Outcome::Pending(Box::new(call))),
            }
        }))
    }
}

/// A call that waits for its results.
struct RemoteCall {
    instance: Instance,
    /// None once it has finished.
    task: Option<Task>,
    wait: Duration,
}

impl PendingCall for RemoteCall {
    fn poll(&mut self) -> Option<Result<Vec<Val>, HostError>> {
        let task = self.task?;
        let outcome = match self.instance.enter() {
            Ok(mut backend) => backend.poll(task),
            Err(error) => return Some(Err(message(error))),
        };
        match outcome {
            Poll::Finished(results) => {
                self.task = None;
                Some(results.map_err(message))
            }
            Poll::Waiting(wait) => {
                self.wait = wait;
                None
            }
        }
    }

    fn wait(&self) -> Duration {
        self.wait
    }
}

impl Drop for RemoteCall {
    fn drop(&mut self) {
        if let (Some(task), Ok(mut backend)) = (self.task, self.instance.enter()) {
            backend.abandon(task);
        }
    }
}

fn message(error: crate::error::Error) -> HostError {
    HostError::from(error.to_string())
}
