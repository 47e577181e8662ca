//! Filling in the places that depend on where code ends up.

use enjamb_abi::code::RelocationKind;
use enjamb_lower::LowerError;

/// Writes what a relocation says into `bytes` at `place`. For a distance, `place` and `target` are
/// offsets in the same piece of code, of which `bytes` is the start; for an address, `target` is
/// one.
///
/// # Errors
/// If the place lies outside `bytes` or the distance does not fit.
pub fn apply_relocation(
    kind: RelocationKind,
    bytes: &mut [u8],
    place: u32,
    target: impl Into<u64>,
    addend: i64,
) -> Result<(), LowerError> {
    let target = target.into();
    let error = || {
        let stub = format!("relocation at {place:#x}");
        LowerError::new(stub, format_args!("{target:#x} is out of reach"))
    };
    let value = target.wrapping_add_signed(addend);
    let field: &[u8] = match kind {
        RelocationKind::Relative32 => {
            let distance = value.wrapping_sub(u64::from(place)) as i64;
            &i32::try_from(distance).map_err(|_| error())?.to_le_bytes()
        }
        RelocationKind::Absolute64 => &value.to_le_bytes(),
        RelocationKind::Branch26 | RelocationKind::Page21 | RelocationKind::PageOffset12 => {
            return Err(error());
        }
    };
    let end = (place as usize).checked_add(field.len());
    let range = place as usize..end.ok_or_else(error)?;
    bytes
        .get_mut(range)
        .ok_or_else(error)?
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
        apply_relocation(kind, &mut bytes, 4, 1_u32, -4).unwrap();
        assert_eq!(bytes[4..8], (-7_i32).to_le_bytes());
        assert!(apply_relocation(kind, &mut bytes, 9, 0_u32, 0).is_err());
        assert!(apply_relocation(kind, &mut bytes, 0, 1_u32 << 31, 0).is_err());
    }

    #[test]
    fn an_address_is_stored_whole() {
        let mut bytes = [0; 9];
        let kind = RelocationKind::Absolute64;
        apply_relocation(kind, &mut bytes, 1, 0x1122_3344_5566_7788_u64, 1).unwrap();
        assert_eq!(bytes[1..], 0x1122_3344_5566_7789_u64.to_le_bytes());
    }
}
