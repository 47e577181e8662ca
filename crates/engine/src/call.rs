//! Calls of async functions as futures.

use crate::backend::{Errand, Started, Task};
use crate::error::Error;
use crate::func::MOST_WORDS;
use crate::instance::Instance;
use crate::value::HostValues;
use enjamb_ir::{FuncId, Val};
use enjamb_runtime::Ticket;
use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

thread_local! {
    /// How many calls this thread is polling, each inside of the one before.
    static POLLING: Cell<usize> = const { Cell::new(0) };
}

/// While there is one, this thread is inside of an executor.
pub(crate) struct Polling;

impl Polling {
    pub(crate) fn begin() -> Polling {
        POLLING.set(POLLING.get() + 1);
        Polling
    }
}

impl Drop for Polling {
    fn drop(&mut self) {
        POLLING.set(POLLING.get() - 1);
    }
}

/// An error if this thread is polling a call: blocking it would keep its executor from what it waits for.
pub(crate) fn may_block() -> Result<(), Error> {
    match POLLING.get() {
        0 => Ok(()),
        _ => Err(Error::InsideExecutor),
    }
}

/// A call that is to begin or under way. It is abandoned when dropped.
pub(crate) struct Running {
    instance: Instance,
    function: FuncId,
    state: State,
    /// Where it waits to enter.
    ticket: Option<Ticket>,
}

#[derive(Clone, Copy)]
enum State {
    ToStart,
    Started(Task),
    /// It was cancelled before it was started.
    Cancelled,
    Ended,
}

impl Running {
    pub(crate) fn new(instance: Instance, function: FuncId) -> Running {
        Running {
            instance,
            function,
            state: State::ToStart,
            ticket: None,
        }
    }

    pub(crate) fn instance(&self) -> &Instance {
        &self.instance
    }

    /// Begins the call, with the arguments in the buffer, or goes on with it; results are in the buffer when
    /// it is ready. The buffer need not be the same one each time.
    pub(crate) fn poll(
        &mut self,
        context: &mut Context<'_>,
        words: &mut [u64],
    ) -> Poll<Result<(), Error>> {
        self.poll_with(context, words, |_| {})
    }

    /// The same; arguments are written into the buffer when the call begins.
    fn poll_with(
        &mut self,
        context: &mut Context<'_>,
        words: &mut [u64],
        write: impl FnOnce(&mut [u64]),
    ) -> Poll<Result<(), Error>> {
        let _polling = Polling::begin();
        match self.state {
            State::ToStart | State::Started(_) => {}
            State::Cancelled => {
                self.state = State::Ended;
                return Poll::Ready(Err(Error::cancelled()));
            }
            State::Ended => {
                let got = "its call was polled after it had ended".to_string();
                return Poll::Ready(Err(self.instance.bad_call(self.function, got)));
            }
        }
        let entered = self
            .instance
            .enter_or_wait(&mut self.ticket, context.waker())?;
        let Some(mut entered) = entered else {
            return Poll::Pending;
        };
        let _time = entered.measure();
        // A waker of the host may panic in here. What has been started until then, dropping the call ends.
        let task = match self.state {
            State::Started(task) => task,
            State::ToStart | State::Cancelled | State::Ended => {
                self.state = State::Ended;
                write(words);
                entered.give_turns();
                let started = entered.start(self.function, words);
                if let Ok(Started::Task(task)) = started {
                    self.state = State::Started(task);
                }
                entered.hand_over();
                match started? {
                    Started::Finished => return Poll::Ready(Ok(())),
                    Started::Task(task) => task,
                }
            }
        };
        let polled = entered.poll(task, words, context.waker());
        if polled.is_ready() {
            self.state = State::Ended;
        }
        polled
    }
}

impl Running {
    /// Cancels the call, now or when whoever is inside of the instance leaves.
    pub(crate) fn cancel(&mut self) {
        match self.state {
            State::ToStart => self.state = State::Cancelled,
            State::Started(task) => self.instance.ask(Errand::Cancel(task)),
            State::Cancelled | State::Ended => {}
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let State::Started(task) = self.state {
            self.instance.ask(Errand::Abandon(task));
        }
    }
}

/// A call of an async function, as a future of its results. It starts when it is polled first.
///
/// Any executor can poll it, on any thread. Whoever is polled gives turns to all tasks of the instance for a
/// while, then lets the executor run something else. If another thread is inside of the instance, the call
/// waits until that leaves, and blocks nobody. A call that has been polled has to be polled whenever it is
/// woken, or dropped, as others of its instance may rely on it.
///
/// Dropping a call that has not finished cancels it at once: what it waits for in the host is dropped, then its
/// handlers run, which get the exception with tag [`Exception::CANCELLED`](enjamb_ir::Exception::CANCELLED),
/// and get it again wherever they would wait. They run before it is dropped; or, if somebody is inside of
/// the instance, before he leaves. [`Call::cancel`] lets them wait. Tasks that it has spawned belong to the
/// instance, and go on whenever somebody enters it; so they do when the call finishes. [`Instance::drive`]
/// waits for them.
///
/// On the interpreter a call runs to its end when it is polled first, and blocks the thread while it waits. Tasks
/// that it leaves are as in machine code.
#[must_use = "a call does nothing until it is polled"]
pub struct Call<P, R> {
    running: Running,
    /// Until it starts.
    arguments: Option<P>,
    results: PhantomData<fn() -> R>,
}

impl<P, R> fmt::Debug for Call<P, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.running.fmt(f)
    }
}

