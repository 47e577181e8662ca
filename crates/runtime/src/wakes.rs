//! Wakers: how a future of the host says that a task can go on, and who is to hear of it.
//!
//! ```text
//!  future ──wake──→ TaskWaker ──→ queue of the instance ──→ polled when somebody drives it
//!                        └──────→ wakes somebody who does: a blocked thread, the task's own
//!                                 call, or the driver
//! ```
//!
//! Whoever waits for something that an instance does, and is polled by an executor that is not ours,
//! is a *party*: a call from the host, or what merely drives the instance. A party that has been polled
//! last is the *driver*: it hears of tasks that no call is about, and keeps the time. When the driver
//! goes away another party takes its place, so that no wake is lost with it. A woken task is a
//! generation and an index, so wakes that come late, twice or for nobody do no harm; each costs O(1).

use crate::sync::{self, AtomicBool, AtomicU64, Mutex, MutexGuard, Ordering, Thread};
use enjamb_ir::hash::FxIndexMap;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::null_mut;
use std::sync::atomic::AtomicPtr;
use std::sync::{Arc, PoisonError};
use std::task::{RawWaker, RawWakerVTable, Wake, Waker};
use std::time::Duration;

/// The wake queue of an instance, and who waits for it.
#[derive(Debug, Default)]
pub struct Wakes {
    /// Whether the queue has something in it.
    any: AtomicBool,
    parties_made: AtomicU64,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    queue: Vec<Arc<TaskWaker>>,
    /// The instance is gone.
    closed: bool,
    /// The thread that is inside of the instance and sleeps.
    blocked: Option<Waker>,
    /// Those who wait or are being polled, by the task of a call or a number of their own.
    parties: FxIndexMap<u64, Waker>,
    /// The party that is being polled, which is inside of the instance. It need not be woken.
    polled: Option<u64>,
    /// The party that was polled last.
    driver: Option<u64>,
}

/// What the waker of a task points to, once a future has made a copy of it.
#[derive(Debug)]
pub(crate) struct TaskWaker {
    wakes: Arc<Wakes>,
    task: u64,
    /// Whether it is in the queue.
    queued: AtomicBool,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        Wake::wake_by_ref(&self);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // It synchronizes with `begin`, also if this wake comes on top of an earlier one.
        if !self.queued.swap(true, Ordering::AcqRel) {
            self.wakes.push(Arc::clone(self));
        }
    }
}

impl TaskWaker {
    /// The task is about to be looked at: the next wake is another one.
    pub(crate) fn begin(&self) -> u64 {
        self.queued.swap(false, Ordering::AcqRel);
        self.task
    }

    /// Where it is queued.
    pub(crate) fn wakes(&self) -> &Arc<Wakes> {
        &self.wakes
    }
}

