//! What a module's code consists of: every function and every stub, with its name.

use enjamb_abi::code::{Symbol, Throw};
use enjamb_abi::continuation::POINT_RECORD_SIZE;
use enjamb_codegen::{CompiledModule, FunctionRange};
use enjamb_ir::FunctionKind;

/// What a piece of code is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind<'a> {
    /// A function that the module defines.
    Function(&'a FunctionRange),
    /// A stub.
    Stub(&'a Symbol),
}

/// A function or a stub.
#[derive(Clone, Debug)]
pub(super) struct Piece<'a> {
    /// Its name: that of the function in the IR; for a stub, `enjamb_` and what it is.
    pub(super) name: String,
    /// Offset of its first byte in the code.
    pub(super) start: u32,
    /// Offset behind its last byte; padding may be included.
    pub(super) end: u32,
    /// What it is.
    pub(super) kind: Kind<'a>,
}

/// All pieces of code by rising start. The records between them are no code.
pub(super) fn pieces(compiled: &CompiledModule) -> Vec<Piece<'_>> {
    let mut symbols: Vec<(u32, &Symbol)> = compiled.symbols.iter().map(|(s, &o)| (o, s)).collect();
    symbols.sort_by_key(|&(offset, _)| offset);
    let ends = symbols.iter().skip(1).map(|&(offset, _)| offset);
    let ends: Vec<u32> = ends.chain([compiled.bytes.len() as u32]).collect();
    let mut functions = compiled.functions.iter().peekable();
    let mut pieces = Vec::with_capacity(symbols.len());
    for (&(offset, symbol), &end) in symbols.iter().zip(&ends) {
        let range = functions.next_if(|range| range.start == offset);
        let (kind, start, end) = match (symbol, range) {
            (Symbol::Point(..), _) => continue,
            (_, Some(range)) => (Kind::Function(range), offset, range.end),
            // The record comes first.
            (Symbol::RootRecord, _) => (Kind::Stub(symbol), offset + POINT_RECORD_SIZE, end),
            _ => (Kind::Stub(symbol), offset, end),
        };
        pieces.push(Piece {
            name: plain(&name(compiled, symbol)),
            start,
            end,
            kind,
        });
    }
    pieces
}

fn name(compiled: &CompiledModule, symbol: &Symbol) -> String {
    match symbol {
        Symbol::Function(function) => {
            let decl = &compiled.source.functions[*function];
            match &decl.kind {
                FunctionKind::Import { .. } => format!("enjamb_import_{}", decl.name),
                _ => decl.name.clone(),
            }
        }
        Symbol::Point(function, point) => {
            let name = &compiled.source.functions[*function].name;
            format!("enjamb_record_{name}.{point}")
        }
        Symbol::Service(service) => format!("enjamb_service_{:?}", service.helper),
        Symbol::TrapLanding => "enjamb_trap".to_string(),
        Symbol::Throw(Throw::New) => "enjamb_throw".to_string(),
        Symbol::Throw(Throw::Again) => "enjamb_rethrow".to_string(),
        Symbol::NewContinuation(size) => format!("enjamb_continuation_{size}"),
        Symbol::NewSlow(_, ty) => {
            let ty = compiled.source.object_types.values().nth(*ty as usize);
            format!("enjamb_new_{}", ty.map_or("", |ty| &ty.name))
        }
        Symbol::Dispatcher => "enjamb_dispatcher".to_string(),
        Symbol::Resume(_) => "enjamb_resume".to_string(),
        Symbol::RootRecord => "enjamb_finish".to_string(),
        Symbol::Entry(signature) => format!("enjamb_entry {signature}"),
    }
}

/// Names of functions and files may have any characters; in a line of text, or before the zero that
/// ends a string, control characters cannot stand.
pub(super) fn plain(name: &str) -> String {
    if name.is_empty() {
        return "?".to_string();
    }
    let escaped = |c: char| match c.is_control() {
        true => c.escape_default().to_string(),
        false => c.to_string(),
    };
    name.chars().map(escaped).collect()
}
