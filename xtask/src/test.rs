//! `cargo xtask test`: every test there is, and one line of counts over all harnesses.
//!
//! Every harness, libtest and libtest-mimic alike, closes with a `test result:` line; these are added up. A
//! test that finds a tool missing on this machine passes as far as its harness can tell, and appends a line
//! `NAME: WHAT IS MISSING; get it with: COMMAND` to the file that `ENJAMB_SKIP_LOG` names: such a line moves
//! one test from passed to skipped.
//!
//! What harnesses say of failed tests is said once more at the end, where it is found among thousands of lines.

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result};

use crate::aarch64::{Emulation, Target, Toolchain};
use crate::process::{Workspace, succeeds};
use crate::setup_aarch64::toolchain;
use crate::step::Counts;

/// The name of a processor that has ARMv8.0 and nothing newer.
const PLAIN_CORE: &str = "cortex-a53";

/// The lines about one failed test program that are said once more.
const LINES_AT_THE_END: usize = 60;

/// Files that a run begins anew.
struct Logs {
    /// What could not run, by the tests themselves.
    skips: PathBuf,
    /// What harnesses have said of failed tests.
    failures: PathBuf,
}

impl Logs {
    fn begin(folder: &Path) -> Result<Logs> {
        let file = |name| {
            let path = folder.join(name);
            let begun = fs::write(&path, "");
            begun.with_context(|| format!("cannot write {}", path.display()))?;
            anyhow::Ok(path)
        };
        Ok(Logs {
            skips: file("skipped-tests.log")?,
            failures: file("failed-tests.log")?,
        })
    }
}

/// Runs everything on this machine and for AArch64, or on the target of the options alone. With `require_all`
/// a skipped test counts as failed.
pub fn run(workspace: &Workspace, emulation: &Emulation, require_all: bool) -> Result<Counts> {
    let logs = Logs::begin(workspace.metadata.target_directory.as_std_path())?;
    let everything = |toolchain: &Toolchain| {
        everything_emulated(workspace, toolchain, emulation.cpu.as_deref(), &logs)
    };
    let mut counts = match emulation.target {
        None => {
            let mut counts = native(workspace, &logs)?;
            counts.add(emulated(workspace, |toolchain| {
                let mut counts = everything(toolchain)?;
                counts.add(golden_files_on_a_plain_core(workspace, toolchain, &logs)?);
                Ok(counts)
            })?);
            counts
        }
        Some(Target::Aarch64) => {
            let counts = emulated(workspace, everything)?;
            // A run that was asked for and ran nothing has failed.
            if counts.passed == 0 {
                counts.require_all()
            } else {
                counts
            }
        }
    };
    print!("{}", read(&logs.failures)?);
    for line in read(&logs.skips)?.lines() {
        println!("could not run: {line}");
        counts.passed = counts.passed.saturating_sub(1);
        counts.skipped += 1;
    }
    Ok(if require_all {
        counts.require_all()
    } else {
        counts
    })
}

/// Runs every test and example as a program of this machine.
fn native(workspace: &Workspace, logs: &Logs) -> Result<Counts> {
    let mut tests = workspace.cargo(&["test", "--workspace", "--no-fail-fast"]);
    let mut counts = harnesses(&mut tests, logs)?;
    counts.add(examples(workspace, || workspace.cargo(&["run"]))?);
    Ok(counts)
}

/// Runs a part that is for AArch64 programs under the emulator; where that cannot be had, says why and counts
/// one check as skipped.
fn emulated(
    workspace: &Workspace,
    run: impl FnOnce(&Toolchain) -> Result<Counts>,
) -> Result<Counts> {
    let toolchain = match toolchain(workspace) {
        Ok(toolchain) => toolchain,
        Err(reason) => {
            println!("AArch64: not run ({reason:#})");
            return Ok(Counts {
                skipped: 1,
                ..Counts::default()
            });
        }
    };
    println!("AArch64: {}", toolchain.version);
    let start = Instant::now();
    let counts = run(&toolchain)?;
    println!("AArch64: {counts} ({:.1} s)", start.elapsed().as_secs_f64());
    Ok(counts)
}

/// Runs the tests and examples as AArch64 programs.
///
/// Two parts belong to the host alone: this crate, whose tests call cargo, and the documentation examples.
fn everything_emulated(
    workspace: &Workspace,
    toolchain: &Toolchain,
    cpu: Option<&str>,
    logs: &Logs,
) -> Result<Counts> {
    println!("AArch64: processor {}", cpu.unwrap_or("with everything"));
    let mut tests = toolchain.cargo(workspace, "test", cpu);
    tests.args([
        "--workspace",
        "--exclude",
        "xtask",
        "--tests",
        "--no-fail-fast",
    ]);
    let mut counts = harnesses(&mut tests, logs)?;
    counts.add(examples(workspace, || {
        toolchain.cargo(workspace, "run", cpu)
    })?);
    Ok(counts)
}

/// Runs the golden files once more on a processor that has ARMv8.0 and nothing newer: code that is emitted
/// without being asked for more than that runs there.
fn golden_files_on_a_plain_core(
    workspace: &Workspace,
    toolchain: &Toolchain,
    logs: &Logs,
) -> Result<Counts> {
    println!("AArch64: golden files, processor {PLAIN_CORE}");
    let mut tests = toolchain.cargo(workspace, "test", Some(PLAIN_CORE));
    tests.args(["-p", "enjamb-tests", "--test", "golden"]);
    harnesses(&mut tests, logs)
}

fn read(log: &Path) -> Result<String> {
    fs::read_to_string(log).with_context(|| format!("cannot read {}", log.display()))
}

