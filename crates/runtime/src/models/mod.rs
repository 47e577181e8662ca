//! Models of how an instance is woken, entered, handed over and left, which the crate `loom` runs in every
//! order that the atomics and locks allow: `cargo xtask loom`.
//!
//! [`Wakes`], its wakers, [`Entry`] and [`Guests`] are the real ones. Around them stands what is not the
//! protocol: a [`House`] instead of compiled code, whose tasks wait for [`Gate`]s or the [`Clock`], [`Call`]s
//! that are polled as those of the engine are, and an executor per thread. Who is told too little hangs, and
//! loom reports a deadlock; what is reached by two threads at once is a race of loom's cell.
//!
//! Each model names changes of the real code, in its comment, with which it has been seen to fail.

mod entering;
mod waking;

use crate::entry::{Entry, Serve, Ticket};
use crate::guests::{Driven, Guest, Guests};
use crate::machine::Step;
use crate::wakes::{LazyWaker, TaskWaker, Wakes};
use loom::sync::{Condvar, Mutex};
use loom::thread;
use std::collections::{BTreeMap, VecDeque};
use std::pin::{Pin, pin};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// Runs a model in all orders, of threads that are interrupted at most that often where they need not wait.
fn model(preemptions: usize, run: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(run);
}

/// Waits for a thread to end.
fn join<T>(thread: thread::JoinHandle<T>) {
    thread.join().expect("it has not panicked");
}

/// The executor of a thread: the waker of what it runs.
#[derive(Default)]
struct Told {
    told: Mutex<bool>,
    changed: Condvar,
}

impl Wake for Told {
    fn wake(self: Arc<Self>) {
        *self.told.lock().unwrap() = true;
        self.changed.notify_one();
    }
}

impl Told {
    fn wait(&self) {
        let mut told = self.told.lock().unwrap();
        while !*told {
            told = self.changed.wait(told).unwrap();
        }
        *told = false;
    }
}

/// Polls a future whenever it is woken, and not else.
fn block_on<F: Future>(future: F) -> F::Output {
    let told = Arc::new(Told::default());
    let waker = Waker::from(Arc::clone(&told));
    let mut future = pin!(future);
    loop {
        let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
        if let Poll::Ready(output) = polled {
            return output;
        }
        told.wait();
    }
}

/// Polls a future once, which is not ready then.
fn poll_to_pending(future: &mut (impl Future + Unpin), waker: &Waker) {
    let polled = Pin::new(future).poll(&mut Context::from_waker(waker));
    assert!(polled.is_pending());
}

/// What a future of the host waits for, and another thread does.
#[derive(Default)]
struct Gate {
    state: Mutex<(bool, Option<Waker>)>,
}

impl Gate {
    fn open(&self) {
        let mut state = self.state.lock().unwrap();
        state.0 = true;
        let waker = state.1.take();
        drop(state);
        waker.into_iter().for_each(Waker::wake);
    }

    fn is_open(&self) -> bool {
        self.state.lock().unwrap().0
    }

    fn poll(&self, waker: &Waker) -> bool {
        let mut state = self.state.lock().unwrap();
        let old = match state.0 {
            true => None,
            false => state.1.replace(waker.clone()),
        };
        let is_open = state.0;
        drop(state);
        drop(old);
        is_open
    }
}

/// What a task of a house does.
#[derive(Clone, Default)]
struct Work {
    /// First it sleeps, until this hour.
    sleeps: Option<usize>,
    /// Then it waits for the gates of each list, for all at once.
    waits: Vec<Vec<Arc<Gate>>>,
    /// Then it opens one.
    opens: Option<Arc<Gate>>,
}

/// The hours at which tasks go on that have slept.
const HOURS: usize = 2;
type Clock = [Arc<Gate>; HOURS];

impl Work {
    fn sleeps(hour: usize) -> Work {
        Work {
            sleeps: Some(hour),
            ..Work::default()
        }
    }

    fn and_opens(self, gate: &Arc<Gate>) -> Work {
        Work {
            opens: Some(Arc::clone(gate)),
            ..self
        }
    }

    fn waits(gates: &[&Arc<Gate>]) -> Work {
        Work::default().and_waits(gates)
    }

    fn and_waits(mut self, gates: &[&Arc<Gate>]) -> Work {
        let gates = gates.iter().copied().map(Arc::clone);
        self.waits.push(gates.collect());
        self
    }
}

#[derive(Default)]
struct Task {
    work: Work,
    passed: usize,
    waker: Option<Arc<TaskWaker>>,
    /// Its turn is to come.
    queued: bool,
    finished: bool,
    called: bool,
}

impl Task {
    /// Until when it sleeps.
    fn sleeps(&self) -> Option<usize> {
        self.work.sleeps.filter(|_| !self.finished)
    }
}

