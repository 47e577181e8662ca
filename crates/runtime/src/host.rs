//! What the host provides: functions that compiled code imports.

use crate::border::{check_types, has_references};
use crate::error::{Error, HostError};
use crate::instance::Instance;
use crate::loaded::LoadedModule;
use crate::machine::Machine;
use crate::memory::SharedMemory;
use crate::options::Stats;
use crate::state::State;
use crate::wakes::Wakes;
use enjamb_ir::hash::KeyedHashMap;
use enjamb_ir::host_objects::HostObjects;
use enjamb_ir::{
    FuncId, GlobalId, MemoryId, Signature, TaskCursor, TaskInfo, Trace, TraceLimits, Type, Val,
};
use std::any::Any;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::{Arc, Mutex, TryLockError};
use std::task::{self, Poll, Waker};

/// What a host function has still to give, as a future of values.
pub type HostFuture = Pin<Box<dyn Future<Output = Result<Vec<Val>, HostError>> + Send>>;

/// What a host function has still to do. It is polled by whoever drives the instance, on any thread.
pub trait HostOperation: Send {
    /// Goes on with it. [`HostContext::waker`] is woken when that is worth a try again. When it is ready its
    /// results are in the buffer, which has room for them, as for [`WordFunction`]; only with them it may
    /// leave anything in the instance, which the task finds as it goes on.
    fn poll(
        self: Pin<&mut Self>,
        context: &mut HostContext<'_>,
        words: &mut [u64],
    ) -> Poll<Result<(), HostError>>;
}

/// An operation of some kind.
pub type Operation = Pin<Box<dyn HostOperation>>;

/// Waits for values of some types.
struct ValuesLater {
    future: HostFuture,
    types: Vec<Type>,
}

impl HostOperation for ValuesLater {
    fn poll(
        mut self: Pin<&mut Self>,
        context: &mut HostContext<'_>,
        words: &mut [u64],
    ) -> Poll<Result<(), HostError>> {
        let mut polling = task::Context::from_waker(context.waker());
        let values = std::task::ready!(self.future.as_mut().poll(&mut polling));
        Poll::Ready(values.and_then(|values| put_values(&self.types, &values, words)))
    }
}

fn put_values(types: &[Type], values: &[Val], words: &mut [u64]) -> Result<(), HostError> {
    check_types(types, values)?;
    let values = Val::to_words(values);
    words[..values.len()].copy_from_slice(&values);
    Ok(())
}

/// What a host function gives back.
pub enum Outcome {
    /// Its results.
    Ready(Vec<Val>),
    /// They come later: the calling task suspends. Async imports only. The future has been polled with
    /// [`HostContext::waker`] and was not ready.
    Pending(HostFuture),
}

impl From<Vec<Val>> for Outcome {
    fn from(results: Vec<Val>) -> Outcome {
        Outcome::Ready(results)
    }
}

impl Outcome {
    /// Polls a future once, on the spot: its results, or that they come later.
    ///
    /// # Errors
    /// What the future gives.
    pub fn of(context: &HostContext<'_>, mut future: HostFuture) -> Result<Outcome, HostError> {
        let mut polling = task::Context::from_waker(context.waker());
        match future.as_mut().poll(&mut polling) {
            Poll::Ready(results) => results.map(Outcome::Ready),
            Poll::Pending => Ok(Outcome::Pending(future)),
        }
    }
}

