//! Code memory: where linked code becomes runnable.
//!
//! A piece of code gets fresh pages of its own. They are written while they cannot run, and run
//! only after they can no longer be written, so no page is ever both. What else it takes until a
//! processor runs what was written is said in `processor.rs`.

use crate::error::Error;
use crate::mapping::{Access, Mapping, Pages, Purpose, SystemPages};
use crate::processor;
use enjamb_codegen::AbsoluteAddress;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Published code; it is unmapped when this is dropped.
#[derive(Debug)]
pub struct CodeMemory {
    mapping: Mapping,
    size: usize,
    /// Dropped when the pages are gone.
    _counted: Counted,
}

/// How much code memory the process has, that of all modules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CodeInUse {
    /// Pieces of code: one for each module, and one for each that a function was replaced from.
    pub pieces: u64,
    /// Bytes of their pages.
    pub bytes: u64,
}

static PIECES: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);

/// Pages of code of so many bytes, counted while this exists.
#[derive(Debug)]
struct Counted(u64);

impl Counted {
    fn new(bytes: u64) -> Counted {
        PIECES.fetch_add(1, Ordering::Relaxed);
        BYTES.fetch_add(bytes, Ordering::Relaxed);
        Counted(bytes)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        PIECES.fetch_sub(1, Ordering::Relaxed);
        BYTES.fetch_sub(self.0, Ordering::Relaxed);
    }
}

impl CodeMemory {
    /// Copies code to fresh pages of the operating system, as [`CodeMemory::publish_to`] does.
    ///
    /// # Errors
    /// As there.
    pub fn publish(
        bytes: &[u8],
        absolute: &[AbsoluteAddress],
        landing_pads: bool,
    ) -> Result<CodeMemory, Error> {
        let pages: Arc<dyn Pages> = Arc::new(SystemPages);
        CodeMemory::publish_to(&pages, bytes, absolute, landing_pads)
    }

    /// Copies code to fresh pages, fills in its absolute addresses and makes it runnable. The pages
    /// begin at a multiple of 4096. Code with `landing_pads` for all indirect branches is guarded
    /// where the processor can do that.
    ///
    /// Other threads that are to run it must come through `processor::before_entry`, as whoever
    /// enters an instance does.
    ///
    /// # Errors
    /// If there are no pages or their access cannot be changed, or a place lies outside the code. Nothing is left
    /// of them then.
    pub fn publish_to(
        pages: &Arc<dyn Pages>,
        bytes: &[u8],
        absolute: &[AbsoluteAddress],
        landing_pads: bool,
    ) -> Result<CodeMemory, Error> {
        let mapping = Mapping::new(pages, bytes.len(), Purpose::Code)?;
        let base = mapping.base();
        // SAFETY: the mapping is new, writable and at least as long as `bytes`; nothing else knows
        // its address yet.
        let copy = unsafe {
            base.as_ptr()
                .copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            std::slice::from_raw_parts_mut(base.as_ptr(), bytes.len())
        };
        for address in absolute {
            let place = address.place as usize;
            let value = base.as_ptr() as u64 + u64::from(address.target);
            copy.get_mut(place..place + 8)
                .ok_or_else(|| Error::Load(format!("place {place:#x} lies outside the code")))?
                .copy_from_slice(&value.to_le_bytes());
        }
        processor::make_visible(copy);
        let size = mapping.size();
        let access = match landing_pads && processor::knows_landing_pads() {
            true => Access::ReadExecuteGuarded,
            false => Access::ReadExecute,
        };
        mapping.protect(size, access)?;
        processor::published();
        tracing::debug!(bytes = bytes.len(), base = ?mapping.base(), "code published");
        Ok(CodeMemory {
            _counted: Counted::new(mapping.size() as u64),
            mapping,
            size: bytes.len(),
        })
    }

    /// How much code memory there is.
    pub fn in_use() -> CodeInUse {
        CodeInUse {
            pieces: PIECES.load(Ordering::Relaxed),
            bytes: BYTES.load(Ordering::Relaxed),
        }
    }

    /// The address of an offset in the code.
    pub fn address(&self, offset: u32) -> u64 {
        self.mapping.base().as_ptr() as u64 + u64::from(offset)
    }

