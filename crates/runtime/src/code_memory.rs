//! Code memory: where linked code becomes runnable.
//!
//! A piece of code gets fresh pages of its own. They are written while they cannot run, and run
//! only after they can no longer be written, so no page is ever both.

use crate::error::Error;
use crate::mapping::{Access, Mapping};
use enjamb_codegen::AbsoluteAddress;

/// Published code; it is unmapped when this is dropped.
#[derive(Debug)]
pub struct CodeMemory {
    mapping: Mapping,
    size: usize,
}

impl CodeMemory {
    /// Copies code to fresh pages, fills in its absolute addresses and makes it runnable.
    ///
    /// # Errors
    /// If the system has no memory, or a place lies outside the code.
    pub fn publish(bytes: &[u8], absolute: &[AbsoluteAddress]) -> Result<CodeMemory, Error> {
        let mut mapping = Mapping::new(bytes.len(), Access::ReadWrite)?;
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
        let size = mapping.size();
        mapping.protect(size, Access::ReadExecute)?;
        tracing::debug!(bytes = bytes.len(), base = ?mapping.base(), "code published");
        Ok(CodeMemory {
            mapping,
            size: bytes.len(),
        })
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

    #[test]
    fn code_is_never_writable_and_runnable() {
        // mov rax, <address of the code>; ret
        let bytes = [0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xc3];
        let absolute = [AbsoluteAddress {
            place: 2,
            target: 0,
        }];
        let code = CodeMemory::publish(&bytes, &absolute).unwrap();
        let address = code.address(0);
        // SAFETY: the bytes above are a function of that type.
        let function: extern "C" fn() -> u64 = unsafe { std::mem::transmute(address as usize) };
        assert_eq!(function(), address);

        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let own = format!("{address:x}-");
        assert!(
            maps.lines()
                .any(|l| l.starts_with(&own) && l.contains(" r-xp ")),
            "{maps}"
        );
        assert!(!maps.lines().any(|line| line.contains("rwx")), "{maps}");
        assert_eq!(code.offset(address + 10), Some(10));
        assert_eq!(code.offset(address + 11), None);
        drop(code);
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        assert!(
            !maps.lines().any(|l| l.starts_with(&own) && l.contains("x")),
            "{maps}"
        );
    }

    #[test]
    fn places_outside_the_code_are_refused() {
        let absolute = [AbsoluteAddress {
            place: 4,
            target: 0,
        }];
        assert!(CodeMemory::publish(&[0xc3; 11], &absolute).is_err());
    }
}
