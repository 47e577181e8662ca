//! Gives every reference that lives across a safepoint a root slot.
//!
//! References that are never live at once share slots. What a reference occupies is taken for one
//! interval in an order of all instructions in which dominators come first: from its definition to the
//! last place where it is live. Intervals that do not overlap get the same slot, in the order in which
//! they begin, so this takes time linear in them but for the two heaps.

use enjamb_ir::hash::FxHashMap;
use enjamb_ir::{Block, Entity, Function, Inst, RootId, RootSlot, SecondaryMap, Value, ValueDef};
use enjamb_liveness::{Behind, Liveness};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Per value its slot, if it has one.
pub(crate) type Slots = SecondaryMap<Value, Option<RootId>>;

/// Declares slots and hands them out to `rooted`.
pub(crate) fn run(function: &mut Function, liveness: &Liveness, rooted: &[Value]) -> Slots {
    let mut intervals = intervals(function, liveness, rooted);
    intervals.sort_unstable_by_key(|interval| (interval.start, interval.value));
    let mut slots = Slots::with_default(None);
    let mut occupied: BinaryHeap<Reverse<(usize, RootId)>> = BinaryHeap::new();
    let mut free: BinaryHeap<Reverse<RootId>> = BinaryHeap::new();
    for interval in intervals {
        // The last use comes before the definition at the same instruction.
        while let Some(&Reverse((end, slot))) = occupied.peek()
            && end <= interval.start
        {
            occupied.pop();
            free.push(Reverse(slot));
        }
        let slot = match free.pop() {
            Some(Reverse(slot)) => slot,
            None => function.roots.push(RootSlot),
        };
        slots[interval.value] = Some(slot);
        occupied.push(Reverse((interval.end, slot)));
    }
    slots
}

/// Where a value may be live: behind its definition up to its last use.
struct Interval {
    value: Value,
    start: usize,
    end: usize,
}

/// The place of every block's head and of every instruction in the order.
struct Places {
    blocks: Vec<usize>,
    insts: Vec<usize>,
}

fn intervals(function: &Function, liveness: &Liveness, rooted: &[Value]) -> Vec<Interval> {
    let mut places = Places {
        blocks: vec![0; function.blocks.len()],
        insts: vec![0; function.insts.len()],
    };
    let mut last_use = vec![0; function.values.len()];
    let mut place = 0;
    for &block in liveness.order() {
        places.blocks[block.index()] = place;
        for &inst in &function.blocks[block].insts {
            place += 1;
            places.insts[inst.index()] = place;
            function.for_each_use(inst, |value| last_use[value.index()] = place);
        }
        place += 1;
    }
    let place_of = |inst: Inst| places.insts[inst.index()];
    let mut ends: FxHashMap<Block, Behind<'_>> = FxHashMap::default();
    let mut is_live_out = |block: Block, value: Value| {
        let end = ends.entry(block);
        let end = end.or_insert_with(|| liveness.behind(function, block));
        end.is_live(value)
    };
    let interval = |&value: &Value| {
        let start = match function.values[value].def {
            ValueDef::Param(block, _) => places.blocks[block.index()],
            ValueDef::Result(inst, _) => place_of(inst),
            ValueDef::Unused => 0,
        };
        // Behind the last block that it is live into it can only go back to one before that.
        let last = liveness.last_live_in(value);
        let goes_on = last.filter(|&last| is_live_out(last, value));
        let end = goes_on.and_then(|last| function.terminator(last));
        let end = end.map_or(0, place_of).max(last_use[value.index()]);
        Interval { value, start, end }
    };
    rooted.iter().map(interval).collect()
}
