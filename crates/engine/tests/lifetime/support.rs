//! A program, and a host with a gate that calls wait at.

use enjamb_engine::{CodeInUse, Config, Engine, Imports, Instance, Module};
use futures::executor::block_on;
use futures::future::poll_immediate;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

/// `%main` makes an object, starts a task that nobody joins, and waits twice.
pub const PROGRAM: &str = r#"
    import %wait = "host" "wait" (i64) -> i64 async
    import %sleep = "enjamb" "sleep" (i64) async
    type %cell = { value: i64 }
    memory %bytes 1..1
    global %kept: ref = null
    function %main(i64) -> i64 async {
    block0(v0: i64):
        v1 = new %cell
        set_field %cell.value, v1, v0
        global_set %kept, v1
        v2 = spawn %other(v0)
        detach v2
        v3 = call %twice(v0)
        v4 = get_field.i64 %cell.value, v1
        v5 = iadd v3, v4
        return v5
    }
    function %twice(i64) -> i64 async {
    block0(v0: i64):
        v1 = call %wait(v0)
        v2 = call %wait(v1)
        v3 = iadd v1, v2
        return v3
    }
    function %other(i64) async {
    block0(v0: i64):
        v1 = iconst.i64 1000000
        call %sleep(v1)
        return
    }
    function %divide(i64) -> i64 {
    block0(v0: i64):
        v1 = iconst.i64 100
        v2 = sdiv v1, v0
        return v2
    }
"#;

/// Code is counted for the whole process, so tests that look at it take turns.
pub fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where calls of `wait` stop until it is open.
#[derive(Clone, Default)]
pub struct Gate {
    pub open: Arc<AtomicBool>,
    pub wakers: Arc<Mutex<Vec<Waker>>>,
    /// Futures of the host that exist.
    alive: Arc<AtomicUsize>,
}

struct Alive(Arc<AtomicUsize>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Gate {
    pub fn alive(&self) -> usize {
        self.alive.load(Ordering::Relaxed)
    }

    /// A future that is ready when the gate is open. `kept` lives as long as it does.
    pub fn pass<T: Send>(&self, kept: T) -> impl Future<Output = ()> + Send + use<T> {
        self.alive.fetch_add(1, Ordering::Relaxed);
        let (gate, alive) = (self.clone(), Alive(Arc::clone(&self.alive)));
        async move {
            let _kept = (kept, alive);
            poll_fn(|context| {
                if gate.open.load(Ordering::Relaxed) {
                    return Poll::Ready(());
                }
                gate.wakers.lock().unwrap().push(context.waker().clone());
                Poll::Pending
            })
            .await;
        }
    }

    pub fn imports(&self) -> Imports {
        let (gate, mut imports) = (self.clone(), Imports::new());
        imports.async_func("host", "wait", move |number: i64| {
            let passing = gate.pass(());
            async move {
                passing.await;
                number + 1
            }
        });
        imports
    }
}

pub fn module(config: Config) -> Module {
    let engine = Engine::new(config).unwrap();
    Module::from_text(&engine, PROGRAM).unwrap_or_else(|error| panic!("{error}"))
}

pub fn instance(gate: &Gate) -> Instance {
    Instance::new(&module(Config::new()), &gate.imports()).unwrap()
}

/// Polls a future once, which is not ready then.
pub fn suspended<F: Future>(future: F) -> Pin<Box<F>> {
    let mut future = Box::pin(future);
    assert!(block_on(poll_immediate(&mut future)).is_none());
    future
}

/// The code that has come since.
pub fn pieces_since(before: CodeInUse) -> u64 {
    Engine::code_in_use().pieces - before.pieces
}
