//! Splits the function at every suspension point and makes the blocks that suspend and resume.
//!
//! ```text
//! block B:                      B:   …
//!   …                                k, r' = call f(args)
//!   r = call f(args)      ⇒          brif is_suspended(k), S, C(r', x)
//!   … uses of r and x           S:   get an object, store x, set_point, link, suspend   (cold)
//!                               R:   load r″ and x″ from the object; jump C(r″, x″)     (cold)
//!                               C(r, x₁):  …
//! ```
//!
//! `R` loads all that is live, or computes it of what it has loaded; what only a rare way needs as well: one
//! load, from an object whose line is in reach anyway. To leave it until then would put a test in that place,
//! whether the activation was resumed or came straight from the call, and the value would have its register
//! in the loop all the same. For the same reason a value that the next point saves again is stored there even
//! if nothing has used it meanwhile: to know that the object has it is to know where it was resumed.
//!
//! The results of the call keep their numbers as parameters of `C`. A saved value `x` gets a second
//! definition there; its later uses are put right afterwards by [`crate::repair`].
//!
//! A call with an unwind target ends its block, and goes on in two blocks of its own, see
//! [`crate::edges`]. It has two states: that of its point, and that of its exceptional entry, into
//! which the dispatcher puts the object when the callee ends with an exception after all.
//!
//! ```text
//!   r, e = try_call f(args), C(r), unwind U(e)
//!
//!                               B:   k, r', e' = try_call f(args), A(k, r'), unwind U(e', y)
//!                               A(k', r₁):  brif is_suspended(k'), S, C(r₁, x)
//!                               S:   as above, with all of x and y                      (cold)
//!                               R:   load r″ and x″ from the object; jump C(r″, x″)     (cold)
//!                               X:   load e″ and y″ from the object; jump U(e″, y″)     (cold)
//!                               C(r, x₁):  …
//!                               U(e, y₁):  …
//! ```

use enjamb_continuation::Layouts;
use enjamb_ir::hash::{FxHashMap, FxHashSet};
use enjamb_ir::{
    Block, Entity, Exception, Function, Inst, Opcode, Payload, PointDecl, PointId, SavedField,
    SavedSource, Type, Value,
};
use enjamb_liveness::Uses;

use crate::across::LiveAcross;
use crate::derive;
use crate::edges::{NORMAL, UNWIND};
use crate::edit::Editor;
use crate::points::{SuspensionPoint, SuspensionPoints};
use crate::resumed::Resumed;
use crate::suspend;

/// A suspension point after rewriting.
#[derive(Clone, Debug)]
pub(crate) struct Rewritten {
    /// The block of the call: what is left of the block before it.
    pub(crate) before: Block,
    /// The block to stand behind that: the continuation, or the one that looks whether the callee
    /// suspended.
    pub(crate) behind: Block,
    /// The blocks that suspend, in order.
    pub(crate) suspension: Vec<Block>,
    /// Where it goes on with the results.
    pub(crate) normal: Continuation,
    /// Where it goes on with an exception.
    pub(crate) unwind: Option<Continuation>,
}

impl Rewritten {
    /// Where it goes on.
    pub(crate) fn continuations(&self) -> impl Iterator<Item = &Continuation> {
        std::iter::once(&self.normal).chain(&self.unwind)
    }
}

/// A block that goes on behind a point, straight from the call or resumed.
#[derive(Clone, Debug)]
pub(crate) struct Continuation {
    /// The block.
    pub(crate) block: Block,
    /// Restores what is live there, and goes there.
    pub(crate) resumption: Block,
    /// Each restored value, and the parameter of the block that is its new definition.
    pub(crate) redefined: Vec<(Value, Value)>,
}

/// The resumption blocks by state number: those of the points, then the exceptional entries.
pub(crate) fn resumptions(points: &[Rewritten]) -> Vec<Block> {
    let normal = points.iter().map(|point| &point.normal);
    let unwind = points.iter().filter_map(|point| point.unwind.as_ref());
    normal.chain(unwind).map(|to| to.resumption).collect()
}

