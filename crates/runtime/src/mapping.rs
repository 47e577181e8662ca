//! Anonymous memory of the operating system, in whole pages.

use crate::error::Error;
use std::io;
use std::ptr::NonNull;

/// `PROT_BTI` of Linux on AArch64.
const PROT_BTI: libc::c_int = 0x10;

/// What may be done with pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Nothing: address space only.
    None,
    /// Reading and writing.
    ReadWrite,
    /// Reading and running. There is no writable variant of this.
    ReadExecute,
    /// The same, and indirect branches may lead to landing pads only. This is for AArch64 code alone,
    /// and for processors that know landing pads.
    ReadExecuteGuarded,
}

impl Access {
    fn flags(self) -> libc::c_int {
        match self {
            Access::None => libc::PROT_NONE,
            Access::ReadWrite => libc::PROT_READ | libc::PROT_WRITE,
            Access::ReadExecute => libc::PROT_READ | libc::PROT_EXEC,
            Access::ReadExecuteGuarded => libc::PROT_READ | libc::PROT_EXEC | PROT_BTI,
        }
    }
}

/// A range of address space of its own, unmapped when dropped.
#[derive(Debug)]
pub(crate) struct Mapping {
    base: NonNull<u8>,
    size: usize,
}

/// Size of the pages whose access can be set apart.
const PAGE: usize = 4096;

impl Mapping {
    /// Reserves at least `size` bytes, zero, with this access.
    pub(crate) fn new(size: usize, access: Access) -> Result<Mapping, Error> {
        let size = size.max(1).next_multiple_of(PAGE);
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a new anonymous mapping at an address that the system chooses touches no memory
        // that exists.
        let base = unsafe { libc::mmap(std::ptr::null_mut(), size, access.flags(), flags, -1, 0) };
        match NonNull::new(base.cast::<u8>()) {
            Some(base) if base.as_ptr().cast() != libc::MAP_FAILED => Ok(Mapping { base, size }),
            _ => Err(Error::system("mapping memory")),
        }
    }

    /// Sets the access of the first `size` bytes.
    pub(crate) fn protect(&self, size: usize, access: Access) -> Result<(), Error> {
        let size = size.next_multiple_of(PAGE).min(self.size);
        // SAFETY: the range lies in this mapping, whose bytes are reached through `&self` and raw
        // pointers only; who holds such a pointer keeps to the access.
        let status = unsafe { libc::mprotect(self.base.as_ptr().cast(), size, access.flags()) };
        match status {
            0 => Ok(()),
            _ => Err(Error::system("changing the access of memory")),
        }
    }

    /// Address of the first byte.
    pub(crate) fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// Size in bytes.
    pub(crate) fn size(&self) -> usize {
        self.size
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping belongs to this value, and nothing uses it after its drop.
        let status = unsafe { libc::munmap(self.base.as_ptr().cast(), self.size) };
        if status != 0 {
            tracing::warn!(error = %io::Error::last_os_error(), "unmapping memory failed");
        }
    }
}

// SAFETY: the mapping is plain memory that belongs to no thread.
unsafe impl Send for Mapping {}
// SAFETY: `&Mapping` gives an address and a size, nothing that changes.
unsafe impl Sync for Mapping {}
