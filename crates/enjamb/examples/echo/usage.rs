//! What a process uses, and what it may.

use cpu_time::ProcessTime;
use rustix::process::{Resource, getrlimit, setrlimit};

/// Which figure of a server a request asks for.
#[derive(Clone, Copy, Debug)]
pub enum Usage {
    /// Bytes of resident memory.
    Resident,
    /// Nanoseconds of processor time.
    Processor,
}

impl Usage {
    pub const ALL: [Usage; 2] = [Usage::Resident, Usage::Processor];

    /// The figure of this process; 0 where it cannot be had.
    pub fn of_this_process(self) -> u64 {
        match self {
            Usage::Resident => resident().unwrap_or(0),
            Usage::Processor => ProcessTime::now().as_duration().as_nanos() as u64,
        }
    }
}

/// The figure of a number; 0 if there is none.
pub fn figure(number: u64) -> u64 {
    let usage = usize::try_from(number).ok().and_then(|number| Usage::ALL.get(number));
    usage.map_or(0, |usage| usage.of_this_process())
}

fn resident() -> Option<u64> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = pages.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

/// Descriptors that are needed for something else than connections.
const OTHERS: u64 = 64;

/// How many of so many connections this process may have, with its limit of descriptors raised as far as it
/// goes. Says so where that is less.
pub fn connections_allowed(wanted: usize) -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if setrlimit(Resource::Nofile, limit).is_err() {
        limit = getrlimit(Resource::Nofile);
    }
    let allowed = limit.current.map_or(u64::MAX, |current| current.saturating_sub(OTHERS));
    let allowed = usize::try_from(allowed).unwrap_or(usize::MAX);
    if allowed < wanted {
        eprintln!(
            "{allowed} connections instead of {wanted}: a process may have no more descriptors here"
        );
    }
    wanted.min(allowed)
}
