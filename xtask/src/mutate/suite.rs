//! The test programs in the order in which bugs meet them, from the cheapest to the dearest, and what they say.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Instant;

use anyhow::{Context, Result};

use super::build::Program;
use super::switch::VARIABLE;
use super::{Mutation, Outcome};
use crate::aarch64::Toolchain;

/// Crates whose tests are, in part, tests of another one: that one first.
const TESTED_BY: &[(&str, &str)] = &[
    ("ir", "enjamb-interp"),
    ("abi", "enjamb-continuation"),
    ("continuation", "enjamb-async"),
    ("lower", "enjamb-lower-x64"),
];
/// What the tests of the crates that make code for AArch64 need to run that code.
const EMULATED: [&str; 2] = ["crates/aarch64/", "crates/lower-aarch64/"];
/// A program may take this many times what it takes without a bug, and some seconds.
const SLOWER: u64 = 5;
const SECONDS: u64 = 20;
/// With one test at a time it may take this many times as long as with as many as it likes.
const ONE_AT_A_TIME: u64 = 4;
/// The most seconds without a bug.
const UNTOUCHED: u64 = 3600;
/// What is said of a program that had to be ended.
const TIME: &str = "time";
/// The most bytes of memory that a program may write to.
const MEMORY: u64 = 8 << 30;

/// How programs run.
#[derive(Clone, Copy)]
pub struct Suite<'a> {
    toolchain: Option<&'a Toolchain>,
    seconds: &'a BTreeMap<String, u64>,
}

impl<'a> Suite<'a> {
    /// With the emulator, for what is built for it, and the seconds that programs take without a bug, by label.
    pub fn new(toolchain: Option<&'a Toolchain>, seconds: &'a BTreeMap<String, u64>) -> Suite<'a> {
        Suite { toolchain, seconds }
    }

    /// Runs programs with a bug until one fails.
    pub fn run(&self, programs: &[Program], bug: &Mutation, is_switched: bool) -> Result<Outcome> {
        let switch = is_switched.then_some(bug);
        for program in self.ordered(programs, bug) {
            let limit = self.seconds(program).unwrap_or(UNTOUCHED) * SLOWER + SECONDS;
            if let Some(test) = self.failing(program, switch, limit)? {
                return Ok(Outcome::Caught(test));
            }
        }
        Ok(Outcome::Survived)
    }

    /// Runs a program without a bug and returns its seconds, or the test that fails.
    pub fn untouched(&self, program: &Program) -> Result<std::result::Result<u64, String>> {
        let start = Instant::now();
        let failing = self.failing(program, None, UNTOUCHED)?;
        Ok(failing.map_or_else(|| Ok(start.elapsed().as_secs() + 1), Err))
    }

    fn seconds(&self, program: &Program) -> Option<u64> {
        self.seconds.get(&program.label).copied()
    }

    /// The programs that a bug meets: those of its crate, then the golden files, the runtime, what else
    /// compares engines, all others; of each the quickest first.
    fn ordered<'p>(&self, programs: &'p [Program], bug: &Mutation) -> Vec<&'p Program> {
        let meets = |program: &&Program| !program.is_emulated || is_emulated(bug);
        let mut met: Vec<&Program> = programs.iter().filter(meets).collect();
        met.sort_by_key(|program| (rank(program, bug), self.seconds(program)));
        met
    }

    /// Runs a program; returns the first of its tests that fails.
    fn failing(
        &self,
        program: &Program,
        bug: Option<&Mutation>,
        limit: u64,
    ) -> Result<Option<String>> {
        let mut command = match self.toolchain.filter(|_| program.is_emulated) {
            Some(toolchain) => toolchain.emulated(&program.path),
            None => Command::new(&program.path),
        };
        command.current_dir(&program.folder);
        match bug {
            Some(bug) => command.env(VARIABLE, bug.hash().to_string()),
            None => command.env_remove(VARIABLE),
        };
        let failing = failing(&mut command, limit)?;
        Ok(failing.map(|test| format!("{} {test}", program.label)))
    }
}

