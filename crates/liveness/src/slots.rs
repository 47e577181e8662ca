//! Which stack slots hold something that may be read later.
//!
//! A load of a slot reads it, and so does every use of an address derived from it by `stack_addr`
//! and `addr_add`, except to derive another one. A store without index that covers the whole slot,
//! or `field_restore_slot`, overwrites it; any other store neither reads nor overwrites it. Slots
//! are zero at function entry, which this analysis does not count as a write: a slot that is
//! read before it is written is live from the entry on.

use crate::flow::ControlFlow;
use crate::runs::{Run, RunIndex, RunIndexBuilder, normalize};
use enjamb_ir::hash::FxHashMap;
use enjamb_ir::{Block, Effects, Entity, Function, Inst, Opcode, Payload, Place, StackSlot, Value};
use std::collections::BTreeSet;

/// Where the contents of the stack slots of a function are needed.
///
/// Stored like [`Liveness`](crate::Liveness): runs of blocks per slot. A slot is explored from its
/// readers back to its writers, in time linear in the blocks where it is live.
#[derive(Clone, Debug)]
pub struct SlotLiveness {
    position: Vec<Option<u32>>,
    index: RunIndex,
    slot_of: FxHashMap<Value, StackSlot>,
}

/// What an instruction does to a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    Read,
    Overwrite,
}

impl SlotLiveness {
    /// Analyses a function whose graph is `flow`.
    pub fn new(function: &Function, flow: &ControlFlow) -> Self {
        let slot_of = derived_addresses(function, flow);
        let order = flow.reverse_post_order();
        let mut first = FirstAccesses::new(function.slots.len());
        for (position, &block) in order.iter().enumerate() {
            for &inst in &function.blocks[block].insts {
                for_each_access(function, &slot_of, inst, |slot, access| {
                    first.note(slot, position as u32, access);
                });
            }
        }
        let mut builder = RunIndexBuilder::new(function.slots.len());
        let mut visited = vec![0u32; order.len()];
        for slot in function.slots.keys() {
            let runs = first.live_runs(slot, flow, &mut visited);
            builder.set(slot.index() as u32, &runs);
        }
        let blocks = 0..function.block_capacity();
        SlotLiveness {
            position: blocks
                .map(|index| flow.order_of(Block::from_index(index)))
                .map(|position| position.map(|position| position as u32))
                .collect(),
            index: builder.finish(order.len()),
            slot_of,
        }
    }

    /// Whether the contents that `slot` has at the start of `block` may be read.
    pub fn is_live_in(&self, block: Block, slot: StackSlot) -> bool {
        self.position(block)
            .is_some_and(|position| self.index.contains(slot.index(), position))
    }

    /// The slots whose contents at the start of `block` may be read, in order.
    pub fn live_in(&self, block: Block) -> Vec<StackSlot> {
        self.union_of_live_in([block])
    }

    /// The slots whose contents at the end of `block` may be read, in order.
    pub fn live_out(&self, function: &Function, block: Block) -> Vec<StackSlot> {
        if self.position(block).is_none() {
            return Vec::new();
        }
        let successors: BTreeSet<Block> = function.successors(block).collect();
        self.union_of_live_in(successors)
    }

    fn union_of_live_in(&self, blocks: impl IntoIterator<Item = Block>) -> Vec<StackSlot> {
        let mut slots = Vec::new();
        for position in blocks.into_iter().filter_map(|block| self.position(block)) {
            self.index.for_each_key_at(position, |key| {
                slots.push(StackSlot::from_index(key as usize));
            });
        }
        slots.sort_unstable();
        slots.dedup();
        slots
    }

    fn position(&self, block: Block) -> Option<u32> {
        self.position.get(block.index()).copied().flatten()
    }

    /// The slot into which an address points that a reachable block derives from it.
    pub fn slot_of(&self, value: Value) -> Option<StackSlot> {
        self.slot_of.get(&value).copied()
    }

    /// A cursor behind the terminator of `block`, to visit the points of the block backwards.
    pub fn walk_back<'a>(&'a self, function: &'a Function, block: Block) -> SlotBackward<'a> {
        SlotBackward {
            function,
            slot_of: &self.slot_of,
            before: &function.blocks[block].insts,
            live: self.live_out(function, block).into_iter().collect(),
        }
    }
}

/// A point between two instructions of a block that moves backwards, with the slots whose contents
/// there may be read.
#[derive(Clone, Debug)]
pub struct SlotBackward<'a> {
    function: &'a Function,
    slot_of: &'a FxHashMap<Value, StackSlot>,
    before: &'a [Inst],
    live: BTreeSet<StackSlot>,
}

