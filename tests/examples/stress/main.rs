//! Calls of a few instances on many threads, for as long as one likes: what `cargo xtask stress` starts. It closes with
//! a line of figures, and its exit status says whether all counts were right. Without options it runs for a moment.

mod load;

use clap::Parser;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Runs calls on many threads and counts.
#[derive(Parser)]
struct Arguments {
    /// Threads of the executor
    #[arg(long, default_value_t = 4)]
    threads: usize,
    /// Seconds after which no other call begins
    #[arg(long, default_value_t = 0)]
    seconds: u64,
    /// Run on until instances were handed over that often
    #[arg(long, default_value_t = 1000)]
    hand_overs: u64,
    /// Where the random numbers begin
    #[arg(long)]
    seed: Option<u64>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let seed = arguments
        .seed
        .unwrap_or_else(|| now.map_or(1, |now| now.as_micros() as u64));
    let figures = load::run(load::Settings {
        threads: arguments.threads,
        time: Duration::from_secs(arguments.seconds),
        hand_overs: arguments.hand_overs,
        seed,
    });
    for problem in &figures.problems {
        println!("wrong: {problem}");
    }
    println!("{figures} seed={seed}");
    match figures.problems.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
