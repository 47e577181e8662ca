//! From what the points of a group save to one union layout.
//!
//! Two things share a place iff no point saves both. References come first, then values by falling
//! width, then contents of stack slots; among equals the order of the sources decides, so the same
//! needs give the same layout on every host and for every target.

use crate::columns::Columns;
use crate::need::{Need, PointNeed, field_bytes};
use enjamb_abi::continuation::{CLASS_STEP, RESULTS, result_area};
use enjamb_ir::hash::FxIndexMap;
use enjamb_ir::{FieldDecl, FieldId, FieldType, LayoutDecl, SavedSource, Type};

/// Sources that had better stand at the same place: a block parameter and what is handed to it.
pub type Affinities = FxIndexMap<SavedSource, Vec<SavedSource>>;

/// A layout and the field of every source in it.
pub(crate) struct GroupLayout {
    pub(crate) decl: LayoutDecl,
    pub(crate) fields: FxIndexMap<SavedSource, FieldId>,
}

/// A source and the points, by position in the group, that save it.
struct Saved {
    need: Need,
    points: Vec<u32>,
}

/// Computes the layout of a group of points.
pub(crate) fn run(points: &[PointNeed], group: &[usize], affinities: &Affinities) -> GroupLayout {
    let results = group
        .iter()
        .map(|&point| result_area(&points[point].results))
        .max();
    let start = RESULTS + results.unwrap_or(0);
    let mut saved = collect(points, group);
    saved.sort_by_key(|item| order(&item.need));

    let mut offsets: FxIndexMap<SavedSource, u32> = FxIndexMap::default();
    let mut columns = Columns::new(start, group.len());
    let values = saved
        .iter()
        .filter(|item| matches!(item.need.ty, FieldType::Value(_)));
    for item in values {
        columns.narrow_to(field_bytes(item.need.ty));
        let related = affinities
            .get(&item.need.source)
            .map_or(&[][..], Vec::as_slice);
        let wanted = related
            .iter()
            .filter_map(|source| offsets.get(source).copied());
        let wanted: Vec<u32> = wanted.collect();
        let shared = wanted
            .into_iter()
            .find(|&offset| columns.take_at(offset, &item.points));
        let offset = shared.unwrap_or_else(|| columns.take(&item.points));
        offsets.insert(item.need.source, offset);
    }
    let contents = saved
        .iter()
        .filter(|item| matches!(item.need.ty, FieldType::Bytes { .. }));
    let end = place_contents(contents, columns.end(), &mut offsets);
    declare(&saved, &offsets, end)
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

/// References first, then by falling width, then stack slots by falling size; then by source.
fn order(need: &Need) -> (u8, u32, SourceKey) {
    let key = source_key(need.source);
    match need.ty {
        FieldType::Value(Type::Ref) => (0, 0, key),
        FieldType::Value(ty) => (1, u32::MAX - ty.bytes(), key),
        FieldType::Bytes { size, .. } => (2, u32::MAX - size, key),
    }
}

type SourceKey = (u8, usize);

fn source_key(source: SavedSource) -> SourceKey {
    use enjamb_ir::Entity;
    match source {
        SavedSource::Value(value) => (0, value.index()),
        SavedSource::Slot(slot) => (1, slot.index()),
    }
}

/// A stretch of bytes for the contents of stack slots, and where it is taken.
struct Region {
    offset: u32,
    size: u32,
    points: Vec<u32>,
}

/// Places contents of stack slots behind `start`, largest first, into the first region that none of
/// their points takes yet. Returns where the last region ends.
fn place_contents<'a>(
    contents: impl Iterator<Item = &'a Saved>,
    start: u32,
    offsets: &mut FxIndexMap<SavedSource, u32>,
) -> u32 {
    let mut regions: Vec<Region> = Vec::new();
    let mut end = start;
    for item in contents {
        let size = field_bytes(item.need.ty);
        let free = regions
            .iter_mut()
            .find(|region| region.size >= size && disjoint(&region.points, &item.points));
        let offset = match free {
            Some(region) => {
                region.points.extend_from_slice(&item.points);
                region.points.sort_unstable();
                region.offset
            }
            None => {
                let offset = end;
                end = (end + size).next_multiple_of(8);
                regions.push(Region {
                    offset,
                    size,
                    points: item.points.clone(),
                });
                offset
            }
        };
        offsets.insert(item.need.source, offset);
    }
    end
}

/// Whether two sorted lists have nothing in common.
fn disjoint(a: &[u32], b: &[u32]) -> bool {
    let (small, large) = if a.len() < b.len() { (a, b) } else { (b, a) };
    small
        .iter()
        .all(|point| large.binary_search(point).is_err())
}

fn declare(saved: &[Saved], offsets: &FxIndexMap<SavedSource, u32>, end: u32) -> GroupLayout {
    let mut decl = LayoutDecl::default();
    let mut fields = FxIndexMap::default();
    let mut by_offset: Vec<&Saved> = saved.iter().collect();
    by_offset.sort_by_key(|item| (offsets[&item.need.source], source_key(item.need.source)));
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
    GroupLayout { decl, fields }
}