impl SlotBackward<'_> {
    /// The instruction before the cursor, which [`step`](Self::step) crosses.
    pub fn next_inst(&self) -> Option<Inst> {
        self.before.last().copied()
    }

    /// The slots live at the cursor, in order: right behind [`next_inst`](Self::next_inst).
    pub fn live(&self) -> &BTreeSet<StackSlot> {
        &self.live
    }

    /// Crosses the instruction before the cursor.
    pub fn step(&mut self) -> Option<Inst> {
        let (&inst, before) = self.before.split_last()?;
        self.before = before;
        let live = &mut self.live;
        // No instruction both reads and overwrites, so the order of its accesses does not matter.
        for_each_access(self.function, self.slot_of, inst, |slot, access| {
            match access {
                Access::Read => live.insert(slot),
                Access::Overwrite => live.remove(&slot),
            };
        });
        Some(inst)
    }
}

/// The slots of all values that `stack_addr` and `addr_add` make in reachable blocks.
fn derived_addresses(function: &Function, flow: &ControlFlow) -> FxHashMap<Value, StackSlot> {
    let mut slot_of = FxHashMap::default();
    if function.slots.is_empty() {
        return slot_of;
    }
    // A definition dominates its uses, so reverse post-order meets it first.
    for &block in flow.reverse_post_order() {
        for &inst in &function.blocks[block].insts {
            let data = &function.insts[inst];
            let slot = match (data.opcode, data.payload) {
                (Opcode::StackAddr, Payload::Slot(slot, _)) => Some(slot),
                (Opcode::AddrAdd, _) => {
                    let base = function.args(inst).first();
                    base.and_then(|base| slot_of.get(base)).copied()
                }
                _ => None,
            };
            if let Some(slot) = slot {
                slot_of.extend(function.results(inst).iter().map(|&value| (value, slot)));
            }
        }
    }
    slot_of
}

/// Calls `visit` with the slots that an instruction reads or overwrites.
fn for_each_access(
    function: &Function,
    slot_of: &FxHashMap<Value, StackSlot>,
    inst: Inst,
    mut visit: impl FnMut(StackSlot, Access),
) {
    let data = &function.insts[inst];
    match (data.opcode, data.payload) {
        (Opcode::FieldSaveSlot, Payload::SlotField(_, _, slot)) => visit(slot, Access::Read),
        (Opcode::FieldRestoreSlot, Payload::SlotField(_, _, slot)) => {
            visit(slot, Access::Overwrite);
        }
        (opcode, Payload::Access(Place::Slot(slot), offset)) => {
            let covers = || stored_bytes(function, inst) >= function.slots[slot].size;
            if opcode.info().effects.has(Effects::READS) {
                visit(slot, Access::Read);
            } else if offset == 0 && function.args(inst).len() == 1 && covers() {
                visit(slot, Access::Overwrite);
            }
        }
        _ => {}
    }
    if data.opcode != Opcode::AddrAdd && !slot_of.is_empty() {
        function.for_each_use(inst, |value| {
            if let Some(&slot) = slot_of.get(&value) {
                visit(slot, Access::Read);
            }
        });
    }
}

/// How many bytes a store writes; its stored value is its only argument.
fn stored_bytes(function: &Function, inst: Inst) -> u32 {
    match function.insts[inst].opcode {
        Opcode::Store => function
            .args(inst)
            .last()
            .map_or(0, |&value| function.value_type(value).bytes()),
        Opcode::Istore8 => 1,
        Opcode::Istore16 => 2,
        Opcode::Istore32 => 4,
        _ => 0,
    }
}

/// Per slot the positions of the blocks that access it, with what comes first in each: only that
/// decides whether the slot is live into the block.
struct FirstAccesses {
    of: Vec<Vec<(u32, Access)>>,
}

impl FirstAccesses {
    fn new(slots: usize) -> Self {
        FirstAccesses {
            of: vec![Vec::new(); slots],
        }
    }

    fn note(&mut self, slot: StackSlot, position: u32, access: Access) {
        let accesses = &mut self.of[slot.index()];
        if accesses.last().is_none_or(|&(last, _)| last != position) {
            accesses.push((position, access));
        }
    }

    /// The blocks into which a slot is live. `visited` holds, per position, one more than the
    /// index of the last slot for which it was visited.
    fn live_runs(&self, slot: StackSlot, flow: &ControlFlow, visited: &mut [u32]) -> Vec<Run> {
        let stamp = slot.index() as u32 + 1;
        let mut runs = Vec::new();
        let mut pending = Vec::new();
        for &(position, access) in &self.of[slot.index()] {
            visited[position as usize] = stamp;
            if access == Access::Read {
                pending.push(position);
            }
        }
        while let Some(position) = pending.pop() {
            runs.push(Run::single(position));
            let block = flow.reverse_post_order()[position as usize];
            for edge in flow.predecessors(block) {
                let Some(from) = flow.order_of(edge.block) else {
                    continue;
                };
                if std::mem::replace(&mut visited[from], stamp) != stamp {
                    pending.push(from as u32);
                }
            }
        }
        normalize(&mut runs);
        runs
    }
}
