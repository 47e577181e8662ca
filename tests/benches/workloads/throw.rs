//! `throw_chain`: exceptions that leave frames, on the stack and suspended, beside Rust's ways.

use crate::futures::{drive, leaf};
use crate::measure::{Row, Settings, Workload, measure, subject};
use crate::programs::{THROW_CHAIN, function, instance};
use enjamb::Imports;
use std::hint::black_box;
use std::panic::{catch_unwind, resume_unwind};
use std::pin::Pin;

/// All of them that are selected.
pub fn run(settings: &Settings) -> Vec<Row> {
    let mut rows = Vec::new();
    for depth in [1, 10, 100, 1000] {
        rows.extend(on_the_stack(settings, depth));
    }
    rows.extend(suspended(settings, 1000));
    rows
}

fn on_the_stack(settings: &Settings, depth: u64) -> Vec<Row> {
    let instance = instance(THROW_CHAIN, &Imports::new());
    let ours = function(&instance, "stack");
    let workload = Workload {
        name: format!("throw_chain/{depth}"),
        subjects: vec![
            subject("ours", |n| ours([depth, n])),
            subject("panic and catch_unwind", |n| {
                count(n, || {
                    let payload = catch_unwind(|| panicking(black_box(depth))).unwrap_err();
                    *payload.downcast::<u64>().expect("what was thrown")
                })
            }),
            subject("Result", |n| {
                count(n, || failing(black_box(depth)).unwrap_err())
            }),
        ],
        units_per_amount: 1.0,
    };
    measure(settings, workload)
}

fn suspended(settings: &Settings, depth: u64) -> Vec<Row> {
    let instance = instance(THROW_CHAIN, &Imports::new());
    let (throwing, handling) = (
        function(&instance, "sleepers"),
        function(&instance, "guards"),
    );
    let workload = Workload {
        name: format!("throw_chain/suspended/{depth}"),
        subjects: vec![
            subject("ours", |n| throwing([depth, n, 1])),
            subject("ours, returning", |n| throwing([depth, n, 0])),
            subject("ours, a handler in each frame", |n| handling([depth, n])),
            subject("boxed futures of Result", |n| {
                count(n, || drive_result(asleep(black_box(depth))))
            }),
        ],
        units_per_amount: 1.0,
    };
    measure(settings, workload)
}

fn count(times: u64, mut run: impl FnMut() -> u64) -> u64 {
    (0..times).map(|_| run()).sum()
}

#[inline(never)]
fn panicking(depth: u64) -> u64 {
    if depth == 0 {
        // Without the message that the hook would print.
        resume_unwind(Box::new(1_u64));
    }
    black_box(panicking(depth - 1)).wrapping_add(depth)
}

#[inline(never)]
fn failing(depth: u64) -> Result<u64, u64> {
    if depth == 0 {
        return black_box(Err(1));
    }
    Ok(black_box(failing(depth - 1))?.wrapping_add(depth))
}

type Boxed = Pin<Box<dyn Future<Output = Result<u64, u64>> + Send>>;

fn asleep(depth: u64) -> Boxed {
    Box::pin(async move {
        if depth == 0 {
            leaf().await;
            return black_box(Err(1));
        }
        Ok(asleep(depth - 1).await?.wrapping_add(depth))
    })
}

fn drive_result(future: Boxed) -> u64 {
    let mut result = std::pin::pin!(async move { future.await.unwrap_or_else(|thrown| thrown) });
    drive(result.as_mut())
}
