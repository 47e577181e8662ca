//! Exceptions: how they leave activations until one of them has a handler.
//!
//! An exception on its way is two words. The frames that it has left stand in the record of its task,
//! which holds one exception, the last: a handler that throws it on goes on with that record.

use crate::continuation::Objects;
use crate::control;
use crate::error::{Error, Stop, Trap, Uncaught};
use crate::heap::{Heap, Reference};
use crate::host_objects::exception_to_host;
use crate::machine::{Event, Flow, Machine};
use crate::scheduler::Scheduler;
use crate::stack::{Frame, Site, Stack};
use crate::value::Cell;
use enjamb_ir::hash::FxHashSet;
use enjamb_ir::trace::named_position;
use enjamb_ir::{
    Exception, Function, Inst, Location, Module, PointId, Stage, Trace, TraceBuffer, TraceLimits,
    TrapCode, is_tail_await,
};

type Outcome = Result<Flow, Stop>;

/// A place on a logical stack.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place<'a> {
    /// An activation with a frame stands at an instruction.
    Inst(&'a Function, Inst),
    /// One that lies in an object is suspended at a point.
    Point(&'a Function, PointId),
}

impl<'a> Place<'a> {
    /// The place of a frame on the logical stack, if it is there: a frame that only waits to return what
    /// its callee returns is not, unless it remembers the context word.
    pub(crate) fn of(module: &Module, frame: &Frame<'a>) -> Option<Self> {
        let site = frame.site()?;
        let is_tail = |end| is_tail_await(module, site.function, site.inst, end);
        let is_left = site.function.stage == Stage::Source
            && frame.context.is_none()
            && frame.following().is_some_and(is_tail);
        (!is_left).then_some(Place::Inst(site.function, site.inst))
    }

    pub(crate) fn location(self, module: &Module) -> Location {
        match self {
            Place::Inst(function, inst) => {
                Location::inside(module, function, Some(function.source_inst(inst)))
            }
            Place::Point(function, point) => Location {
                function: function.name.clone(),
                instruction: point.to_string(),
                position: function.points[point]
                    .position
                    .map(|position| named_position(module, position)),
            },
        }
    }
}

/// What ended a task, or an exception that a task has caught, and the frames that it has left.
#[derive(Debug)]
pub(crate) struct Record<'a> {
    pub(crate) cause: Cause,
    /// What else there is to say about a trap.
    pub(crate) message: Option<String>,
    pub(crate) trace: TraceBuffer<Place<'a>>,
}

/// What ends a task without results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    Trap(TrapCode),
    /// With what a host function said.
    Exception(Exception, Option<String>),
}

impl<'a> Record<'a> {
    pub(crate) fn new(cause: Cause, limits: TraceLimits) -> Box<Self> {
        let trace = TraceBuffer::new(limits);
        Box::new(Record {
            cause,
            message: None,
            trace,
        })
    }

    /// The exception, unless it is a trap.
    pub(crate) fn exception(&self) -> Option<Exception> {
        match self.cause {
            Cause::Exception(exception, _) => Some(exception),
            Cause::Trap(_) => None,
        }
    }

    /// Visits the payload of the exception.
    pub(crate) fn each_reference(&self, visit: &mut dyn FnMut(Reference)) {
        let payload = self.exception().and_then(|exception| exception.payload);
        payload.into_iter().for_each(visit);
    }

    /// What the host gets to see.
    pub(crate) fn error(&self, module: &Module, heap: Option<&Heap>) -> Error {
        let location = self.trace.first().map(|place| place.location(module));
        let trace = self.trace.resolve(|place| place.location(module));
        match &self.cause {
            &Cause::Trap(code) => Error::Trap(Box::new(Trap {
                code,
                message: self.message.clone(),
                location,
                trace,
            })),
            Cause::Exception(exception, message) => Error::Exception(Box::new(Uncaught {
                exception: exception_to_host(heap, *exception),
                message: message.clone(),
                location,
                trace,
            })),
        }
    }
}

/// The exception that an instruction throws.
fn operands(stack: &Stack<'_>, site: &Site<'_>) -> Result<Exception, Stop> {
    Ok(Exception::from_words(
        site.arg(stack, 0)?,
        site.arg(stack, 1)?,
    ))
}

