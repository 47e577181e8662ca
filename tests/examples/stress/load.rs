//! The load: calls that wait for the host, yield, sleep, spawn and join, on instances that several callers share.
//! Some are dropped half-way, some polled by one task and then another one, all on any thread of the executor. What they
//! wait for is woken from threads of its own, early, twice or late.
//!
//! What is counted: each result; the host's futures; tasks and handlers, by globals of the program; continuations.

use enjamb::{Call, Config, Engine, Imports, Instance, Module, TypedFunc, Val};
use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

const PROGRAM: &str = r#"
    import %wait = "host" "wait" (i64) -> i64 async
    import %stay = "host" "stay" () async
    import %yield = "enjamb" "yield" () async
    import %sleep = "enjamb" "sleep" (i64) async
    global %left: i64 = 0
    global %done: i64 = 0
    global %opened: i64 = 0
    global %closed: i64 = 0
    function %twice(i64) -> i64 async {
    block0(v0: i64):
        v1 = call %wait(v0)
        v2 = call %wait(v1)
        v3 = iadd v1, v2
        return v3
    }
    function %nested(i64) -> i64 async {
    block0(v0: i64):
        v1 = call %twice(v0)
        v2 = iadd v1, v0
        return v2
    }
    function %guarded(i64) -> i64 async {
    block0(v0: i64):
        v1 = global_get.i64 %opened
        v2 = iconst.i64 1
        v3 = iadd v1, v2
        global_set %opened, v3
        v4, v5, v6 = try_call %nested(v0), block1(v4), unwind block1(v5)
    block1(v7: i64):
        v8 = global_get.i64 %closed
        v9 = iadd v8, v2
        global_set %closed, v9
        return v7
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
    function %tree(i64) -> i64 async {
        sig0 = () -> i64
    block0(v0: i64):
        v1 = iconst.i64 1
        brif v0, block1, block2
    block1:
        v2 = isub v0, v1
        v3 = spawn %tree(v2)
        v4 = call %tree(v2)
        v5 = join sig0, v3
        v6 = iadd v4, v5
        return v6
    block2:
        v7 = call %wait(v0)
        return v7
    }
    function %later(i64) async {
    block0(v0: i64):
        call %yield()
        v1 = call %wait(v0)
        v2 = global_get.i64 %done
        v3 = iconst.i64 1
        v4 = iadd v2, v3
        global_set %done, v4
        return
    }
    function %leaves(i64) -> i64 async {
    block0(v0: i64):
        v1 = global_get.i64 %left
        v2 = iconst.i64 1
        v3 = iadd v1, v2
        global_set %left, v3
        v4 = spawn %later(v0)
        detach v4
        v5 = call %wait(v0)
        return v5
    }
    function %stays(i64) -> i64 async {
    block0(v0: i64):
        call %stay()
        return v0
    }
    function %plain(i64) -> i64 {
    block0(v0: i64):
        v1 = iadd v0, v0
        return v1
    }
"#;

/// How much to run.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Threads of the executor.
    pub threads: usize,
    /// After this time no other call begins.
    pub time: Duration,
    /// Calls begin until instances have been handed over that often, too.
    pub hand_overs: u64,
    /// Where random numbers begin.
    pub seed: u64,
}

/// What was counted.
#[derive(Debug, Default)]
pub struct Figures {
    /// Times that a thread has entered an instance where another one was before.
    pub hand_overs: u64,
    /// Calls that have finished.
    pub calls: u64,
    /// Calls that were dropped when they had been polled.
    pub cancels: u64,
    /// Tasks that no call was about.
    pub tasks: u64,
    /// Futures of the host.
    pub futures: u64,
    /// How long it took.
    pub time: Duration,
    /// What was not as it should have been.
    pub problems: Vec<String>,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "handovers={} calls={} cancels={} tasks={} futures={} problems={} seconds={:.1}",
            self.hand_overs,
            self.calls,
            self.cancels,
            self.tasks,
            self.futures,
            self.problems.len(),
            self.time.as_secs_f64()
        )
    }
}

