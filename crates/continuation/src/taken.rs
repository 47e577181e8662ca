//! Which bytes of an object are taken while it is suspended at one point.

use std::collections::BTreeMap;

/// A set of bytes. As a rule it has no gap, and then it is one number.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    /// All bytes below are taken.
    full: u32,
    /// The stretches of taken bytes behind a gap, from start to end. No two touch.
    beyond: BTreeMap<u32, u32>,
}

impl Taken {
    /// Takes all bytes below `end`.
    pub(crate) fn below(end: u32) -> Self {
        Taken {
            full: end,
            beyond: BTreeMap::new(),
        }
    }

    /// The first byte that is free.
    pub(crate) fn first_free(&self) -> u32 {
        self.full
    }

    /// Behind the last byte that is taken.
    pub(crate) fn end(&self) -> u32 {
        self.beyond
            .last_key_value()
            .map_or(self.full, |(_, &end)| end)
    }

    /// If one of these bytes is taken, the end of the last stretch that is in the way.
    pub(crate) fn obstacle(&self, offset: u32, size: u32) -> Option<u32> {
        let stretch = self.beyond.range(..offset + size).next_back();
        let end = stretch.map_or(self.full, |(_, &end)| end);
        (end > offset).then_some(end)
    }

    /// Takes bytes that are free.
    pub(crate) fn insert(&mut self, offset: u32, size: u32) {
        let end = self
            .beyond
            .remove(&(offset + size))
            .unwrap_or(offset + size);
        if offset == self.full {
            self.full = end;
            return;
        }
        match self.beyond.range_mut(..offset).next_back() {
            Some((_, before)) if *before == offset => *before = end,
            _ => {
                self.beyond.insert(offset, end);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_close_from_either_side() {
        let mut taken = Taken::below(16);
        for offset in [24, 40, 56] {
            taken.insert(offset, 8);
        }
        assert_eq!(taken.obstacle(16, 8), None);
        assert_eq!(taken.obstacle(8, 8), Some(16));
        assert_eq!(taken.obstacle(16, 9), Some(32));
        assert_eq!(taken.obstacle(32, 25), Some(64));
        taken.insert(32, 8);
        assert_eq!(taken.obstacle(24, 1), Some(48));
        assert_eq!((taken.first_free(), taken.end()), (16, 64));
        taken.insert(16, 8);
        assert_eq!((taken.first_free(), taken.end()), (48, 64));
        taken.insert(48, 8);
        assert_eq!((taken.first_free(), taken.end()), (64, 64));
    }
}
