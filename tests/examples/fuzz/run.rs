//! Starts workers, counts what they report, and shows how it goes.

use crate::plant::Plant;
use crate::{finding, worker};
use enjamb_gen::Coverage;
use enjamb_tests::case::Case;
use enjamb_tests::differential::{Difference, Kind};
use indicatif::{ProgressBar, ProgressStyle};
use std::error::Error;
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{env, fmt, thread};

/// The words with which lines of workers begin.
pub const BEGIN: &str = "begin";
pub const END: &str = "end";
pub const FOUND: &str = "found";
pub const COVERED: &str = "covered";
pub const DONE: &str = "done";

/// Seconds between lines that say how it goes, where there is no terminal to show a bar.
const LINE_SECONDS: f64 = 60.0;

/// Bytes that the allocator of a worker does not give back to the system.
const KEPT_BYTES: u64 = 32 << 20;

/// How long, how many, which.
#[derive(Clone, clap::Args)]
pub struct Settings {
    /// Seconds after which no other run begins
    #[arg(long, default_value_t = 60)]
    pub seconds: u64,
    /// The most programs
    #[arg(long, default_value_t = u64::MAX)]
    pub programs: u64,
    /// The number of the first program; drawn from the clock if there is none
    #[arg(long)]
    pub seed: Option<u64>,
    /// Processes at a time
    #[arg(long, default_value_t = 1)]
    pub jobs: u64,
    /// Says how often programs have had each instruction
    #[arg(long)]
    pub coverage: bool,
}

/// What workers reported.
#[derive(Default)]
struct Counts {
    programs: u64,
    pairs: u64,
    differences: u64,
    coverage: Coverage,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts {
            programs,
            pairs,
            differences,
            coverage: _,
        } = self;
        write!(
            f,
            "programs={programs} pairs={pairs} differences={differences}"
        )
    }
}

/// Runs programs. True if there is no difference.
pub fn run(settings: &Settings, plant: Option<Plant>) -> Result<bool, Box<dyn Error>> {
    let start = Instant::now();
    let seed = match settings.seed {
        Some(seed) => seed,
        // Six digits of seconds and six of microseconds: runs do not meet.
        None => (SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros() % (1 << 40)) as u64,
    };
    eprintln!("seed {seed}");
    let (sender, lines) = channel();
    let jobs = settings.jobs.max(1);
    let threads: Vec<_> = (0..jobs)
        .map(|job| {
            let share = worker::Share {
                first: seed.wrapping_add(job),
                step: jobs,
                programs: settings.programs / jobs + u64::from(job < settings.programs % jobs),
                seconds: settings.seconds,
            };
            let sender = sender.clone();
            thread::spawn(move || {
                let done = work(share, plant, &sender);
                done.map_err(|error| error.to_string())
            })
        })
        .collect();
    drop(sender);
    let counts = follow(&lines, settings, start);
    for thread in threads {
        thread.join().map_err(|_| "a thread panicked")??;
    }
    eprint!("{}", summary(&counts.coverage, settings.coverage));
    println!("{counts} seconds={} seed={seed}", start.elapsed().as_secs());
    Ok(counts.differences == 0)
}

/// How runs ended, and everything else that was counted if that is wanted `whole`.
fn summary(coverage: &Coverage, whole: bool) -> String {
    let text = coverage.to_string();
    let lines = text
        .lines()
        .filter(|line| whole || line.starts_with("ended"));
    lines.map(|line| format!("{line}\n")).collect()
}

