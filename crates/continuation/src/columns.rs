//! Places of one width inside a layout, and at which points each is taken.
//!
//! Values of falling width are placed one width after the other. Between two widths every column is
//! split in halves that inherit what is taken, so a narrow value finds the gaps that wide ones left
//! and no padding arises between widths.

/// A set of points, by position in their group.
#[derive(Clone, Default)]
struct PointSet(Vec<u64>);

impl PointSet {
    fn contains(&self, point: u32) -> bool {
        self.0
            .get(point as usize / 64)
            .is_some_and(|word| word & (1 << (point % 64)) != 0)
    }
    fn insert(&mut self, point: u32) {
        let word = point as usize / 64;
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (point % 64);
    }
}

#[derive(Clone)]
struct Column {
    offset: u32,
    taken: PointSet,
}

/// The columns of a layout under construction.
pub(crate) struct Columns {
    columns: Vec<Column>,
    width: u32,
    end: u32,
    /// For each point, columns below this index are all taken there.
    first_free: Vec<usize>,
}

impl Columns {
    /// No columns yet: the first one will stand at `start`, a multiple of 8, and be 8 bytes wide.
    pub(crate) fn new(start: u32, points: usize) -> Self {
        Columns {
            columns: Vec::new(),
            width: 8,
            end: start,
            first_free: vec![0; points],
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
        let free = (start..self.columns.len()).find(|&index| self.is_free(index, points));
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
                taken: PointSet::default(),
            });
        }
        self.end += 8;
        first
    }

    fn is_free(&self, index: usize, points: &[u32]) -> bool {
        !points
            .iter()
            .any(|&point| self.columns[index].taken.contains(point))
    }

    fn mark(&mut self, index: usize, points: &[u32]) {
        for &point in points {
            self.columns[index].taken.insert(point);
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
