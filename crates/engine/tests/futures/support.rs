//! A program, and a host whose functions wait until they are told.

use enjamb_engine::{Call, Config, Engine, Imports, Instance, Module};
use futures::executor::block_on;
use futures::future::poll_immediate;
use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;
pub const PROGRAM: &str = r#"
    import %wait = "host" "wait" (i64) -> i64 async
    import %yield = "enjamb" "yield" () async
    import %sleep = "enjamb" "sleep" (i64) async
    global %seen: i64 = 0
    function %twice(i64) -> i64 async {
    block0(v0: i64):
        v1 = call %wait(v0)
        v2 = call %wait(v1)
        v3 = iadd v1, v2
        return v3
    }
    function %outer(i64) -> i64 async {
    block0(v0: i64):
        v1 = call %twice(v0)
        v2 = iadd v1, v0
        return v2
    }
    function %caught(i64) -> i64 async {
    block0(v0: i64):
        v1, v2, v3 = try_call %wait(v0), block1(v1), unwind block1(v2)
    block1(v4: i64):
        return v4
    }
    function %turns(i64) -> i64 async {
    block0(v0: i64):
        jump block1(v0)
    block1(v1: i64):
        call %yield()
        v2 = iconst.i64 1
        v3 = isub v1, v2
        brif v3, block1(v3), block2
    block2:
        return v0
    }
    function %sleeps(i64) -> i64 async {
    block0(v0: i64):
        call %sleep(v0)
        return v0
    }
    function %marks(i64) async {
    block0(v0: i64):
        call %sleep(v0)
        v1 = call %wait(v0)
        v2 = global_get.i64 %seen
        v3 = iadd v2, v0
        global_set %seen, v3
        return
    }
    function %leaves(i64) -> i64 async {
    block0(v0: i64):
        v1 = spawn %marks(v0)
        detach v1
        return v0
    }
    function %plain(i64) -> i64 {
    block0(v0: i64):
        v1 = iadd v0, v0
        return v1
    }
"#;

/// What calls of `wait` wait for: gates by number.
#[derive(Clone, Default)]
pub struct Gates(pub Arc<Mutex<State>>);

#[derive(Default)]
pub struct State {
    pub open: Vec<i64>,
    pub wakers: Vec<(i64, Waker)>,
    /// Futures that exist.
    alive: usize,
    pub polls: usize,
}

pub struct Passing(Gates, i64);

impl Future for Passing {
    type Output = i64;
    fn poll(self: std::pin::Pin<&mut Self>, context: &mut Context<'_>) -> Poll<i64> {
        let mut state = self.0.0.lock().unwrap();
        state.polls += 1;
        if state.open.contains(&self.1) {
            return Poll::Ready(self.1 + 1);
        }
        state.wakers.push((self.1, context.waker().clone()));
        Poll::Pending
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        self.0.0.lock().unwrap().alive -= 1;
        assert!(self.1 != BAD_DROP, "drops badly");
    }
}

/// Arguments of `wait` that mean something else than a gate.
/// This one and those above it.
pub const READY: i64 = 1_000_000;
pub const OF_READY: i64 = 3 * READY + 3;
pub const PANICS: i64 = -1;
pub const PANICS_LATER: i64 = -2;
pub const FAILS_LATER: i64 = -3;
pub const BAD_DROP: i64 = -4;
pub const YIELDS: i64 = -5;

impl Gates {
    pub fn pass(&self, gate: i64) -> Passing {
        self.0.lock().unwrap().alive += 1;
        Passing(self.clone(), gate)
    }

    pub fn open(&self, gate: i64) {
        let mut state = self.0.lock().unwrap();
        state.open.push(gate);
        let (woken, rest) = std::mem::take(&mut state.wakers)
            .into_iter()
            .partition(|(waiting, _)| *waiting == gate);
        state.wakers = rest;
        drop(state);
        let woken: Vec<(i64, Waker)> = woken;
        woken.into_iter().for_each(|(_, waker)| waker.wake());
    }

    pub fn open_later(&self, gates: impl IntoIterator<Item = i64> + Send + 'static) {
        let this = self.clone();
        thread::spawn(move || {
            for gate in gates {
                thread::sleep(Duration::from_millis(2));
                this.open(gate);
            }
        });
    }

    /// Whether a future waits for a gate.
    pub fn is_awaited(&self, gate: i64) -> bool {
        let state = self.0.lock().unwrap();
        state.wakers.iter().any(|&(waiting, _)| waiting == gate)
    }

    pub fn alive(&self) -> usize {
        self.0.lock().unwrap().alive
    }

    pub fn imports(&self) -> Imports {
        let gates = self.clone();
        let mut imports = Imports::new();
        imports.async_func("host", "wait", move |gate: i64| {
            let gates = gates.clone();
            async move {
                match gate {
                    READY.. => return Ok(gate + 1),
                    PANICS => panic!("at once"),
                    YIELDS => {
                        for _ in 0..10 {
                            give_way().await;
                        }
                        return Ok(READY);
                    }
                    _ => {}
                }
                let passed = gates.pass(gate).await;
                assert!(gate != PANICS_LATER, "later");
                match gate {
                    FAILS_LATER => Err("refused"),
                    _ => Ok(passed),
                }
            }
        });
        imports
    }
}

/// Is ready when polled again, which it asks for.
pub async fn give_way() {
    let mut is_second = false;
    poll_fn(|context| {
        context.waker().wake_by_ref();
        match std::mem::replace(&mut is_second, true) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
}

pub fn instance_with(config: Config, text: &str, imports: &Imports) -> Instance {
    let engine = Engine::new(config.count(true)).unwrap();
    let module = Module::from_text(&engine, text).unwrap_or_else(|error| panic!("{error}"));
    Instance::new(&module, imports).unwrap()
}

pub fn instance(gates: &Gates) -> Instance {
    instance_with(Config::new(), PROGRAM, &gates.imports())
}

pub fn call(instance: &Instance, name: &str, argument: i64) -> Call<(i64,), i64> {
    let function = instance.func::<(i64,), i64>(name).unwrap();
    function.call_async((argument,))
}

pub trait PollOnce: Future + Sized {
    fn poll_once(self) -> Self::Output {
        block_on(poll_immediate(self)).expect("it is ready at once")
    }
}
impl<F: Future> PollOnce for F {}

pub fn multi_thread(workers: usize) -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_time()
        .build()
        .unwrap()
}

pub fn poll_to_pending<F: Future>(future: F) -> std::pin::Pin<Box<F>> {
    let mut future = Box::pin(future);
    assert!(block_on(poll_immediate(&mut future)).is_none());
    future
}

/// A waker that panics.
pub fn panicking_waker() -> Waker {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("a waker of the host");
        }
    }
    Waker::from(Arc::new(Panics))
}

/// Counts how many times a future was told to go on.
#[derive(Default)]
pub struct Told(pub AtomicUsize);

impl Wake for Told {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }
}
