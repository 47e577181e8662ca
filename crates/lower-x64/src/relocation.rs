//! Filling in the places that depend on where code ends up.

use enjamb_abi::code::RelocationKind;
use std::fmt;

/// A relocation that cannot be filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfReach {
    /// Offset of the place.
    pub place: u64,
    /// Offset or address of the target.
    pub target: u64,
}

impl fmt::Display for OutOfReach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the place at {:#x} cannot be made to refer to {:#x}",
            self.place, self.target
        )
    }
}

impl std::error::Error for OutOfReach {}

/// Writes what a relocation says into `bytes` at `place`. For a distance, `place` and `target` are
/// offsets in the same piece of code, of which `bytes` is the start; for an address, `target` is
/// one.
///
/// # Errors
/// If the place lies outside `bytes` or the distance does not fit.
pub fn apply_relocation(
    kind: RelocationKind,
    bytes: &mut [u8],
    place: u64,
    target: u64,
    addend: i64,
) -> Result<(), OutOfReach> {
    let error = OutOfReach { place, target };
    let value = target.wrapping_add_signed(addend);
    let field: &[u8] = match kind {
        RelocationKind::Relative32 => {
            let distance = value.wrapping_sub(place) as i64;
            &i32::try_from(distance).map_err(|_| error)?.to_le_bytes()
        }
        RelocationKind::Absolute64 => &value.to_le_bytes(),
    };
    let place = usize::try_from(place).map_err(|_| error)?;
    let end = place.checked_add(field.len()).ok_or(error)?;
    bytes
        .get_mut(place..end)
        .ok_or(error)?
        .copy_from_slice(field);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distance_counts_from_its_place() {
        let mut bytes = [0; 12];
        let kind = RelocationKind::Relative32;
        apply_relocation(kind, &mut bytes, 4, 1, -4).unwrap();
        assert_eq!(bytes[4..8], (-7_i32).to_le_bytes());
        assert!(apply_relocation(kind, &mut bytes, 9, 0, 0).is_err());
        assert!(apply_relocation(kind, &mut bytes, 0, 1 << 31, 0).is_err());
    }

    #[test]
    fn an_address_is_stored_whole() {
        let mut bytes = [0; 9];
        let kind = RelocationKind::Absolute64;
        apply_relocation(kind, &mut bytes, 1, 0x1122_3344_5566_7788, 1).unwrap();
        assert_eq!(bytes[1..], 0x1122_3344_5566_7789_u64.to_le_bytes());
    }
}
