//! Async functions of one instance as imports of another one.
//!
//! The function runs as a task of its own instance. Until it has finished, the calling task is
//! suspended, and whenever the caller's executor asks, the other instance gets some turns.

use crate::backend::{Poll, Task};
use crate::border::Border;
use crate::error::Error;
use crate::instance::Instance;
use enjamb_ir::{FuncId, Module, Val};
use enjamb_runtime::{HostError, Outcome, PendingCall};
use std::time::Duration;

/// How soon an instance that another thread is inside of is looked at again.
const BUSY: Duration = Duration::from_micros(50);

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
    pub(crate) fn call(
        &self,
        importer: &Module,
        arguments: &[Val],
    ) -> Option<Result<Outcome, HostError>> {
        let border = Border::new(importer, self.instance.module().ir());
        if let Err(refused) = border.check(arguments) {
            return Some(Err(refused.into()));
        }
        let mut call = RemoteCall {
            remote: self.clone(),
            border,
            state: State::ToStart(arguments.to_vec()),
            wait: Duration::ZERO,
        };
        let polled = call.poll();
        if matches!(call.state, State::Refused) {
            return None;
        }
        Some(match polled {
            Some(results) => results.map(Outcome::Ready),
            None => Ok(Outcome::Pending(Box::new(call))),
        })
    }
}

/// How far a call has come.
enum State {
    /// Another thread was inside the instance: it has these arguments.
    ToStart(Vec<Val>),
    /// A task of the instance runs it.
    Runs(Task),
    /// It has finished.
    Finished,
    /// The instance cannot run tasks beside others.
    Refused,
}

/// A call that waits for its results.
struct RemoteCall {
    remote: Remote,
    border: Border,
    state: State,
    wait: Duration,
}

impl PendingCall for RemoteCall {
    fn poll(&mut self) -> Option<Result<Vec<Val>, HostError>> {
        let Remote { instance, function } = &self.remote;
        let mut backend = match instance.enter() {
            Ok(backend) => backend,
            // Another thread is inside and will leave; this one would wait for itself.
            Err(Error::Running) if !instance.is_entered_here() => {
                self.wait = BUSY;
                return None;
            }
            Err(error) => return Some(Err(raised(&error))),
        };
        if let State::ToStart(arguments) = &self.state {
            self.state = match backend.serve(*function, arguments) {
                Some(Ok(task)) => State::Runs(task),
                Some(Err(error)) => {
                    self.state = State::Finished;
                    return Some(Err(raised(&error)));
                }
                None => {
                    self.state = State::Refused;
                    return Some(Err("the instance cannot run tasks beside others".into()));
                }
            };
        }
        let State::Runs(task) = self.state else {
            return None;
        };
        match backend.poll(task) {
            Poll::Finished(results) => {
                self.state = State::Finished;
                let (border, exporter) = (self.border, backend.access());
                let checked = match &results {
                    Ok(results) => border.check_results(exporter, results),
                    Err(error) => border.check_error(exporter, error),
                };
                Some(match checked {
                    Ok(()) => results.map_err(|error| raised(&error)),
                    Err(refused) => Err(refused.into()),
                })
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
        if let State::Runs(task) = self.state {
            self.remote.instance.abandon(task);
        }
    }
}

/// What a call of a host function that ended with this error throws: the exception of another instance,
/// or the one that stands for an error of the host.
pub(crate) fn raised(error: &(dyn std::error::Error + 'static)) -> HostError {
    match error.downcast_ref::<Error>().and_then(Error::exception) {
        Some(thrown) => HostError {
            message: thrown.message.clone(),
            ..HostError::from(thrown.exception)
        },
        None => HostError::from(error.to_string()),
    }
}
