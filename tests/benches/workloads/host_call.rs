//! `host_call`: async functions of the host that compiled code calls, and compiled code that the host
//! awaits, beside the same work in tokio.

use crate::futures::Boxed;
use crate::measure::{Row, Settings, Workload, measure, subject};
use crate::peers::runtime;
use crate::programs::{HOST_CALL, instance};
use enjamb::{Imports, TypedFunc};
use std::hint::black_box;
use tokio::task::yield_now;

/// All of them that are selected.
pub fn run(settings: &Settings) -> Vec<Row> {
    let mut rows = ready(settings);
    rows.extend(pending(settings));
    rows.extend(awaited(settings));
    rows
}

type Function = TypedFunc<(u64,), u64>;

/// A function of the program, with a host function that is ready or suspends once.
fn ours(name: &str, suspends: bool) -> Function {
    let mut imports = Imports::new();
    imports.async_func("host", "next", move |number: u64| next(number, suspends));
    let function = instance(HOST_CALL, &imports).func(name);
    function.expect("the program has the function")
}

async fn next(number: u64, suspends: bool) -> u64 {
    if suspends {
        yield_now().await;
    }
    number.wrapping_add(1)
}

/// The peer: what is called is not known when it is compiled.
async fn many(times: u64, next: &dyn Fn(u64) -> Boxed) -> u64 {
    let mut number = 0;
    for _ in 0..times {
        number = next(number).await;
    }
    number
}

/// Calls that find their results at once.
fn ready(settings: &Settings) -> Vec<Row> {
    calls(settings, "host_call/ready", false)
}

/// Calls that suspend, and are resumed by the executor.
fn pending(settings: &Settings) -> Vec<Row> {
    calls(settings, "host_call/pending", true)
}

fn calls(settings: &Settings, name: &str, suspends: bool) -> Vec<Row> {
    let (ours, tokio) = (ours("many", suspends), runtime());
    let peer = move |number: u64| -> Boxed { Box::pin(next(number, black_box(suspends))) };
    let workload = Workload {
        name: name.into(),
        subjects: vec![
            subject("ours", |n| {
                let result = tokio.block_on(ours.call_async((n,)));
                result.expect("the program does not trap")
            }),
            subject("boxed futures on tokio", |n| {
                tokio.block_on(many(n, black_box(&peer)))
            }),
        ],
        units_per_amount: 1.0,
    };
    measure(settings, workload)
}

/// Compiled functions, each awaited as a future.
fn awaited(settings: &Settings) -> Vec<Row> {
    let (ours, tokio) = (ours("once", false), runtime());
    let peer = move |number: u64| -> Boxed { Box::pin(next(number, black_box(false))) };
    let workload = Workload {
        name: "host_call/awaited".into(),
        subjects: vec![
            subject("ours", |n| {
                tokio.block_on(async {
                    let mut number = 0;
                    for _ in 0..n {
                        let result = ours.call_async((number,)).await;
                        number = result.expect("the program does not trap");
                    }
                    number
                })
            }),
            subject("boxed futures on tokio", |n| {
                tokio.block_on(many(n, black_box(&peer)))
            }),
        ],
        units_per_amount: 1.0,
    };
    measure(settings, workload)
}
