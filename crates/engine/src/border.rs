//! What may not pass between instances: references to objects, since each instance has its own heap.

use crate::error::{Error, HostError};
use crate::instance::Instance;
use crate::objects::{has_heap, reference, with_objects};
use enjamb_ir::{Module, Type, Val};

/// The border between an instance that imports a function and the one that exports it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Border {
    /// Whether either of them has a heap.
    guarded: bool,
}

const REFUSED: &str = "references to objects do not pass between instances";

impl Border {
    pub(crate) fn new(importer: &Module, exporter: &Module) -> Border {
        Border {
            guarded: has_heap(importer) || has_heap(exporter),
        }
    }

    /// An error if there is a reference among the arguments.
    pub(crate) fn check(self, arguments: &[Val]) -> Result<(), String> {
        let refused = self.guarded && arguments.iter().any(|&value| reference(value).is_some());
        match refused {
            true => Err(REFUSED.to_string()),
            false => Ok(()),
        }
    }

    /// What has come of a call, for the importer: an error if it gave or threw a reference. That belongs to
    /// the exporter, which need not hold it any longer.
    pub(crate) fn outcome(
        self,
        exporter: &Instance,
        types: &[Type],
        words: &[u64],
        outcome: Result<(), Error>,
    ) -> Result<(), HostError> {
        if !self.guarded {
            return outcome.map_err(HostError::from);
        }
        let thrown = outcome.as_ref().err().and_then(Error::exception);
        let thrown = thrown.map(|thrown| thrown.exception);
        let given = match thrown {
            Some(exception) => vec![Val::Ref(exception.payload)],
            None if outcome.is_ok() => Val::from_words(types, words),
            None => Vec::new(),
        };
        let Err(refused) = self.check(&given) else {
            return outcome.map_err(HostError::from);
        };
        release(exporter, &given);
        match thrown {
            Some(exception) => Err(format!("exception {}: {refused}", exception.tag).into()),
            None => Err(refused.into()),
        }
    }
}

/// Gives references back. Those of an instance that another thread has entered meanwhile stay.
fn release(exporter: &Instance, given: &[Val]) {
    let released = exporter.with(|access| {
        for reference in given.iter().filter_map(|&value| reference(value)) {
            // A heap gives out no stale ones; without one there is nothing to give back.
            drop(with_objects(access, |objects| {
                objects.release(reference.number().get())
            }));
        }
    });
    drop(released);
}
