//! The one place that names the hash functions of the project, and says which is for what.
//!
//! - [`FxHashMap`] and its like are for entities, pairs of them, and other numbers that somebody counts up, or that no
//!   program chooses. `fxhash` is fast, and has no key: whoever chooses what is hashed finds as many things with one
//!   hash as he likes, and a map of these is a list. Numbers that count up leave no such choice: of n in a row no
//!   more than about √n fall together, and whole hashes of two pairs hardly ever agree.
//! - [`KeyedHashMap`] and its like are for what a program may choose: names and other text, bytes, constants,
//!   signatures and what contains them. The hash has a random key.
//!
//! Neither kind is iterated to produce output: the order of the one means nothing, that of the other differs from
//! run to run. Where an order is needed there are [`FxIndexMap`] and [`KeyedIndexMap`], which keep that of insertion.
//!
//! The crate of `fxhash` is no longer maintained; replacing it is a change of these lines.

use std::hash::RandomState;

/// A hash map of what counts up.
pub type FxHashMap<K, V> = fxhash::FxHashMap<K, V>;
/// A hash set of what counts up.
pub type FxHashSet<K> = fxhash::FxHashSet<K>;
/// A map of what counts up, which iterates in insertion order.
pub type FxIndexMap<K, V> = indexmap::IndexMap<K, V, fxhash::FxBuildHasher>;

/// A hash map of what a program may choose.
pub type KeyedHashMap<K, V> = std::collections::HashMap<K, V, RandomState>;
/// A hash set of what a program may choose.
pub type KeyedHashSet<K> = std::collections::HashSet<K, RandomState>;
/// A map of what a program may choose, which iterates in insertion order.
pub type KeyedIndexMap<K, V> = indexmap::IndexMap<K, V, RandomState>;

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::hash::{Hash, Hasher};
    use std::rc::Rc;
    use std::vec::IntoIter;

    const COUNT: u64 = 4_000;

    /// Sixteen bytes of a name, which count how often two such are compared.
    struct Name {
        words: [u64; 2],
        comparisons: Rc<Cell<u64>>,
    }

    impl Hash for Name {
        fn hash<H: Hasher>(&self, state: &mut H) {
            self.words.iter().for_each(|&word| state.write_u64(word));
        }
    }

    impl PartialEq for Name {
        fn eq(&self, other: &Self) -> bool {
            self.comparisons.set(self.comparisons.get() + 1);
            self.words == other.words
        }
    }

    impl Eq for Name {}

    /// How many comparisons it takes to collect names that all have one hash, which `fxhash` computes as
    /// `(rotate(first * FACTOR) ^ second) * FACTOR`.
    fn comparisons<M>(collect: impl FnOnce(IntoIter<Name>) -> M) -> u64 {
        const FACTOR: u64 = 0x517c_c1b7_2722_0a95;
        let comparisons = Rc::new(Cell::new(0));
        let name = |first: u64| Name {
            words: [first, first.wrapping_mul(FACTOR).rotate_left(5) ^ 7],
            comparisons: Rc::clone(&comparisons),
        };
        let names: Vec<Name> = (0..COUNT).map(name).collect();
        collect(names.into_iter());
        comparisons.get()
    }

    #[test]
    fn nobody_can_choose_things_with_the_same_keyed_hash() {
        let of_set = comparisons(|names| names.collect::<KeyedHashSet<_>>());
        let with_unit = |name| (name, ());
        let of_map = comparisons(|names| names.map(with_unit).collect::<KeyedHashMap<_, _>>());
        let of_index = comparisons(|names| names.map(with_unit).collect::<KeyedIndexMap<_, _>>());
        for found in [of_set, of_map, of_index] {
            assert!(found < COUNT, "{found}");
        }
        // With the other hash each is compared with all before it.
        let without_key = comparisons(|names| names.collect::<FxHashSet<_>>());
        assert_eq!(without_key, COUNT * (COUNT - 1) / 2);
    }
}
