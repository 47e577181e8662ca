//! Who is inside of an instance: one thread at a time, and nobody waits for it on the spot.
//!
//! ```text
//!  blocking call ──enter──────────→ inside, or refused
//!  future ─────────enter_or_wait──→ inside, or leaves its waker ─┐
//!  whoever drops a future ──ask───→ inside, or leaves an errand ─┤
//!                                                                ↓
//!                         whoever is inside does the errands, leaves, then wakes
//! ```
//!
//! One lock, held for a few instructions, decides. An instance is free only while nobody waits and, unless code of
//! the host has panicked in one, there are no errands; so who enters need not look for them.

use crate::sync::{Mutex, MutexGuard, ThreadId, UnsafeCell, current_id};
use crate::wakes::wake_all;
use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::PoisonError;
use std::task::Waker;

/// What can be entered.
pub trait Serve {
    /// What those who are not inside leave for the one who is.
    type Errand;

    /// Does an errand. Whoever is inside does it, before he leaves.
    fn serve(&mut self, errand: Self::Errand);

    /// The one who is inside is about to leave. What this leaves to be done, he does.
    fn leave(&mut self) {}
}

/// Something that one thread at a time can be inside of.
pub struct Entry<T: Serve> {
    outside: Mutex<Outside<T::Errand>>,
    inside: UnsafeCell<T>,
}

// SAFETY: what is inside is reached through `Entered`, of which there is one at a time, so a thread needs to be
// allowed no more than to get it from another one. The rest is locked.
unsafe impl<T: Serve<Errand: Send> + Send> Sync for Entry<T> {}

/// What those see who are not inside.
struct Outside<E> {
    /// The thread that is inside.
    holder: Option<ThreadId>,
    /// The one that was inside last.
    previous: Option<ThreadId>,
    hand_overs: u64,
    errands: VecDeque<E>,
    /// Futures that want to enter.
    waiting: Vec<Waker>,
    /// How many times those have been told.
    round: u64,
}

/// Where a future stands among those who wait.
#[derive(Clone, Copy, Debug)]
pub struct Ticket {
    round: u64,
    index: usize,
}

/// This thread is inside already: a future that it polls would wait for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlreadyInside;

/// Something that this thread is inside of.
pub struct Entered<'a, T: Serve> {
    entry: &'a Entry<T>,
    /// The thread that has entered leaves.
    thread: PhantomData<*const ()>,
}

impl<T: Serve> Entry<T> {
    /// Nobody is inside.
    pub fn new(inside: T) -> Self {
        let outside = Outside {
            holder: None,
            previous: None,
            hand_overs: 0,
            errands: VecDeque::new(),
            waiting: Vec::new(),
            round: 0,
        };
        Entry {
            outside: Mutex::new(outside),
            inside: UnsafeCell::new(inside),
        }
    }

    fn outside(&self) -> MutexGuard<'_, Outside<T::Errand>> {
        // Nothing in here panics half-way.
        self.outside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, outside: &mut Outside<T::Errand>) -> Entered<'_, T> {
        let thread = current_id();
        if outside.previous != Some(thread) {
            outside.hand_overs += u64::from(outside.previous.is_some());
            outside.previous = Some(thread);
        }
        outside.holder = Some(thread);
        Entered {
            entry: self,
            thread: PhantomData,
        }
    }

    /// Nobody is inside any more.
    fn open(&self, mut outside: MutexGuard<'_, Outside<T::Errand>>) {
        outside.holder = None;
        let waiting = std::mem::take(&mut outside.waiting);
        outside.round += u64::from(!waiting.is_empty());
        drop(outside);
        // Who is woken finds it open.
        wake_all(waiting);
    }

    /// Enters, unless somebody is inside.
    pub fn enter(&self) -> Option<Entered<'_, T>> {
        let mut outside = self.outside();
        match outside.holder {
            None => Some(self.take(&mut outside)),
            Some(_) => None,
        }
    }

    /// Enters; or lets the waker be woken when another thread, which is inside, has left. A future that is
    /// polled again before that hands in the ticket that it was given, and has one place.
    ///
    /// # Errors
    /// If this thread is inside.
    pub fn enter_or_wait(
        &self,
        ticket: &mut Option<Ticket>,
        waker: &Waker,
    ) -> Result<Option<Entered<'_, T>>, AlreadyInside> {
        if let Some(entered) = self.enter() {
            return Ok(Some(entered));
        }
        // Wakers are the host's: none is copied or dropped under the lock.
        let mut waker = waker.clone();
        let mut outside = self.outside();
        match outside.holder {
            None => return Ok(Some(self.take(&mut outside))),
            Some(holder) if holder == current_id() => return Err(AlreadyInside),
            Some(_) => {}
        }
        let round = outside.round;
        let place = ticket.filter(|ticket| ticket.round == round);
        match place.and_then(|ticket| outside.waiting.get_mut(ticket.index)) {
            Some(place) => std::mem::swap(place, &mut waker),
            None => {
                let index = outside.waiting.len();
                outside
                    .waiting
                    .push(std::mem::replace(&mut waker, Waker::noop().clone()));
                *ticket = Some(Ticket { round, index });
            }
        }
        drop(outside);
        Ok(None)
    }

    /// Does an errand, or leaves it to whoever is inside.
    pub fn ask(&self, errand: T::Errand) {
        let mut outside = self.outside();
        outside.errands.push_back(errand);
        let entered = match outside.holder {
            None => Some(self.take(&mut outside)),
            Some(_) => None,
        };
        drop(outside);
        // To leave is to do the errands.
        drop(entered);
    }

    /// Whether this thread is inside.
    pub fn is_inside(&self) -> bool {
        self.outside().holder == Some(current_id())
    }

    /// How many times another thread has entered than the one before.
    pub fn hand_overs(&self) -> u64 {
        self.outside().hand_overs
    }
}