/// A function of the host: arguments in, results out.
pub type HostFunction =
    Box<dyn FnMut(&mut HostContext<'_>, &[Val]) -> Result<Outcome, HostError> + Send>;

/// A function of the host over words: results take the place of the arguments, both as
/// [`Val::to_words`] has them and of the types that the import declares. Nothing, or an operation that is
/// under way as the future in [`Outcome::Pending`] is.
pub type WordFunction = Box<
    dyn Fn(&mut HostContext<'_>, &mut [u64]) -> Result<Option<Operation>, HostError> + Send + Sync,
>;

/// What a function over words keeps from one call to the next, in each instance for each of its imports: most
/// of all, memory that is used again. Nothing at first, and in a call within a call.
pub type Spare = Option<Box<dyn Any + Send>>;

/// A function of the host in either form.
enum HostCode {
    /// Locked while it runs.
    Values(Mutex<HostFunction>),
    Words(WordFunction),
}

/// What an import stands for.
pub(crate) struct HostImport {
    pub(crate) signature: Signature,
    pub(crate) buffer_words: usize,
    /// Whether there are parameters or results that are not the same for host and compiled code.
    pub(crate) has_references: bool,
    pub(crate) wakes: Arc<Wakes>,
    code: SharedFunction,
}

impl HostImport {
    fn new(signature: &Signature, code: SharedFunction, wakes: &Arc<Wakes>) -> Self {
        HostImport {
            signature: signature.clone(),
            buffer_words: signature.buffer_words(),
            has_references: has_references(&signature.params) || has_references(&signature.results),
            wakes: Arc::clone(wakes),
            code,
        }
    }

    /// Runs the function: its results are in the buffer, or it has still something to do.
    pub(crate) fn run(
        &self,
        context: &mut HostContext<'_>,
        buffer: &mut [u64],
    ) -> Result<Option<Operation>, HostError> {
        match &*self.code {
            HostCode::Words(function) => function(context, buffer),
            HostCode::Values(function) => match function.try_lock() {
                Ok(mut function) => run_on_values(&mut function, context, &self.signature, buffer),
                Err(TryLockError::Poisoned(function)) => {
                    let function = &mut function.into_inner();
                    run_on_values(function, context, &self.signature, buffer)
                }
                Err(TryLockError::WouldBlock) => {
                    Err("the host function is called while it runs".into())
                }
            },
        }
    }
}

fn run_on_values(
    function: &mut HostFunction,
    context: &mut HostContext<'_>,
    signature: &Signature,
    buffer: &mut [u64],
) -> Result<Option<Operation>, HostError> {
    let args = Val::from_words(&signature.params, buffer);
    match function(context, &args)? {
        Outcome::Ready(values) => {
            put_values(&signature.results, &values, buffer)?;
            Ok(None)
        }
        Outcome::Pending(future) => Ok(Some(Box::pin(ValuesLater {
            future,
            types: signature.results.clone(),
        }))),
    }
}

/// The instance that calls a host function, as that function sees it.
pub struct HostContext<'a> {
    machine: Machine,
    waker: &'a Waker,
    /// Of the import that was called just now.
    spare: Option<&'a mut Spare>,
    instance: PhantomData<&'a mut Instance>,
}

impl<'a> HostContext<'a> {
    /// What a function sees that is called.
    pub(crate) fn new(machine: Machine, waker: &'a Waker, spare: &'a mut Spare) -> HostContext<'a> {
        HostContext {
            spare: Some(spare),
            ..HostContext::later(machine, waker)
        }
    }

    /// What an operation sees that is polled later.
    pub(crate) fn later(machine: Machine, waker: &'a Waker) -> HostContext<'a> {
        HostContext {
            machine,
            waker,
            spare: None,
            instance: PhantomData,
        }
    }

    /// Wakes the calling task, once it waits for a future. Of a call that is not made by a task it wakes
    /// nobody.
    pub fn waker(&self) -> &'a Waker {
        self.waker
    }

    /// What the function keeps; nothing in [`HostOperation::poll`].
    pub fn spare(&mut self) -> Option<&mut Spare> {
        self.spare.as_deref_mut()
    }

    /// What the instance is an instance of.
    pub fn loaded(&self) -> Arc<LoadedModule> {
        self.machine.with(|state| Arc::clone(&state.loaded))
    }

    /// The function that an export, or failing that a name, stands for.
    pub fn function_named(&self, name: &str) -> Option<FuncId> {
        self.machine
            .with(|state| state.loaded.module().exported_function(name))
    }

    /// Calls a function of the instance, as [`Instance::call`] does.
    ///
    /// # Errors
    /// As [`Instance::call`]; in [`HostOperation::poll`], which has a turn among those of the tasks,
    /// [`Error::BadCall`].
    pub fn call(&mut self, function: FuncId, args: &[Val]) -> Result<Vec<Val>, Error> {
        if self.spare.is_none() {
            let reason = "a host function cannot call the instance after it has waited";
            return Err(Error::BadCall(reason.to_string()));
        }
        self.machine.call(function, args)
    }

    /// The objects of the instance.
    pub fn objects(&mut self) -> &mut dyn HostObjects {
        &mut self.machine
    }

    /// The logical stacks of the tasks that are suspended, as [`Instance::trace`] has them.
    pub fn stacks(&self, limits: TraceLimits) -> Vec<Trace> {
        self.machine.with(|state| state.stacks(limits))
    }

    /// What the instance has done so far.
    pub fn stats(&self) -> Stats {
        self.machine.with(State::stats)
    }

    /// A walk over the tasks that exist, as [`Instance::task_cursor`] has it.
    pub fn task_cursor(&self) -> TaskCursor {
        self.machine.with(|state| state.task_cursor())
    }

    /// The next task of a walk, as [`Instance::next_task`] has it.
    pub fn next_task(&self, cursor: &mut TaskCursor, limits: TraceLimits) -> Option<TaskInfo> {
        self.machine
            .with(|state| state.next_task_info(cursor, limits))
    }

    /// The context word of the task that calls.
    pub fn context(&self) -> i64 {
        self.machine
            .with(|state| state.context.fixed().task_word as i64)
    }

    /// Gives the task that calls another context word. A function that stands for an async import has no
    /// effect on its caller.
    pub fn set_context(&mut self, word: i64) {
        self.machine
            .with(|state| state.context.fixed().task_word = word as u64);
    }

    /// Size of a linear memory in bytes, if there is such a one.
    pub fn memory_size(&self, memory: MemoryId) -> Option<u64> {
        self.machine.with(|state| state.memory_size(memory))
    }

    /// Copies bytes out of a linear memory.
    ///
    /// # Errors
    /// If there is no such memory or the bytes are not all inside.
    pub fn read_memory(&self, memory: MemoryId, at: u64, bytes: &mut [u8]) -> Result<(), Error> {
        self.machine
            .with(|state| state.read_memory(memory, at, bytes))
    }

    /// Copies bytes into a linear memory.
    ///
    /// # Errors
    /// As [`HostContext::read_memory`].
    pub fn write_memory(&mut self, memory: MemoryId, at: u64, bytes: &[u8]) -> Result<(), Error> {
        self.machine
            .with(|state| state.write_memory(memory, at, bytes))
    }

    /// Grows a linear memory by a number of pages: its size in pages before, or `None` if it
    /// cannot.
    pub fn grow_memory(&mut self, memory: MemoryId, by: u64) -> Option<u64> {
        self.machine.with(|state| state.grow_memory(memory, by))
    }

    /// A global variable, if there is such a one. A reference comes as a new handle.
    pub fn global(&self, global: GlobalId) -> Option<Val> {
        self.machine.with(|state| state.global(global))
    }

    /// Gives a global variable a value.
    ///
    /// # Errors
    /// If there is no such variable, or its type is another one.
    pub fn set_global(&mut self, global: GlobalId, value: Val) -> Result<(), Error> {
        self.machine.with(|state| state.set_global(global, value))
    }
}

