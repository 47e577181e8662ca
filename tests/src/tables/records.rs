//! The records of suspension points, as the bytes have them and as the module declares them.

use enjamb_abi::code::Symbol;
use enjamb_abi::context::free_list_offset;
use enjamb_abi::continuation::{RESULTS, field_size_align, record, result_area};
use enjamb_codegen::CompiledModule;
use enjamb_ir::{Entity, Exception, Function, PointDecl, PointId};

/// Every record is that of its point, and nothing that a continuation holds there overlaps.
pub(super) fn check(compiled: &CompiledModule) -> Result<(), String> {
    for (symbol, &start) in &compiled.symbols {
        let Symbol::Point(function, point) = *symbol else {
            continue;
        };
        let body = compiled.transformed.functions[function].body();
        let body = body.ok_or("a point of a function without a body")?;
        let complaint = |what: &str| Err(format!("%{}, {point}: {what}", body.name));
        let word = |at: u32| {
            let bytes = compiled.bytes.get((start + at) as usize..)?;
            Some(u32::from_le_bytes(*bytes.first_chunk()?))
        };
        let decl = &body.points[point];
        let size = body.layouts[decl.layout].size;
        let exceptional = match decl.unwind {
            Some(unwind) => match compiled.offset(&Symbol::Point(function, unwind)) {
                Some(to) => to.wrapping_sub(start),
                None => return complaint("its exceptional record is missing"),
            },
            None => 0,
        };
        let expected = [
            (record::FREE_LIST, free_list_offset(size)),
            (record::SIZE, size),
            (record::LAYOUT, decl.layout.index() as u32),
            (record::STATE, point.index() as u32),
            (record::FUNCTION, function.index() as u32),
            (record::EXCEPTIONAL, exceptional),
        ];
        if expected.iter().any(|&(at, value)| word(at) != Some(value)) {
            return complaint("its record has other numbers");
        }
        let address = |at: u32| {
            let mut absolute = compiled.absolute.iter();
            Some(absolute.find(|entry| entry.place == start + at)?.target)
        };
        if address(record::ENTRY) != compiled.offset(&Symbol::Function(function)) {
            return complaint("its record leads to another function");
        }
        if overlaps(body, point, decl) {
            return complaint("what is saved overlaps");
        }
    }
    Ok(())
}

/// Whether two things that a continuation holds at a point share a byte, or stick out of it.
fn overlaps(body: &Function, point: PointId, decl: &PointDecl) -> bool {
    let layout = &body.layouts[decl.layout];
    let is_handler = body
        .points
        .values()
        .any(|other| other.unwind == Some(point));
    let exception = if is_handler || decl.unwind.is_some() {
        result_area(&Exception::TYPES)
    } else {
        0
    };
    let header = RESULTS + result_area(&decl.results).max(exception);
    let mut taken = vec![(0, header), (layout.size, layout.size)];
    taken.extend(decl.saved.iter().map(|saved| {
        let field = &layout.fields[saved.field];
        (field.offset, field.offset + field_size_align(field.ty).0)
    }));
    taken.sort_unstable();
    taken.windows(2).any(|pair| pair[0].1 > pair[1].0)
}
