//! What a layout is computed from: for each suspension point, what is saved there.

use enjamb_abi::continuation::{field_size_align, result_area};
use enjamb_ir::{Exception, FieldType, SavedSource, Type};

/// Something that a suspension point saves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// What it is in the function before the transform.
    pub source: SavedSource,
    /// Its type.
    pub ty: FieldType,
}

/// What one suspension point demands of the object that is suspended there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PointNeed {
    /// Result types of the call, which the result area has to hold.
    pub results: Vec<Type>,
    /// Whether the result area has to hold an exception as well.
    pub catches: bool,
    /// What is saved, each source once.
    pub saved: Vec<Need>,
}

impl PointNeed {
    /// Bytes of the result area.
    pub(crate) fn result_area(&self) -> u32 {
        let exception = if self.catches {
            &Exception::TYPES[..]
        } else {
            &[]
        };
        result_area(&self.results).max(result_area(exception))
    }

    /// Bytes of what is saved, without header, result area and padding: no object that holds it
    /// can be smaller by more than its header.
    pub fn saved_bytes(&self) -> u32 {
        self.saved.iter().map(|need| field_bytes(need.ty)).sum()
    }
}

/// Size of a field in bytes.
pub(crate) fn field_bytes(ty: FieldType) -> u32 {
    field_size_align(ty).0
}
