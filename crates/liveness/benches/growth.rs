//! How time grows with the size of a function: one table per shape, with the fitted exponent.
//!
//! `cargo bench -p enjamb-liveness`, optionally with the largest number of blocks as argument.

#[path = "../tests/support/mod.rs"]
mod support;

use enjamb_ir::Function;
use enjamb_liveness::{ControlFlow, DominatorTree, Liveness, LoopNest, Stats};
use std::time::Instant;
use support::shapes;

const SMALLEST: usize = 3_125;
const LARGEST: usize = 100_000;

fn main() {
    // Cargo passes `--bench`.
    let largest = std::env::args().find_map(|argument| argument.parse().ok());
    let largest: usize = largest.unwrap_or(LARGEST);
    for (name, make) in shapes::SHAPES {
        println!("{name}");
        println!(
            "    blocks   values  flow ms  live ms query ms  ns/item B/item      steps       runs"
        );
        let mut points = Vec::new();
        let mut blocks = SMALLEST.min(largest);
        while blocks <= largest {
            points.push(measure(&make(blocks)));
            blocks *= 2;
        }
        println!(
            "  time grows with the size to the power of {:.2}\n",
            exponent(&points)
        );
    }
}

/// Prints a line; returns size and seconds.
fn measure(function: &Function) -> (f64, f64) {
    let mut best: Option<([f64; 3], Stats)> = None;
    for _ in 0..3 {
        let start = Instant::now();
        let flow = ControlFlow::new(function);
        let dominators = DominatorTree::new(function, &flow);
        let loops = LoopNest::new(&flow, &dominators);
        let graph = start.elapsed().as_secs_f64();
        let liveness = Liveness::new(function, &flow, &dominators, &loops);
        let analysis = start.elapsed().as_secs_f64() - graph;
        std::hint::black_box(shapes::values_across_calls(function, &liveness));
        let queries = start.elapsed().as_secs_f64() - graph - analysis;
        let times = [graph, analysis, queries];
        let total: f64 = times.iter().sum();
        if best.is_none_or(|(least, _)| total < least.iter().sum()) {
            best = Some((times, liveness.stats()));
        }
    }
    let Some((times, stats)) = best else {
        return (0.0, 0.0);
    };
    let items = (function.values.len() + function.order.len()) as f64;
    let total: f64 = times.iter().sum();
    println!(
        "{:10} {:8} {:8.2} {:8.2} {:8.2} {:8.1} {:6.1} {:10} {:10}",
        function.order.len(),
        function.values.len(),
        times[0] * 1e3,
        times[1] * 1e3,
        times[2] * 1e3,
        total * 1e9 / items,
        stats.bytes as f64 / items,
        stats.steps,
        stats.runs,
    );
    (function.order.len() as f64, total)
}

/// The slope of the least-squares line through the logarithms.
fn exponent(points: &[(f64, f64)]) -> f64 {
    let logarithms = points.iter().map(|(size, time)| (size.ln(), time.ln()));
    let logarithms: Vec<(f64, f64)> = logarithms.collect();
    let count = logarithms.len() as f64;
    let mean_x = logarithms.iter().map(|point| point.0).sum::<f64>() / count;
    let mean_y = logarithms.iter().map(|point| point.1).sum::<f64>() / count;
    let covariance: f64 = logarithms
        .iter()
        .map(|(x, y)| (x - mean_x) * (y - mean_y))
        .sum();
    let variance: f64 = logarithms.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    covariance / variance
}
