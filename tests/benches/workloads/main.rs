//! The workloads beside their Rust peers, in one process and run.
//!
//! `cargo xtask bench [FILTER] [--json PATH]`, or `cargo bench -p enjamb-tests --bench workloads --
//! [FILTER] [--json PATH]`. A run of all workloads writes `docs/performance.md` and
//! `docs/performance.svg` too.

// Futures thirty levels deep have types thirty levels deep.
#![recursion_limit = "512"]

mod clock;
mod compile;
mod cost_model;
mod fuel;
mod futures;
mod host_call;
mod machine;
mod many_tasks;
mod measure;
mod peers;
mod plot;
mod programs;
mod report;
mod rounds;
mod throw;
mod waiting;

use clap::Parser;
use measure::{Row, Settings};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Measures the workloads beside their Rust peers.
#[derive(Parser)]
struct Arguments {
    /// Only workloads whose name contains this
    filter: Option<String>,
    /// Where to write the rows
    #[arg(long, value_name = "PATH")]
    json: Option<PathBuf>,
    /// Samples of each figure
    #[arg(long, default_value_t = 11)]
    samples: usize,
    /// Also runs the workloads of 10,000,000 tasks, as far as the machine's memory allows
    #[arg(long)]
    large: bool,
    /// Runs one case of `many_tasks` in this process and prints its figures
    #[arg(long, hide = true, value_name = "CASE", num_args = 3)]
    tasks: Option<Vec<String>>,
    /// Counts instructions of `cost_model` in this process, under callgrind
    #[arg(long = "count-cost-model", hide = true)]
    count: bool,
    /// Passed by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match &arguments.tasks {
        Some(case) => many_tasks::child(case),
        None if arguments.count => cost_model::child(),
        None => run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let settings = Settings {
        filter: arguments.filter.clone().unwrap_or_default(),
        samples: arguments.samples.max(3),
        large: arguments.large,
    };
    let mut rows: Vec<Row> = rounds::run(&settings)?;
    rows.extend(throw::run(&settings));
    rows.extend(fuel::run(&settings));
    rows.extend(host_call::run(&settings));
    rows.extend(waiting::run(&settings)?);
    rows.extend(many_tasks::run(&settings)?);
    rows.extend(compile::run(&settings)?);
    let cost_model = cost_model::run(&settings)?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = root.join("docs/performance.md");
    let old = std::fs::read_to_string(&page).unwrap_or_default();
    if let (Some(tables), false) = (&cost_model, settings.filter.is_empty()) {
        let new = cost_model::with_tables(&old, tables);
        std::fs::write(&page, new.ok_or("docs/performance.md has no cost model")?)?;
    }
    if rows.is_empty() {
        return match cost_model {
            Some(_) => Ok(()),
            None => Err(format!("no workload has `{}` in its name", settings.filter).into()),
        };
    }
    let results = root.join("target/bench");
    let json = arguments
        .json
        .clone()
        .unwrap_or_else(|| results.join("results.json"));
    report::write_json(&json, &rows)?;
    if settings.filter.is_empty() {
        let growth = std::fs::read_to_string(results.join("growth.json")).ok();
        let cost_model = cost_model::section(cost_model.as_deref());
        let new = report::markdown(&rows, growth.as_deref(), &cost_model, &old)?;
        std::fs::write(page, new)?;
        plot::write(&root.join("docs/performance.svg"), &rows)?;
    }
    Ok(())
}
