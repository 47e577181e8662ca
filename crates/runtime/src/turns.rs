//! The executor's turns: what tasks wait for is looked at, and one of those that can run goes on.

use crate::error::HostError;
use crate::executor::PendingCall;
use crate::helpers::{drop_quietly, panic};
use crate::host::HostContext;
use crate::machine::{FAST_TURNS, Machine, SMALL_BUFFER, Step, buffer_of};
use crate::state::State;
use crate::task::State as TaskState;
use crate::wakes::{LazyWaker, TaskWaker, Wakes};
use enjamb_ir::types::word_count;
use enjamb_ir::{Entity, FuncId, Type};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;

/// Yields in a row that the dispatcher may resume by itself before timers and host get a look.
const FAST_RESUMES: u64 = 1000;
/// Turns after which futures that want to be polled again are, although tasks can run.
const AGAIN_INTERVAL: u64 = 61;

impl Machine {
    /// One turn of the executor.
    pub(crate) fn step(self) -> Step {
        let (woken, is_time_for_again) = self.with(|state| {
            state.fire();
            state.turns += 1;
            (state.next_woken(), state.is_time_for_again())
        });
        if is_time_for_again {
            self.poll_again();
        }
        woken.into_iter().for_each(|woken| self.poll_woken(&woken));
        let next = self.with(|state| {
            let task = state.next_task()?;
            let alone = state.executor.is_queue_empty();
            Some((task, if alone { FAST_RESUMES } else { 0 }))
        });
        if let Some((task, fast_resumes)) = next {
            self.resume(task, fast_resumes, FAST_TURNS);
        }
        let step = self.with(|state| match next {
            Some(_) => Step::Ran,
            None => state.what_to_wait_for(),
        });
        self.tell_ended();
        step
    }

    /// Gives each task that can run one turn, those included that the host has woken. Nothing waits: a virtual
    /// clock stands still. Timers fire before each turn, as always: who sleeps for no time at all is in the queue
    /// in front of who yields later.
    pub(crate) fn round(self) {
        if self.with(|state| state.tasks.is_empty()) {
            return;
        }
        let woken = self.with(|state| {
            state.fire();
            state.gather_woken()
        });
        if self.with(|state| state.executor.has_again()) {
            self.poll_again();
        }
        for _ in 0..woken {
            let woken = self.with(State::next_woken);
            woken.into_iter().for_each(|woken| self.poll_woken(&woken));
        }
        for _ in 0..self.with(State::count_runnable) {
            let next = self.with(|state| {
                state.fire();
                state.next_task()
            });
            let Some(task) = next else {
                break;
            };
            self.resume(task, 0, 0);
        }
        self.tell_ended();
    }

    /// Tells calls of the host's that have ended.
    fn tell_ended(self) {
        if self.with(|state| state.ended.is_empty()) {
            return;
        }
        let ended = self.with(|state| std::mem::take(&mut state.ended));
        self.with(|state| Arc::clone(&state.wakes)).ended(&ended);
    }

    /// Polls what a task waits for that was woken.
    fn poll_woken(self, woken: &TaskWaker) {
        self.poll_future(woken.begin(), woken.wakes());
        // The waker of a watcher is no task's.
        self.with(State::publish);
    }

    /// Polls the futures that want to be polled again.
    fn poll_again(self) {
        let (again, wakes) =
            self.with(|state| (state.executor.take_again(), Arc::clone(&state.wakes)));
        for task in again {
            self.poll_future(task, &wakes);
        }
        self.with(State::publish);
    }

