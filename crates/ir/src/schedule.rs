//! Schedules: which calls of a leaf really suspend.
//!
//! Suspending is optional at every suspension point, so a program has as many runs as there are
//! ways to answer "does this leaf suspend?". A [`Schedule`] fixes the answer for the leaves
//! `enjamb.yield` and `enjamb.test`; `enjamb.sleep` always waits on the clock. All engines ask
//! [`Schedule::decides`] and count leaf calls alike, so for one program and one schedule they run
//! in the same order, which is part of the meaning of the IR.

use std::fmt;
use std::str::FromStr;

/// Which calls of `yield` and `test` suspend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Schedule {
    /// The leaf decides: `yield` suspends, `test` suspends if its argument is odd.
    #[default]
    Natural,
    /// No call suspends.
    Never,
    /// Every call suspends.
    Always,
    /// The bits of a random number generator with this seed decide.
    Random(u64),
    /// The call with this number suspends, counted from 0; no other does.
    Only(u64),
}

impl Schedule {
    /// Whether leaf call `number` suspends. Calls of `yield` and `test` are counted together from
    /// 0 in the order in which the instance makes them; `natural` is the leaf's own answer.
    pub fn decides(self, number: u64, natural: bool) -> bool {
        match self {
            Schedule::Natural => natural,
            Schedule::Never => false,
            Schedule::Always => true,
            Schedule::Random(seed) => split_mix(seed, number) & 1 == 1,
            Schedule::Only(only) => number == only,
        }
    }
}

/// Number `number` of the sequence that SplitMix64 (Steele, Lea and Flood, 2014) makes of `seed`.
fn split_mix(seed: u64, number: u64) -> u64 {
    let step = 0x9E37_79B9_7F4A_7C15_u64;
    let mut z = seed.wrapping_add(number.wrapping_add(1).wrapping_mul(step));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Schedule::Natural => f.write_str("natural"),
            Schedule::Never => f.write_str("never"),
            Schedule::Always => f.write_str("always"),
            Schedule::Random(seed) => write!(f, "random:{seed}"),
            Schedule::Only(number) => write!(f, "only:{number}"),
        }
    }
}

/// A text that names no schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleError(String);

impl fmt::Display for ScheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no schedule: it is natural, never, always, random:SEED or only:NUMBER",
            self.0
        )
    }
}

impl std::error::Error for ScheduleError {}

impl FromStr for Schedule {
    type Err = ScheduleError;
    fn from_str(text: &str) -> Result<Self, ScheduleError> {
        let numbered = |make: fn(u64) -> Schedule, number: &str| number.parse().ok().map(make);
        let schedule = match text.split_once(':') {
            None => match text {
                "natural" => Some(Schedule::Natural),
                "never" => Some(Schedule::Never),
                "always" => Some(Schedule::Always),
                _ => None,
            },
            Some(("random", seed)) => numbered(Schedule::Random, seed),
            Some(("only", number)) => numbered(Schedule::Only, number),
            Some(_) => None,
        };
        schedule.ok_or_else(|| ScheduleError(text.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_print_as_they_are_read() {
        for text in ["natural", "never", "always", "random:7", "only:0"] {
            assert_eq!(text.parse::<Schedule>().unwrap().to_string(), text);
        }
        for text in ["", "sometimes", "random", "random:", "only:-1", "never:1"] {
            assert!(text.parse::<Schedule>().is_err(), "{text}");
        }
    }

    #[test]
    fn random_is_the_published_sequence() {
        // The first outputs of the reference implementation of SplitMix64 with seed 1234567.
        let outputs = [
            6457827717110365317_u64,
            3203168211198807973,
            9817491932198370423,
        ];
        for (number, expected) in outputs.into_iter().enumerate() {
            assert_eq!(split_mix(1234567, number as u64), expected);
        }
    }

    #[test]
    fn only_one_call_suspends() {
        let suspends: Vec<u64> = (0..10)
            .filter(|&n| Schedule::Only(3).decides(n, true))
            .collect();
        assert_eq!(suspends, [3]);
    }
}