/// What rewriting needs to know about the function before it.
pub(crate) struct Analyses<'a> {
    pub(crate) points: &'a SuspensionPoints,
    pub(crate) across: &'a LiveAcross,
    pub(crate) layouts: &'a Layouts,
    pub(crate) resumed: &'a Resumed,
    /// Saved values that are stored into fresh objects only.
    pub(crate) stable: &'a FxHashSet<Value>,
    pub(crate) uses: &'a Uses,
}

/// Rewrites every point, in order of state numbers. Uses of saved values are left as they were.
/// `hidden` is the parameter that carries the continuation of the activation.
pub(crate) fn run(
    function: &mut Function,
    analyses: &Analyses<'_>,
    hidden: Value,
) -> Vec<Rewritten> {
    declare(function, analyses);
    let mut rewritten = Vec::new();
    for (first_state, in_block) in analyses.points.by_block() {
        let pieces = split(function, in_block);
        for (index, point) in in_block.iter().enumerate() {
            let site = Site {
                analyses,
                hidden,
                id: PointId::from_index(first_state + index),
                point,
                before: pieces[index],
            };
            let targets = point.targets(function).zip(function.points[site.id].unwind);
            rewritten.push(match targets {
                None => site.rewrite_call(function, pieces[index + 1]),
                Some((targets, entry)) => site.rewrite_try(function, targets, entry),
            });
        }
    }
    rewritten
}

/// Adds the layouts and points as declarations of the function: the points in order, then the
/// exceptional entries.
fn declare(function: &mut Function, analyses: &Analyses<'_>) {
    function.layouts = analyses.layouts.layouts().clone();
    let points = analyses.points.as_slice();
    let mut entries = Vec::new();
    for (state, point) in points.iter().enumerate() {
        let layout = analyses.layouts.point(state);
        let position = function.positions[point.inst];
        let unwind = point.targets(function).map(|_| {
            let is_restored =
                |field: &&SavedField| analyses.across.is_live_into(state, UNWIND, field.source);
            entries.push(PointDecl {
                layout: layout.layout,
                results: Exception::TYPES.to_vec(),
                saved: layout.saved.iter().filter(is_restored).copied().collect(),
                unwind: None,
                position,
            });
            PointId::from_index(points.len() + entries.len() - 1)
        });
        function.points.push(PointDecl {
            layout: layout.layout,
            results: analyses.across.needs[state].results.clone(),
            saved: layout.saved.clone(),
            unwind,
            position,
        });
    }
    for entry in entries {
        function.points.push(entry);
    }
}

/// Cuts a block behind each of its points but a terminator. The first piece is the block itself.
fn split(function: &mut Function, points: &[SuspensionPoint]) -> Vec<Block> {
    let block = points[0].block;
    let cold = function.blocks[block].cold;
    let mut insts = std::mem::take(&mut function.blocks[block].insts).into_iter();
    let mut pieces = vec![block];
    let mut piece = block;
    let mut taken = 0;
    for point in points {
        let length = point.position + 1 - taken;
        function.blocks[piece].insts = insts.by_ref().take(length).collect();
        taken += length;
        if insts.len() > 0 {
            piece = function.create_block();
            function.blocks[piece].cold = cold;
            pieces.push(piece);
        }
    }
    function.blocks[piece].insts.extend(insts);
    pieces
}

/// A value that a call gives and something uses.
struct UsedResult {
    /// Position among the results of the point.
    position: u32,
    /// The value that the program uses, to become a parameter of the continuation.
    old: Value,
    /// What stands for it on the way straight from the call.
    fresh: Value,
}

/// A point, and the block that ends behind its call.
struct Site<'a> {
    analyses: &'a Analyses<'a>,
    hidden: Value,
    id: PointId,
    point: &'a SuspensionPoint,
    before: Block,
}

