//! Layouts and suspension points of lowered functions.

use super::error::{Report, Subject};
use super::rule::Rule;
use crate::entity::LayoutId;
use crate::function::Function;
use crate::hash::FxHashSet;
use crate::suspension::{FieldDecl, FieldType, LayoutDecl, PointDecl};
use crate::types::TypeClass;

/// Bytes of the header that every continuation begins with.
const HEADER_BYTES: u32 = 16;
/// The greatest alignment that a continuation has.
const MAX_ALIGN: u32 = 8;

pub(super) fn check(function: &Function, report: &mut Report) {
    for (id, layout) in function.layouts.iter() {
        check_layout(id, layout, report);
    }
    for (id, point) in function.points.iter() {
        check_point(function, point, Subject::Point(id), report);
    }
}

fn check_layout(id: LayoutId, layout: &LayoutDecl, report: &mut Report) {
    let subject = || Subject::Layout(id);
    if !layout.size.is_multiple_of(MAX_ALIGN) || layout.size < HEADER_BYTES {
        let message = format!("size {} is not a multiple of 8 from 16 on", layout.size);
        report.add(Rule::FieldPlaces, subject(), message);
    }
    let mut names = FxHashSet::default();
    for field in layout.fields.values() {
        if !names.insert(&field.name) {
            let message = format!("two fields are named `{}`", field.name);
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
    let mut saved: Vec<&FieldDecl> = Vec::with_capacity(point.saved.len());
    for save in &point.saved {
        match layout.fields.get(save.field) {
            // What is empty overlaps nothing.
            Some(field) if end(field) == u64::from(field.offset) => {}
            Some(field) => saved.push(field),
            None => {
                let message = format!("{}.{} is not declared", point.layout, save.field);
                report.add(Rule::PointFields, subject.clone(), message);
            }
        }
    }
    overlaps(saved, subject, report);
}

/// Reports fields that begin before an earlier one ends.
fn overlaps(mut saved: Vec<&FieldDecl>, subject: Subject, report: &mut Report) {
    saved.sort_by_key(|field| (field.offset, end(field)));
    let mut reaching: Option<&FieldDecl> = None;
    for field in saved {
        match reaching {
            Some(before) if u64::from(field.offset) < end(before) => {
                let message = format!("`{}` overlaps `{}`", field.name, before.name);
                report.add(Rule::SavedOverlap, subject.clone(), message);
                if end(field) > end(before) {
                    reaching = Some(field);
                }
            }
            _ => reaching = Some(field),
        }
    }
}
