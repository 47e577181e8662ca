//! At which points a place is taken.

/// A set of points, by position in their group.
#[derive(Clone, Debug, Default)]
pub(crate) struct Taken(Vec<u64>);

impl Taken {
    pub(crate) fn contains(&self, point: u32) -> bool {
        let word = self.0.get(point as usize / 64);
        word.is_some_and(|word| word & (1 << (point % 64)) != 0)
    }

    /// Whether the place is taken at none of these points.
    pub(crate) fn is_free(&self, points: &[u32]) -> bool {
        !points.iter().any(|&point| self.contains(point))
    }

    pub(crate) fn insert(&mut self, points: &[u32]) {
        for &point in points {
            let word = point as usize / 64;
            if word >= self.0.len() {
                self.0.resize(word + 1, 0);
            }
            self.0[word] |= 1 << (point % 64);
        }
    }
}
