//! Async functions of one instance as imports of another one.
//!
//! The function runs as a call of its own instance, see [`crate::call`]. Until it has finished, the calling
//! task is suspended, and the other instance is driven by the future that it waits for.

use crate::border::Border;
use crate::call::Running;
use crate::caller::Caller;
use crate::error::{Error, HostError};
use crate::host::HostFunction;
use crate::instance::Instance;
use enjamb_ir::{FuncId, Signature, Val};
use std::pin::Pin;
use std::task::{Context, Poll};

/// A call that waits for its results.
struct RemoteCall {
    running: Running,
    border: Border,
    signature: Signature,
    words: Vec<u64>,
}

/// An async function of an instance, for others to import.
pub(crate) fn host_function(instance: Instance, function: FuncId) -> HostFunction {
    let signature = instance.module().ir().functions[function]
        .signature()
        .clone();
    let types = signature.clone();
    let code = move |caller: &Caller<'_>, words: &mut [u64]| {
        let border = Border::new(caller.module(), instance.module().ir());
        border.check(&Val::from_words(&types.params, words))?;
        let mut call = RemoteCall {
            running: Running::new(instance.clone(), function),
            border,
            signature: types.clone(),
            words: words.to_vec(),
        };
        let mut context = Context::from_waker(caller.waker());
        match call.advance(&mut context) {
            Poll::Ready(outcome) => {
                outcome?;
                words.copy_from_slice(&call.words);
                Ok(None)
            }
            Poll::Pending => {
                let pending: enjamb_runtime::HostFuture = Box::pin(call);
                Ok(Some(pending))
            }
        }
    };
    HostFunction {
        signature,
        code: std::sync::Arc::new(code),
    }
}

impl RemoteCall {
    fn advance(&mut self, context: &mut Context<'_>) -> Poll<Result<(), HostError>> {
        let outcome = std::task::ready!(self.running.poll(context, &mut self.words));
        let (exporter, types) = (self.running.instance(), &self.signature.results);
        Poll::Ready(self.border.outcome(exporter, types, &self.words, outcome))
    }
}

impl Future for RemoteCall {
    type Output = Result<Vec<Val>, enjamb_runtime::HostError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = std::task::ready!(self.advance(context));
        let results = outcome.map(|()| Val::from_words(&self.signature.results, &self.words));
        Poll::Ready(results.map_err(|error| raised(&*error)))
    }
}

/// What a call of a host function that ended with this error throws: the exception of another instance,
/// or the one that stands for an error of the host.
pub(crate) fn raised(error: &(dyn std::error::Error + 'static)) -> enjamb_runtime::HostError {
    match error.downcast_ref::<Error>().and_then(Error::exception) {
        Some(thrown) => enjamb_runtime::HostError {
            message: thrown.message.clone(),
            ..enjamb_runtime::HostError::from(thrown.exception)
        },
        None => enjamb_runtime::HostError::from(error.to_string()),
    }
}