impl Wakes {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing in here panics half-way.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, waker: Arc<TaskWaker>) {
        let mut inner = self.lock();
        if inner.closed {
            drop(inner);
            return drop(waker);
        }
        let listener = inner.listener(waker.task).cloned();
        inner.queue.push(waker);
        self.any.store(true, Ordering::Release);
        drop(inner);
        wake_all(listener);
    }

    /// Whether a task has been woken since they were taken last.
    pub(crate) fn any(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    /// Takes the woken tasks, in exchange for a queue without any.
    pub(crate) fn take(&self, empty: Vec<Arc<TaskWaker>>) -> Vec<Arc<TaskWaker>> {
        let mut inner = self.lock();
        self.any.store(false, Ordering::Release);
        std::mem::replace(&mut inner.queue, empty)
    }

    /// The instance is gone: wakes do nothing from now on. Parties that have not kept it alive are told.
    pub(crate) fn close(&self) {
        let mut inner = self.lock();
        inner.closed = true;
        let queue = std::mem::take(&mut inner.queue);
        let parties = std::mem::take(&mut inner.parties);
        drop(inner);
        drop(queue);
        wake_all(parties.into_values());
    }

    /// Whether a party waits, so that there is somebody who drives the instance.
    pub fn has_parties(&self) -> bool {
        !self.lock().parties.is_empty()
    }

    /// Lets this thread, which is inside of the instance, sleep until a task is woken or some time has
    /// passed. It may come back sooner.
    pub(crate) fn block(&self, time: Option<Duration>) {
        let mut inner = self.lock();
        if !inner.queue.is_empty() {
            return;
        }
        let outer = inner
            .blocked
            .replace(Waker::from(Arc::new(Parked(sync::current()))));
        drop(inner);
        match time {
            Some(time) => sync::park_timeout(time),
            None => sync::park(),
        }
        self.lock().blocked = outer;
    }

    /// A number for a party that is no call. None of a task ends with these bits.
    pub fn new_party(&self) -> u64 {
        let number = self.parties_made.fetch_add(1, Ordering::Relaxed);
        number << 32 | u64::from(u32::MAX)
    }

    /// A party is being polled: it need not be woken while that lasts.
    pub fn begin(&self, party: u64) {
        let mut inner = self.lock();
        inner.polled = Some(party);
        inner.driver.get_or_insert(party);
    }

    /// A party waits with this waker, and is the driver from now on. Returns whether a task has been woken
    /// meanwhile, so that there is something left to do.
    pub fn wait(&self, party: u64, waker: &Waker) -> bool {
        // Wakers are the host's: none is copied or dropped under the lock.
        let mut waker = waker.clone();
        let mut inner = self.lock();
        inner.polled = None;
        inner.driver = Some(party);
        match inner.parties.get_mut(&party) {
            Some(known) => std::mem::swap(known, &mut waker),
            None => {
                let none = Waker::noop().clone();
                let new = std::mem::replace(&mut waker, none);
                inner.parties.insert(party, new);
            }
        }
        let woken = !inner.queue.is_empty();
        drop(inner);
        drop(waker);
        woken
    }

    /// A party does not wait any more. If it was the driver another one is, and hears of wakes from now on;
    /// what there is to do already, who leaves hands over.
    pub fn leave(&self, party: u64) {
        let mut inner = self.lock();
        let own = inner.parties.swap_remove(&party);
        if inner.driver == Some(party) {
            inner.appoint();
        }
        drop(inner);
        drop(own);
    }

    /// Tasks can run and whoever was inside of the instance leaves: some party goes on with it.
    pub fn hand_over(&self) {
        let mut inner = self.lock();
        let driver = inner.driver.and_then(|driver| inner.waiting(driver));
        let next = match driver {
            Some(driver) => Some(driver.clone()),
            None => inner
                .appoint()
                .and_then(|party| inner.parties.get(&party))
                .cloned(),
        };
        drop(inner);
        wake_all(next);
    }

    /// Wakes the parties whose tasks have ended.
    pub(crate) fn ended(&self, tasks: &[u64]) {
        let inner = self.lock();
        let parties = tasks.iter().filter_map(|&task| inner.waiting(task));
        let wakers: Vec<Waker> = parties.cloned().collect();
        drop(inner);
        wake_all(wakers);
    }
}

/// Wakes everybody. A waker is the host's: if one panics the others are told first, and then the panic goes on,
/// unless this thread unwinds already.
pub(crate) fn wake_all(wakers: impl IntoIterator<Item = Waker>) {
    let mut first = None;
    for waker in wakers {
        let woken = catch_unwind(AssertUnwindSafe(|| waker.wake()));
        first = first.or(woken.err());
    }
    if let Some(panic) = first
        && !std::thread::panicking()
    {
        resume_unwind(panic);
    }
}

impl Inner {
    /// The waker of a party, if it waits.
    fn waiting(&self, party: u64) -> Option<&Waker> {
        let waker = self.parties.get(&party);
        waker.filter(|_| self.polled != Some(party))
    }

    /// Who is to hear that a task was woken.
    fn listener(&self, task: u64) -> Option<&Waker> {
        let of_call = || self.waiting(task);
        let of_driver = || self.waiting(self.driver?);
        self.blocked.as_ref().or_else(of_call).or_else(of_driver)
    }

    /// Makes one of those who wait the driver.
    fn appoint(&mut self) -> Option<u64> {
        let mut parties = self.parties.keys().rev();
        let party = *parties.find(|&&party| self.polled != Some(party))?;
        self.driver = Some(party);
        Some(party)
    }
}

