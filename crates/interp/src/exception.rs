//! Exceptions: how they leave activations until one of them has a handler.
//!
//! An exception on its way is two words. Where it was thrown stands in the record of its task, which
//! holds one exception, the last: a handler that throws it on finds it there.

use crate::control;
use crate::error::{Location, Stop, Uncaught};
use crate::machine::{Event, Flow, Machine};
use crate::stack::{Site, Stack};
use crate::value::Cell;
use enjamb_ir::{Exception, Function, Inst, Module, PointId};

type Outcome = Result<Flow, Stop>;

/// A place on a logical stack.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place<'a> {
    /// An activation with a frame stands at an instruction.
    Inst(&'a Function, Inst),
    /// One that lies in an object is suspended at a point.
    Point(&'a Function, PointId),
}

impl Place<'_> {
    pub(crate) fn location(self, module: &Module) -> Location {
        match self {
            Place::Inst(function, inst) => Location::of_instruction(module, function, inst),
            Place::Point(function, point) => Location::of_point(module, function, point),
        }
    }
}

/// The exception that a task threw last, and where.
#[derive(Debug)]
pub(crate) struct Record<'a> {
    pub(crate) exception: Exception,
    /// What a host function said.
    message: Option<String>,
    /// The logical stack, not more than [`Uncaught::STACK_SHOWN`].
    places: Vec<Place<'a>>,
    /// How many callers are not listed.
    omitted: usize,
}

impl<'a> Record<'a> {
    fn new(exception: Exception, message: Option<String>) -> Box<Self> {
        Box::new(Record {
            exception,
            message,
            places: Vec::new(),
            omitted: 0,
        })
    }

    fn push(&mut self, place: Place<'a>) {
        if self.places.len() < Uncaught::STACK_SHOWN {
            self.places.push(place);
        } else {
            self.omitted += 1;
        }
    }

    /// What the host gets to see.
    pub(crate) fn uncaught(&self, module: &Module) -> Box<Uncaught> {
        let locations = self.places.iter().map(|place| place.location(module));
        Box::new(Uncaught {
            exception: self.exception,
            message: self.message.clone(),
            stack: locations.collect(),
            omitted: self.omitted,
        })
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
        Some(record) if record.exception == exception => machine.unwind(stack, exception),
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
        self.throw_from(stack, Record::new(exception, message))
    }

    /// Throws the exception of a record whose places are those further in: of the joined task.
    pub(crate) fn throw_from(
        &mut self,
        stack: &mut Stack<'a>,
        mut record: Box<Record<'a>>,
    ) -> Outcome {
        let exception = record.exception;
        self.walk_logical_stack(stack, |place| record.push(place));
        stack.record = Some(record);
        self.unwind(stack, exception)
    }

    /// Drops activations with a frame up to one that stands at an instruction with an unwind target,
    /// which goes on there.
    pub(crate) fn unwind(&mut self, stack: &mut Stack<'a>, exception: Exception) -> Outcome {
        while let Some(site) = stack.site() {
            if let Some(results) = site.function.exception_results(site.inst) {
                self.raise(stack);
                let first = site.results().len() - results.len();
                for (position, word) in exception.to_words().into_iter().enumerate() {
                    site.set(stack, first + position, Cell::new(word));
                }
                return control::go(self, stack, &site, control::UNWIND);
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
}

/// The record of a task that ends with an exception.
pub(crate) fn take_record<'a>(stack: &mut Stack<'a>, exception: Exception) -> Box<Record<'a>> {
    stack
        .record
        .take()
        .unwrap_or_else(|| Record::new(exception, None))
}
