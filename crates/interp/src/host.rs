//! Functions that a module imports: the builtin leaves and those of the host.

use crate::error::{Error, Stop};
use crate::heap::{EachReference, Heap};
use crate::host_objects::{exception_from_host, from_host, to_host};
use crate::inspect::{Inspect, View};
use crate::machine::Machine;
use crate::memory::Memory;
use crate::object::Tasks;
use crate::options::Stats;
use crate::stack::{Stack, Wait};
use crate::value::Cell;
use enjamb_ir::hash::KeyedHashMap;
use enjamb_ir::host_objects::ObjectError;
use enjamb_ir::{
    Entity, Exception, Export, FuncId, FunctionKind, GlobalId, MemoryId, Module, Named, PrimaryMap,
    Signature, TaskCursor, TaskInfo, Trace, TraceLimits, Type, Val,
};
use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

/// The namespace of the builtin leaves.
const BUILTIN: &str = "enjamb";

type Function<'a> = dyn FnMut(&mut HostContext<'_>, &[Val]) -> Result<Vec<Val>, HostError> + 'a;

/// Why a host function gave no results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostError {
    /// It failed: the exception [`Exception::HOST_ERROR`] with this message.
    Failed(String),
    /// It threw this exception.
    Threw(Exception),
    /// It panicked: the exception [`Exception::HOST_PANIC`] with this message.
    Panicked(String),
}

impl HostError {
    /// The exception that is thrown at the call, and what is to be said about it.
    fn into_exception(self) -> (Exception, Option<String>) {
        let of_tag = |tag| Exception { tag, payload: None };
        match self {
            HostError::Threw(exception) => (exception, None),
            HostError::Failed(message) => (of_tag(Exception::HOST_ERROR), Some(message)),
            HostError::Panicked(message) => (of_tag(Exception::HOST_PANIC), Some(message)),
        }
    }

    fn panicked(payload: &(dyn Any + Send)) -> Self {
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        HostError::Panicked(format!("panicked: {}", text.unwrap_or("(no message)")))
    }
}

impl From<String> for HostError {
    fn from(message: String) -> Self {
        HostError::Failed(message)
    }
}

impl From<Exception> for HostError {
    fn from(exception: Exception) -> Self {
        HostError::Threw(exception)
    }
}

/// What a host function can reach of the instance that calls it.
pub struct HostContext<'c> {
    module: &'c Module,
    memories: &'c mut [Memory],
    globals: &'c mut [Cell],
    tasks: &'c dyn Inspect,
    stats: Stats,
    heap: Option<&'c mut Heap>,
    context: &'c mut u64,
    /// Visits the references of tasks.
    references: EachReference<'c>,
}

impl fmt::Debug for HostContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HostContext")
    }
}

impl HostContext<'_> {
    /// The memory with this name, or exported under it.
    pub fn memory(&mut self, name: &str) -> Option<&mut Memory> {
        let memory = memory_named(self.module, name)?;
        self.memories.get_mut(memory.index())
    }

    /// The logical stacks of the tasks that are suspended, in the order in which they were started.
    pub fn stacks(&self, limits: TraceLimits) -> Vec<Trace> {
        self.tasks.stacks(limits)
    }

    /// What happened since the instance was made.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// A walk over the tasks that exist, for [`HostContext::next_task`].
    pub fn task_cursor(&self) -> TaskCursor {
        self.tasks.cursor()
    }

    /// The next task of a walk, with no more of its logical stack than the limits say.
    pub fn next_task(&self, cursor: &mut TaskCursor, limits: TraceLimits) -> Option<TaskInfo> {
        self.tasks.next(cursor, limits, *self.context)
    }

    /// The context word of the task that calls.
    pub fn context(&self) -> i64 {
        *self.context as i64
    }

    /// Gives the task that calls another context word. A function that stands for an async import has
    /// no effect on its caller.
    pub fn set_context(&mut self, word: i64) {
        *self.context = word as u64;
    }

    /// All memories, in order of declaration.
    pub fn memories(&self) -> &[Memory] {
        self.memories
    }

    /// All memories, for writing.
    pub fn memories_mut(&mut self) -> &mut [Memory] {
        self.memories
    }

    /// The value of a global variable.
    pub fn global_at(&self, global: GlobalId) -> Val {
        global_value(self.module, self.heap.as_deref(), self.globals, global)
    }

    /// Gives a global variable a value.
    ///
    /// # Errors
    /// [`Error::BadCall`] if it has another type.
    pub fn set_global_at(&mut self, global: GlobalId, value: Val) -> Result<(), Error> {
        let heap = self.heap.as_deref();
        set_global_value(self.module, heap, self.globals, global, value)
    }

    pub(crate) fn heap(&self) -> Result<&Heap, ObjectError> {
        self.heap.as_deref().ok_or(ObjectError::NoHeap)
    }

    pub(crate) fn heap_mut(&mut self) -> Result<&mut Heap, ObjectError> {
        self.heap.as_deref_mut().ok_or(ObjectError::NoHeap)
    }

    /// Hands over the heap and what visits all references outside of it.
    pub(crate) fn with_heap<T>(
        &mut self,
        work: impl FnOnce(&mut Heap, EachReference<'_>) -> T,
    ) -> Result<T, ObjectError> {
        let heap = self.heap.as_deref_mut().ok_or(ObjectError::NoHeap)?;
        let globals = &self.globals;
        let references = self.references;
        Ok(work(heap, &|visit| {
            globals.iter().for_each(|cell| visit(cell.bits));
            references(visit);
        }))
    }

    pub(crate) fn function_count(&self) -> usize {
        self.module.function_count()
    }
}

