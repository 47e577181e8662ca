//! Many tasks that wait at once. Each case runs in a fresh process: its memory grows from what a
//! process without tasks has, and nothing is left over from the case before.

use crate::clock::cpu_time;
use crate::futures::{Above, Bottom, Boxed, Level, WAITING, frames_boxed, live};
use crate::machine::{available_bytes, resident_bytes};
use crate::measure::{Row, Settings};
use crate::{peers, programs, waiting};
use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult};
use enjamb::Imports;
use std::error::Error;
use std::future::Future;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

/// Bytes that a task may need at most at depth 5, to see whether a case fits into memory.
const MOST_BYTES: u64 = 1200;
/// A system lets a process have some ten thousand stacks, since each is two mappings.
const MOST_STACKS: u64 = 20_000;

const OURS: &str = "ours";
const FUTURES: &str = "futures, a box for each task";
const BOXED: &str = "boxed futures";
const TOKIO: &str = "tokio tasks";
const COROUTINES: &str = "coroutines (corosensei), 20,000 of them";

/// Of all tasks, in this order: bytes each, nanoseconds to spawn one, nanoseconds to finish one.
pub type Figures = [f64; 3];
const FIGURES: [(&str, &str); 3] = [("memory", "bytes"), ("spawn", "ns"), ("finish", "ns")];

/// What is measured at one moment.
#[derive(Clone, Copy)]
pub struct Moment {
    at: Duration,
    resident: u64,
}

/// The moment.
pub fn now() -> Moment {
    Moment {
        at: cpu_time(),
        resident: resident_bytes(),
    }
}

/// The figures from the moments before the first, when all wait, and when all are done.
pub fn figures(tasks: u64, moments: [Moment; 3]) -> Figures {
    let [start, waiting, done] = moments;
    let per_task = |value: f64| value / tasks as f64;
    [
        per_task(waiting.resident.saturating_sub(start.resident) as f64),
        per_task((waiting.at - start.at).as_nanos() as f64),
        per_task((done.at - waiting.at).as_nanos() as f64),
    ]
}

/// Runs the cases that are selected.
pub fn run(settings: &Settings) -> Result<Vec<Row>, Box<dyn Error>> {
    let mut rows = Vec::new();
    for depth in [1, 5] {
        for (tasks, label) in [(1_000_000, "1M"), (10_000_000, "10M")] {
            let name = format!("many_tasks/{depth}/{label}");
            if !settings.selects(&name) || tasks > 1_000_000 && !settings.large {
                continue;
            }
            if available_bytes() < tasks * MOST_BYTES {
                println!(
                    "{name}: skipped, {} bytes of memory would be safe",
                    tasks * MOST_BYTES
                );
                continue;
            }
            let large = tasks > 1_000_000;
            let rounds = if large {
                LARGE_SAMPLES
            } else {
                settings.samples
            };
            rows.extend(case(&name, depth, tasks, rounds)?);
        }
    }
    Ok(rows)
}

/// Samples of a case of 10,000,000 tasks: few, as each is an average over all its tasks.
const LARGE_SAMPLES: usize = 3;

fn case(name: &str, depth: u64, tasks: u64, rounds: usize) -> Result<Vec<Row>, Box<dyn Error>> {
    let subjects = [OURS, FUTURES, BOXED, TOKIO, COROUTINES];
    let mut samples = vec![Vec::new(); subjects.len()];
    for _ in 0..rounds {
        for (subject, samples) in subjects.iter().zip(&mut samples) {
            samples.push(in_child(subject, depth, tasks)?);
        }
    }
    let mut rows = Vec::new();
    for (index, (figure, unit)) in FIGURES.into_iter().enumerate() {
        let of = |subject: usize| -> Vec<f64> {
            samples[subject]
                .iter()
                .map(|figures: &Figures| figures[index])
                .collect()
        };
        for (peer, whose) in subjects.iter().enumerate().skip(1) {
            let name = format!("{name}/{figure}");
            rows.push(Row::new(&name, unit, &of(0), whose, &of(peer)));
        }
    }
    Ok(rows)
}

/// Runs a case in a process of its own: who, how deep, how many.
pub fn in_child(subject: &str, depth: u64, tasks: u64) -> Result<Figures, Box<dyn Error>> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--tasks", subject, &depth.to_string(), &tasks.to_string()]);
    let output = command.output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let numbers: Result<Vec<f64>, _> = text.split_whitespace().map(str::parse).collect();
    let figures = numbers.ok().and_then(|numbers| numbers.try_into().ok());
    figures.ok_or_else(|| {
        let error = String::from_utf8_lossy(&output.stderr);
        format!("{subject}, {tasks} tasks at depth {depth}: {error}").into()
    })
}

