//! Async host functions: Rust closures that give futures.
//!
//! A call polls its future once, on the spot. If it is ready there, nothing is suspended and nothing
//! allocated: the future stands in a box that is used again. If not, the box goes to the task that waits.

use crate::caller::Caller;
use crate::error::HostError;
use crate::host::{HostFunction, HostReturn, WithCaller, for_each_arity, write_values};
use crate::remote::raised;
use crate::value::{HostValue, HostValues};
use enjamb_ir::{Signature, Val};
use enjamb_runtime::{HostContext, HostOperation, Spare};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// A closure that can be an async host function: of up to eight numbers, optionally behind the [`Caller`],
/// to a future of what a host function may return.
///
/// The future is `'static`, so it cannot keep the [`Caller`]: what it needs of the instance the closure takes
/// before it makes the future, and what it brings it leaves there with a [`Completion`](crate::Completion).
///
/// `Parameters` and `Return` are always inferred.
pub trait IntoAsyncHostFunction<Parameters, Return>: Send + Sync + 'static {
    /// The host function.
    fn into_host_function(self) -> HostFunction;
}

/// What an async host function has still to do, for either engine.
pub(crate) trait Pending: HostOperation {
    /// Goes on with it, on behalf of an instance and with a waker for when it is not ready; results are in
    /// the buffer when it is.
    fn poll_for(
        self: Pin<&mut Self>,
        caller: &Caller<'_>,
        words: &mut [u64],
    ) -> Poll<Result<(), HostError>>;
}

pub(crate) type PendingCall = Pin<Box<dyn Pending>>;

/// Writes what a future gave into a buffer for results of the types of a signature.
type Write<T> = fn(T, &Caller<'_>, &Signature, &mut [u64]) -> Result<(), HostError>;

pin_project_lite::pin_project! {
    /// The place of a future that is being polled.
    struct Slot<F: Future> {
        #[pin]
        future: Option<F>,
        signature: Arc<Signature>,
        write: Write<F::Output>,
    }
}

impl<F: Future> Slot<F> {
    /// Polls the future, and drops it once it is ready.
    fn advance(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let mut place = self.project().future;
        let Some(future) = place.as_mut().as_pin_mut() else {
            return Poll::Pending;
        };
        let output = ready!(future.poll(context));
        place.set(None);
        Poll::Ready(output)
    }
}

impl<F: Future + Send> Pending for Slot<F> {
    fn poll_for(
        mut self: Pin<&mut Self>,
        caller: &Caller<'_>,
        words: &mut [u64],
    ) -> Poll<Result<(), HostError>> {
        let mut context = Context::from_waker(caller.waker());
        let output = ready!(self.as_mut().advance(&mut context));
        Poll::Ready((self.write)(output, caller, &self.signature, words))
    }
}

impl<F: Future + Send> HostOperation for Slot<F> {
    fn poll(
        mut self: Pin<&mut Self>,
        context: &mut HostContext<'_>,
        words: &mut [u64],
    ) -> Poll<Result<(), enjamb_runtime::HostError>> {
        let waker = context.waker();
        // Who only asks whether it is ready needs no instance.
        let output = ready!(self.as_mut().advance(&mut Context::from_waker(waker)));
        let loaded = context.loaded();
        let caller = Caller::new(loaded.module(), context, waker);
        let written = (self.write)(output, &caller, &self.signature, words);
        Poll::Ready(written.map_err(|error| raised(&*error)))
    }
}

/// The form in which an empty slot is kept from one call to the next.
type Kept<F> = Option<Pin<Box<Slot<F>>>>;

fn take_kept<F: Future + 'static>(spare: &mut Spare) -> Kept<F> {
    spare.as_mut()?.downcast_mut::<Kept<F>>()?.take()
}

fn keep<F>(spare: &mut Spare, slot: Pin<Box<Slot<F>>>)
where
    F: Future + Send + 'static,
    F::Output: 'static,
{
    match spare
        .as_mut()
        .and_then(|spare| spare.downcast_mut::<Kept<F>>())
    {
        Some(kept) => *kept = Some(slot),
        None => *spare = Some(Box::new(Some(slot))),
    }
}

