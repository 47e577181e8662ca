//! Lists of items per key in two vectors, in place of a vector of vectors.

/// For each key below a bound, a slice of items.
#[derive(Clone, Debug)]
pub(crate) struct Ranges<T> {
    /// The items of key `k` are `items[starts[k]..starts[k + 1]]`.
    starts: Vec<u32>,
    items: Vec<T>,
}

impl<T: Copy> Ranges<T> {
    /// No keys.
    pub(crate) fn empty() -> Self {
        Ranges {
            starts: vec![0],
            items: Vec::new(),
        }
    }

    /// Lists that the caller has laid out.
    pub(crate) fn from_parts(starts: Vec<u32>, items: Vec<T>) -> Self {
        Ranges { starts, items }
    }

    /// Runs `produce` twice, to count and to fill; both times it must add the same items. The
    /// items of a key keep the order in which they are added.
    pub(crate) fn build(keys: usize, mut produce: impl FnMut(&mut dyn FnMut(usize, T))) -> Self {
        let mut starts = vec![0u32; keys + 1];
        let mut first = None;
        produce(&mut |key, item| {
            starts[key] += 1;
            first.get_or_insert(item);
        });
        let mut total = 0;
        for start in &mut starts {
            total += std::mem::replace(start, total);
        }
        let Some(first) = first else {
            return Ranges {
                starts,
                items: Vec::new(),
            };
        };
        // While filling, `starts[k]` is where the next item of `k` goes: it ends as the start of
        // `k + 1`, so that shifting by one restores the starts.
        let mut items = vec![first; total as usize];
        produce(&mut |key, item| {
            items[starts[key] as usize] = item;
            starts[key] += 1;
        });
        starts.rotate_right(1);
        starts[0] = 0;
        Ranges { starts, items }
    }

    /// The items of a key; none if the key is beyond the bound.
    pub(crate) fn get(&self, key: usize) -> &[T] {
        match (self.starts.get(key), self.starts.get(key + 1)) {
            (Some(&start), Some(&end)) => &self.items[start as usize..end as usize],
            _ => &[],
        }
    }

    /// How many bytes the lists take.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&self.starts[..]) + size_of_val(&self.items[..])
    }
}
