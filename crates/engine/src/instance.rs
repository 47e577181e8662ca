//! An instance: a module with memories, globals and imports of its own.

use crate::backend::{self, Access, Backend, Errand, Started};
use crate::call::{Drive, UntypedCall, may_block};
use crate::error::Error;
use crate::func::TypedFunc;
use crate::imports::Imports;
use crate::module::Module;
use crate::monitor::{Monitor, Paper};
use crate::objects::{Objects, check_handles, has_heap};
use crate::run::{Requests, Run};
use crate::state::{Global, Memory, Source, check_reference, global_named, memory_named};
use crate::stats::Stats;
use crate::task::{Spawned, UntypedTask};
use crate::tasks::Tasks;
use crate::value::HostValues;
use enjamb_ir::{FuncId, Signature, Val};
use enjamb_runtime::{AlreadyInside, Entry, Ticket};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::task::Waker;
use std::time::Instant;

/// A module with memories, globals and imports of its own. Copies are cheap and stand for the same
/// instance; a [`TypedFunc`], [`Memory`] or [`Global`] keeps it alive.
///
/// One thread at a time is inside of it: while it is, calls that block give [`Error::Running`], and a
/// [`Call`](crate::Call) waits for it to leave. Any number of those can be under way. After an error it can
/// be called again.
#[derive(Clone)]
pub struct Instance {
    inner: Arc<Inner>,
}

struct Inner {
    module: Module,
    entry: Entry<Box<dyn Backend>>,
    monitor: OnceLock<Monitor>,
    run_ns: AtomicU64,
}

/// What does not keep an instance alive.
#[derive(Clone)]
pub(crate) struct WeakInstance(Weak<Inner>);

impl WeakInstance {
    /// The instance, if it is alive.
    pub(crate) fn upgrade(&self) -> Option<Instance> {
        Some(Instance {
            inner: self.0.upgrade()?,
        })
    }
}

/// An instance that this thread is inside of.
pub(crate) struct Entered<'a> {
    backend: enjamb_runtime::Entered<'a, Box<dyn Backend>>,
    inner: &'a Inner,
}

/// Adds to the time that an instance has run.
pub(crate) struct Measure<'a> {
    run_ns: &'a AtomicU64,
    started: Option<Instant>,
}

impl Drop for Measure<'_> {
    fn drop(&mut self) {
        if let Some(started) = self.started {
            let elapsed = started.elapsed().as_nanos() as u64;
            self.run_ns.fetch_add(elapsed, Ordering::Relaxed);
        }
    }
}

impl<'a> Entered<'a> {
    /// Measures the time until the measure is dropped, if things are counted.
    pub(crate) fn measure(&self) -> Measure<'a> {
        let count = self.inner.module.engine().config().count;
        Measure {
            run_ns: &self.inner.run_ns,
            started: count.then(Instant::now),
        }
    }

    /// Starts a call with arguments in a buffer. Who has noted what became of it hands over.
    pub(crate) fn start(&mut self, function: FuncId, words: &mut [u64]) -> Result<Started, Error> {
        start(&self.inner.module, &mut **self.backend, function, words)
    }
}

/// Starts a call with arguments in a buffer. Who has noted what became of it hands over.
pub(crate) fn start(
    module: &Module,
    backend: &mut dyn Backend,
    function: FuncId,
    words: &mut [u64],
) -> Result<Started, Error> {
    check_arguments(module, backend, function, words)?;
    backend.start(function, words)
}

