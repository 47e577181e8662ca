//! Continuation layouts: what a suspended frame stores, and where.
//!
//! In: for each suspension point of a function, the types of the call's results and what is live
//! across it ([`PointNeed`]). Out: an immutable [`Layouts`]: as a rule one union layout for all
//! points, so that an activation keeps one object for its whole life; points whose need is far
//! above that of most have another. Two things, values or contents of stack slots, share bytes only
//! if no point saves both.
//!
//! The layout never asks the target: the same needs give the same offsets on every machine. This
//! crate and the lowering are the only ones that know offsets; header and result area are fixed
//! by `enjamb-abi`. It depends on `enjamb-ir` and `enjamb-abi`.
//!
//! ```
//! use enjamb_continuation::{Layouts, Need, PointNeed};
//! use enjamb_ir::{Entity, FieldType, SavedSource, Type, Value};
//!
//! let save = |index, ty| Need {
//!     source: SavedSource::Value(Value::from_index(index)),
//!     ty: FieldType::Value(ty),
//! };
//! // v1 and v2 are never saved together, so they share a place.
//! let points = [
//!     PointNeed {
//!         results: vec![Type::I64],
//!         saved: vec![save(0, Type::I8), save(1, Type::I64)],
//!         ..PointNeed::default()
//!     },
//!     PointNeed { saved: vec![save(0, Type::I8), save(2, Type::F64)], ..PointNeed::default() },
//! ];
//! let layouts = Layouts::new(&points, &Default::default());
//! let layout = &layouts.layouts()[layouts.point(0).layout];
//! assert_eq!(layout.size, 16 + 8 + 8 + 8); // header, one result, the shared place, the byte
//! assert_eq!(layouts.lower_bound(), layout.size);
//! ```

#![forbid(unsafe_code)]

mod layout;
mod need;
mod partition;
mod space;
mod taken;

pub use layout::Affinities;
pub use need::{Need, PointNeed};

use enjamb_abi::continuation::RESULTS;
use enjamb_ir::{Entity, LayoutDecl, LayoutId, PrimaryMap, SavedField};

/// Which layout a point uses, and the field of each thing that it saves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PointLayout {
    /// The layout of the object that is suspended at this point.
    pub layout: LayoutId,
    /// The fields that hold something, in the order of the point's needs.
    pub saved: Vec<SavedField>,
}

/// The continuation layouts of a function. Never changed once computed.
#[derive(Clone, Debug)]
pub struct Layouts {
    layouts: PrimaryMap<LayoutId, LayoutDecl>,
    points: Vec<PointLayout>,
    lower_bound: u32,
    places_asked: u64,
}

impl Layouts {
    /// Computes the layouts for the points of a function, in order of their state numbers.
    /// `affinities` are wishes: where two sources do not conflict, they get the same place.
    ///
    /// The time is near-linear in the number of things saved, counted once per point.
    pub fn new(points: &[PointNeed], affinities: &Affinities) -> Self {
        let mut layouts = PrimaryMap::new();
        let mut places_asked = 0;
        let mut by_point: Vec<Option<PointLayout>> = vec![None; points.len()];
        for group in partition::run(points) {
            let computed = layout::run(points, &group, affinities);
            places_asked += computed.asked;
            let id = layouts.push(computed.decl);
            for &point in &group {
                let saved = points[point].saved.iter().map(|need| SavedField {
                    field: computed.fields[&need.source],
                    source: need.source,
                });
                by_point[point] = Some(PointLayout {
                    layout: id,
                    saved: saved.collect(),
                });
            }
        }
        let points_laid_out = by_point.into_iter().flatten().collect();
        let lower_bound = points.iter().map(PointNeed::least_size).max();
        Layouts {
            layouts,
            points: points_laid_out,
            lower_bound: lower_bound.unwrap_or(RESULTS),
            places_asked,
        }
    }

    /// The layouts, the common one first.
    pub fn layouts(&self) -> &PrimaryMap<LayoutId, LayoutDecl> {
        &self.layouts
    }

    /// The layout and fields of a point, by state number.
    pub fn point(&self, state: usize) -> &PointLayout {
        &self.points[state]
    }

    /// Whether all points use the same layout.
    pub fn is_union(&self) -> bool {
        self.layouts.next_key().index() <= 1
    }

    /// The least size of an object at the point that needs most: header, results and what it saves,
    /// rounded up to 8. No layout that serves every point is smaller.
    pub fn lower_bound(&self) -> u32 {
        self.lower_bound
    }

    /// How many times a place was asked whether it is free at one point: what the computation cost,
    /// beside the number of things saved, counted once per point.
    pub fn places_asked(&self) -> u64 {
        self.places_asked
    }
}
