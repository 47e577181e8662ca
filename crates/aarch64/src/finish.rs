//! The end of an assembly: what waits for labels is filled in.

use crate::assembler::{Assembler, Fixup, Shape};
use crate::code::Code;
use crate::error::AssembleError;
use crate::island::{MEDIUM, SHORT};
use crate::listing::{Item, Line, Listing};
use crate::operand::Label;
use crate::refer::far_address;

/// Makes code of what `assembler` holds.
pub(crate) fn finish(mut assembler: Assembler) -> Result<Code, AssembleError> {
    for queue in [SHORT, MEDIUM] {
        for reference in std::mem::take(&mut assembler.waiting.queues[queue].references) {
            let target = bound(&assembler, reference.label)?;
            assembler.resolve(reference, target);
        }
    }
    for fixup in std::mem::take(&mut assembler.fixups) {
        apply(&mut assembler, fixup)?;
    }
    if let Some(error) = assembler.error.take() {
        return Err(error);
    }
    let listing = listing(assembler.lines.as_deref().unwrap_or(&[]), &assembler.bytes);
    assembler.relocations.sort_by_key(|reloc| reloc.offset);
    Ok(Code {
        bytes: assembler.bytes,
        relocations: assembler.relocations,
        alignment: assembler.alignment,
        labels: assembler.labels.iter().map(|label| label.bound).collect(),
        listing,
    })
}

fn bound(assembler: &Assembler, label: Label) -> Result<u32, AssembleError> {
    match assembler.labels.get(label.index() as usize) {
        Some(state) => state.bound.ok_or(AssembleError::Unbound(label)),
        None => Err(AssembleError::Foreign(label)),
    }
}

fn apply(assembler: &mut Assembler, fixup: Fixup) -> Result<(), AssembleError> {
    let Fixup { at, label, shape } = fixup;
    let target = bound(assembler, label)?;
    let distance = i64::from(target) - i64::from(at);
    let error = AssembleError::Distance(label);
    match shape {
        Shape::Field(reach) => {
            if !reach.contains(distance) {
                return Err(error);
            }
            assembler.patch(at, |word| reach.patch(word, distance));
        }
        Shape::FarAddress => {
            let mut words = None;
            assembler.patch(at, |adr| {
                words = far_address(adr, distance);
                words.map_or(adr, |[adr, _]| adr)
            });
            let [_, add] = words.ok_or(error)?;
            assembler.patch(at + 4, |_| add);
        }
        Shape::Table(table) => {
            let start = bound(assembler, table)?;
            let distance = i64::from(target) - i64::from(start);
            assembler.patch(at, |_| distance as u32);
        }
    }
    Ok(())
}

/// Gives each line the bytes up to the next line's offset.
fn listing(lines: &[(u32, Item)], bytes: &[u8]) -> Listing {
    let ends = lines
        .iter()
        .map(|(at, _)| *at)
        .skip(1)
        .chain([bytes.len() as u32]);
    Listing {
        lines: lines
            .iter()
            .zip(ends)
            .map(|((start, item), end)| Line {
                offset: *start,
                bytes: bytes[*start as usize..end as usize].to_vec(),
                item: item.clone(),
            })
            .collect(),
    }
}
