//! The entry of a lowered function: a test of the hidden parameter, and the way to the state.
//!
//! ```text
//! E(k, args):  brif is_suspended(k), D, body(args)
//! D:           two states: brif cont_state(k), R₁, R₀; more: br_table      (cold)
//! ```
//!
//! With one state `D` is its resumption block `R₀` itself. Arguments mean nothing when `k` is not null, so
//! they are handed on the fresh way only (M1). A table needs no range check of its own: its default is the
//! first state.
//!
//! What all states load is loaded in `D`, once for all.

use enjamb_ir::hash::{FxHashMap, FxIndexMap};
use enjamb_ir::{Block, FieldId, Function, Inst, LayoutId, Opcode, Payload, Target, Type, Value};

use crate::edit::Editor;

/// The new entry block and its hidden parameter.
pub(crate) struct Entry {
    pub(crate) block: Block,
    pub(crate) hidden: Value,
}

/// Makes the entry block with its parameters: the continuation, then those of the signature.
pub(crate) fn make_entry(function: &mut Function) -> Entry {
    let block = function.create_block();
    let hidden = function.append_param(block, Type::Cont);
    for ty in function.signature.params.clone() {
        function.append_param(block, ty);
    }
    Entry { block, hidden }
}

/// Fills the entry block and, for more than one state, makes the dispatch block. `first_call` lends
/// its source position.
pub(crate) fn run(
    function: &mut Function,
    entry: &Entry,
    body: Block,
    resumptions: &[Block],
    first_call: Inst,
) -> Option<Block> {
    let args: Vec<Value> = function.blocks[entry.block].params[1..].to_vec();
    let params = function.blocks[body].params.clone();
    for (&arg, &param) in args.iter().zip(&params) {
        function.origins[arg] = Some(param);
    }
    let mut editor = Editor::new(function, first_call);
    let hidden = entry.hidden;
    let dispatch = match resumptions {
        [_] => None,
        _ => {
            let block = editor.cold_block();
            fill_dispatch(&mut editor, block, hidden, resumptions);
            Some(block)
        }
    };
    let test = editor.value(
        entry.block,
        Opcode::IsSuspended,
        Payload::None,
        &[hidden],
        Type::I8,
    );
    let resumed = dispatch.unwrap_or(resumptions[0]);
    let to_dispatch = editor.function.target(resumed, &[]);
    let to_body = editor.function.target(body, &args);
    editor.branch(entry.block, Opcode::Brif, &[test], &[to_dispatch, to_body]);
    dispatch
}

fn fill_dispatch(editor: &mut Editor<'_>, block: Block, hidden: Value, resumptions: &[Block]) {
    let mut targets: Vec<Target> = Vec::new();
    for &resumption in resumptions {
        targets.push(editor.function.target(resumption, &[]));
    }
    let state = editor.value(
        block,
        Opcode::ContState,
        Payload::None,
        &[hidden],
        Type::I32,
    );
    share_loads(editor.function, block, resumptions);
    if let [first, second] = targets[..] {
        editor.branch(block, Opcode::Brif, &[state], &[second, first]);
        return;
    }
    targets.insert(0, targets[0]);
    editor.branch(block, Opcode::BrTable, &[state], &targets);
}

/// Moves loads of fields that all resumption blocks have to the end of the dispatch block.
fn share_loads(function: &mut Function, dispatch: Block, resumptions: &[Block]) {
    let field_of = |function: &Function, inst: Inst| -> Option<(LayoutId, FieldId)> {
        match (function.insts[inst].opcode, function.insts[inst].payload) {
            (Opcode::FieldLoad, Payload::Field(layout, field)) => Some((layout, field)),
            _ => None,
        }
    };
    // Each block loads a field at most once.
    let mut loads: FxIndexMap<(LayoutId, FieldId), Vec<Inst>> = FxIndexMap::default();
    for &resumption in resumptions {
        for &inst in &function.blocks[resumption].insts {
            if let Some(field) = field_of(function, inst) {
                loads.entry(field).or_default().push(inst);
            }
        }
    }
    loads.retain(|_, loads| loads.len() == resumptions.len());
    let mut shared: FxHashMap<Value, Value> = FxHashMap::default();
    for loads in loads.values() {
        let stays = loads[0];
        function.append_inst(dispatch, stays);
        let stands_for = function.results(stays)[0];
        shared.extend(
            loads
                .iter()
                .map(|&load| (function.results(load)[0], stands_for)),
        );
    }
    for &resumption in resumptions {
        let mut insts = std::mem::take(&mut function.blocks[resumption].insts);
        let is_shared =
            |&inst: &Inst| field_of(function, inst).is_some_and(|field| loads.contains_key(&field));
        insts.retain(|inst| !is_shared(inst));
        for &inst in &insts {
            function.map_uses(inst, |value| shared.get(&value).copied().unwrap_or(value));
        }
        function.blocks[resumption].insts = insts;
    }
}