/// Runs the program of a command; returns the first of its tests that fails, or how it ended.
fn failing(command: &mut Command, limit: u64) -> Result<Option<String>> {
    let (first, output) = timed(command, limit)?;
    if first.success() {
        return Ok(None);
    }
    if let Some(test) = output.lines().find_map(failed) {
        return Ok(Some(test.to_owned()));
    }
    // What has ended all of it says no name. With one test at a time it is the last that has begun.
    let (again, output) = timed(
        command.arg("--test-threads=1"),
        limit.saturating_mul(ONE_AT_A_TIME),
    )?;
    if let Some(test) = output.lines().find_map(failed) {
        return Ok(Some(test.to_owned()));
    }
    // A machine that has other things to do may have been late; a test that hangs does so each time.
    if end(first) == TIME && again.success() {
        return Ok(None);
    }
    let begun = output.lines().rev().find_map(begun).unwrap_or_default();
    let last = if again.success() { first } else { again };
    Ok(Some(format!("{begun}{}", end(last))))
}

/// Whether a bug needs what is emulated.
pub fn is_emulated(mutation: &Mutation) -> bool {
    EMULATED
        .iter()
        .any(|folder| mutation.file.starts_with(folder))
}

fn rank(program: &Program, bug: &Mutation) -> usize {
    let folder = bug.file.split('/').nth(1).unwrap_or_default();
    let package = &*program.package;
    let is_own = package.strip_prefix("enjamb-").unwrap_or(package) == folder;
    match package {
        _ if program.is_emulated => 2,
        _ if is_own || TESTED_BY.contains(&(folder, package)) => 0,
        "enjamb-tests" if program.label.ends_with("/golden") => 1,
        // Its bytes change with any code: it says less than any other test.
        "enjamb-tests" if program.label.ends_with("/determinism") => 6,
        "enjamb-runtime" | "enjamb-engine" => 3,
        "enjamb-tests" => 4,
        _ => 5,
    }
}

/// Runs a program for at most so many seconds, or up to a test that fails. Returns how it ended, and its output.
///
/// A program of its own ends it and all that it has started, even if nobody waits for it any more.
fn timed(program: &Command, seconds: u64) -> Result<(ExitStatus, String)> {
    let mut command = Command::new("timeout");
    command.arg("--kill-after=5").arg(seconds.to_string());
    command.arg("prlimit").arg(format!("--data={MEMORY}"));
    command.arg(program.get_program()).args(program.get_args());
    if let Some(folder) = program.get_current_dir() {
        command.current_dir(folder);
    }
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
        .env_remove("ENJAMB_BLESS")
        .env("RUST_BACKTRACE", "0");
    let (output, ends) = io::pipe().context("cannot make a pipe")?;
    command
        .stdin(Stdio::null())
        .stdout(ends.try_clone()?)
        .stderr(ends);
    let child = command.spawn();
    // It has the ends of the pipe; ours are to be closed.
    drop(command);
    let mut child = child.context("cannot start `timeout` of the GNU core utilities")?;
    let mut text = String::new();
    for line in BufReader::new(output).split(b'\n') {
        let line = line.context("cannot read what a program says")?;
        let line = String::from_utf8_lossy(&line);
        text.push_str(&line);
        text.push('\n');
        if failed(&line).is_some() {
            // `timeout` hands the signal on to all that it has started.
            let _ = Command::new("kill").arg(child.id().to_string()).status();
            break;
        }
    }
    let status = child.wait().context("lost a program")?;
    Ok((status, text))
}

/// The test that has failed by this line.
fn failed(line: &str) -> Option<&str> {
    let test = line.trim_end().strip_prefix("test ")?;
    Some(test.strip_suffix("... FAILED")?.trim())
}

/// The test that has begun by this line and not ended.
fn begun(line: &str) -> Option<String> {
    let test = line.strip_prefix("test ")?.strip_suffix("... ")?;
    Some(format!("{}, ", test.trim()))
}

