//! Puts references into their root slots, and takes them out where a safepoint may have come between.
//!
//! A *stretch* is code that control runs through without a safepoint: a new one begins behind every
//! safepoint, and at every block that is reached on different ways with a safepoint on one of them. Those
//! are the iterated dominance frontier of the blocks with safepoints; any other block is in the stretch
//! in which its immediate dominator ends. One walk over the dominator tree knows what stands for a
//! reference in the stretch at hand: the value itself where it is defined, else what a `root_get` in
//! front of the first use has given. If that use is further inside loops than the block in which its
//! stretch begins, the `root_get` stands at the end of that block.

use crate::slots::Slots;
use enjamb_ir::hash::FxHashMap;
use enjamb_ir::{
    Block, Function, Inst, Opcode, Payload, RootId, SecondaryMap, SourcePos, Type, Value,
};
use enjamb_liveness::{ControlFlow, DominatorTree, LoopNest, iterated_frontier};

/// Rewrites all reachable blocks. `safepoints` are those with a safepoint.
pub(crate) fn run(
    function: &mut Function,
    flow: &ControlFlow,
    dominators: &DominatorTree,
    loops: &LoopNest,
    safepoints: &[Block],
    slots: &Slots,
) {
    let mut begins_stretch = SecondaryMap::with_default(false);
    for block in iterated_frontier(flow, dominators, safepoints) {
        begins_stretch[block] = true;
    }
    Reloads {
        function,
        slots,
        loops,
        begins_stretch,
        first: Vec::new(),
        above: FxHashMap::default(),
        current: SecondaryMap::with_default(None),
        undo: Vec::new(),
        stretch: 0,
    }
    .walk(dominators);
}

/// A number that only one stretch has.
type Stretch = u32;

struct Reloads<'a> {
    function: &'a mut Function,
    slots: &'a Slots,
    loops: &'a LoopNest,
    begins_stretch: SecondaryMap<Block, bool>,
    /// By stretch: the block in which it begins.
    first: Vec<Block>,
    /// What has been loaded at the end of a stretch's first block.
    above: FxHashMap<(Stretch, Value), Value>,
    /// What stands for a reference, and in which stretch.
    current: SecondaryMap<Value, Option<(Value, Stretch)>>,
    /// What to put back when the walk leaves a block.
    undo: Vec<(Value, Option<(Value, Stretch)>)>,
    /// The stretch at hand.
    stretch: Stretch,
}

enum Step {
    /// Goes to a block, from a dominator that ends in this stretch, or with a safepoint.
    Enter(Block, Option<Stretch>),
    /// Shortens the undo list to this length.
    Leave(usize),
}