/// Counts what workers report until they are done.
fn follow(lines: &Receiver<String>, settings: &Settings, start: Instant) -> Counts {
    let bar = ProgressBar::new(settings.seconds);
    let style = ProgressStyle::with_template("{elapsed_precise} {bar:24} {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let mut counts = Counts::default();
    let mut next = LINE_SECONDS;
    for line in lines {
        match line.split_once(' ') {
            Some((END, pairs)) => {
                let pairs = pairs.parse::<u64>().unwrap_or(0);
                counts.programs += u64::from(pairs > 0);
                counts.pairs += pairs;
            }
            Some((COVERED, line)) => counts.coverage.extend(&line.parse().unwrap_or_default()),
            Some((FOUND, what)) => {
                counts.programs += 1;
                counts.differences += 1;
                bar.suspend(|| eprintln!("found by program {what}"));
            }
            _ => {}
        }
        let seconds = start.elapsed().as_secs_f64().max(0.001);
        bar.set_position(seconds as u64);
        let rate = |count: u64| count as f64 / seconds;
        let message = format!(
            "{} programs ({:.1}/s), {} pairs ({:.0}/s), {} differences",
            counts.programs,
            rate(counts.programs),
            counts.pairs,
            rate(counts.pairs),
            counts.differences
        );
        if bar.is_hidden() && seconds >= next {
            eprintln!("{seconds:.0} s: {message}");
            next = seconds + LINE_SECONDS;
        }
        bar.set_message(message);
    }
    bar.finish_and_clear();
    counts
}

/// Has a share done, by another worker if one ends before it is done.
fn work(
    mut share: worker::Share,
    plant: Option<Plant>,
    lines: &Sender<String>,
) -> Result<(), Box<dyn Error>> {
    let end = Instant::now() + Duration::from_secs(share.seconds);
    loop {
        let left = end.saturating_duration_since(Instant::now());
        share.seconds = left.as_secs();
        let numbers = [share.first, share.step, share.programs, share.seconds];
        let mut command = this_program(plant)?;
        command
            .arg("worker")
            .args(numbers.map(|number| number.to_string()));
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().ok_or("a worker has no output")?;
        let (mut begun, mut running, mut done) = (0, None, false);
        for line in BufReader::new(output).lines() {
            let line = line?;
            match line.split_once(' ') {
                Some((BEGIN, seed)) => {
                    begun += 1;
                    running = Some(seed.parse::<u64>()?);
                }
                Some((COVERED, _)) => {}
                _ if line == DONE => done = true,
                _ => running = None,
            }
            lines.send(line)?;
        }
        child.wait()?;
        if done {
            return Ok(());
        }
        let Some(seed) = running else {
            return Err("a worker ended without a program".into());
        };
        let difference = crash(seed, plant)?;
        lines.send(format!("{FOUND} {seed} {difference}"))?;
        share.first = seed.wrapping_add(share.step);
        share.programs -= begun;
    }
}

/// Finds out in which engine a program crashes, and writes its file.
fn crash(seed: u64, plant: Option<Plant>) -> Result<Difference, Box<dyn Error>> {
    let case = Case::of_seed(seed)?;
    let mut difference = Difference {
        stage: "a run of a worker".to_string(),
        kind: Kind::Crashes,
        schedule: None,
        detail: String::new(),
    };
    let golden = finding::golden_folder();
    let emulated = is_emulated();
    let path = finding::write(&golden, seed, &case, &difference, emulated)?;
    std::fs::write(&path, case.to_text(&[]))?;
    let output = this_program(plant)?.arg("check").arg(&path).output()?;
    let output = String::from_utf8_lossy(&output.stdout);
    if let Some((stage, schedule)) = worker::last_run(&output) {
        difference.stage = stage;
        difference.schedule = Some(schedule);
    }
    finding::write(&golden, seed, &case, &difference, emulated)?;
    Ok(difference)
}

/// The emulator that we run under.
fn emulator() -> Option<OsString> {
    env::var_os("ENJAMB_EMULATOR").filter(|_| cfg!(target_arch = "aarch64"))
}

/// Whether we run under an emulator.
pub fn is_emulated() -> bool {
    emulator().is_some()
}

/// A command that starts this program once more, under the emulator if we run under one. It keeps the memory of
/// instances that are gone for those that come.
pub fn this_program(plant: Option<Plant>) -> Result<Command, Box<dyn Error>> {
    let program = env::current_exe()?;
    let mut command = match emulator() {
        Some(emulator) => {
            let mut command = Command::new(emulator);
            command.arg(program);
            command
        }
        None => Command::new(program),
    };
    for name in [
        "MALLOC_TRIM_THRESHOLD_",
        "MALLOC_MMAP_THRESHOLD_",
        "MALLOC_TOP_PAD_",
    ] {
        command.env(name, KEPT_BYTES.to_string());
    }
    command.args(plant.map(|plant| match plant {
        Plant::Difference => "--plant=difference",
        Plant::Crash => "--plant=crash",
    }));
    Ok(command)
}