/// Wakes a thread.
struct Parked(Thread);

impl Wake for Parked {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// The waker that a future of the host is polled with. It becomes an allocation when it is copied.
#[derive(Debug)]
pub(crate) struct LazyWaker<'a> {
    wakes: &'a Arc<Wakes>,
    task: u64,
    /// What copies of it point to, once there are any: an `Arc` that it owns.
    copy: AtomicPtr<TaskWaker>,
    /// Whether the task was woken by this very waker: the future wants to be polled again, in a while.
    woken: AtomicBool,
}

impl<'a> LazyWaker<'a> {
    pub(crate) fn new(wakes: &'a Arc<Wakes>, task: u64, copy: Option<Arc<TaskWaker>>) -> Self {
        LazyWaker {
            wakes,
            task,
            copy: AtomicPtr::new(copy.map_or(null_mut(), into_pointer)),
            woken: AtomicBool::new(false),
        }
    }

    /// Lends the waker.
    pub(crate) fn lend<R>(&self, run: impl FnOnce(&Waker) -> R) -> R {
        let data = std::ptr::from_ref(self).cast();
        // SAFETY: the functions of the table keep the contract of wakers: they may be called from any
        // thread, since everything they touch is `Sync`, and a copy owns what it points to. This one
        // waker is borrowed until `run` returns, and so is what it points to.
        let waker = unsafe { Waker::from_raw(RawWaker::new(data, &LENT)) };
        run(&waker)
    }

    /// A copy, which is an allocation if it is the first one.
    fn copy(&self) -> Waker {
        let mut copy = self.copy.load(Ordering::Acquire);
        if copy.is_null() {
            copy = into_pointer(Arc::new(TaskWaker {
                wakes: Arc::clone(self.wakes),
                task: self.task,
                queued: AtomicBool::new(false),
            }));
            let (success, failure) = (Ordering::AcqRel, Ordering::Acquire);
            let exchanged = self
                .copy
                .compare_exchange(null_mut(), copy, success, failure);
            if let Err(first) = exchanged {
                // SAFETY: it came from `into_pointer` just now, and nobody else has it.
                drop(unsafe { Arc::from_raw(copy) });
                copy = first;
            }
        }
        // SAFETY: it came from `into_pointer`, and this waker, which is borrowed, has a share in it.
        unsafe {
            Arc::increment_strong_count(copy);
            Waker::from(Arc::from_raw(copy))
        }
    }

    fn take_copy(&mut self) -> Option<Arc<TaskWaker>> {
        let copy = std::mem::replace(self.copy.get_mut(), null_mut());
        // SAFETY: it came from `into_pointer`, and its share is given away once.
        (!copy.is_null()).then(|| unsafe { Arc::from_raw(copy) })
    }

    /// Whether the task was woken by it, and what copies of it point to.
    pub(crate) fn finish(mut self) -> (bool, Option<Arc<TaskWaker>>) {
        (self.woken.load(Ordering::Acquire), self.take_copy())
    }
}

impl Drop for LazyWaker<'_> {
    fn drop(&mut self) {
        drop(self.take_copy());
    }
}

fn into_pointer(waker: Arc<TaskWaker>) -> *mut TaskWaker {
    Arc::into_raw(waker).cast_mut()
}

static LENT: RawWakerVTable = RawWakerVTable::new(copy_lent, wake_lent, wake_lent, drop_lent);

