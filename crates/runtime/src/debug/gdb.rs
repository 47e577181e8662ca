//! The list of code that debuggers read: GDB's JIT compilation interface.
//!
//! ```text
//!  __jit_debug_descriptor { version, action, relevant entry, first entry } ─→ entry ⇄ entry ⇄ …
//!                                                                               └→ ELF image
//!  __jit_debug_register_code    does nothing; a debugger that is attached has a breakpoint there
//!                               and reads the descriptor when it is hit
//! ```
//!
//! Names and layouts are fixed by the manual of GDB, "JIT Compilation Interface". A program has one
//! descriptor, whichever code generators it contains. So both symbols are defined as *weak*: where
//! another library of the program defines them too, theirs are used.
//!
//! Threads: entries are added and removed under one lock, which no code of others runs under. A
//! debugger stops all threads before it reads, at the function or, when it attaches, anywhere;
//! therefore an entry is complete before the list leads to it, and is led around before it is freed.

use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// `JIT_NOACTION` and what follows it.
#[repr(u32)]
enum Action {
    None = 0,
    Register = 1,
    Unregister = 2,
}

/// `struct jit_code_entry`
#[repr(C)]
struct Entry {
    next: *mut Entry,
    previous: *mut Entry,
    image: *mut u8,
    image_size: u64,
}

/// `struct jit_descriptor`
#[repr(C)]
struct Descriptor {
    version: u32,
    action: u32,
    relevant: *mut Entry,
    first: *mut Entry,
}

// A descriptor of version 1 with nothing in it, and a function that returns at once.
#[cfg(target_os = "linux")]
std::arch::global_asm!(
    ".pushsection .data.__jit_debug_descriptor,\"aw\"",
    ".balign 8",
    ".weak __jit_debug_descriptor",
    ".type __jit_debug_descriptor, %object",
    ".size __jit_debug_descriptor, 24",
    "__jit_debug_descriptor:",
    ".4byte 1, 0",
    ".8byte 0, 0",
    ".popsection",
    ".pushsection .text.__jit_debug_register_code,\"ax\"",
    ".balign 16",
    ".weak __jit_debug_register_code",
    ".type __jit_debug_register_code, %function",
    "__jit_debug_register_code:",
    "ret",
    ".size __jit_debug_register_code, . - __jit_debug_register_code",
    ".popsection",
);

const _: () = assert!(size_of::<Descriptor>() == 24);

unsafe extern "C" {
    static mut __jit_debug_descriptor: Descriptor;
    fn __jit_debug_register_code();
}

/// Held while the list is changed.
static LIST: Mutex<()> = Mutex::new(());

fn lock() -> MutexGuard<'static, ()> {
    // A thread that panicked with the lock has not left the list half changed: nothing in between
    // panics.
    LIST.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An image on the list, taken off when this is dropped.
#[derive(Debug)]
pub(super) struct Registration {
    entry: *mut Entry,
}

// SAFETY: the entry belongs to this value and is reached, through the list, under its lock only.
unsafe impl Send for Registration {}
// SAFETY: nothing can be done with a `&Registration`.
unsafe impl Sync for Registration {}

impl Registration {
    /// Puts an ELF image on the list. A debugger that is attached reads it meanwhile.
    pub(super) fn new(image: Vec<u8>) -> Registration {
        let image_size = image.len() as u64;
        let image = Box::into_raw(image.into_boxed_slice()).cast::<u8>();
        let entry = Box::into_raw(Box::new(Entry {
            next: ptr::null_mut(),
            previous: ptr::null_mut(),
            image,
            image_size,
        }));
        let _lock = lock();
        // SAFETY: the lock is held, and the entry is new.
        unsafe { insert(entry) };
        Registration { entry }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let lock = lock();
        // SAFETY: the lock is held, and `new` has put the entry on the list.
        unsafe { remove(self.entry) };
        drop(lock);
        // SAFETY: `new` made the entry and its image from boxes, and the list no longer leads there.
        unsafe {
            let entry = Box::from_raw(self.entry);
            let image = ptr::slice_from_raw_parts_mut(entry.image, entry.image_size as usize);
            drop(Box::from_raw(image));
        }
    }
}

/// Puts an entry at the head of the list and tells the debugger.
///
/// # Safety
/// The lock is held. All entries on the list are alive, and so is this one, which is not on it.
unsafe fn insert(entry: *mut Entry) {
    let descriptor = descriptor();
    // SAFETY: everything that is reached is alive, and nobody else in the program reaches it now.
    // The writes are volatile because the one who reads them is no part of the program.
    unsafe {
        let next = (*descriptor).first;
        (&raw mut (*entry).next).write_volatile(next);
        (&raw mut (*descriptor).first).write_volatile(entry);
        if !next.is_null() {
            (&raw mut (*next).previous).write_volatile(entry);
        }
        tell(Action::Register, entry);
    }
}

/// Takes an entry off the list and tells the debugger.
///
/// # Safety
/// The lock is held. All entries on the list are alive, and this is one of them.
unsafe fn remove(entry: *mut Entry) {
    let descriptor = descriptor();
    // SAFETY: as in `insert`.
    unsafe {
        let (next, previous) = ((*entry).next, (*entry).previous);
        if previous.is_null() {
            (&raw mut (*descriptor).first).write_volatile(next);
        } else {
            (&raw mut (*previous).next).write_volatile(next);
        }
        if !next.is_null() {
            (&raw mut (*next).previous).write_volatile(previous);
        }
        tell(Action::Unregister, entry);
    }
}

/// Says what was done to which entry, and stops at the debugger's breakpoint if there is one.
///
/// # Safety
/// The lock is held.
unsafe fn tell(action: Action, entry: *mut Entry) {
    let descriptor = descriptor();
    // SAFETY: the descriptor is changed under the lock only; the function takes and does nothing.
    unsafe {
        (&raw mut (*descriptor).relevant).write_volatile(entry);
        (&raw mut (*descriptor).action).write_volatile(action as u32);
        __jit_debug_register_code();
        (&raw mut (*descriptor).action).write_volatile(Action::None as u32);
        (&raw mut (*descriptor).relevant).write_volatile(ptr::null_mut());
    }
}

fn descriptor() -> *mut Descriptor {
    &raw mut __jit_debug_descriptor
}

/// The images on the list, the newest first.
#[cfg(test)]
pub(super) fn registered() -> Vec<Vec<u8>> {
    let _lock = lock();
    let mut images = Vec::new();
    // SAFETY: under the lock no entry goes away, and each points at its image.
    unsafe {
        let mut entry = (*descriptor()).first;
        while !entry.is_null() {
            let size = (*entry).image_size as usize;
            images.push(std::slice::from_raw_parts((*entry).image, size).to_vec());
            entry = (*entry).next;
        }
    }
    images
}
