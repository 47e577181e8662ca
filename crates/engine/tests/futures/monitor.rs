//! What another thread sees of an instance that runs.

use crate::support::{self, Gates};
use enjamb_engine::{Config, Engine, Error, Execution, Imports, Instance, Module, Monitor};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

/// Ends what is watched.
struct Stop<F: Fn()>(F);

impl<F: Fn()> Drop for Stop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Watches while something runs, until `stop`.
fn watched(
    instance: &Instance,
    run: impl FnOnce() + Send,
    stop: impl Fn(),
    see: impl FnOnce(&Monitor),
) {
    let monitor = instance.monitor().unwrap();
    thread::scope(|scope| {
        scope.spawn(run);
        let _stop = Stop(stop);
        see(&monitor);
    });
}

const TURNS: &str = r#"
    import %yield = "enjamb" "yield" () async
    import %is_over = "host" "is_over" () -> i64
    function %main() async {
    block0:
        jump block1
    block1:
        call %yield()
        v0 = call %is_over()
        brif v0, block2, block1
    block2:
        return
    }
"#;

#[test]
fn the_numbers_of_a_program_that_runs_go_up() {
    for execution in [Execution::Interpreter, Execution::Jit] {
        let config = Config::new().execution(execution).count(true);
        let engine = match Engine::new(config) {
            Err(Error::UnsupportedHost(_)) => continue,
            engine => engine.unwrap(),
        };
        static OVER: AtomicBool = AtomicBool::new(false);
        OVER.store(false, Ordering::Release);
        let module = Module::from_text(&engine, TURNS).unwrap();
        let mut imports = Imports::new();
        imports.func("host", "is_over", || {
            i64::from(OVER.load(Ordering::Acquire))
        });
        let instance = Instance::new(&module, &imports).unwrap();
        let main = instance.func::<(), ()>("main").unwrap();
        let run = || main.block_on(()).unwrap();
        let stop = || OVER.store(true, Ordering::Release);
        watched(&instance, run, stop, |monitor| {
            let first = monitor.snapshot(PATIENCE).unwrap();
            assert_eq!(first.stats.tasks_live, 1);
            loop {
                let next = monitor.snapshot(PATIENCE).unwrap();
                assert!(next.at > first.at);
                if next.stats.suspensions > first.stats.suspensions {
                    break;
                }
            }
        });
        assert!(instance.stats().unwrap().suspensions > 0);
    }
}

#[test]
fn a_program_that_sleeps_wakes_up_to_tell() {
    let gates = Gates::default();
    let instance = support::instance(&gates);
    let run = || {
        instance
            .call("outer", &[enjamb_engine::Val::I64(1)])
            .unwrap();
    };
    let stop = || {
        gates.open(1);
        gates.open(2);
    };
    watched(&instance, run, stop, |monitor| {
        let started = Instant::now();
        while monitor.snapshot(PATIENCE).unwrap().stats.host_calls_pending == 0 {
            assert!(started.elapsed() < PATIENCE);
        }
    });
}

#[test]
fn while_nothing_runs_there_is_nothing_new() {
    let instance = support::instance(&Gates::default());
    let monitor = instance.monitor().unwrap();
    assert!(monitor.snapshot(Duration::from_millis(1)).is_none());
    instance
        .func::<(i64,), i64>("turns")
        .unwrap()
        .block_on((5,))
        .unwrap();
    let at = monitor.snapshot(Duration::ZERO).unwrap().at;
    assert_eq!(monitor.snapshot(Duration::ZERO).unwrap().at, at);
}
