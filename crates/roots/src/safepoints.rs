//! Which references live across each safepoint.

use enjamb_ir::{Block, Function, Inst, SecondaryMap, Type, Value};
use enjamb_liveness::Liveness;
use std::collections::BTreeSet;

/// What lives across the safepoints of a function.
pub(crate) struct Safepoints {
    /// The reachable blocks with a safepoint.
    pub(crate) blocks: Vec<Block>,
    /// Safepoints and the references that live across them, of all blocks.
    pub(crate) across: Vec<(Inst, Vec<Value>)>,
    /// The references that live across any, in order of their numbers.
    pub(crate) rooted: Vec<Value>,
}

impl Safepoints {
    /// Walks back once through every block with a safepoint. `liveness` is that of references.
    pub(crate) fn run(function: &Function, liveness: &Liveness) -> Self {
        let mut found = Safepoints {
            blocks: Vec::new(),
            across: Vec::new(),
            rooted: Vec::new(),
        };
        let mut is_rooted = SecondaryMap::with_default(false);
        for &block in liveness.order() {
            let mut insts = function.blocks[block].insts.iter();
            if insts.any(|&inst| function.insts[inst].opcode.is_safepoint()) {
                found.blocks.push(block);
                found.walk_back(function, liveness, block, &mut is_rooted);
            }
        }
        found.rooted.sort_unstable();
        found
    }

    fn walk_back(
        &mut self,
        function: &Function,
        liveness: &Liveness,
        block: Block,
        is_rooted: &mut SecondaryMap<Value, bool>,
    ) {
        let live_out = liveness.live_out(function, block);
        let mut live: BTreeSet<Value> = live_out.into_iter().collect();
        for &inst in function.blocks[block].insts.iter().rev() {
            for result in function.results(inst) {
                live.remove(result);
            }
            if function.insts[inst].opcode.is_safepoint() {
                for &value in &live {
                    if !std::mem::replace(&mut is_rooted[value], true) {
                        self.rooted.push(value);
                    }
                }
                self.across.push((inst, live.iter().copied().collect()));
            }
            function.for_each_use(inst, |value| {
                if function.value_type(value) == Type::Ref {
                    live.insert(value);
                }
            });
            // On the edges out of it a terminator hands over what it gives itself.
            for result in function.results(inst) {
                live.remove(result);
            }
        }
    }
}
