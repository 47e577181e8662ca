//! Pass `context`: async functions give the context word back as they have found it (M27).
//!
//! A function that sets the word, or calls sync functions, which may set it, reads it at its entry and sets
//! it again in front of each return. A tail call of such a function is none any more. A call whose
//! callee is async sets the word again if it throws, to what it was at the call: what threw has not.
//!
//! ```text
//!   block0:  A                                   ⇒  block0:  v8 = context_get; A
//!   block1:  return v1                              block1:  context_set v8; return v1
//!   block2:  return_call %f(v2)                     block2:  v9 = call %f(v2); context_set v8; return v9
//!   block3:  e = try_call %f(), N, unwind H(e)      block3:  v10 = context_get
//!                                                            e = try_call %f(), N, unwind block4(e)
//!                                                   block4(e'):  context_set v10; jump H(e')    (cold)
//! ```
//!
//! Sync functions stay as they are: what they make of the word is there for their callers. So does
//! every function of a module without instructions on the word. To the rest of the transform the word
//! that a function has found is a value like any other, live across its suspension points.

use crate::edges;
use crate::edit::Editor;
use enjamb_ir::{
    Block, Function, Inst, Module, Opcode, Payload, Signature, Stage, Type, Value,
    restores_context, suspends, uses_context,
};

/// Whether functions of a module have to be looked at.
pub fn applies(module: &Module) -> bool {
    uses_context(module)
}

/// Makes an async source function of a module that uses the context word keep it for its caller and its
/// handlers.
pub fn run(module: &Module, function: &mut Function) {
    if !function.is_async() || function.stage != Stage::Source {
        return;
    }
    let restores = restores_context(module, function);
    let found = restores.then(|| read_at_entry(function)).flatten();
    let order = std::mem::take(&mut function.order);
    for block in order {
        function.order.push(block);
        let Some(end) = function.terminator(block) else {
            continue;
        };
        match (function.insts[end].opcode, found) {
            (Opcode::Return, Some(found)) => set_in_front(function, block, found),
            (Opcode::ReturnCall | Opcode::ReturnCallIndirect, Some(found)) => {
                call_and_return(module, function, block, found);
            }
            (Opcode::TryCall | Opcode::TryCallIndirect, _) if suspends(module, function, end) => {
                set_behind_exception(function, block, end);
            }
            _ => {}
        }
    }
}

fn get(editor: &mut Editor<'_>, block: Block) -> Value {
    editor.value(block, Opcode::ContextGet, Payload::None, &[], Type::I64)
}

fn set(editor: &mut Editor<'_>, block: Block, word: Value) {
    editor.effect(block, Opcode::ContextSet, Type::I64, Payload::None, &[word]);
}

/// The word that the function finds.
fn read_at_entry(function: &mut Function) -> Option<Value> {
    let entry = function.entry()?;
    let mut insts = std::mem::take(&mut function.blocks[entry].insts);
    let mut editor = Editor::new(function, *insts.first()?);
    let found = get(&mut editor, entry);
    function.blocks[entry].insts.append(&mut insts);
    Some(found)
}

/// Sets the word in front of the end of a block.
fn set_in_front(function: &mut Function, block: Block, word: Value) {
    if let Some(end) = function.blocks[block].insts.pop() {
        set(&mut Editor::new(function, end), block, word);
        function.append_inst(block, end);
    }
}

/// Replaces the tail call at the end of a block.
fn call_and_return(module: &Module, function: &mut Function, block: Block, word: Value) {
    let Some(tail_call) = function.blocks[block].insts.pop() else {
        return;
    };
    let data = function.insts[tail_call];
    let opcode = match data.opcode {
        Opcode::ReturnCall => Opcode::Call,
        _ => Opcode::CallIndirect,
    };
    let types = results_of(module, function, data.payload);
    let args = function.args(tail_call).to_vec();
    let mut editor = Editor::new(function, tail_call);
    let call = editor
        .function
        .make_inst(opcode, data.ty, data.payload, &args, &[]);
    editor.append(block, call);
    editor.function.make_results(call, &types);
    let results = editor.function.results(call).to_vec();
    set(&mut editor, block, word);
    editor.branch(block, Opcode::Return, &results, &[]);
}

fn results_of(module: &Module, function: &Function, payload: Payload) -> Vec<Type> {
    let results = |signature: &Signature| signature.results.clone();
    match payload {
        Payload::Function(callee) => results(module.functions[callee].signature()),
        Payload::Signature(signature) => results(&function.signatures[signature]),
        _ => Vec::new(),
    }
}

/// Lets the call at the end of a block set the word to what it is in front of the call, if it throws.
fn set_behind_exception(function: &mut Function, block: Block, call: Inst) {
    function.blocks[block].insts.pop();
    let mut editor = Editor::new(function, call);
    let word = get(&mut editor, block);
    editor.function.append_inst(block, call);

    let exception = editor.function.exception_results(call);
    let exception = exception.map_or_else(Vec::new, Vec::from);
    let edge = edges::split(editor.function, call, edges::UNWIND, &exception);
    let mut onwards = std::mem::take(&mut editor.function.blocks[edge].insts);
    set(&mut editor, edge, word);
    editor.function.blocks[edge].insts.append(&mut onwards);
    editor.function.blocks[edge].cold = true;
    editor.function.order.push(edge);
}
