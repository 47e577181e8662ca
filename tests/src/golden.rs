//! Checks one golden file: reads it, runs it everywhere, compares its listings.

use crate::differential::MakeEngines;
use crate::engines::{self, Engine};
use crate::header::{self, Expected, Header, Run};
use crate::observed::{Ending, Observed, Stats, counted, leaks};
use crate::{listing, report, schedules, stages, tables};
use enjamb_ir::{Module, Schedule, parse_module, verify_module};
use std::path::{Path, PathBuf};
use std::{fs, io};

/// What introduces the expectation of a listing at the end of a file.
const EXPECT: &str = "; expect: ";

/// A golden file that holds no longer.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The line of the file that it is about, counted from one.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

impl Failure {
    fn new(line: usize, message: impl Into<String>) -> Self {
        let message = message.into();
        Failure { line, message }
    }
}

/// The golden files below a folder, in order.
///
/// # Errors
/// If a folder cannot be read.
pub fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        match path.is_dir() {
            true => found.extend(files(&path)?),
            false if path.extension().is_some_and(|end| end == "enj") => found.push(path),
            false => {}
        }
    }
    found.sort();
    Ok(found)
}

/// Checks a golden file. With `bless` listings are taken as they are, and the file as it should be
/// comes back; what programs are expected to do is never blessed.
///
/// # Errors
/// The first stage that differs, and how.
pub fn check(text: &str, bless: bool) -> Result<String, Failure> {
    check_in(&engines::of_module, text, bless)
}

/// The same in other engines.
///
/// # Errors
/// As [`check`].
pub fn check_in(engines: &MakeEngines, text: &str, bless: bool) -> Result<String, Failure> {
    let module = read(text)?;
    let header = header::parse(text, &module).map_err(|message| {
        let number = message.split(':').next().and_then(|line| line.parse().ok());
        Failure::new(number.unwrap_or(1), message)
    })?;
    if !header.runs.is_empty() {
        check_runs(engines, &module, &header)?;
    }
    if header.tables {
        let checked = tables::check_source(&module);
        checked.map_err(|reason| Failure::new(1, format!("the tables: {reason}")))?;
    }
    let blessed = with_listings(text, &module, &header)?;
    if !bless && blessed != text {
        let line = report::first_difference(text, &blessed);
        let diff = report::diff(text, &blessed);
        return Err(Failure::new(line, format!("a listing differs\n{diff}")));
    }
    Ok(blessed)
}

/// Parses and verifies a module, and asks that it survives being printed.
fn read(text: &str) -> Result<Module, Failure> {
    let module = parse_module(text).map_err(|errors| {
        let line = errors.diagnostics.first().and_then(|first| first.span);
        let line = line.map_or(1, |span| span.line as usize);
        Failure::new(line, format!("the parser: {errors}"))
    })?;
    verify_module(&module).map_err(|error| Failure::new(1, format!("the verifier: {error}")))?;
    stages::survives_printing(&module).map_err(|reason| Failure::new(1, reason))?;
    Ok(module)
}

fn check_runs(engines: &MakeEngines, module: &Module, header: &Header) -> Result<(), Failure> {
    let start = header.runs[0].line;
    let engines = engines(module, header.fuel).map_err(|reason| Failure::new(start, reason))?;
    let schedules = match header.schedules.as_slice() {
        [] => schedules::of_module(module),
        chosen => chosen.to_vec(),
    };
    for run in &header.runs {
        let mut first: Option<Observed> = None;
        for &schedule in &schedules {
            let expects = schedule == Schedule::Natural || !header.schedule_dependent;
            let Some(observed) = check_schedule(&engines, run, schedule, expects)? else {
                continue;
            };
            let first = &*first.get_or_insert_with(|| observed.clone());
            if !header.schedule_dependent && !first.agrees_with_schedule(&observed) {
                let diff = report::diff(&first.to_string(), &observed.to_string());
                let message = format!("schedule {schedule} makes a difference\n{diff}");
                return Err(Failure::new(run.line, message));
            }
        }
    }
    Ok(())
}

