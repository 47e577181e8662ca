//! Functions whose signature was checked once.

use crate::call::{Call, may_block};
use crate::error::Error;
use crate::instance::Instance;
use crate::task::{Spawned, Task};
use crate::value::HostValues;
use enjamb_ir::FuncId;
use std::fmt;
use std::marker::PhantomData;

/// Room for the most parameters and results that a [`TypedFunc`] can have, if all are vectors.
pub(crate) const MOST_WORDS: usize = 2 * 12;

/// A function of an instance, from parameters `P` to results `R`.
pub struct TypedFunc<P, R> {
    instance: Instance,
    function: FuncId,
    is_async: bool,
    types: PhantomData<fn(P) -> R>,
}

impl<P, R> Clone for TypedFunc<P, R> {
    fn clone(&self) -> Self {
        TypedFunc {
            instance: self.instance.clone(),
            types: PhantomData,
            ..*self
        }
    }
}

impl<P, R> fmt::Debug for TypedFunc<P, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let declared = &self.instance.module().ir().functions[self.function];
        write!(f, "function %{}{}", declared.name, declared.signature())
    }
}

impl<P: HostValues, R: HostValues> TypedFunc<P, R> {
    pub(crate) fn new(instance: Instance, function: FuncId, is_async: bool) -> Self {
        TypedFunc {
            instance,
            function,
            is_async,
            types: PhantomData,
        }
    }

    /// The instance that it is a function of.
    pub fn instance(&self) -> &Instance {
        &self.instance
    }

    /// Calls a sync function. Tasks that are left of earlier calls and that nobody drives have one turn first, if they
    /// can run, as with every call; those that are left of this one stay.
    ///
    /// # Errors
    /// [`Error::Trap`]; [`Error::BadCall`] if the function is async; [`Error::Running`] if a host
    /// function calls the instance that called it.
    pub fn call(&self, arguments: P) -> Result<R, Error> {
        if self.is_async {
            let got = "it was called without `block_on`".to_string();
            return Err(self.instance.bad_call(self.function, got));
        }
        self.run(arguments)
    }

    /// Calls a function, of any kind, and runs all tasks of the instance on this thread until it
    /// has finished. The thread sleeps while none can run. Tasks that are left then stay as they are, and go on with
    /// the next call, or when they are driven: see [`Instance::drive`].
    ///
    /// # Errors
    /// [`Error::Trap`]; [`Error::Running`] if the instance is in use, as when a host function calls the
    /// instance that called it; [`Error::InsideExecutor`].
    pub fn block_on(&self, arguments: P) -> Result<R, Error> {
        if self.is_async {
            may_block()?;
        }
        self.run(arguments)
    }

    /// Calls a function, of any kind, as a [`Future`] that starts it when it is polled first and that any
    /// executor can poll.
    pub fn call_async(&self, arguments: P) -> Call<P, R> {
        Call::new(self.instance.clone(), self.function, arguments)
    }

    /// Starts a call of a function, of any kind, as a [`Task`] that runs until it finishes or first
    /// suspends, and then whenever tasks of the instance run.
    ///
    /// # Errors
    /// [`Error::Object`] if an argument is a reference that the instance has not given out. Whatever goes
    /// wrong in the function is the outcome of the task.
    pub fn spawn(&self, arguments: P) -> Result<Task<R>, Error> {
        let mut words = [0; MOST_WORDS];
        arguments.write(&mut words);
        let spawned = Spawned::new(&self.instance, self.function, &mut words)?;
        Ok(Task::new(spawned))
    }

    fn run(&self, arguments: P) -> Result<R, Error> {
        let mut words = [0; MOST_WORDS];
        arguments.write(&mut words);
        self.instance.run(self.function, &mut words)?;
        Ok(R::read(&words))
    }
}
