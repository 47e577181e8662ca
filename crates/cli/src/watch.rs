//! `--watch`: what a program does, while it does it.
//!
//! The program runs on the main thread. Another one asks its instance for numbers from time to time; in the midst
//! of a long computation it gets none, and shows the last ones and how old they are.

use crate::args::Run;
use anyhow::Result;
use enjamb::{Error, Instance, Monitor, Stats, Val};
use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Map, Value, json};
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// How long the program may take to answer before what it has said last is shown.
const PATIENCE: Duration = Duration::from_millis(50);

/// Calls a function and shows what it does meanwhile.
pub fn call(instance: &Instance, run: &Run, arguments: &[Val]) -> Result<Result<Vec<Val>, Error>> {
    let monitor = instance.monitor()?;
    let mut display = Display::new();
    let mut history = History::new();
    let results = thread::scope(|scope| {
        let (done, is_done) = mpsc::channel();
        let (history, display) = (&mut history, &mut display);
        let interval = run.watch_interval;
        scope.spawn(move || watch(&monitor, interval, &is_done, history, display));
        let results = instance.call(&run.func, arguments);
        drop(done);
        results
    });
    let last = history.sample(Some((instance.stats()?, Instant::now())));
    display.finish(&last);
    Ok(results)
}

/// Shows what a monitor says, until somebody hangs up.
fn watch(
    monitor: &Monitor,
    interval: Duration,
    is_done: &Receiver<()>,
    history: &mut History,
    display: &mut Display,
) {
    while is_done.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
        let snapshot = monitor.snapshot(PATIENCE);
        let sample = history.sample(snapshot.map(|snapshot| (snapshot.stats, snapshot.at)));
        display.show(&sample);
    }
}

/// The program at some time.
struct Sample {
    /// Since it began.
    elapsed: Duration,
    stats: Stats,
    /// How old the numbers are.
    age: Duration,
    /// Suspensions per second since the numbers of the last sample, if these are others.
    rate: Option<f64>,
    /// What the process takes of the memory of the machine.
    resident: Option<u64>,
}

/// What the next sample is compared with.
struct History {
    start: Instant,
    last: (Stats, Instant),
}

impl History {
    fn new() -> History {
        let start = Instant::now();
        History {
            start,
            last: (Stats::default(), start),
        }
    }

    /// The next sample, from numbers and when they were written down, or from the last ones again.
    fn sample(&mut self, numbers: Option<(Stats, Instant)>) -> Sample {
        let (now, (before, then)) = (Instant::now(), self.last);
        let (stats, at) = numbers.unwrap_or(self.last);
        self.last = (stats, at);
        let time = at.duration_since(then).as_secs_f64();
        let more = stats.suspensions.saturating_sub(before.suspensions);
        Sample {
            elapsed: now.duration_since(self.start),
            stats,
            age: now.duration_since(at),
            rate: (time > 0.0).then(|| more as f64 / time),
            resident: resident_bytes(),
        }
    }
}

/// What the process takes of the memory of the machine, where the system says so.
fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// Where samples go.
enum Display {
    /// They take the place of one another.
    Terminal(ProgressBar),
    /// They are lines of JSON.
    Lines,
}

impl Display {
    fn new() -> Display {
        if !io::stdout().is_terminal() {
            return Display::Lines;
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stdout());
        let style = ProgressStyle::with_template("{msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Display::Terminal(bar)
    }

    fn show(&self, sample: &Sample) {
        match self {
            Display::Terminal(bar) => bar.set_message(text(sample)),
            Display::Lines => print(&line(sample, false)),
        }
    }

    /// Shows the last one, which stays.
    fn finish(&self, sample: &Sample) {
        match self {
            Display::Terminal(bar) => bar.abandon_with_message(text(sample)),
            Display::Lines => print(&line(sample, true)),
        }
    }
}

/// Prints a line. That nobody reads any more is no reason to stop the program.
fn print(line: &Value) {
    let mut output = io::stdout().lock();
    let _ = writeln!(output, "{line}").and_then(|()| output.flush());
}

/// A sample for programs.
fn line(sample: &Sample, finished: bool) -> Value {
    let numbers = sample.stats.entries().into_iter();
    let mut line: Map<String, Value> = numbers
        .map(|(name, number)| (name.to_string(), number.into()))
        .collect();
    let mut add = |name: &str, value: Value| line.insert(name.to_string(), value);
    add("seconds", json!(rounded(sample.elapsed.as_secs_f64())));
    add("age_seconds", json!(rounded(sample.age.as_secs_f64())));
    add("suspensions_per_second", json!(sample.rate.map(f64::round)));
    add("resident_bytes", json!(sample.resident));
    add("finished", json!(finished));
    Value::Object(line)
}

/// Milliseconds are enough.
fn rounded(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

/// A sample for people.
fn text(sample: &Sample) -> String {
    let stats = &sample.stats;
    let rate = match sample.rate {
        Some(rate) => format!("{}/s", HumanCount(rate.round() as u64)),
        None => "no news".to_string(),
    };
    let resident = match sample.resident {
        Some(bytes) => format!(", resident {}", HumanBytes(bytes)),
        None => String::new(),
    };
    let age = match sample.age.as_secs() {
        0 => String::new(),
        age => format!(", {age} s ago"),
    };
    format!(
        "{:.1} s: tasks {}, suspensions {} ({rate})\n  continuations {} in {}, tasks {}{resident}{age}",
        sample.elapsed.as_secs_f64(),
        HumanCount(stats.tasks_live),
        HumanCount(stats.suspensions),
        HumanCount(stats.continuations_live),
        HumanBytes(stats.continuation_bytes_live),
        HumanBytes(stats.task_bytes),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(suspensions: u64) -> Stats {
        Stats {
            suspensions,
            tasks_live: 2,
            continuations_live: 3,
            continuation_bytes_live: 96,
            task_bytes: 2048,
            ..Stats::default()
        }
    }

    #[test]
    fn people_read_how_old_the_numbers_are_and_nothing_made_up() {
        let mut history = History::new();
        let second = Duration::from_secs(1);
        let start = history.start.checked_sub(10 * second).unwrap();
        (history.start, history.last.1) = (start, start);
        let mut sample = history.sample(Some((numbers(500), start + 2 * second)));
        assert_eq!(sample.rate, Some(250.0));
        (sample.elapsed, sample.age) = (10 * second, 8 * second);
        sample.resident = Some(3 << 20);
        let expected = "10.0 s: tasks 2, suspensions 500 (250/s)\n  \
            continuations 3 in 96 B, tasks 2.00 KiB, resident 3.00 MiB, 8 s ago";
        assert_eq!(text(&sample), expected);
        let mut sample = history.sample(None);
        (sample.elapsed, sample.age) = (10 * second, 8 * second);
        sample.resident = None;
        let expected = "10.0 s: tasks 2, suspensions 500 (no news)\n  \
            continuations 3 in 96 B, tasks 2.00 KiB, 8 s ago";
        assert_eq!(text(&sample), expected);
        let sample = history.sample(Some((numbers(800), start + 5 * second)));
        assert_eq!(sample.rate, Some(100.0));
        assert_eq!(line(&sample, false)["suspensions_per_second"], 100.0);
    }
}
