//! `fuel`: what counting instructions costs, beside the same code without.

use crate::measure::{Row, Settings, Workload, measure, subject};
use crate::programs::{FIB, FUEL, function, instance, instance_on_fuel};
use crate::rounds::repeat;
use enjamb::{Fuel, Imports};
use std::hint::black_box;

/// Calls of fib(20).
const CALLS: f64 = 21_891.0;

/// Fuel that does not run out while this runs.
const BUDGET: Fuel = Fuel::Trap { budget: 1 << 60 };

/// Slices that are used up every few microseconds.
const SLICES: Fuel = Fuel::Suspend {
    slice: 10_000,
    debt: None,
};

/// All of them that are selected.
pub fn run(settings: &Settings) -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, function, fuel) in [
        ("fuel/loop", "count", BUDGET),
        ("fuel/loop/async", "count_async", BUDGET),
        ("fuel/loop/slices", "count_async", SLICES),
    ] {
        rows.extend(in_loop(settings, name, function, fuel));
    }
    for (name, function, fuel) in [
        ("fuel/call", "fib_sync", BUDGET),
        ("fuel/call/async", "fib_async", BUDGET),
        ("fuel/call/slices", "fib_async", SLICES),
    ] {
        rows.extend(in_calls(settings, name, function, fuel));
    }
    rows
}

fn in_loop(settings: &Settings, name: &str, called: &'static str, fuel: Fuel) -> Vec<Row> {
    let counting = function(&instance_on_fuel(FUEL, fuel), called);
    let free = function(&instance(FUEL, &Imports::new()), called);
    let workload = Workload {
        name: name.into(),
        subjects: vec![
            subject("ours", |n| counting([n])),
            subject("ours, without fuel", |n| free([n])),
        ],
        units_per_amount: 1.0,
    };
    measure(settings, workload)
}

fn in_calls(settings: &Settings, name: &str, called: &'static str, fuel: Fuel) -> Vec<Row> {
    let counting = function(&instance_on_fuel(FIB, fuel), called);
    let free = function(&instance(FIB, &Imports::new()), called);
    let workload = Workload {
        name: name.into(),
        subjects: vec![
            subject("ours", |n| repeat(n, || counting([black_box(20)]))),
            subject("ours, without fuel", |n| {
                repeat(n, || free([black_box(20)]))
            }),
        ],
        units_per_amount: CALLS,
    };
    measure(settings, workload)
}
