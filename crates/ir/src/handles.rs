//! Handles: how a host holds references to objects that may move or be freed.
//!
//! A handle is a number other than 0 that names a slot of a table, with the generation of the slot. What
//! the slot holds is the engine's business: an address, an index. A slot's generation changes when its
//! handle is released, so a handle that is used afterwards is found out.
//!
//! Handles are kept until they are released, but for those that are made while a host function runs: they
//! end with its call, unless the function keeps them.
//!
//! ```
//! use enjamb_ir::handles::Handles;
//!
//! let mut handles = Handles::new();
//! let held = handles.insert("object");
//! handles.enter();
//! let (argument, kept) = (handles.insert("argument"), handles.insert("kept"));
//! handles.keep(kept)?;
//! handles.leave();
//! assert_eq!(handles.get(held), Ok(&"object"));
//! assert_eq!(handles.get(kept), Ok(&"kept"));
//! assert!(handles.get(argument).is_err());
//! handles.release(held)?;
//! assert!(handles.get(held).is_err());
//! # Ok::<(), enjamb_ir::handles::StaleHandle>(())
//! ```

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};

/// A handle that was released, that ended with the call of a host function, or that another instance has
/// given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaleHandle {
    /// The handle.
    pub handle: u64,
}

impl fmt::Display for StaleHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let handle = self.handle;
        write!(f, "ref:{handle:#x} is no reference that the host holds")
    }
}

impl std::error::Error for StaleHandle {}

#[derive(Clone, Debug)]
struct Slot<T> {
    generation: u32,
    /// Nothing in a free slot.
    held: Option<T>,
    /// Whether it ends with the call in which it was made.
    is_local: bool,
}

/// A table of what a host holds.
#[derive(Clone, Debug)]
pub struct Handles<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    /// Handles that were made in calls of host functions, in order.
    locals: Vec<u64>,
    /// How many there were when each of the calls began.
    calls: Vec<usize>,
    /// The generation of new slots.
    first_generation: u32,
}

impl<T> Default for Handles<T> {
    fn default() -> Self {
        Handles::new()
    }
}

impl<T> Handles<T> {
    /// No handles, in a table that tells its own from those of all other tables, as far as that goes: in
    /// each they begin at other generations.
    pub fn new() -> Self {
        static TABLES: AtomicU32 = AtomicU32::new(1);
        let number = TABLES.fetch_add(1, Ordering::Relaxed);
        Handles {
            slots: Vec::new(),
            free: Vec::new(),
            locals: Vec::new(),
            calls: Vec::new(),
            // Spread over all generations, so that the handles of one table are far from the next one's.
            first_generation: number.wrapping_mul(0x9e37_79b1).max(1),
        }
    }