pub(crate) fn throw<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let exception = operands(stack, site)?;
    machine.throw(stack, exception, None)
}

pub(crate) fn rethrow<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let exception = operands(stack, site)?;
    match &stack.record {
        Some(record) if record.exception() == Some(exception) => machine.unwind(stack, exception),
        _ => machine.throw(stack, exception, None),
    }
}

impl<'a> Machine<'a> {
    /// Throws an exception at the place where a task stands.
    pub(crate) fn throw(
        &mut self,
        stack: &mut Stack<'a>,
        exception: Exception,
        message: Option<String>,
    ) -> Outcome {
        let cause = Cause::Exception(exception, message);
        stack.record = Some(Record::new(cause, self.options.trace));
        self.unwind(stack, exception)
    }

    /// Drops activations with a frame up to one that stands at an instruction with an unwind target,
    /// which goes on there. Those that are dropped are added to the record of the exception.
    pub(crate) fn unwind(&mut self, stack: &mut Stack<'a>, exception: Exception) -> Outcome {
        while let Some(site) = stack.site() {
            if stack.handler_is_over() {
                return self.cancel_behind(stack, Some(exception));
            }
            if let Some(results) = site.function.exception_results(site.inst) {
                self.raise(stack);
                stack.begin_handler(stack.frames.len() - 1);
                let first = site.results().len() - results.len();
                for (position, word) in exception.to_words().into_iter().enumerate() {
                    site.set(stack, first + position, Cell::new(word));
                }
                return control::go(self, stack, &site, control::UNWIND);
            }
            let place = stack.frames.last();
            let place = place.and_then(|frame| Place::of(self.module, frame));
            if let (Some(record), Some(place)) = (&mut stack.record, place) {
                record.trace.push(place);
            }
            self.unpark(stack);
            self.pop(stack);
        }
        self.dispatch_thrown(stack, exception)
    }

    /// Ends a task that nothing in it caught an exception of.
    pub(crate) fn leave_with(&self, exception: Exception) -> Outcome {
        Ok(Flow::Leave(Event::Threw(exception)))
    }

    /// The record of a task that ends with an exception.
    pub(crate) fn take_record(
        &self,
        stack: &mut Stack<'a>,
        exception: Exception,
    ) -> Box<Record<'a>> {
        let cause = Cause::Exception(exception, None);
        let record = stack.record.take();
        record.unwrap_or_else(|| Record::new(cause, self.options.trace))
    }
}

/// Visits where a task stands: its frames without so many `inner` ones, then the objects of its
/// suspended activations.
pub(crate) fn walk_logical_stack<'a>(
    module: &Module,
    objects: &Objects<'a>,
    stack: &Stack<'a>,
    inner: usize,
    mut visit: impl FnMut(Place<'a>),
) {
    let frames = stack.frames.iter().rev().skip(inner);
    let places = frames.filter_map(|frame| Place::of(module, frame));
    places.for_each(&mut visit);
    let mut next = stack.chain.rest;
    while let Some(object) = objects.get(next) {
        if let Some(point) = object.point {
            visit(Place::Point(object.function, point));
        }
        next = object.next;
    }
}

/// The logical stacks of suspended tasks, in the order in which they were started: where each waits, its
/// callers, and those of the task that waits for it.
pub(crate) fn suspended_stacks(
    module: &Module,
    scheduler: &Scheduler<'_>,
    objects: &Objects<'_>,
    limits: TraceLimits,
) -> Vec<Trace> {
    let stacks = scheduler.suspended().into_iter().map(|task| {
        let mut trace = TraceBuffer::new(limits);
        let (mut next, mut seen) = (Some(task), FxHashSet::default());
        while let Some(task) = next.filter(|&task| seen.insert(task)) {
            if let Some(stack) = scheduler.stack(task) {
                walk_logical_stack(module, objects, stack, 0, |place| trace.push(place));
            }
            next = scheduler.joiner(task);
        }
        trace.resolve(|place| place.location(module))
    });
    stacks.collect()
}
