//! What is known of an exception or a trap while it is under way.
//!
//! A [`Failure`] begins where something is thrown or traps. Every frame that it leaves, on the stack
//! or suspended, adds itself to the trace, and so do those of the task that joins the one that
//! failed; nothing is looked at that need not be. When a handler ends an exception, the failure stays
//! with the task, for the handler may throw the exception on.

use crate::error::{Error, Thrown, Trap};
use crate::versions::Versions;
use enjamb_ir::tasks::Points;
use enjamb_ir::{Entity, Exception, FuncId, Location, Trace, TraceBuffer, TraceLimits, TrapCode};

/// What ends a call without results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Handlers are not asked.
    Trap(TrapCode),
    /// The first handler outwards gets it.
    Exception(Exception),
}

/// A frame of the logical stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// On the stack, at the call or trap site with this return address.
    Code(u64),
    /// Suspended at a point: the address of its record.
    Point(u64),
}

/// An exception or a trap that is under way, or an exception that was caught.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) cause: Cause,
    /// What the host has to say.
    pub(crate) message: Option<String>,
    /// The frames that it has left.
    pub(crate) trace: TraceBuffer<Frame>,
}

impl Failure {
    pub(crate) fn new(cause: Cause, limits: TraceLimits) -> Failure {
        Failure {
            cause,
            message: None,
            trace: TraceBuffer::new(limits),
        }
    }

    /// Bytes that it takes.
    pub(crate) fn size(&self) -> u64 {
        let message = self.message.as_ref().map_or(0, String::len);
        (std::mem::size_of::<Failure>() + message) as u64 + self.trace.size()
    }

    /// The failure as the host sees it.
    pub(crate) fn to_error(&self, versions: &Versions) -> Error {
        let place = self.trace.first();
        let place = place.and_then(|frame| Some((versions.of_frame(frame)?, frame)));
        let trace = resolve(versions, &self.trace);
        match self.cause {
            Cause::Trap(code) => {
                let mut trap = Trap::new(code);
                if let Some((module, frame)) = place {
                    module.locate(&mut trap, frame);
                }
                trap.message = self.message.clone();
                trap.trace = trace;
                Error::Trap(Box::new(trap))
            }
            Cause::Exception(exception) => Error::Exception(Box::new(Thrown {
                exception,
                message: self.message.clone(),
                location: place.map(|(module, frame)| module.location(frame)),
                trace,
            })),
        }
    }
}

/// A trace with names.
pub(crate) fn resolve(versions: &Versions, frames: &TraceBuffer<Frame>) -> Trace {
    resolve_with(versions, frames, &mut Points::default())
}

/// The same. The points of a function are looked up once for all frames of all traces.
pub(crate) fn resolve_with(
    versions: &Versions,
    frames: &TraceBuffer<Frame>,
    points: &mut Points,
) -> Trace {
    frames.resolve(|&frame| {
        let Some(module) = versions.of_frame(frame) else {
            return Location::default();
        };
        let point = match frame {
            Frame::Code(_) => None,
            Frame::Point(record) => module.point(record),
        };
        let Some((index, state)) = point else {
            return module.location(frame);
        };
        let function = FuncId::from_index(index as usize);
        let insts = points
            .entry((module.number, function))
            .or_insert_with(|| module.instructions_of_points(index));
        let inst = insts.get(state as usize).copied().flatten();
        Location::new(module.module(), function, inst)
    })
}
