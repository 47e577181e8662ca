//! Places for the contents of stack slots, and at which points each is taken.

use crate::taken::Taken;

/// How many regions are asked before one is made, beginning with the one of the closest size.
const PROBES: usize = 64;

/// A stretch of bytes.
struct Region {
    offset: u32,
    taken: Taken,
}

/// The regions of a layout under construction.
pub(crate) struct Regions {
    regions: Vec<Region>,
    end: u32,
    /// How many regions were asked whether they are free.
    pub(crate) asked: u64,
}

impl Regions {
    /// No regions yet: the first one will stand at `start`, a multiple of 8.
    pub(crate) fn new(start: u32) -> Self {
        Regions {
            regions: Vec::new(),
            end: start,
            asked: 0,
        }
    }

    /// Takes a region that is free at all `points`, a new one if there is none near, and returns its
    /// offset. No size is larger than one before it, so that every region is large enough.
    pub(crate) fn take(&mut self, size: u32, points: &[u32]) -> u32 {
        for region in self.regions.iter_mut().rev().take(PROBES) {
            self.asked += 1;
            if region.taken.is_free(points) {
                region.taken.insert(points);
                return region.offset;
            }
        }
        let (offset, mut taken) = (self.end, Taken::default());
        taken.insert(points);
        self.regions.push(Region { offset, taken });
        self.end = (offset + size).next_multiple_of(8);
        offset
    }

    /// Offset behind the last region.
    pub(crate) fn end(&self) -> u32 {
        self.end
    }
}
