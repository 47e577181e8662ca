//! What the listings of golden files show.

use crate::header::{Listing, ListingKind};
use crate::stages;
use enjamb_abi::code::CodeOptions;
use enjamb_abi::context::InstanceLayout;
use enjamb_codegen::{Lowering, Target, UnsupportedTarget};
use enjamb_ir::{FieldType, FuncId, Function, Module, PointDecl, SavedSource, Stage};
use std::fmt::Write;

/// Makes the text of a listing.
///
/// # Errors
/// If there is no such function, pass or target.
pub fn make(module: &Module, wanted: &Listing) -> Result<String, String> {
    let pass = match &wanted.kind {
        ListingKind::Pass(pass) => pass,
        ListingKind::Layout | ListingKind::Assembly(_) => "async",
    };
    let module = stages::after(module, pass)?;
    let chosen = |function: &Function| {
        let wanted = wanted.function.as_ref();
        wanted.is_none_or(|name| *name == function.name)
    };
    let mut texts = Vec::new();
    for (id, function) in module.bodies().filter(|(_, function)| chosen(function)) {
        texts.push(match &wanted.kind {
            ListingKind::Pass(_) => module.display_function(function).to_string(),
            ListingKind::Layout if function.stage == Stage::Source => continue,
            ListingKind::Layout => layouts(function),
            ListingKind::Assembly(target) => assembly(&module, id, target)?,
        });
    }
    if texts.is_empty() {
        return Err("there is no such function to list".to_string());
    }
    Ok(texts.join("\n"))
}

/// Layouts with the offsets of their fields, and what each point saves.
fn layouts(function: &Function) -> String {
    let mut text = format!("%{}\n", function.name);
    for (id, layout) in function.layouts.iter() {
        text += &format!("{id}: {} bytes\n", layout.size);
        for field in layout.fields.values() {
            let what = match field.ty {
                FieldType::Value(ty) => ty.to_string(),
                FieldType::Bytes { size, align } => format!("{size} bytes, align {align}"),
            };
            text += &format!("{:6}  {}: {what}\n", field.offset, field.name);
        }
    }
    for (id, point) in function.points.iter() {
        text += &format!("{id}: {}\n", saved(function, point));
    }
    text
}

fn saved(function: &Function, point: &PointDecl) -> String {
    let layout = &function.layouts[point.layout];
    let mut text = format!("{} saves", point.layout);
    for (index, saved) in point.saved.iter().enumerate() {
        let name = &layout.fields[saved.field].name;
        let source = match saved.source {
            SavedSource::Value(value) => value.to_string(),
            SavedSource::Slot(slot) => slot.to_string(),
        };
        let separator = if index == 0 { " " } else { ", " };
        let _ = match *name == source {
            true => write!(text, "{separator}{name}"),
            false => write!(text, "{separator}{name} = {source}"),
        };
    }
    if point.saved.is_empty() {
        text += " nothing";
    }
    if let Some(unwind) = point.unwind {
        let _ = write!(text, ", {unwind} for an exception");
    }
    text
}

/// The assembly of a function of a transformed module for a target.
fn assembly(module: &Module, function: FuncId, target: &str) -> Result<String, String> {
    let target: Target = target
        .parse()
        .map_err(|error: UnsupportedTarget| error.to_string())?;
    let layout = InstanceLayout::new(module);
    let options = CodeOptions {
        check: true,
        ..CodeOptions::default()
    };
    let lowered = Lowering::new(module, &layout, target, options).run(function, true);
    let text = lowered.map_err(|error| error.to_string())?.text;
    Ok(text.map(|text| text.assembly).unwrap_or_default())
}