impl Reloads<'_> {
    fn walk(mut self, dominators: &DominatorTree) {
        let entry = self.function.entry();
        let mut steps: Vec<Step> = entry
            .map(|entry| Step::Enter(entry, None))
            .into_iter()
            .collect();
        while let Some(step) = steps.pop() {
            match step {
                Step::Leave(length) => {
                    for (value, previous) in self.undo.drain(length..).rev() {
                        self.current[value] = previous;
                    }
                }
                Step::Enter(block, stretch) => {
                    steps.push(Step::Leave(self.undo.len()));
                    match stretch.filter(|_| !self.begins_stretch[block]) {
                        Some(stretch) => self.stretch = stretch,
                        None => self.begin_stretch(block),
                    }
                    self.rewrite(block);
                    let last = self.function.terminator(block);
                    let is_safepoint = |inst| self.function.insts[inst].opcode.is_safepoint();
                    let stretch = (!last.is_some_and(is_safepoint)).then_some(self.stretch);
                    let children = dominators.children(block).iter();
                    steps.extend(children.map(|&child| Step::Enter(child, stretch)));
                }
            }
        }
    }

    fn begin_stretch(&mut self, block: Block) {
        self.stretch = self.first.len() as Stretch;
        self.first.push(block);
    }

    fn rewrite(&mut self, block: Block) {
        let insts = std::mem::take(&mut self.function.blocks[block].insts);
        let mut rebuilt = Vec::with_capacity(insts.len());
        if let Some(&first) = insts.first() {
            for param in self.function.blocks[block].params.clone() {
                self.defined(param, first, &mut rebuilt);
            }
        }
        let mut used = Vec::new();
        for inst in insts {
            self.function.for_each_use(inst, |value| {
                used.extend(self.slots[value].map(|slot| (value, slot)));
            });
            if !used.is_empty() {
                for (value, slot) in used.drain(..) {
                    self.load(value, slot, (block, inst), &mut rebuilt);
                }
                let current = &self.current;
                let stand_in = |value| current[value].map_or(value, |(stand_in, _)| stand_in);
                self.function.map_uses(inst, stand_in);
            }
            rebuilt.push(inst);
            if self.function.insts[inst].opcode.is_safepoint() {
                self.begin_stretch(block);
            }
            for index in 0..self.function.results(inst).len() {
                let result = self.function.results(inst)[index];
                self.defined(result, inst, &mut rebuilt);
            }
        }
        self.function.blocks[block].insts = rebuilt;
    }

    /// Puts a reference that is defined here into its slot, if it has one.
    fn defined(&mut self, value: Value, at: Inst, rebuilt: &mut Vec<Inst>) {
        if let Some(slot) = self.slots[value] {
            rebuilt.push(self.make(Opcode::RootSet, slot, &[value], at));
            self.set_current(value, value);
        }
    }

    /// Makes sure that something stands for a reference at an instruction.
    fn load(
        &mut self,
        value: Value,
        slot: RootId,
        (block, at): (Block, Inst),
        rebuilt: &mut Vec<Inst>,
    ) {
        if self.current[value].is_some_and(|(_, stretch)| stretch == self.stretch) {
            return;
        }
        let first = self.first[self.stretch as usize];
        if self.depth(first) >= self.depth(block) {
            let (load, loaded) = self.make_load(value, slot, at);
            rebuilt.push(load);
            return self.set_current(value, loaded);
        }
        // It has been defined above the stretch, for what is defined in it stands for itself.
        let key = (self.stretch, value);
        let loaded = match self.above.get(&key) {
            Some(&loaded) => loaded,
            None => {
                let last = self.function.blocks[first].insts.len() - 1;
                let branch = self.function.blocks[first].insts[last];
                let (load, loaded) = self.make_load(value, slot, branch);
                self.function.blocks[first].insts.insert(last, load);
                self.above.insert(key, loaded);
                loaded
            }
        };
        self.set_current(value, loaded);
    }

    fn depth(&self, block: Block) -> u32 {
        self.loops.depth(block)
    }

    fn make_load(&mut self, value: Value, slot: RootId, at: Inst) -> (Inst, Value) {
        let load = self.make(Opcode::RootGet, slot, &[], at);
        self.function.make_results(load, &[Type::Ref]);
        let loaded = self.function.results(load)[0];
        self.function.origins[loaded] = Some(self.function.origins[value].unwrap_or(value));
        (load, loaded)
    }

    fn set_current(&mut self, value: Value, stand_in: Value) {
        let previous = self.current[value].replace((stand_in, self.stretch));
        self.undo.push((value, previous));
    }

    /// Makes an instruction that belongs to the one at `at`.
    fn make(&mut self, opcode: Opcode, slot: RootId, args: &[Value], at: Inst) -> Inst {
        let position: Option<SourcePos> = self.function.positions[at];
        let source = self.function.source_inst(at);
        let payload = Payload::Root(slot);
        let inst = self
            .function
            .make_inst(opcode, Type::I64, payload, args, &[]);
        self.function.positions[inst] = position;
        self.function.inst_origins[inst] = Some(source);
        inst
    }
}
