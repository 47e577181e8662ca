//! From what the points of a group save to one union layout.
//!
//! Two things share a place iff no point saves both. References come first, then values by falling
//! width, then contents of stack slots by falling size. Among equals the first point that saves them
//! decides, then the order of its needs: whatever is saved at points in a row then gets the fewest
//! places that are possible (Hashimoto and Stevens, "Wire Routing by Optimizing Channel Assignment
//! within Large Apertures", 1971, call it the left-edge algorithm). So the same needs give the same
//! layout on every host and for every target.

use crate::columns::Columns;
use crate::need::{Need, PointNeed, field_bytes};
use crate::regions::Regions;
use enjamb_abi::continuation::{CLASS_STEP, RESULTS};
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
    /// How many places were asked whether they are free.
    pub(crate) asked: u64,
}

type Fields = FxIndexMap<SavedSource, FieldId>;

/// A source and the points, by position in the group, that save it.
struct Saved {
    need: Need,
    points: Vec<u32>,
}

/// Computes the layout of a group of points.
pub(crate) fn run(points: &[PointNeed], group: &[usize], affinities: &Affinities) -> GroupLayout {
    let results = group.iter().map(|&point| points[point].result_area()).max();
    let start = RESULTS + results.unwrap_or(0);
    let mut saved = collect(points, group);
    saved.sort_by_key(|item| order(item.need.ty));

    let mut offsets: FxIndexMap<SavedSource, u32> = FxIndexMap::default();
    let mut columns = Columns::new(start, group.len());
    let values = saved
        .iter()
        .filter(|item| matches!(item.need.ty, FieldType::Value(_)));
    for item in values {
        columns.narrow_to(field_bytes(item.need.ty));
        let related = affinities.get(&item.need.source);
        let shared = related
            .map_or(&[][..], Vec::as_slice)
            .iter()
            .filter_map(|source| offsets.get(source).copied())
            .take(WISHES)
            .find(|&offset| columns.take_at(offset, &item.points));
        let offset = shared.unwrap_or_else(|| columns.take(&item.points));
        offsets.insert(item.need.source, offset);
    }
    let mut regions = Regions::new(columns.end());
    let contents = saved
        .iter()
        .filter(|item| matches!(item.need.ty, FieldType::Bytes { .. }));
    for item in contents {
        let offset = regions.take(field_bytes(item.need.ty), &item.points);
        offsets.insert(item.need.source, offset);
    }
    let (decl, fields) = declare(&saved, &offsets, regions.end());
    GroupLayout {
        decl,
        fields,
        asked: columns.asked + regions.asked,
    }
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

/// References first, then by falling width, then stack slots by falling size.
fn order(ty: FieldType) -> (u8, Reverse<u32>) {
    let class = match ty {
        FieldType::Value(Type::Ref) => 0,
        FieldType::Value(_) => 1,
        FieldType::Bytes { .. } => 2,
    };
    (class, Reverse(field_bytes(ty)))
}

fn declare(
    saved: &[Saved],
    offsets: &FxIndexMap<SavedSource, u32>,
    end: u32,
) -> (LayoutDecl, Fields) {
    let mut decl = LayoutDecl::default();
    let mut fields = Fields::default();
    let mut by_offset: Vec<&Saved> = saved.iter().collect();
    by_offset.sort_by_key(|item| offsets[&item.need.source]);
    for item in by_offset {
        let source = item.need.source;
        let name = match source {
            SavedSource::Value(value) => value.to_string(),
            SavedSource::Slot(slot) => slot.to_string(),
        };
        let field = FieldDecl {
            name,
            ty: item.need.ty,
            offset: offsets[&source],
        };
        fields.insert(source, decl.fields.push(field));
    }
    decl.size = end.next_multiple_of(CLASS_STEP);
    (decl, fields)
}
