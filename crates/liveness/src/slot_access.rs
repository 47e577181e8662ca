//! What instructions do to the bytes of stack slots.

use crate::flow::ControlFlow;
use enjamb_ir::hash::FxHashMap;
use enjamb_ir::{Effects, Entity, Function, Inst, Opcode, Payload, Place, StackSlot, Value};
use std::ops::Range;

/// What an instruction does to bytes of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Overwrite,
}

/// Where an address in a slot points: how many bytes behind its start, if that is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Derived {
    pub(crate) slot: StackSlot,
    offset: Option<i64>,
}

/// The places of all values that `stack_addr` and `addr_add` make in reachable blocks.
pub(crate) type Addresses = FxHashMap<Value, Derived>;

pub(crate) fn derived_addresses(function: &Function, flow: &ControlFlow) -> Addresses {
    let mut addresses = Addresses::default();
    if function.slots.is_empty() {
        return addresses;
    }
    // A definition dominates its uses, so reverse post-order meets it first.
    for &block in flow.reverse_post_order() {
        for &inst in &function.blocks[block].insts {
            let data = &function.insts[inst];
            let derived = match (data.opcode, data.payload, function.args(inst)) {
                (Opcode::StackAddr, Payload::Slot(slot, offset), _) => Some(Derived {
                    slot,
                    offset: Some(offset.into()),
                }),
                (Opcode::AddrAdd, _, &[base, amount]) => addresses.get(&base).map(|from| Derived {
                    slot: from.slot,
                    offset: from
                        .offset
                        .and_then(|offset| offset.checked_add(function.integer_constant(amount)?)),
                }),
                _ => None,
            };
            if let Some(derived) = derived {
                let results = function.results(inst).iter();
                addresses.extend(results.map(|&value| (value, derived)));
            }
        }
    }
    addresses
}

/// Calls `visit` with the bytes of slots that an instruction reads or overwrites. None does both.
pub(crate) fn for_each_access(
    function: &Function,
    addresses: &Addresses,
    inst: Inst,
    mut visit: impl FnMut(StackSlot, Range<u32>, Access),
) {
    let data = &function.insts[inst];
    let whole = |slot: StackSlot| 0..function.slots[slot].size;
    match (data.opcode, data.payload) {
        (Opcode::FieldSaveSlot, Payload::SlotField(_, _, slot)) => {
            visit(slot, whole(slot), Access::Read);
        }
        (Opcode::FieldRestoreSlot, Payload::SlotField(_, _, slot)) => {
            visit(slot, whole(slot), Access::Overwrite);
        }
        (_, Payload::Access(Place::Slot(slot), offset)) => {
            let is_read = data.opcode.info().effects.has(Effects::READS);
            let is_at_index = function.args(inst).len() > usize::from(!is_read);
            if !is_at_index {
                let access = if is_read {
                    Access::Read
                } else {
                    Access::Overwrite
                };
                visit(slot, bytes_from(function, inst, offset), access);
            } else if is_read {
                visit(slot, whole(slot), Access::Read);
            }
        }
        _ => {}
    }
    if data.opcode == Opcode::AddrAdd || addresses.is_empty() {
        return;
    }
    if let Some((slot, bytes)) = known_bytes(function, addresses, inst) {
        let access = match data.opcode.info().effects.has(Effects::READS) {
            true => Access::Read,
            false => Access::Overwrite,
        };
        return visit(slot, bytes, access);
    }
    function.for_each_use(inst, |value| {
        if let Some(derived) = addresses.get(&value) {
            visit(derived.slot, whole(derived.slot), Access::Read);
        }
    });
}

/// The bytes that a load or store behind an address accesses, if they are known to lie in a slot.
fn known_bytes(
    function: &Function,
    addresses: &Addresses,
    inst: Inst,
) -> Option<(StackSlot, Range<u32>)> {
    let Payload::Access(Place::Address, offset) = function.insts[inst].payload else {
        return None;
    };
    let derived = addresses.get(function.args(inst).first()?)?;
    let start = derived.offset?.checked_add(offset.into())?;
    let bytes = bytes_from(function, inst, u32::try_from(start).ok()?);
    (bytes.end <= function.slots[derived.slot].size).then_some((derived.slot, bytes))
}