    /// A handle for something. It is local if a host function runs.
    pub fn insert(&mut self, held: T) -> u64 {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot {
                generation: self.first_generation,
                held: None,
                is_local: false,
            });
            (self.slots.len() - 1) as u32
        });
        let slot = &mut self.slots[index as usize];
        slot.held = Some(held);
        slot.is_local = !self.calls.is_empty();
        let handle = u64::from(slot.generation) << 32 | u64::from(index);
        if slot.is_local {
            self.locals.push(handle);
        }
        handle
    }

    fn slot(&mut self, handle: u64) -> Result<&mut Slot<T>, StaleHandle> {
        let slot = self.slots.get_mut(handle as u32 as usize);
        slot.filter(|slot| u64::from(slot.generation) == handle >> 32 && slot.held.is_some())
            .ok_or(StaleHandle { handle })
    }

    /// What a handle stands for.
    ///
    /// # Errors
    /// If it is no valid one.
    pub fn get(&self, handle: u64) -> Result<&T, StaleHandle> {
        let slot = self.slots.get(handle as u32 as usize);
        slot.filter(|slot| u64::from(slot.generation) == handle >> 32)
            .and_then(|slot| slot.held.as_ref())
            .ok_or(StaleHandle { handle })
    }

    /// Lets a handle outlive the call in which it was made.
    ///
    /// # Errors
    /// If it is no valid one.
    pub fn keep(&mut self, handle: u64) -> Result<(), StaleHandle> {
        self.slot(handle)?.is_local = false;
        Ok(())
    }

    /// Ends a handle and gives what it stood for.
    ///
    /// # Errors
    /// If it is no valid one.
    pub fn release(&mut self, handle: u64) -> Result<T, StaleHandle> {
        let slot = self.slot(handle)?;
        let held = slot.held.take().ok_or(StaleHandle { handle })?;
        slot.generation = slot.generation.checked_add(1).unwrap_or(1);
        self.free.push(handle as u32);
        Ok(held)
    }

    /// The call of a host function begins.
    pub fn enter(&mut self) {
        self.calls.push(self.locals.len());
    }

    /// The call of a host function that began last is over.
    pub fn leave(&mut self) {
        let first = self.calls.pop().unwrap_or(0);
        while self.locals.len() > first
            && let Some(handle) = self.locals.pop()
        {
            self.end_one(handle);
        }
    }

    /// The call of a host function that began last goes on later, with the handles that were made in it:
    /// they are for [`Handles::end`].
    pub fn suspend(&mut self) -> Vec<u64> {
        let first = self.calls.pop().unwrap_or(0);
        match self.locals.len() > first {
            true => self.locals.drain(first..).collect(),
            false => Vec::new(),
        }
    }

    /// Ends the handles that were made in a call, but for those that were kept.
    pub fn end(&mut self, locals: Vec<u64>) {
        for handle in locals {
            self.end_one(handle);
        }
    }

    fn end_one(&mut self, handle: u64) {
        // Some have been released or kept.
        if self.slot(handle).is_ok_and(|slot| slot.is_local) {
            drop(self.release(handle));
        }
    }

    /// Everything that is held.
    pub fn held(&mut self) -> impl Iterator<Item = &mut T> {
        self.slots.iter_mut().filter_map(|slot| slot.held.as_mut())
    }

    /// How many handles there are.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_that_is_used_again_has_another_handle() {
        let mut handles = Handles::new();
        let first = handles.insert(1);
        assert_ne!(first, 0);
        assert_eq!(handles.release(first), Ok(1));
        let second = handles.insert(2);
        assert_eq!(second as u32, first as u32);
        assert_eq!(handles.get(first), Err(StaleHandle { handle: first }));
        assert_eq!(handles.release(first), Err(StaleHandle { handle: first }));
        assert_eq!(handles.keep(first), Err(StaleHandle { handle: first }));
        assert_eq!((handles.get(second), handles.len()), (Ok(&2), 1));
        for handle in [0, 1, u64::MAX] {
            assert_eq!(handles.get(handle), Err(StaleHandle { handle }));
        }
    }

    #[test]
    fn calls_nest_and_end_only_their_own() {
        let mut handles = Handles::new();
        handles.enter();
        let outer = handles.insert('o');
        handles.enter();
        let inner = handles.insert('i');
        handles.keep(outer).unwrap();
        handles.leave();
        assert!(handles.get(inner).is_err());
        // Takes the slot of the one that has just ended.
        let next = handles.insert('n');
        assert_eq!(next as u32, inner as u32);
        handles.release(next).unwrap();
        let last = handles.insert('l');
        handles.keep(last).unwrap();
        handles.leave();
        assert_eq!(
            handles.held().map(|&mut held| held).collect::<String>(),
            "ol"
        );
        assert!(!handles.is_empty());
    }

    #[test]
    fn a_call_that_is_suspended_has_its_handles_until_it_is_over() {
        let mut handles = Handles::new();
        handles.enter();
        let (argument, kept) = (handles.insert('a'), handles.insert('k'));
        let locals = handles.suspend();
        handles.enter();
        let other = handles.insert('o');
        handles.leave();
        assert!(handles.get(other).is_err());
        handles.keep(kept).unwrap();
        assert_eq!(handles.get(argument), Ok(&'a'));
        handles.end(locals);
        assert!(handles.get(argument).is_err());
        assert_eq!(handles.get(kept), Ok(&'k'));
    }

    #[test]
    fn tables_tell_their_handles_apart() {
        let mut tables: Vec<Handles<u32>> = (0..100).map(|_| Handles::new()).collect();
        let handles: Vec<u64> = tables.iter_mut().map(|table| table.insert(7)).collect();
        for (index, table) in tables.iter().enumerate() {
            for (other, &handle) in handles.iter().enumerate() {
                assert_eq!(table.get(handle).is_ok(), index == other);
            }
        }
    }
}
