//! Layouts and suspension points of lowered functions.

use super::error::{Report, Subject};
use super::rule::Rule;
use crate::entity::{FieldId, LayoutId, PointId, SecondaryMap, Value};
use crate::exception::Exception;
use crate::function::Function;
use crate::hash::{FxHashMap, FxHashSet, KeyedHashSet};
use crate::object::is_field_name;
use crate::suspension::{FieldDecl, FieldType, LayoutDecl, PointDecl, SavedField, SavedSource};
use crate::types::{TypeClass, word_count};

/// Bytes of the header that every continuation begins with.
const HEADER_BYTES: u32 = 16;
/// Bytes of a word of the results of a point, which stand behind the header.
const WORD_BYTES: u64 = 8;
/// The greatest alignment that a continuation has.
const MAX_ALIGN: u32 = 8;

/// Checks the declarations. Of a function that is not whole, with blocks and instructions that exist, values
/// are not looked for.
pub(super) fn check(function: &Function, is_whole: bool, report: &mut Report) {
    let has_points = !function.points.is_empty();
    let defined = (is_whole && has_points).then(|| defined(function));
    for (id, layout) in function.layouts.iter() {
        check_layout(id, layout, report);
    }
    for (id, point) in function.points.iter() {
        check_point(function, point, Subject::Point(id), report);
        for save in &point.saved {
            if let Some(missing) = missing_source(function, defined.as_ref(), save) {
                let message = format!("{} stands for {missing}", field_name(function, point, save));
                report.add(Rule::PointFields, Subject::Point(id), message);
            }
        }
        if let Some(message) = wrong_unwind(function, id) {
            report.add(Rule::UnwindPoint, Subject::Point(id), message);
        }
    }
}

/// The values that something in the function defines.
fn defined(function: &Function) -> SecondaryMap<Value, bool> {
    let mut is_defined = SecondaryMap::new();
    for &block in &function.order {
        let block = &function.blocks[block];
        let results = block.insts.iter().flat_map(|&inst| function.results(inst));
        let defined = block.params.iter().chain(results);
        defined.for_each(|&value| is_defined[value] = true);
    }
    is_defined
}

fn check_layout(id: LayoutId, layout: &LayoutDecl, report: &mut Report) {
    let subject = || Subject::Layout(id);
    if !layout.size.is_multiple_of(MAX_ALIGN) || layout.size < HEADER_BYTES {
        let message = format!("size {} is not a multiple of 8 from 16 on", layout.size);
        report.add(Rule::FieldPlaces, subject(), message);
    }
    let mut names = KeyedHashSet::default();
    for field in layout.fields.values() {
        let wrong = match is_field_name(&field.name) {
            false => Some(format!("{:?} is no name of a field", field.name)),
            true => (!names.insert(&field.name))
                .then(|| format!("two fields are named `{}`", field.name)),
        };
        if let Some(message) = wrong {
            report.add(Rule::FieldNames, subject(), message);
        }
        if let Some(message) = misplaced(field, layout.size) {
            report.add(Rule::FieldPlaces, subject(), message);
        }
    }
}

/// What is wrong with the type or place of a field, if anything.
fn misplaced(field: &FieldDecl, size: u32) -> Option<String> {
    let FieldDecl { name, ty, offset } = field;
    let align = match *ty {
        FieldType::Value(ty) if !TypeClass::Data.contains(ty) => {
            return Some(format!("`{name}` is {ty}, which cannot be kept"));
        }
        FieldType::Value(ty) => ty.bytes(),
        FieldType::Bytes { align, .. } if !align.is_power_of_two() || align > 16 => {
            return Some(format!("`{name}` has alignment {align}"));
        }
        FieldType::Bytes { align, .. } => align,
    };
    let align = align.min(MAX_ALIGN);
    if *offset < HEADER_BYTES {
        Some(format!("`{name}` at {offset} lies in the header"))
    } else if !offset.is_multiple_of(align) {
        Some(format!("`{name}` at {offset} is not aligned to {align}"))
    } else if end(field) > u64::from(size) {
        Some(format!("`{name}` ends at {} of {size}", end(field)))
    } else {
        None
    }
}

fn end(field: &FieldDecl) -> u64 {
    let bytes = match field.ty {
        FieldType::Value(ty) => ty.bytes(),
        FieldType::Bytes { size, .. } => size,
    };
    u64::from(field.offset) + u64::from(bytes)
}

