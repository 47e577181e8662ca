//! From what the points of a group save to one union layout.
//!
//! Two things share bytes iff no point saves both, and whatever a point does not save may lie where
//! it has its results. References come first. Among things of one kind and alignment the first point
//! that saves them decides, then the order of its needs: whatever is saved at points in a row then
//! gets the fewest places that are possible (Hashimoto and Stevens, "Wire Routing by Optimizing
//! Channel Assignment within Large Apertures", 1971, call it the left-edge algorithm).
//!
//! Whether values or contents of stack slots had better come first depends on what is saved
//! together. Up to three orders are tried, see [`Order`], and the first of the smallest is taken. The
//! same needs give the same layout on every host and for every target.

use crate::need::{Need, PointNeed};
use crate::space::Space;
use enjamb_abi::continuation::{CLASS_STEP, field_size_align};
use enjamb_ir::hash::FxIndexMap;
use enjamb_ir::{FieldDecl, FieldId, FieldType, LayoutDecl, SavedSource, Type};
use std::cmp::Reverse;

/// Sources that had better stand at the same place: a block parameter and what is handed to it.
pub type Affinities = FxIndexMap<SavedSource, Vec<SavedSource>>;

/// How many wishes of one source are tried.
const WISHES: usize = 8;

/// A layout and the field of every source in it.
pub(crate) struct GroupLayout {
    pub(crate) decl: LayoutDecl,
    pub(crate) fields: Fields,
    /// How many times a place was asked whether it is free at one point.
    pub(crate) asked: u64,
}

type Fields = FxIndexMap<SavedSource, FieldId>;

/// A source and the points, by position in the group, that save it.
struct Saved {
    need: Need,
    points: Vec<u32>,
}

impl Saved {
    /// Whether it is the contents of a stack slot.
    fn is_contents(&self) -> bool {
        matches!(self.need.ty, FieldType::Bytes { .. })
    }
}

/// Where everything is.
#[derive(Default)]
struct Placement {
    offsets: FxIndexMap<SavedSource, u32>,
    size: u32,
}

/// Computes the layout of a group of points.
pub(crate) fn run(points: &[PointNeed], group: &[usize], affinities: &Affinities) -> GroupLayout {
    let mut saved = collect(points, group);
    let least = group.iter().map(|&point| points[point].least_size()).max();
    let mut asked = 0;
    let mut best: Option<Placement> = None;
    for order in Order::ALL {
        saved.sort_by_key(|item| order.key(item));
        let results = group.iter().map(|&point| points[point].results_end());
        let mut space = Space::new(results);
        let offsets = place(&mut space, &saved, affinities);
        asked += space.asked;
        let size = space.end().next_multiple_of(CLASS_STEP);
        if best.as_ref().is_none_or(|best| size < best.size) {
            best = Some(Placement { offsets, size });
        }
        if Some(size) == least || !saved.iter().any(Saved::is_contents) {
            break;
        }
    }
    let (decl, fields) = declare(&saved, &best.unwrap_or_default());
    GroupLayout {
        decl,
        fields,
        asked,
    }
}

/// In which order things are given places. Of all kinds references come first, what has the greatest
/// alignment comes before what has less, and then what is larger: where everything is saved together,
/// nothing is padded between things of one kind.
#[derive(Clone, Copy)]
enum Order {
    /// All values: code reaches what is near with shorter instructions.
    ValuesFirst,
    /// Of each alignment, values before contents of slots: nothing is padded between them either.
    ByAlignment,
    /// Contents of slots: values fill what they leave where they are not saved.
    ContentsFirst,
}

impl Order {
    const ALL: [Order; 3] = [Order::ValuesFirst, Order::ByAlignment, Order::ContentsFirst];

    fn key(self, item: &Saved) -> impl Ord + use<> {
        let (size, align) = field_size_align(item.need.ty);
        let is_contents = item.is_contents();
        let (before, behind) = match self {
            Order::ValuesFirst => (is_contents, false),
            Order::ByAlignment => (false, is_contents),
            Order::ContentsFirst => (!is_contents, false),
        };
        let is_reference = item.need.ty == FieldType::Value(Type::Ref);
        (!is_reference, before, Reverse(align), behind, Reverse(size))
    }
}

/// Gives everything a place, one after the other.
fn place(
    space: &mut Space,
    saved: &[Saved],
    affinities: &Affinities,
) -> FxIndexMap<SavedSource, u32> {
    let mut offsets: FxIndexMap<SavedSource, u32> = FxIndexMap::default();
    for item in saved {
        let (size, align) = field_size_align(item.need.ty);
        let related = affinities.get(&item.need.source);
        let shared = related
            .map_or(&[][..], Vec::as_slice)
            .iter()
            .filter_map(|source| offsets.get(source).copied())
            .filter(|offset| offset.is_multiple_of(align))
            .take(WISHES)
            .find(|&offset| space.take_at(offset, size, &item.points));
        let offset = shared.unwrap_or_else(|| space.take((size, align), &item.points));
        offsets.insert(item.need.source, offset);
    }
    offsets
}

/// Every source of the group with the points that save it, in order of first appearance.
fn collect(points: &[PointNeed], group: &[usize]) -> Vec<Saved> {
    let mut saved: FxIndexMap<SavedSource, Saved> = FxIndexMap::default();
    for (position, &point) in group.iter().enumerate() {
        for &need in &points[point].saved {
            let entry = saved.entry(need.source).or_insert(Saved {
                need,
                points: Vec::new(),
            });
            entry.points.push(position as u32);
        }
    }
    saved.into_values().collect()
}

fn declare(saved: &[Saved], placement: &Placement) -> (LayoutDecl, Fields) {
    let mut decl = LayoutDecl::default();
    let mut fields = Fields::default();
    let mut by_offset: Vec<(u32, &Saved)> = saved
        .iter()
        .map(|item| (placement.offsets[&item.need.source], item))
        .collect();
    by_offset.sort_by_key(|&(offset, _)| offset);
    for (offset, item) in by_offset {
        let source = item.need.source;
        let name = match source {
            SavedSource::Value(value) => value.to_string(),
            SavedSource::Slot(slot) => slot.to_string(),
        };
        let field = FieldDecl {
            name,
            ty: item.need.ty,
            offset,
        };
        fields.insert(source, decl.fields.push(field));
    }
    decl.size = placement.size;
    (decl, fields)
}
