//! Sets of block positions as runs of consecutive ones, and the index that answers which sets
//! hold a position.

use crate::ranges::Ranges;

/// Consecutive positions, both ends included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Run {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Run {
    pub(crate) fn single(position: u32) -> Run {
        Run {
            start: position,
            end: position,
        }
    }
}

/// Sorts runs and joins those that overlap or touch.
pub(crate) fn normalize(runs: &mut Vec<Run>) {
    runs.sort_unstable();
    runs.dedup_by(|next, last| {
        let joins = next.start <= last.end.saturating_add(1);
        if joins {
            last.end = last.end.max(next.end);
        }
        joins
    });
}

/// Positions in order, each once.
pub(crate) fn sorted(positions: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut positions: Vec<u32> = positions.collect();
    positions.sort_unstable();
    positions.dedup();
    positions
}

/// How many runs a [`FewRuns`] holds at most.
const FEW: usize = 4;

/// A set of at most [`FEW`] runs, sorted, with gaps between them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FewRuns {
    runs: [Run; FEW],
    count: u8,
}

impl FewRuns {
    /// The set of these normalized runs, unless they are too many.
    pub(crate) fn new(from: &[Run]) -> Option<FewRuns> {
        let mut few = FewRuns::default();
        few.runs.get_mut(..from.len())?.copy_from_slice(from);
        few.count = from.len() as u8;
        Some(few)
    }

    pub(crate) fn as_slice(&self) -> &[Run] {
        &self.runs[..usize::from(self.count)]
    }

    /// The union of two sets, unless it has too many runs.
    pub(crate) fn union(&self, other: &FewRuns) -> Option<FewRuns> {
        let mut merged = [Run::default(); 2 * FEW];
        let mut count = 0usize;
        let (mut left, mut right) = (self.as_slice(), other.as_slice());
        loop {
            let next = match (left.split_first(), right.split_first()) {
                (Some((a, rest)), Some((b, _))) if a.start <= b.start => {
                    left = rest;
                    *a
                }
                (_, Some((b, rest))) => {
                    right = rest;
                    *b
                }
                (Some((a, rest)), None) => {
                    left = rest;
                    *a
                }
                (None, None) => return FewRuns::new(&merged[..count]),
            };
            match merged[..count].last_mut() {
                Some(last) if next.start <= last.end.saturating_add(1) => {
                    last.end = last.end.max(next.end);
                }
                _ => {
                    merged[count] = next;
                    count += 1;
                }
            }
        }
    }
}

/// Per key its runs, searchable both by key and by position.
///
/// By position it is Edelsbrunner's interval tree over the implicit binary tree of the positions
/// 1, 2, 3, …: the node of a run is the number in it that the highest power of two divides, and all
/// runs that hold a position belong to the logarithmically many ancestors of that position. Each
/// node has its runs twice, by start and by end, so that those that hold a position left or right of
/// the node are a prefix.
#[derive(Clone, Debug)]
pub(crate) struct RunIndex {
    runs: Vec<Run>,
    keys: Vec<u32>,
    /// Per key where its runs stand, as start and count.
    of_key: Vec<(u32, u32)>,
    by_start: Ranges<u32>,
    by_end: Ranges<u32>,
    positions: u32,
}

/// Collects the runs of one key after the other, in any order of keys.
#[derive(Debug)]
pub(crate) struct RunIndexBuilder {
    runs: Vec<Run>,
    keys: Vec<u32>,
    of_key: Vec<(u32, u32)>,
}

impl RunIndexBuilder {
    pub(crate) fn new(keys: usize) -> Self {
        RunIndexBuilder {
            runs: Vec::new(),
            keys: Vec::new(),
            of_key: vec![(0, 0); keys],
        }
    }

    /// Gives a key its normalized runs.
    pub(crate) fn set(&mut self, key: u32, runs: &[Run]) {
        self.of_key[key as usize] = (self.runs.len() as u32, runs.len() as u32);
        self.runs.extend_from_slice(runs);
        self.keys.resize(self.runs.len(), key);
    }

