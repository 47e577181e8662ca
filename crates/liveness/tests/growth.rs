//! Costs grow almost linearly, counted in steps and not in time.

mod support;

use enjamb_liveness::Liveness;
use support::shapes::SHAPES;

/// For a function eight times as large, an n log n analysis takes up to about ten times the steps
/// and a quadratic one 64 times.
const GROWTH: usize = 8;
const ALLOWED: f64 = 11.0;

#[test]
fn steps_and_bytes_grow_with_the_function() {
    for (name, make) in SHAPES {
        let cost = |blocks: usize| {
            let stats = Liveness::of(&make(blocks)).stats();
            (stats.steps as f64, stats.bytes as f64)
        };
        let (small, large) = (cost(500), cost(500 * GROWTH));
        let steps = large.0 / small.0;
        let bytes = large.1 / small.1;
        assert!(
            steps <= ALLOWED,
            "{name}: {GROWTH} times the blocks, {steps:.1} times the steps"
        );
        assert!(
            bytes <= ALLOWED,
            "{name}: {GROWTH} times the blocks, {bytes:.1} times the bytes"
        );
    }
}

#[test]
fn values_that_live_throughout_take_few_runs_each() {
    for (name, make) in SHAPES {
        let function = make(2000);
        let runs = Liveness::of(&function).stats().runs;
        let bound = 2 * (function.values.len() + function.order.len()) as u64;
        assert!(runs <= bound, "{name}: {runs} runs, {bound} allowed");
    }
}
