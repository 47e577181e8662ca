//! Where in the text the parts of a module stand, and the verifier's errors shown there.

use super::ParsedModule;
use crate::diagnostic::{Diagnostic, Span};
use crate::entity::{Block, FuncId, Inst, SecondaryMap};
use crate::function::SourcePos;
use crate::hash::KeyedIndexMap;
use crate::module::{FunctionDecl, Module};
use crate::verify::{Subject, VerifyError};

/// Where the parts of a module stand: a side table, so the module itself carries no positions.
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    names: KeyedIndexMap<String, Span>,
    exports: KeyedIndexMap<String, Span>,
    fuel: Option<Span>,
    functions: SecondaryMap<FuncId, FunctionSpans>,
}

/// Where the parts of a function body stand.
#[derive(Clone, Debug, Default)]
pub(super) struct FunctionSpans {
    pub(super) blocks: SecondaryMap<Block, Option<Span>>,
    pub(super) insts: SecondaryMap<Inst, Option<Span>>,
    /// Slots, root slots, signatures, layouts and points by their names in the text.
    declarations: KeyedIndexMap<String, Span>,
}

impl FunctionSpans {
    pub(super) fn set_declaration(&mut self, prefix: &str, number: usize, span: Span) {
        self.declarations.insert(format!("{prefix}{number}"), span);
    }
}

impl SourceMap {
    /// Where a name of the module is declared: its name, with the percent sign.
    pub fn name(&self, name: &str) -> Option<Span> {
        self.names.get(name).copied()
    }

    /// Where something is exported under a name: that name, with its quotes.
    pub fn export(&self, name: &str) -> Option<Span> {
        self.exports.get(name).copied()
    }

    /// What the module says about fuel, behind the first word.
    pub fn fuel(&self) -> Option<Span> {
        self.fuel
    }

    /// The head of a block.
    pub fn block(&self, function: FuncId, block: Block) -> Option<Span> {
        self.functions[function].blocks[block]
    }

    /// An instruction with its results and its source position.
    pub fn inst(&self, function: FuncId, inst: Inst) -> Option<Span> {
        self.functions[function].insts[inst]
    }

    /// Where a function declares a slot, signature, layout or point of this name, as `ss0`.
    pub fn declaration(&self, function: FuncId, name: &str) -> Option<Span> {
        self.functions[function].declarations.get(name).copied()
    }

    /// Gives every instruction that has no source position the place where it stands in the text,
    /// under this name of the text's file. Errors of a running program then name the line.
    pub fn annotate(&self, module: &mut Module, file_name: &str) {
        let file = module.files.push(file_name.to_string());
        for (function, spans) in self.functions.iter() {
            let Some(body) = module
                .functions
                .get_mut(function)
                .and_then(FunctionDecl::body_mut)
            else {
                continue;
            };
            for (inst, span) in spans.insts.iter() {
                if let (Some(span), None) = (span, body.positions[inst]) {
                    let (line, column) = (span.line, span.column);
                    body.positions[inst] = Some(SourcePos { file, line, column });
                }
            }
        }
    }

    pub(super) fn set_name(&mut self, name: &str, span: Span) {
        self.names.insert(name.to_string(), span);
    }

    pub(super) fn set_export(&mut self, name: &str, span: Span) {
        self.exports.entry(name.to_string()).or_insert(span);
    }

    pub(super) fn set_fuel(&mut self, span: Span) {
        self.fuel = Some(span);
    }

    pub(super) fn set_body(&mut self, function: FuncId, spans: FunctionSpans) {
        self.functions[function] = spans;
    }
}

impl ParsedModule {
    /// Where an error of the verifier is, as far as the text says.
    pub fn locate(&self, error: &VerifyError) -> Option<Span> {
        let (module, map) = (&self.module, &self.source_map);
        let within = error
            .function
            .as_ref()
            .and_then(|name| module.function_named(name));
        match &error.subject {
            Subject::Function(id) => map.name(&module.functions.get(*id)?.name),
            Subject::Memory(id) => map.name(&module.memories.get(*id)?.name),
            Subject::Data(id) => map.name(&module.data.get(*id)?.name),
            Subject::Global(id) => map.name(&module.globals.get(*id)?.name),
            Subject::ObjectType(id) => map.name(&module.object_types.get(*id)?.name),
            Subject::Table(id) => map.name(&module.tables.get(*id)?.name),
            Subject::Export(name) => map.export(name),
            Subject::Fuel => map.fuel(),
            Subject::Head => map.name(error.function.as_ref()?),
            Subject::Slot(id) => map.declaration(within?, &id.to_string()),
            Subject::Signature(id) => map.declaration(within?, &id.to_string()),
            Subject::Root(id) => map.declaration(within?, &id.to_string()),
            Subject::Layout(id) => map.declaration(within?, &id.to_string()),
            Subject::Point(id) => map.declaration(within?, &id.to_string()),
            Subject::Block(block) => map.block(within?, *block),
            Subject::Inst(inst) => map.inst(within?, *inst),
        }
    }

    /// Errors of the verifier with their places in the text, to be rendered.
    pub fn diagnostics<'a>(
        &self,
        errors: impl IntoIterator<Item = &'a VerifyError>,
    ) -> Vec<Diagnostic> {
        let to_diagnostic = |error: &VerifyError| Diagnostic {
            message: format!("{}: {}", error.rule, error.message),
            span: self.locate(error),
            notes: match &error.function {
                Some(name) => vec![format!("in function `%{name}`")],
                None => Vec::new(),
            },
        };
        errors.into_iter().map(to_diagnostic).collect()
    }
}
