//! The verifier: tells whether a module keeps the rules that everything behind it relies on.
//!
//! It reports every error, in time near-linear in the size of the module, and takes any module
//! that a program can build. Each file below holds the rules of one or two groups.
//!
//! Module
//!
//! - R1 Names are well formed and unique in the module, and a body bears the name of its declaration.
//! - R2 A memory has at most as many pages at the start as at the most, and at most 65,536.
//! - R3 An active data segment lies within the pages that its memory has at the start.
//! - R4 A global has a type that can be kept, and an initial value of that type.
//! - R5 What globals, tables, data segments, exports and source positions name is declared.
//! - R6 No signature has `cont`, or more than 1,000 parameters or results; `addr` is only a parameter of sync functions that the module defines.
//!
//! Structure
//!
//! - R7 A function has a block; each of its blocks and instructions stands in exactly one place.
//! - R8 A block has exactly one terminator, as its last instruction.
//! - R9 The entry block is no branch target.
//! - R10 The parameters of the entry block are those of the function, behind a `cont` in a lowered one.
//! - R11 Every value, block and declaration that an instruction names exists.
//! - R12 An instruction has the payload and the number of branch targets that its opcode takes.
//! - R13 A stack slot's alignment is 1, 2, 4, 8 or 16; all slots of a function take at most 1 MiB.
//!
//! SSA
//!
//! - R14 A value has exactly one definition.
//! - R15 A value that is used has a definition in a block of the function.
//! - R16 A definition dominates its uses in blocks that control can reach.
//!
//! Typing
//!
//! - R17 The type of an instruction is one that its opcode works on.
//! - R18 An instruction has as many operands as its opcode takes.
//! - R19 An operand has the type that the opcode asks for.
//! - R20 An instruction has the results that its opcode gives, with their types.
//! - R21 A branch hands each block parameter a value of its type.
//! - R22 `return` gives back the results of the function.
//! - R23 A constant fits its type.
//! - R24 A global is read and written with its own type.
//!
//! Calls and async
//!
//! - R25 A call hands over the parameters of its callee.
//! - R26 A sync function neither calls an async one nor joins a task.
//! - R27 A tail call has the results and the async mark of the function.
//! - R28 Only an async function is spawned.
//! - R29 The signature of a join is sync and has no parameters.
//!
//! Memory and addresses
//!
//! - R30 An access to a stack slot at a constant offset, or its address, lies within the slot.
//! - R31 No `addr` is a block parameter, but of the entry, or an argument of a tail call.
//! - R32 In an untrusted module `addr_add` adds a constant.
//! - R33 In an untrusted module an access through `addr` lies within a stack slot of its function.
//! - R34 Raw addresses appear in trusted modules only.
//!
//! Stages
//!
//! - R35 Instructions of lowered functions and `cont` appear in lowered functions only.
//! - R36 Only a lowered function declares layouts and points.
//! - R37 A lowered function is async.
//!
//! Layouts and points
//!
//! - R38 The fields of a layout have names, and different ones.
//! - R39 A field lies behind the header and within the size of its layout, aligned as its type up to 8; the size is a multiple of 8.
//! - R40 A point names a layout that exists and fields of it, which stand for values and slots of the function; its results can be kept and fit the layout.
//! - R41 A point saves a field once; fields that it saves overlap neither each other nor its results.
//! - R42 A field is stored and loaded with its type, a slot with its size.
//! - R43 A result at a point is loaded with its type.
//!
//! Exceptions
//!
//! - R44 What an instruction with an unwind target gives is used by the arguments of its own targets only: the exception by those of the unwind target, the rest by those of the other.
//! - R45 The exceptional entry of a point is a point of its own, of the same layout, that has none itself, takes an exception and saves nothing that the point does not.
//!
//! Fuel
//!
//! - R46 What is called when there is no fuel left is a declared async function without parameters and results.
//! - R47 An amount of fuel is at least 0 and below 2 to the power of 31.
//!
//! Vectors
//!
//! - R48 An instruction on lanes has a shape that its opcode takes.
//! - R49 A lane is one of its shape's, a byte of a shuffle one of 32.
//!
//! Objects
//!
//! - R50 An object type has at most 1,000 fields; what it holds has types that can be kept.
//! - R51 What works on arrays names an array type, `new` one with fields.
//! - R52 A field or an element is read and written with its type.
//!
//! Root slots
//!
//! - R53 An async function declares root slots only if it is lowered.
//! - R54 Only an instruction at which a collection may happen lists root slots, each of them once.