/// What stands for the tasks of an instance.
struct House {
    wakes: Arc<Wakes>,
    /// A gate for each hour. Of those who wait for one only the last hears of it.
    clock: Clock,
    tasks: BTreeMap<u64, Task>,
    tasks_made: u64,
    timers_made: u64,
    queue: VecDeque<u64>,
    /// Taken from the wakes, and not polled yet.
    woken: VecDeque<Arc<TaskWaker>>,
    again: Vec<u64>,
    ended: Vec<u64>,
    /// Tasks that have finished or were forgotten.
    gone: u64,
    polls: u64,
}

impl House {
    fn start(&mut self, work: Work, called: bool) -> u64 {
        self.tasks_made += 1;
        self.timers_made += u64::from(work.sleeps.is_some());
        let task = Task {
            work,
            called,
            ..Task::default()
        };
        self.tasks.insert(self.tasks_made, task);
        self.poll_future(self.tasks_made);
        self.tasks_made
    }

    /// As `Machine::poll_future` does.
    fn poll_future(&mut self, number: u64) {
        let Some(task) = self.tasks.get_mut(&number) else {
            return;
        };
        if task.queued || task.finished || task.work.sleeps.is_some() {
            return;
        }
        self.polls += 1;
        let lazy = LazyWaker::new(&self.wakes, number, task.waker.take());
        let gates = task.work.waits.get(task.passed).into_iter().flatten();
        let closed = lazy.lend(|waker| gates.filter(|gate| !gate.poll(waker)).count());
        let (woken, waker) = lazy.finish();
        if closed == 0 {
            task.queued = true;
            self.queue.push_back(number);
            return;
        }
        task.waker = waker;
        if woken {
            self.again.push(number);
        }
    }

    /// A turn: the task goes on behind its gates.
    fn resume(&mut self, number: u64) {
        let Some(task) = self.tasks.get_mut(&number) else {
            return;
        };
        task.queued = false;
        task.passed += 1;
        if task.passed < task.work.waits.len() {
            return self.poll_future(number);
        }
        task.finished = true;
        if let Some(gate) = &task.work.opens {
            gate.open();
        }
        if task.called {
            self.ended.push(number);
        } else {
            self.forget(number);
        }
    }

    /// What a task waits for is dropped, and it ends in its turn.
    fn cancel(&mut self, number: u64) {
        let Some(task) = self.tasks.get_mut(&number) else {
            return;
        };
        if task.finished {
            return;
        }
        task.work.sleeps = None;
        task.waker = None;
        task.work.waits.truncate(task.passed);
        if !std::mem::replace(&mut task.queued, true) {
            self.queue.push_back(number);
        }
    }

    fn forget(&mut self, number: u64) {
        assert!(self.tasks.remove(&number).is_some(), "forgotten twice");
        self.gone += 1;
    }

    /// Whether a call has finished; it is gone then.
    fn take(&mut self, number: u64) -> bool {
        let finished = self.tasks[&number].finished;
        if finished {
            self.forget(number);
        }
        finished
    }

    /// Runs tasks until this one has finished, as `Machine::run_until` does.
    fn run_until(&mut self, number: u64) {
        while !self.take(number) {
            if let Step::Waiting(time) = Driven::step(self) {
                let wakes = Arc::clone(&self.wakes);
                wakes.block(time);
            }
        }
    }
}

impl Driven for House {
    /// As `Machine::step` does.
    fn step(&mut self) -> Step {
        for (&number, task) in &mut self.tasks {
            if task.sleeps().is_some_and(|hour| self.clock[hour].is_open()) {
                task.work.sleeps = None;
                task.queued = true;
                self.queue.push_back(number);
            }
        }
        for number in std::mem::take(&mut self.again) {
            self.poll_future(number);
        }
        if self.woken.is_empty() && self.wakes.any() {
            self.woken = self.wakes.take(Vec::new()).into();
        }
        if let Some(woken) = self.woken.pop_front() {
            self.poll_future(woken.begin());
        }
        let next = self.queue.pop_front();
        next.into_iter().for_each(|number| self.resume(number));
        let ended = std::mem::take(&mut self.ended);
        if !ended.is_empty() {
            self.wakes.ended(&ended);
        }
        let waiting = |task: &Task| !task.finished;
        let hour = self.tasks.values().filter_map(Task::sleeps).min();
        match next {
            Some(_) => Step::Ran,
            None if !self.woken.is_empty() => Step::Ran,
            None if !self.again.is_empty() => Step::Yielded,
            None if hour.is_some() => {
                Step::Waiting(hour.map(|hour| Duration::from_hours(hour as u64)))
            }
            None if self.tasks.values().any(waiting) => Step::Waiting(None),
            None => Step::Idle,
        }
    }

    fn has_work(&self) -> bool {
        let can_run = !self.queue.is_empty() || !self.again.is_empty() || !self.woken.is_empty();
        can_run || self.wakes.any()
    }

