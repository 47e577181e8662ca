//! Tasks that the host has spawned: they run whether anybody waits for them or not.
//!
//! ```text
//!           spawn
//!   nobody  │   │  somebody is inside of the instance
//!   inside  │   ↓
//!           │  Deferred ──whoever is inside starts it before leaving──┐
//!           ↓                                                         │
//!        Started ←────────────────────────────────────────────────────┤
//!           │ finishes, fails                                         │ does not suspend
//!           ↓                                                         ↓
//!         Ended ←─────────────────────────────────────────────────────┘
//! ```

use crate::backend::{Backend, Errand, Started, Task as Handle};
use crate::call::Polling;
use crate::error::Error;
use crate::func::MOST_WORDS;
use crate::instance::{Instance, start};
use crate::module::Module;
use crate::value::HostValues;
use enjamb_ir::types::word_count;
use enjamb_ir::{FuncId, Val};
use enjamb_runtime::Ticket;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// A task of the host's, behind [`Task`] and [`UntypedTask`]. It is detached when dropped.
pub(crate) struct Spawned {
    instance: Instance,
    function: FuncId,
    state: State,
    /// Where it waits to enter.
    ticket: Option<Ticket>,
}

enum State {
    Deferred(Arc<Deferred>),
    Begun(Begun),
    /// Its results have been taken.
    Taken,
}

/// What has become of a task when it was started.
enum Begun {
    Started(Handle),
    /// With results in words.
    Ended(Result<Box<[u64]>, Error>),
}

/// A task that is to be started by whoever is inside of the instance.
pub(crate) struct Deferred {
    module: Module,
    function: FuncId,
    stage: Mutex<Stage>,
}

enum Stage {
    /// Its arguments stand in the words.
    Waiting {
        words: Box<[u64]>,
        waker: Option<Waker>,
        is_detached: bool,
    },
    Begun(Option<Begun>),
}

impl Begun {
    /// What has become of a task, with results in a buffer if it has finished. What went wrong before it began
    /// is an error.
    fn new(
        module: &Module,
        function: FuncId,
        started: Result<Started, Error>,
        words: &[u64],
    ) -> Result<Begun, Error> {
        match started {
            Ok(Started::Task(task)) => Ok(Begun::Started(task)),
            Ok(Started::Finished) => {
                let results = &module.ir().functions[function].signature().results;
                Ok(Begun::Ended(Ok(words[..word_count(results)].into())))
            }
            Err(error @ (Error::Trap(_) | Error::Exception(_))) => Ok(Begun::Ended(Err(error))),
            Err(error) => Err(error),
        }
    }
}

impl Deferred {
    fn stage(&self) -> MutexGuard<'_, Stage> {
        // Nothing in here panics half-way.
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What has become of it, once it has been started.
    fn take(&self) -> Option<Begun> {
        match &mut *self.stage() {
            Stage::Waiting { .. } => None,
            Stage::Begun(begun) => begun.take(),
        }
    }

    /// Nobody wants its results. If it has been started, it is given back.
    fn detach(&self) -> Option<Begun> {
        match &mut *self.stage() {
            Stage::Waiting { is_detached, .. } => {
                *is_detached = true;
                None
            }
            Stage::Begun(begun) => begun.take(),
        }
    }

    /// Lets the waker be woken when it has been started.
    fn wait(&self, waker: &Waker) {
        // Wakers are the host's: none is copied, woken or dropped under the lock.
        let mut own = Some(waker.clone());
        if let Stage::Waiting { waker, .. } = &mut *self.stage() {
            std::mem::swap(waker, &mut own);
            return;
        }
        // Just now.
        own.into_iter().for_each(Waker::wake);
    }

    /// It is not to be started. If it has been, it is given back.
    fn cancel(&self) -> Option<Begun> {
        let before = std::mem::replace(&mut *self.stage(), Stage::Begun(None));
        match before {
            Stage::Waiting { .. } => None,
            Stage::Begun(begun) => begun,
        }
    }

    /// Starts the task.
    pub(crate) fn start(&self, backend: &mut dyn Backend) {
        let mut words = match &mut *self.stage() {
            Stage::Waiting { words, .. } => std::mem::take(words),
            Stage::Begun(_) => return,
        };
        let started = start(&self.module, backend, self.function, &mut words);
        let begun = Begun::new(&self.module, self.function, started, &words);
        let begun = begun.unwrap_or_else(|error| Begun::Ended(Err(error)));
        let mut stage = self.stage();
        let Stage::Waiting {
            waker, is_detached, ..
        } = &mut *stage
        else {
            drop(stage);
            // It was cancelled meanwhile.
            if let Begun::Started(task) = begun {
                backend.cancel(task);
                backend.detach(task);
            }
            return backend.hand_over();
        };
        let (waker, is_detached) = (waker.take(), *is_detached);
        match begun {
            Begun::Started(task) if is_detached => backend.detach(task),
            begun => *stage = Stage::Begun(Some(begun)),
        }
        drop(stage);
        backend.hand_over();
        waker.into_iter().for_each(Waker::wake);
    }
}

