//! The result: where every operand lies, and the moves in between.

use bumpalo::Bump;
use bumpalo::collections::Vec as BumpVec;
use regalloc2::{Edit, Function as _, Inst, InstOrEdit, Output, OutputIter, PRegSet, RegClass};

use crate::Location;
use crate::builder::Block;
use crate::emission::EmissionPlan;
use crate::function::{MachineFunction, View};
use crate::inst::MachineInst;
use crate::registers::RegisterFile;

/// One step of an allocated block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// The instruction with this index, and the location of each of its operands.
    Inst(usize, &'a [Location]),
    /// A value goes to another location. At least one of the two is a register, and they differ.
    Move {
        /// Where the value is.
        from: Location,
        /// Where it goes.
        to: Location,
        /// The class of the value.
        class: RegClass,
    },
}

/// Counts of one allocation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Moves of any kind.
    pub moves: usize,
    /// Moves from a register to a spill slot.
    pub spills: usize,
    /// Moves from a spill slot to a register.
    pub reloads: usize,
    /// Spill slots of 8 bytes.
    pub spill_slots: usize,
    /// Blocks put on critical edges.
    pub split_blocks: usize,
    /// Blocks that hold nothing but a jump and are not emitted.
    pub skipped_blocks: usize,
    /// 1 if the checker was due and skipped, see [`FAST_CHECK_LIMIT`](crate::FAST_CHECK_LIMIT).
    pub checker_skipped: usize,
}

/// A function with registers assigned.
pub struct Allocation<'f, I> {
    view: View<'f, I>,
    output: Output,
    emission: EmissionPlan,
    saved: PRegSet,
    stats: Stats,
}

impl<'f, I: MachineInst> Allocation<'f, I> {
    pub(crate) fn new(
        view: View<'f, I>,
        registers: &RegisterFile,
        output: Output,
        checker_skipped: bool,
        scratch: &Bump,
    ) -> Self {
        let mut stats = Stats {
            spill_slots: output.num_spillslots,
            split_blocks: view.function.num_blocks() - view.function.built_labels,
            checker_skipped: usize::from(checker_skipped),
            ..Stats::default()
        };
        // Whether something moves before or after each instruction.
        let mut edited = BumpVec::with_capacity_in(view.num_insts(), scratch);
        edited.resize(view.num_insts(), false);
        let mut written = PRegSet::empty();
        for &(point, Edit::Move { from, to }) in &output.edits {
            if from == to {
                continue;
            }
            edited[point.inst().index()] = true;
            stats.moves += 1;
            stats.spills += usize::from(to.is_stack());
            stats.reloads += usize::from(from.is_stack());
            if let Some(preg) = to.as_reg() {
                written.add(preg);
            }
        }
        for index in 0..view.num_insts() {
            let inst = Inst::new(index);
            written.union_from(view.function.inst(index).clobbers());
            for (operand, location) in view
                .function
                .operands_of(inst)
                .iter()
                .zip(output.inst_allocs(inst))
            {
                if let (regalloc2::OperandKind::Def, Some(preg)) =
                    (operand.kind(), location.as_reg())
                {
                    written.add(preg);
                }
            }
        }
        let emission = EmissionPlan::new(view.function, &edited, scratch);
        stats.skipped_blocks = view.function.blocks.len() - emission.blocks().len();
        Allocation {
            view,
            output,
            emission,
            saved: written & registers.callee_saved(),
            stats,
        }
    }

    /// The function that was allocated.
    pub fn function(&self) -> &'f MachineFunction<I> {
        self.view.function
    }

    /// The blocks to emit, in order, and where control really goes.
    pub fn emission(&self) -> &EmissionPlan {
        &self.emission
    }

    /// The block where control goes by successor `index` of the terminator of `block`, past the blocks
    /// that are not emitted. `None` if there is no such successor.
    pub fn successor(&self, block: Block, index: usize) -> Option<Block> {
        let &target = self.view.function.block_successors(block).get(index)?;
        self.emission.resolve(target)
    }

    /// The instructions and moves of a block, in order; none for an unreachable block.
    pub fn block(&self, block: Block) -> Items<'_> {
        let function = self.view.function;
        let steps = match function.positions.get(block.index()) {
            None | Some(&crate::function::PRUNED) => None,
            Some(&position) => Some(
                self.output
                    .block_insts_and_edits(&self.view, regalloc2::Block(position)),
            ),
        };
        Items {
            steps,
            output: &self.output,
        }
    }

    /// The locations of the operands of an instruction, in the order it names them.
    pub fn locations(&self, inst: usize) -> &[Location] {
        self.output.inst_allocs(Inst::new(inst))
    }

    /// How many spill slots of 8 bytes the frame needs. A [wide](MachineFunction::is_wide) value takes two,
    /// of which the first has an even number, and is named by the second: where slots stand one below
    /// the other, that is the lower address.
    pub fn spill_slots(&self) -> usize {
        self.stats.spill_slots
    }

    /// The callee-saved registers that are written, clobbers included: the prologue saves them.
    pub fn callee_saved_written(&self) -> PRegSet {
        self.saved
    }

    /// What the allocation cost.
    pub fn stats(&self) -> Stats {
        self.stats
    }
}

/// Walks the instructions and moves of a block.
pub struct Items<'a> {
    steps: Option<OutputIter<'a>>,
    output: &'a Output,
}

impl<'a> Iterator for Items<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        loop {
            match self.steps.as_mut()?.next()? {
                InstOrEdit::Inst(inst) => {
                    return Some(Item::Inst(inst.index(), self.output.inst_allocs(inst)));
                }
                InstOrEdit::Edit(&Edit::Move { from, to }) => {
                    // Equal ends only say that the location has a new name.
                    let class = from.as_reg().or(to.as_reg()).map(|preg| preg.class());
                    if let (true, Some(class)) = (from != to, class) {
                        return Some(Item::Move { from, to, class });
                    }
                }
            }
        }
    }
}