mod address;
mod declarations;
mod error;
pub(crate) mod instruction;
mod rule;
mod ssa;
mod structure;
mod suspension;

pub use error::{Subject, VerifyError, VerifyErrors};
pub use rule::Rule;

use crate::function::{Function, Stage};
use crate::module::Module;
use crate::print::display_inst;
use error::Finding;
pub(crate) use error::Report;

/// Checks a module and all functions that it defines.
///
/// # Errors
/// Every rule that is broken, in the order of the text: first declarations, then bodies.
pub fn verify_module(module: &Module) -> Result<(), VerifyErrors> {
    let mut report = Report::default();
    declarations::check(module, &mut report);
    let mut errors: Vec<VerifyError> = report
        .findings
        .into_iter()
        .map(|finding| {
            let context = module_context(module, &finding.subject);
            located(finding, None, context)
        })
        .collect();
    for (_, function) in module.bodies() {
        errors.extend(function_errors(module, function));
    }
    VerifyErrors::none_or(errors)
}

/// Checks the body of one function of a module.
///
/// # Errors
/// Every rule that the body breaks.
pub fn verify_function(module: &Module, function: &Function) -> Result<(), VerifyErrors> {
    VerifyErrors::none_or(function_errors(module, function))
}

fn function_errors(module: &Module, function: &Function) -> Vec<VerifyError> {
    let mut report = Report::default();
    // What the later checks index with has to exist, and to stand in one place.
    let is_whole = structure::check(module, function, &mut report);
    if is_whole {
        for &block in &function.order {
            for &inst in &function.blocks[block].insts {
                instruction::check(module, function, inst, &mut report);
                instruction::check_targets(function, inst, &mut report);
            }
        }
        address::block_params(function, &mut report);
        if ssa::check(function, &mut report) && !module.trusted {
            address::check(function, &mut report);
        }
    }
    suspension::check(function, is_whole, &mut report);
    with_context(module, function, report)
}

/// Turns findings into errors. The findings of one instruction share its printed form.
pub(crate) fn with_context(
    module: &Module,
    function: &Function,
    report: Report,
) -> Vec<VerifyError> {
    let mut last: Option<(Subject, String)> = None;
    let mut errors = Vec::with_capacity(report.findings.len());
    for finding in report.findings {
        let context = match last.take() {
            Some((subject, context)) if subject == finding.subject => context,
            _ => function_context(module, function, &finding.subject),
        };
        last = Some((finding.subject.clone(), context.clone()));
        errors.push(located(finding, Some(function.name.clone()), context));
    }
    errors
}

fn located(finding: Finding, function: Option<String>, context: String) -> VerifyError {
    VerifyError {
        rule: finding.rule,
        function,
        subject: finding.subject,
        context,
        message: finding.message,
    }
}

/// The most characters of an instruction that an error quotes.
const CONTEXT_LENGTH: usize = 200;

fn function_context(module: &Module, function: &Function, subject: &Subject) -> String {
    match subject {
        Subject::Slot(slot) => slot.to_string(),
        Subject::Root(root) => root.to_string(),
        Subject::Signature(signature) => signature.to_string(),
        Subject::Layout(layout) => layout.to_string(),
        Subject::Point(point) => point.to_string(),
        Subject::Block(block) => block.to_string(),
        Subject::Inst(inst) => {
            let mut text = display_inst(Some(module), function, *inst).to_string();
            if let Some((end, _)) = text.char_indices().nth(CONTEXT_LENGTH) {
                text.truncate(end);
                text.push('…');
            }
            text
        }
        _ => {
            let stage = match function.stage {
                Stage::Source => "",
                Stage::Lowered => " lowered",
            };
            format!("function %{}{}{stage}", function.name, function.signature)
        }
    }
}

fn module_context(module: &Module, subject: &Subject) -> String {
    match subject {
        Subject::Function(id) => {
            let decl = &module.functions[*id];
            let keyword = decl.body().map_or("import", |_| "function");
            format!("{keyword} %{}", decl.name)
        }
        Subject::Memory(id) => format!("memory %{}", module.memories[*id].name),
        Subject::Data(id) => format!("data %{}", module.data[*id].name),
        Subject::Global(id) => format!("global %{}", module.globals[*id].name),
        Subject::Table(id) => format!("table %{}", module.tables[*id].name),
        Subject::ObjectType(id) => format!("type %{}", module.object_types[*id].name),
        Subject::Export(name) => format!("export {name:?}"),
        Subject::Fuel => "fuel".to_string(),
        _ => "module".to_string(),
    }
}