impl Spawned {
    /// Starts a task with arguments in a buffer that has room for the results; if somebody is inside of the
    /// instance, that one will.
    pub(crate) fn new(
        instance: &Instance,
        function: FuncId,
        words: &mut [u64],
    ) -> Result<Spawned, Error> {
        let spawned = |state| Spawned {
            instance: instance.clone(),
            function,
            state,
            ticket: None,
        };
        match instance.enter() {
            Ok(mut entered) => {
                let started = entered.start(function, words);
                let begun = Begun::new(instance.module(), function, started, words);
                let spawned = begun.map(|begun| spawned(State::Begun(begun)));
                entered.hand_over();
                spawned
            }
            Err(_) => {
                let stage = Stage::Waiting {
                    words: (&*words).into(),
                    waker: None,
                    is_detached: false,
                };
                let deferred = Arc::new(Deferred {
                    module: instance.module().clone(),
                    function,
                    stage: Mutex::new(stage),
                });
                instance.ask(Errand::Spawn(Arc::clone(&deferred)));
                Ok(spawned(State::Deferred(deferred)))
            }
        }
    }

    /// Looks whether a task that was to be started by somebody else has been.
    fn look(&mut self) {
        let begun = match &self.state {
            State::Deferred(deferred) => deferred.take(),
            _ => None,
        };
        if let Some(begun) = begun {
            self.state = State::Begun(begun);
        }
    }

    /// Cancels the task, now or when whoever is inside of the instance leaves.
    fn cancel(&mut self) {
        if let State::Deferred(deferred) = &self.state {
            let begun = deferred.cancel();
            self.state =
                State::Begun(begun.unwrap_or_else(|| Begun::Ended(Err(Error::cancelled()))));
        }
        if let State::Begun(Begun::Started(task)) = self.state {
            self.instance.ask(Errand::Cancel(task));
        }
    }

    fn is_done(&mut self) -> Result<bool, Error> {
        self.look();
        match &self.state {
            State::Deferred(_) => Ok(false),
            State::Begun(Begun::Started(task)) => Ok(self.instance.enter()?.has_ended(*task)),
            State::Begun(Begun::Ended(_)) | State::Taken => Ok(true),
        }
    }

    /// The results of a task that has ended.
    fn take(&mut self, words: &mut [u64]) -> Result<(), Error> {
        match std::mem::replace(&mut self.state, State::Taken) {
            State::Begun(Begun::Ended(outcome)) => {
                let results = outcome?;
                words[..results.len()].copy_from_slice(&results);
                Ok(())
            }
            _ => {
                let got = "the results of its task were taken before".to_string();
                Err(self.instance.bad_call(self.function, got))
            }
        }
    }

    /// Whether it has ended; if so, its results are in the buffer.
    fn try_result(&mut self, words: &mut [u64]) -> Result<bool, Error> {
        self.look();
        match self.state {
            State::Deferred(_) => Ok(false),
            State::Begun(Begun::Started(task)) => {
                let outcome = self.instance.enter()?.outcome(task, words);
                if outcome.is_some() {
                    self.state = State::Taken;
                }
                outcome.transpose().map(|outcome| outcome.is_some())
            }
            State::Begun(Begun::Ended(_)) | State::Taken => self.take(words).map(|()| true),
        }
    }

    /// Goes on with the tasks of the instance; when this one has ended, its results are in the buffer.
    fn poll(&mut self, context: &mut Context<'_>, words: &mut [u64]) -> Poll<Result<(), Error>> {
        let _polling = Polling::begin();
        self.look();
        match &self.state {
            State::Begun(Begun::Started(task)) => {
                let task = *task;
                let entered = self
                    .instance
                    .enter_or_wait(&mut self.ticket, context.waker())?;
                let Some(mut entered) = entered else {
                    return Poll::Pending;
                };
                let _time = entered.measure();
                let polled = entered.poll(task, words, context.waker());
                if polled.is_ready() {
                    self.state = State::Taken;
                }
                polled
            }
            State::Deferred(deferred) => {
                if self.instance.is_held_here() {
                    // It would wait for itself.
                    return Poll::Ready(Err(Error::Running));
                }
                deferred.wait(context.waker());
                Poll::Pending
            }
            State::Begun(Begun::Ended(_)) | State::Taken => Poll::Ready(self.take(words)),
        }
    }
}

impl Drop for Spawned {
    fn drop(&mut self) {
        let begun = match std::mem::replace(&mut self.state, State::Taken) {
            State::Deferred(deferred) => deferred.detach(),
            State::Begun(begun) => Some(begun),
            State::Taken => None,
        };
        if let Some(Begun::Started(task)) = begun {
            self.instance.ask(Errand::Detach(task));
        }
    }
}

impl fmt::Debug for Spawned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let declared = &self.instance.module().ir().functions[self.function];
        write!(f, "task of %{}{}", declared.name, declared.signature())
    }
}