/// # Safety
/// `data` is the address of a [`LazyWaker`] that lives, as in the functions that follow.
unsafe fn copy_lent(data: *const ()) -> RawWaker {
    // SAFETY: the caller's promise.
    let lazy = unsafe { &*data.cast::<LazyWaker<'_>>() };
    let waker = ManuallyDrop::new(lazy.copy());
    RawWaker::new(waker.data(), waker.vtable())
}

/// # Safety
/// As for [`copy_lent`].
unsafe fn wake_lent(data: *const ()) {
    // SAFETY: the caller's promise.
    let lazy = unsafe { &*data.cast::<LazyWaker<'_>>() };
    lazy.woken.store(true, Ordering::Release);
}

/// # Safety
/// None is needed: it owns nothing.
unsafe fn drop_lent(_data: *const ()) {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn party() -> (Arc<Count>, Waker) {
        let count = Arc::new(Count::default());
        (Arc::clone(&count), Waker::from(count))
    }

    fn woken(count: &Count) -> usize {
        count.0.swap(0, Ordering::Relaxed)
    }

    #[test]
    fn a_waker_is_an_allocation_when_it_is_copied_and_not_before() {
        let wakes = Arc::new(Wakes::default());
        let lazy = LazyWaker::new(&wakes, 7, None);
        lazy.lend(Waker::wake_by_ref);
        assert!(!wakes.any(), "the one who polls sees for itself");
        assert!(matches!(lazy.finish(), (true, None)));

        let lazy = LazyWaker::new(&wakes, 7, None);
        let copies = lazy.lend(|waker| [waker.clone(), waker.clone()]);
        assert!(copies[0].will_wake(&copies[1]));
        let (false, Some(copy)) = lazy.finish() else {
            panic!("it was not woken, and copied");
        };
        for waker in &copies {
            waker.wake_by_ref();
        }
        std::thread::spawn(move || copies.map(Waker::wake))
            .join()
            .unwrap();
        let queue = wakes.take(Vec::new());
        assert_eq!(queue.len(), 1, "any number of wakes is one");
        assert_eq!(queue[0].begin(), 7);
        Waker::from(copy).wake();
        assert!(wakes.any());
        wakes.close();
        assert_eq!(Arc::strong_count(&queue[0]), 1);
        queue[0].begin();
        Wake::wake_by_ref(&queue[0]);
        assert_eq!(Arc::strong_count(&queue[0]), 1, "nobody takes it any more");
    }

    #[test]
    fn the_next_party_takes_over_from_a_driver_that_leaves() {
        let wakes = Arc::new(Wakes::default());
        let wake = |task| {
            let lazy = LazyWaker::new(&wakes, task, None);
            lazy.lend(Waker::clone).wake();
            for waker in wakes.take(Vec::new()) {
                waker.begin();
            }
        };
        let ((one, first), (two, second)) = (party(), party());
        wakes.begin(1);
        assert!(!wakes.wait(1, &first));
        wakes.begin(2);
        assert!(!wakes.wait(2, &second));
        wake(3);
        assert_eq!((woken(&one), woken(&two)), (0, 1), "the driver");
        wake(1);
        assert_eq!((woken(&one), woken(&two)), (1, 0), "its own call");
        wakes.leave(2);
        wake(3);
        assert_eq!((woken(&one), woken(&two)), (1, 0), "takes over");
        wakes.hand_over();
        assert_eq!(woken(&one), 1);
        wakes.begin(1);
        wake(3);
        assert_eq!(woken(&one), 0, "it is being polled");
        wakes.leave(1);
        wakes.hand_over();
        wake(1);
        assert_eq!((woken(&one), woken(&two)), (0, 0));
    }

    struct Panics;

    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("a waker of the host");
        }
    }

    #[test]
    fn a_waker_that_panics_keeps_nobody_from_being_told() {
        let wakes = Arc::new(Wakes::default());
        let ((one, first), (two, second)) = (party(), party());
        let wakers = [first, Waker::from(Arc::new(Panics)), second];
        for (waker, party) in wakers.iter().zip(1..) {
            wakes.wait(party, waker);
        }
        let told = |panics: &dyn Fn()| {
            let panicked = catch_unwind(AssertUnwindSafe(panics)).unwrap_err();
            assert_eq!(panicked.downcast_ref(), Some(&"a waker of the host"));
            assert_eq!((woken(&one), woken(&two)), (1, 1));
        };
        told(&|| wakes.ended(&[1, 2, 3]));
        told(&|| wakes.close());
    }

    #[test]
    fn a_wake_before_the_wait_is_found() {
        let wakes = Arc::new(Wakes::default());
        let (_, waker) = party();
        let lazy = LazyWaker::new(&wakes, 1, None);
        lazy.lend(Waker::clone).wake();
        assert!(wakes.wait(1, &waker));
        // It would sleep for ever otherwise.
        wakes.block(None);
    }
}
