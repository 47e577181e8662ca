//! The tests, in steps from the cheapest to the dearest, and what the output of one says.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use cargo_metadata::Package;

use super::copy::WorkingCopy;
use super::record::Record;
use super::{Mutation, Outcome};
use crate::aarch64::Toolchain;
use crate::process::Workspace;
use crate::setup_aarch64::toolchain;

/// Crates whose tests are, in part, tests of another one: that one first.
const TESTED_BY: &[(&str, &str)] = &[
    ("enjamb-ir", "enjamb-interp"),
    ("enjamb-abi", "enjamb-continuation"),
    ("enjamb-continuation", "enjamb-async"),
    ("enjamb-lower", "enjamb-lower-x64"),
];
/// What the tests of the crates that make code for AArch64 need to run that code.
const EMULATED: [&str; 2] = ["crates/aarch64/", "crates/lower-aarch64/"];
/// The most seconds that a build may take.
const BUILD: u64 = 3600;
/// A step of tests may take this many times what it takes without a bug, and some seconds.
const SLOWER: u64 = 5;
const SECONDS: u64 = 60;

/// What happened to a bug.
pub enum Verdict {
    /// The tests ran, as far as they had to.
    Ran(Outcome),
    /// The tests ran, as many as they were allowed to, and passed.
    Undecided,
    /// It is none, for the reason given by the compiler.
    DoesNotCompile(String),
}

/// Tests that one cargo command runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What they are called.
    pub label: String,
    arguments: Vec<String>,
    is_emulated: bool,
}

impl Step {
    fn new(label: &str, arguments: impl IntoIterator<Item = String>) -> Step {
        let arguments = arguments.into_iter().collect();
        Step {
            label: label.to_owned(),
            arguments,
            is_emulated: false,
        }
    }
}

/// By the label of a step, the most seconds that it may take.
pub type Limits = BTreeMap<String, u64>;

/// All there is to run.
pub struct Suite {
    /// The packages of the workspace by folder, from the root, with a slash behind.
    packages: Vec<(String, Package)>,
    toolchain: Option<Toolchain>,
    /// The most steps for a bug.
    most: usize,
}

impl Suite {
    /// The tests that these bugs need, at most so many steps for each.
    pub fn new(workspace: &Workspace, mutations: &[&Mutation], most: usize) -> Result<Suite> {
        let packages = workspace.metadata.workspace_packages().into_iter();
        let packages = packages.filter_map(|package| {
            let folder = package
                .manifest_path
                .parent()?
                .strip_prefix(workspace.root())
                .ok()?;
            Some((format!("{folder}/"), package.clone()))
        });
        let needs_emulator = mutations.iter().any(|mutation| is_emulated(mutation));
        let toolchain = needs_emulator.then(|| toolchain(workspace)).transpose()?;
        Ok(Suite {
            packages: packages.collect(),
            toolchain,
            most,
        })
    }

    /// The steps for a bug, the cheapest first.
    fn steps(&self, mutation: &Mutation) -> Result<Vec<Step>> {
        let own = self.own(mutation)?;
        let mut steps = vec![
            Step::new(&own.join(", "), packages(&own).chain(words("--tests"))),
            Step::new("golden files", words("-p enjamb-tests --test golden")),
        ];
        if is_emulated(mutation) {
            let of = |label, arguments| Step {
                is_emulated: true,
                ..Step::new(label, words(arguments))
            };
            steps.push(of("emulated code", "-p enjamb-lower-aarch64 --test native"));
            steps.push(of("emulated golden files", "-p enjamb-tests --test golden"));
        }
        steps.push(Step::new(
            "runtime and engine",
            words("-p enjamb-runtime -p enjamb-engine --tests"),
        ));
        steps.push(Step::new(
            "other tests",
            words("-p enjamb-tests --lib").chain(self.other_tests()),
        ));
        steps.push(Step::new(
            "other crates",
            words("--workspace --exclude xtask --exclude enjamb-tests --tests"),
        ));
        Ok(steps)
    }

    /// The steps for all of these, each once.
    pub fn steps_of(&self, mutations: &[&Mutation]) -> Result<Vec<Step>> {
        let mut all: Vec<Step> = Vec::new();
        for mutation in mutations {
            for step in self.steps(mutation)?.into_iter().take(self.most) {
                if !all.contains(&step) {
                    all.push(step);
                }
            }
        }
        Ok(all)
    }

    /// How long they may take.
    pub fn limits(&self, mutations: &[&Mutation], record: &Record) -> Result<Limits> {
        let limit = |step: Step| {
            let seconds = record.seconds_untouched(&step.label)?;
            Some((step.label, seconds * SLOWER + SECONDS))
        };
        Ok(self
            .steps_of(mutations)?
            .into_iter()
            .filter_map(limit)
            .collect())
    }

    /// The crate of a bug, and the one that tests it too.
    fn own(&self, mutation: &Mutation) -> Result<Vec<&str>> {
        let package = self
            .packages
            .iter()
            .find(|(folder, _)| mutation.file.starts_with(folder));
        let (_, package) = package.with_context(|| format!("{} is in no crate", mutation.file))?;
        let name = package.name.as_str();
        let also = TESTED_BY
            .iter()
            .filter(|(of, _)| *of == name)
            .map(|(_, also)| *also);
        Ok(std::iter::once(name).chain(also).collect())
    }