/// A task of an instance that the host has spawned, and a future of its results.
///
/// It has begun, and goes on whenever somebody runs tasks of the instance: this future, if it is polled, a
/// [`Call`](crate::Call), [`Instance::drive`], a call that blocks. If somebody was inside of the instance
/// when it was spawned, who may have been the caller, it begins when he leaves.
///
/// Dropping it detaches the task, which goes on without anybody who wants its results; so a task is not
/// like a [`Call`](crate::Call), which ends when it is dropped. A task that was detached and fails says
/// so in a `tracing` event and nowhere else.
///
/// On the interpreter a task runs to its end when it is spawned.
pub struct Task<R> {
    spawned: Spawned,
    results: PhantomData<fn() -> R>,
}

impl<R: HostValues> Task<R> {
    pub(crate) fn new(spawned: Spawned) -> Self {
        Task {
            spawned,
            results: PhantomData,
        }
    }

    /// Cancels the task, whose handlers may wait: what it waits for is dropped now, and this future, which
    /// is the same task, is ready when its handlers have come to their end. It gives an error for which
    /// [`Error::is_cancelled`] holds; or the results, if the task has finished, or does before it could
    /// wait again. Dropping it changes nothing about that.
    pub fn cancel(mut self) -> Self {
        self.spawned.cancel();
        self
    }

    /// Whether it has ended, with results or without.
    ///
    /// # Errors
    /// [`Error::Running`] if somebody is inside of the instance. It can be asked again.
    pub fn is_done(&mut self) -> Result<bool, Error> {
        self.spawned.is_done()
    }

    /// Its results, which can be taken once, if it has finished. Tasks do not run for being asked.
    ///
    /// # Errors
    /// [`Error::Trap`] and [`Error::Exception`] if it has failed; [`Error::BadCall`] if the results have
    /// been taken; [`Error::Running`] if somebody is inside of the instance, and then it can be asked
    /// again.
    pub fn try_result(&mut self) -> Result<Option<R>, Error> {
        let mut words = [0; MOST_WORDS];
        let has_ended = self.spawned.try_result(&mut words)?;
        Ok(has_ended.then(|| R::read(&words)))
    }
}

impl<R: HostValues> Future for Task<R> {
    type Output = Result<R, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut words = [0; MOST_WORDS];
        let polled = self.get_mut().spawned.poll(context, &mut words);
        polled.map(|outcome| outcome.map(|()| R::read(&words)))
    }
}

impl<R> fmt::Debug for Task<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.spawned.fmt(f)
    }
}

/// A task of a function that was spawned by its name. It is like a [`Task`] otherwise.
pub struct UntypedTask {
    spawned: Spawned,
}

impl UntypedTask {
    pub(crate) fn new(spawned: Spawned) -> Self {
        UntypedTask { spawned }
    }

    /// Cancels the task, as [`Task::cancel`] does.
    pub fn cancel(mut self) -> Self {
        self.spawned.cancel();
        self
    }

    /// Whether it has ended, as [`Task::is_done`] says.
    ///
    /// # Errors
    /// As there.
    pub fn is_done(&mut self) -> Result<bool, Error> {
        self.spawned.is_done()
    }

    /// Its results if it has finished, as [`Task::try_result`] gives them.
    ///
    /// # Errors
    /// As there.
    pub fn try_result(&mut self) -> Result<Option<Vec<Val>>, Error> {
        let mut words = self.words();
        let has_ended = self.spawned.try_result(&mut words)?;
        Ok(has_ended.then(|| self.values(&words)))
    }

    fn words(&self) -> Vec<u64> {
        let ir = self.spawned.instance.module().ir();
        vec![
            0;
            ir.functions[self.spawned.function]
                .signature()
                .buffer_words()
        ]
    }

    fn values(&self, words: &[u64]) -> Vec<Val> {
        let ir = self.spawned.instance.module().ir();
        let results = &ir.functions[self.spawned.function].signature().results;
        Val::from_words(results, words)
    }
}

impl Future for UntypedTask {
    type Output = Result<Vec<Val>, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let mut words = this.words();
        let polled = this.spawned.poll(context, &mut words);
        polled.map(|outcome| outcome.map(|()| this.values(&words)))
    }
}

impl fmt::Debug for UntypedTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.spawned.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Engine, Execution};
    use enjamb_ir::Entity;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    #[derive(Default)]
    struct Told(AtomicUsize);

    impl Wake for Told {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A future that finds its task not started, and wants to hear of it, may come too late for that.
    #[test]
    fn who_waits_for_a_start_that_has_just_been_is_told_at_once() {
        let engine = Engine::new(Config::new().execution(Execution::Interpreter)).unwrap();
        let text = "function %f() async {\nblock0:\n    return\n}";
        let deferred = Deferred {
            module: Module::from_text(&engine, text).unwrap(),
            function: FuncId::from_index(0),
            stage: Mutex::new(Stage::Begun(None)),
        };
        let told = Arc::new(Told::default());
        deferred.wait(&Waker::from(Arc::clone(&told)));
        assert_eq!(told.0.load(Ordering::Relaxed), 1);
    }
}
