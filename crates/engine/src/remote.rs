//! Async functions of one instance as imports of another one.
//!
//! The function runs as a call of its own instance, see [`crate::call`]. Until it has finished, the calling
//! task is suspended, and the other instance is driven by the future that it waits for.

use crate::async_host::{Pending, PendingCall};
use crate::border::Border;
use crate::call::Running;
use crate::caller::Caller;
use crate::error::{Error, HostError};
use crate::host::HostFunction;
use crate::instance::Instance;
use enjamb_ir::types::word_count;
use enjamb_ir::{FuncId, Signature, Val};
use enjamb_runtime::{HostContext, HostOperation};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

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
                let pending: PendingCall = Box::pin(call);
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
        let outcome = ready!(self.running.poll(context, &mut self.words));
        let (exporter, types) = (self.running.instance(), &self.signature.results);
        Poll::Ready(self.border.outcome(exporter, types, &self.words, outcome))
    }

    fn write(&self, words: &mut [u64]) {
        let count = word_count(&self.signature.results);
        words[..count].copy_from_slice(&self.words[..count]);
    }
}

impl Pending for RemoteCall {
    fn poll_for(
        mut self: Pin<&mut Self>,
        caller: &Caller<'_>,
        words: &mut [u64],
    ) -> Poll<Result<(), HostError>> {
        let outcome = ready!(self.advance(&mut Context::from_waker(caller.waker())));
        Poll::Ready(outcome.map(|()| self.write(words)))
    }
}

impl HostOperation for RemoteCall {
    fn poll(
        mut self: Pin<&mut Self>,
        context: &mut HostContext<'_>,
        words: &mut [u64],
    ) -> Poll<Result<(), enjamb_runtime::HostError>> {
        let outcome = ready!(self.advance(&mut Context::from_waker(context.waker())));
        let outcome = outcome.map_err(|error| raised(&*error));
        Poll::Ready(outcome.map(|()| self.write(words)))
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
