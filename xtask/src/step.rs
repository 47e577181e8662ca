//! Steps with a name, a time and an outcome, and the counts that `test` and `ci` close with.

use std::fmt;
use std::time::Instant;

use anyhow::Result;

/// How many checks passed, failed, and could not run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Checks that held.
    pub passed: u64,
    /// Checks that did not hold.
    pub failed: u64,
    /// Checks that could not run on this machine; each was said.
    pub skipped: u64,
}

impl Counts {
    /// Adds another set of counts.
    pub fn add(&mut self, other: Counts) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }

    /// Turns what was skipped into failures: the meaning of `--require-all`.
    pub fn require_all(self) -> Counts {
        Counts {
            passed: self.passed,
            failed: self.failed + self.skipped,
            skipped: 0,
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        )
    }
}

/// What became of one step.
pub enum Outcome {
    /// It held.
    Passed,
    /// It did not; the step has said why.
    Failed,
    /// It needs something that is missing: what, and the command that gets it.
    Missing(String),
    /// It counted its own checks.
    Counted(Counts),
}

impl From<bool> for Outcome {
    fn from(held: bool) -> Outcome {
        if held {
            Outcome::Passed
        } else {
            Outcome::Failed
        }
    }
}

/// Runs one step under a heading, and closes it with its outcome and time. An error is a failed step: the
/// steps after it still run, so that one run shows everything.
pub fn step(name: &str, work: impl FnOnce() -> Result<Outcome>) -> Counts {
    println!("==> {name}");
    let start = Instant::now();
    let outcome = work();
    let mut counts = Counts::default();
    let verdict = match outcome {
        Ok(Outcome::Passed) => {
            counts.passed = 1;
            "passed".to_owned()
        }
        Ok(Outcome::Failed) => {
            counts.failed = 1;
            "FAILED".to_owned()
        }
        Ok(Outcome::Missing(what)) => {
            counts.skipped = 1;
            format!("could not run: {what}")
        }
        Ok(Outcome::Counted(own)) => {
            counts = own;
            if own.failed == 0 {
                "passed".to_owned()
            } else {
                "FAILED".to_owned()
            }
        }
        Err(error) => {
            counts.failed = 1;
            format!("FAILED: {error:#}")
        }
    };
    println!(
        "<== {name}: {verdict} ({:.1} s)",
        start.elapsed().as_secs_f64()
    );
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closing_line_has_the_promised_form() {
        let counts = Counts {
            passed: 12,
            failed: 0,
            skipped: 3,
        };
        assert_eq!(counts.to_string(), "12 passed, 0 failed, 3 skipped");
        assert_eq!(
            counts.require_all().to_string(),
            "12 passed, 3 failed, 0 skipped"
        );
    }

    #[test]
    fn an_error_is_one_failure_and_a_missing_tool_one_skip() {
        assert_eq!(step("error", || anyhow::bail!("no")).failed, 1);
        assert_eq!(
            step("missing", || Ok(Outcome::Missing("a tool".into()))).skipped,
            1
        );
        assert_eq!(step("held", || Ok(true.into())).passed, 1);
    }
}
