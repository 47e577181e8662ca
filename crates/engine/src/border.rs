//! What may not pass between instances: references to objects, since each instance has its own heap.

use crate::backend::Access;
use crate::error::Error;
use crate::objects::{has_heap, reference, with_objects};
use enjamb_ir::{Module, Val};

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

    /// The same for results, which the exporter, whose objects these are, need not hold any longer.
    pub(crate) fn check_results(
        self,
        exporter: &mut dyn Access,
        results: &[Val],
    ) -> Result<(), String> {
        let outcome = self.check(results);
        if outcome.is_err() {
            for reference in results.iter().filter_map(|&value| reference(value)) {
                // A heap gives out no stale ones; without one there is nothing to give back.
                drop(with_objects(exporter, |objects| {
                    objects.release(reference.number().get())
                }));
            }
        }
        outcome
    }

    /// The same for a call that has failed: what there is to say if it threw a reference.
    pub(crate) fn check_error(
        self,
        exporter: &mut dyn Access,
        error: &Error,
    ) -> Result<(), String> {
        let Some(thrown) = error.exception() else {
            return Ok(());
        };
        self.check_results(exporter, &[Val::Ref(thrown.exception.payload)])
            .map_err(|refused| format!("exception {}: {refused}", thrown.exception.tag))
    }
}