const INSTANCES: usize = 4;
const CALLERS: usize = 16;
const WAKING_THREADS: usize = 3;
/// If nothing has ended after this time somebody was not told.
const PATIENCE: Duration = Duration::from_secs(60);

/// Numbers that are arbitrary, and the same in each run (Steele, Lea and Flood: SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

/// What a future of the host waits for: that somebody sets it, and wakes.
#[derive(Default)]
struct Event {
    state: Mutex<(bool, Option<Waker>)>,
}

impl Event {
    /// Wakes, and lets go if it is not too early.
    fn fire(&self, happens: bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.0 |= happens;
        let waker = state.1.clone();
        drop(state);
        waker.into_iter().for_each(Waker::wake);
    }

    fn poll(&self, waker: &Waker) -> Poll<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.0 {
            return Poll::Ready(());
        }
        let old = state.1.replace(waker.clone());
        drop(state);
        drop(old);
        Poll::Pending
    }
}

/// The host's side.
#[derive(Default)]
struct Host {
    seed: u64,
    made: AtomicU64,
    alive: AtomicI64,
    senders: Vec<WakingSender>,
    end: tokio::sync::Notify,
    has_ended: AtomicBool,
}

/// Counts a future of the host while it exists.
struct Alive(Arc<Host>);

impl Alive {
    fn new(host: &Arc<Host>) -> Alive {
        host.alive.fetch_add(1, Ordering::Relaxed);
        Alive(Arc::clone(host))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.alive.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Host {
    /// Gives the next number, after a while.
    async fn wait(self: Arc<Host>, number: i64) -> i64 {
        let alive = Alive::new(&self);
        let made = self.made.fetch_add(1, Ordering::Relaxed);
        let mut random = Random(self.seed ^ (made << 20));
        match random.below(32) {
            0..4 => {}
            4..8 => tokio::task::yield_now().await,
            8 => tokio::time::sleep(Duration::from_millis(1)).await,
            _ => {
                let event = self.begin(random.below(WAKING_THREADS as u64) as usize);
                poll_fn(|context| event.poll(context.waker())).await;
            }
        }
        drop(alive);
        number + 1
    }

    /// Lets a thread fire an event in a while.
    fn begin(&self, thread: usize) -> Arc<Event> {
        let event = Arc::<Event>::default();
        let sender = self.senders[thread].lock();
        let sent = sender
            .unwrap_or_else(PoisonError::into_inner)
            .send(Arc::clone(&event));
        if sent.is_err() {
            // The thread has panicked, which is counted.
            event.fire(true);
        }
        event
    }

    async fn stay(self: Arc<Host>) {
        let _alive = Alive::new(&self);
        let end = self.end.notified();
        if !self.has_ended.load(Ordering::SeqCst) {
            end.await;
        }
    }

    /// Fires what comes, in no order.
    fn wake(events: &Receiver<Arc<Event>>, mut random: Random) {
        let mut batch = Vec::new();
        while let Ok(event) = events.recv() {
            batch.push(event);
            batch.extend(events.try_iter().take(random.below(16) as usize));
            while !batch.is_empty() {
                let index = random.below(batch.len() as u64) as usize;
                let happens = random.below(4) != 0;
                batch[index].fire(happens);
                if happens {
                    let event = batch.swap_remove(index);
                    if random.below(8) == 0 {
                        event.fire(true);
                    }
                }
            }
        }
    }

    fn imports(self: &Arc<Host>) -> Imports {
        let mut imports = Imports::new();
        let host = Arc::clone(self);
        imports.async_func("host", "wait", move |number: i64| {
            Arc::clone(&host).wait(number)
        });
        let host = Arc::clone(self);
        imports.async_func("host", "stay", move || Arc::clone(&host).stay());
        imports
    }
}

/// What all callers share.
struct Shared {
    stop: AtomicBool,
    calls: AtomicU64,
    cancels: AtomicU64,
    problems: Mutex<Vec<String>>,
}

impl Shared {
    fn wrong(&self, problem: String) {
        let problems = self.problems.lock();
        problems
            .unwrap_or_else(PoisonError::into_inner)
            .push(problem);
    }

    fn check(&self, name: &str, result: Result<i64, enjamb::Error>, expected: i64) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        match result {
            Ok(result) if result == expected => {}
            Ok(result) => self.wrong(format!("{name} gives {result}, not {expected}")),
            Err(error) => self.wrong(format!("{name}: {error}")),
        }
    }
}

type Function = TypedFunc<(i64,), i64>;

/// The functions of an instance.
#[derive(Clone)]
struct Functions {
    nested: Function,
    guarded: Function,
    turns: Function,
    sleeps: Function,
    tree: Function,
    leaves: Function,
}

impl Functions {
    fn of(instance: &Instance) -> Result<Functions, enjamb::Error> {
        Ok(Functions {
            nested: instance.func("nested")?,
            guarded: instance.func("guarded")?,
            turns: instance.func("turns")?,
            sleeps: instance.func("sleeps")?,
            tree: instance.func("tree")?,
            leaves: instance.func("leaves")?,
        })
    }

