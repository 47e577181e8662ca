//! `--emit layout`: what continuations hold, as text and JSON.

use anyhow::Result;
use enjamb::codegen::{FrameReport, LiveReport, PointReport};
use enjamb::ir::{FieldType, Function, Module, SavedSource};
use serde_json::{Value, json};
use std::io::Write;

/// Prints the layouts and suspension points of a function.
pub fn print(module: &Module, function: &Function, output: &mut impl Write) -> Result<()> {
    let report = FrameReport::new(function);
    writeln!(output, "function %{}{}", function.name, function.signature)?;
    if report.points.is_empty() {
        writeln!(output, "  never suspended")?;
    }
    for layout in &report.layouts {
        let (name, size, bound) = (layout.layout, layout.size, layout.lower_bound);
        writeln!(output, "  {name}: {size} bytes, no fewer than {bound}")?;
        writeln!(
            output,
            "    {:6} {:5} {:12} type",
            "offset", "size", "field"
        )?;
        writeln!(
            output,
            "    {:6} {:5} {:12} the caller's continuation",
            0, 8, "next"
        )?;
        writeln!(
            output,
            "    {:6} {:5} {:12} the suspension point",
            8, 8, "info"
        )?;
        if layout.result_area > 0 {
            writeln!(
                output,
                "    {:6} {:5} {:12} of the call",
                16, layout.result_area, "results"
            )?;
        }
        for field in &layout.fields {
            let (offset, size, name) = (field.offset, field.size, &field.name);
            writeln!(
                output,
                "    {offset:6} {size:5} {name:12} {}",
                type_name(field.ty)
            )?;
        }
    }
    for point in &report.points {
        write!(output, "  {} in {}", point.point, point.layout)?;
        if let Some(place) = place(module, point) {
            write!(output, " at {place}")?;
        }
        let live: Vec<String> = point.live.iter().map(live).collect();
        let live = if live.is_empty() {
            "nothing".to_string()
        } else {
            live.join(", ")
        };
        writeln!(output, ": live {live}")?;
    }
    Ok(())
}

/// The same as [`print`] for programs.
pub fn json(module: &Module, function: &Function) -> Value {
    let report = FrameReport::new(function);
    let layouts = report.layouts.iter().map(|layout| {
        let fields = layout.fields.iter().map(|field| {
            let ty = type_name(field.ty);
            json!({ "name": field.name, "type": ty, "offset": field.offset, "size": field.size })
        });
        json!({
            "name": layout.layout.to_string(),
            "size": layout.size,
            "lower_bound": layout.lower_bound,
            "result_area": layout.result_area,
            "fields": fields.collect::<Vec<_>>(),
        })
    });
    let points = report.points.iter().map(|point| {
        let live = point.live.iter().map(|live| {
            let stored = live.stored.to_string();
            json!({ "source": source_name(live), "field": live.field, "stored": stored })
        });
        let results = point.results.iter().map(|ty| ty.name());
        json!({
            "name": point.point.to_string(),
            "layout": point.layout.to_string(),
            "results": results.collect::<Vec<_>>(),
            "position": place(module, point),
            "live": live.collect::<Vec<_>>(),
        })
    });
    json!({
        "function": function.name,
        "layouts": layouts.collect::<Vec<_>>(),
        "points": points.collect::<Vec<_>>(),
    })
}

fn type_name(ty: FieldType) -> String {
    match ty {
        FieldType::Value(ty) => ty.to_string(),
        FieldType::Bytes { size, align } => format!("{size} bytes aligned to {align}"),
    }
}

fn source_name(live: &LiveReport) -> String {
    match live.source {
        SavedSource::Value(value) => value.to_string(),
        SavedSource::Slot(slot) => slot.to_string(),
    }
}

/// What is live, the field if it has another name, and when it is stored.
fn live(live: &LiveReport) -> String {
    let source = source_name(live);
    match source == live.field {
        true => format!("{source} (stored {})", live.stored),
        false => format!("{source} in {} (stored {})", live.field, live.stored),
    }
}

fn place(module: &Module, point: &PointReport) -> Option<String> {
    let position = point.position?;
    let file = module.files.get(position.file)?;
    Some(format!("{file}:{}:{}", position.line, position.column))
}
