//! What symbols are called, and which stub each stands for.
//!
//! Each [`Symbol`] that is no defined function and no point record stands for one stub: code between
//! compiled functions and the runtime. A stub is position independent apart from its relocations, and
//! names no instance. A target emits them; where both sides of a stub are compiled code it keeps the
//! convention of [`enjamb_abi::convention`].

use crate::error::{LowerError, Reason};
use enjamb_abi::code::{Symbol, Throw};
use enjamb_abi::context::{Helper, InstanceLayout};
use enjamb_abi::convention::ResumeShape;
use enjamb_ir::{Entity, FuncId, FunctionKind, Module, Signature};

/// The namespace of the leaves that the runtime brings along.
pub const BUILTIN_NAMESPACE: &str = "enjamb";

/// What a symbol is called in assembly.
pub fn symbol_name(module: &Module, symbol: &Symbol) -> String {
    let name = |function: FuncId| match module.functions.get(function) {
        Some(decl) => format!("%{}", decl.name),
        None => function.to_string(),
    };
    match symbol {
        Symbol::Function(function) => name(*function),
        Symbol::Point(function, point) => format!("{}.{point}", name(*function)),
        Symbol::Service(service) => format!("{:?}.{}", service.helper, service.index),
        other => format!("{other:?}"),
    }
}

/// What a stub is called in errors.
pub fn stub_name(symbol: &Symbol) -> String {
    format!("{symbol:?}")
}

/// What a stub does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StubKind<'a> {
    /// Looks like a function of this signature, and calls a helper: imports and services.
    Helper {
        /// The helper.
        helper: Helper,
        /// Its `index` argument.
        index: u64,
        /// What it looks like.
        signature: &'a Signature,
    },
    /// The leaf `yield`.
    Yield {
        /// The function by number, which is the helper's `index` if it is asked.
        index: u64,
    },
    /// As [`Symbol::TrapLanding`].
    TrapLanding,
    /// As [`Symbol::Throw`].
    Throw(Throw),
    /// As [`Symbol::NewContinuation`].
    NewContinuation(u32),
    /// As [`Symbol::NewSlow`].
    NewSlow {
        /// The helper.
        helper: Helper,
        /// The number of the type.
        index: u32,
    },
    /// As [`Symbol::Dispatcher`].
    Dispatcher,
    /// As [`Symbol::Resume`].
    Resume(&'a ResumeShape),
    /// As [`Symbol::RootRecord`].
    RootRecord,
    /// As [`Symbol::Entry`].
    Entry(&'a Signature),
}

impl<'a> StubKind<'a> {
    /// What the stub of a symbol does.
    ///
    /// # Errors
    /// If the symbol is a defined function or a point record, which are no stubs, or if an offset of
    /// the context block may not fit an instruction.
    pub fn of(
        symbol: &'a Symbol,
        module: &'a Module,
        layout: &InstanceLayout,
    ) -> Result<StubKind<'a>, LowerError> {
        if i32::try_from(layout.size()).is_err() {
            return Err(LowerError::new(stub_name(symbol), Reason::ModuleTooLarge));
        }
        Ok(match symbol {
            Symbol::Function(function) => {
                let decl = &module.functions[*function];
                let FunctionKind::Import {
                    namespace,
                    name,
                    signature,
                } = &decl.kind
                else {
                    return Err(LowerError::new(&decl.name, "the function has a body"));
                };
                let index = function.index() as u64;
                let is_yield = namespace == BUILTIN_NAMESPACE && name == "yield";
                if is_yield && *signature == Signature::asynchronous(&[], &[]) {
                    StubKind::Yield { index }
                } else {
                    StubKind::Helper {
                        helper: Helper::HostCall,
                        index,
                        signature,
                    }
                }
            }
            Symbol::Service(service) => StubKind::Helper {
                helper: service.helper,
                index: service.index,
                signature: &service.signature,
            },
            Symbol::TrapLanding => StubKind::TrapLanding,
            Symbol::Throw(throw) => StubKind::Throw(*throw),
            Symbol::NewContinuation(size) => StubKind::NewContinuation(*size),
            &Symbol::NewSlow(helper, index) => StubKind::NewSlow { helper, index },
            Symbol::Dispatcher => StubKind::Dispatcher,
            Symbol::Resume(shape) => StubKind::Resume(shape),
            Symbol::RootRecord => StubKind::RootRecord,
            Symbol::Entry(signature) => StubKind::Entry(signature),
            Symbol::Point(..) => {
                let name = stub_name(symbol);
                return Err(LowerError::new(name, "a point record is no stub"));
            }
        })
    }
}
