//! `cargo xtask mutate`: plants small bugs, one at a time, and shows which test catches each.
//!
//! A bug is a row of the [table]: a text of a file and what stands there instead. In a working [copy] of the tree
//! nearly all of them are planted at once, each [switched](switch) when a program starts, so that one [build] is for
//! all. The few that cannot be get builds of their own. Then the [test programs](suite) run with one bug each, the
//! cheapest first, until something fails. What is found is [kept](record) as soon as it is known, so a run can be
//! interrupted and goes on where it was; the [document] shows all of it. A bug that no test catches needs one.

mod build;
mod copy;
mod document;
mod record;
mod suite;
mod switch;
mod table;

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use anyhow::{Context, Result, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};

use self::build::Program;
use self::copy::WorkingCopy;
use self::record::Record;
use self::suite::Suite;
use crate::aarch64::Toolchain;
use crate::process::Workspace;
use crate::setup_aarch64::toolchain;

/// What to run.
#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    /// Only these bugs: names, or what names begin with
    names: Vec<String>,
    /// How many programs at a time
    #[arg(long, default_value_t = 1)]
    jobs: usize,
    /// Run none: show the bugs that there are, and bring the document up to date with the table
    #[arg(long)]
    list: bool,
    /// Run what has been run on the same sources once more
    #[arg(long)]
    again: bool,
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

/// What a bug changes in a text, which is as little as may be.
struct Edit<'a> {
    bug: &'a Mutation,
    place: Range<usize>,
    with: &'static str,
}

impl Edit<'_> {
    /// A stretch of the text with the bug in it.
    fn within(&self, source: &str, stretch: &Range<usize>) -> String {
        let (before, behind) = (stretch.start..self.place.start, self.place.end..stretch.end);
        [&source[before], self.with, &source[behind]].concat()
    }
}

impl Mutation {
    /// The text of the file with the bug in it.
    fn plant(&self, source: &str) -> Result<String> {
        Ok(self.edit(source)?.within(source, &(0..source.len())))
    }

