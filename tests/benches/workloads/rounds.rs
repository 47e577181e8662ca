//! The workloads that are measured in rounds.

use crate::futures::{
    Boxed, Level, Thirty, Twenty, count, count_boxed, deep_boxed, drive, drive_deep, drive_in_turn,
    fib_boxed, leaf,
};
use crate::measure::{Row, Settings, Workload, measure, subject};
use crate::peers;
use crate::programs::{FIB, YIELD_LOOP, function, instance};
use enjamb::Imports;
use std::error::Error;
use std::hint::black_box;
use std::pin::pin;

/// Calls of fib(30), of fib(20).
const CALLS_30: f64 = 2_692_537.0;
const CALLS_20: f64 = 21_891.0;

/// Repeats what has no size of its own.
pub fn repeat(times: u64, mut run: impl FnMut() -> u64) -> u64 {
    (0..times).fold(0, |sum: u64, _| sum.wrapping_add(run()))
}

/// All of them that are selected.
pub fn run(settings: &Settings) -> Result<Vec<Row>, Box<dyn Error>> {
    let mut rows = yield_loop(settings);
    rows.extend(yield_loop_tasks(settings));
    for depth in [1, 10, 100, 1000] {
        rows.extend(deep_yield(settings, depth));
    }
    rows.extend(async_call(settings));
    rows.extend(fib_yield(settings));
    Ok(rows)
}

fn yield_loop(settings: &Settings) -> Vec<Row> {
    let instance = instance(YIELD_LOOP, &Imports::new());
    let ours = function(&instance, "count");
    let workload = Workload {
        name: "yield_loop/raw".into(),
        subjects: vec![
            subject("ours", |n| ours([n])),
            subject("out-of-line futures", |n| {
                drive(black_box(pin!(count(n, leaf))))
            }),
            subject("boxed futures", |n| drive(black_box(pin!(count_boxed(n))))),
            subject("coroutine (corosensei)", |n| peers::deep_coroutine(0, n)),
        ],
        units_per_amount: 1.0,
    };
    measure(settings, workload)
}

fn yield_loop_tasks(settings: &Settings) -> Vec<Row> {
    let instance = instance(YIELD_LOOP, &Imports::new());
    let ours = function(&instance, "count_in_tasks");
    let runtime = peers::runtime();
    let workload = Workload {
        name: "yield_loop/task".into(),
        subjects: vec![
            subject("ours", |n| ours([n])),
            subject("futures in a queue", |n| {
                drive_in_turn([(); 2].map(|()| Box::pin(count(n, leaf)) as Boxed))
            }),
            subject("tokio tasks", |n| peers::count_in_tasks(&runtime, n)),
        ],
        units_per_amount: 2.0,
    };
    measure(settings, workload)
}

fn deep_yield(settings: &Settings, depth: u64) -> Vec<Row> {
    let instance = instance(YIELD_LOOP, &Imports::new());
    let ours = function(&instance, "deep");
    // Building the frames must not be what is measured.
    const ITERATIONS: u64 = 1000;
    let workload = Workload {
        name: format!("deep_yield/{depth}"),
        subjects: vec![
            subject("ours", |n| ours([depth, n * ITERATIONS])),
            subject("out-of-line futures", |n| {
                drive_deep(depth, black_box(pin!(count(n * ITERATIONS, leaf))))
            }),
            subject("boxed futures", |n| {
                drive(deep_boxed(depth, n * ITERATIONS).as_mut())
            }),
            subject("coroutine (corosensei)", |n| {
                peers::deep_coroutine(depth, n * ITERATIONS)
            }),
        ],
        units_per_amount: ITERATIONS as f64,
    };
    measure(settings, workload)
}

fn async_call(settings: &Settings) -> Vec<Row> {
    let instance = instance(FIB, &Imports::new());
    let (ours_async, ours_sync) = (
        function(&instance, "fib_async"),
        function(&instance, "fib_sync"),
    );
    let runtime = peers::runtime();
    let workload = Workload {
        name: "async_call/async".into(),
        subjects: vec![
            subject("ours", |n| repeat(n, || ours_async([black_box(30)]))),
            subject("ours, sync function", |n| {
                repeat(n, || ours_sync([black_box(30)]))
            }),
            subject("out-of-line futures", |n| {
                repeat(n, || drive(pin!(Thirty::fib::<false>(black_box(30)))))
            }),
            subject("boxed futures", |n| {
                repeat(n, || drive(fib_boxed::<false>(black_box(30)).as_mut()))
            }),
            subject("tokio task", |n| {
                repeat(n, || peers::fib_ready_in_task(&runtime, black_box(30)))
            }),
        ],
        units_per_amount: CALLS_30,
    };
    let mut rows = measure(settings, workload);
    let workload = Workload {
        name: "async_call/sync".into(),
        subjects: vec![
            subject("ours", |n| repeat(n, || ours_sync([black_box(30)]))),
            subject("Rust function", |n| {
                repeat(n, || peers::fib_sync(black_box(30)))
            }),
        ],
        units_per_amount: CALLS_30,
    };
    rows.extend(measure(settings, workload));
    rows
}

fn fib_yield(settings: &Settings) -> Vec<Row> {
    let instance = instance(FIB, &Imports::new());
    let ours = function(&instance, "fib_yield");
    let runtime = peers::runtime();
    let workload = Workload {
        name: "fib_yield".into(),
        subjects: vec![
            subject("ours", |n| repeat(n, || ours([black_box(20)]))),
            subject("out-of-line futures", |n| {
                repeat(n, || {
                    drive(black_box(pin!(Twenty::fib::<true>(black_box(20)))))
                })
            }),
            subject("boxed futures", |n| {
                repeat(n, || drive(fib_boxed::<true>(black_box(20)).as_mut()))
            }),
            subject("tokio task", |n| {
                repeat(n, || peers::fib_in_task(&runtime, black_box(20)))
            }),
            subject("coroutine (corosensei)", |n| {
                repeat(n, || peers::fib_coroutine(black_box(20)))
            }),
        ],
        units_per_amount: CALLS_20,
    };
    measure(settings, workload)
}
