//! Places of one width inside a layout, and at which points each is taken.
//!
//! Values of falling width are placed one width after the other. Between two widths every column is
//! split in halves that inherit what is taken, so a narrow value finds the gaps that wide ones left
//! and no padding arises between widths.

use crate::taken::Taken;

/// How many columns are asked before a place is taken at the end. Needs that are intervals of points,
/// and come in order, find the first one free.
const PROBES: usize = 64;

#[derive(Clone)]
struct Column {
    offset: u32,
    taken: Taken,
}

/// The columns of a layout under construction.
pub(crate) struct Columns {
    columns: Vec<Column>,
    width: u32,
    end: u32,
    /// For each point, columns below this index are all taken there.
    first_free: Vec<usize>,
    /// How many places were asked whether they are free.
    pub(crate) asked: u64,
}

impl Columns {
    /// No columns yet: the first one will stand at `start`, a multiple of 8, and be 8 bytes wide.
    pub(crate) fn new(start: u32, points: usize) -> Self {
        Columns {
            columns: Vec::new(),
            width: 8,
            end: start,
            first_free: vec![0; points],
            asked: 0,
        }
    }

    /// Goes on with columns of half the width and less, down to `width` (a power of two).
    pub(crate) fn narrow_to(&mut self, width: u32) {
        while self.width > width {
            self.width /= 2;
            let half = self.width;
            self.columns = std::mem::take(&mut self.columns)
                .into_iter()
                .flat_map(|column| {
                    let second = Column {
                        offset: column.offset + half,
                        ..column.clone()
                    };
                    [column, second]
                })
                .collect();
            self.first_free.iter_mut().for_each(|first| *first *= 2);
        }
    }

    /// Takes the column at `offset` if it is free at all `points`.
    pub(crate) fn take_at(&mut self, offset: u32, points: &[u32]) -> bool {
        let found = self
            .columns
            .binary_search_by_key(&offset, |column| column.offset);
        let Ok(index) = found else { return false };
        if !self.is_free(index, points) {
            return false;
        }
        self.mark(index, points);
        true
    }

    /// Takes the first column that is free at all `points`, a new one if there is none, and
    /// returns its offset.
    pub(crate) fn take(&mut self, points: &[u32]) -> u32 {
        let start = points
            .iter()
            .map(|&point| self.first_free[point as usize])
            .max();
        let start = start.unwrap_or(0);
        let count = self.columns.len();
        // Of the last 8 bytes, narrow columns may be left.
        let last = count.saturating_sub((8 / self.width) as usize);
        let mut near = (start..count.min(start + PROBES)).chain(last..count);
        let free = near.find(|&index| self.is_free(index, points));
        let index = free.unwrap_or_else(|| self.add_columns());
        self.mark(index, points);
        self.columns[index].offset
    }

    /// Offset behind the last column.
    pub(crate) fn end(&self) -> u32 {
        self.end
    }

    /// Adds 8 bytes and returns the first of the columns in them.
    fn add_columns(&mut self) -> usize {
        let first = self.columns.len();
        for offset in (self.end..self.end + 8).step_by(self.width as usize) {
            self.columns.push(Column {
                offset,
                taken: Taken::default(),
            });
        }
        self.end += 8;
        first
    }

    fn is_free(&mut self, index: usize, points: &[u32]) -> bool {
        self.asked += 1;
        self.columns[index].taken.is_free(points)
    }

    fn mark(&mut self, index: usize, points: &[u32]) {
        self.columns[index].taken.insert(points);
        for &point in points {
            let first = &mut self.first_free[point as usize];
            while self
                .columns
                .get(*first)
                .is_some_and(|column| column.taken.contains(point))
            {
                *first += 1;
            }
        }
    }
}
