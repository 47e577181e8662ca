//! Who drives an instance: its guests, and the executor that the host has registered. If nobody does, tasks go on
//! when somebody enters it.

use crate::instance::WeakInstance;
use crate::spawner::Spawner;
use crate::timer::Timer;
use enjamb_runtime::{Driven, Guest, Guests, Step, Wakes};
use std::sync::Arc;
use std::task::{Poll, Waker};

/// An instance as it is driven.
pub(crate) trait Drivable: Driven {
    /// Gives each task that can run one turn.
    fn round(&mut self);
}

/// Those who drive an instance.
pub(crate) struct Drivers {
    wakes: Arc<Wakes>,
    /// Calls that are under way and others that drive the instance.
    guests: Guests,
    timer: Timer,
    spawner: Option<(Spawner, WeakInstance)>,
    driver: Driver,
}

/// Whether the executor of the host's drives an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Driver {
    No,
    Yes,
    /// It has dropped the future that does. It is asked again when there is more to do.
    Refused,
}

impl Drivers {
    /// There are none yet.
    pub(crate) fn new(wakes: Arc<Wakes>) -> Drivers {
        Drivers {
            guests: Guests::new(Arc::clone(&wakes)),
            wakes,
            timer: Timer::default(),
            spawner: None,
            driver: Driver::No,
        }
    }

    /// A guest begins, which is no call: a number for it.
    pub(crate) fn begin(&mut self) -> u64 {
        self.arrive();
        self.wakes.new_party()
    }

    /// A guest begins.
    pub(crate) fn arrive(&mut self) {
        self.guests.arrive();
    }

    /// A guest has finished or given up.
    pub(crate) fn leave(&mut self, driven: &impl Driven, party: u64) {
        self.guests.leave(driven, party);
    }

    /// Somebody who was inside leaves: guests go on with what can be done.
    pub(crate) fn hand_over(&mut self, driven: &impl Driven) {
        self.guests.hand_over(driven);
        if self.driver == Driver::Refused {
            self.driver = Driver::No;
        }
    }

    /// Gives tasks some turns on behalf of a guest, until `finished` has something or nothing can run.
    pub(crate) fn turns<D: Driven, T>(
        &mut self,
        driven: &mut D,
        guest: Guest<'_>,
        finished: impl FnMut(&mut D, Option<Step>) -> Option<T>,
    ) -> Poll<T> {
        let timer = &mut self.timer;
        let is_due = |time, waker: &Waker| timer.is_due(time, waker);
        self.guests.turns(driven, guest, is_due, finished)
    }

    /// Gives tasks some turns, until none of them waits for anything that can happen.
    pub(crate) fn drive(
        &mut self,
        driven: &mut impl Driven,
        party: u64,
        waker: &Waker,
    ) -> Poll<()> {
        self.turns(driven, Guest { party, waker }, |_, step| {
            (step == Some(Step::Idle)).then_some(())
        })
    }

    /// Somebody calls a function: tasks that nobody drives have a turn before that.
    pub(crate) fn give_turns(&self, drivable: &mut impl Drivable) {
        if self.are_missing(drivable) {
            drivable.round();
        }
    }

    /// Whether there is something to do, and nobody waits for the instance who would do it.
    fn are_missing(&self, drivable: &impl Drivable) -> bool {
        drivable.is_busy() && !self.wakes.has_parties()
    }

    /// Lets an executor of the host's drive the instance whenever nobody does.
    pub(crate) fn set_spawner(&mut self, spawner: Spawner, instance: WeakInstance) {
        self.spawner = Some((spawner, instance));
    }

    /// That executor has stopped, as this party, if it has driven the instance at all.
    pub(crate) fn end_spawned(
        &mut self,
        driven: &impl Driven,
        party: Option<u64>,
        is_refused: bool,
    ) {
        if let Some(party) = party {
            self.leave(driven, party);
        }
        self.driver = match is_refused {
            true => Driver::Refused,
            false => Driver::No,
        };
    }

    /// Whoever is inside leaves: the executor goes on with what nobody waits for.
    pub(crate) fn ask_spawner(&mut self, drivable: &impl Drivable) {
        if let (Driver::No, Some((spawner, instance))) = (self.driver, &self.spawner)
            && self.are_missing(drivable)
        {
            self.driver = Driver::Yes;
            spawner.spawn(instance.clone());
        }
    }
}
