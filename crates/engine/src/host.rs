//! Host functions: Rust closures that modules import.

use crate::async_host::PendingCall;
use crate::caller::Caller;
use crate::error::HostError;
use crate::value::{HostValue, HostValues};
use enjamb_ir::{Signature, Val};
use std::sync::Arc;

/// The code of a host function. Arguments stand in the buffer as words; results replace them, or else there
/// is something left to do, which has been polled with the waker of the caller.
pub(crate) type HostCode =
    dyn Fn(&Caller<'_>, &mut [u64]) -> Result<Option<PendingCall>, HostError> + Send + Sync;

/// A host function with its signature.
#[derive(Clone)]
pub struct HostFunction {
    pub(crate) signature: Signature,
    pub(crate) code: Arc<HostCode>,
}

impl std::fmt::Debug for HostFunction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HostFunction{}", self.signature)
    }
}

/// What a host function may return: its results, a [`Completion`] that gives them, or a [`Result`] of
/// either with any error.
pub trait HostReturn: 'static {
    /// The results.
    type Values: HostValues;
    /// The results, or the error.
    ///
    /// # Errors
    /// What the host function returned as an error.
    fn give(self, caller: &Caller<'_>) -> Result<Self::Values, HostError>;
}

impl<T: HostValues> HostReturn for T {
    type Values = T;
    fn give(self, _caller: &Caller<'_>) -> Result<T, HostError> {
        Ok(self)
    }
}

impl<T: HostReturn, E: Into<HostError> + 'static> HostReturn for Result<T, E> {
    type Values = T::Values;
    fn give(self, caller: &Caller<'_>) -> Result<T::Values, HostError> {
        self.map_err(Into::into)?.give(caller)
    }
}

/// How an async host function ends that leaves something in the instance: a closure that gets the
/// [`Caller`] once more, when the task that has waited is about to go on. Nothing runs in between.
///
/// ```
/// use enjamb_engine::{Completion, Error, Imports};
/// use std::io;
///
/// async fn receive() -> io::Result<Vec<u8>> {
///     Ok(b"hello".to_vec())
/// }
///
/// let mut imports = Imports::new();
/// imports.async_func("net", "read", |at: u64| async move {
///     let bytes = receive().await?;
///     Ok::<_, io::Error>(Completion::new(move |caller| {
///         caller.memory("buffer")?.write(at, &bytes)?;
///         Ok::<u64, Error>(bytes.len() as u64)
///     }))
/// });
/// ```
pub struct Completion<F>(F);

impl<F, R: HostReturn> Completion<F>
where
    F: FnOnce(&Caller<'_>) -> R + 'static,
{
    /// Ends with a closure, which gives what a host function may return.
    pub fn new(complete: F) -> Completion<F> {
        Completion(complete)
    }
}

impl<F> std::fmt::Debug for Completion<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Completion")
    }
}

impl<F, R: HostReturn> HostReturn for Completion<F>
where
    F: FnOnce(&Caller<'_>) -> R + 'static,
{
    type Values = R::Values;
    fn give(self, caller: &Caller<'_>) -> Result<R::Values, HostError> {
        (self.0)(caller).give(caller)
    }
}

/// A closure that can be a host function: of up to eight numbers, optionally behind the
/// [`Caller`].
///
/// `Parameters` tells the shapes of closures apart and is always inferred.
pub trait IntoHostFunction<Parameters, Return>: Send + Sync + 'static {
    /// The host function.
    fn into_host_function(self) -> HostFunction;
}

/// Marks closures that take the [`Caller`] first.
#[derive(Debug)]
pub struct WithCaller<Parameters>(std::marker::PhantomData<Parameters>);

fn host_function<P: HostValues, R: HostReturn>(
    code: impl Fn(&Caller<'_>, P) -> R + Send + Sync + 'static,
) -> HostFunction {
    let signature = Signature::sync(&P::types(), &R::Values::types());
    let code = Arc::new(move |caller: &Caller<'_>, words: &mut [u64]| {
        code(caller, P::read(words)).give(caller)?.write(words);
        Ok(None)
    });
    HostFunction { signature, code }
}

/// Hands a macro the parameter lists that closures of the host may have.
macro_rules! for_each_arity {
    ($closures:ident) => {
        $closures! {
            ()
            (A)
            (A, B)
            (A, B, C)
            (A, B, C, D)
            (A, B, C, D, E)
            (A, B, C, D, E, F)
            (A, B, C, D, E, F, G)
            (A, B, C, D, E, F, G, H)
        }
    };
}
pub(crate) use for_each_arity;

macro_rules! closures {
    ($(($($name:ident),*))*) => { $(
        #[allow(non_snake_case, reason = "a type parameter names its variable too")]
        impl<Code, Return, $($name),*> IntoHostFunction<($($name,)*), Return> for Code
        where
            Code: Fn($($name),*) -> Return + Send + Sync + 'static,
            Return: HostReturn,
            $($name: HostValue,)*
        {
            fn into_host_function(self) -> HostFunction {
                host_function(move |_, ($($name,)*): ($($name,)*)| self($($name),*))
            }
        }

        #[allow(non_snake_case, reason = "a type parameter names its variable too")]
        impl<Code, Return, $($name),*> IntoHostFunction<WithCaller<($($name,)*)>, Return> for Code
        where
            Code: Fn(&Caller<'_>, $($name),*) -> Return + Send + Sync + 'static,
            Return: HostReturn,
            $($name: HostValue,)*
        {
            fn into_host_function(self) -> HostFunction {
                host_function(move |caller, ($($name,)*): ($($name,)*)| self(caller, $($name),*))
            }
        }
    )* };
}

for_each_arity!(closures);

/// A host function of any signature, over a list of values.
pub(crate) fn untyped(
    signature: Signature,
    code: impl Fn(&Caller<'_>, &[Val]) -> Result<Vec<Val>, HostError> + Send + Sync + 'static,
) -> HostFunction {
    let types = signature.clone();
    let code = Arc::new(move |caller: &Caller<'_>, words: &mut [u64]| {
        let arguments = Val::from_words(&types.params, words);
        write_values(code(caller, &arguments), &types, words)?;
        Ok(None)
    });
    HostFunction { signature, code }
}

/// Puts what a host function gave into a buffer, if it has the types that are declared.
pub(crate) fn write_values(
    results: Result<Vec<Val>, HostError>,
    types: &Signature,
    words: &mut [u64],
) -> Result<(), HostError> {
    let results = results?;
    let given: Vec<_> = results.iter().map(|value| value.ty()).collect();
    if given != types.results {
        let got = Signature {
            results: given,
            ..types.clone()
        };
        return Err(format!("the host function returned {got} but is declared {types}").into());
    }
    let results = Val::to_words(&results);
    words[..results.len()].copy_from_slice(&results);
    Ok(())
}