    /// `--test NAME` for all files of tests of everything but the golden files.
    fn other_tests(&self) -> impl Iterator<Item = String> {
        let package = self
            .packages
            .iter()
            .filter(|(folder, _)| folder == "tests/");
        let targets = package.flat_map(|(_, package)| &package.targets);
        let tests = targets.filter(|target| target.is_test() && target.name != "golden");
        tests.flat_map(|target| ["--test".to_owned(), target.name.clone()])
    }

    /// Runs a step without a bug and returns its seconds. It has to pass.
    pub fn untouched(&self, copy: &WorkingCopy, step: &Step) -> Result<u64> {
        self.build(copy, step)?
            .map_or(Ok(()), |error| bail!("{}: {error}", step.label))?;
        let start = Instant::now();
        if let Some(test) = self.test(copy, step, BUILD)? {
            bail!("{} fails without a bug: {test}", step.label);
        }
        Ok(start.elapsed().as_secs() + 1)
    }

    /// Builds the copy with a bug and runs steps until one fails.
    pub fn run(&self, copy: &WorkingCopy, mutation: &Mutation, limits: &Limits) -> Result<Verdict> {
        let mut build = copy.workspace.cargo(&["build"]);
        build.args(packages(&self.own(mutation)?[..1]));
        let (passed, output) = timed(copy, &build, BUILD, |_| false)?;
        if !passed {
            return Ok(Verdict::DoesNotCompile(first_error(&output)));
        }
        let steps = self.steps(mutation)?;
        let is_whole = steps.len() <= self.most;
        for step in steps.into_iter().take(self.most) {
            if let Some(error) = self.build(copy, &step)? {
                return Ok(Verdict::Ran(Outcome::Caught(format!(
                    "the compiler: {error}"
                ))));
            }
            let limit = limits.get(&step.label).copied().unwrap_or(BUILD);
            if let Some(test) = self.test(copy, &step, limit)? {
                return Ok(Verdict::Ran(Outcome::Caught(test)));
            }
        }
        Ok(match is_whole {
            true => Verdict::Ran(Outcome::Survived),
            false => Verdict::Undecided,
        })
    }

    /// Builds the tests of a step; returns the error.
    fn build(&self, copy: &WorkingCopy, step: &Step) -> Result<Option<String>> {
        let mut command = self.cargo_test(copy, step)?;
        command.arg("--no-run");
        let (passed, output) = timed(copy, &command, BUILD, |_| false)?;
        Ok((!passed).then(|| first_error(&output)))
    }

    /// Runs the tests of a step; returns the first that fails.
    fn test(&self, copy: &WorkingCopy, step: &Step, limit: u64) -> Result<Option<String>> {
        let command = self.cargo_test(copy, step)?;
        let (passed, output) = timed(copy, &command, limit, is_failure)?;
        let emulated = if step.is_emulated { "emulated " } else { "" };
        Ok((!passed).then(|| format!("{emulated}{}", failing_test(&output))))
    }

    fn cargo_test(&self, copy: &WorkingCopy, step: &Step) -> Result<Command> {
        let mut command = match (&self.toolchain, step.is_emulated) {
            (_, false) => copy.workspace.cargo(&["test"]),
            (Some(toolchain), true) => toolchain.cargo(&copy.workspace, "test", None),
            (None, true) => bail!("{} need the emulator", step.label),
        };
        command.args(&step.arguments);
        Ok(command)
    }
}

fn is_emulated(mutation: &Mutation) -> bool {
    EMULATED
        .iter()
        .any(|folder| mutation.file.starts_with(folder))
}

fn packages<'a>(names: &'a [&str]) -> impl Iterator<Item = String> + use<'a> {
    names
        .iter()
        .flat_map(|name| ["-p".to_owned(), (*name).to_owned()])
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(' ').map(str::to_owned)
}

/// Runs a cargo command for at most so many seconds, or up to a line of output after which there is no need to go
/// on. Returns whether it succeeded, and its output.
///
/// A program of its own ends it and all that it has started, even if nobody waits for it any more.
fn timed(
    copy: &WorkingCopy,
    cargo: &Command,
    seconds: u64,
    is_enough: impl Fn(&str) -> bool,
) -> Result<(bool, String)> {
    let mut command = Command::new("timeout");
    command.arg("--kill-after=5").arg(seconds.to_string());
    command.arg(cargo.get_program()).args(cargo.get_args());
    command.current_dir(copy.workspace.root());
    for (name, value) in cargo.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    // Nobody debugs what is built here.
    for profile in ["DEV", "TEST"] {
        command.env(format!("CARGO_PROFILE_{profile}_DEBUG"), "0");
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
        let line = line.context("cannot read what cargo says")?;
        let line = String::from_utf8_lossy(&line);
        text.push_str(&line);
        text.push('\n');
        if is_enough(&line) {
            // `timeout` hands the signal on to all that it has started.
            let _ = Command::new("kill").arg(child.id().to_string()).status();
            break;
        }
    }
    let status = child.wait().context("lost cargo")?;
    Ok((status.success(), text))
}