/// Runs `cargo test`, passes its output on, adds up its closing lines and keeps what is said of failures.
fn harnesses(command: &mut Command, logs: &Logs) -> Result<Counts> {
    let mut child = command
        .env("ENJAMB_SKIP_LOG", &logs.skips)
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start `cargo test`")?;
    let output = child.stdout.take().context("`cargo test` has no output")?;
    let mut counts = Counts::default();
    // A harness that a signal ended has no closing line: those that began and did not close have failed.
    let mut unfinished = 0_u64;
    let mut failures = Failures::default();
    for line in BufReader::new(output).split(b'\n') {
        let line = line.context("cannot read the output of `cargo test`")?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        failures.read(&line);
        if is_opening_line(&line) {
            unfinished += 1;
        } else if let Some(closed) = closing_line(&line) {
            counts.add(closed);
            unfinished = unfinished.saturating_sub(1);
        }
    }
    if unfinished > 0 {
        failures.note(format!(
            "{unfinished} test programs ended before they were done"
        ));
        counts.failed += unfinished;
    }
    if !child.wait().context("lost `cargo test`")?.success() && counts.failed == 0 {
        failures.note(
            "`cargo test` failed without a failing test: something did not compile or did not finish"
                .to_owned(),
        );
        counts.failed = 1;
    }
    let mut log = OpenOptions::new().append(true).open(&logs.failures)?;
    failures
        .lines
        .iter()
        .try_for_each(|line| writeln!(log, "{line}"))?;
    Ok(counts)
}

/// What harnesses say between `failures:` and their closing line: first why, then the names; a screen of each.
#[derive(Default)]
struct Failures {
    lines: Vec<String>,
    /// How many lines of this harness are still kept; `None` while it speaks of something else.
    left: Option<usize>,
}

impl Failures {
    fn read(&mut self, line: &str) {
        self.left = match self.left {
            _ if line == "failures:" => Some(LINES_AT_THE_END),
            Some(_) if closing_line(line).is_some() => None,
            Some(left) => {
                if left > 0 {
                    self.lines.push(line.to_owned());
                }
                Some(left.saturating_sub(1))
            }
            None => None,
        };
    }

    /// Says something of our own.
    fn note(&mut self, line: String) {
        println!("{line}");
        self.lines.push(line);
    }
}

/// Whether a harness begins: `running 3 tests`.
fn is_opening_line(line: &str) -> bool {
    let number = line
        .strip_prefix("running ")
        .and_then(|rest| rest.split_once(" test"));
    number.is_some_and(|(number, rest)| number.parse::<u64>().is_ok() && matches!(rest, "" | "s"))
}

/// Reads `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
fn closing_line(line: &str) -> Option<Counts> {
    let (_, numbers) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let mut counts = Counts::default();
    for part in numbers.split("; ") {
        let (number, what) = part.trim().split_once(' ')?;
        match what {
            "passed" => counts.passed = number.parse().ok()?,
            "failed" => counts.failed = number.parse().ok()?,
            "ignored" => counts.skipped = number.parse().ok()?,
            _ => break,
        }
    }
    Some(counts)
}

/// Runs each Rust example of a library with `cargo run` of the given kind; one that exits with an error has
/// failed.
fn examples(workspace: &Workspace, cargo_run: impl Fn() -> Command) -> Result<Counts> {
    let mut counts = Counts::default();
    for package in workspace.metadata.workspace_packages() {
        for target in package.targets.iter().filter(|target| target.is_example()) {
            println!("example {} of {}", target.name, package.name);
            let which = [
                "--quiet",
                "-p",
                package.name.as_str(),
                "--example",
                &target.name,
            ];
            if succeeds(cargo_run().args(which))? {
                counts.passed += 1;
            } else {
                println!("example {} of {} FAILED", target.name, package.name);
                counts.failed += 1;
            }
        }
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLOSED: &str = "test result: FAILED. 31 passed; 2 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.1s";

    #[test]
    fn closing_lines_are_read() {
        assert_eq!(
            closing_line(CLOSED),
            Some(Counts {
                passed: 31,
                failed: 2,
                skipped: 1
            })
        );
        assert_eq!(closing_line("test run::adds ... ok"), None);
        assert_eq!(closing_line("test result: ok. many passed"), None);
    }

    #[test]
    fn a_test_program_that_dies_has_failed() {
        let folder = std::env::temp_dir().join(format!("enjamb-logs-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let logs = Logs::begin(&folder).unwrap();
        let of = |script: &str| harnesses(Command::new("sh").args(["-c", script]), &logs).unwrap();
        let closed =
            "echo 'running 1 test'; echo 'test result: FAILED. 0 passed; 1 failed; 0 ignored';";
        assert_eq!(
            of(&format!("{closed} echo 'running 2 tests'; exit 1")).failed,
            2
        );
        assert_eq!(of(&format!("{closed} exit 1")).failed, 1);
        assert_eq!(of("echo 'running away'; exit 1").failed, 1);
        let said = read(&logs.failures).unwrap();
        assert!(said.contains("1 test programs ended"), "{said}");
        assert!(said.contains("without a failing test"), "{said}");
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn what_is_said_of_failures_is_kept() {
        let mut failures = Failures::default();
        let long = "why\n".repeat(LINES_AT_THE_END + 9);
        let text = format!(
            "test a ... FAILED\nfailures:\n{long}failures:\n    a\n\n{CLOSED}\nelse\nfailures:\nb"
        );
        text.lines().for_each(|line| failures.read(line));
        assert_eq!(failures.lines.len(), LINES_AT_THE_END + 3);
        assert_eq!(failures.lines[LINES_AT_THE_END..], ["    a", "", "b"]);
    }
}
