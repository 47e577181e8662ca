//! The bytes of a layout under construction, by point.
//!
//! A place is free for something if it is free at all points that save it. So nothing is compared
//! with everything else: what a search costs depends on the number of points and on the gaps that
//! are left there, not on the number of things placed.

use crate::taken::Taken;

/// How many places are tried before one behind everything is taken. What is saved at points in a
/// row, and comes in that order, finds the first one free.
const PROBES: usize = 64;

/// What is taken at each point.
pub(crate) struct Space {
    points: Vec<Taken>,
    /// How many times a place was asked whether it is free at one point.
    pub(crate) asked: u64,
}

impl Space {
    /// A space in which, at each point, the bytes below these ends are taken.
    pub(crate) fn new(ends: impl Iterator<Item = u32>) -> Self {
        Space {
            points: ends.map(Taken::below).collect(),
            asked: 0,
        }
    }

    /// Takes the place at `offset` if it is free at all `points`.
    pub(crate) fn take_at(&mut self, offset: u32, size: u32, points: &[u32]) -> bool {
        let is_free = self.obstacle(offset, size, points).is_none();
        if is_free {
            self.insert(offset, size, points);
        }
        is_free
    }

    /// Takes the first place that is free at all `points` and returns its offset.
    pub(crate) fn take(&mut self, (size, align): (u32, u32), points: &[u32]) -> u32 {
        let mut offset = self.most(points, Taken::first_free);
        for _ in 0..PROBES {
            offset = offset.next_multiple_of(align);
            match self.obstacle(offset, size, points) {
                Some(end) => offset = end,
                None => {
                    self.insert(offset, size, points);
                    return offset;
                }
            }
        }
        let offset = self.most(points, Taken::end).next_multiple_of(align);
        self.insert(offset, size, points);
        offset
    }

    /// Behind the last byte that is taken anywhere.
    pub(crate) fn end(&self) -> u32 {
        self.points.iter().map(Taken::end).max().unwrap_or(0)
    }

    /// How far the bytes have to move on, at least, to be free at all `points`.
    fn obstacle(&mut self, offset: u32, size: u32, points: &[u32]) -> Option<u32> {
        self.asked += points.len() as u64;
        let ends = points.iter().map(|&point| &self.points[point as usize]);
        ends.filter_map(|taken| taken.obstacle(offset, size)).max()
    }

    fn insert(&mut self, offset: u32, size: u32, points: &[u32]) {
        for &point in points {
            self.points[point as usize].insert(offset, size);
        }
    }

    fn most(&self, points: &[u32], measure: impl Fn(&Taken) -> u32) -> u32 {
        let measures = points
            .iter()
            .map(|&point| measure(&self.points[point as usize]));
        measures.max().unwrap_or(0)
    }
}