/// The value of a global variable.
pub(crate) fn global_value(
    module: &Module,
    heap: Option<&Heap>,
    globals: &[Cell],
    global: GlobalId,
) -> Val {
    to_host(heap, globals[global.index()], module.globals[global].ty)
}

/// Gives a global variable a value of its type.
pub(crate) fn set_global_value(
    module: &Module,
    heap: Option<&Heap>,
    globals: &mut [Cell],
    global: GlobalId,
    value: Val,
) -> Result<(), Error> {
    let decl = &module.globals[global];
    if value.ty() != decl.ty {
        let (name, ty) = (&decl.name, decl.ty);
        let message = format!("global %{name} is {ty}, not {}", value.ty());
        return Err(Error::BadCall(message));
    }
    check_reference(module, value)?;
    let cell = from_host(heap, value).map_err(|stale| Error::BadCall(stale.to_string()))?;
    globals[global.index()] = cell;
    Ok(())
}

/// Rejects a reference to no function.
pub(crate) fn check_reference(module: &Module, value: Val) -> Result<(), Error> {
    match value {
        Val::FuncRef(Some(function)) if function.index() >= module.function_count() => Err(
            Error::BadCall(format!("{function} is no function of the module")),
        ),
        _ => Ok(()),
    }
}

/// The memory that a name stands for.
pub(crate) fn memory_named(module: &Module, name: &str) -> Option<MemoryId> {
    match (module.exports.get(name), module.named(name)) {
        (Some(&Export::Memory(memory)), _) | (_, Some(Named::Memory(memory))) => Some(memory),
        _ => None,
    }
}

/// The functions that a host offers to modules.
///
/// A function takes and gives values of the types that the importing module declares; an error is
/// the exception [`Exception::HOST_ERROR`] at its call, a panic [`Exception::HOST_PANIC`]. It may also stand for an async import, which then
/// never suspends. The leaves of namespace `enjamb` are always there.
#[derive(Clone, Default)]
pub struct Imports<'a> {
    functions: KeyedHashMap<(String, String), Rc<RefCell<Function<'a>>>>,
}

impl fmt::Debug for Imports<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names: Vec<_> = self.functions.keys().collect();
        names.sort();
        f.debug_set().entries(names).finish()
    }
}

impl<'a> Imports<'a> {
    /// No functions but the builtin ones.
    pub fn new() -> Self {
        Self::default()
    }

    /// Offers a function under a namespace and a name.
    pub fn function(
        self,
        namespace: &str,
        name: &str,
        mut function: impl FnMut(&[Val]) -> Result<Vec<Val>, String> + 'a,
    ) -> Self {
        self.function_with_context(namespace, name, move |_, args| function(args))
    }

