//! `cargo xtask fuzz` and `cargo xtask reduce`: random programs in all engines, and what is found made small.
//!
//! The work is done by the example `fuzz` of the tests, built with optimisations: here, and for AArch64 under the
//! emulator. Each closes with a line of counts, from which ours is made; its head says what counts as a pair.

use std::env;
use std::fmt;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::aarch64::{Emulation, Target};
use crate::process::{Workspace, succeeds};
use crate::setup_aarch64::toolchain;

/// The file that `--log` adds to.
const LOG: &str = "docs/fuzz-log.tsv";

/// What to run.
#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    /// Seconds after which no other run begins
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// The number of the first program; drawn from the clock if there is none
    #[arg(long)]
    seed: Option<u64>,
    /// Processes at a time
    #[arg(long, default_value_t = 1)]
    jobs: u64,
    /// The most programs
    #[arg(long)]
    programs: Option<u64>,
    /// Run this many programs, from the same one on, as AArch64 programs under the emulator too
    #[arg(long, value_name = "N", default_value_t = 0)]
    aarch64: u64,
    /// Add the closing line and the commit to docs/fuzz-log.tsv
    #[arg(long)]
    log: bool,
    /// Say how often programs have had each instruction
    #[arg(long)]
    coverage: bool,
}

/// What the closing line counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    programs: u64,
    pairs: u64,
    aarch64_programs: u64,
    differences: u64,
    seconds: u64,
    seed: u64,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "programs={} pairs={} aarch64_programs={} differences={} seconds={} seed={}",
            self.programs,
            self.pairs,
            self.aarch64_programs,
            self.differences,
            self.seconds,
            self.seed
        )
    }
}

impl Counts {
    /// Reads the closing line of the example.
    fn read(line: &str) -> Option<Counts> {
        let mut counts = Counts::default();
        for word in line.split_whitespace() {
            let (name, number) = word.split_once('=')?;
            let number = number.parse().ok()?;
            match name {
                "programs" => counts.programs = number,
                "pairs" => counts.pairs = number,
                "differences" => counts.differences = number,
                "seconds" => counts.seconds = number,
                "seed" => counts.seed = number,
                _ => return None,
            }
        }
        Some(counts)
    }

    /// Adds a run of the same programs on AArch64, whose pairs have been counted.
    fn add_aarch64(&mut self, other: Counts) {
        self.aarch64_programs += other.programs;
        self.differences += other.differences;
        self.seconds += other.seconds;
    }
}

/// Runs random programs. True if there is no difference.
pub fn run(workspace: &Workspace, settings: &Settings) -> Result<bool> {
    let before = settings.log.then(|| commit(workspace)).transpose()?;
    let limit = settings.programs.unwrap_or(u64::MAX);
    let mut counts = counted(workspace.cargo(&["run"]), settings, limit, settings.seed)?;
    if settings.aarch64 > 0 {
        let command = toolchain(workspace)?.cargo(workspace, "run", None);
        let limit = limit.min(settings.aarch64);
        counts.add_aarch64(counted(command, settings, limit, Some(counts.seed))?);
    }
    println!("{counts}");
    if let Some(before) = before {
        log(workspace, &before, counts)?;
    }
    Ok(counts.differences == 0)
}

/// Five minutes of programs that nobody has run before, as part of `cargo xtask ci`. The seed is printed.
pub fn fresh(workspace: &Workspace) -> Result<bool> {
    let settings = Settings {
        seconds: 300,
        seed: None,
        jobs: 2,
        programs: None,
        aarch64: 0,
        log: false,
        coverage: false,
    };
    run(workspace, &settings)
}

/// Makes a golden file that fails small, in place; one that fails on another target, under its emulator.
pub fn reduce(workspace: &Workspace, emulation: &Emulation, file: &Path) -> Result<bool> {
    let command = match emulation.target {
        None => workspace.cargo(&["run"]),
        Some(Target::Aarch64) => {
            toolchain(workspace)?.cargo(workspace, "run", emulation.cpu.as_deref())
        }
    };
    let folder = env::current_dir().context("no current folder")?;
    succeeds(example(command).arg("reduce").arg(folder.join(file)))
}

/// The example, started by a cargo command.
fn example(mut command: Command) -> Command {
    let which = [
        "--quiet",
        "--profile",
        "fuzz",
        "-p",
        "enjamb-tests",
        "--example",
        "fuzz",
        "--",
    ];
    command.args(which);
    command
}

fn counted(command: Command, settings: &Settings, limit: u64, seed: Option<u64>) -> Result<Counts> {
    let mut command = example(command);
    command.arg("run");
    let mut option = |name: &str, value: u64| {
        command.arg(format!("--{name}={value}"));
    };
    option("seconds", settings.seconds);
    option("jobs", settings.jobs);
    option("programs", limit);
    if let Some(seed) = seed {
        option("seed", seed);
    }
    if settings.coverage {
        command.arg("--coverage");
    }
    let output = command
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start cargo")?;
    let text = String::from_utf8_lossy(&output.stdout);
    match text.lines().last().and_then(Counts::read) {
        Some(counts) => Ok(counts),
        None => bail!("the run did not close with its counts"),
    }
}

/// The commit that the tree is at, and whether it has been changed since, by more than lines of the log.
fn commit(workspace: &Workspace) -> Result<String> {
    let git = |arguments: &[&str]| -> Result<String> {
        let mut command = Command::new("git");
        command.args(arguments).current_dir(workspace.root());
        let output = command.output().context("cannot start git")?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let mut commit = git(&["rev-parse", "--short=12", "HEAD"])?;
    let changes = git(&["status", "--porcelain", "--untracked-files=no"])?;
    if changes.lines().any(|change| !change.ends_with(LOG)) {
        commit.push_str("+changes");
    }
    Ok(commit)
}

/// Adds a line to the log: the commit `before` the run, then what was counted. If the tree is another one by now,
/// nobody knows which of the two ran.
fn log(workspace: &Workspace, before: &str, counts: Counts) -> Result<()> {
    let after = commit(workspace)?;
    if before != after {
        bail!(
            "the tree was changed during the run, from {before} to {after}: it is not in the log"
        );
    }
    let path = workspace.root().join(LOG);
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(&path)
        .with_context(|| format!("cannot open {}", path.display()))?;
    let line = counts.to_string().replace(' ', "\t");
    writeln!(file, "{before}\t{line}").with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::Counts;

    #[test]
    fn the_closing_line_adds_up() {
        let line = "programs=10 pairs=200 differences=1 seconds=9 seed=7";
        let mut counts = Counts::read(line).unwrap();
        let emulated = Counts::read("programs=3 pairs=60 differences=0 seconds=4 seed=7").unwrap();
        counts.add_aarch64(emulated);
        assert_eq!(
            counts.to_string(),
            "programs=10 pairs=200 aarch64_programs=3 differences=1 seconds=13 seed=7"
        );
        assert_eq!(Counts::read("error: no programs"), None);
    }
}