    fn is_busy(&self) -> bool {
        self.has_work() || self.tasks.values().any(|task| !task.finished)
    }

    fn newest_timer(&self) -> Option<u64> {
        let mut sleep = self.tasks.values().filter_map(Task::sleeps);
        sleep.next().map(|_| self.timers_made)
    }
}

impl Drop for House {
    fn drop(&mut self) {
        // As that of an instance.
        if !std::thread::panicking() {
            self.wakes.close();
        }
    }
}

/// A house with its guests, as a backend is.
struct Inside {
    house: House,
    guests: Guests,
}

impl Inside {
    /// As `MachineCode::leave` does.
    fn leave(&mut self, party: u64) {
        self.guests.leave(&self.house, party);
    }
}

enum Errand {
    Abandon(u64),
    Cancel(u64),
}

impl Serve for Inside {
    type Errand = Errand;
    fn serve(&mut self, errand: Errand) {
        match errand {
            Errand::Abandon(task) => {
                self.house.forget(task);
                self.leave(task);
            }
            Errand::Cancel(task) => {
                self.house.cancel(task);
                let Inside { house, guests } = self;
                guests.hand_over(house);
            }
        }
    }
}

/// A house with an entry, which is gone at the end of the model.
struct Street {
    entry: Arc<Entry<Inside>>,
    clock: Clock,
    left: Weak<Wakes>,
}

impl Street {
    fn new() -> Street {
        let (wakes, clock) = (Arc::new(Wakes::default()), Clock::default());
        let left = Arc::downgrade(&wakes);
        let house = House {
            wakes: Arc::clone(&wakes),
            clock: clock.clone(),
            tasks: BTreeMap::new(),
            tasks_made: 0,
            timers_made: 0,
            queue: VecDeque::new(),
            woken: VecDeque::new(),
            again: Vec::new(),
            ended: Vec::new(),
            gone: 0,
            polls: 0,
        };
        let guests = Guests::new(wakes);
        Street {
            entry: Arc::new(Entry::new(Inside { house, guests })),
            clock,
            left,
        }
    }

    fn call(&self, work: Work) -> Call {
        Call {
            entry: Arc::clone(&self.entry),
            clock: self.clock.clone(),
            work: Some(work),
            task: None,
            ticket: None,
        }
    }

    /// Starts a task that no call is about.
    fn spawn(&self, work: Work) {
        let mut inside = self.entry.enter().expect("nobody is inside");
        let Inside { house, guests } = &mut *inside;
        house.start(work, false);
        guests.hand_over(house);
    }

    /// As `TypedFunc::block_on`, which does not wait to enter: whether it could.
    fn block_on(&self, work: Work) -> bool {
        let Some(mut inside) = self.entry.enter() else {
            return false;
        };
        let task = inside.house.start(work, true);
        inside.house.run_until(task);
        let Inside { house, guests } = &mut *inside;
        guests.hand_over(house);
        true
    }

    /// Everything is over: all tasks are gone, and nothing refers to what the instance was.
    fn close(self) {
        let inside = self.entry.enter().expect("nobody is inside");
        assert_eq!(inside.house.tasks_made, inside.house.gone);
        assert!(inside.guests.is_empty(), "a guest is left");
        drop(inside);
        assert_eq!(Arc::strong_count(&self.entry), 1);
        drop(self.entry);
        assert_eq!(self.left.strong_count(), 0, "a waker is kept");
    }
}

/// A call, as the engine has it.
struct Call {
    entry: Arc<Entry<Inside>>,
    clock: Clock,
    /// Until it starts.
    work: Option<Work>,
    task: Option<u64>,
    ticket: Option<Ticket>,
}

impl Future for Call {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let waker = context.waker();
        let entered = this.entry.enter_or_wait(&mut this.ticket, waker);
        let Some(mut inside) = entered.expect("nobody polls inside") else {
            return Poll::Pending;
        };
        let Inside { house, guests } = &mut *inside;
        let task = *this.task.get_or_insert_with(|| {
            let task = house.start(this.work.take().expect("it starts once"), true);
            guests.arrive();
            guests.hand_over(house);
            task
        });
        let guest = Guest { party: task, waker };
        let is_due = |time: Duration, waker: &Waker| {
            let hour = time.as_secs() / 3600;
            this.clock[hour as usize].poll(waker)
        };
        let polled = guests.turns(house, guest, is_due, |house, _| {
            house.take(task).then_some(())
        });
        if polled.is_ready() {
            this.task = None;
            inside.leave(task);
        }
        polled
    }
}

impl Call {
    fn cancel(&self) {
        let task = self.task.expect("it has begun");
        self.entry.ask(Errand::Cancel(task));
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if let Some(task) = self.task
            && !std::thread::panicking()
        {
            self.entry.ask(Errand::Abandon(task));
        }
    }
}
