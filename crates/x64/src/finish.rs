//! The end of an assembly: kept bytes, jumps and padding are put together and patched.

use crate::assembler::{Assembler, Origin, PendingJump};
use crate::code::{Code, Reloc};
use crate::error::AssembleError;
use crate::listing::{Line, Listing};
use crate::nop;
use crate::op::Op;
use crate::operand::Label;
use crate::relax::{Align, Jump, Layout, Position};

/// Makes code of what `assembler` holds.
pub(crate) fn finish(assembler: Assembler) -> Result<Code, AssembleError> {
    let bound = |label: Label| match assembler.labels.get(label.index() as usize) {
        Some(Some(position)) => Ok(*position),
        Some(None) => Err(AssembleError::Unbound(label)),
        None => Err(AssembleError::Foreign(label)),
    };
    let resolve = |jump: &PendingJump| {
        Ok(Jump {
            at: jump.at,
            cond: jump.cond,
            target: bound(jump.target)?,
        })
    };
    let jumps: Vec<Jump> = assembler
        .jumps
        .iter()
        .map(resolve)
        .collect::<Result<_, _>>()?;
    let layout = Layout::new(&jumps, &assembler.aligns);
    let end = Position {
        bytes: assembler.bytes.len() as u32,
        jumps: jumps.len() as u32,
        aligns: assembler.aligns.len() as u32,
    };
    let size = layout.offset(end);
    if size > i32::MAX as u64 {
        return Err(AssembleError::TooLarge);
    }
    let mut bytes = join(&assembler.bytes, &jumps, &assembler.aligns, &layout);
    debug_assert_eq!(bytes.len() as u64, size, "the layout counts every byte");

    for fixup in &assembler.fixups {
        let field = layout.offset(fixup.at) as i64;
        let origin = match fixup.from {
            Origin::Field => field,
            Origin::Label(table) => layout.offset(bound(table)?) as i64,
        };
        let distance = layout.offset(bound(fixup.label)?) as i64 + fixup.addend - origin;
        let distance = i32::try_from(distance).map_err(|_| AssembleError::Distance(fixup.label))?;
        let field = field as usize;
        bytes[field..field + 4].copy_from_slice(&distance.to_le_bytes());
    }
    let offset = |position: Position| layout.offset(position) as u32;
    let relocations = assembler.relocations.iter().map(|(at, reloc)| Reloc {
        offset: offset(*at),
        ..*reloc
    });
    let boundaries = assembler.aligns.iter().map(|align| align.boundary);
    let listing = listing(assembler.lines.as_deref().unwrap_or(&[]), &offset, &bytes);
    Ok(Code {
        relocations: relocations.collect(),
        alignment: boundaries.max().unwrap_or(1),
        labels: assembler
            .labels
            .iter()
            .map(|label| label.map(offset))
            .collect(),
        listing,
        bytes,
    })
}

/// Fills the gaps between the kept bytes, in the order of their positions.
fn join(kept: &[u8], jumps: &[Jump], aligns: &[Align], layout: &Layout) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(kept.len() + jumps.len() * 6);
    let mut copied = 0;
    let mut copy_up_to = |at: Position, bytes: &mut Vec<u8>| {
        bytes.extend_from_slice(&kept[copied..at.bytes as usize]);
        copied = at.bytes as usize;
    };
    let mut jumps = jumps.iter().enumerate().peekable();
    for (index, align) in aligns.iter().enumerate() {
        let is_before = |(number, _): &(usize, &Jump)| *number < align.at.jumps as usize;
        while let Some((number, jump)) = jumps.next_if(is_before) {
            copy_up_to(jump.at, &mut bytes);
            encode_jump(jump, number, layout, &mut bytes);
        }
        copy_up_to(align.at, &mut bytes);
        nop::pad(layout.padding(index), &mut bytes);
    }
    for (number, jump) in jumps {
        copy_up_to(jump.at, &mut bytes);
        encode_jump(jump, number, layout, &mut bytes);
    }
    bytes.extend_from_slice(&kept[copied..]);
    bytes
}

fn encode_jump(jump: &Jump, index: usize, layout: &Layout, bytes: &mut Vec<u8>) {
    let is_long = layout.is_long(index);
    let op = match (jump.cond, is_long) {
        (None, false) => Op::JmpRel8,
        (None, true) => Op::JmpRel32,
        (Some(cond), false) => Op::jcc_short(cond),
        (Some(cond), true) => Op::jcc(cond),
    };
    let end = layout.offset(jump.at) + layout.jump_size(index) as u64;
    let distance = (layout.offset(jump.target) as i64 - end as i64).to_le_bytes();
    let encoding = &op.info().encoding;
    bytes.extend_from_slice(encoding.opcode());
    bytes.extend_from_slice(&distance[..usize::from(encoding.distance_bytes)]);
}

/// Gives each line the bytes up to the next line's offset.
fn listing(
    lines: &[(Position, crate::listing::Item)],
    offset: &impl Fn(Position) -> u32,
    bytes: &[u8],
) -> Listing {
    let starts: Vec<u32> = lines.iter().map(|(at, _)| offset(*at)).collect();
    let ends = starts.iter().copied().skip(1).chain([bytes.len() as u32]);
    let lines = lines.iter().zip(starts.iter().zip(ends));
    Listing {
        lines: lines
            .map(|((_, item), (&start, end))| Line {
                offset: start,
                bytes: bytes[start as usize..end as usize].to_vec(),
                item: item.clone(),
            })
            .collect(),
    }
}