    /// The index over positions below `positions`.
    pub(crate) fn finish(self, positions: usize) -> RunIndex {
        let runs = &self.runs;
        let mut sorted: Vec<u32> = (0..runs.len() as u32).collect();
        let nodes = positions + 1;
        sorted.sort_unstable_by_key(|&run| (runs[run as usize].start, run));
        let by_start = Ranges::build(nodes, |add| {
            for &run in &sorted {
                add(node_of(runs[run as usize]), run);
            }
        });
        sorted.sort_unstable_by_key(|&run| (std::cmp::Reverse(runs[run as usize].end), run));
        let by_end = Ranges::build(nodes, |add| {
            for &run in &sorted {
                add(node_of(runs[run as usize]), run);
            }
        });
        RunIndex {
            runs: self.runs,
            keys: self.keys,
            of_key: self.of_key,
            by_start,
            by_end,
            positions: positions as u32,
        }
    }
}

/// The number among `start + 1..=end + 1` that the highest power of two divides.
fn node_of(run: Run) -> usize {
    let (before, last) = (run.start, run.end + 1);
    let highest_difference = 31 - (before ^ last).leading_zeros();
    ((last >> highest_difference) << highest_difference) as usize
}

impl RunIndex {
    /// Whether a run of `key` holds `position`.
    pub(crate) fn contains(&self, key: usize, position: u32) -> bool {
        let Some(&(start, count)) = self.of_key.get(key) else {
            return false;
        };
        let runs = &self.runs[start as usize..(start + count) as usize];
        let behind = runs.partition_point(|run| run.start <= position);
        behind > 0 && runs[behind - 1].end >= position
    }

    /// Whether a run of `key` holds one of these positions, which are sorted: in time linear in the runs or in the
    /// positions between the first of both and the first that they share, whichever are fewer, with a logarithmic
    /// factor.
    pub(crate) fn contains_any(&self, key: usize, mut positions: &[u32]) -> bool {
        let Some(&(start, count)) = self.of_key.get(key) else {
            return false;
        };
        let mut runs = &self.runs[start as usize..(start + count) as usize];
        while let Some(run) = runs.first() {
            positions = &positions[positions.partition_point(|&position| position < run.start)..];
            let Some(&position) = positions.first() else {
                return false;
            };
            if position <= run.end {
                return true;
            }
            runs = &runs[runs.partition_point(|run| run.end < position)..];
        }
        false
    }

    /// The last position that a run of `key` holds.
    pub(crate) fn last_position(&self, key: usize) -> Option<u32> {
        let &(start, count) = self.of_key.get(key)?;
        let runs = &self.runs[start as usize..(start + count) as usize];
        Some(runs.last()?.end)
    }

    /// Calls `visit` with every key that has a run that holds `position`, once each, in no
    /// particular order: in time logarithmic in the positions and linear in the keys found.
    pub(crate) fn for_each_key_at(&self, position: u32, mut visit: impl FnMut(u32)) {
        let number = position + 1;
        for level in number.trailing_zeros()..u32::BITS {
            // The ancestor of `number` that 2^level is the highest power of two to divide.
            let node = ((u64::from(number) >> level) | 1) << level;
            if self.positions >> level == 0 {
                break;
            }
            self.visit_node(node, number, &mut visit);
        }
    }

    fn visit_node(&self, node: u64, number: u32, visit: &mut impl FnMut(u32)) {
        if node > u64::from(self.positions) {
            return;
        }
        if u64::from(number) <= node {
            for &run in self.by_start.get(node as usize) {
                if self.runs[run as usize].start >= number {
                    break;
                }
                visit(self.keys[run as usize]);
            }
        } else {
            for &run in self.by_end.get(node as usize) {
                if self.runs[run as usize].end + 1 < number {
                    break;
                }
                visit(self.keys[run as usize]);
            }
        }
    }

    /// How many runs there are.
    pub(crate) fn len(&self) -> usize {
        self.runs.len()
    }

    /// How many bytes the index takes.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&self.runs[..])
            + size_of_val(&self.keys[..])
            + size_of_val(&self.of_key[..])
            + self.by_start.bytes()
            + self.by_end.bytes()
    }
}
