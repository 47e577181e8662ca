//! Puts uses right after values got second definitions in the continuations of their points.
//!
//! This is pruned SSA construction. A continuation redefines everything that is live there, so all
//! values have their joins at the same blocks: the iterated dominance frontier of the continuations.
//! Of such a block every value that is live into it becomes a parameter; it was saved at a point on
//! one of the ways to the block, for otherwise its one definition would have to lie on all of them
//! behind the points. One walk over the dominator tree renames. Dominance is that of the rewritten
//! function, in which every resumption is a second way in.

use enjamb_ir::hash::FxHashMap;
use enjamb_ir::{Block, Function, SecondaryMap, Value};
use enjamb_liveness::{ControlFlow, DominatorTree, Liveness, iterated_frontier};

use crate::rewrite::Rewritten;

/// Per block the values that it redefines, each with the parameter that stands for it from there on.
type Redefined = FxHashMap<Block, Vec<(Value, Value)>>;

/// Renames every use of a value that a point redefines. `liveness` is that of the function before
/// rewriting.
pub(crate) fn run(function: &mut Function, liveness: &Liveness, rewritten: &[Rewritten]) {
    let flow = ControlFlow::new(function);
    let dominators = DominatorTree::new(function, &flow);
    let mut continuations = Vec::new();
    let mut redefined = Redefined::default();
    for continuation in rewritten.iter().flat_map(Rewritten::continuations) {
        continuations.push(continuation.block);
        redefined.insert(continuation.block, continuation.redefined.clone());
    }
    for join in iterated_frontier(&flow, &dominators, &continuations) {
        if redefined.contains_key(&join) {
            continue;
        }
        let params = add_params(function, join, &liveness.live_in(join));
        add_arguments(function, &flow, join, &params);
        redefined.insert(join, params);
    }
    Renamer {
        current: SecondaryMap::with_default(None),
        undo: Vec::new(),
    }
    .walk(function, &dominators, &redefined);
}

/// Adds a parameter for each of the values to a block.
fn add_params(function: &mut Function, block: Block, values: &[Value]) -> Vec<(Value, Value)> {
    let add = |&value: &Value| {
        let param = function.append_param(block, function.value_type(value));
        function.origins[param] = Some(function.origins[value].unwrap_or(value));
        (value, param)
    };
    values.iter().map(add).collect()
}

/// Hands the old value to every new parameter; renaming makes the right one of it.
fn add_arguments(
    function: &mut Function,
    flow: &ControlFlow,
    block: Block,
    params: &[(Value, Value)],
) {
    if params.is_empty() {
        return;
    }
    for edge in flow.predecessors(block) {
        let target = function.targets(edge.inst)[edge.target as usize];
        let mut args = function.target_args(target).to_vec();
        args.extend(params.iter().map(|&(value, _)| value));
        function.set_target_args(edge.inst, edge.target as usize, &args);
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
    fn walk(mut self, function: &mut Function, dominators: &DominatorTree, redefined: &Redefined) {
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
                    let children = dominators.children(block);
                    steps.extend(children.iter().map(|&child| Step::Enter(child)));
                }
            }
        }
    }
}
