//! Lets spill slots that are never live at once be one slot.
//!
//! The single-pass algorithm gives every value that it spills a slot of its own, so frames grow with
//! the size of the function. Here each slot gets the interval of places, in allocation order, between
//! the first and the last at which it is live, loops included, since it is found by walking from reads
//! back to writes along the edges. Slots with disjoint intervals share (linear scan: Poletto, Sarkar:
//! "Linear Scan Register Allocation", 1999). The time is that of sorting the accesses, and one step per
//! slot and block through which it lives.
//!
//! Runs before the checker, so that what is checked is what is emitted.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use regalloc2::{Allocation, Edit, OperandKind, Output, SpillSlot};

use crate::function::MachineFunction;
use crate::inst::MachineInst;
use crate::prepare::span;

/// One access to a slot.
struct Access {
    slot: u32,
    /// The place: instructions and moves are counted through all blocks.
    place: u32,
    /// The position of the block.
    block: u32,
    reads: bool,
    /// Whether the slot is one of two, named by the second.
    is_wide: bool,
}

/// The places between which a slot is live.
#[derive(Clone, Copy)]
struct Interval {
    first: u32,
    last: u32,
}

impl Interval {
    fn include(&mut self, place: u32) {
        self.first = self.first.min(place);
        self.last = self.last.max(place);
    }
}

/// Renumbers the spill slots of an allocation. Those of wide values come first, so that they are aligned.
pub(crate) fn run<I: MachineInst>(function: &MachineFunction<I>, output: &mut Output) {
    let mut places = Places {
        next: 0,
        bounds: Vec::new(),
        accesses: Vec::new(),
    };
    places.collect(function, output);
    let Places {
        bounds,
        mut accesses,
        ..
    } = places;
    // An instruction reads before it writes.
    accesses.sort_unstable_by_key(|access| (access.slot, access.place, !access.reads));
    let intervals = intervals(function, &bounds, &accesses, output.num_spillslots);
    let mut is_wide = vec![false; intervals.len()];
    for access in &accesses {
        is_wide[access.slot as usize] = access.is_wide;
    }
    let of_width = |wide: bool| {
        let slots = intervals.iter().zip(&is_wide);
        let slots = slots.map(|(interval, &is_wide)| interval.filter(|_| is_wide == wide));
        slots.collect::<Vec<_>>()
    };
    let (wide, wide_count) = assign(&of_width(true));
    let (narrow, narrow_count) = assign(&of_width(false));
    output.num_spillslots = 2 * wide_count + narrow_count;
    let renumber = |allocation: &mut Allocation| {
        if let Some(slot) = allocation.as_stack().map(SpillSlot::index) {
            let number = match is_wide[slot] {
                true => 2 * wide[slot] as usize + 1,
                false => 2 * wide_count + narrow[slot] as usize,
            };
            *allocation = Allocation::stack(SpillSlot::new(number));
        }
    };
    output.allocs.iter_mut().for_each(renumber);
    for (_, Edit::Move { from, to }) in &mut output.edits {
        renumber(from);
        renumber(to);
    }
}

/// Collects accesses while counting places.
struct Places {
    next: u32,
    /// The first and the last place of every block, by position.
    bounds: Vec<Interval>,
    accesses: Vec<Access>,
}

impl Places {
    fn collect<I: MachineInst>(&mut self, function: &MachineFunction<I>, output: &Output) {
        let mut edits = output.edits.iter().peekable();
        for (block, data) in function.blocks.iter().enumerate() {
            let first = self.next;
            for inst in data.insts.iter() {
                for late in [false, true] {
                    let point = match late {
                        false => regalloc2::ProgPoint::before(inst),
                        true => regalloc2::ProgPoint::after(inst),
                    };
                    while let Some((_, Edit::Move { from, to })) =
                        edits.next_if(|(place, _)| *place == point)
                    {
                        let register = from.as_reg().or(to.as_reg());
                        let is_wide = register.is_some_and(|it| function.is_wide(it.class()));
                        self.access(*from, block, true, is_wide);
                        self.access(*to, block, false, is_wide);
                        self.next += 1;
                    }
                    if late {
                        continue;
                    }
                    let operands = function.inst_operands(inst.index());
                    for (operand, &location) in operands.iter().zip(output.inst_allocs(inst)) {
                        let reads = operand.kind() == OperandKind::Use;
                        self.access(location, block, reads, function.is_wide(operand.class()));
                    }
                    self.next += 1;
                }
            }
            self.bounds.push(Interval {
                first,
                last: self.next.saturating_sub(1).max(first),
            });
        }
    }