/// What all engines have observed.
fn check_schedule(
    engines: &[Box<dyn Engine>],
    run: &Run,
    schedule: Schedule,
    header_holds: bool,
) -> Result<Option<Observed>, Failure> {
    let mut reference: Option<Observed> = None;
    let mut counts: Option<String> = None;
    for engine in engines {
        let fails = |message: String| {
            let name = engine.name();
            Failure::new(run.line, format!("{name}, schedule {schedule}: {message}"))
        };
        let (observed, stats) = engine.run(&run.calls, schedule).map_err(fails)?;
        if let Some((call, ending)) = observed.calls.iter().find(|(_, ending)| is_broken(ending)) {
            return Err(fails(format!("{call}{ending}")));
        }
        match &reference {
            None if header_holds => {
                compare_with_header(run, &observed).map_err(|(line, message)| Failure {
                    line,
                    ..fails(message)
                })?;
            }
            None => {}
            Some(reference) if !reference.agrees(&observed) => {
                let diff = report::diff(&reference.to_string(), &observed.to_string());
                let first = engines[0].name();
                return Err(fails(format!("differs from {first}\n{diff}")));
            }
            Some(_) => {}
        }
        check_stats(run, schedule, &stats, engine.is_complete()).map_err(|(line, message)| {
            Failure {
                line,
                ..fails(message)
            }
        })?;
        if let Some(counted) = counted(&stats).filter(|_| engine.counts()) {
            let first = &*counts.get_or_insert_with(|| counted.clone());
            if *first != counted {
                let diff = report::diff(first, &counted);
                return Err(fails(format!(
                    "counts otherwise than an engine before\n{diff}"
                )));
            }
        }
        reference.get_or_insert(observed);
    }
    Ok(reference)
}

fn is_broken(ending: &Ending) -> bool {
    matches!(ending, Ending::Broken(_))
}

/// A line of the header and what is wrong with it.
type Complaint = (usize, String);

fn compare_with_header(run: &Run, observed: &Observed) -> Result<(), Complaint> {
    for ((call, actual), expected) in observed.calls.iter().zip(&run.endings) {
        if actual != expected {
            let diff = report::diff(&format!("{call}{expected}\n"), &format!("{call}{actual}\n"));
            return Err((run.line, format!("not what the header says\n{diff}")));
        }
    }
    for check in &run.checks {
        let (expected, actual) = match &check.what {
            Expected::HostCalls(calls) => (calls.join("\n"), observed.host_calls.join("\n")),
            Expected::Frames(frames) => {
                let found = observed.stacks.iter().flatten().next_back();
                let found = found.map_or_else(String::new, |found| found.join("\n"));
                (frames.join("\n"), found)
            }
            Expected::Fuel(amount) => (amount.to_string(), observed.fuel.used.to_string()),
            Expected::Global(name, value) => {
                let found = observed.globals.iter().find(|(found, _)| found == name);
                let found = found.map_or("nothing".to_string(), |(_, value)| value.to_string());
                (value.to_string(), found)
            }
            Expected::Bytes(name, offset, bytes) => {
                let found = memory(observed, name);
                let found = found.get(*offset..offset + bytes.len());
                (
                    format!("{bytes:02x?}"),
                    format!("{:02x?}", found.unwrap_or(&[])),
                )
            }
            Expected::Pages(name, pages) => {
                let found = memory(observed, name).len() / 65_536;
                (pages.to_string(), found.to_string())
            }
            Expected::Stats(..) => continue,
        };
        if expected != actual {
            let diff = report::diff(&format!("{expected}\n"), &format!("{actual}\n"));
            return Err((check.line, format!("not what the header says\n{diff}")));
        }
    }
    Ok(())
}

fn memory<'a>(observed: &'a Observed, name: &str) -> &'a [u8] {
    let found = observed.memories.iter().find(|(found, _)| found == name);
    found.map_or(&[], |(_, bytes)| bytes)
}

/// The counters that the header names, and that no continuation outlives its run.
fn check_stats(
    run: &Run,
    schedule: Schedule,
    stats: &Stats,
    complete: bool,
) -> Result<(), Complaint> {
    let counter = |name: &str| stats.iter().find(|(found, _)| *found == name);
    if let Some(left) = leaks(stats) {
        return Err((run.line, left));
    }
    for check in &run.checks {
        let Expected::Stats(wanted_schedule, counters) = &check.what else {
            continue;
        };
        let holds = complete && *wanted_schedule == schedule;
        for (name, expected) in counters.iter().filter(|_| holds) {
            match counter(name) {
                Some((_, actual)) if actual == expected => {}
                Some((_, actual)) => {
                    let message = format!("{name} is {actual}, the header says {expected}");
                    return Err((check.line, message));
                }
                None => return Err((check.line, format!("no counter is called {name}"))),
            }
        }
    }
    Ok(())
}

/// The file with its listings as they are now.
fn with_listings(text: &str, module: &Module, header: &Header) -> Result<String, Failure> {
    let program = text.find(EXPECT).map_or(text, |start| &text[..start]);
    if header.listings.is_empty() {
        return Ok(program.to_string());
    }
    let mut blessed = program.trim_end().to_string() + "\n";
    for wanted in &header.listings {
        let listing =
            listing::make(module, wanted).map_err(|reason| Failure::new(wanted.line, reason))?;
        blessed += &format!("\n{EXPECT}{}\n", wanted.title);
        for line in listing.trim_end().lines() {
            blessed += format!(";; {line}").trim_end();
            blessed += "\n";
        }
    }
    Ok(blessed)
}
