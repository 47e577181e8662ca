//! How a figure is taken: ours and its peers in turn, a round after the other, so that what else
//! the machine does meets all of them. Time is processor time of this thread, which does all the
//! work and never waits: what other programs take is not in it, but what they do to caches is.

use crate::clock::cpu_time;
use enjamb_tests::bench::Summary;
use serde_json::{Value, json};
use std::hint::black_box;
use std::time::Duration;

/// What was asked for on the command line.
pub struct Settings {
    /// A part of the names of the workloads to run.
    pub filter: String,
    /// Samples of each figure.
    pub samples: usize,
    /// Whether workloads that need many gigabytes run too.
    pub large: bool,
}

impl Settings {
    /// Whether a workload is to run.
    pub fn selects(&self, name: &str) -> bool {
        name.contains(&self.filter)
    }
}

/// How long one sample should take at least.
const SAMPLE: Duration = Duration::from_millis(10);

/// One way to do the work of a workload.
pub struct Subject<'a> {
    /// Who does it.
    pub name: &'static str,
    run: Box<dyn FnMut(u64) -> u64 + 'a>,
    /// How much one sample asks for.
    amount: u64,
}

/// `run(amount)` does that much work and returns what all subjects must agree on.
pub fn subject<'a>(name: &'static str, run: impl FnMut(u64) -> u64 + 'a) -> Subject<'a> {
    Subject {
        name,
        run: Box::new(run),
        amount: 1,
    }
}

impl Subject<'_> {
    fn time(&mut self) -> Duration {
        let started = cpu_time();
        black_box((self.run)(black_box(self.amount)));
        cpu_time() - started
    }

    /// Finds the amount that takes long enough.
    fn calibrate(&mut self) {
        while self.time() < SAMPLE {
            self.amount *= 2;
        }
    }
}

/// Two or more ways to do the same.
pub struct Workload<'a> {
    /// The name, which stays the same over time.
    pub name: String,
    /// Ours first.
    pub subjects: Vec<Subject<'a>>,
    /// How many of what the figure is about there are in the amount of one.
    pub units_per_amount: f64,
}

/// One figure beside a peer's.
pub struct Row {
    /// Of the workload.
    pub name: String,
    /// Our figure.
    pub ours: f64,
    /// Whose the other is.
    pub peer: String,
    /// The other.
    pub peer_value: f64,
    /// Of both.
    pub unit: &'static str,
    /// The median over the rounds of ours to the peer's.
    pub ratio: f64,
    /// Of the ratio: how far its quartiles are apart, as a part of the median.
    pub spread: f64,
    /// How many rounds there were.
    pub samples: usize,
}

impl Row {
    /// Of the samples of two subjects, round by round.
    pub fn new(name: &str, unit: &'static str, ours: &[f64], peer: &str, theirs: &[f64]) -> Row {
        let ratios = Summary::new(ours.iter().zip(theirs).map(|(a, b)| a / b));
        let row = Row {
            name: name.to_string(),
            ours: Summary::new(ours.iter().copied()).median,
            peer: peer.to_string(),
            peer_value: Summary::new(theirs.iter().copied()).median,
            unit,
            ratio: ratios.median,
            spread: ratios.spread(),
            samples: ours.len(),
        };
        println!(
            "{:22} {:>10.1} {:8} {:>10.1} {:24} ratio {:>6.3}  spread {:>4.1} %",
            row.name,
            row.ours,
            row.unit,
            row.peer_value,
            row.peer,
            row.ratio,
            row.spread * 100.0
        );
        row
    }

    /// As a row of the results.
    pub fn to_json(&self) -> Value {
        json!({
            "name": self.name,
            "ours": self.ours,
            "peer": self.peer,
            "peer_value": self.peer_value,
            "unit": self.unit,
            "ratio": self.ratio,
            "spread": self.spread,
            "samples": self.samples,
        })
    }
}

/// Nanoseconds of what a subject does for an amount of one: the median of samples.
pub fn alone(settings: &Settings, mut subject: Subject<'_>) -> f64 {
    subject.calibrate();
    let samples = (0..settings.samples).map(|_| subject.time().as_nanos() as f64);
    Summary::new(samples.collect::<Vec<_>>()).median / subject.amount as f64
}

/// Runs a workload: a row for each peer.
pub fn measure(settings: &Settings, mut workload: Workload<'_>) -> Vec<Row> {
    if !settings.selects(&workload.name) {
        return Vec::new();
    }
    let name = workload.name;
    let subjects = &mut workload.subjects;
    let expected = (subjects[0].run)(3);
    for subject in subjects.iter_mut() {
        let result = (subject.run)(3);
        assert_eq!(result, expected, "{name}: {} does other work", subject.name);
        subject.calibrate();
    }
    let mut samples = vec![Vec::new(); subjects.len()];
    for _ in 0..settings.samples {
        for (subject, samples) in subjects.iter_mut().zip(&mut samples) {
            let nanoseconds = subject.time().as_nanos() as f64;
            samples.push(nanoseconds / (subject.amount as f64 * workload.units_per_amount));
        }
    }
    let peers = subjects.iter().zip(&samples).skip(1);
    peers
        .map(|(peer, theirs)| Row::new(&name, "ns", &samples[0], peer.name, theirs))
        .collect()
}
