//! Puts uses right after values got second definitions in the continuations of their points.
//!
//! Pruned SSA construction for the saved values only: block parameters go where two definitions of a
//! live value meet, found by iterated dominance frontiers (Cytron, Ferrante, Rosen, Wegman, Zadeck:
//! "Efficiently Computing Static Single Assignment Form and the Control Dependence Graph", 1991),
//! then one walk over the dominator tree renames. Dominance is that of the rewritten function: every
//! resumption is a second way in.

use enjamb_ir::hash::{FxHashMap, FxHashSet, FxIndexMap};
use enjamb_ir::{Block, Entity, Function, SecondaryMap, Value};
use enjamb_liveness::{ControlFlow, DominatorTree, Liveness};

use crate::resumed::DefinitionBlocks;
use crate::rewrite::Rewritten;

/// What was known before rewriting, by which new block parameters are placed.
pub(crate) struct Before<'a> {
    /// Liveness of the function before rewriting.
    pub(crate) liveness: &'a Liveness,
    /// Number of its blocks; blocks from here on are new.
    pub(crate) block_count: usize,
    /// Where its values are defined.
    pub(crate) definitions: &'a DefinitionBlocks,
}

/// Renames every use of a value that a point redefines.
pub(crate) fn run(function: &mut Function, before: &Before<'_>, rewritten: &[Rewritten]) {
    let flow = ControlFlow::new(function);
    let dominators = DominatorTree::new(function, &flow);
    let frontiers = frontiers(&flow, &dominators);
    let mut definitions: FxIndexMap<Value, Vec<Block>> = FxIndexMap::default();
    let mut redefined: FxHashMap<Block, Vec<(Value, Value)>> = FxHashMap::default();
    for point in rewritten {
        for &(value, _) in &point.redefined {
            definitions
                .entry(value)
                .or_default()
                .push(point.continuation);
        }
        redefined.insert(point.continuation, point.redefined.clone());
    }
    for (&value, blocks) in &mut definitions {
        blocks.extend(before.definitions.of(value));
    }
    let joins = place(function, before, &frontiers, &definitions);
    add_arguments(function, &flow, &joins);
    for (block, params) in joins {
        redefined.entry(block).or_default().extend(params);
    }
    Renamer {
        current: SecondaryMap::with_default(None),
        undo: Vec::new(),
    }
    .walk(function, &dominators, &redefined);
}

/// The dominance frontier of every block: the joins where its dominance ends.
fn frontiers(flow: &ControlFlow, dominators: &DominatorTree) -> SecondaryMap<Block, Vec<Block>> {
    let mut frontiers: SecondaryMap<Block, Vec<Block>> = SecondaryMap::new();
    for &block in flow.reverse_post_order() {
        let predecessors = flow.predecessors(block);
        if predecessors.len() < 2 {
            continue;
        }
        let stop = dominators.immediate_dominator(block);
        for edge in predecessors {
            let mut runner = Some(edge.block);
            while runner != stop {
                let Some(current) = runner else { break };
                // A block above has it from another edge already, and so do those above that.
                if frontiers[current].last() == Some(&block) {
                    break;
                }
                frontiers[current].push(block);
                runner = dominators.immediate_dominator(current);
            }
        }
    }
    frontiers
}

type Joins = FxIndexMap<Block, Vec<(Value, Value)>>;

/// Adds a parameter for a value to every block where its definitions meet and it is live.
fn place(
    function: &mut Function,
    before: &Before<'_>,
    frontiers: &SecondaryMap<Block, Vec<Block>>,
    definitions: &FxIndexMap<Value, Vec<Block>>,
) -> Joins {
    let mut joins = Joins::default();
    for (&value, blocks) in definitions {
        let mut placed: FxHashSet<Block> = blocks.iter().copied().collect();
        let mut work = blocks.clone();
        while let Some(block) = work.pop() {
            for &join in &frontiers[block] {
                // In a continuation a value that is live has been redefined as a parameter.
                let is_old = join.index() < before.block_count;
                if is_old && before.liveness.is_live_in(join, value) && placed.insert(join) {
                    let param = function.append_param(join, function.value_type(value));
                    function.origins[param] = Some(function.origins[value].unwrap_or(value));
                    joins.entry(join).or_default().push((value, param));
                    work.push(join);
                }
            }
        }
    }
    joins
}

/// Hands the old value to every new parameter; renaming makes the right one of it.
fn add_arguments(function: &mut Function, flow: &ControlFlow, joins: &Joins) {
    for (&block, params) in joins {
        for edge in flow.predecessors(block) {
            let target = function.targets(edge.inst)[edge.target as usize];
            let mut args = function.target_args(target).to_vec();
            args.extend(params.iter().map(|&(value, _)| value));
            function.set_target_args(edge.inst, edge.target as usize, &args);
        }
    }
}

struct Renamer {
    /// What stands for a value at this place, if it is not the value itself.
    current: SecondaryMap<Value, Option<Value>>,
    /// What to put back when the walk leaves a block.
    undo: Vec<(Value, Option<Value>)>,
}

enum Step {
    Enter(Block),
    /// Shortens the undo list to this length.
    Leave(usize),
}

impl Renamer {
    fn walk(
        mut self,
        function: &mut Function,
        dominators: &DominatorTree,
        redefined: &FxHashMap<Block, Vec<(Value, Value)>>,
    ) {
        let mut steps: Vec<Step> = function.entry().map(Step::Enter).into_iter().collect();
        while let Some(step) = steps.pop() {
            match step {
                Step::Leave(length) => {
                    for (value, previous) in self.undo.drain(length..).rev() {
                        self.current[value] = previous;
                    }
                }
                Step::Enter(block) => {
                    steps.push(Step::Leave(self.undo.len()));
                    for &(value, param) in redefined.get(&block).map_or(&[][..], Vec::as_slice) {
                        let previous = self.current[value].replace(param);
                        self.undo.push((value, previous));
                    }
                    for index in 0..function.blocks[block].insts.len() {
                        let inst = function.blocks[block].insts[index];
                        function.map_uses(inst, |value| self.current[value].unwrap_or(value));
                    }
                    steps.extend(
                        dominators
                            .children(block)
                            .iter()
                            .map(|&child| Step::Enter(child)),
                    );
                }
            }
        }
    }
}