impl Site<'_> {
    fn rewrite_call(&self, function: &mut Function, continuation: Block) -> Rewritten {
        let call = self.point.inst;
        let old = function.results(call).to_vec();
        redefine_call(function, call);
        let results = function.results(call).to_vec();
        let callee = results[0];
        let used = self.used_results(function, &old, &results[1..]);
        let (normal, handed) = self.continue_in(function, continuation, self.id, &used, NORMAL);
        let suspension = self.test(function, self.before, callee, continuation, &handed);
        Rewritten {
            before: self.before,
            behind: continuation,
            suspension,
            normal,
            unwind: None,
        }
    }

    /// `entry` is the exceptional entry.
    fn rewrite_try(
        &self,
        function: &mut Function,
        targets: [Block; 2],
        entry: PointId,
    ) -> Rewritten {
        let call = self.point.inst;
        redefine_call(function, call);
        let results = function.results(call).to_vec();
        let (given, exception) = results.split_at(function.normal_results(call).len());

        // The block that looks whether the callee suspended takes what it gives on the edge.
        let behind = function.create_block();
        function.blocks[behind].cold = function.blocks[self.before].cold;
        let old = function.blocks[targets[NORMAL]].params.clone();
        let callee = function.append_param(behind, Type::Cont);
        let mut used = self.used_results(function, &old, &given[1..]);
        let mut to_behind = vec![given[0]];
        for result in &mut used {
            to_behind.push(result.fresh);
            result.fresh = function.append_param(behind, function.value_type(result.old));
            set_origin(function, result.fresh, result.old);
        }
        let (normal, handed) = self.continue_in(function, targets[NORMAL], self.id, &used, NORMAL);
        let suspension = self.test(function, behind, callee, targets[NORMAL], &handed);

        let old = function.blocks[targets[UNWIND]].params.clone();
        let used = self.used_results(function, &old, exception);
        let (unwind, handed) = self.continue_in(function, targets[UNWIND], entry, &used, UNWIND);
        let to_behind = function.target(behind, &to_behind);
        function.targets_mut(call)[NORMAL] = to_behind;
        function.set_target_args(call, UNWIND, &handed);
        Rewritten {
            before: self.before,
            behind,
            suspension,
            normal,
            unwind: Some(unwind),
        }
    }

    /// Pairs what the program uses of what the call gave with what it gives now.
    fn used_results(
        &self,
        function: &mut Function,
        old: &[Value],
        fresh: &[Value],
    ) -> Vec<UsedResult> {
        let mut used = Vec::new();
        for (position, (&old, &fresh)) in old.iter().zip(fresh).enumerate() {
            set_origin(function, fresh, old);
            if self.analyses.uses.count(old) > 0 {
                used.push(UsedResult {
                    position: position as u32,
                    old,
                    fresh,
                });
            }
        }
        used
    }

    /// Makes a block the continuation in the state `id`, for the target with this number. Returns
    /// what is handed to it straight from the call, too.
    fn continue_in(
        &self,
        function: &mut Function,
        block: Block,
        id: PointId,
        used: &[UsedResult],
        target: usize,
    ) -> (Continuation, Vec<Value>) {
        let (state, across) = (self.id.index(), self.analyses.across);
        let mut restored = function.points[id].saved.clone();
        restored.retain(|field| across.is_live_into(state, target, field.source));
        let is_live =
            |value: &&Value| across.is_live_into(state, target, SavedSource::Value(**value));
        let derived = across.derived[state].iter().filter(is_live);
        let derived: Vec<Value> = derived.copied().collect();
        let mut values: Vec<Value> = restored.iter().filter_map(saved_value).collect();
        values.extend_from_slice(&derived);
        let redefined = make_params(function, block, used, &values);
        let mut editor = Editor::new(function, self.point.inst);
        let to = Resumption {
            block,
            id,
            used,
            restored: &restored,
            derived: &derived,
        };
        let resumption = resume(&mut editor, &to, self.hidden);
        let handed = used.iter().map(|used| used.fresh).chain(values).collect();
        let continuation = Continuation {
            block,
            resumption,
            redefined,
        };
        (continuation, handed)
    }

    /// Ends a block with the test whether the callee suspended. Returns the blocks that suspend.
    fn test(
        &self,
        function: &mut Function,
        block: Block,
        callee: Value,
        continuation: Block,
        handed: &[Value],
    ) -> Vec<Block> {
        let mut editor = Editor::new(function, self.point.inst);
        let suspension = suspend::run(&mut editor, self.analyses, self.point, self.id, callee);
        let test = Opcode::IsSuspended;
        let test = editor.value(block, test, Payload::None, &[callee], Type::I8);
        let to_suspension = editor.function.target(suspension[0], &[]);
        let to_continuation = editor.function.target(continuation, handed);
        let targets = [to_suspension, to_continuation];
        editor.branch(block, Opcode::Brif, &[test], &targets);
        suspension
    }
}

