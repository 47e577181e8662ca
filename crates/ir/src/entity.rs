//! Dense indices for everything that the IR names, and maps keyed by them.
//!
//! An entity is a `u32` newtype. Its `Display` is its name in the text format (`v3`, `block1`).
//! [`PrimaryMap`] owns the data of one kind of entity and hands out its indices;
//! [`SecondaryMap`] holds further facts about entities that some primary map made.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Index, IndexMut};

/// An index that stands for one thing of a function or module.
pub trait Entity: Copy + Eq + Ord + std::hash::Hash + fmt::Display + fmt::Debug {
    /// The entity with this index; the caller makes sure that it exists.
    fn from_index(index: usize) -> Self;
    /// The position of this entity in its primary map.
    fn index(self) -> usize;
}

macro_rules! entities {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u32);

        impl Entity for $name {
            fn from_index(index: usize) -> Self {
                debug_assert!(index < u32::MAX as usize, "entity index out of range");
                $name(index as u32)
            }
            fn index(self) -> usize {
                self.0 as usize
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )*};
}

entities! {
    /// An SSA value: a block parameter or a result of an instruction.
    Value = "v";
    /// A basic block with parameters.
    Block = "block";
    /// An instruction.
    Inst = "inst";
    /// A piece of a function's frame with a size and an alignment.
    StackSlot = "ss";
    /// A signature that an indirect call, a join or an import names.
    SigId = "sig";
    /// A continuation layout of a lowered function.
    LayoutId = "layout";
    /// A suspension point of a lowered function; its index is its state number.
    PointId = "point";
    /// A field of a continuation layout or of an object type.
    FieldId = "field";
    /// A place in a function's frame for one reference that a collection finds.
    RootId = "root";
    /// A function of a module, imported or defined.
    FuncId = "func";
    /// A linear memory of a module.
    MemoryId = "memory";
    /// A data segment of a module.
    DataId = "data";
    /// A global variable of a module.
    GlobalId = "global";
    /// A table of function references of a module.
    TableId = "table";
    /// A type of objects of a module.
    ObjectTypeId = "type";
    /// A source file that positions of a module refer to.
    FileId = "file";
}

/// Owns the data of one kind of entity, in order of creation.
#[derive(Clone, PartialEq, Eq)]
pub struct PrimaryMap<K, V> {
    elements: Vec<V>,
    key: PhantomData<K>,
}

impl<K: Entity, V> PrimaryMap<K, V> {
    /// An empty map.
    pub const fn new() -> Self {
        PrimaryMap {
            elements: Vec::new(),
            key: PhantomData,
        }
    }
    /// Adds an element and returns the entity that names it.
    pub fn push(&mut self, element: V) -> K {
        self.elements.push(element);
        K::from_index(self.elements.len() - 1)
    }
    /// The entity that the next `push` returns.
    pub fn next_key(&self) -> K {
        K::from_index(self.elements.len())
    }
    /// How many entities there are.
    pub fn len(&self) -> usize {
        self.elements.len()
    }
    /// Whether there is no entity.
    pub fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }
    /// The element of `key`, if that entity exists.
    pub fn get(&self, key: K) -> Option<&V> {
        self.elements.get(key.index())
    }
    /// The element of `key` for writing, if that entity exists.
    pub fn get_mut(&mut self, key: K) -> Option<&mut V> {
        self.elements.get_mut(key.index())
    }
    /// All entities, in order of creation.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = K> + ExactSizeIterator + use<K, V> {
        (0..self.elements.len()).map(K::from_index)
    }
    /// All elements, in order of creation.
    pub fn values(&self) -> std::slice::Iter<'_, V> {
        self.elements.iter()
    }
    /// All elements for writing, in order of creation.
    pub fn values_mut(&mut self) -> std::slice::IterMut<'_, V> {
        self.elements.iter_mut()
    }
    /// All entities with their elements, in order of creation.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (K, &V)> + ExactSizeIterator {
        self.elements
            .iter()
            .enumerate()
            .map(|(index, value)| (K::from_index(index), value))
    }
}

impl<K: Entity, V> Default for PrimaryMap<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Entity, V> Index<K> for PrimaryMap<K, V> {
    type Output = V;
    fn index(&self, key: K) -> &V {
        &self.elements[key.index()]
    }
}

impl<K: Entity, V> IndexMut<K> for PrimaryMap<K, V> {
    fn index_mut(&mut self, key: K) -> &mut V {
        &mut self.elements[key.index()]
    }
}

impl<K: Entity, V> FromIterator<V> for PrimaryMap<K, V> {
    fn from_iter<I: IntoIterator<Item = V>>(elements: I) -> Self {
        PrimaryMap {
            elements: elements.into_iter().collect(),
            key: PhantomData,
        }
    }
}

impl<K: Entity, V: fmt::Debug> fmt::Debug for PrimaryMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// Facts about entities of another map; an entity without an entry has the default.
#[derive(Clone, PartialEq)]
pub struct SecondaryMap<K, V> {
    elements: Vec<V>,
    default: V,
    key: PhantomData<K>,
}

impl<K: Entity, V: Clone> SecondaryMap<K, V> {
    /// A map in which every entity has `default`.
    pub fn with_default(default: V) -> Self {
        SecondaryMap {
            elements: Vec::new(),
            default,
            key: PhantomData,
        }
    }
    /// A map in which every entity has `V::default()`.
    pub fn new() -> Self
    where
        V: Default,
    {
        Self::with_default(V::default())
    }
    /// Makes room for `count` entities at once.
    pub fn resize(&mut self, count: usize) {
        self.elements.resize(count, self.default.clone());
    }
    /// The entities with a stored entry: a prefix of all; those behind it have the default.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (K, &V)> {
        self.elements
            .iter()
            .enumerate()
            .map(|(index, value)| (K::from_index(index), value))
    }
}

impl<K: Entity, V: Clone + Default> Default for SecondaryMap<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Entity, V: Clone> Index<K> for SecondaryMap<K, V> {
    type Output = V;
    fn index(&self, key: K) -> &V {
        self.elements.get(key.index()).unwrap_or(&self.default)
    }
}

impl<K: Entity, V: Clone> IndexMut<K> for SecondaryMap<K, V> {
    fn index_mut(&mut self, key: K) -> &mut V {
        if key.index() >= self.elements.len() {
            self.resize(key.index() + 1);
        }
        &mut self.elements[key.index()]
    }
}

impl<K: Entity, V: Clone + fmt::Debug> fmt::Debug for SecondaryMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
