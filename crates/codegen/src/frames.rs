//! What the continuations of a lowered function hold: a report for people and tools.

use enjamb_abi::continuation::{CLASS_STEP, RESULTS, field_size_align, result_area};
use enjamb_ir::hash::FxHashSet;
use enjamb_ir::{
    Entity, Exception, FieldId, FieldType, Function, LayoutId, Opcode, Payload, PointId,
    SavedField, SavedSource, SourcePos, Type,
};
use std::fmt;

/// The continuations of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameReport {
    /// Its layouts, the common one first.
    pub layouts: Vec<LayoutReport>,
    /// Its suspension points, by state number.
    pub points: Vec<PointReport>,
}

/// A layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayoutReport {
    /// The layout.
    pub layout: LayoutId,
    /// Bytes of an object, header and result area included.
    pub size: u32,
    /// The least size of an object at the point that needs most: header, result area and what is live
    /// there, rounded up to a multiple of 8. No layout that serves all of its points is smaller.
    pub lower_bound: u32,
    /// Bytes of the largest result area of its points. What a point does not save may lie there.
    pub result_area: u32,
    /// The fields, by rising offset.
    pub fields: Vec<FieldReport>,
}

/// A field of a layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldReport {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub ty: FieldType,
    /// Offset in the object.
    pub offset: u32,
    /// Size in bytes.
    pub size: u32,
}

/// A suspension point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PointReport {
    /// The point.
    pub point: PointId,
    /// The layout of the object that is suspended here.
    pub layout: LayoutId,
    /// Types of the results that the callee delivers.
    pub results: Vec<Type>,
    /// The source position of the call.
    pub position: Option<SourcePos>,
    /// What is live across the point, in the order of its declaration.
    pub live: Vec<LiveReport>,
}

/// Something that is live across a suspension point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveReport {
    /// What it is in the function before the transform.
    pub source: SavedSource,
    /// The name of the field that holds it.
    pub field: String,
    /// When it is stored.
    pub stored: Stored,
}

/// When something that is live across a suspension point is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// Every time that the activation suspends here.
    Always,
    /// Into a fresh object only: it cannot have changed since the object was made.
    Once,
}

impl fmt::Display for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stored::Always => "always",
            Stored::Once => "once",
        })
    }
}

impl FrameReport {
    /// The report on a function; empty unless it is lowered and can suspend.
    pub fn new(function: &Function) -> FrameReport {
        let stored = stored_always(function);
        let points = function.points.iter().map(|(point, decl)| {
            let fields = &function.layouts[decl.layout].fields;
            let live = decl.saved.iter().map(|saved| LiveReport {
                source: saved.source,
                field: fields[saved.field].name.clone(),
                stored: match stored.contains(&(point, saved.field)) {
                    true => Stored::Always,
                    false => Stored::Once,
                },
            });
            PointReport {
                point,
                layout: decl.layout,
                results: decl.results.clone(),
                position: decl.position,
                live: live.collect(),
            }
        });
        FrameReport {
            points: points.collect(),
            layouts: layouts(function),
        }
    }
}

fn layouts(function: &Function) -> Vec<LayoutReport> {
    let reports = function.layouts.iter().map(|(layout, decl)| {
        let mut fields: Vec<FieldReport> = decl
            .fields
            .values()
            .map(|field| FieldReport {
                name: field.name.clone(),
                ty: field.ty,
                offset: field.offset,
                size: field_size_align(field.ty).0,
            })
            .collect();
        fields.sort_by_key(|field| field.offset);
        LayoutReport {
            layout,
            size: decl.size,
            lower_bound: RESULTS,
            result_area: 0,
            fields,
        }
    });
    let mut reports: Vec<LayoutReport> = reports.collect();
    for point in function.points.values() {
        let decl = &function.layouts[point.layout];
        let size = |saved: &SavedField| field_size_align(decl.fields[saved.field].ty).0;
        let saved: u32 = point.saved.iter().map(size).sum();
        let exception = point.unwind.map_or(0, |_| result_area(&Exception::TYPES));
        let results = result_area(&point.results).max(exception);
        let least = (RESULTS + results + saved).next_multiple_of(CLASS_STEP);
        let report = &mut reports[point.layout.index()];
        report.lower_bound = report.lower_bound.max(least);
        report.result_area = report.result_area.max(results);
    }
    reports
}

/// The fields that are stored in the block which sets a point: every way of suspending there goes
/// through it, and what goes into a fresh object only is stored before it.
fn stored_always(function: &Function) -> FxHashSet<(PointId, FieldId)> {
    let mut stored = FxHashSet::default();
    for &block in &function.order {
        let mut fields = Vec::new();
        for &inst in &function.blocks[block].insts {
            match (function.insts[inst].opcode, function.insts[inst].payload) {
                (Opcode::FieldStore, Payload::Field(_, field))
                | (Opcode::FieldSaveSlot, Payload::SlotField(_, field, _)) => fields.push(field),
                (Opcode::SetPoint, Payload::Point(point)) => {
                    stored.extend(fields.drain(..).map(|field| (point, field)));
                }
                _ => {}
            }
        }
    }
    stored
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Selection, run_passes};

    #[test]
    fn a_report_tells_what_is_live_and_when_it_is_stored() {
        let text = r#"
import %test = "enjamb" "test" (i64) -> i64 async
function %sum(i64, i64) -> i64 async {
block0(v0: i64, v1: i64):
    jump block1(v1)
block1(v2: i64):
    v3 = call %test(v2)
    v4 = iadd v3, v2
    v5 = icmp slt v4, v0
    brif v5, block1(v4), block2
block2:
    return v4
}
"#;
        let mut module = enjamb_ir::parse_module(text).unwrap();
        run_passes(&mut module, &Selection::default(), true).unwrap();
        let (_, function) = module.bodies().next().unwrap();
        let report = FrameReport::new(function);

        let [layout] = report.layouts.as_slice() else {
            panic!("{report:?}")
        };
        assert_eq!((layout.size, layout.lower_bound), (40, 16 + 8 + 16));
        assert_eq!(layout.fields[0].offset, 24);
        let [point] = report.points.as_slice() else {
            panic!("{report:?}")
        };
        let mut live: Vec<_> = point
            .live
            .iter()
            .map(|live| match live.source {
                SavedSource::Value(value) => (value.to_string(), live.stored),
                SavedSource::Slot(slot) => (slot.to_string(), live.stored),
            })
            .collect();
        live.sort_by(|a, b| a.0.cmp(&b.0));
        let expected = [("v0", Stored::Once), ("v2", Stored::Always)];
        assert_eq!(live, expected.map(|(name, when)| (name.to_string(), when)));
        assert_eq!(point.results, [Type::I64]);
    }

    #[test]
    fn the_result_area_is_that_of_the_point_with_most_results() {
        let text = r#"
import %pair = "host" "pair" () -> i64, i64 async
import %yield = "enjamb" "yield" () async
function %sum() -> i64 async {
block0:
    v0, v1 = call %pair()
    v2 = iadd v0, v1
    call %yield()
    return v2
}
"#;
        let mut module = enjamb_ir::parse_module(text).unwrap();
        run_passes(&mut module, &Selection::default(), true).unwrap();
        let (_, function) = module.bodies().next().unwrap();
        let areas = FrameReport::new(function).layouts.into_iter();
        let areas: Vec<u32> = areas.map(|layout| layout.result_area).collect();
        assert_eq!(areas, [16]);
    }
}
