//! Models of entering: one thread at a time, nobody waits on the spot, nobody is forgotten.

use super::*;

/// Two threads poll a call each; one finds the other inside. A third opens what they wait for.
///
/// Fails if `Entry::enter_or_wait` does not keep the waker, or if who leaves takes the wakers and frees the entry
/// in two steps.
#[test]
fn two_threads_poll_two_calls() {
    model(2, || {
        let street = Street::new();
        let gates = [Arc::<Gate>::default(), Arc::<Gate>::default()];
        let other = street.call(Work::waits(&[&gates[0]]));
        let other = thread::spawn(move || block_on(other));
        let opener = gates.clone();
        let opener = thread::spawn(move || opener.map(|gate| gate.open()));
        block_on(street.call(Work::waits(&[&gates[1]])));
        join(other);
        join(opener);
        assert!(street.entry.hand_overs() > 0);
        street.close();
    });
}

/// The same with what is inside by itself: a race of it is one of loom's cell.
///
/// Fails if `Entry::enter_or_wait` or `Entry::enter` does not look at the holder, or who leaves is not locked.
#[test]
fn one_thread_at_a_time_is_inside() {
    struct Count(u32);
    impl Serve for Count {
        type Errand = u32;
        fn serve(&mut self, errand: u32) {
            self.0 += errand;
        }
    }
    struct Enter(Arc<Entry<Count>>, Option<Ticket>);
    impl Future for Enter {
        type Output = ();
        fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
            let Enter(entry, ticket) = self.get_mut();
            match entry.enter_or_wait(ticket, context.waker()) {
                Ok(Some(mut count)) => {
                    count.0 += 1;
                    Poll::Ready(())
                }
                Ok(None) => Poll::Pending,
                Err(already) => panic!("{already:?}"),
            }
        }
    }
    model(4, || {
        let entry = Arc::new(Entry::new(Count(0)));
        let [one, two] = [(); 2].map(|()| {
            let entry = Arc::clone(&entry);
            thread::spawn(move || {
                block_on(Enter(Arc::clone(&entry), None));
                entry.ask(10);
            })
        });
        let entered = entry.enter().map(|mut count| count.0 += 100).is_some();
        join(one);
        join(two);
        let count = entry.enter().expect("nobody is inside").0;
        assert_eq!(count, 22 + 100 * u32::from(entered));
    });
}

/// A call is dropped while another thread is inside, or on the way in or out. It is forgotten, once, and what it
/// was the driver of goes on.
///
/// Fails if who leaves does not look again after it has done errands, or looks before it takes the lock.
#[test]
fn a_call_is_dropped_while_another_thread_is_inside() {
    model(5, || {
        let street = Street::new();
        let [gate, never] = [(); 2].map(|()| Arc::<Gate>::default());
        let calls = [(); 2].map(|()| {
            let mut call = street.call(Work::waits(&[&never]));
            poll_to_pending(&mut call, Waker::noop());
            call
        });
        let droppers = calls.map(|call| thread::spawn(move || drop(call)));
        gate.open();
        block_on(street.call(Work::waits(&[&gate])));
        droppers.into_iter().for_each(join);
        drop(never);
        street.close();
    });
}

/// A call is cancelled while another thread is inside, and while what it waits for happens. Whoever waits for it is
/// told.
///
/// Fails if who leaves does not look again after it has done errands.
#[test]
fn a_call_is_cancelled_while_another_thread_is_inside() {
    model(2, || {
        let street = Street::new();
        let [gate, other] = [(); 2].map(|()| Arc::<Gate>::default());
        let told = Arc::new(Told::default());
        let mut waits = street.call(Work::waits(&[&gate]));
        poll_to_pending(&mut waits, &Waker::from(Arc::clone(&told)));
        let polls = street.call(Work::waits(&[&other]));
        let polls = thread::spawn(move || block_on(polls));
        let opener = thread::spawn(move || [gate, other].map(|gate| gate.open()));
        waits.cancel();
        told.wait();
        block_on(waits);
        join(polls);
        join(opener);
        street.close();
    });
}

/// A future that waits to enter is polled by one executor, then by another one. That one is told, and so is
/// another one that waits.
///
/// Fails if `Entry::enter_or_wait` keeps the first waker in the place of the ticket, or uses a ticket of an
/// earlier round.
#[test]
fn a_future_that_waits_to_enter_moves() {
    model(3, || {
        let street = Street::new();
        let gate = Arc::<Gate>::default();
        gate.open();
        let inside = street.entry.enter().expect("nobody is inside");
        let other = street.call(Work::waits(&[&gate]));
        let other = thread::spawn(move || block_on(other));
        let call = street.call(Work::waits(&[&gate]));
        let mover = thread::spawn(move || {
            let mut call = call;
            let first = Pin::new(&mut call).poll(&mut Context::from_waker(Waker::noop()));
            let told = Arc::new(Told::default());
            let waker = Waker::from(Arc::clone(&told));
            let mut context = Context::from_waker(&waker);
            if first.is_pending() && Pin::new(&mut call).poll(&mut context).is_pending() {
                told.wait();
                block_on(call);
            }
        });
        drop(inside);
        // It holds up the other one once more, with a list that has begun anew.
        drop(street.entry.enter());
        join(mover);
        join(other);
        street.close();
    });
}

/// A thread is inside and sleeps until its task can go on; another one polls a call. Both are told, whoever
/// enters first.
///
/// Fails if `Wakes::block` does not look into the queue, or is not known as `blocked` before it unlocks; and if
/// who leaves does not tell those who wait.
#[test]
fn a_thread_sleeps_inside_while_another_one_polls() {
    model(3, || {
        let street = Street::new();
        let gates = [Arc::<Gate>::default(), Arc::<Gate>::default()];
        let call = street.call(Work::waits(&[&gates[0]]));
        let polls = thread::spawn(move || block_on(call));
        let opener = gates.clone();
        let opener = thread::spawn(move || opener.map(|gate| gate.open()));
        // Refused if the other one is inside.
        street.block_on(Work::waits(&[&gates[1]]));
        join(polls);
        join(opener);
        street.close();
    });
}

/// A thread that sleeps inside takes the wake of a task that another call waits for, and leaves with it.
///
/// Fails if `Wakes::ended` tells nobody, and if `Wakes::block` is not as above.
#[test]
fn who_slept_inside_leaves_what_others_wait_for() {
    model(4, || {
        let street = Street::new();
        let [gates @ .., never] = [(); 4].map(|()| Arc::<Gate>::default());
        let told = Arc::new(Told::default());
        let mut waits = street.call(Work::waits(&[&gates[0], &gates[1]]));
        poll_to_pending(&mut waits, &Waker::from(Arc::clone(&told)));
        let mut driver = street.call(Work::waits(&[&never]));
        poll_to_pending(&mut driver, Waker::noop());
        let opener = gates.clone();
        let opener = thread::spawn(move || opener.map(|gate| gate.open()));
        assert!(street.block_on(Work::waits(&[&gates[2]])));
        told.wait();
        block_on(waits);
        join(opener);
        drop((driver, never));
        street.close();
    });
}
