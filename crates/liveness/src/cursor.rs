//! Points inside a block, visited from its end to its start.

use enjamb_ir::{Block, Function, Inst, Value};
use std::collections::BTreeSet;

/// A point between two instructions of a block that moves backwards, with the values live there.
///
/// It starts behind the terminator. An instruction that it crosses puts its operands into the set
/// and takes its results out, which a call hands to its own targets.
#[derive(Clone, Debug)]
pub struct Backward<'a> {
    function: &'a Function,
    before: &'a [Inst],
    live: BTreeSet<Value>,
}

impl<'a> Backward<'a> {
    pub(crate) fn new(function: &'a Function, block: Block, live_out: Vec<Value>) -> Self {
        Backward {
            function,
            before: &function.blocks[block].insts,
            live: live_out.into_iter().collect(),
        }
    }

    /// The instruction before the cursor, which [`step`](Self::step) crosses; none at the start of
    /// the block.
    pub fn next_inst(&self) -> Option<Inst> {
        self.before.last().copied()
    }

    /// The values live at the cursor, in order: right behind [`next_inst`](Self::next_inst).
    pub fn live(&self) -> &BTreeSet<Value> {
        &self.live
    }

    /// The values live behind [`next_inst`](Self::next_inst) less its results, in order: what a
    /// suspension during that instruction must keep.
    pub fn live_across(&self) -> impl Iterator<Item = Value> + '_ {
        let results = self
            .next_inst()
            .map_or(&[][..], |inst| self.function.results(inst));
        let live = self.live.iter().copied();
        live.filter(move |value| !results.contains(value))
    }

    /// Crosses the instruction before the cursor: afterwards [`live`](Self::live) is what is live
    /// right before it.
    pub fn step(&mut self) -> Option<Inst> {
        let (&inst, before) = self.before.split_last()?;
        self.before = before;
        let live = &mut self.live;
        self.function.for_each_use(inst, |value| {
            live.insert(value);
        });
        for result in self.function.results(inst) {
            live.remove(result);
        }
        Some(inst)
    }
}
