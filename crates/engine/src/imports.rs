//! What an instance is linked with.

use crate::async_host::{self, IntoAsyncHostFunction};
use crate::border::Border;
use crate::caller::Caller;
use crate::error::{Error, HostError, LinkError};
use crate::fuel::LEAF;
use crate::host::{self, HostFunction, IntoHostFunction};
use crate::instance::Instance;
use crate::remote;
use crate::run::Requests;
use crate::shared_memory::SharedMemory;
use enjamb_ir::hash::KeyedIndexMap;
use enjamb_ir::{Export, FunctionKind, Signature, Val};
use std::sync::Arc;

/// The namespace of the functions that every engine has: the leaves `yield`, `sleep`, `test` and
/// `out_of_fuel`, which suspends until the next turn whatever the schedule; and `collect`, which frees
/// objects that cannot be reached.
pub const BUILTINS: &str = "enjamb";

/// Functions by namespace and name, for the imports of an instance. A later one of the same name
/// replaces an earlier one.
///
/// ```
/// use enjamb_engine::{Caller, Error, Imports};
///
/// let mut imports = Imports::new();
/// imports
///     .func("math", "gcd", |a: u64, b: u64| if b == 0 { a } else { a % b })
///     .func("env", "fail", || -> Result<i64, &str> { Err("no environment") })
///     .func("env", "first_byte", |caller: &Caller<'_>| -> Result<u8, Error> {
///         let mut byte = [0];
///         caller.memory("heap")?.read(0, &mut byte)?;
///         Ok(byte[0])
///     });
/// ```
#[derive(Clone, Debug, Default)]
pub struct Imports {
    functions: KeyedIndexMap<(String, String), HostFunction>,
    pub(crate) memories: KeyedIndexMap<String, SharedMemory>,
}

impl Imports {
    /// No functions. Those of namespace [`BUILTINS`] need not be given.
    pub fn new() -> Self {
        Self::default()
    }

    /// A Rust closure of numbers. It may take the [`Caller`] first, and return its
    /// results or a `Result` of them; an error is thrown at the call, as an
    /// exception with the tag [`Exception::HOST_ERROR`](crate::Exception::HOST_ERROR).
    pub fn func<Parameters, Return>(
        &mut self,
        namespace: &str,
        name: &str,
        function: impl IntoHostFunction<Parameters, Return>,
    ) -> &mut Self {
        self.insert(namespace, name, function.into_host_function())
    }