fn check_arguments(
    module: &Module,
    backend: &mut dyn Backend,
    function: FuncId,
    words: &[u64],
) -> Result<(), Error> {
    let ir = module.ir();
    if !has_heap(ir) {
        return Ok(());
    }
    let params = &ir.functions[function].signature().params;
    check_handles(backend.access(), params, words)
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
        let backend = backend::start(module, imports, module.engine().config())?;
        let inner = Inner {
            module: module.clone(),
            monitor: OnceLock::new(),
            entry: Entry::new(backend),
            run_ns: AtomicU64::new(0),
        };
        let inner = Arc::new(inner);
        let instance = Instance { inner };
        if let Some(spawner) = &module.engine().config().spawner {
            let weak = WeakInstance(Arc::downgrade(&instance.inner));
            instance.enter()?.set_spawner(spawner.clone(), weak);
        }
        Ok(instance)
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

    /// Calls a function by its name with a list of values, as [`TypedFunc::call`] does; an async one as
    /// [`TypedFunc::block_on`] does.
    ///
    /// # Errors
    /// [`Error::NoExport`]; [`Error::BadCall`] if number or types of the arguments do not fit;
    /// [`Error::Trap`]; [`Error::Object`] if an argument is a reference that the instance has not given
    /// out; [`Error::Running`] while somebody is inside of the instance, as a host function is that it called;
    /// [`Error::InsideExecutor`] if the function is async.
    pub fn call(&self, name: &str, arguments: &[Val]) -> Result<Vec<Val>, Error> {
        let (function, mut buffer) = self.untyped_call(name, arguments)?;
        let signature = self.module().ir().functions[function].signature();
        if signature.is_async {
            may_block()?;
        }
        self.run(function, &mut buffer)?;
        Ok(Val::from_words(&signature.results, &buffer))
    }

    /// Calls a function by its name with a list of values, as [`TypedFunc::call_async`] does.
    ///
    /// # Errors
    /// [`Error::NoExport`]; [`Error::BadCall`].
    pub fn call_async(&self, name: &str, arguments: &[Val]) -> Result<UntypedCall, Error> {
        let (function, buffer) = self.untyped_call(name, arguments)?;
        Ok(UntypedCall::new(self.clone(), function, buffer))
    }

    /// Calls a function by its name for a host with a loop of its own, without executors: nothing runs
    /// until [`Run::resume`], which says why it stopped. `waker` is woken when it can go on.
    ///
    /// ```
    /// use enjamb_engine::{Engine, Imports, Instance, Module, Requests, Signature, Stop, Type, Val};
    /// use std::task::Waker;
    ///
    /// # let Ok(engine) = Engine::jit() else { return Ok(()) };
    /// let module = Module::from_text(&engine, r#"
    ///     import %ask = "host" "ask" (i64) -> i64 async
    ///     function %main(i64) -> i64 async {
    ///     block0(v0: i64):
    ///         v1 = call %ask(v0)
    ///         v2 = iadd v1, v0
    ///         return v2
    ///     }
    /// "#)?;
    /// let (requests, mut imports) = (Requests::new(), Imports::new());
    /// imports.request("host", "ask", Signature::asynchronous(&[Type::I64], &[Type::I64]), &requests);
    /// let instance = Instance::new(&module, &imports)?;
    /// let mut run = instance.start("main", &[Val::I64(2)], &requests, Waker::noop())?;
    /// let results = loop {
    ///     match run.resume()? {
    ///         Stop::Finished(results) => break results,
    ///         Stop::Requested(request) => request.answer(Ok(vec![Val::I64(40)])),
    ///         Stop::Yielded | Stop::Waiting => {}
    ///     }
    /// };
    /// assert_eq!(results, [Val::I64(42)]);
    /// # Ok::<(), enjamb_engine::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NoExport`]; [`Error::BadCall`].
    pub fn start(
        &self,
        name: &str,
        arguments: &[Val],
        requests: &Requests,
        waker: &Waker,
    ) -> Result<Run, Error> {
        Ok(Run::new(self.call_async(name, arguments)?, requests, waker))
    }

    /// Spawns a function by its name with a list of values, as [`TypedFunc::spawn`] does.
    ///
    /// # Errors
    /// As there, and [`Error::NoExport`].
    pub fn spawn(&self, name: &str, arguments: &[Val]) -> Result<UntypedTask, Error> {
        let (function, mut buffer) = self.untyped_call(name, arguments)?;
        Ok(UntypedTask::new(Spawned::new(self, function, &mut buffer)?))
    }

    /// Runs, while it is awaited, the tasks that are left of earlier calls or that nobody joins. It is ready
    /// when none of them waits for anything that can happen.
    ///
    /// Tasks that nobody drives go on when the instance is entered: right before a function is called, each of those
    /// that can run has one turn; and they run while a call waits.
    ///
    /// ```
    /// use enjamb_engine::{Engine, Imports, Instance, Module, Val};
    ///
    /// # let Ok(engine) = Engine::jit() else { return Ok(()) };
    /// let module = Module::from_text(&engine, r#"
    ///     import %sleep = "enjamb" "sleep" (i64) async
    ///     global %done: i64 = 0
    ///     function %later(i64) async {
    ///     block0(v0: i64):
    ///         call %sleep(v0)
    ///         global_set %done, v0
    ///         return
    ///     }
    ///     function %main() {
    ///     block0:
    ///         v0 = iconst.i64 5
    ///         v1 = spawn %later(v0)
    ///         detach v1
    ///         return
    ///     }
    /// "#)?;
    /// let instance = Instance::new(&module, &Imports::new())?;
    /// instance.call("main", &[])?;
    /// let done = instance.global("done")?;
    /// assert_eq!(done.get()?, Val::I64(0));
    /// futures::executor::block_on(instance.drive())?;
    /// assert_eq!(done.get()?, Val::I64(5));
    /// # Ok::<(), enjamb_engine::Error>(())
    /// ```
    pub fn drive(&self) -> Drive {
        Drive::new(self.clone())
    }

    /// Ends the tasks of the instance where they stand: those that calls have left, and those that calls under way
    /// have spawned. What they wait for is dropped and no handler of theirs runs, as when an instance is dropped. Calls
    /// and tasks of the host's go on; one that has joined a task that ends so gets the exception with tag
    /// [`Exception::CANCELLED`](enjamb_ir::Exception::CANCELLED).
    ///
    /// # Errors
    /// [`Error::Running`] while somebody is inside of the instance, as a host function is that it called.
    pub fn end_tasks(&self) -> Result<(), Error> {
        let mut entered = self.enter()?;
        entered.end_tasks();
        entered.hand_over();
        Ok(())
    }

    /// The function of a name, and a buffer with arguments that fit it.
    fn untyped_call(&self, name: &str, arguments: &[Val]) -> Result<(FuncId, Vec<u64>), Error> {
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
        Ok((function, buffer))
    }

    /// Replaces a function of this instance by that of the same name in another module, which may differ from
    /// that of the instance in nothing but the bodies of functions and was made by an engine of the same
    /// settings, [`Config::replaceable`](crate::Config::replaceable) among them.
    ///
    /// Calls that begin later run the new body: from the host, from this and every other function, by
    /// reference, by `spawn`, and calls of itself. What has begun goes on in the body that it began in, if it
    /// is suspended for days, until its frame is gone; its handlers still catch, and stack traces show the
    /// source that it was made from. The code of a body that was replaced is freed when another function is
    /// replaced or the last task of the instance ends, and no suspended frame needs it; that of the module
    /// of the instance stays with the instance.
    ///
    /// The module stays one of its own and [`Instance::module`] the one it was. To undo a replacement, replace
    /// the function by that of the instance's module.
    ///
    /// ```
    /// use enjamb_engine::{Config, Engine, Imports, Instance, Module};
    ///
    /// # if Engine::jit().is_err() { return Ok(()) };
    /// let engine = Engine::new(Config::new().replaceable(true))?;
    /// let text = "function %price(i64) -> i64 {
    /// block0(v0: i64):
    ///     v1 = iadd v0, v0
    ///     return v1
    /// }";
    /// let instance = Instance::new(&Module::from_text(&engine, text)?, &Imports::new())?;
    /// let price = instance.func::<(i64,), i64>("price")?;
    /// assert_eq!(price.call((5,))?, 10);
    /// let better = Module::from_text(&engine, &text.replace("iadd", "imul"))?;
    /// instance.replace("price", &better)?;
    /// assert_eq!(price.call((5,))?, 25);
    /// # Ok::<(), enjamb_engine::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NoExport`]; [`Error::Replace`] says what is different or missing; [`Error::Running`] while
    /// somebody is inside of the instance, as a host function is that it called.
    pub fn replace(&self, name: &str, module: &Module) -> Result<(), Error> {
        let function = self.inner.module.function(name)?;
        self.check_replacement(function, module)
            .map_err(|reason| Error::Replace {
                function: name.to_string(),
                reason,
            })?;
        self.enter()?.replace(function, module)
    }

    fn check_replacement(&self, function: FuncId, module: &Module) -> Result<(), String> {
        let config = self.module().engine().config();
        let ir = self.module().ir();
        if config != module.engine().config() {
            return Err("the engines of the modules have different settings".to_string());
        }
        if !config.replaceable {
            return Err("`Config::replaceable` is not set".to_string());
        }
        if ir.functions[function].body().is_none() {
            return Err("the module imports it".to_string());
        }
        enjamb_ir::check_replacement(ir, module.ir())
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

    /// The tasks of the instance that exist: what each one does or waits for, where it stands and what it
    /// holds. While they are looked at nobody else is inside of the instance.
    ///
    /// A call that is awaited is a task, from its first suspension until its results have been taken. Tasks that a
    /// call has left are there until they have ended and, unless they are detached, somebody has joined them.
    /// A host function sees the same, while a call blocks, with [`Caller::tasks`](crate::Caller::tasks).
    ///
    /// ```
    /// use enjamb_engine::{Engine, Imports, Instance, Module};
    /// use std::task::{Context, Waker};
    ///
    /// # let Ok(engine) = Engine::jit() else { return Ok(()) };
    /// let module = Module::from_text(&engine, r#"
    ///     import %fetch = "host" "fetch" (i64) -> i64 async
    ///     function %twice(i64) -> i64 async {
    ///     block0(v0: i64):
    ///         v1 = call %fetch(v0)
    ///         v2 = iadd v1, v1
    ///         return v2
    ///     }
    /// "#)?;
    /// let mut imports = Imports::new();
    /// imports.async_func("host", "fetch", |_: i64| std::future::pending::<i64>());
    /// let instance = Instance::new(&module, &imports)?;
    /// let twice = instance.func::<(i64,), i64>("twice")?;
    /// let mut call = Box::pin(twice.call_async((21,)));
    /// assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    ///
    /// let task = instance.tasks()?.next().unwrap();
    /// let expected = format!(
    ///     "task {} %twice waits for %fetch, 88 bytes\n    %twice: `v1 = call %fetch(v0)`\n",
    ///     task.task,
    /// );
    /// assert_eq!(task.to_string(), expected);
    /// # Ok::<(), enjamb_engine::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Running`] while a function runs.
    pub fn tasks(&self) -> Result<Tasks<'_>, Error> {
        Ok(Tasks::of_instance(self.enter()?))
    }

    /// The objects of the instance.
    pub fn objects(&self) -> Objects<'static> {
        Objects::new(Source::Instance(self.clone()))
    }

    /// The context word that the next call begins with: what was set here, or what a sync function has
    /// left; 0 at first.
    ///
    /// # Errors
    /// [`Error::Running`] while somebody is inside of the instance, as a host function is that it called.
    pub fn context(&self) -> Result<i64, Error> {
        self.with(|access| access.context())
    }

    /// Sets the context word that the next call begins with. An async function leaves it as it is.
    ///
    /// # Errors
    /// [`Error::Running`] while somebody is inside of the instance, as a host function is that it called.
    pub fn set_context(&self, word: i64) -> Result<(), Error> {
        self.with(|access| access.set_context(word))
    }

    /// The fuel that is left; below zero it is a debt.
    ///
    /// # Errors
    /// [`Error::Running`] while somebody is inside of the instance, as a host function is that it called.
    pub fn fuel(&self) -> Result<i64, Error> {
        Ok(self.enter()?.fuel())
    }

    /// Sets the fuel that is left. With slices it lasts no longer than until the next turn.
    ///
    /// # Errors
    /// [`Error::Running`] while somebody is inside of the instance, as a host function is that it called.
    pub fn set_fuel(&self, amount: i64) -> Result<(), Error> {
        self.enter()?.set_fuel(amount);
        Ok(())
    }

    /// Times that another thread has entered than the one before, since the instance was made. It can be asked
    /// while a thread is inside.
    pub fn hand_overs(&self) -> u64 {
        self.inner.entry.hand_overs()
    }

    /// What happened since the instance was made. What concerns suspensions is counted if
    /// [`Config::count`](crate::Config::count) is set.
    ///
    /// # Errors
    /// [`Error::Running`] while somebody is inside of the instance, as a host function is that it called.
    pub fn stats(&self) -> Result<Stats, Error> {
        let mut backend = self.enter()?;
        let mut heap = None;
        let access = backend.access();
        access.with_objects(&mut |objects| heap = objects.heap_statistics());
        let stats = access.stats().with_heap(heap);
        Ok(self.with_times(stats))
    }

    /// Numbers with times and sizes that the backend does not know.
    fn with_times(&self, stats: Stats) -> Stats {
        Stats {
            compile_ns: self.inner.module.compile_ns(),
            run_ns: self.inner.run_ns.load(Ordering::Relaxed),
            code_bytes: self.inner.module.code_bytes(),
            ..stats
        }
    }

    /// What shows the numbers of [`Instance::stats`] to other threads while a function runs.
    ///
    /// # Errors
    /// [`Error::Running`] while a function runs, unless the instance has been asked for one before.
    pub fn monitor(&self) -> Result<Monitor, Error> {
        if let Some(monitor) = self.inner.monitor.get() {
            return Ok(monitor.clone());
        }
        let mut backend = self.enter()?;
        let monitor = self.inner.monitor.get_or_init(|| {
            let paper = Paper::new(self.with_times(Stats::default()));
            let waker = backend.watch(paper.clone());
            paper.monitor(waker)
        });
        Ok(monitor.clone())
    }

    /// Runs a function with arguments, and then results, in a buffer.
    pub(crate) fn run(&self, function: FuncId, words: &mut [u64]) -> Result<(), Error> {
        let mut entered = self.enter()?;
        let _time = entered.measure();
        entered.backend.give_turns();
        check_arguments(self.module(), &mut *entered, function, words)?;
        let result = entered.backend.call(function, words);
        entered.backend.hand_over();
        result
    }

    /// The backend, unless it is in use.
    pub(crate) fn enter(&self) -> Result<Entered<'_>, Error> {
        let backend = self.inner.entry.enter().ok_or(Error::Running)?;
        Ok(self.entered(backend))
    }

    /// The backend; or nothing if another thread is inside, and then the waker is woken when it has left.
    pub(crate) fn enter_or_wait(
        &self,
        ticket: &mut Option<Ticket>,
        waker: &Waker,
    ) -> Result<Option<Entered<'_>>, Error> {
        let backend = self.inner.entry.enter_or_wait(ticket, waker);
        let backend = backend.map_err(|AlreadyInside| Error::Running)?;
        Ok(backend.map(|backend| self.entered(backend)))
    }

    fn entered<'a>(
        &'a self,
        backend: enjamb_runtime::Entered<'a, Box<dyn Backend>>,
    ) -> Entered<'a> {
        let inner = &*self.inner;
        Entered { backend, inner }
    }

    /// Whether this thread is inside.
    pub(crate) fn is_held_here(&self) -> bool {
        self.inner.entry.is_inside()
    }

    /// Has something done: now, or when whoever is inside leaves.
    pub(crate) fn ask(&self, errand: Errand) {
        self.inner.entry.ask(errand);
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