fn check_point(function: &Function, point: &PointDecl, subject: Subject, report: &mut Report) {
    for &ty in &point.results {
        if !TypeClass::Data.contains(ty) {
            let message = format!("a result is {ty}, which cannot be kept");
            report.add(Rule::PointFields, subject.clone(), message);
        }
    }
    let Some(layout) = function.layouts.get(point.layout) else {
        let message = format!("{} is not declared", point.layout);
        return report.add(Rule::PointFields, subject, message);
    };
    let results_end = u64::from(HEADER_BYTES) + WORD_BYTES * word_count(&point.results) as u64;
    if results_end > u64::from(layout.size) {
        let message = format!("the results end at {results_end} of {}", layout.size);
        report.add(Rule::PointFields, subject.clone(), message);
    }
    let mut taken = vec![Taken {
        start: HEADER_BYTES.into(),
        end: results_end,
        what: "the results".to_string(),
    }];
    let mut seen = FxHashSet::default();
    for save in &point.saved {
        match layout.fields.get(save.field) {
            Some(field) if !seen.insert(save.field) => {
                let message = format!("`{}` is saved twice", field.name);
                report.add(Rule::SavedOverlap, subject.clone(), message);
            }
            Some(field) => taken.push(Taken {
                start: field.offset.into(),
                end: end(field),
                what: format!("`{}`", field.name),
            }),
            None => {
                let message = format!("{}.{} is not declared", point.layout, save.field);
                report.add(Rule::PointFields, subject.clone(), message);
            }
        }
    }
    overlaps(taken, subject, report);
}

/// What a saved field stands for, if the function does not have it.
fn missing_source(
    function: &Function,
    defined: Option<&SecondaryMap<Value, bool>>,
    save: &SavedField,
) -> Option<String> {
    match save.source {
        SavedSource::Value(value) => {
            let is_missing = defined.is_some_and(|defined| !defined[value]);
            is_missing.then(|| format!("{value}, which has no definition"))
        }
        SavedSource::Slot(slot) => {
            let is_missing = function.slots.get(slot).is_none();
            is_missing.then(|| format!("{slot}, which is not declared"))
        }
    }
}

/// A field as messages name it, by its number if it is not declared.
fn field_name(function: &Function, point: &PointDecl, save: &SavedField) -> String {
    let layout = function.layouts.get(point.layout);
    let field = layout.and_then(|layout| layout.fields.get(save.field));
    field.map_or_else(
        || save.field.to_string(),
        |field| format!("`{}`", field.name),
    )
}

/// What is wrong with the exceptional entry of a point, if it has one.
fn wrong_unwind(function: &Function, id: PointId) -> Option<String> {
    let point = &function.points[id];
    let unwind = point.unwind?;
    let Some(entry) = function.points.get(unwind) else {
        return Some(format!("{unwind} is not declared"));
    };
    let saved: FxHashMap<FieldId, SavedSource> = (point.saved.iter())
        .map(|saved| (saved.field, saved.source))
        .collect();
    let unsaved = |entry: &&SavedField| saved.get(&entry.field) != Some(&entry.source);
    if unwind == id {
        Some(format!("{id} is its own exceptional entry"))
    } else if entry.unwind.is_some() {
        Some(format!("{unwind} has an exceptional entry itself"))
    } else if entry.layout != point.layout {
        Some(format!(
            "{unwind} has {}, not {}",
            entry.layout, point.layout
        ))
    } else if entry.results != Exception::TYPES {
        Some(format!("{unwind} does not take an `i64` and a `ref`"))
    } else {
        // Many points may share an entry. Of more fields than the point saves, which are different ones unless the
        // entry is reported itself, one is not among these.
        let most = point.saved.len() + 1;
        let unsaved = entry.saved.iter().take(most).find(unsaved)?;
        let layout = function.layouts.get(entry.layout)?;
        let name = layout.fields.get(unsaved.field).map(|field| &field.name)?;
        Some(format!("{unwind} saves `{name}`, which {id} does not"))
    }
}

/// Bytes that something has at a point.
struct Taken {
    start: u64,
    end: u64,
    what: String,
}

/// Reports what begins before something else ends. What is empty overlaps nothing.
fn overlaps(mut taken: Vec<Taken>, subject: Subject, report: &mut Report) {
    taken.retain(|taken| taken.start < taken.end);
    taken.sort_by_key(|taken| (taken.start, taken.end));
    let mut reaching: Option<Taken> = None;
    for next in taken {
        match reaching {
            Some(before) if next.start < before.end => {
                let message = format!("{} overlaps {}", next.what, before.what);
                report.add(Rule::SavedOverlap, subject.clone(), message);
                let further = next.end > before.end;
                reaching = Some(if further { next } else { before });
            }
            _ => reaching = Some(next),
        }
    }
}