/// Gives the call its hidden result in front, and new values as its other results.
fn redefine_call(function: &mut Function, call: Inst) {
    let results = function.results(call).iter();
    let types = results.map(|&value| function.value_type(value));
    let types: Vec<Type> = std::iter::once(Type::Cont).chain(types).collect();
    function.make_results(call, &types);
}

/// Notes that `value` stands for what `old` stands for.
fn set_origin(function: &mut Function, value: Value, old: Value) {
    function.origins[value] = Some(function.origins[old].unwrap_or(old));
}

fn saved_value(field: &SavedField) -> Option<Value> {
    match field.source {
        SavedSource::Value(value) => Some(value),
        SavedSource::Slot(_) => None,
    }
}

/// Parameters of a continuation: what is used of what the call gives, then a new definition of every
/// restored value.
fn make_params(
    function: &mut Function,
    continuation: Block,
    used: &[UsedResult],
    values: &[Value],
) -> Vec<(Value, Value)> {
    let results: Vec<Value> = used.iter().map(|used| used.old).collect();
    function.set_params(continuation, &results);
    let redefine = |&value: &Value| {
        let param = function.append_param(continuation, function.value_type(value));
        set_origin(function, param, value);
        (value, param)
    };
    values.iter().map(redefine).collect()
}

/// What a resumption loads, and where it goes.
struct Resumption<'a> {
    block: Block,
    id: PointId,
    used: &'a [UsedResult],
    restored: &'a [SavedField],
    /// What is computed from that.
    derived: &'a [Value],
}

/// Makes the resumption block: it loads what the parameters of the continuation stand for, or computes it,
/// and restores the stack slots.
fn resume(editor: &mut Editor<'_>, to: &Resumption<'_>, hidden: Value) -> Block {
    let block = editor.cold_block();
    let layout = editor.function.points[to.id].layout;
    let mut handed = Vec::new();
    for used in to.used {
        let ty = editor.function.value_type(used.old);
        let payload = Payload::PointResult(to.id, used.position);
        let loaded = editor.value(block, Opcode::ResultLoad, payload, &[hidden], ty);
        set_origin(editor.function, loaded, used.old);
        handed.push(loaded);
    }
    let mut loaded_values = FxHashMap::default();
    for &SavedField { field, source } in to.restored {
        match source {
            SavedSource::Value(value) => {
                let ty = editor.function.value_type(value);
                let payload = Payload::Field(layout, field);
                let loaded = editor.value(block, Opcode::FieldLoad, payload, &[hidden], ty);
                set_origin(editor.function, loaded, value);
                loaded_values.insert(value, loaded);
                handed.push(loaded);
            }
            SavedSource::Slot(slot) => {
                let payload = Payload::SlotField(layout, field, slot);
                let restore = Opcode::FieldRestoreSlot;
                editor.effect(block, restore, Type::I64, payload, &[hidden]);
            }
        }
    }
    handed.extend(derive::compute(editor, block, to.derived, loaded_values));
    let target = editor.function.target(to.block, &handed);
    editor.branch(block, Opcode::Jump, &[], &[target]);
    block
}