    /// A call that may be dropped, with its name and result.
    fn any(&self, random: &mut Random) -> (&'static str, Call<(i64,), i64>, i64) {
        let number = random.below(1000) as i64 + 1;
        match random.below(8) {
            0 | 1 => ("nested", self.nested.call_async((number,)), 3 * number + 3),
            2 | 3 => (
                "guarded",
                self.guarded.call_async((number,)),
                3 * number + 3,
            ),
            4 | 5 => {
                let turns = number % 200 + 1;
                ("turns", self.turns.call_async((turns,)), turns)
            }
            6 => ("sleeps", self.sleeps.call_async((number % 3,)), number % 3),
            _ => ("leaves", self.leaves.call_async((number,)), number + 1),
        }
    }
}

/// Makes calls until it is told to stop.
async fn caller(shared: Arc<Shared>, functions: Functions, mut random: Random) {
    while !shared.stop.load(Ordering::Relaxed) {
        let how = random.below(8);
        if how == 0 {
            // Its tasks are joined, so it is not dropped.
            let depth = random.below(4) as i64;
            let result = functions.tree.call_async((depth,)).await;
            shared.check("tree", result, 1 << depth);
            continue;
        }
        if how == 5 {
            spawns(&shared, &functions, &mut random).await;
            continue;
        }
        let (name, call, expected) = functions.any(&mut random);
        let outcome = match how {
            1 | 2 => polled_at_most(call, random.below(4)).await,
            3 => {
                let limit = Duration::from_micros(random.below(500));
                tokio::time::timeout(limit, call).await.ok()
            }
            4 => moved(call).await,
            6 => cancelled(call, random.below(3)).await,
            _ => Some(call.await),
        };
        match outcome {
            Some(result) => shared.check(name, result, expected),
            None => {
                shared.cancels.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// Spawns tasks, and waits for one of them. The other goes on by itself.
async fn spawns(shared: &Shared, functions: &Functions, random: &mut Random) {
    let number = random.below(1000) as i64 + 1;
    match functions.leaves.spawn((number,)) {
        Ok(left) => drop(left),
        Err(error) => shared.wrong(format!("spawn: {error}")),
    }
    match functions.nested.spawn((number,)) {
        Ok(task) => shared.check("nested, spawned", task.await, 3 * number + 3),
        Err(error) => shared.wrong(format!("spawn: {error}")),
    }
}

/// Polls a future some times and once more; then it is dropped.
async fn polled_at_most<F: Future>(future: F, more: u64) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut polls = 0;
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if polls == more => Poll::Ready(None),
        Poll::Pending => {
            polls += 1;
            Poll::Pending
        }
    })
    .await
}

/// Polls a call some times and once more; then it is cancelled, and its handlers may wait.
async fn cancelled(mut call: Call<(i64,), i64>, more: u64) -> Option<Result<i64, enjamb::Error>> {
    if let Some(result) = polled_at_most(&mut call, more).await {
        return Some(result);
    }
    match call.cancel().await {
        Err(error) if error.is_cancelled() => None,
        // It did not wait again.
        result => Some(result),
    }
}

/// Polls a call once, and lets another task go on with it.
async fn moved(call: Call<(i64,), i64>) -> Option<Result<i64, enjamb::Error>> {
    let mut call: Pin<Box<_>> = Box::pin(call);
    let first = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    match first {
        Poll::Ready(result) => Some(result),
        Poll::Pending => tokio::spawn(call).await.ok(),
    }
}

/// How a thread that wakes tasks is told of them.
type WakingSender = Mutex<Sender<Arc<Event>>>;

fn waking_threads(count: usize, seed: u64) -> (Vec<WakingSender>, Vec<JoinHandle<()>>) {
    let threads = (0..count as u64).map(|index| {
        let (sender, receiver) = channel();
        let random = Random(seed.wrapping_add(index));
        let thread = thread::spawn(move || Host::wake(&receiver, random));
        (Mutex::new(sender), thread)
    });
    threads.unzip()
}

/// Runs the load and counts.
pub fn run(settings: Settings) -> Figures {
    let started = Instant::now();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(settings.threads)
        .enable_time()
        .build();
    let (senders, waking) = waking_threads(WAKING_THREADS, settings.seed);
    let host = Arc::new(Host {
        seed: settings.seed,
        senders,
        ..Host::default()
    });
    let outcome = runtime
        .map_err(|error| error.to_string())
        .and_then(|runtime| {
            let outcome = runtime.block_on(load(settings, &host));
            runtime.shutdown_timeout(Duration::from_secs(1));
            outcome.map_err(|error| error.to_string())
        });
    let mut figures = outcome.unwrap_or_else(|error| Figures {
        problems: vec![error],
        ..Figures::default()
    });
    figures.futures = host.made.load(Ordering::Relaxed);
    let alive = host.alive.load(Ordering::Relaxed);
    if alive != 0 {
        figures
            .problems
            .push(format!("{alive} futures of the host are left"));
    }
    match Arc::try_unwrap(host) {
        Ok(host) => {
            drop(host);
            let panicked = waking.into_iter().filter_map(|thread| thread.join().err());
            let panicked = panicked.count();
            if panicked != 0 {
                figures
                    .problems
                    .push(format!("{panicked} threads that wake have panicked"));
            }
        }
        Err(host) => {
            let kept = Arc::strong_count(&host);
            figures
                .problems
                .push(format!("the host is kept {kept} times"));
        }
    }
    figures.time = started.elapsed();
    figures
}

async fn load(settings: Settings, host: &Arc<Host>) -> Result<Figures, enjamb::Error> {
    let engine = Engine::new(Config::new().count(true))?;
    let module = Module::from_text(&engine, PROGRAM)?;
    let imports = host.imports();
    let instances = (0..INSTANCES).map(|_| Instance::new(&module, &imports));
    let instances = instances.collect::<Result<Vec<_>, _>>()?;
    drop(imports);
    let shared = Arc::new(Shared {
        stop: AtomicBool::new(false),
        calls: AtomicU64::new(0),
        cancels: AtomicU64::new(0),
        problems: Mutex::default(),
    });
    let mut tasks = tokio::task::JoinSet::new();
    for (number, instance) in (0_u64..).zip(&instances) {
        // While it is under way, calls that block end no tasks.
        let stays: Function = instance.func("stays")?;
        let shared_by_stay = Arc::clone(&shared);
        tasks.spawn(async move { shared_by_stay.check("stays", stays.call_async((7,)).await, 7) });
        let functions = Functions::of(instance)?;
        for caller_number in 0..CALLERS as u64 {
            let seed = settings.seed ^ (number << 32) ^ (caller_number << 40);
            let calling = caller(Arc::clone(&shared), functions.clone(), Random(seed));
            tasks.spawn(calling);
        }
    }
    let outsider = outsider(&instances, &shared)?;
    let hand_overs = || instances.iter().map(Instance::hand_overs).sum::<u64>();
    let begun = Instant::now();
    let enough = || begun.elapsed() >= settings.time && hand_overs() >= settings.hand_overs;
    let latest = settings.time + 10 * PATIENCE;
    while !enough() && begun.elapsed() < latest {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    shared.stop.store(true, Ordering::Relaxed);
    // It blocks: when nothing else is under way that would end tasks.
    if outsider.join().is_err() {
        shared.wrong("the thread outside has panicked".to_string());
    }
    host.has_ended.store(true, Ordering::SeqCst);
    let ended = async {
        // Nobody may have begun to stay yet.
        let mut ending = tokio::time::interval(Duration::from_millis(10));
        let mut rest = tasks.len();
        while rest > 0 {
            tokio::select! {
                _ = ending.tick() => host.end.notify_waiters(),
                Some(task) = tasks.join_next() => {
                    rest -= 1;
                    if let Err(error) = task {
                        shared.wrong(format!("a caller ended: {error}"));
                    }
                }
            }
        }
        for instance in &instances {
            if let Err(error) = instance.drive().await {
                shared.wrong(format!("drive: {error}"));
            }
        }
    };
    if tokio::time::timeout(PATIENCE, ended).await.is_err() {
        shared.wrong("not all calls have ended: a wake was lost".to_string());
    }
    let mut figures = Figures {
        hand_overs: hand_overs(),
        calls: shared.calls.load(Ordering::Relaxed),
        cancels: shared.cancels.load(Ordering::Relaxed),
        ..Figures::default()
    };
    for instance in &instances {
        figures.tasks += count(instance, &shared)?;
    }
    let mut problems = shared
        .problems
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    figures.problems = std::mem::take(&mut problems);
    Ok(figures)
}

/// A thread that calls a sync function now and then, which is refused while another thread is inside.
fn outsider(instances: &[Instance], shared: &Arc<Shared>) -> Result<JoinHandle<()>, enjamb::Error> {
    let functions = instances.iter().map(|instance| instance.func("plain"));
    let functions = functions.collect::<Result<Vec<Function>, _>>()?;
    let shared = Arc::clone(shared);
    let runtime = tokio::runtime::Handle::current();
    Ok(thread::spawn(move || {
        // It starts what others have spawned meanwhile, and that may ask for the executor's clock.
        let _inside = runtime.enter();
        while !shared.stop.load(Ordering::Relaxed) {
            for function in &functions {
                match function.call((21,)) {
                    Err(enjamb::Error::Running) => {}
                    result => shared.check("plain", result, 42),
                }
            }
            thread::sleep(Duration::from_micros(200));
        }
    }))
}

/// Looks at what is left of an instance: how many tasks it had that no call was about.
fn count(instance: &Instance, shared: &Shared) -> Result<u64, enjamb::Error> {
    let stats = instance.stats()?;
    if stats.continuations_live != 0 {
        let live = stats.continuations_live;
        let tasks: Vec<String> = instance.tasks()?.map(|task| task.to_string()).collect();
        shared.wrong(format!("{live} continuations are left: {tasks:?}"));
    }
    if stats.resumptions > stats.frames_suspended {
        shared.wrong(format!("more was resumed than suspended: {stats:?}"));
    }
    let global = |name| instance.global(name)?.get();
    let (left, done) = (global("left")?, global("done")?);
    if left != done {
        shared.wrong(format!(
            "{left:?} tasks were left to themselves, {done:?} have finished"
        ));
    }
    let (opened, closed) = (global("opened")?, global("closed")?);
    if opened != closed {
        shared.wrong(format!(
            "{opened:?} frames have a handler, {closed:?} have left it"
        ));
    }
    match done {
        Val::I64(done) => Ok(done as u64),
        _ => Ok(0),
    }
}
