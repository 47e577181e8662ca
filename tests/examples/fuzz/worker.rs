//! The process that runs programs. It may end at any time; what it printed by then is what is known.

use crate::plant::{self, Plant};
use crate::watch::Watch;
use crate::{finding, run};
use enjamb_gen::Coverage;
use enjamb_ir::Schedule;
use enjamb_tests::case::{self, Case};
use enjamb_tests::differential::{Agreement, Comparison, Difference};
use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// Instructions that a call may take in the interpreter on the source, under whatever schedule: under its first one
/// a program takes a quarter at most.
pub const INSTRUCTIONS: u64 = 4 * case::INSTRUCTIONS;

/// The seconds that one run in one engine may take, on a busy machine and under an emulator.
const LIMIT: u32 = 120;

/// One schedule of so many is one under which every stage of the pipeline runs in the interpreter.
const STAGES: usize = 4;

/// The same under an emulator, where stages do what they do without, much more slowly.
const STAGES_EMULATED: usize = 64;

fn stages() -> usize {
    match run::is_emulated() {
        true => STAGES_EMULATED,
        false => STAGES,
    }
}

/// The programs that a worker runs.
#[derive(clap::Args)]
pub struct Share {
    /// The number of the first program
    pub first: u64,
    /// The difference to the next
    pub step: u64,
    /// How many there are
    pub programs: u64,
    /// The seconds after which no other run begins
    pub seconds: u64,
}

/// Runs a share.
pub fn run(share: &Share, plant: Option<Plant>) -> Result<bool, Box<dyn Error>> {
    let watch = Watch::begin(Duration::from_secs(1), LIMIT);
    let end = Instant::now() + Duration::from_secs(share.seconds);
    let mut seed = share.first;
    let mut coverage = Coverage::default();
    for _ in 0..share.programs {
        if Instant::now() >= end {
            break;
        }
        say(&format!("{} {seed}", run::BEGIN))?;
        let case = Case::of_seed(seed);
        case.iter().for_each(|case| coverage.add(&case.module));
        let compared = match &case {
            Ok(case) => compared(case, plant, &watch, end),
            Err(reason) => Err(Difference::refused(reason.clone())),
        };
        let line = match compared {
            Ok(agreement) => {
                let ended = agreement.endings.iter();
                ended.for_each(|kind| coverage.note(&format!("ended with {kind}")));
                format!("{} {}", run::END, agreement.endings.len())
            }
            Err(difference) => {
                eprintln!("program {seed}: {difference}\n{}", difference.detail);
                if let Ok(case) = &case {
                    let golden = finding::golden_folder();
                    finding::write(&golden, seed, case, &difference, run::is_emulated())?;
                }
                format!("{} {seed} {difference}", run::FOUND)
            }
        };
        say(&line)?;
        seed = seed.wrapping_add(share.step);
    }
    for line in coverage.to_string().lines() {
        say(&format!("{} {line}", run::COVERED))?;
    }
    say(run::DONE)?;
    Ok(true)
}

fn compared(
    case: &Case,
    plant: Option<Plant>,
    watch: &Watch,
    end: Instant,
) -> Result<Agreement, Difference> {
    let comparison = Comparison {
        engines: &|module, fuel| plant::engines(module, fuel, INSTRUCTIONS, plant),
        before: &|_, _| watch.renew(),
        has_time: &|| Instant::now() < end,
        work: case::WORK,
        stages: stages(),
    };
    watch.renew();
    comparison.of_case(case)
}

/// Runs one file and says before each run what comes.
pub fn check(file: &Path, plant: Option<Plant>) -> Result<bool, Box<dyn Error>> {
    let watch = Watch::begin(Duration::from_secs(1), LIMIT);
    let case = Case::of_text(&fs::read_to_string(file)?)?;
    let comparison = Comparison {
        engines: &|module, fuel| plant::engines(module, fuel, INSTRUCTIONS, plant),
        before: &|stage, schedule| {
            watch.renew();
            // Whoever reads it is gone: then nobody needs it.
            let _ = say(&format!("{} {schedule} {stage}", run::BEGIN));
        },
        has_time: &|| true,
        work: u64::MAX,
        stages: 1,
    };
    match comparison.of_case(&case) {
        Ok(_) => Ok(true),
        Err(difference) => {
            say(&format!("{} {difference}", run::FOUND))?;
            Ok(false)
        }
    }
}

/// What a process that does [`check`] said last before it crashed, if that is what it printed.
pub fn last_run(output: &str) -> Option<(String, Schedule)> {
    let last = output.lines().last()?.strip_prefix(run::BEGIN)?.trim();
    let (schedule, stage) = last.split_once(' ')?;
    Some((stage.to_string(), schedule.parse().ok()?))
}

fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