    /// A Rust closure over a list of values, of a signature that is known when the program runs.
    pub fn func_untyped(
        &mut self,
        namespace: &str,
        name: &str,
        signature: Signature,
        function: impl Fn(&Caller<'_>, &[Val]) -> Result<Vec<Val>, HostError> + Send + Sync + 'static,
    ) -> &mut Self {
        self.insert(namespace, name, host::untyped(signature, function))
    }

    /// A Rust closure of numbers that gives a future, for an async import. It may take the [`Caller`]
    /// first, which is good until the closure has made its future, and the future may give what a closure
    /// for [`Imports::func`] may return.
    ///
    /// The future is polled once on the spot. If it is ready, nothing is suspended and nothing allocated.
    /// Otherwise the calling task waits until a waker of it is woken, from whatever thread, and the future
    /// is polled by whoever drives the instance. It is dropped when its task ends. While it is polled the
    /// instance is in use: it cannot call it, and what it needs of memories and objects the closure gets
    /// from the [`Caller`]. What it brings for them it gives as a [`Completion`](crate::Completion). References among the arguments are good as long as the future. A panic in it is
    /// the exception [`Exception::HOST_PANIC`](crate::Exception::HOST_PANIC) at the call.
    ///
    /// On the interpreter, a call waits for its future on the spot, with all tasks, and blocks the thread.
    ///
    /// ```
    /// use enjamb_engine::Imports;
    ///
    /// let mut imports = Imports::new();
    /// imports.async_func("store", "get", |key: i64| async move { Ok::<i64, String>(key * 2) });
    /// ```
    pub fn async_func<Parameters, Return>(
        &mut self,
        namespace: &str,
        name: &str,
        function: impl IntoAsyncHostFunction<Parameters, Return>,
    ) -> &mut Self {
        self.insert(namespace, name, function.into_host_function())
    }

    /// The same over a list of values, of a signature that is known when the program runs.
    pub fn async_func_untyped<F>(
        &mut self,
        namespace: &str,
        name: &str,
        signature: Signature,
        function: impl Fn(&Caller<'_>, &[Val]) -> F + Send + Sync + 'static,
    ) -> &mut Self
    where
        F: Future<Output = Result<Vec<Val>, HostError>> + Send + 'static,
    {
        self.insert(namespace, name, async_host::untyped(signature, function))
    }

    /// An async function of any signature that the host answers when it likes: its calls become
    /// [`Requests`], most of all for an [`Instance::start`].
    pub fn request(
        &mut self,
        namespace: &str,
        name: &str,
        signature: Signature,
        requests: &Requests,
    ) -> &mut Self {
        self.insert(namespace, name, requests.function(name, signature))
    }

    /// Every function that another instance exports. While an async one waits, the task that
    /// called it is suspended, if machine code runs both instances; otherwise it runs to its end
    /// first.
    pub fn instance(&mut self, namespace: &str, exporter: &Instance) -> &mut Self {
        let ir = exporter.module().ir();
        for (name, export) in &ir.exports {
            let &Export::Function(function) = export else {
                continue;
            };
            let exporter = exporter.clone();
            let signature = ir.functions[function].signature().clone();
            if signature.is_async {
                self.insert(namespace, name, remote::host_function(exporter, function));
                continue;
            }
            let types = signature.clone();
            let code = Arc::new(move |caller: &Caller<'_>, words: &mut [u64]| {
                let border = Border::new(caller.module(), exporter.module().ir());
                border.check(&Val::from_words(&types.params, words))?;
                let outcome = exporter.run(function, words);
                border.outcome(&exporter, &types.results, words, outcome)?;
                Ok(None)
            });
            let function = HostFunction { signature, code };
            self.insert(namespace, name, function);
        }
        self
    }

    /// Gives instances a memory that others use too, in place of the one that a module declares by this name. It
    /// has to have as many pages as that at the start, and may get no more than that. On the interpreter each
    /// instance has memories of its own: there, making one fails with [`Error::Instantiate`].
    pub fn memory(&mut self, name: &str, memory: &SharedMemory) -> &mut Self {
        self.memories.insert(name.to_string(), memory.clone());
        self
    }

    fn insert(&mut self, namespace: &str, name: &str, function: HostFunction) -> &mut Self {
        self.functions
            .insert((namespace.to_string(), name.to_string()), function);
        self
    }

    /// The host functions for the imports of a module, by function; `None` for builtins and for
    /// functions with a body.
    pub(crate) fn resolve(
        &self,
        module: &enjamb_ir::Module,
    ) -> Result<Vec<Option<HostFunction>>, Error> {
        let resolve = |kind: &FunctionKind| match kind {
            FunctionKind::Body(_) => Ok(None),
            FunctionKind::Import {
                namespace,
                name,
                signature,
            } => self.resolve_import(namespace, name, signature),
        };
        module
            .functions
            .values()
            .map(|declared| resolve(&declared.kind))
            .collect()
    }

    /// A function that cannot suspend serves an async import as well; it finishes at once.
    fn resolve_import(
        &self,
        namespace: &str,
        name: &str,
        expected: &Signature,
    ) -> Result<Option<HostFunction>, Error> {
        let error = |found: Option<Signature>| {
            Err(Error::Link(Box::new(LinkError {
                namespace: namespace.to_string(),
                name: name.to_string(),
                expected: expected.clone(),
                found,
            })))
        };
        let key = (namespace.to_string(), name.to_string());
        if let Some(given) = self.functions.get(&key) {
            let found = &given.signature;
            let fits = found.params == expected.params
                && found.results == expected.results
                && (expected.is_async || !found.is_async);
            return if fits {
                Ok(Some(given.clone()))
            } else {
                error(Some(found.clone()))
            };
        }
        match builtin(namespace, name) {
            Some(signature) if signature == *expected => Ok(None),
            found => error(found),
        }
    }
}

/// The signature of a function that every engine has.
fn builtin(namespace: &str, name: &str) -> Option<Signature> {
    use enjamb_ir::Type::I64;
    match (namespace, name) {
        (BUILTINS, LEAF) => Some(Signature::asynchronous(&[], &[])),
        (BUILTINS, "yield") => Some(Signature::asynchronous(&[], &[])),
        (BUILTINS, "sleep") => Some(Signature::asynchronous(&[I64], &[])),
        (BUILTINS, "collect") => Some(Signature::sync(&[], &[])),
        (BUILTINS, "test") => Some(Signature::asynchronous(&[I64], &[I64])),
        _ => None,
    }
}