/// Whether a test has failed by this line.
fn is_failure(line: &str) -> bool {
    let line = line.trim_end();
    line.starts_with("test ") && line.ends_with("... FAILED") || line.contains("(signal: ")
}

/// What a compiler says first.
fn first_error(output: &str) -> String {
    let error = output.lines().find(|line| line.starts_with("error"));
    error.unwrap_or("it took too long").to_owned()
}

/// The first test that fails in the output of `cargo test`: the program and the name. A program that a signal
/// or the limit of time ended has at least that to say.
fn failing_test(output: &str) -> String {
    let mut program = "cargo test";
    let mut slow = None;
    for line in output.lines().map(str::trim) {
        if let Some(path) = line
            .strip_prefix("Running ")
            .and_then(|line| line.rsplit_once('('))
        {
            program = program_name(path.1.trim_end_matches(')'));
            slow = None;
        }
        let Some(test) = line.strip_prefix("test ") else {
            if let Some((_, signal)) = line.split_once("(signal: ") {
                return format!("{program}, signal {}", signal.trim_end_matches(')'));
            }
            continue;
        };
        if let Some(name) = test.strip_suffix("... FAILED") {
            return format!("{program} {}", name.trim());
        }
        if let Some((name, _)) = test.split_once(" has been running for") {
            slow.get_or_insert(name);
        }
    }
    match (slow, output.lines().any(|line| line.starts_with("error: "))) {
        (Some(name), _) => format!("{program} {name}, time"),
        (None, true) => program.to_owned(),
        (None, false) => format!("{program}, time"),
    }
}

/// The name of a test program, whose file has a hash behind it.
fn program_name(path: &str) -> &str {
    let file = path.rsplit('/').next().unwrap_or(path);
    file.rsplit_once('-').map_or(file, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: &str = "   Compiling enjamb-ir v0.1.0\n\
        \x20    Running unittests src/lib.rs (target/debug/deps/enjamb_ir-0af)\n\
        test reads ... ok\ntest result: ok. 1 passed; 0 failed\n\
        \x20    Running tests/golden.rs (target/debug/deps/golden-1bc)\n";

    fn of(rest: &str) -> String {
        failing_test(&format!("{START}{rest}"))
    }

    #[test]
    fn the_first_failing_test_is_named_with_its_program() {
        let rest = "test call/a   ... ok\ntest call/b   ... FAILED\ntest call/c ... FAILED\nerror: test failed\n";
        assert_eq!(of(rest), "golden call/b");
    }

    #[test]
    fn what_ends_a_program_is_said() {
        let signal = "error: test failed\n  process didn't exit successfully: `golden` (signal: 11, SIGSEGV: invalid)\n";
        assert_eq!(of(signal), "golden, signal 11, SIGSEGV: invalid");
        assert_eq!(of("test x ... ok\n"), "golden, time");
        assert_eq!(
            of("test x has been running for over 60 seconds\n"),
            "golden x, time"
        );
        assert_eq!(of("error: test failed, to rerun pass `-p x`\n"), "golden");
    }

    #[test]
    fn nothing_runs_on_behind_a_test_that_fails() {
        assert!(is_failure("test call/a   ... FAILED"));
        assert!(is_failure(
            "  process didn't exit successfully: `golden` (signal: 6, SIGABRT)"
        ));
        assert!(!is_failure("test call/a ... ok") && !is_failure("test result: FAILED. 1 passed"));
    }

    #[test]
    fn steps_begin_with_the_crate_and_end_with_all() {
        let workspace = Workspace::find().unwrap();
        let suite = Suite::new(&workspace, &[], usize::MAX).unwrap();
        let of = |file| {
            let mutation = Mutation {
                name: "a/b",
                file,
                text: "1",
                replacement: "2",
                what: "w",
            };
            suite.steps(&mutation).unwrap()
        };
        let labels = |steps: &[Step]| {
            steps
                .iter()
                .map(|step| step.label.clone())
                .collect::<Vec<_>>()
        };
        let last = [
            "golden files",
            "runtime and engine",
            "other tests",
            "other crates",
        ];
        let steps = of("crates/lower/src/call.rs");
        assert_eq!(
            steps[0].arguments,
            ["-p", "enjamb-lower", "-p", "enjamb-lower-x64", "--tests"]
        );
        assert_eq!(labels(&steps[1..]), last);
        assert!(steps[3].arguments.contains(&"random_programs".to_owned()));
        assert!(!steps[3].arguments.contains(&"golden".to_owned()));
        let steps = of("crates/lower-aarch64/src/lib.rs");
        assert_eq!(steps[0].label, "enjamb-lower-aarch64");
        assert!(steps[2].is_emulated && steps[3].is_emulated && !steps[1].is_emulated);
        assert_eq!(labels(&steps[4..]), last[1..]);
    }
}