impl<P: HostValues, R: HostValues> Call<P, R> {
    pub(crate) fn new(instance: Instance, function: FuncId, arguments: P) -> Self {
        Call {
            running: Running::new(instance, function),
            arguments: Some(arguments),
            results: PhantomData,
        }
    }

    /// Cancels the call, whose handlers may wait: what it waits for is dropped now, and this future, which
    /// is the same call, is ready when its handlers have come to their end. It gives an error for which
    /// [`Error::is_cancelled`] holds; or the results, if the call has finished before it could wait again.
    /// Dropping it cancels what is left at once.
    pub fn cancel(mut self) -> Self {
        self.running.cancel();
        self
    }
}

impl<P: HostValues, R: HostValues> Future for Call<P, R> {
    type Output = Result<R, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut words = [0; MOST_WORDS];
        let this = self.get_mut();
        let arguments = &mut this.arguments;
        let write = |words: &mut [u64]| {
            if let Some(arguments) = arguments.take() {
                arguments.write(words);
            }
        };
        let outcome = this.running.poll_with(context, &mut words, write);
        outcome.map(|outcome| outcome.map(|()| R::read(&words)))
    }
}

/// A call of a function by its name, over lists of values. It is like a [`Call`] otherwise.
#[must_use = "a call does nothing until it is polled"]
pub struct UntypedCall {
    running: Running,
    words: Vec<u64>,
}

impl fmt::Debug for UntypedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.running.fmt(f)
    }
}

impl UntypedCall {
    pub(crate) fn new(instance: Instance, function: FuncId, words: Vec<u64>) -> Self {
        UntypedCall {
            running: Running::new(instance, function),
            words,
        }
    }
}

impl UntypedCall {
    /// Cancels the call, as [`Call::cancel`] does.
    pub fn cancel(mut self) -> Self {
        self.running.cancel();
        self
    }
}

impl Future for UntypedCall {
    type Output = Result<Vec<Val>, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let UntypedCall { running, words } = self.get_mut();
        std::task::ready!(running.poll(context, words))?;
        let ir = running.instance.module().ir();
        let results = &ir.functions[running.function].signature().results;
        Poll::Ready(Ok(Val::from_words(results, words)))
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let declared = &self.instance.module().ir().functions[self.function];
        write!(f, "call of %{}{}", declared.name, declared.signature())
    }
}

/// Somebody who drives an instance without a call of his own.
#[derive(Default)]
pub(crate) struct Driving {
    party: Option<u64>,
    /// Where it waits to enter.
    ticket: Option<Ticket>,
}

impl Driving {
    /// Gives tasks turns; ready when none of them waits for anything that can happen.
    pub(crate) fn poll(
        &mut self,
        instance: &Instance,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Error>> {
        let _polling = Polling::begin();
        let entered = instance.enter_or_wait(&mut self.ticket, context.waker())?;
        let Some(mut entered) = entered else {
            return Poll::Pending;
        };
        let _time = entered.measure();
        let party = *self.party.get_or_insert_with(|| entered.begin_driving());
        entered.drive(party, context.waker()).map(Ok)
    }

    /// What it is to the instance, if it has begun. It ends.
    pub(crate) fn take_party(&mut self) -> Option<u64> {
        self.party.take()
    }
}

/// Runs tasks of an instance while it is awaited; see [`Instance::drive`].
#[must_use = "it drives nothing until it is polled"]
pub struct Drive {
    instance: Instance,
    driving: Driving,
}

impl fmt::Debug for Drive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Drive of {:?}", self.instance)
    }
}

impl Drive {
    pub(crate) fn new(instance: Instance) -> Drive {
        Drive {
            instance,
            driving: Driving::default(),
        }
    }
}

impl Future for Drive {
    type Output = Result<(), Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let polled = this.driving.poll(&this.instance, context);
        if polled.is_ready() {
            // Whoever keeps it does not drive any more.
            this.leave();
        }
        polled
    }
}

impl Drive {
    fn leave(&mut self) {
        if let Some(party) = self.driving.take_party() {
            self.instance.ask(Errand::EndDriving(party));
        }
    }
}

impl Drop for Drive {
    fn drop(&mut self) {
        self.leave();
    }
}
