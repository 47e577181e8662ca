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
//! The results of the call keep their numbers as parameters of `C`. A saved value `x` gets a second
//! definition there; its later uses are put right afterwards by [`crate::repair`].

use enjamb_continuation::Layouts;
use enjamb_ir::hash::FxHashSet;
use enjamb_ir::{
    Block, Entity, Function, Inst, Opcode, Payload, PointDecl, PointId, SavedField, SavedSource,
    Type, Value,
};
use enjamb_liveness::Uses;

use crate::across::LiveAcross;
use crate::edit::Editor;
use crate::points::{SuspensionPoint, SuspensionPoints};
use crate::resumed::Resumed;
use crate::suspend;

/// A suspension point after rewriting.
#[derive(Clone, Debug)]
pub(crate) struct Rewritten {
    /// The block of the call: what is left of the block before it.
    pub(crate) before: Block,
    /// Restores what is saved and goes on in the continuation.
    pub(crate) resumption: Block,
    /// What stood behind the call.
    pub(crate) continuation: Block,
    /// The blocks that suspend, in order.
    pub(crate) suspension: Vec<Block>,
    /// Each saved value, and the parameter of `continuation` that is its new definition.
    pub(crate) redefined: Vec<(Value, Value)>,
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
                id: PointId::from_index(first_state + index),
                point,
                before: pieces[index],
                continuation: pieces[index + 1],
            };
            rewritten.push(rewrite_point(function, analyses, hidden, &site));
        }
    }
    rewritten
}

/// Adds the layouts and points as declarations of the function.
fn declare(function: &mut Function, analyses: &Analyses<'_>) {
    function.layouts = analyses.layouts.layouts().clone();
    for (state, point) in analyses.points.as_slice().iter().enumerate() {
        let layout = analyses.layouts.point(state);
        function.points.push(PointDecl {
            layout: layout.layout,
            results: analyses.across.needs[state].results.clone(),
            saved: layout.saved.clone(),
            position: function.positions[point.inst],
        });
    }
}

/// Cuts a block behind each of its points. The first piece is the block itself.
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
        piece = function.create_block();
        function.blocks[piece].cold = cold;
        pieces.push(piece);
    }
    function.blocks[piece].insts = insts.collect();
    pieces
}

/// A point with the blocks that it was cut into.
struct Site<'a> {
    id: PointId,
    point: &'a SuspensionPoint,
    before: Block,
    continuation: Block,
}

fn rewrite_point(
    function: &mut Function,
    analyses: &Analyses<'_>,
    hidden: Value,
    site: &Site<'_>,
) -> Rewritten {
    let call = redefine_call(function, site.point.inst, analyses.uses);
    let saved = function.points[site.id].saved.clone();
    let values: Vec<Value> = saved.iter().filter_map(saved_value).collect();
    let redefined = make_params(function, site.continuation, &call, &values);

    let mut editor = Editor::new(function, site.point.inst);
    let resumption = resume(&mut editor, site, hidden, &call, &saved);
    let suspension = suspend::run(&mut editor, analyses, site.point, site.id, call.hidden);
    let test = editor.value(
        site.before,
        Opcode::IsSuspended,
        Payload::None,
        &[call.hidden],
        Type::I8,
    );
    let results = call.used.iter().map(|used| used.fresh);
    let handed: Vec<Value> = results.chain(values).collect();
    let to_suspension = editor.function.target(suspension[0], &[]);
    let to_continuation = editor.function.target(site.continuation, &handed);
    let targets = [to_suspension, to_continuation];
    editor.branch(site.before, Opcode::Brif, &[test], &targets);
    Rewritten {
        before: site.before,
        resumption,
        continuation: site.continuation,
        suspension,
        redefined,
    }
}

/// A result of the call that something uses.
struct UsedResult {
    /// Position among the results in the signature.
    position: u32,
    /// The value that the program uses, to become a parameter of the continuation.
    old: Value,
    /// The value that the call defines now.
    fresh: Value,
}

struct RedefinedCall {
    /// The callee's continuation.
    hidden: Value,
    used: Vec<UsedResult>,
}

/// Gives the call its hidden result, and new values as its other results.
fn redefine_call(function: &mut Function, call: Inst, uses: &Uses) -> RedefinedCall {
    let old = function.results(call).to_vec();
    let mut types = vec![Type::Cont];
    types.extend(old.iter().map(|&value| function.value_type(value)));
    function.make_results(call, &types);
    let results = function.results(call).to_vec();
    let mut used = Vec::new();
    for (position, (&old, &fresh)) in old.iter().zip(&results[1..]).enumerate() {
        set_origin(function, fresh, old);
        if uses.count(old) > 0 {
            used.push(UsedResult {
                position: position as u32,
                old,
                fresh,
            });
        }
    }
    RedefinedCall {
        hidden: results[0],
        used,
    }
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

/// Parameters of the continuation: the used results of the call, then a new definition of every
/// saved value.
fn make_params(
    function: &mut Function,
    continuation: Block,
    call: &RedefinedCall,
    values: &[Value],
) -> Vec<(Value, Value)> {
    let results: Vec<Value> = call.used.iter().map(|used| used.old).collect();
    function.set_params(continuation, &results);
    let redefine = |&value: &Value| {
        let param = function.append_param(continuation, function.value_type(value));
        set_origin(function, param, value);
        (value, param)
    };
    values.iter().map(redefine).collect()
}

/// Makes the resumption block: it loads what the parameters of the continuation stand for, and
/// restores the stack slots.
fn resume(
    editor: &mut Editor<'_>,
    site: &Site<'_>,
    hidden: Value,
    call: &RedefinedCall,
    saved: &[SavedField],
) -> Block {
    let block = editor.cold_block();
    let layout = editor.function.points[site.id].layout;
    let mut handed = Vec::new();
    for used in &call.used {
        let ty = editor.function.value_type(used.old);
        let payload = Payload::PointResult(site.id, used.position);
        let loaded = editor.value(block, Opcode::ResultLoad, payload, &[hidden], ty);
        set_origin(editor.function, loaded, used.old);
        handed.push(loaded);
    }
    for &SavedField { field, source } in saved {
        match source {
            SavedSource::Value(value) => {
                let ty = editor.function.value_type(value);
                let payload = Payload::Field(layout, field);
                let loaded = editor.value(block, Opcode::FieldLoad, payload, &[hidden], ty);
                set_origin(editor.function, loaded, value);
                handed.push(loaded);
            }
            SavedSource::Slot(slot) => {
                let payload = Payload::SlotField(layout, field, slot);
                let restore = Opcode::FieldRestoreSlot;
                editor.effect(block, restore, Type::I64, payload, &[hidden]);
            }
        }
    }
    let target = editor.function.target(site.continuation, &handed);
    editor.branch(block, Opcode::Jump, &[], &[target]);
    block
}
