//! `cargo xtask mutate`: plants small bugs, one at a time, and shows which test catches each.
//!
//! A bug is a row of the [table]: a text of a file and what stands there instead. For each row a [working
//! copy](copy) of the tree is changed in that one place, built and [tested](suite), the cheapest tests first,
//! until something fails. What is found is [kept](record) as soon as it is known, so a run can be interrupted
//! and goes on where it was; the [document] shows all of it. A bug that no test catches needs one.

mod copy;
mod document;
mod record;
mod suite;
mod table;

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use anyhow::{Context, Result, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};

use self::copy::WorkingCopy;
use self::record::Record;
use self::suite::{Suite, Verdict};
use crate::process::Workspace;

/// What to run.
#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    /// Only these bugs: names, or what names begin with
    names: Vec<String>,
    /// How many at a time, each in a working copy of its own
    #[arg(long, default_value_t = 1)]
    jobs: usize,
    /// Run none: show the bugs that there are, and bring the document up to date with the table
    #[arg(long)]
    list: bool,
    /// Run what has been run on the same sources once more
    #[arg(long)]
    again: bool,
    /// The most steps of tests for each, the cheapest first; what survives them is not decided
    #[arg(long, value_name = "N", default_value_t = usize::MAX)]
    steps: usize,
}

/// A small bug.
#[derive(Debug, Hash)]
struct Mutation {
    /// Area and name, which nothing else has.
    name: &'static str,
    /// The file, from the root.
    file: &'static str,
    /// A text that occurs in it exactly once.
    text: &'static str,
    /// What stands there instead.
    replacement: &'static str,
    /// What goes wrong.
    what: &'static str,
}

impl Mutation {
    /// The text of the file with the bug in it.
    fn plant(&self, source: &str) -> Result<String> {
        let count = source.matches(self.text).count();
        let Mutation { name, file, .. } = self;
        ensure!(
            count == 1,
            "{name}: its text occurs {count} times in {file}"
        );
        Ok(source.replacen(self.text, self.replacement, 1))
    }

    fn hash(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        Hash::hash(self, &mut hasher);
        hasher.finish()
    }
}

/// What became of a bug.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    /// By this test.
    Caught(String),
    /// By none.
    Survived,
}

/// Runs bugs that have not been run, and writes the document. True if every bug that was asked for is caught.
pub fn run(workspace: &Workspace, settings: &Settings) -> Result<bool> {
    let chosen = choose(&settings.names)?;
    let target = workspace.metadata.target_directory.as_std_path();
    let folder = target.join("mutate");
    if settings.list {
        let mut list = String::new();
        for mutation in chosen {
            writeln!(list, "{:44} {}", mutation.name, mutation.what)?;
        }
        print!("{list}");
        let record = Record::open(&folder, 0)?;
        println!("{}", document::write(workspace.root(), &record)?);
        return Ok(true);
    }
    let copies: Vec<WorkingCopy> = (1..=settings.jobs.max(1))
        .map(|job| WorkingCopy::make(workspace, &folder.join(job.to_string())))
        .collect::<Result<_>>()?;
    let mut record = Record::open(&folder, copies[0].sources)?;
    let open = |mutation: &&&Mutation| settings.again || record.outcome_here(mutation).is_none();
    let to_run: Vec<&Mutation> = chosen.iter().filter(open).copied().collect();

    let bar = ProgressBar::new(to_run.len() as u64);
    let style = ProgressStyle::with_template("{elapsed_precise} {bar:24} {pos}/{len} {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let suite = Suite::new(workspace, &to_run, settings.steps)?;
    for step in suite.steps_of(&to_run)? {
        if record.seconds_untouched(&step.label).is_none() {
            bar.set_message(format!("the untouched tree: {}", step.label));
            let seconds = suite.untouched(&copies[0], &step)?;
            record.keep_untouched(&step.label, seconds)?;
            bar.suspend(|| println!("untouched: {} passes ({seconds} s)", step.label));
        }
    }
    let broken = run_all(&suite, &copies, &mut record, &to_run, &bar)?;
    bar.finish_and_clear();

    println!("{}", document::write(workspace.root(), &record)?);
    let is_caught =
        |mutation: &&Mutation| matches!(record.outcome(mutation), Some(Outcome::Caught(_)));
    Ok(!broken && chosen.iter().all(is_caught))
}

/// The rows with these names or beginnings of names; all, if there are none.
fn choose(names: &[String]) -> Result<Vec<&'static Mutation>> {
    for name in names {
        ensure!(
            table::all().any(|row| row.name.starts_with(name)),
            "no bug has a name that begins with `{name}`"
        );
    }
    let is_asked_for =
        |row: &&Mutation| names.is_empty() || names.iter().any(|name| row.name.starts_with(name));
    Ok(table::all().filter(is_asked_for).collect())
}