    /// Offers a function that can reach the memories of the instance that calls it.
    pub fn function_with_context(
        self,
        namespace: &str,
        name: &str,
        mut function: impl FnMut(&mut HostContext<'_>, &[Val]) -> Result<Vec<Val>, String> + 'a,
    ) -> Self {
        self.throwing_function(namespace, name, move |context, args| {
            function(context, args).map_err(HostError::Failed)
        })
    }

    /// Offers a function that may throw exceptions.
    pub fn throwing_function(
        mut self,
        namespace: &str,
        name: &str,
        function: impl FnMut(&mut HostContext<'_>, &[Val]) -> Result<Vec<Val>, HostError> + 'a,
    ) -> Self {
        let key = (namespace.to_string(), name.to_string());
        self.functions.insert(key, Rc::new(RefCell::new(function)));
        self
    }
}

/// A call of a host function, for comparison with other engines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostCall {
    /// The namespace of the function.
    pub namespace: String,
    /// The name of the function.
    pub name: String,
    /// What it was called with.
    pub args: Vec<Val>,
    /// What it gave.
    pub results: Result<Vec<Val>, HostError>,
}

/// What an import of a module stands for.
pub(crate) enum Import<'a> {
    Yield,
    Sleep,
    Test,
    OutOfFuel,
    Collect,
    Host(Rc<RefCell<Function<'a>>>),
}

/// What came of the call of an import.
pub(crate) enum Called {
    Ready(Vec<Cell>),
    /// It threw, with what is to be said about that.
    Threw(Exception, Option<String>),
    /// The task has to wait; the results are for when it goes on.
    Waits(Wait, Vec<Cell>),
}

/// Finds what each import of a module stands for; functions with bodies have nothing.
pub(crate) fn resolve<'a>(
    module: &Module,
    imports: &Imports<'a>,
) -> Result<PrimaryMap<FuncId, Option<Import<'a>>>, Error> {
    let resolve = |kind: &FunctionKind| match kind {
        FunctionKind::Body(_) => Ok(None),
        FunctionKind::Import {
            namespace,
            name,
            signature,
        } => resolve_one(imports, namespace, name, signature).map(Some),
    };
    module
        .functions
        .values()
        .map(|decl| resolve(&decl.kind))
        .collect::<Result<Vec<_>, _>>()
        .map(|imports| imports.into_iter().collect())
}

fn resolve_one<'a>(
    imports: &Imports<'a>,
    namespace: &str,
    name: &str,
    signature: &Signature,
) -> Result<Import<'a>, Error> {
    let builtin = match (namespace, name) {
        (BUILTIN, "yield") => Some((Import::Yield, Signature::asynchronous(&[], &[]))),
        (BUILTIN, "out_of_fuel") => Some((Import::OutOfFuel, Signature::asynchronous(&[], &[]))),
        (BUILTIN, "collect") => Some((Import::Collect, Signature::sync(&[], &[]))),
        (BUILTIN, "sleep") => Some((Import::Sleep, Signature::asynchronous(&[Type::I64], &[]))),
        (BUILTIN, "test") => {
            let signature = Signature::asynchronous(&[Type::I64], &[Type::I64]);
            Some((Import::Test, signature))
        }
        _ => None,
    };
    match builtin {
        Some((import, expected)) if expected == *signature => Ok(import),
        Some((_, expected)) => Err(Error::BadInstance(format!(
            "import \"{namespace}\" \"{name}\" has signature {expected}, not {signature}"
        ))),
        None => imports
            .functions
            .get(&(namespace.to_string(), name.to_string()))
            .map(|function| Import::Host(Rc::clone(function)))
            .ok_or_else(|| {
                let message = format!("nothing is offered for import \"{namespace}\" \"{name}\"");
                Error::BadInstance(message)
            }),
    }
}

/// Whether values are of these types.
pub(crate) fn have_types(values: &[Val], types: &[Type]) -> bool {
    values.len() == types.len()
        && values
            .iter()
            .zip(types)
            .all(|(value, &ty)| value.ty() == ty)
}

