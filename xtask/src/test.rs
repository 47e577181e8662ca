//! `cargo xtask test`: every test there is, and one line of counts over all harnesses.
//!
//! Every harness, libtest and libtest-mimic alike, closes with a `test result:` line; these are added up. A
//! test that finds a tool missing on this machine passes as far as its harness can tell, and appends a line
//! `NAME: WHAT IS MISSING; get it with: COMMAND` to the file that `ENJAMB_SKIP_LOG` names: such a line moves
//! one test from passed to skipped.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result};

use crate::aarch64::{Emulation, Target, Toolchain};
use crate::process::{Workspace, succeeds};
use crate::setup_aarch64::toolchain;
use crate::step::Counts;

/// The name of a processor that has ARMv8.0 and nothing newer.
const PLAIN_CORE: &str = "cortex-a53";

/// Runs everything on this machine and for AArch64, or on the target of the options alone. With `require_all`
/// a skipped test counts as failed.
pub fn run(workspace: &Workspace, emulation: &Emulation, require_all: bool) -> Result<Counts> {
    let skip_log = workspace
        .metadata
        .target_directory
        .as_std_path()
        .join("skipped-tests.log");
    fs::write(&skip_log, "").with_context(|| format!("cannot write {}", skip_log.display()))?;

    let everything = |toolchain: &Toolchain| {
        everything_emulated(workspace, toolchain, emulation.cpu.as_deref(), &skip_log)
    };
    let mut counts = match emulation.target {
        None => {
            let mut counts = native(workspace, &skip_log)?;
            counts.add(emulated(workspace, |toolchain| {
                let mut counts = everything(toolchain)?;
                counts.add(golden_files_on_a_plain_core(
                    workspace, toolchain, &skip_log,
                )?);
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
    let skips = fs::read_to_string(&skip_log)
        .with_context(|| format!("cannot read {}", skip_log.display()))?;
    for line in skips.lines() {
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
fn native(workspace: &Workspace, skip_log: &Path) -> Result<Counts> {
    let mut tests = workspace.cargo(&["test", "--workspace", "--no-fail-fast"]);
    let mut counts = harnesses(tests.env("ENJAMB_SKIP_LOG", skip_log))?;
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
    skip_log: &Path,
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
    let mut counts = harnesses(tests.env("ENJAMB_SKIP_LOG", skip_log))?;
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
    skip_log: &Path,
) -> Result<Counts> {
    println!("AArch64: golden files, processor {PLAIN_CORE}");
    let mut tests = toolchain.cargo(workspace, "test", Some(PLAIN_CORE));
    tests.args(["-p", "enjamb-tests", "--test", "golden"]);
    harnesses(tests.env("ENJAMB_SKIP_LOG", skip_log))
}

/// Runs `cargo test`, passes its output on and adds up its closing lines.
fn harnesses(command: &mut Command) -> Result<Counts> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start `cargo test`")?;
    let output = child.stdout.take().context("`cargo test` has no output")?;
    let mut counts = Counts::default();
    // A harness that a signal ended has no closing line: those that began and did not close have failed.
    let mut unfinished = 0_u64;
    for line in BufReader::new(output).split(b'\n') {
        let line = line.context("cannot read the output of `cargo test`")?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        if is_opening_line(&line) {
            unfinished += 1;
        } else if let Some(closed) = closing_line(&line) {
            counts.add(closed);
            unfinished = unfinished.saturating_sub(1);
        }
    }
    if unfinished > 0 {
        println!("{unfinished} test programs ended before they were done");
        counts.failed += unfinished;
    }
    if !child.wait().context("lost `cargo test`")?.success() && counts.failed == 0 {
        println!(
            "`cargo test` failed without a failing test: something did not compile or did not finish"
        );
        counts.failed = 1;
    }
    Ok(counts)
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

    #[test]
    fn closing_lines_are_read() {
        let line = "test result: FAILED. 31 passed; 2 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.1s";
        assert_eq!(
            closing_line(line),
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
        let of = |script: &str| harnesses(Command::new("sh").args(["-c", script])).unwrap();
        let closed =
            "echo 'running 1 test'; echo 'test result: FAILED. 0 passed; 1 failed; 0 ignored';";
        assert_eq!(
            of(&format!("{closed} echo 'running 2 tests'; exit 1")).failed,
            2
        );
        assert_eq!(of(&format!("{closed} exit 1")).failed, 1);
        assert_eq!(of("echo 'running away'; exit 1").failed, 1);
    }
}
