//! Models of wakes: that none is lost, and that none is kept.

use super::*;

/// A call waits for two gates, which other threads open at any time: before it waits, while it is polled, and
/// after it has been woken for the other one; then for one more.
///
/// Fails if `Wakes::wait` does not look into the queue, if `TaskWaker::begin` leaves `queued` as it is, and if it
/// is called behind the poll.
#[test]
fn a_wake_comes_before_the_wait_or_during_the_poll() {
    model(3, || {
        let street = Street::new();
        let [one, two, then] = [(); 3].map(|()| Arc::<Gate>::default());
        let work = Work::waits(&[&one, &two]).and_waits(&[&then]);
        let openers = [vec![one], vec![two, then]];
        let open = |gates: Vec<Arc<Gate>>| gates.iter().for_each(|gate| gate.open());
        let openers = openers.map(|gates| thread::spawn(move || open(gates)));
        block_on(street.call(work));
        openers.into_iter().for_each(join);
        street.close();
    });
}

/// Two threads wake one task. The queue has it once, and once more only if it has been taken off meanwhile.
///
/// Fails if `TaskWaker::wake_by_ref` looks at `queued` and sets it in two steps.
#[test]
fn any_number_of_wakes_is_one() {
    model(6, || {
        let wakes = Arc::new(Wakes::default());
        let lazy = LazyWaker::new(&wakes, 7, None);
        let copies = lazy.lend(|waker| [waker.clone(), waker.clone()]);
        let (woken, copy) = lazy.finish();
        assert!(!woken);
        let threads = copies.map(|waker| thread::spawn(move || waker.wake()));
        let first = wakes.take(Vec::new());
        assert!(first.len() <= 1);
        first.iter().for_each(|waker| assert_eq!(waker.begin(), 7));
        threads.into_iter().for_each(join);
        let second = wakes.take(Vec::new());
        assert!(second.len() <= 1);
        assert_ne!(first.len() + second.len(), 0);
        let rest = Arc::strong_count(copy.as_ref().expect("it was copied"));
        assert_eq!(rest, 1 + first.len() + second.len());
        drop((copy, first, second));
        assert_eq!(Arc::strong_count(&wakes), 1);
    });
}

/// A future wakes itself while it is polled, and another thread wakes it too. Its task is polled again.
///
/// Fails if `wake_lent` does not set `woken`.
#[test]
fn a_future_wakes_itself() {
    model(6, || {
        let wakes = Arc::new(Wakes::default());
        let lazy = LazyWaker::new(&wakes, 7, None);
        let other = lazy.lend(|waker| {
            let other = waker.clone();
            let thread = thread::spawn(move || other.wake());
            waker.wake_by_ref();
            thread
        });
        let (woken, copy) = lazy.finish();
        assert!(woken);
        join(other);
        assert!(wakes.any());
        assert_eq!(wakes.take(Vec::new()).len(), 1);
        drop(copy);
        assert_eq!(Arc::strong_count(&wakes), 1);
    });
}

/// A call is dropped while what it waits for happens. The wake finds nobody, and another call goes on.
///
/// Fails if `Wakes::leave` keeps the party, whose waker is then told and kept.
#[test]
fn a_wake_comes_after_the_task_is_freed() {
    model(6, || {
        let street = Street::new();
        let gates = [Arc::<Gate>::default(), Arc::<Gate>::default()];
        let told = Arc::new(Told::default());
        let mut dropped = street.call(Work::waits(&[&gates[0]]));
        poll_to_pending(&mut dropped, &Waker::from(Arc::clone(&told)));
        let opener = gates.clone();
        let opener = thread::spawn(move || opener.map(|gate| gate.open()));
        drop(dropped);
        assert_eq!(Arc::strong_count(&told), 1, "its waker is kept");
        block_on(street.call(Work::waits(&[&gates[1]])));
        join(opener);
        street.close();
    });
}