impl<'a> Machine<'a> {
    /// Calls an import with `args`.
    pub(crate) fn call_import(
        &mut self,
        stack: &Stack<'a>,
        callee: FuncId,
    ) -> Result<Called, Stop> {
        let args = std::mem::take(&mut self.args);
        let first = args.first().map_or(0, |cell| cell.bits);
        match self.imports[callee] {
            Some(Import::Yield) => Ok(self.governed(true, Vec::new())),
            Some(Import::Test) => Ok(self.governed(first & 1 == 1, args)),
            // Whatever the schedule: slices of time are no leaf's decision.
            Some(Import::OutOfFuel) => Ok(Called::Waits(Wait::Turn, Vec::new())),
            Some(Import::Collect) => {
                self.collect(stack);
                Ok(Called::Ready(Vec::new()))
            }
            Some(Import::Sleep) => {
                let milliseconds = (first as i64).max(0) as u64;
                let deadline = self.scheduler.deadline(milliseconds);
                Ok(Called::Waits(Wait::Deadline(deadline), Vec::new()))
            }
            Some(Import::Host(ref function)) => {
                let function = Rc::clone(function);
                self.call_host(stack, callee, &mut *function.borrow_mut(), &args)
            }
            None => Err(Stop::fault("a function with a body is called as an import")),
        }
    }

    /// A call of a leaf that the schedule governs.
    fn governed(&mut self, natural: bool, results: Vec<Cell>) -> Called {
        let number = self.stats.leaf_calls;
        self.stats.leaf_calls += 1;
        if self.options.schedule.decides(number, natural) {
            Called::Waits(Wait::Turn, results)
        } else {
            Called::Ready(results)
        }
    }

    fn call_host(
        &mut self,
        stack: &Stack<'a>,
        callee: FuncId,
        function: &mut Function<'a>,
        args: &[Cell],
    ) -> Result<Called, Stop> {
        let FunctionKind::Import {
            namespace,
            name,
            signature,
        } = &self.module.functions[callee].kind
        else {
            return Err(Stop::fault("a function with a body is called as an import"));
        };
        let heap = self.heap.as_ref();
        if let Some(heap) = heap {
            heap.handles.borrow_mut().enter();
        }
        let value = |(cell, &ty): (&Cell, &Type)| to_host(heap, *cell, ty);
        let args: Vec<Val> = args.iter().zip(&signature.params).map(value).collect();
        let (module, scheduler, objects) = (self.module, &self.scheduler, &self.objects);
        let tasks = Tasks {
            running: Some(stack),
            spawners: &self.spawners,
            scheduler,
            continuations: objects,
        };
        let view = View {
            module,
            tasks: &tasks,
        };
        self.stats.host_calls += 1;
        let stats = self.stats();
        let mut context = HostContext {
            module,
            memories: &mut self.memories,
            globals: &mut self.globals,
            tasks: &view,
            stats,
            heap: self.heap.as_mut(),
            context: &mut self.context.word,
            references: &|visit| tasks.each_reference(visit),
        };
        let word = *context.context;
        // What a panic leaves behind is the host's: the instance only lends its memories.
        let call = AssertUnwindSafe(|| function(&mut context, &args));
        let results = catch_unwind(call).unwrap_or_else(|panic| Err(HostError::panicked(&*panic)));
        if signature.is_async {
            self.context.word = word;
        }
        if self.options.record_host_calls {
            self.host_calls.push(HostCall {
                namespace: namespace.clone(),
                name: name.clone(),
                args,
                results: results.clone(),
            });
        }
        let checked = results.and_then(|results| {
            let message = || {
                format!("\"{namespace}\" \"{name}\" gave values of other types than {signature}")
            };
            match have_types(&results, &signature.results) {
                true => Ok(results),
                false => Err(HostError::Failed(message())),
            }
        });
        let called = self.called(checked);
        if let Some(heap) = &self.heap {
            heap.handles.borrow_mut().leave();
        }
        Ok(called)
    }

    /// What a host function gave, without handles.
    fn called(&self, results: Result<Vec<Val>, HostError>) -> Called {
        let heap = self.heap.as_ref();
        let words = results.and_then(|results| {
            let cells = results.into_iter().map(|value| from_host(heap, value));
            let cells: Result<Vec<Cell>, _> = cells.collect();
            cells.map_err(|stale| HostError::Failed(stale.to_string()))
        });
        let error = match words {
            Ok(cells) => return Called::Ready(cells),
            Err(error) => error,
        };
        let (exception, message) = error.into_exception();
        match exception_from_host(heap, exception) {
            Ok(exception) => Called::Threw(exception, message),
            Err(stale) => {
                let error = HostError::Failed(stale.to_string());
                let (exception, message) = error.into_exception();
                Called::Threw(exception, message)
            }
        }
    }
}
