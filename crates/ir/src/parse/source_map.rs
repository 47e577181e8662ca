//! Where in the text the parts of a module stand.

use crate::diagnostic::Span;
use crate::entity::{Block, FuncId, Inst, SecondaryMap};
use crate::hash::FxHashMap;

/// Where the parts of a module stand: a side table, so the module itself carries no positions.
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    names: FxHashMap<String, Span>,
    functions: SecondaryMap<FuncId, FunctionSpans>,
}

/// Where the parts of a function body stand.
#[derive(Clone, Debug, Default)]
pub(super) struct FunctionSpans {
    pub(super) blocks: SecondaryMap<Block, Option<Span>>,
    pub(super) insts: SecondaryMap<Inst, Option<Span>>,
}

impl SourceMap {
    /// Where a name of the module is declared: its name, with the percent sign.
    pub fn name(&self, name: &str) -> Option<Span> {
        self.names.get(name).copied()
    }

    /// The head of a block.
    pub fn block(&self, function: FuncId, block: Block) -> Option<Span> {
        self.functions[function].blocks[block]
    }

    /// An instruction with its results and its source position.
    pub fn inst(&self, function: FuncId, inst: Inst) -> Option<Span> {
        self.functions[function].insts[inst]
    }

    pub(super) fn set_name(&mut self, name: &str, span: Span) {
        self.names.insert(name.to_string(), span);
    }

    pub(super) fn set_body(&mut self, function: FuncId, spans: FunctionSpans) {
        self.functions[function] = spans;
    }
}