/// Runs bugs in all working copies at once. True if rows are broken: they do not apply, or do not compile.
fn run_all(
    suite: &Suite,
    copies: &[WorkingCopy],
    record: &mut Record,
    mutations: &[&'static Mutation],
    bar: &ProgressBar,
) -> Result<bool> {
    let queue = Mutex::new(mutations.iter().copied().collect::<VecDeque<_>>());
    let limits = suite.limits(mutations, record)?;
    let (sender, results) = channel();
    let mut is_broken = false;
    thread::scope(|scope| {
        for copy in copies {
            let (sender, queue, limits) = (sender.clone(), &queue, &limits);
            scope.spawn(move || work(suite, copy, queue, limits, &sender));
        }
        drop(sender);
        for (mutation, verdict) in results {
            bar.inc(1);
            let name = mutation.name;
            match verdict.with_context(|| format!("cannot run {name}")) {
                Ok(Verdict::Ran(outcome)) => {
                    let text = match &outcome {
                        Outcome::Caught(test) => format!("caught    {name}: {test}"),
                        Outcome::Survived => format!("SURVIVED  {name}: {}", mutation.what),
                    };
                    bar.suspend(|| println!("{text}"));
                    record.keep(mutation, outcome)?;
                }
                Ok(Verdict::Undecided) => {
                    bar.suspend(|| println!("undecided {name}: {}", mutation.what))
                }
                Ok(Verdict::DoesNotCompile(why)) => {
                    is_broken = true;
                    bar.suspend(|| println!("BROKEN    {name}: does not compile: {why}"));
                }
                Err(error) => {
                    is_broken = true;
                    bar.suspend(|| println!("BROKEN    {error:#}"));
                }
            }
        }
        Ok(is_broken)
    })
}

/// Runs bugs out of the queue in one working copy until there are no more, or nobody listens.
fn work(
    suite: &Suite,
    copy: &WorkingCopy,
    queue: &Mutex<VecDeque<&'static Mutation>>,
    limits: &suite::Limits,
    results: &Sender<(&'static Mutation, Result<Verdict>)>,
) {
    let next = || queue.lock().ok()?.pop_front();
    while let Some(mutation) = next() {
        let verdict = copy.with(mutation, || suite.run(copy, mutation, limits));
        if results.send((mutation, verdict)).is_err() {
            break;
        }
    }
}

/// The name of the commit that is checked out.
fn text_of_git(workspace: &Workspace, arguments: &[&str]) -> Result<String> {
    let mut command = std::process::Command::new("git");
    let output = command
        .args(arguments)
        .current_dir(workspace.root())
        .output()
        .context("cannot start git")?;
    if !output.status.success() {
        bail!(
            "git {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use super::*;

    /// Whoever changes a line with a bug for it finds the row here, and mends it.
    #[test]
    fn every_bug_can_be_planted() {
        let workspace = Workspace::find().unwrap();
        let mut problems = Vec::new();
        for mutation in table::all() {
            let planted = fs::read_to_string(workspace.root().join(mutation.file))
                .context(mutation.file)
                .and_then(|source| mutation.plant(&source));
            problems.extend(planted.err().map(|error| format!("{error:#}")));
        }
        assert!(
            problems.is_empty(),
            "rows of xtask/src/mutate to be mended:\n{}",
            problems.join("\n")
        );
    }

    #[test]
    fn names_are_unique_and_rows_change_something() {
        let names: BTreeSet<&str> = table::all().map(|row| row.name).collect();
        assert_eq!(names.len(), table::all().count());
        for row in table::all() {
            assert_ne!(row.text, row.replacement, "{}", row.name);
            assert!(
                !row.what.is_empty() && row.name.contains('/'),
                "{}",
                row.name
            );
        }
        assert!(names.len() >= 100, "there are {}", names.len());
    }

    #[test]
    fn a_text_has_to_occur_once() {
        let mutation = Mutation {
            name: "a/b",
            file: "f",
            text: "1",
            replacement: "2",
            what: "other",
        };
        assert_eq!(mutation.plant("x + 1").unwrap(), "x + 2");
        let twice = mutation.plant("1 + 1").unwrap_err();
        assert_eq!(twice.to_string(), "a/b: its text occurs 2 times in f");
    }

    #[test]
    fn bugs_are_chosen_by_the_beginnings_of_their_names() {
        assert_eq!(choose(&[]).unwrap().len(), table::all().count());
        let fuel = choose(&["fuel/".to_owned()]).unwrap();
        assert!(!fuel.is_empty() && fuel.iter().all(|row| row.name.starts_with("fuel/")));
        assert!(choose(&["no such".to_owned()]).is_err());
    }
}