    /// The offset in the code of an address, if it lies in the code.
    pub fn offset(&self, address: u64) -> Option<u32> {
        let offset = address.checked_sub(self.address(0))?;
        (offset < self.size as u64).then_some(offset as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A function that returns its own address, and the place of that: `mov rax, address; ret`.
    #[cfg(target_arch = "x86_64")]
    const OWN_ADDRESS: (&[u8], u32) = (&[0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xc3], 2);

    /// The same: `ldr x0, address; ret`, and the address.
    #[cfg(target_arch = "aarch64")]
    const OWN_ADDRESS: (&[u8], u32) = (
        &[
            0x40, 0x00, 0x00, 0x58, 0xc0, 0x03, 0x5f, 0xd6, 0, 0, 0, 0, 0, 0, 0, 0,
        ],
        8,
    );

    /// Many pieces of code, each at the addresses of the one before it.
    #[test]
    fn what_stood_at_an_address_before_is_forgotten() {
        let (bytes, place) = OWN_ADDRESS;
        for target in 0..100 {
            let absolute = [AbsoluteAddress { place, target }];
            let code = CodeMemory::publish(bytes, &absolute, false).unwrap();
            let address = code.address(0);
            // SAFETY: as below. The code is run by a thread of its own in half of the cases.
            let function: extern "C" fn() -> u64 = unsafe { std::mem::transmute(address as usize) };
            let call = move || {
                processor::before_entry();
                function()
            };
            let result = match target % 2 {
                0 => call(),
                _ => std::thread::spawn(call).join().unwrap(),
            };
            assert_eq!(result, address + u64::from(target));
        }
    }

    #[test]
    fn code_is_never_writable_and_runnable() {
        let (bytes, place) = OWN_ADDRESS;
        let absolute = [AbsoluteAddress { place, target: 0 }];
        let code = CodeMemory::publish(bytes, &absolute, false).unwrap();
        let address = code.address(0);
        // SAFETY: the bytes above are a function of that type.
        let function: extern "C" fn() -> u64 = unsafe { std::mem::transmute(address as usize) };
        assert_eq!(function(), address);

        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        // It may share its line with what lies beside it.
        let is_own = |line: &&str| {
            let range = line
                .split(' ')
                .next()
                .and_then(|range| range.split_once('-'));
            let number = |text| u64::from_str_radix(text, 16).unwrap();
            range.is_some_and(|(start, end)| (number(start)..number(end)).contains(&address))
        };
        let own = maps.lines().find(is_own);
        assert!(own.is_some_and(|own| own.contains(" r-xp ")), "{maps}");
        assert!(!maps.lines().any(|line| line.contains("rwx")), "{maps}");
        let size = bytes.len() as u64;
        assert_eq!(code.offset(address + size - 1), Some(size as u32 - 1));
        assert_eq!(code.offset(address + size), None);
    }

    /// How a process ends that calls code without a landing pad in it: by a signal or not.
    #[cfg(target_arch = "aarch64")]
    fn signal_of_a_call(landing_pads: bool) -> Option<i32> {
        let (bytes, place) = OWN_ADDRESS;
        let absolute = [AbsoluteAddress { place, target: 0 }];
        let code = CodeMemory::publish(bytes, &absolute, landing_pads).unwrap();
        let no_core = libc::rlimit {
            rlim_cur: 0,
            rlim_max: 0,
        };
        // SAFETY: the bytes are a function of that type. The child calls nothing but that and the system;
        // the parent waits for it.
        unsafe {
            let function: extern "C" fn() -> u64 = std::mem::transmute(code.address(0) as usize);
            let child = libc::fork();
            if child == 0 {
                // The signal is what the test wants: nobody is told of a crash, and nothing is left of it.
                libc::close(libc::STDERR_FILENO);
                libc::setrlimit(libc::RLIMIT_CORE, &raw const no_core);
                function();
                libc::_exit(0);
            }
            let mut status = 0;
            assert_eq!(libc::waitpid(child, &raw mut status, 0), child);
            libc::WIFSIGNALED(status).then(|| libc::WTERMSIG(status))
        }
    }

    #[cfg(target_arch = "aarch64")]
    #[test]
    fn guarded_code_is_entered_at_landing_pads_only() {
        let guarded = processor::knows_landing_pads().then_some(libc::SIGILL);
        assert_eq!(signal_of_a_call(true), guarded);
        assert_eq!(signal_of_a_call(false), None);
    }

    #[test]
    fn places_outside_the_code_are_refused() {
        let absolute = [AbsoluteAddress {
            place: 4,
            target: 0,
        }];
        assert!(CodeMemory::publish(&[0; 11], &absolute, false).is_err());
    }
}
