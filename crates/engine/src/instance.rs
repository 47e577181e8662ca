//! An instance: a module with memories, globals and imports of its own.

use crate::backend::{self, Access, Backend, Task};
use crate::error::Error;
use crate::func::TypedFunc;
use crate::imports::Imports;
use crate::module::Module;
use crate::objects::{Objects, check_handles, has_heap};
use crate::state::{Global, Memory, Source, check_reference, global_named, memory_named};
use crate::stats::Stats;
use crate::value::HostValues;
use enjamb_ir::{FuncId, Signature, Val};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::{self, ThreadId};
use std::time::Instant;

/// A module with memories, globals and imports of its own. Copies are cheap and stand for the same
/// instance; a [`TypedFunc`], [`Memory`] or [`Global`] keeps it alive.
///
/// It runs one call from the host at a time, on any thread: while it does, other calls give
/// [`Error::Running`]. After an error it can be called again.
#[derive(Clone)]
pub struct Instance {
    inner: Arc<Inner>,
}

struct Inner {
    module: Module,
    /// Locked while a function runs.
    backend: Mutex<Box<dyn Backend>>,
    /// The thread that has locked it.
    holder: Mutex<Option<ThreadId>>,
    /// Tasks that serve imports of other instances and are to be forgotten: by whom is next inside.
    abandoned: Mutex<Vec<Task>>,
    run_ns: AtomicU64,
}

/// An instance that this thread is inside of.
pub(crate) struct Entered<'a> {
    backend: MutexGuard<'a, Box<dyn Backend>>,
    holder: &'a Mutex<Option<ThreadId>>,
}

impl Deref for Entered<'_> {
    type Target = dyn Backend;
    fn deref(&self) -> &Self::Target {
        &**self.backend
    }
}

impl DerefMut for Entered<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut **self.backend
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        *unpoisoned(self.holder) = None;
    }
}

/// Locks what no panic can leave half changed.
fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Instance of {:?}", self.inner.module)
    }
}

impl Instance {
    /// Makes an instance: links its imports, makes its memories and copies its data.
    ///
    /// # Errors
    /// [`Error::Link`] for an import that nothing satisfies; [`Error::Instantiate`] if a data
    /// segment does not fit or the machine has no memory left.
    pub fn new(module: &Module, imports: &Imports) -> Result<Instance, Error> {
        let functions = imports.resolve(module.ir())?;
        let backend = backend::start(module, functions, module.engine().config())?;
        let inner = Inner {
            module: module.clone(),
            backend: Mutex::new(backend),
            holder: Mutex::new(None),
            abandoned: Mutex::new(Vec::new()),
            run_ns: AtomicU64::new(0),
        };
        Ok(Instance {
            inner: Arc::new(inner),
        })
    }

    /// The module that it is an instance of.
    pub fn module(&self) -> &Module {
        &self.inner.module
    }

    /// A function that is exported by this name or, failing that, has it. Its signature is checked
    /// here and not again.
    ///
    /// # Errors
    /// [`Error::NoExport`], or [`Error::BadCall`] if its signature is another one.
    pub fn func<P: HostValues, R: HostValues>(&self, name: &str) -> Result<TypedFunc<P, R>, Error> {
        let function = self.inner.module.function(name)?;
        let expected = self.module().ir().functions[function].signature();
        let (params, results) = (P::types(), R::types());
        if params != expected.params || results != expected.results {
            let got = Signature {
                params,
                results,
                is_async: expected.is_async,
            };
            return Err(self.bad_call(function, format!("it is asked for as {got}")));
        }
        Ok(TypedFunc::new(self.clone(), function, expected.is_async))
    }

    /// Calls a function by its name with a list of values. An async one is run, with all tasks of
    /// the instance, until it finishes; tasks that are left then end.
    ///
    /// # Errors
    /// [`Error::NoExport`]; [`Error::BadCall`] if number or types of the arguments do not fit;
    /// [`Error::Trap`]; [`Error::Object`] if an argument is a reference that the instance has not given
    /// out; [`Error::Running`] if a host function calls the instance that called it.
    pub fn call(&self, name: &str, arguments: &[Val]) -> Result<Vec<Val>, Error> {
        let function = self.inner.module.function(name)?;
        let ir = self.module().ir();
        let signature = ir.functions[function].signature();
        if arguments.len() != signature.params.len() {
            let got = match arguments.len() {
                1 => "got 1 argument".to_string(),
                count => format!("got {count} arguments"),
            };
            return Err(self.bad_call(function, got));
        }
        for (index, (&argument, &ty)) in arguments.iter().zip(&signature.params).enumerate() {
            if argument.ty() != ty {
                let got = format!("argument {} is of type {}", index + 1, argument.ty());
                return Err(self.bad_call(function, got));
            }
            check_reference(ir, argument).map_err(|got| self.bad_call(function, got))?;
        }
        let mut buffer = Val::to_words(arguments);
        buffer.resize(signature.buffer_words(), 0);
        self.run(function, &mut buffer)?;
        Ok(Val::from_words(&signature.results, &buffer))
    }

