//! Executors of the host's that drive instances.

use crate::support::*;
use enjamb_engine::{Config, Instance, InstanceDriver, Val};
use futures::executor::block_on;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

/// Runs futures when it is told to.
#[derive(Clone, Default)]
struct ByHand(Arc<Inner>);

#[derive(Default)]
struct Inner {
    drivers: Mutex<Vec<InstanceDriver>>,
    spawned: AtomicUsize,
    woken: AtomicUsize,
    refuses: AtomicUsize,
}

impl Wake for Inner {
    fn wake(self: Arc<Self>) {
        self.woken.fetch_add(1, Ordering::SeqCst);
    }
}

impl ByHand {
    fn config(&self) -> Config {
        let inner = Arc::clone(&self.0);
        Config::new().spawner(move |driver| {
            inner.spawned.fetch_add(1, Ordering::SeqCst);
            if inner.refuses.load(Ordering::SeqCst) == 0 {
                inner.drivers.lock().unwrap().push(driver);
            }
        })
    }

    /// Polls what there is as long as it wakes itself.
    fn run(&self) {
        let waker = Waker::from(Arc::clone(&self.0));
        loop {
            self.0.woken.store(0, Ordering::SeqCst);
            let drivers = std::mem::take(&mut *self.0.drivers.lock().unwrap());
            let pending = drivers.into_iter().filter_map(|mut driver| {
                let polled = driver.as_mut().poll(&mut Context::from_waker(&waker));
                polled.is_pending().then_some(driver)
            });
            let mut pending: Vec<InstanceDriver> = pending.collect();
            self.0.drivers.lock().unwrap().append(&mut pending);
            if self.woken() == 0 {
                return;
            }
        }
    }

    fn drivers(&self) -> usize {
        self.0.drivers.lock().unwrap().len()
    }

    fn spawned(&self) -> usize {
        self.0.spawned.swap(0, Ordering::SeqCst)
    }

    fn woken(&self) -> usize {
        self.0.woken.load(Ordering::SeqCst)
    }
}

fn seen(instance: &Instance) -> Val {
    instance.global("seen").unwrap().get().unwrap()
}

fn spawn_marks(instance: &Instance, gate: i64) {
    drop(instance.spawn("marks", &[Val::I64(gate)]).unwrap());
}

#[test]
fn one_future_drives_an_instance_that_nobody_waits_for() {
    let (hand, gates) = (ByHand::default(), Gates::default());
    let instance = instance_with(hand.config(), PROGRAM, &gates.imports());
    assert_eq!(
        instance.call("plain", &[Val::I64(1)]).unwrap(),
        [Val::I64(2)]
    );
    assert_eq!(hand.spawned(), 0, "there is nothing to do");
    for gate in [1, 2, 3] {
        spawn_marks(&instance, gate);
    }
    assert_eq!((hand.spawned(), hand.drivers()), (1, 1));
    gates.open(2);
    std::thread::sleep(Duration::from_millis(5));
    hand.run();
    assert_eq!(seen(&instance), Val::I64(2));
    gates.open(3);
    assert_eq!(hand.woken(), 1, "it hears of tasks");
    gates.open(1);
    hand.run();
    assert_eq!(seen(&instance), Val::I64(6));
    assert_eq!((hand.spawned(), hand.drivers()), (0, 0), "it has ended");
    spawn_marks(&instance, 4);
    assert_eq!((hand.spawned(), hand.drivers()), (1, 1), "and begins again");
    drop(instance);
    assert_eq!(gates.alive(), 0);
    hand.run();
    assert_eq!(hand.drivers(), 0, "it goes away with its instance");
}

#[test]
fn an_instance_that_is_dropped_wakes_its_driver() {
    let (hand, gates) = (ByHand::default(), Gates::default());
    let instance = instance_with(hand.config(), PROGRAM, &gates.imports());
    // It sleeps for no time at all, so there is no timer that could wake the driver.
    spawn_marks(&instance, 0);
    hand.run();
    assert_eq!((hand.drivers(), gates.alive(), hand.woken()), (1, 1, 0));
    drop(instance);
    assert_eq!((gates.alive(), hand.woken()), (0, 1));
    hand.run();
    assert_eq!(hand.drivers(), 0);
}

