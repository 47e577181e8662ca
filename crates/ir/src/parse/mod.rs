//! The parser: text to modules.
//!
//! Two steps. The first reads the declarations of the module and the heads of its functions and
//! skips their bodies; then every name is known. The second reads the bodies, each on its own: its
//! declarations, blocks and instructions in the order of the text, and at the end the types of those
//! values whose operands are defined further down. Both steps are linear in the length of the text.
//!
//! The text of an instruction is a line, so after an error reading goes on with the next line, and
//! in the first step with the next declaration; all errors found are reported together. What the
//! parser checks is what it needs to build the data structures: spelling, names, numbers of results.
//! Types and all other rules are the verifier's.

mod body;
mod cursor;
pub mod fuzz;
mod inst;
mod lexer;
mod literal;
mod module;
mod operands;
mod source_map;
mod types;

pub(crate) use literal::vector_bits;
pub use source_map::SourceMap;

use crate::diagnostic::Diagnostic;
use crate::entity::{FuncId, SecondaryMap};
use crate::hash::KeyedHashSet;
use crate::module::Module;
use crate::verify::VerifyError;
use std::fmt;

/// A module, and where in the text its parts stand.
#[derive(Clone, Debug)]
pub struct ParsedModule {
    /// The module.
    pub module: Module,
    /// Where its parts stand.
    pub source_map: SourceMap,
}

/// Why a text is no module: at least one diagnostic, in the order of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseErrors {
    /// What is wrong, in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
}

impl fmt::Display for ParseErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.diagnostics.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{diagnostic}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ParseErrors {}

/// Reads a module.
///
/// # Errors
/// If the text is no module: every error up to a hundred, with its place.
pub fn parse_module(text: &str) -> Result<Module, ParseErrors> {
    parse_with_spans(text).map(|parsed| parsed.module)
}

/// Reads a module and keeps where its parts stand, so that later errors can be shown at the text.
///
/// # Errors
/// As [`parse_module`].
pub fn parse_with_spans(text: &str) -> Result<ParsedModule, ParseErrors> {
    let Reading {
        parsed,
        diagnostics,
        ..
    } = read_module(text);
    if diagnostics.is_empty() {
        Ok(parsed)
    } else {
        Err(ParseErrors { diagnostics })
    }
}

/// What could be read of a text, which need not be a module.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The module; if there are errors, without the bodies that have one and without the
    /// declarations that could not be read.
    pub parsed: ParsedModule,
    /// What is wrong, in the order of the text; nothing if the text is a module.
    pub diagnostics: Vec<Diagnostic>,
    /// Whether every declaration and every head of a function could be read.
    declarations_whole: bool,
    /// The functions whose bodies could be read.
    whole: SecondaryMap<FuncId, bool>,
}

impl Reading {
    /// Whether an error that the verifier finds in the module is one of the text, and not of what
    /// is missing because it could not be read.
    pub fn concerns(&self, error: &VerifyError) -> bool {
        match &error.function {
            _ if self.diagnostics.is_empty() => true,
            Some(name) => {
                let function = self.parsed.module.function_named(name);
                function.is_some_and(|id| self.whole[id])
            }
            None => self.declarations_whole,
        }
    }
}

/// Reads what can be read of a text.
pub fn read_module(text: &str) -> Reading {
    let mut errors = Errors::default();
    let too_long = u32::try_from(text.len()).is_err();
    if too_long {
        let message = "a module of 4 GiB or more cannot be read";
        errors.push(Diagnostic::general(message));
    }
    let mut declared = module::declare(if too_long { "" } else { text }, &mut errors);
    let mut declarations_whole = errors.found == 0;
    let mut whole = read_bodies(text, &mut declared, &mut errors);
    if errors.is_full() {
        // Nothing is shown behind the last error that is.
        declarations_whole = false;
        whole = SecondaryMap::new();
    }
    Reading {
        parsed: ParsedModule {
            module: declared.module,
            source_map: declared.source_map,
        },
        diagnostics: errors.in_order(),
        declarations_whole,
        whole,
    }
}

/// Reads the bodies, and says which of them have no errors.
fn read_bodies(
    text: &str,
    declared: &mut module::Declared<'_>,
    errors: &mut Errors,
) -> SecondaryMap<FuncId, bool> {
    let mut whole = SecondaryMap::new();
    let mut numbers = Numbers::new(text.len());
    for (id, start) in std::mem::take(&mut declared.bodies) {
        if errors.is_full() {
            break;
        }
        let Some(head) = declared.module.functions[id].body().cloned() else {
            continue;
        };
        let before = errors.found;
        let module = &declared.module;
        let (function, spans) = body::parse(text, start, head, module, errors, &mut numbers);
        if errors.found > before {
            continue;
        }
        if let Some(body) = declared.module.functions[id].body_mut() {
            *body = function;
        }
        declared.source_map.set_body(id, spans);
        whole[id] = true;
    }
    whole
}
/// How many errors of one text are reported.
const MOST_ERRORS: usize = 100;

/// The errors found so far.
#[derive(Default)]
struct Errors {
    diagnostics: Vec<Diagnostic>,
    /// How many there are, with those that are not reported.
    found: usize,
    /// What follows from a declaration that could not be read, and is not reported: that its name
    /// is not declared.
    follow_ups: KeyedHashSet<String>,
}

impl Errors {
    fn push(&mut self, diagnostic: Diagnostic) {
        self.found += 1;
        if !self.is_full() && !self.follow_ups.contains(&diagnostic.message) {
            self.diagnostics.push(diagnostic);
        }
    }

    fn is_full(&self) -> bool {
        self.diagnostics.len() >= MOST_ERRORS
    }

    /// The errors in the order of the text.
    fn in_order(self) -> Vec<Diagnostic> {
        let is_full = self.is_full();
        let mut diagnostics = self.diagnostics;
        diagnostics.sort_by_key(|diagnostic| diagnostic.span.map_or(u32::MAX, |span| span.start));
        if is_full {
            diagnostics.push(Diagnostic::general("further errors are not shown"));
        }
        diagnostics
    }
}

/// Bounds on the numbers of values and blocks. Entities are dense arrays, so a short text with a
/// large number would take much memory: no number may exceed the length of the text or a million,
/// and the unused numbers of all functions together are bounded likewise.
struct Numbers {
    limit: usize,
    budget: usize,
}

impl Numbers {
    fn new(text_length: usize) -> Self {
        Numbers {
            limit: text_length.max(1 << 20),
            budget: (text_length * 8).max(1 << 22),
        }
    }

    /// Makes room for `number` where there are `count`; the error says what is wrong with it.
    fn reserve(&mut self, number: usize, count: usize) -> Result<(), String> {
        if number >= self.limit {
            return Err(format!(
                "{number} is too large a number: it must be below {}",
                self.limit
            ));
        }
        let added = (number + 1).saturating_sub(count);
        let Some(left) = self.budget.checked_sub(added) else {
            return Err("the numbers of this text leave too many unused".to_string());
        };
        self.budget = left;
        Ok(())
    }
}