    fn access(&mut self, location: Allocation, block: usize, reads: bool, is_wide: bool) {
        if let Some(slot) = location.as_stack() {
            let (slot, block) = (slot.index() as u32, block as u32);
            self.accesses.push(Access {
                slot,
                place: self.next,
                block,
                reads,
                is_wide,
            });
        }
    }
}

/// The interval of every slot; `None` for one that is never accessed.
fn intervals<I: MachineInst>(
    function: &MachineFunction<I>,
    bounds: &[Interval],
    accesses: &[Access],
    slots: usize,
) -> Vec<Option<Interval>> {
    const NO_SLOT: u32 = u32::MAX;
    let mut intervals = vec![None; slots];
    // The slot that was last found to be written in a block, and to be live on entry of it.
    let mut written = vec![NO_SLOT; bounds.len()];
    let mut live_in = vec![NO_SLOT; bounds.len()];
    let mut work = Vec::new();
    for of_slot in accesses.chunk_by(|a, b| a.slot == b.slot) {
        let slot = of_slot[0].slot;
        let mut interval = Interval {
            first: of_slot[0].place,
            last: of_slot[0].place,
        };
        for access in of_slot {
            interval.include(access.place);
            let block = access.block as usize;
            if !access.reads {
                written[block] = slot;
            } else if written[block] != slot && live_in[block] != slot {
                live_in[block] = slot;
                work.push(block);
            }
        }
        while let Some(block) = work.pop() {
            interval.include(bounds[block].first);
            for predecessor in &function.predecessors[span(&function.blocks[block].predecessors)] {
                let predecessor = predecessor.index();
                interval.include(bounds[predecessor].last);
                if written[predecessor] != slot && live_in[predecessor] != slot {
                    live_in[predecessor] = slot;
                    work.push(predecessor);
                }
            }
        }
        intervals[slot as usize] = Some(interval);
    }
    intervals
}

/// Gives every slot a number such that those with a common place have different ones. Returns the
/// numbers and how many there are.
fn assign(intervals: &[Option<Interval>]) -> (Vec<u32>, usize) {
    let mut by_first: Vec<(u32, u32, usize)> = intervals
        .iter()
        .enumerate()
        .filter_map(|(slot, interval)| interval.map(|it| (it.first, it.last, slot)))
        .collect();
    by_first.sort_unstable();
    let mut numbers = vec![0; intervals.len()];
    let mut count = 0;
    let mut taken: BinaryHeap<Reverse<(u32, u32)>> = BinaryHeap::new();
    let mut free: BinaryHeap<Reverse<u32>> = BinaryHeap::new();
    for (first, last, slot) in by_first {
        while let Some(&Reverse((end, number))) = taken.peek() {
            if end >= first {
                break;
            }
            taken.pop();
            free.push(Reverse(number));
        }
        let number = free.pop().map_or_else(
            || {
                count += 1;
                count - 1
            },
            |Reverse(number)| number,
        );
        numbers[slot] = number;
        taken.push(Reverse((last, number)));
    }
    (numbers, count as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disjoint_intervals_share_the_lowest_number() {
        let interval = |first, last| Some(Interval { first, last });
        let intervals = [
            interval(0, 4),
            interval(2, 6),
            None,
            interval(5, 9),
            interval(7, 8),
        ];
        let (numbers, count) = assign(&intervals);
        assert_eq!(numbers, [0, 1, 0, 0, 1]);
        assert_eq!(count, 2);
    }

    #[test]
    fn intervals_that_touch_do_not_share() {
        let interval = |first, last| Some(Interval { first, last });
        assert_eq!(assign(&[interval(0, 4), interval(4, 6)]).1, 2);
    }
}
