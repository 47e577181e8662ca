//! Which stack slots hold something that may be read later.
//!
//! Bytes count: a slot is dead where each byte that is read later is overwritten before. A load or
//! store reads or overwrites what it accesses, if that is known: directly, or behind an address a
//! constant number of bytes from `stack_addr`. A load at an index reads the slot, and a store at one
//! neither reads nor overwrites it; any other use of an address in the slot reads it, except to derive
//! another one. `field_restore_slot` overwrites it. Slots are zero at function entry, which this
//! analysis does not count as a write: bytes that are read before they are written are live from the
//! entry on.

use crate::flow::ControlFlow;
use crate::ranges::Ranges;
use crate::runs::{Run, RunIndex, RunIndexBuilder, normalize, sorted};
use crate::slot_access::{Access, Addresses, Pieces, derived_addresses, for_each_access};
use enjamb_ir::{Block, Entity, Function, Inst, StackSlot, Value};
use std::collections::BTreeSet;

/// Where the contents of the stack slots of a function are needed.
///
/// Stored like [`Liveness`](crate::Liveness): runs of blocks per piece of a slot. A piece is explored
/// from its readers back to its writers, in time linear in the blocks where it is live.
#[derive(Clone, Debug)]
pub struct SlotLiveness {
    position: Vec<Option<u32>>,
    index: RunIndex,
    addresses: Addresses,
    pieces: Pieces,
}

impl SlotLiveness {
    /// Analyses a function whose graph is `flow`.
    pub fn new(function: &Function, flow: &ControlFlow) -> Self {
        let addresses = derived_addresses(function, flow);
        let pieces = Pieces::new(function, flow, &addresses);
        let order = flow.reverse_post_order();
        let sources = distinct_sources(flow);
        let mut first = FirstAccesses::new(pieces.len());
        for (position, &block) in order.iter().enumerate() {
            for &inst in &function.blocks[block].insts {
                for_each_access(function, &addresses, inst, |slot, bytes, access| {
                    for piece in pieces.accessed(slot, &bytes, access) {
                        first.note(piece, position as u32, access);
                    }
                });
            }
        }
        let mut builder = RunIndexBuilder::new(pieces.len());
        let mut visited = vec![0u32; order.len()];
        for piece in 0..pieces.len() as u32 {
            let runs = first.live_runs(piece, &sources, &mut visited);
            builder.set(piece, &runs);
        }
        let blocks = 0..function.block_capacity();
        SlotLiveness {
            position: blocks
                .map(|index| flow.order_of(Block::from_index(index)))
                .map(|position| position.map(|position| position as u32))
                .collect(),
            index: builder.finish(order.len()),
            addresses,
            pieces,
        }
    }

    /// Whether the contents that `slot` has at the start of `block` may be read.
    pub fn is_live_in(&self, block: Block, slot: StackSlot) -> bool {
        let is_live = |position| {
            let mut pieces = self.pieces.of(slot);
            pieces.any(|piece| self.index.contains(piece as usize, position))
        };
        self.position(block).is_some_and(is_live)
    }

    /// The slots whose contents at the start of `block` may be read, in order.
    pub fn live_in(&self, block: Block) -> Vec<StackSlot> {
        let mut pieces = BTreeSet::new();
        self.for_each_piece_in(block, |piece| {
            pieces.insert(piece);
        });
        slots_of(&self.pieces, &pieces).collect()
    }

    /// The slots whose contents at the end of `block` may be read, in order.
    pub fn live_out(&self, function: &Function, block: Block) -> Vec<StackSlot> {
        slots_of(&self.pieces, &self.pieces_out(function, block)).collect()
    }

    fn pieces_out(&self, function: &Function, block: Block) -> BTreeSet<u32> {
        let mut live = BTreeSet::new();
        if self.position(block).is_none() {
            return live;
        }
        let successors = function.successors(block);
        let successors = sorted(successors.filter_map(|to| self.position(to)));
        let mut visit = |piece: u32| {
            if self.index.contains_any(piece as usize, &successors) {
                live.insert(piece);
            }
        };
        // What is live into a successor is live into the block, too, or overwritten in it.
        self.for_each_piece_in(block, &mut visit);
        for &inst in &function.blocks[block].insts {
            for_each_access(function, &self.addresses, inst, |slot, bytes, access| {
                if access == Access::Overwrite {
                    self.pieces
                        .accessed(slot, &bytes, access)
                        .for_each(&mut visit);
                }
            });
        }
        live
    }

