//! Filling in the places that depend on where code ends up.

use enjamb_aarch64 as a64;
use enjamb_abi::code::RelocationKind;
use enjamb_lower::LowerError;

/// Writes what a relocation says into `bytes` at `place`. `place` and `target` are offsets in the
/// same piece of code, of which `bytes` is the start and which is loaded at a page boundary; for
/// an address, `target` is one.
///
/// # Errors
/// If the place lies outside `bytes` or the distance does not fit.
pub fn apply_relocation(
    kind: RelocationKind,
    bytes: &mut [u8],
    place: u32,
    target: u64,
    addend: i64,
) -> Result<(), LowerError> {
    let error = |reason: &dyn std::fmt::Display| {
        LowerError::new(format!("relocation at {place:#x}"), reason)
    };
    let field = bytes
        .get_mut(place as usize..)
        .ok_or_else(|| error(&"the place lies outside the code"))?;
    let target = target.wrapping_add_signed(addend);
    assembler_kind(kind)
        .apply(field, u64::from(place), target)
        .map_err(|reason| error(&reason))
}

/// What the assembler calls a kind of relocation.
fn assembler_kind(kind: RelocationKind) -> a64::RelocationKind {
    match kind {
        RelocationKind::Branch26 => a64::RelocationKind::Branch26,
        RelocationKind::Page21 => a64::RelocationKind::Page21,
        RelocationKind::PageOffset12 => a64::RelocationKind::Low12,
        RelocationKind::Relative32 => a64::RelocationKind::Rel32,
        RelocationKind::Absolute64 => a64::RelocationKind::Abs64,
    }
}

/// The name under which a relocation of the assembler travels to the linker.
pub(crate) fn kind_of(kind: a64::RelocationKind) -> RelocationKind {
    match kind {
        a64::RelocationKind::Branch26 => RelocationKind::Branch26,
        a64::RelocationKind::Page21 => RelocationKind::Page21,
        a64::RelocationKind::Low12 => RelocationKind::PageOffset12,
        a64::RelocationKind::Rel32 => RelocationKind::Relative32,
        a64::RelocationKind::Abs64 => RelocationKind::Absolute64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use enjamb_aarch64::{Assembler, Reg};

    /// A call of symbol 0 and the address of symbol 1, placed at an offset, with their relocations.
    fn relocated(offset: u32, targets: [u64; 2]) -> Result<[u32; 3], LowerError> {
        let mut assembler = Assembler::new();
        assembler.call_symbol(0);
        assembler.lea_symbol(Reg::X1, 1);
        let code = assembler.finish().unwrap();
        let mut bytes = vec![0; offset as usize];
        bytes.extend_from_slice(&code.bytes);
        for relocation in &code.relocations {
            let kind = kind_of(relocation.kind);
            assert_eq!(assembler_kind(kind), relocation.kind);
            let target = targets[relocation.symbol as usize];
            let place = offset + relocation.offset;
            apply_relocation(kind, &mut bytes, place, target, relocation.addend)?;
        }
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        Ok([0, 4, 8].map(|at| word(offset as usize + at)))
    }

    #[test]
    fn a_call_counts_words_and_an_address_pages() {
        // bl .-16; adrp x1, two pages on; add x1, x1, #0x678
        let expected = [0x97ff_fffc, 0xd000_0001, 0x9119_e021];
        assert_eq!(relocated(0x1010, [0x1000, 0x3678]), Ok(expected));
        // bl .+8; adrp x1, the page before; add x1, x1, #0xffc
        let expected = [0x9400_0002, 0xf0ff_ffe1, 0x913f_f021];
        assert_eq!(relocated(0x2000, [0x2008, 0x1ffc]), Ok(expected));
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let error = relocated(0, [1 << 27, 0]).unwrap_err().to_string();
        assert!(
            error.contains("0x8000000 is out of reach from 0x0"),
            "{error}"
        );
        for place in [1, 5, u32::MAX] {
            let kind = RelocationKind::Branch26;
            assert!(apply_relocation(kind, &mut [0; 4], place, 0, 0).is_err());
        }
    }

    #[test]
    fn an_address_is_stored_whole() {
        let mut bytes = [0; 9];
        let kind = RelocationKind::Absolute64;
        apply_relocation(kind, &mut bytes, 1, 0x1122_3344_5566_7788, 1).unwrap();
        assert_eq!(bytes[1..], 0x1122_3344_5566_7789_u64.to_le_bytes());
    }
}
