//! `cargo xtask`: the project's own commands, and the only thing that orchestrates them.
//!
//! One file per command; every external command is data (`std::process::Command`), never shell text. What
//! `tidy` checks also runs as tests of this crate, so plain `cargo test -p xtask` finds the same things.
//!
//! Exit status: 0 when everything that was asked for held, 1 when something failed, 2 for a wrong command line.
#![forbid(unsafe_code)]

mod aarch64;
mod apt;
mod bench;
mod bless;
mod build;
mod ci;
mod deny;
mod emulation;
mod fuzz;
mod loom;
mod mutate;
mod package;
mod page;
mod process;
mod project;
mod run;
mod server;
mod setup_aarch64;
mod step;
mod stress;
mod test;
mod tidy;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::aarch64::Emulation;
use crate::process::Workspace;
use crate::step::Counts;

/// The project's own commands.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build every crate, with its tests, benchmarks and examples
    Build {
        /// Build with optimisations
        #[arg(long)]
        release: bool,
    },
    /// Run every test: units, documentation examples, goldens, and the examples of the library
    Test {
        #[command(flatten)]
        emulation: Emulation,
        /// Count what could not run on this machine as failed
        #[arg(long)]
        require_all: bool,
    },
    /// Rewrite the expectations in golden files and the generated documentation
    Bless,
    /// Run the benchmarks beside their peers and rewrite docs/performance.md
    Bench {
        /// Only the benchmarks whose name contains this, or `server` or `emulation`
        filter: Option<String>,
        /// Also write the figures to this file as JSON
        #[arg(long)]
        json: Option<PathBuf>,
    },
    /// Run random programs in all engines and compare; findings are written among the golden files
    Fuzz {
        #[command(flatten)]
        settings: fuzz::Settings,
    },
    /// Make a golden file that fails small, in place
    Reduce {
        #[command(flatten)]
        emulation: Emulation,
        /// The file
        file: PathBuf,
    },
    /// Plant small bugs one at a time, show which test catches each, and rewrite docs/mutations.md
    Mutate {
        #[command(flatten)]
        settings: mutate::Settings,
    },
    /// Run models of how threads wake, enter and leave instances, in every order
    Loom {
        /// Only the models whose name, module included, begins with this
        filter: Option<String>,
    },
    /// Run calls of a few instances on many threads, and count whether all is right in the end
    Stress {
        #[command(flatten)]
        settings: stress::Settings,
    },
    /// Run a program in the text format: `enjamb run`, built with optimisations
    Run {
        #[command(flatten)]
        emulation: Emulation,
        /// The program, then its arguments and the options of `enjamb run`
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Unpack what builds and runs AArch64 programs on an x86-64 machine into a cache folder; needs no root
    SetupAarch64,
    /// Check what the compiler cannot: layers, documents, headers, sizes
    Tidy {
        /// Only the check of this name
        check: Option<String>,
    },
    /// Everything that has to hold before a change goes in
    Ci {
        /// Only these steps
        #[arg(long, value_parser = clap::builder::PossibleValuesParser::new(ci::step_names()))]
        only: Vec<String>,
        /// Count what could not run on this machine as failed, and build the cargo tools that are missing
        #[arg(long)]
        require_all: bool,
    },
}

fn main() -> ExitCode {
    match execute(Cli::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs one command; the answer says whether everything held.
fn execute(task: Task) -> Result<bool> {
    let workspace = Workspace::find()?;
    match task {
        Task::Build { release } => build::run(&workspace, release),
        Task::Test {
            emulation,
            require_all,
        } => Ok(close(test::run(&workspace, &emulation, require_all)?)),
        Task::Bless => bless::run(&workspace),
        Task::Bench { filter, json } => bench::run(&workspace, filter.as_deref(), json.as_deref()),
        Task::Fuzz { settings } => fuzz::run(&workspace, &settings),
        Task::Reduce { emulation, file } => fuzz::reduce(&workspace, &emulation, &file),
        Task::Mutate { settings } => mutate::run(&workspace, &settings),
        Task::Loom { filter } => loom::run(&workspace, filter.as_deref()),
        Task::Stress { settings } => stress::run(&workspace, &settings),
        Task::Run { emulation, args } => run::run(&workspace, &emulation, &args),
        Task::SetupAarch64 => setup_aarch64::run(&workspace),
        Task::Tidy { check } => tidy::run(&workspace, check.as_deref()),
        Task::Ci { only, require_all } => Ok(close(ci::run(&workspace, &only, require_all))),
    }
}

/// Prints the closing line, which has a line to itself so that any machine can find it.
fn close(counts: Counts) -> bool {
    println!("{counts}");
    counts.failed == 0
}

/// The names of the commands, for the check that documents name only commands that exist.
fn command_names() -> Vec<String> {
    use clap::CommandFactory;
    Cli::command()
        .get_subcommands()
        .map(|command| command.get_name().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::{Cli, Task};
    use crate::aarch64::Target;

    #[test]
    fn options_before_the_file_are_ours_and_those_behind_it_the_commands() {
        let words = "xtask run --target aarch64 --cpu cortex-a53 p.enj -3 --target other --cpu any";
        let Task::Run { emulation, args } = Cli::parse_from(words.split(' ')).command else {
            panic!("another command");
        };
        assert_eq!(emulation.target, Some(Target::Aarch64));
        assert_eq!(emulation.cpu.as_deref(), Some("cortex-a53"));
        assert_eq!(args, ["p.enj", "-3", "--target", "other", "--cpu", "any"]);
    }

    #[test]
    fn what_was_found_on_another_target_is_reduced_there() {
        let words = "xtask reduce --target aarch64 f.enj";
        let Task::Reduce { emulation, file } = Cli::parse_from(words.split(' ')).command else {
            panic!("another command");
        };
        assert_eq!(emulation.target, Some(Target::Aarch64));
        assert_eq!(file.to_str(), Some("f.enj"));
    }

    #[test]
    fn a_processor_belongs_to_a_target() {
        assert!(Cli::try_parse_from(["xtask", "test", "--cpu", "cortex-a53"]).is_err());
        assert!(Cli::try_parse_from(["xtask", "test", "--target", "riscv"]).is_err());
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
        assert!(super::command_names().contains(&"test".to_owned()));
    }
}