    /// A memory that is exported by this name or, failing that, has it.
    ///
    /// # Errors
    /// [`Error::NoExport`].
    pub fn memory(&self, name: &str) -> Result<Memory<'static>, Error> {
        let id = memory_named(self.module().ir(), name)?;
        Ok(Memory::new(Source::Instance(self.clone()), id))
    }

    /// A global variable that is exported by this name or, failing that, has it.
    ///
    /// # Errors
    /// [`Error::NoExport`].
    pub fn global(&self, name: &str) -> Result<Global<'static>, Error> {
        let id = global_named(self.module().ir(), name)?;
        Ok(Global::new(Source::Instance(self.clone()), id))
    }

    /// The objects of the instance.
    pub fn objects(&self) -> Objects<'static> {
        Objects::new(Source::Instance(self.clone()))
    }

    /// The context word that the next call begins with: what was set here, or what a sync function has
    /// left; 0 at first.
    ///
    /// # Errors
    /// [`Error::Running`] from a host function that the instance called.
    pub fn context(&self) -> Result<i64, Error> {
        self.with(|access| access.context())
    }

    /// Sets the context word that the next call begins with. An async function leaves it as it is.
    ///
    /// # Errors
    /// [`Error::Running`] from a host function that the instance called.
    pub fn set_context(&self, word: i64) -> Result<(), Error> {
        self.with(|access| access.set_context(word))
    }

    /// The fuel that is left; below zero it is a debt.
    ///
    /// # Errors
    /// [`Error::Running`] from a host function that the instance called.
    pub fn fuel(&self) -> Result<i64, Error> {
        Ok(self.enter()?.fuel())
    }

    /// Sets the fuel that is left. With slices it lasts no longer than until the next turn.
    ///
    /// # Errors
    /// [`Error::Running`] from a host function that the instance called.
    pub fn set_fuel(&self, amount: i64) -> Result<(), Error> {
        self.enter()?.set_fuel(amount);
        Ok(())
    }

    /// What happened since the instance was made. What concerns suspensions is counted if
    /// [`Config::count`](crate::Config::count) is set.
    ///
    /// # Errors
    /// [`Error::Running`] from a host function that the instance called.
    pub fn stats(&self) -> Result<Stats, Error> {
        let mut backend = self.enter()?;
        let mut heap = None;
        let access = backend.access();
        access.with_objects(&mut |objects| heap = objects.heap_statistics());
        let stats = backend.stats().with_heap(heap);
        Ok(Stats {
            compile_ns: self.inner.module.compile_ns(),
            run_ns: self.inner.run_ns.load(Ordering::Relaxed),
            code_bytes: self.inner.module.code_bytes(),
            ..stats
        })
    }

    /// Runs a function with arguments, and then results, in a buffer.
    pub(crate) fn run(&self, function: FuncId, words: &mut [u64]) -> Result<(), Error> {
        let mut backend = self.enter()?;
        let ir = self.module().ir();
        if has_heap(ir) {
            let params = &ir.functions[function].signature().params;
            check_handles(backend.access(), params, words)?;
        }
        if !self.module().engine().config().count {
            return backend.call(function, words);
        }
        let started = Instant::now();
        let result = backend.call(function, words);
        let elapsed = started.elapsed().as_nanos() as u64;
        self.inner.run_ns.fetch_add(elapsed, Ordering::Relaxed);
        result
    }

    /// The backend, unless it is in use.
    pub(crate) fn enter(&self) -> Result<Entered<'_>, Error> {
        let mut backend = match self.inner.backend.try_lock() {
            Ok(backend) => backend,
            // A host function panicked; memories and globals are as it left them.
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Err(Error::Running),
        };
        let holder = &self.inner.holder;
        *unpoisoned(holder) = Some(thread::current().id());
        for task in std::mem::take(&mut *unpoisoned(&self.inner.abandoned)) {
            backend.abandon(task);
        }
        Ok(Entered { backend, holder })
    }

    /// Whether it is this thread that is inside, so that waiting for it to leave would never end.
    pub(crate) fn is_entered_here(&self) -> bool {
        *unpoisoned(&self.inner.holder) == Some(thread::current().id())
    }

    /// Forgets a task that serves an import of another instance: now, or when somebody enters.
    pub(crate) fn abandon(&self, task: Task) {
        unpoisoned(&self.inner.abandoned).push(task);
        // Entering forgets what is on the list.
        drop(self.enter());
    }

    pub(crate) fn with<R>(&self, reach: impl FnOnce(&mut dyn Access) -> R) -> Result<R, Error> {
        let mut backend = self.enter()?;
        Ok(reach(backend.access()))
    }

    pub(crate) fn bad_call(&self, function: FuncId, got: String) -> Error {
        let declared = &self.module().ir().functions[function];
        Error::BadCall {
            function: declared.name.clone(),
            expected: declared.signature().clone(),
            got,
        }
    }
}
