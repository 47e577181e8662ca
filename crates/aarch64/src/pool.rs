//! Constants that loads find relative to themselves.
//!
//! A constant is placed in an island or behind the code. If a load comes so much later that it does
//! not reach it, the constant gets another place.

use std::collections::HashMap;

use crate::operand::Label;

/// The bytes of a constant, or a symbol whose address it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Constant {
    Bytes { bytes: [u8; 16], size: u32 },
    Symbol(u32),
}

impl Constant {
    pub(crate) fn size(&self) -> u32 {
        match self {
            Constant::Bytes { size, .. } => *size,
            Constant::Symbol(_) => 8,
        }
    }
}

/// A constant and where it is.
struct Entry {
    constant: Constant,
    /// At its latest place, or at the next one.
    label: Label,
    /// A load waits for it to be placed at `label`.
    is_wanted: bool,
    is_placed: bool,
}

impl Entry {
    fn take(&mut self) -> (Label, Constant) {
        self.is_placed = true;
        self.is_wanted = false;
        (self.label, self.constant)
    }
}

/// All constants of an assembly.
#[derive(Default)]
pub(crate) struct Pool {
    /// In the order of their first use, so that the result does not depend on hashing.
    entries: Vec<Entry>,
    by_constant: HashMap<Constant, u32>,
    /// Those that loads wait for.
    wanted: Vec<u32>,
}

impl Pool {
    /// The number of a constant; `label` is used if it is new.
    pub(crate) fn add(&mut self, constant: Constant, label: Label) -> u32 {
        let next = self.entries.len() as u32;
        let number = *self.by_constant.entry(constant).or_insert(next);
        if number == next {
            self.entries.push(Entry {
                constant,
                label,
                is_wanted: false,
                is_placed: false,
            });
        }
        number
    }

    /// The label at the constant's latest place.
    pub(crate) fn label(&self, number: u32) -> Label {
        self.entries[number as usize].label
    }

    /// Gives a constant another place, at `label`.
    pub(crate) fn place_again(&mut self, number: u32, label: Label) {
        let entry = &mut self.entries[number as usize];
        entry.label = label;
        entry.is_placed = false;
    }

    /// Says that a load waits for the constant. Returns its bytes if none did before.
    pub(crate) fn want(&mut self, number: u32) -> u32 {
        let entry = &mut self.entries[number as usize];
        if std::mem::replace(&mut entry.is_wanted, true) {
            return 0;
        }
        self.wanted.push(number);
        entry.constant.size()
    }

    /// Takes the constants that loads wait for, in the order in which they are placed.
    pub(crate) fn take_wanted(&mut self) -> Vec<(Label, Constant)> {
        let wanted = std::mem::take(&mut self.wanted);
        let entries = &mut self.entries;
        by_size(
            wanted
                .into_iter()
                .map(|number| entries[number as usize].take()),
        )
    }

    /// Takes all that has no place.
    pub(crate) fn take_all(&mut self) -> Vec<(Label, Constant)> {
        self.wanted.clear();
        let left = self.entries.iter_mut().filter(|entry| !entry.is_placed);
        by_size(left.map(Entry::take))
    }
}

/// Larger constants first, so that each size is aligned behind the one before it.
fn by_size(constants: impl Iterator<Item = (Label, Constant)>) -> Vec<(Label, Constant)> {
    let mut constants: Vec<_> = constants.collect();
    constants.sort_by_key(|(_, constant)| std::cmp::Reverse(constant.size()));
    constants
}
