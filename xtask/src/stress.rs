//! `cargo xtask stress`: calls of a few instances, polled, woken, handed over and dropped by many threads.
//!
//! The work is done by the example `stress` of the tests, built with optimisations. It closes with a line of figures
//! and says with its exit status whether the counts were right.

use anyhow::Result;

use crate::process::{Workspace, succeeds};

/// What to run.
#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    /// Threads of the executor
    #[arg(long, default_value_t = 8)]
    threads: usize,
    /// Seconds after which no other call begins
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Run on until instances were handed over that often too
    #[arg(long, default_value_t = 1_000_000)]
    hand_overs: u64,
    /// Where the random numbers begin; drawn from the clock if there is none
    #[arg(long)]
    seed: Option<u64>,
}

/// Runs it; true if all counts were right.
pub fn run(workspace: &Workspace, settings: &Settings) -> Result<bool> {
    let mut command = workspace.cargo(&["run", "--quiet", "--release", "-p", "enjamb-tests"]);
    command
        .args(["--example", "stress", "--"])
        .arg(format!("--threads={}", settings.threads))
        .arg(format!("--seconds={}", settings.seconds))
        .arg(format!("--hand-overs={}", settings.hand_overs));
    if let Some(seed) = settings.seed {
        command.arg(format!("--seed={seed}"));
    }
    succeeds(&mut command)
}
