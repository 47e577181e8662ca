//! Calls that a host with a loop of its own resumes by itself, stop by stop.

use crate::async_host;
use crate::call::UntypedCall;
use crate::error::{Error, HostError};
use crate::host::HostFunction;
use enjamb_ir::{Signature, Val};
use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Calls of host functions that the host has yet to answer, of those that [`Imports::request`] has defined
/// with it. Copies are cheap and stand for the same list.
///
/// [`Imports::request`]: crate::Imports::request
#[derive(Clone, Debug, Default)]
pub struct Requests {
    queue: Arc<Mutex<VecDeque<Request>>>,
}

/// A call of a host function. The task that has made it waits for [`Request::answer`]; to drop a request
/// answers it with an error.
pub struct Request {
    name: Arc<str>,
    arguments: Vec<Val>,
    answer: Arc<Mutex<Answer>>,
}

#[derive(Default)]
struct Answer {
    results: Option<Result<Vec<Val>, HostError>>,
    waker: Option<Waker>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:?}", self.name, self.arguments)
    }
}

impl Requests {
    /// No requests.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the request that was made first.
    pub fn take(&self) -> Option<Request> {
        locked(&self.queue).pop_front()
    }

    /// A host function whose calls become requests.
    pub(crate) fn function(&self, name: &str, signature: Signature) -> HostFunction {
        let (queue, name) = (Arc::clone(&self.queue), Arc::<str>::from(name));
        async_host::untyped(signature, move |_, arguments| {
            let answer = Arc::new(Mutex::new(Answer::default()));
            locked(&queue).push_back(Request {
                name: Arc::clone(&name),
                arguments: arguments.to_vec(),
                answer: Arc::clone(&answer),
            });
            Answered(answer)
        })
    }
}

impl Request {
    /// The name that the function was defined by, without its namespace.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The arguments.
    pub fn arguments(&self) -> &[Val] {
        &self.arguments
    }

    /// Gives the results, or an error that is thrown at the call. They go to the task when its call is
    /// resumed.
    pub fn answer(self, results: Result<Vec<Val>, HostError>) {
        self.settle(results);
    }

    fn settle(&self, results: Result<Vec<Val>, HostError>) {
        let mut answer = locked(&self.answer);
        answer.results.get_or_insert(results);
        let waker = answer.waker.take();
        drop(answer);
        waker.into_iter().for_each(Waker::wake);
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.settle(Err("the host has dropped the request".into()));
    }
}

struct Answered(Arc<Mutex<Answer>>);

impl Future for Answered {
    type Output = Result<Vec<Val>, HostError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut answer = locked(&self.0);
        match answer.results.take() {
            Some(results) => Poll::Ready(results),
            None => {
                answer.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// Why a [`Run`] has stopped.
#[derive(Debug)]
pub enum Stop {
    /// It has finished, with these results.
    Finished(Vec<Val>),
    /// A host function was called that is the host's to answer. Others may have been: the rest of them are
    /// in the [`Requests`], or reasons for the next stops.
    Requested(Request),
    /// It could go on, and has only let the host do something else.
    Yielded,
    /// It waits for a timer, for a future of the host or for an answer. The waker that it was started with
    /// is woken when it can go on.
    Waiting,
}

/// A call of a function that goes on whenever the host says so; see
/// [`Instance::start`](crate::Instance::start). Dropping it is like dropping a [`Call`](crate::Call).
#[derive(Debug)]
pub struct Run {
    call: UntypedCall,
    requests: Requests,
    listener: Arc<Listener>,
}

/// Hears of wakes for a run.
#[derive(Debug)]
struct Listener {
    woken: AtomicBool,
    host: Waker,
}

impl Wake for Listener {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.host.wake_by_ref();
    }
}

impl Run {
    pub(crate) fn new(call: UntypedCall, requests: &Requests, host: &Waker) -> Run {
        let listener = Listener {
            woken: AtomicBool::new(false),
            host: host.clone(),
        };
        Run {
            call,
            requests: requests.clone(),
            listener: Arc::new(listener),
        }
    }

    /// Cancels the call, as [`Call::cancel`](crate::Call::cancel) does. Whoever resumes it on sees how it ends.
    pub fn cancel(mut self) -> Self {
        self.call = self.call.cancel();
        self
    }

    /// Begins the call or goes on with it, and with the other tasks of the instance, until it stops.
    ///
    /// # Errors
    /// As [`Instance::call`](crate::Instance::call); [`Error::BadCall`] if it has ended already.
    pub fn resume(&mut self) -> Result<Stop, Error> {
        self.listener.woken.store(false, Ordering::Release);
        let waker = Waker::from(Arc::clone(&self.listener));
        let mut context = Context::from_waker(&waker);
        if let Poll::Ready(results) = Pin::new(&mut self.call).poll(&mut context) {
            return results.map(Stop::Finished);
        }
        Ok(match self.requests.take() {
            Some(request) => Stop::Requested(request),
            None if self.listener.woken.load(Ordering::Acquire) => Stop::Yielded,
            None => Stop::Waiting,
        })
    }
}
