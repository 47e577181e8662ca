//! Random programs in all engines, for as long as one likes, and what is found made small: what
//! `cargo xtask fuzz` and `cargo xtask reduce` start. Without a command it says how it is used, since a test run
//! starts every example, emulated ones included.
//!
//! A *pair* is a program and a schedule under which all engines ran it and did what the interpreter does on the
//! source; it is one pair, however many targets it runs on. The schedules of a program decide differently about the
//! calls of leaves that it makes if all of them suspend, except that the natural one may decide like another one
//! (`enjamb_tests::schedules::distinct`). Under a pair run: the interpreter on the source and after all passes; machine
//! code of both register allocators, counting or not, with and without reuse of continuations, with functions that can
//! be replaced and writes that are told; code of both poisoned; some on other threads, some with functions replaced
//! between turns, and where there are objects all with everything moving at every safepoint. The interpreter after each
//! single pass and after the required ones runs under every fourth schedule, under an emulator under every 64th, and
//! wherever something differs, so that the first stage is named. A program counts if there is one pair of it at least:
//! the rest takes too long.
//!
//! Compared are results, calls of the host, memories, globals, tables, fuel, the context word, the tasks that are left
//! and where they stand, the objects that are left and what they hold; that nothing is left of tasks that are gone; and
//! how often what suspends where engines count. Machine code that has waited for the host, which the interpreter never
//! does, is not asked for tasks and counts. One program in eight is called twice in the same instance.
//!
//! Programs run in processes of their own, so that one that ends its process is a finding like others.

mod finding;
mod plant;
mod run;
mod shrink;
mod watch;
mod worker;

use clap::{CommandFactory, Parser, Subcommand};
use plant::Plant;
use std::path::PathBuf;
use std::process::ExitCode;

/// Compares engines on random programs.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Adds an engine that is wrong, to see that it is found
    #[arg(long, global = true, hide = true, value_enum)]
    plant: Option<Plant>,
}

#[derive(Subcommand)]
enum Command {
    /// Runs random programs
    Run(run::Settings),
    /// Makes a golden file that fails small
    Reduce {
        /// The file; the result goes into it
        file: PathBuf,
    },
    /// Runs a share of the programs in this process and reports line by line
    #[command(hide = true)]
    Worker(worker::Share),
    /// Runs one file in this process and says before each run what comes
    #[command(hide = true)]
    Check { file: PathBuf },
}

fn main() -> ExitCode {
    let Arguments { command, plant } = Arguments::parse();
    let Some(command) = command else {
        println!("{}", Arguments::command().render_help());
        return ExitCode::SUCCESS;
    };
    let done = match command {
        Command::Run(settings) => run::run(&settings, plant),
        Command::Reduce { file } => shrink::run(&file, plant),
        Command::Worker(share) => worker::run(&share, plant),
        Command::Check { file } => worker::check(&file, plant),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
