//! `cargo xtask test`: every test there is, and one line of counts over all harnesses.
//!
//! Every harness, libtest and libtest-mimic alike, closes with a `test result:` line; these are added up. A
//! test that finds a tool missing on this machine passes as far as its harness can tell, and appends a line
//! `NAME: WHAT IS MISSING; get it with: COMMAND` to the file that `ENJAMB_SKIP_LOG` names: such a line moves
//! one test from passed to skipped.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::process::{Workspace, succeeds};
use crate::step::Counts;

/// Runs everything. With `require_all` a skipped test counts as failed.
pub fn run(workspace: &Workspace, require_all: bool) -> Result<Counts> {
    let skip_log = workspace
        .metadata
        .target_directory
        .as_std_path()
        .join("skipped-tests.log");
    fs::write(&skip_log, "").with_context(|| format!("cannot write {}", skip_log.display()))?;

    let mut cargo_test = workspace.cargo(&["test", "--workspace", "--no-fail-fast"]);
    let mut counts = harnesses(cargo_test.env("ENJAMB_SKIP_LOG", &skip_log))?;
    counts.add(examples(workspace)?);

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

/// Runs `cargo test`, passes its output on and adds up its closing lines.
fn harnesses(command: &mut Command) -> Result<Counts> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start `cargo test`")?;
    let output = child.stdout.take().context("`cargo test` has no output")?;
    let mut counts = Counts::default();
    for line in BufReader::new(output).split(b'\n') {
        let line = line.context("cannot read the output of `cargo test`")?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        counts.add(closing_line(&line).unwrap_or_default());
    }
    if !child.wait().context("lost `cargo test`")?.success() && counts.failed == 0 {
        println!(
            "`cargo test` failed without a failing test: something did not compile or did not finish"
        );
        counts.failed = 1;
    }
    Ok(counts)
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

/// Runs each Rust example; one that exits with an error has failed.
fn examples(workspace: &Workspace) -> Result<Counts> {
    let mut counts = Counts::default();
    for package in workspace.metadata.workspace_packages() {
        for target in package.targets.iter().filter(|target| target.is_example()) {
            println!("example {} of {}", target.name, package.name);
            let run = [
                "run",
                "--quiet",
                "-p",
                package.name.as_str(),
                "--example",
                &target.name,
            ];
            if succeeds(&mut workspace.cargo(&run))? {
                counts.passed += 1;
            } else {
                println!(
                    "example {} FAILED; again with: cargo {}",
                    target.name,
                    run.join(" ")
                );
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
}
