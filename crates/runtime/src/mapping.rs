//! Pages: the memory of code, and linear memories.
//!
//! They come from the operating system, or from whoever implements [`Pages`]: a host that wants code in a certain part of
//! the address space, that has to announce pages which are going to be executable, or that counts what is taken.

use crate::error::Error;
use std::fmt;
use std::io;
use std::ptr::NonNull;
use std::sync::Arc;

/// `PROT_BTI` of Linux on AArch64.
const PROT_BTI: libc::c_int = 0x10;

/// What pages are for, which says how they can be reached at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Machine code. They can be read and written, and are [`Access::ReadExecute`] for good before any code runs.
    Code,
    /// A linear memory: address space for all that it may ever have. It cannot be reached, and becomes
    /// [`Access::ReadWrite`] from the start up to its size.
    Memory,
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Purpose::Code => "code",
            Purpose::Memory => "a memory",
        })
    }
}

/// What may be done with pages that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
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
            Access::ReadWrite => libc::PROT_READ | libc::PROT_WRITE,
            Access::ReadExecute => libc::PROT_READ | libc::PROT_EXEC,
            Access::ReadExecuteGuarded => libc::PROT_READ | libc::PROT_EXEC | PROT_BTI,
        }
    }
}

/// Gives pages, and may refuse. Sizes are multiples of 4096.
///
/// # Safety
/// Pages begin at a multiple of 4096, are zero, can be reached as their purpose says and then as
/// [`Pages::protect`] was told, and are nobody else's until they are given back. No method panics.
pub unsafe trait Pages: fmt::Debug + Send + Sync {
    /// New pages of that many bytes, which are not none.
    ///
    /// # Errors
    /// If there are none; the error says why.
    fn map(&self, size: usize, purpose: Purpose) -> io::Result<NonNull<u8>>;

    /// Sets the access of the first `size` bytes, which are not none.
    ///
    /// # Errors
    /// If it cannot be set; the error says why. Then what could be reached before still can.
    ///
    /// # Safety
    /// The pages came from here, are at least that many, and nobody reaches them in another way.
    unsafe fn protect(&self, base: NonNull<u8>, size: usize, access: Access) -> io::Result<()>;

    /// Takes all pages back that [`Pages::map`] has given for one request.
    ///
    /// # Errors
    /// If they cannot be taken back; the error says why, and they stay.
    ///
    /// # Safety
    /// They came from here, once, are that many bytes, and are not used any more.
    unsafe fn unmap(&self, base: NonNull<u8>, size: usize) -> io::Result<()>;
}

/// Anonymous memory of the operating system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SystemPages;

/// The answer of the operating system, which is 0 if all is well.
fn answer(status: libc::c_int) -> io::Result<()> {
    match status {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

// SAFETY: a new anonymous mapping is zero and nobody else's, and has the access that the system was told last.
unsafe impl Pages for SystemPages {
    fn map(&self, size: usize, purpose: Purpose) -> io::Result<NonNull<u8>> {
        let access = match purpose {
            Purpose::Code => Access::ReadWrite.flags(),
            Purpose::Memory => libc::PROT_NONE,
        };
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a new anonymous mapping at an address that the system chooses touches no memory
        // that exists.
        let base = unsafe { libc::mmap(std::ptr::null_mut(), size, access, flags, -1, 0) };
        match NonNull::new(base) {
            Some(base) if base.as_ptr() != libc::MAP_FAILED => Ok(base.cast()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    unsafe fn protect(&self, base: NonNull<u8>, size: usize, access: Access) -> io::Result<()> {
        // SAFETY: the caller's promise.
        answer(unsafe { libc::mprotect(base.as_ptr().cast(), size, access.flags()) })
    }

    unsafe fn unmap(&self, base: NonNull<u8>, size: usize) -> io::Result<()> {
        // SAFETY: the caller's promise.
        answer(unsafe { libc::munmap(base.as_ptr().cast(), size) })
    }
}

/// A range of pages of its own, given back when dropped.
#[derive(Debug)]
pub(crate) struct Mapping {
    base: NonNull<u8>,
    size: usize,
    purpose: Purpose,
    pages: Arc<dyn Pages>,
}

/// Size of the pages whose access can be set apart.
const PAGE: usize = 4096;

impl Mapping {
    /// Pages of at least `size` bytes.
    pub(crate) fn new(
        pages: &Arc<dyn Pages>,
        size: usize,
        purpose: Purpose,
    ) -> Result<Mapping, Error> {
        let size = size.max(1).next_multiple_of(PAGE);
        let refused = |error| Error::System(format!("mapping {size} bytes for {purpose}: {error}"));
        Ok(Mapping {
            base: pages.map(size, purpose).map_err(refused)?,
            size,
            purpose,
            pages: Arc::clone(pages),
        })
    }

    /// Sets the access of the first `size` bytes.
    pub(crate) fn protect(&self, size: usize, access: Access) -> Result<(), Error> {
        let size = size.next_multiple_of(PAGE).min(self.size);
        // SAFETY: the range lies in this mapping, whose bytes are reached through `&self` and raw
        // pointers only; who holds such a pointer keeps to the access.
        let answer = unsafe { self.pages.protect(self.base, size, access) };
        answer.map_err(|error| {
            let purpose = self.purpose;
            Error::System(format!(
                "changing the access of {size} bytes of {purpose}: {error}"
            ))
        })
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
        if let Err(error) = unsafe { self.pages.unmap(self.base, self.size) } {
            tracing::warn!(%error, "unmapping memory failed");
        }
    }
}

// SAFETY: the mapping is plain memory that belongs to no thread.
unsafe impl Send for Mapping {}
// SAFETY: `&Mapping` gives an address and a size, nothing that changes.
unsafe impl Sync for Mapping {}
