//! Host functions: Rust closures that modules import.

use crate::caller::Caller;
use crate::error::HostError;
use crate::value::{HostValue, HostValues};
use enjamb_ir::{Signature, Val};
use enjamb_runtime::HostFuture;
use std::sync::Arc;

/// The code of a host function. Arguments stand in the buffer as words; results replace them, or else there
/// is a future of them, which has been polled with the waker of the caller.
pub(crate) type HostCode =
    dyn Fn(&Caller<'_>, &mut [u64]) -> Result<Option<HostFuture>, HostError> + Send + Sync;

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

/// What a host function may return: its results, or a [`Result`] of them with any error.
pub trait HostReturn: 'static {
    /// The results.
    type Values: HostValues;
    /// The results, or the error.
    ///
    /// # Errors
    /// What the host function returned as an error.
    fn into_result(self) -> Result<Self::Values, HostError>;
}

impl<T: HostValues> HostReturn for T {
    type Values = T;
    fn into_result(self) -> Result<T, HostError> {
        Ok(self)
    }
}

impl<T: HostValues, E: Into<HostError> + 'static> HostReturn for Result<T, E> {
    type Values = T;
    fn into_result(self) -> Result<T, HostError> {
        self.map_err(Into::into)
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
        code(caller, P::read(words)).into_result()?.write(words);
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
