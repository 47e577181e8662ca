//! Makes a golden file that fails small.

use crate::plant::{self, Plant};
use crate::{run, worker};
use enjamb_tests::case::Case;
use enjamb_tests::differential::{Comparison, Difference, Kind};
use enjamb_tests::reduce;
use indicatif::ProgressBar;
use std::cell::RefCell;
use std::error::Error;
use std::fs;
use std::path::Path;

/// Instructions that a call may take in the interpreter, if the program fails within them: attempts that
/// never end are common.
const INSTRUCTIONS: u64 = 200_000;

/// Reduces a file in place. False if it does not fail.
pub fn run(file: &Path, plant: Option<Plant>) -> Result<bool, Box<dyn Error>> {
    let text = fs::read_to_string(file)?;
    let case = Case::of_text(&text)?;
    let attempt = tempfile(file);
    let limits = [INSTRUCTIONS, worker::INSTRUCTIONS];
    // In a process of its own first: a crash is known only there.
    let crash = apart(&case, &attempt, plant)?;
    let found = limits.into_iter().find_map(|limit| {
        let found = crash.clone().or_else(|| inside(&case, limit, plant));
        Some((limit, found?))
    });
    let Some((limit, found)) = found else {
        println!("{} does not fail", file.display());
        return Ok(false);
    };
    println!("{found}");
    let bar = ProgressBar::new_spinner();
    let broken = RefCell::new(None);
    // What is refused need not run, as something smaller that is not refused may do for long.
    let runs = !matches!(found.kind, Kind::Refused(_) | Kind::Misleads);
    let mut attempts = 0_u64;
    let mut fails = |case: &Case| {
        attempts += 1;
        let again = match &crash {
            Some(_) => apart(case, &attempt, plant).unwrap_or_else(|error| {
                broken.replace(Some(error.to_string()));
                None
            }),
            None if runs => inside(case, limit, plant),
            None => inside(&without_runs(case), limit, plant),
        };
        again.is_some_and(|again| again.is_like(&found))
    };
    let comments: Vec<String> = comments(&text).map(str::to_string).collect();
    let unwritten = RefCell::new(None);
    let mut progress = |case: &Case| {
        bar.set_message(format!("{} instructions", case.instructions()));
        bar.tick();
        // Whoever does not want to wait has what there is.
        if let Err(error) = fs::write(file, case.to_text(&comments)) {
            unwritten.replace(Some(error));
        }
    };
    let before = case.instructions();
    let small = reduce::reduce(case, &mut fails, &mut progress);
    bar.finish_and_clear();
    if let Some(error) = broken.into_inner() {
        return Err(error.into());
    }
    if let Some(error) = unwritten.into_inner() {
        return Err(error.into());
    }
    fs::write(file, small.to_text(&comments))?;
    let after = small.instructions();
    println!(
        "{}: {before} instructions are {after}, after {attempts} attempts",
        file.display()
    );
    Ok(true)
}

/// The free text of a header.
fn comments(text: &str) -> impl Iterator<Item = &str> {
    let comments = text.lines().map_while(|line| line.strip_prefix("; "));
    comments.filter(|comment| {
        let key = comment.split(':').next().unwrap_or_default();
        let is_text = key.contains(' ') || key.ends_with('.');
        is_text && !key.starts_with("stats ")
    })
}

fn tempfile(file: &Path) -> std::path::PathBuf {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    std::env::temp_dir().join(format!("{}-{name}", std::process::id()))
}

/// The case as far as it is compiled only.
fn without_runs(case: &Case) -> Case {
    Case {
        schedules: Vec::new(),
        ..case.clone()
    }
}

/// What is found in this process.
fn inside(case: &Case, instructions: u64, plant: Option<Plant>) -> Option<Difference> {
    let comparison = Comparison {
        engines: &|module, fuel| plant::engines(module, fuel, instructions, plant),
        before: &|_, _| {},
        has_time: &|| true,
        work: u64::MAX,
        stages: 1,
    };
    comparison.of_case(case).err()
}

/// The crash that another process ends with, if it ends with one.
fn apart(
    case: &Case,
    file: &Path,
    plant: Option<Plant>,
) -> Result<Option<Difference>, Box<dyn Error>> {
    fs::write(file, case.to_text(&[]))?;
    let output = run::this_program(plant)?.arg("check").arg(file).output()?;
    fs::remove_file(file)?;
    if output.status.code().is_some() {
        return Ok(None);
    }
    let last = worker::last_run(&String::from_utf8_lossy(&output.stdout));
    let (stage, schedule) = match last {
        Some((stage, schedule)) => (stage, Some(schedule)),
        None => ("before any run".to_string(), None),
    };
    Ok(Some(Difference {
        stage,
        kind: Kind::Crashes,
        schedule,
        detail: String::new(),
    }))
}