    fn for_each_piece_in(&self, block: Block, visit: impl FnMut(u32)) {
        if let Some(position) = self.position(block) {
            self.index.for_each_key_at(position, visit);
        }
    }

    fn position(&self, block: Block) -> Option<u32> {
        self.position.get(block.index()).copied().flatten()
    }

    /// The slot into which an address points that a reachable block derives from it.
    pub fn slot_of(&self, value: Value) -> Option<StackSlot> {
        self.addresses.get(&value).map(|derived| derived.slot)
    }

    /// A cursor behind the terminator of `block`, to visit the points of the block backwards.
    pub fn walk_back<'a>(&'a self, function: &'a Function, block: Block) -> SlotBackward<'a> {
        SlotBackward {
            function,
            liveness: self,
            before: &function.blocks[block].insts,
            live: self.pieces_out(function, block),
        }
    }
}

/// A point between two instructions of a block that moves backwards, with the slots whose contents
/// there may be read.
#[derive(Clone, Debug)]
pub struct SlotBackward<'a> {
    function: &'a Function,
    liveness: &'a SlotLiveness,
    before: &'a [Inst],
    /// Pieces of slots.
    live: BTreeSet<u32>,
}

impl SlotBackward<'_> {
    /// The instruction before the cursor, which [`step`](Self::step) crosses.
    pub fn next_inst(&self) -> Option<Inst> {
        self.before.last().copied()
    }

    /// The slots live at the cursor, in order: right behind [`next_inst`](Self::next_inst).
    pub fn live(&self) -> impl Iterator<Item = StackSlot> {
        slots_of(&self.liveness.pieces, &self.live)
    }

    /// Crosses the instruction before the cursor.
    pub fn step(&mut self) -> Option<Inst> {
        let (&inst, before) = self.before.split_last()?;
        self.before = before;
        let (live, liveness) = (&mut self.live, self.liveness);
        // No instruction both reads and overwrites, so the order of its accesses does not matter.
        for_each_access(
            self.function,
            &liveness.addresses,
            inst,
            |slot, bytes, access| {
                for piece in liveness.pieces.accessed(slot, &bytes, access) {
                    match access {
                        Access::Read => live.insert(piece),
                        Access::Overwrite => live.remove(&piece),
                    };
                }
            },
        );
        Some(inst)
    }
}

/// Per position in reverse post-order those of the blocks from which control comes, each once.
fn distinct_sources(flow: &ControlFlow) -> Ranges<u32> {
    let order = flow.reverse_post_order();
    Ranges::build(order.len(), |add| {
        for (from, &block) in order.iter().enumerate() {
            for to in flow.successors(block) {
                if let Some(to) = flow.order_of(*to) {
                    add(to, from as u32);
                }
            }
        }
    })
}

/// The slots of these pieces, in order. Those of one slot follow each other.
fn slots_of(pieces: &Pieces, live: &BTreeSet<u32>) -> impl Iterator<Item = StackSlot> {
    let mut last = None;
    let slots = live.iter().map(|&piece| pieces.slot(piece));
    slots.filter(move |&slot| last.replace(slot) != Some(slot))
}

/// Per piece of a slot the positions of the blocks that access it, with what comes first in each: only
/// that decides whether the piece is live into the block.
struct FirstAccesses {
    of: Vec<Vec<(u32, Access)>>,
}

impl FirstAccesses {
    fn new(pieces: usize) -> Self {
        FirstAccesses {
            of: vec![Vec::new(); pieces],
        }
    }

    fn note(&mut self, piece: u32, position: u32, access: Access) {
        let accesses = &mut self.of[piece as usize];
        if accesses.last().is_none_or(|&(last, _)| last != position) {
            accesses.push((position, access));
        }
    }

    /// The blocks into which a piece is live. `visited` holds, per position, one more than the
    /// number of the last piece for which it was visited.
    fn live_runs(&self, piece: u32, sources: &Ranges<u32>, visited: &mut [u32]) -> Vec<Run> {
        let stamp = piece + 1;
        let mut runs = Vec::new();
        let mut pending = Vec::new();
        for &(position, access) in &self.of[piece as usize] {
            visited[position as usize] = stamp;
            if access == Access::Read {
                pending.push(position);
            }
        }
        while let Some(position) = pending.pop() {
            runs.push(Run::single(position));
            for &from in sources.get(position as usize) {
                if std::mem::replace(&mut visited[from as usize], stamp) != stamp {
                    pending.push(from);
                }
            }
        }
        normalize(&mut runs);
        runs
    }
}