/// How a program ended that no test has failed in.
fn end(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(9), _) | (_, Some(124 | 137)) => TIME.to_owned(),
        (Some(signal), _) => format!("signal {signal}"),
        (None, code) => format!("status {}", code.unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(package: &str, name: &str, is_emulated: bool) -> Program {
        Program {
            package: package.to_owned(),
            label: name.to_owned(),
            is_emulated,
            path: name.into(),
            folder: "".into(),
        }
    }

    #[test]
    fn lines_say_what_fails_and_what_has_begun() {
        assert_eq!(failed("test c d   ... FAILED"), Some("c d"));
        assert_eq!(failed("test a ... ok"), None);
        assert_eq!(failed("test result: FAILED. 1 passed"), None);
        assert_eq!(begun("test a b   ... ").as_deref(), Some("a b, "));
        assert_eq!(begun("test a b   ... ok"), None);
        let of = |status| end(ExitStatus::from_raw(status));
        assert_eq!(of(11), "signal 11");
        assert_eq!([of(124 << 8), of(9)], ["time", "time"]);
        assert_eq!(of(101 << 8), "status 101");
    }

    #[test]
    fn a_program_that_takes_too_long_is_ended() {
        let start = Instant::now();
        let (status, _) = timed(Command::new("sleep").arg("100"), 1).unwrap();
        assert!(start.elapsed().as_secs() < 50 && end(status) == "time");
        let (status, output) = timed(Command::new("echo").arg("test a ... ok"), 50).unwrap();
        assert!(status.success() && output == "test a ... ok\n");
    }

    /// What is found of a program that does one thing at first and another one with one test at a time.
    fn found(name: &str, first: &str, again: &str) -> Option<String> {
        let name = format!("mutate-suite-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let text = format!("if [ \"$1\" = --test-threads=1 ]; then {again}; else {first}; fi\n");
        std::fs::write(&path, text).unwrap();
        // The shell hands on what stands behind the name of the file.
        let found = failing(Command::new("sh").arg(&path), 1).unwrap();
        std::fs::remove_file(path).unwrap();
        found
    }

    #[test]
    fn only_a_program_that_is_late_each_time_hangs() {
        let hangs = "printf 'test a ... '; sleep 100";
        assert_eq!(found("late", hangs, "echo test a ... ok"), None);
        let crashes = "printf 'test b ... '; kill -11 $$";
        let said = |found: Option<String>| found.unwrap_or_default();
        assert_eq!(said(found("hangs", hangs, hangs)), "a, time");
        assert_eq!(said(found("crashes", crashes, crashes)), "b, signal 11");
        assert_eq!(said(found("once", crashes, "true")), "signal 11");
        assert_eq!(said(found("other", hangs, crashes)), "b, signal 11");
        let fails = "echo test c ... FAILED; sleep 100";
        assert_eq!(said(found("fails", hangs, fails)), "c");
    }

    #[test]
    fn programs_begin_with_those_of_the_crate() {
        let programs = [
            program("enjamb-tests", "tests/places", false),
            program("enjamb-cli", "cli/run", false),
            program("enjamb-tests", "emulated tests/golden", true),
            program("enjamb-runtime", "runtime/lib", false),
            program("enjamb-lower-x64", "lower-x64/slow", false),
            program("enjamb-lower-x64", "lower-x64/quick", false),
            program("enjamb-tests", "tests/golden", false),
        ];
        let seconds = [("lower-x64/slow", 5), ("lower-x64/quick", 1)];
        let seconds = seconds.map(|(label, seconds)| (label.to_owned(), seconds));
        let seconds = BTreeMap::from(seconds);
        let suite = Suite::new(None, &seconds);
        let order = |file| {
            let bug = Mutation {
                name: "a/b",
                file,
                text: "1",
                replacement: "2",
                what: "w",
            };
            let programs = suite.ordered(&programs, &bug).into_iter();
            programs.map(|program| &*program.label).collect::<Vec<_>>()
        };
        assert_eq!(
            order("crates/lower/src/call.rs"),
            [
                "lower-x64/quick",
                "lower-x64/slow",
                "tests/golden",
                "runtime/lib",
                "tests/places",
                "cli/run"
            ]
        );
        let emulated = order("crates/lower-aarch64/src/lib.rs");
        assert_eq!(emulated[..2], ["tests/golden", "emulated tests/golden"]);
        assert_eq!(order("crates/cli/src/run.rs")[0], "cli/run");
    }
}