/// A host function that several imports may stand for.
type SharedFunction = Arc<HostCode>;

/// The functions that a host offers to a module, by namespace and name.
#[derive(Default)]
pub struct Imports {
    functions: KeyedHashMap<(String, String), SharedFunction>,
    /// Memories that other instances use too, by the names that the module has for them.
    pub(crate) memories: KeyedHashMap<String, SharedMemory>,
}

impl Imports {
    /// No functions.
    pub fn new() -> Imports {
        Imports::default()
    }

    /// Gives an instance a memory that others use too, in place of the one that the module declares by this
    /// name. A later one of the same name replaces an earlier one.
    pub fn define_memory(&mut self, name: &str, memory: &SharedMemory) {
        self.memories.insert(name.to_string(), memory.clone());
    }

    /// Offers a function; it takes the place of an earlier one of that name.
    pub fn define(&mut self, namespace: &str, name: &str, function: HostFunction) -> &mut Self {
        self.insert(namespace, name, HostCode::Values(Mutex::new(function)))
    }

    /// Offers a function over words.
    pub fn define_words(
        &mut self,
        namespace: &str,
        name: &str,
        function: WordFunction,
    ) -> &mut Self {
        self.insert(namespace, name, HostCode::Words(function))
    }

    fn insert(&mut self, namespace: &str, name: &str, code: HostCode) -> &mut Self {
        let key = (namespace.to_string(), name.to_string());
        self.functions.insert(key, Arc::new(code));
        self
    }

    /// Offers a function that always has its results at once.
    pub fn define_sync<F>(&mut self, namespace: &str, name: &str, mut function: F) -> &mut Self
    where
        F: FnMut(&mut HostContext<'_>, &[Val]) -> Result<Vec<Val>, HostError> + Send + 'static,
    {
        let function = move |context: &mut HostContext<'_>, args: &[Val]| {
            function(context, args).map(Outcome::Ready)
        };
        self.define(namespace, name, Box::new(function))
    }

    /// The function that an import with this signature stands for, in an instance with these wakes.
    pub(crate) fn link(
        &self,
        (namespace, name): (&str, &str),
        signature: &Signature,
        wakes: &Arc<Wakes>,
    ) -> Result<HostImport, Error> {
        // The map is keyed by owned strings; imports are few.
        let key = (namespace.to_string(), name.to_string());
        match self.functions.get(&key) {
            Some(code) => Ok(HostImport::new(signature, Arc::clone(code), wakes)),
            None => Err(Error::MissingImport {
                namespace: key.0,
                name: key.1,
            }),
        }
    }
}

impl fmt::Debug for Imports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Imports({})", self.functions.len())
    }
}