/// The host function that begins each call with `begin`.
fn host_function<F>(
    signature: Signature,
    begin: impl Fn(&Caller<'_>, &[u64]) -> F + Send + Sync + 'static,
    write: Write<F::Output>,
) -> HostFunction
where
    F: Future + Send + 'static,
    F::Output: 'static,
{
    let types = Arc::new(signature.clone());
    let code = Arc::new(move |caller: &Caller<'_>, words: &mut [u64]| {
        let future = begin(caller, words);
        let used = caller.with_spare(take_kept::<F>).flatten();
        let mut slot = used.unwrap_or_else(|| {
            Box::pin(Slot {
                future: None,
                signature: Arc::clone(&types),
                write,
            })
        });
        slot.as_mut().project().future.set(Some(future));
        let mut context = Context::from_waker(caller.waker());
        let Poll::Ready(output) = slot.as_mut().advance(&mut context) else {
            let pending: PendingCall = slot;
            return Ok(Some(pending));
        };
        caller.with_spare(|spare| keep(spare, slot));
        write(output, caller, &types, words)?;
        Ok(None)
    });
    HostFunction { signature, code }
}

/// Writes what a typed closure returned.
fn write_return<R: HostReturn>(
    output: R,
    caller: &Caller<'_>,
    _signature: &Signature,
    words: &mut [u64],
) -> Result<(), HostError> {
    output.give(caller)?.write(words);
    Ok(())
}

/// Writes what an untyped closure returned.
fn write_list(
    output: Result<Vec<Val>, HostError>,
    _caller: &Caller<'_>,
    signature: &Signature,
    words: &mut [u64],
) -> Result<(), HostError> {
    write_values(output, signature, words)
}

fn typed<P: HostValues, F>(
    begin: impl Fn(&Caller<'_>, P) -> F + Send + Sync + 'static,
) -> HostFunction
where
    F: Future<Output: HostReturn> + Send + 'static,
{
    let results = <<F::Output as HostReturn>::Values as HostValues>::types();
    let signature = Signature::asynchronous(&P::types(), &results);
    let begin = move |caller: &Caller<'_>, words: &[u64]| begin(caller, P::read(words));
    host_function(signature, begin, write_return::<F::Output>)
}

/// An async host function of any signature, over a list of values.
pub(crate) fn untyped<F>(
    signature: Signature,
    begin: impl Fn(&Caller<'_>, &[Val]) -> F + Send + Sync + 'static,
) -> HostFunction
where
    F: Future<Output = Result<Vec<Val>, HostError>> + Send + 'static,
{
    let params = signature.params.clone();
    let begin =
        move |caller: &Caller<'_>, words: &[u64]| begin(caller, &Val::from_words(&params, words));
    let signature = Signature {
        is_async: true,
        ..signature
    };
    host_function(signature, begin, write_list)
}

macro_rules! closures {
    ($(($($name:ident),*))*) => { $(
        #[allow(non_snake_case, reason = "a type parameter names its variable too")]
        impl<Code, Return, $($name),*> IntoAsyncHostFunction<($($name,)*), Return> for Code
        where
            Code: Fn($($name),*) -> Return + Send + Sync + 'static,
            Return: Future<Output: HostReturn> + Send + 'static,
            $($name: HostValue,)*
        {
            fn into_host_function(self) -> HostFunction {
                typed(move |_, ($($name,)*): ($($name,)*)| self($($name),*))
            }
        }

        #[allow(non_snake_case, reason = "a type parameter names its variable too")]
        impl<Code, Return, $($name),*> IntoAsyncHostFunction<WithCaller<($($name,)*)>, Return> for Code
        where
            Code: Fn(&Caller<'_>, $($name),*) -> Return + Send + Sync + 'static,
            Return: Future<Output: HostReturn> + Send + 'static,
            $($name: HostValue,)*
        {
            fn into_host_function(self) -> HostFunction {
                typed(move |caller, ($($name,)*): ($($name,)*)| self(caller, $($name),*))
            }
        }
    )* };
}

for_each_arity!(closures);