/// The bytes that a load or store accesses from an offset on.
fn bytes_from(function: &Function, inst: Inst, offset: u32) -> Range<u32> {
    let moved = match function.insts[inst].opcode {
        Opcode::Uload8 | Opcode::Sload8 | Opcode::Istore8 => 1,
        Opcode::Uload16 | Opcode::Sload16 | Opcode::Istore16 => 2,
        Opcode::Uload32 | Opcode::Sload32 | Opcode::Istore32 => 4,
        // What a load gives, or else what a store takes.
        _ => {
            let operands = (function.results(inst).first()).or(function.args(inst).last());
            operands.map_or(0, |&value| function.value_type(value).bytes())
        }
    };
    offset..offset.saturating_add(moved)
}

/// Bytes of a slot that are overwritten together or not at all.
#[derive(Clone, Debug)]
struct Piece {
    slot: StackSlot,
    start: u32,
    end: u32,
}

/// The slots cut into pieces, numbered in order. A slot is live iff one of its pieces is.
#[derive(Clone, Debug)]
pub(crate) struct Pieces {
    pieces: Vec<Piece>,
    /// Where the pieces of each slot begin, and where the last ones end.
    first: Vec<u32>,
}

/// A slot that would have more pieces is one piece, so that work stays in proportion to accesses.
const MOST_PIECES: usize = 32;

impl Pieces {
    /// Cuts the slots where instructions of reachable blocks begin or cease to overwrite them.
    pub(crate) fn new(function: &Function, flow: &ControlFlow, addresses: &Addresses) -> Self {
        let mut cuts = vec![Vec::new(); function.slots.len()];
        for &block in flow.reverse_post_order() {
            for &inst in &function.blocks[block].insts {
                for_each_access(function, addresses, inst, |slot, bytes, access| {
                    if access == Access::Overwrite {
                        cuts[slot.index()].extend([bytes.start, bytes.end]);
                    }
                });
            }
        }
        let mut pieces = Vec::new();
        let mut first = vec![0];
        for (slot, data) in function.slots.iter() {
            let cuts = &mut cuts[slot.index()];
            cuts.retain(|&cut| cut < data.size);
            cuts.extend([0, data.size]);
            cuts.sort_unstable();
            cuts.dedup();
            let ends = if cuts.len() > MOST_PIECES {
                &[0, data.size]
            } else {
                &cuts[..]
            };
            pieces.extend(ends.windows(2).map(|ends| Piece {
                slot,
                start: ends[0],
                end: ends[1],
            }));
            first.push(pieces.len() as u32);
        }
        Pieces { pieces, first }
    }

    pub(crate) fn len(&self) -> usize {
        self.pieces.len()
    }

    pub(crate) fn slot(&self, piece: u32) -> StackSlot {
        self.pieces[piece as usize].slot
    }

    /// The pieces of a slot.
    pub(crate) fn of(&self, slot: StackSlot) -> Range<u32> {
        self.first[slot.index()]..self.first[slot.index() + 1]
    }

    /// The pieces of which an access reads a part, or which it overwrites.
    pub(crate) fn accessed(
        &self,
        slot: StackSlot,
        bytes: &Range<u32>,
        access: Access,
    ) -> Range<u32> {
        let of = self.of(slot);
        let pieces = &self.pieces[of.start as usize..of.end as usize];
        let (begin, end) = match access {
            Access::Read => (
                pieces.partition_point(|piece| piece.end <= bytes.start),
                pieces.partition_point(|piece| piece.start < bytes.end),
            ),
            Access::Overwrite => (
                pieces.partition_point(|piece| piece.start < bytes.start),
                pieces.partition_point(|piece| piece.end <= bytes.end),
            ),
        };
        of.start + begin as u32..of.start + end as u32
    }
}