/// The call that was polled last hears of a task that no call is about. It is dropped while that task is woken;
/// the other call, which waits for what the task does, goes on.
///
/// Fails if `Wakes::leave` appoints nobody, if `Guests::leave` does not hand over what there is to do, and if
/// wakes are for calls alone.
#[test]
fn the_driver_leaves_while_a_wake_arrives() {
    model(3, || {
        let street = Street::new();
        let [gate, done, never] = [(); 3].map(|()| Arc::<Gate>::default());
        street.spawn(Work::waits(&[&gate]).and_opens(&done));
        let told = Arc::new(Told::default());
        let mut waits = street.call(Work::waits(&[&done]));
        poll_to_pending(&mut waits, &Waker::from(Arc::clone(&told)));
        let mut driver = street.call(Work::waits(&[&never]));
        poll_to_pending(&mut driver, Waker::noop());
        let opener = thread::spawn(move || gate.open());
        let leaver = thread::spawn(move || drop(driver));
        // Not polled until it is told.
        told.wait();
        block_on(waits);
        join(opener);
        join(leaver);
        drop(never);
        street.close();
    });
}

/// The call that was polled last keeps the time. It finishes or is dropped when the time comes; the other call
/// sleeps no longer than that.
///
/// Fails if `Guests::leave` does not see that nobody keeps the time.
#[test]
fn who_keeps_the_time_leaves_when_it_comes() {
    model(4, || {
        let street = Street::new();
        let never = Arc::<Gate>::default();
        let told = Arc::new(Told::default());
        let mut sleeps = street.call(Work::sleeps(0));
        poll_to_pending(&mut sleeps, &Waker::from(Arc::clone(&told)));
        let mut keeper = street.call(Work::waits(&[&never]));
        poll_to_pending(&mut keeper, Waker::noop());
        let [clock, _] = street.clock.clone();
        let clock = thread::spawn(move || clock.open());
        let leaver = thread::spawn(move || drop(keeper));
        told.wait();
        block_on(sleeps);
        join(clock);
        join(leaver);
        drop(never);
        street.close();
    });
}

/// The call that keeps the time is dropped; so is, before it has been polled, the one that was told to keep it
/// instead. A third one sleeps no longer for that.
///
/// Fails if whoever leaves hands over only the time that it has kept itself.
#[test]
fn who_is_to_keep_the_time_leaves_too() {
    model(4, || {
        let street = Street::new();
        let never = Arc::<Gate>::default();
        let told = Arc::new(Told::default());
        let mut sleeps = street.call(Work::sleeps(0));
        poll_to_pending(&mut sleeps, &Waker::from(Arc::clone(&told)));
        let leavers = [(); 2].map(|()| {
            let mut leaver = street.call(Work::waits(&[&never]));
            poll_to_pending(&mut leaver, Waker::noop());
            leaver
        });
        let leavers = leavers.map(|leaver| thread::spawn(move || drop(leaver)));
        street.clock[0].open();
        told.wait();
        block_on(sleeps);
        leavers.into_iter().for_each(join);
        drop(never);
        street.close();
    });
}

/// A call waits for what a task does that sleeps first, and that somebody else starts when the call has been
/// polled; and then the call keeps the time of a task that sleeps longer, or of none.
///
/// Fails if `Guests::hand_over` does not look for timers, or only whether somebody keeps the time.
#[test]
fn a_task_begins_to_sleep_when_nobody_looks() {
    for keeps in [false, true] {
        model(4, move || {
            let street = Street::new();
            let done = Arc::<Gate>::default();
            let told = Arc::new(Told::default());
            if keeps {
                street.spawn(Work::sleeps(1));
            }
            let mut waits = street.call(Work::waits(&[&done]));
            poll_to_pending(&mut waits, &Waker::from(Arc::clone(&told)));
            street.spawn(Work::sleeps(0).and_opens(&done));
            let [first, then] = street.clock.clone();
            let first = thread::spawn(move || first.open());
            told.wait();
            block_on(waits);
            join(first);
            then.open();
            block_on(street.call(Work::sleeps(1)));
            street.close();
        });
    }
}

/// The instance goes away while what a task waits for happens. The waker finds nobody, and keeps nothing.
///
/// Fails if `Wakes::close` does not set `closed`, or `Wakes::push` does not look at it.
#[test]
fn the_instance_goes_away_while_a_waker_fires() {
    model(6, || {
        let street = Street::new();
        let gates = [Arc::<Gate>::default(), Arc::<Gate>::default()];
        for gate in &gates {
            street.spawn(Work::waits(&[gate]));
        }
        let Street { entry, left, .. } = street;
        let openers = gates.map(|gate| thread::spawn(move || gate.open()));
        drop(entry);
        openers.into_iter().for_each(join);
        assert_eq!(left.strong_count(), 0);
    });
}