/// The child: runs a case and prints its figures.
pub fn child(case: &[String]) -> Result<(), Box<dyn Error>> {
    let [subject, depth, tasks] = case else {
        return Err("a case is SUBJECT DEPTH TASKS".into());
    };
    let (depth, tasks) = (depth.parse()?, tasks.parse()?);
    let figures = match subject.as_str() {
        OURS => ours(depth, tasks),
        FUTURES => polled(tasks, |live| match depth {
            1 => Box::pin(Bottom::frames(live)),
            _ => Box::pin(Above::<Above<Above<Above<Bottom>>>>::frames(live)),
        }),
        BOXED => polled(tasks, |live| frames_boxed(depth, live)),
        TOKIO => match depth {
            1 => tokio(tasks, Bottom::frames),
            _ => tokio(tasks, Above::<Above<Above<Above<Bottom>>>>::frames),
        },
        COROUTINES => coroutines(depth, tasks.min(MOST_STACKS)),
        _ => match waiting::case(subject, depth > 0, tasks) {
            Some(figures) => figures,
            None => return Err(format!("nobody is called {subject}").into()),
        },
    };
    println!("{} {} {}", figures[0], figures[1], figures[2]);
    Ok(())
}

fn ours(depth: u64, tasks: u64) -> Figures {
    let moments = Arc::new(Mutex::new(Vec::new()));
    let seen = moments.clone();
    let mut imports = Imports::new();
    imports.func("host", "measure", move || {
        seen.lock().expect("measuring does not panic").push(now());
    });
    let instance = programs::instance(programs::MANY_TASKS, &imports);
    let finished = programs::function(&instance, "main")([tasks, depth]);
    assert_eq!(finished, tasks);
    let moments = moments.lock().expect("measuring does not panic");
    figures(tasks, [moments[0], moments[1], moments[2]])
}

/// Futures in a list, each polled twice.
fn polled(tasks: u64, task: impl Fn([u64; 4]) -> Boxed) -> Figures {
    let mut context = Context::from_waker(Waker::noop());
    let start = now();
    let mut futures = Vec::new();
    for index in 0..tasks {
        let mut future = task(live(index));
        assert!(future.as_mut().poll(&mut context).is_pending());
        futures.push(future);
    }
    let waiting = now();
    for mut future in futures {
        assert!(future.as_mut().poll(&mut context).is_ready());
    }
    figures(tasks, [start, waiting, now()])
}

fn tokio<F>(tasks: u64, task: fn([u64; 4]) -> F) -> Figures
where
    F: Future<Output = u64> + Send + 'static,
{
    static FINISHED: AtomicU64 = AtomicU64::new(0);
    let waiting_tasks = || WAITING.with_borrow(Vec::len) as u64;
    peers::runtime().block_on(async move {
        let start = now();
        for index in 0..tasks {
            tokio::spawn(async move {
                task(live(index)).await;
                FINISHED.fetch_add(1, Ordering::Relaxed);
            });
        }
        while waiting_tasks() < tasks {
            tokio::task::yield_now().await;
        }
        let waiting = now();
        WAITING.with_borrow_mut(|waiting| waiting.drain(..).for_each(Waker::wake));
        while FINISHED.load(Ordering::Relaxed) < tasks {
            tokio::task::yield_now().await;
        }
        figures(tasks, [start, waiting, now()])
    })
}

/// Coroutines, each with a stack of its own.
fn coroutines(depth: u64, tasks: u64) -> Figures {
    let start = now();
    let mut coroutines = Vec::new();
    for index in 0..tasks {
        let stack = DefaultStack::new(16 << 10).expect("there is room for a stack");
        let mut coroutine = Coroutine::with_stack(stack, move |suspend: &peers::Suspend, ()| {
            peers::frames_on_stack(suspend, depth, live(index))
        });
        assert!(matches!(coroutine.resume(()), CoroutineResult::Yield(())));
        coroutines.push(coroutine);
    }
    let waiting = now();
    for mut coroutine in coroutines {
        assert!(matches!(coroutine.resume(()), CoroutineResult::Return(_)));
    }
    figures(tasks, [start, waiting, now()])
}