#[test]
fn whoever_waits_for_an_instance_drives_it_and_no_executor_does() {
    let (hand, gates) = (ByHand::default(), Gates::default());
    let instance = instance_with(hand.config(), PROGRAM, &gates.imports());
    let waits = poll_to_pending(call(&instance, "outer", 50));
    spawn_marks(&instance, 1);
    assert_eq!(hand.spawned(), 0);
    gates.open_later([50, 51]);
    block_on(waits).unwrap();
    assert_eq!(hand.spawned(), 1, "it has left");
    // A call that blocks leaves tasks to it.
    let turns = instance.func::<(i64,), i64>("turns").unwrap();
    assert_eq!(turns.block_on((3,)).unwrap(), 3);
    gates.open(1);
    hand.run();
    assert_eq!(seen(&instance), Val::I64(1));
    assert_eq!((hand.spawned(), hand.drivers()), (0, 0));
}

#[test]
fn an_executor_that_drops_its_futures_is_asked_again() {
    let (hand, gates) = (ByHand::default(), Gates::default());
    let instance = instance_with(hand.config(), PROGRAM, &gates.imports());
    hand.0.refuses.store(1, Ordering::SeqCst);
    spawn_marks(&instance, 1);
    assert_eq!((hand.spawned(), hand.drivers()), (1, 0), "once");
    spawn_marks(&instance, 2);
    assert_eq!((hand.spawned(), hand.drivers()), (1, 0));
    hand.0.refuses.store(0, Ordering::SeqCst);
    spawn_marks(&instance, 3);
    assert_eq!((hand.spawned(), hand.drivers()), (1, 1));
    // One that has begun.
    hand.run();
    drop(std::mem::take(&mut *hand.0.drivers.lock().unwrap()));
    gates.open_later([1, 2, 3]);
    block_on(instance.drive()).unwrap();
    assert_eq!(seen(&instance), Val::I64(6));
}

#[test]
fn a_spawner_that_panics_harms_nobody() {
    let gates = Gates::default();
    let config = Config::new().spawner(|_| panic!("there is no executor"));
    let instance = instance_with(config, PROGRAM, &gates.imports());
    spawn_marks(&instance, 1);
    gates.open_later([1]);
    block_on(instance.drive()).unwrap();
    assert_eq!(seen(&instance), Val::I64(1));
}

#[test]
fn executors_run_tasks_that_nobody_awaits() {
    let current = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    for runtime in [current, multi_thread(4)] {
        let gates = Gates::default();
        let executor = runtime.handle().clone();
        let config = Config::new().spawner(move |driver| drop(executor.spawn(driver)));
        let instance = instance_with(config, PROGRAM, &gates.imports());
        runtime.block_on(async {
            for gate in 1..=100 {
                match gate % 2 {
                    0 => spawn_marks(&instance, gate),
                    _ => assert_eq!(call(&instance, "leaves", gate).await.unwrap(), gate),
                }
            }
            gates.open_later(1..=100);
            let started = Instant::now();
            loop {
                match instance.global("seen").unwrap().get() {
                    Ok(Val::I64(5050)) => break,
                    _ => tokio::time::sleep(Duration::from_millis(5)).await,
                }
                assert!(
                    started.elapsed() < Duration::from_secs(20),
                    "tasks are forgotten"
                );
            }
        });
        let weak = gates.alive();
        drop(instance);
        assert_eq!(weak, 0);
    }
}

#[test]
fn a_driver_that_is_polled_where_it_is_made_waits() {
    let gates = Gates::default();
    let kept: Arc<Mutex<Vec<InstanceDriver>>> = Arc::default();
    let keeps = Arc::clone(&kept);
    let told = ByHand::default();
    let waker = Waker::from(Arc::clone(&told.0));
    let config = Config::new().spawner(move |mut driver| {
        let polled = driver.as_mut().poll(&mut Context::from_waker(&waker));
        assert_eq!(polled, Poll::Pending);
        keeps.lock().unwrap().push(driver);
    });
    let instance = instance_with(config, PROGRAM, &gates.imports());
    spawn_marks(&instance, 1);
    gates.open_later([1]);
    let driver = kept.lock().unwrap().pop().unwrap();
    assert_eq!(told.woken(), 1, "it is to be polled again");
    block_on(driver);
    assert_eq!(seen(&instance), Val::I64(1));
}

#[test]
fn who_has_driven_to_the_end_and_is_kept_does_not_stand_for_the_executor() {
    let (host, gates) = (ByHand::default(), Gates::default());
    let instance = instance_with(host.config(), PROGRAM, &gates.imports());
    let twice = instance.func::<(i64,), i64>("twice").unwrap();
    let first = twice.spawn((7,)).unwrap();
    assert_eq!(host.spawned(), 1);
    let mut drive = poll_to_pending(instance.drive());
    gates.open(7);
    gates.open(8);
    block_on(&mut drive).unwrap();
    host.run();
    assert_eq!(host.drivers(), 0);
    let second = twice.spawn((17,)).unwrap();
    assert_eq!(host.spawned(), 1, "nobody else drives it");
    drop((first, second, drive));
}
