//! What a layout is computed from: for each suspension point, what is saved there.

use enjamb_abi::continuation::{CLASS_STEP, RESULTS, field_size_align, result_area};
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
    /// Where the result area ends: behind the results of the call, or the exception.
    pub(crate) fn results_end(&self) -> u32 {
        let exception = match self.catches {
            true => &Exception::TYPES[..],
            false => &[],
        };
        RESULTS + result_area(&self.results).max(result_area(exception))
    }

    /// Bytes of what is saved, without header, result area and padding.
    pub(crate) fn saved_bytes(&self) -> u32 {
        let size = |need: &Need| field_size_align(need.ty).0;
        self.saved.iter().map(size).sum()
    }

    /// The least size of an object that is suspended here: header, result area and what is saved,
    /// rounded up to the step of sizes.
    pub fn least_size(&self) -> u32 {
        (self.results_end() + self.saved_bytes()).next_multiple_of(CLASS_STEP)
    }
}