    /// Polls what a task waits for, if it waits for the host.
    fn poll_future(self, task: u64, wakes: &Arc<Wakes>) {
        let Some(PendingCall {
            mut operation,
            waker,
            mut locals,
            function,
        }) = self.with(|state| state.take_future(task))
        else {
            return;
        };
        let (count, outer_word) = self.with(|state| {
            state.objects.handles.enter();
            let count = word_count(state.waited_for(task as u32));
            let word = state.tasks[task as u32].context_word;
            let outer_word = std::mem::replace(&mut state.context.fixed().task_word, word);
            (count, outer_word)
        });
        let lazy = LazyWaker::new(wakes, task, waker);
        let (mut small, mut large) = ([0; SMALL_BUFFER], Vec::new());
        let buffer = buffer_of(count, &mut small, &mut large);
        let polled = lazy.lend(|waker| {
            let mut context = HostContext::later(self, waker);
            let poll = || operation.as_mut().poll(&mut context, buffer);
            catch_unwind(AssertUnwindSafe(poll))
        });
        let polled = polled.unwrap_or_else(|payload| Poll::Ready(Err(panic(&*payload))));
        let done = self.with(|state| {
            state.context.fixed().task_word = outer_word;
            let Poll::Ready(outcome) = polled else {
                locals.append(&mut state.objects.handles.suspend());
                let (woken, waker) = lazy.finish();
                let call = PendingCall {
                    operation,
                    waker,
                    locals,
                    function,
                };
                state.executor.wait_for_host(task, call, woken);
                return None;
            };
            state.complete(task as u32, outcome, &mut buffer[..count]);
            state.objects.handles.leave();
            state.objects.handles.end(locals);
            Some(operation)
        });
        drop_quietly(done);
    }
}

impl State {
    fn is_time_for_again(&self) -> bool {
        self.executor.has_again()
            && (self.executor.is_queue_empty() || self.turns.is_multiple_of(AGAIN_INTERVAL))
    }

    /// How many tasks were woken until now by something that they wait for.
    fn gather_woken(&mut self) -> usize {
        if self.wakes.any() {
            self.executor.add_woken(self.wakes.take(Vec::new()));
        }
        self.executor.woken_count()
    }

    /// How many tasks have a turn to come. Those that were freed before theirs are in the queue no more.
    fn count_runnable(&mut self) -> usize {
        let State {
            executor, tasks, ..
        } = self;
        executor.count_queued(|task| tasks.find_any(task).is_ok())
    }

    /// The next task that was woken by something that it waits for.
    fn next_woken(&mut self) -> Option<Arc<TaskWaker>> {
        let State {
            executor, wakes, ..
        } = self;
        executor.next_woken(|empty| match wakes.any() {
            true => wakes.take(empty),
            false => empty,
        })
    }

    /// What there is to wait for if no task can run.
    fn what_to_wait_for(&mut self) -> Step {
        let State {
            executor, tasks, ..
        } = self;
        if executor.has_woken() {
            return Step::Ran;
        }
        if executor.has_again() {
            return Step::Yielded;
        }
        match executor.next_deadline(|task| tasks.waits(task)) {
            Some(wait) => Step::Waiting(Some(wait)),
            None if executor.waits_for_host() => Step::Waiting(None),
            None => Step::Idle,
        }
    }

    /// What a woken task waits for, if that is the host.
    fn take_future(&mut self, task: u64) -> Option<PendingCall> {
        let index = self.tasks.find_any(task).ok()?;
        if self.tasks[index].state == TaskState::Running {
            let State {
                executor, tasks, ..
            } = self;
            executor.woken_early(task, |task| tasks.find_any(task).is_ok());
            return None;
        }
        self.executor.take_pending(index)
    }

    /// The host has finished a call that a task waits for, with results in the buffer.
    fn complete(&mut self, task: u32, outcome: Result<(), HostError>, words: &mut [u64]) {
        let imported = outcome.and_then(|()| {
            self.import_words(self.waited_for(task), words)?;
            Ok(())
        });
        match imported {
            Ok(()) => {
                self.deliver(task, words);
                self.wake(task);
            }
            Err(error) => {
                let error = self.cause_from_host(error);
                let mut failure = self.new_failure(error.cause);
                failure.message = error.message;
                self.fail_later(task, failure);
            }
        }
    }

    /// The types of the results that a suspended task waits for.
    fn waited_for(&self, task: u32) -> &[Type] {
        let task = &self.tasks[task];
        let ends = match task.head == task.root {
            true => Some(task.function()),
            false => self.function_at_separator(task.head),
        };
        if let Some(function) = ends {
            return &self.loaded.signature(function).results;
        }
        // SAFETY: the head of a suspended chain is a continuation with a record.
        let record = unsafe { &*(*task.head).info };
        let module = &self.versions.of_record(record).compiled().transformed;
        let function = FuncId::from_index(record.function as usize);
        let point = enjamb_ir::PointId::from_index(record.state as usize);
        let body = module.functions.get(function).and_then(|decl| decl.body());
        let point = body.and_then(|body| body.points.get(point));
        point.map_or(&[], |point| &point.results)
    }
}
