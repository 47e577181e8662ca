//! The one place that names the hash function of the project.
//!
//! `fxhash` is fast and deterministic, and its crate is no longer maintained; every other
//! module says [`FxHashMap`], so replacing it is a change of these lines.

/// A hash map with the project's hash function.
pub type FxHashMap<K, V> = fxhash::FxHashMap<K, V>;
/// A hash set with the project's hash function.
pub type FxHashSet<K> = fxhash::FxHashSet<K>;
/// A map that iterates in insertion order, with the project's hash function.
pub type FxIndexMap<K, V> = indexmap::IndexMap<K, V, fxhash::FxBuildHasher>;
