//! The entry of a lowered function: a test of the hidden parameter, and the way to the state.
//!
//! ```text
//! E(k, args):  brif is_suspended(k), D, body(args)
//! D:           two states: brif cont_state(k), R₁, R₀; more: br_table      (cold)
//! ```
//!
//! With one state `D` is its resumption block `R₀` itself. Arguments mean nothing when `k` is not null, so they are handed on the fresh way only (M1). A
//! table needs no range check of its own: its default is the first state.

use enjamb_ir::{Block, Function, Inst, Opcode, Payload, Target, Type, Value};

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
    if let [first, second] = targets[..] {
        editor.branch(block, Opcode::Brif, &[state], &[second, first]);
        return;
    }
    targets.insert(0, targets[0]);
    editor.branch(block, Opcode::BrTable, &[state], &targets);
}