impl<T: Serve> Deref for Entered<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: this thread holds the entry, so no other one reaches what is inside; and through `self` it is
        // borrowed by Rust's rules.
        self.entry.inside.with(|inside| unsafe { &*inside })
    }
}

impl<T: Serve> DerefMut for Entered<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above.
        self.entry.inside.with_mut(|inside| unsafe { &mut *inside })
    }
}

impl<T: Serve> Drop for Entered<'_, T> {
    fn drop(&mut self) {
        let opens = OpensAnyway(self.entry);
        loop {
            self.leave();
            let mut outside = self.entry.outside();
            let Some(errand) = outside.errands.pop_front() else {
                std::mem::forget(opens);
                return self.entry.open(outside);
            };
            drop(outside);
            self.serve(errand);
        }
    }
}

/// Lets others in although an errand has panicked, as code of the host may: a waker, most of all. Errands that
/// are left are done by whoever is inside next.
struct OpensAnyway<'a, T: Serve>(&'a Entry<T>);

impl<T: Serve> Drop for OpensAnyway<'_, T> {
    fn drop(&mut self) {
        self.0.open(self.0.outside());
    }
}

impl<T: Serve> fmt::Debug for Entry<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entry")
    }
}

impl<T: Serve> fmt::Debug for Entered<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entered")
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Barrier};
    use std::task::Wake;

    struct Counts(Vec<u32>);

    impl Serve for Counts {
        type Errand = u32;

        fn serve(&mut self, errand: u32) {
            assert_ne!(errand, 13, "a waker of the host");
            self.0.push(errand);
        }
    }

    #[test]
    fn an_errand_that_panics_keeps_nobody_out() {
        let entry = Entry::new(Counts(Vec::new()));
        let inside = entry.enter();
        for errand in [1, 13, 2] {
            entry.ask(errand);
        }
        assert!(entry.enter().is_none());
        assert!(catch_unwind(AssertUnwindSafe(|| drop(inside))).is_err());
        let again = entry.enter().map(|inside| inside.0.clone());
        assert_eq!(again, Some(vec![1]));
        let again = entry.enter().map(|inside| inside.0.clone());
        assert_eq!(again, Some(vec![1, 2]), "what was left is done by the next");
    }

    #[derive(Default)]
    struct Told(AtomicUsize);

    impl Wake for Told {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn future() -> (Arc<Told>, Waker) {
        let told = Arc::new(Told::default());
        (Arc::clone(&told), Waker::from(told))
    }

    /// Does something while another thread is inside, which leaves then.
    fn while_held(entry: &Entry<Counts>, work: impl FnOnce()) {
        let (inside, done) = (Barrier::new(2), Barrier::new(2));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let entered = entry.enter();
                inside.wait();
                done.wait();
                drop(entered);
            });
            inside.wait();
            work();
            done.wait();
        });
    }

    fn waits(entry: &Entry<Counts>, ticket: &mut Option<Ticket>, waker: &Waker) {
        assert!(matches!(entry.enter_or_wait(ticket, waker), Ok(None)));
    }

    #[test]
    fn a_future_is_told_by_the_waker_that_it_was_polled_with_last() {
        let entry = Entry::new(Counts(Vec::new()));
        let ((one, first), (two, second)) = (future(), future());
        while_held(&entry, || {
            let mut ticket = None;
            waits(&entry, &mut ticket, &first);
            waits(&entry, &mut ticket, &second);
        });
        let told = [one, two].map(|told| told.0.load(Ordering::Relaxed));
        assert_eq!(told, [0, 1]);
    }

    #[test]
    fn a_future_that_comes_back_takes_nobodys_place() {
        let entry = Entry::new(Counts(Vec::new()));
        let ((one, first), (two, second)) = (future(), future());
        let mut ticket = None;
        while_held(&entry, || waits(&entry, &mut ticket, &first));
        while_held(&entry, || {
            waits(&entry, &mut None, &second);
            waits(&entry, &mut ticket, &first);
        });
        let told = [one, two].map(|told| told.0.load(Ordering::Relaxed));
        assert_eq!(told, [2, 1]);
    }
}