    /// What changes in the text of the file.
    fn edit(&self, source: &str) -> Result<Edit<'_>> {
        let places: Vec<usize> = source.match_indices(self.text).map(|(at, _)| at).collect();
        let [start] = places[..] else {
            let (name, file, count) = (self.name, self.file, places.len());
            bail!("{name}: its text occurs {count} times in {file}");
        };
        let common = |pair: &(char, char)| pair.0 == pair.1;
        let bytes = |pair: (char, char)| pair.0.len_utf8();
        let pairs = self.text.chars().zip(self.replacement.chars());
        let front: usize = pairs.take_while(common).map(bytes).sum();
        let (text, with) = (&self.text[front..], &self.replacement[front..]);
        let pairs = text.chars().rev().zip(with.chars().rev());
        let back: usize = pairs.take_while(common).map(bytes).sum();
        Ok(Edit {
            bug: self,
            place: start + front..start + self.text.len() - back,
            with: &with[..with.len() - back],
        })
    }

    /// What tells it from another bug of the same name, in a document that other compilers read: FNV-1a of what
    /// stands there and what stood there.
    fn digest(&self) -> String {
        let bytes = [self.text, "\0", self.replacement]
            .into_iter()
            .flat_map(str::bytes);
        let hash = bytes.fold(0x811c_9dc5_u32, |hash, byte| {
            (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
        });
        format!("{hash:08x}")
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
    let copy = WorkingCopy::make(workspace, &folder)?;
    let mut record = Record::open(&folder, copy.sources)?;
    let open = |mutation: &&&Mutation| settings.again || record.outcome_here(mutation).is_none();
    let to_run: Vec<&Mutation> = chosen.iter().filter(open).copied().collect();
    let (mut is_whole, rest) = run_all(&copy, None, &mut record, &to_run, settings.jobs)?;
    if !rest.is_empty() {
        let toolchain = toolchain(workspace)?;
        let (is_rest_whole, _) =
            run_all(&copy, Some(&toolchain), &mut record, &rest, settings.jobs)?;
        is_whole &= is_rest_whole;
    }
    println!("{}", document::write(workspace.root(), &record)?);
    let is_caught =
        |mutation: &&Mutation| matches!(record.outcome(mutation), Some(Outcome::Caught(_)));
    Ok(is_whole && chosen.iter().all(is_caught))
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

/// Builds the copy, for the emulator if there is one, and runs these bugs, those that need builds of their own at
/// the end. False if one does not apply or does not compile, or if tests fail without any; and those that may be
/// caught where their code runs, which is in the emulator.
fn run_all(
    copy: &WorkingCopy,
    toolchain: Option<&Toolchain>,
    record: &mut Record,
    to_run: &[&'static Mutation],
    jobs: usize,
) -> Result<(bool, Vec<&'static Mutation>)> {
    if to_run.is_empty() {
        return Ok((true, Vec::new()));
    }
    let (mut programs, switched) = build::together(copy, toolchain, record)?;
    let bar = ProgressBar::new(to_run.len() as u64);
    let style = ProgressStyle::with_template("{elapsed_precise} {bar:24} {pos}/{len} {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    measure(&programs, toolchain, record, &bar)?;
    let seconds = record.seconds.clone();
    let passes = |program: &Program| seconds.contains_key(&program.label);
    let mut is_whole = programs.iter().all(passes);
    programs.retain(passes);
    let suite = Suite::new(toolchain, &seconds);
    let is_switched = |mutation: &&Mutation| switched.iter().any(|row| row.name == mutation.name);
    let (together, alone): (Vec<_>, Vec<_>) = to_run.iter().copied().partition(is_switched);

    let mut rest = Vec::new();
    let mut found = |record: &mut Record, mutation, outcome| match outcome {
        Ok(Outcome::Survived) if toolchain.is_none() && suite::is_emulated(mutation) => {
            rest.push(mutation);
            Ok(())
        }
        outcome => said(&bar, record, mutation, outcome),
    };

    let queue = Mutex::new(VecDeque::from(together));
    let (sender, results) = channel();
    thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            let (sender, queue, programs) = (sender.clone(), &queue, &programs);
            scope.spawn(move || work(&suite, programs, queue, &sender));
        }
        drop(sender);
        for (mutation, outcome) in results {
            found(record, mutation, outcome)?;
        }
        anyhow::Ok(())
    })?;
    for mutation in alone {
        bar.set_message(mutation.name);
        let outcome = copy.with(mutation, || match build::all(copy, toolchain)? {
            Ok(mut programs) => {
                programs.retain(passes);
                suite.run(&programs, mutation, false)
            }
            Err(errors) => bail!("{}", build::first(&errors)),
        });
        match outcome {
            Ok(outcome) => found(record, mutation, Ok(outcome))?,
            Err(error) => {
                is_whole = false;
                bar.suspend(|| println!("BROKEN    {}: {error:#}", mutation.name));
            }
        }
    }
    bar.finish_and_clear();
    Ok((is_whole, rest))
}

/// Runs programs without a bug, unless they are known to pass. Those that fail are said and left out.
fn measure(
    programs: &[Program],
    toolchain: Option<&Toolchain>,
    record: &mut Record,
    bar: &ProgressBar,
) -> Result<()> {
    for program in programs {
        if record.seconds.contains_key(&program.label) {
            continue;
        }
        bar.set_message(format!("without a bug: {}", program.label));
        match Suite::new(toolchain, &record.seconds).untouched(program)? {
            Ok(seconds) => record.keep_untouched(&program.label, seconds)?,
            Err(test) => bar.suspend(|| println!("LEFT OUT  fails without a bug: {test}")),
        }
    }
    bar.set_message("");
    Ok(())
}

/// Runs bugs out of the queue until there are no more, or nobody listens.
fn work(
    suite: &Suite,
    programs: &[Program],
    queue: &Mutex<VecDeque<&'static Mutation>>,
    results: &Sender<(&'static Mutation, Result<Outcome>)>,
) {
    let next = || queue.lock().ok()?.pop_front();
    while let Some(mutation) = next() {
        let outcome = suite.run(programs, mutation, true);
        if results.send((mutation, outcome)).is_err() {
            break;
        }
    }
}

/// Shows and keeps what became of a bug.
fn said(
    bar: &ProgressBar,
    record: &mut Record,
    mutation: &Mutation,
    outcome: Result<Outcome>,
) -> Result<()> {
    let name = mutation.name;
    let outcome = outcome.with_context(|| format!("cannot run {name}"))?;
    let text = match &outcome {
        Outcome::Caught(test) => format!("caught    {name}: {test}"),
        Outcome::Survived => format!("SURVIVED  {name}: {}", mutation.what),
    };
    bar.inc(1);
    bar.suspend(|| println!("{text}"));
    record.keep(mutation, outcome)
}

/// What git prints in the root of the workspace.
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
