//! `waiting`: calls of compiled functions that all wait for a future of the host, then are dropped, beside
//! futures that do the same. Each case runs in a fresh process, as those of [`crate::many_tasks`] do.

use crate::futures::{Boxed, WAITING, leaf};
use crate::many_tasks::{Figures, figures, in_child, now};
use crate::measure::{Row, Settings};
use crate::peers::runtime;
use crate::programs::{HOST_CALL, instance};
use enjamb::Imports;
use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Wake, Waker};

/// How many wait at once.
const CALLS: u64 = 100_000;

/// What the figures of a case are: bytes each, nanoseconds to start one, nanoseconds to drop one.
const FIGURES: [(&str, &str); 3] = [("memory", "bytes"), ("start", "ns"), ("cancel", "ns")];

const OURS: &str = "ours, waiting";
const BOXED: &str = "boxed futures, waiting";
const OURS_SPAWNED: &str = "ours in tokio tasks, waiting";
const SPAWNED: &str = "boxed futures in tokio tasks, waiting";

/// The cases by name: ours and the peer.
const CASES: [(&str, [&str; 2]); 2] = [
    ("polled", [OURS, BOXED]),
    ("spawned", [OURS_SPAWNED, SPAWNED]),
];

/// Runs the cases that are selected.
pub fn run(settings: &Settings) -> Result<Vec<Row>, Box<dyn Error>> {
    let mut rows = Vec::new();
    for (case, subjects) in CASES {
        for (has_handler, suffix) in [(0, ""), (1, "/handler")] {
            let name = format!("waiting/{case}{suffix}");
            if settings.selects(&name) {
                rows.extend(run_case(&name, subjects, has_handler, settings.samples)?);
            }
        }
    }
    Ok(rows)
}

fn run_case(
    name: &str,
    subjects: [&str; 2],
    has_handler: u64,
    rounds: usize,
) -> Result<Vec<Row>, Box<dyn Error>> {
    let mut samples = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        for (subject, samples) in subjects.iter().zip(&mut samples) {
            samples.push(in_child(subject, has_handler, CALLS)?);
        }
    }
    let rows = FIGURES.iter().enumerate().map(|(index, (figure, unit))| {
        let [ours, theirs] = samples.each_ref().map(|samples| {
            let figures = samples.iter().map(|figures: &Figures| figures[index]);
            figures.collect::<Vec<f64>>()
        });
        let peer = subjects[1].trim_end_matches(", waiting");
        Row::new(&format!("{name}/{figure}"), unit, &ours, peer, &theirs)
    });
    Ok(rows.collect())
}

/// In a child: the figures of a case, if there is one of this name.
pub fn case(subject: &str, has_handler: bool, calls: u64) -> Option<Figures> {
    match subject {
        OURS => Some(polled(calls, ours(has_handler))),
        BOXED => Some(polled(calls, peer(has_handler))),
        OURS_SPAWNED => Some(spawned(calls, ours(has_handler))),
        SPAWNED => Some(spawned(calls, peer(has_handler))),
        _ => None,
    }
}

async fn next(number: u64) -> u64 {
    leaf().await;
    number.wrapping_add(1)
}

/// Makes calls of a compiled function that awaits the host.
fn ours(has_handler: bool) -> impl Fn(u64) -> Boxed {
    let mut imports = Imports::new();
    imports.async_func("host", "next", next);
    let name = match has_handler {
        true => "once_with_handler",
        false => "once",
    };
    let function = instance(HOST_CALL, &imports).func::<(u64,), u64>(name);
    let function = function.expect("the program has the function");
    move |number| {
        let call = function.call_async((number,));
        Box::pin(async move { call.await.expect("the program does not trap") })
    }
}

/// Counts what has been dropped.
struct Handler;

static HANDLED: AtomicU64 = AtomicU64::new(0);

impl Drop for Handler {
    fn drop(&mut self) {
        HANDLED.fetch_add(1, Ordering::Relaxed);
    }
}

/// Makes futures that await another one, which is not known when they are compiled.
fn peer(has_handler: bool) -> impl Fn(u64) -> Boxed {
    move |number| {
        let waited_for = move || -> Boxed { black_box(Box::pin(next(number))) };
        match has_handler {
            true => Box::pin(async move {
                let _handler = Handler;
                waited_for().await
            }),
            false => Box::pin(async move { waited_for().await }),
        }
    }
}

/// Somebody who need not be woken.
struct Nobody;

impl Wake for Nobody {
    fn wake(self: Arc<Self>) {}
}

/// Futures in a list, each polled once and dropped.
fn polled(calls: u64, call: impl Fn(u64) -> Boxed) -> Figures {
    let waker = Waker::from(Arc::new(Nobody));
    let mut context = Context::from_waker(&waker);
    let start = now();
    let mut futures = Vec::new();
    for number in 0..calls {
        let mut future = call(number);
        assert!(future.as_mut().poll(&mut context).is_pending());
        futures.push(future);
    }
    let waiting = now();
    drop(futures);
    WAITING.with_borrow_mut(Vec::clear);
    figures(calls, [start, waiting, now()])
}

/// The same in tasks of tokio, which are aborted.
fn spawned(calls: u64, call: impl Fn(u64) -> Boxed) -> Figures {
    runtime().block_on(async move {
        let start = now();
        let mut tasks = Vec::new();
        for number in 0..calls {
            tasks.push(tokio::spawn(call(number)));
        }
        while (WAITING.with_borrow(Vec::len) as u64) < calls {
            tokio::task::yield_now().await;
        }
        let waiting = now();
        tasks.iter().for_each(tokio::task::JoinHandle::abort);
        for task in tasks {
            assert!(task.await.is_err(), "it has been aborted");
        }
        WAITING.with_borrow_mut(Vec::clear);
        figures(calls, [start, waiting, now()])
    })
}
