//! The dispatcher of lowered functions: what happens between two activations of a chain.
//!
//! It owns the object from which the outermost active activation was resumed, and knows the first
//! of those that lie suspended below. An activation that finishes hands its results to the next
//! object and that one is resumed; one that suspends again is linked in front of the others. Both
//! take the same few steps however long the chain is. An exception drops objects up to one whose
//! point has an exceptional entry.

use crate::call::SENTINEL;
use crate::continuation::wrong_types;
use crate::error::Stop;
use crate::exception::Place;
use crate::machine::{Event, Flow, Machine};
use crate::stack::Stack;
use crate::value::Cell;
use enjamb_ir::{Exception, Type};

type Outcome = Result<Flow, Stop>;

impl<'a> Machine<'a> {
    /// The outermost active activation finished.
    pub(crate) fn dispatch_finished(&mut self, stack: &mut Stack<'a>, results: &[Cell]) -> Outcome {
        if stack.chain.pending.is_some() {
            return Err(Stop::fault(
                "an activation finished although a callee of it is suspended",
            ));
        }
        let finished = std::mem::take(&mut stack.chain.running);
        self.objects.free(finished)?;
        let next = stack.chain.rest;
        if next == 0 {
            return self.finished(stack, results);
        }
        let types = stack.gives;
        self.resume(stack, next, results, types)
    }

    /// The whole chain finished.
    fn finished(&mut self, stack: &mut Stack<'a>, results: &[Cell]) -> Outcome {
        let task = self.scheduler.get(stack.task);
        match task.filter(|task| task.results != stack.gives) {
            Some(task) => Err(wrong_types("a task", stack.gives, task.results)),
            None => Ok(Flow::Leave(Event::Finished(results.to_vec()))),
        }
    }

    /// Delivers results of these types into the first object of the rest, and resumes it.
    fn resume(
        &mut self,
        stack: &mut Stack<'a>,
        number: u64,
        results: &[Cell],
        types: &[Type],
    ) -> Outcome {
        let object = self.objects.expect_mut(number)?;
        object.deliver(results, types)?;
        object.resume(self.epoch);
        let function = object.function;
        stack.chain.rest = std::mem::take(&mut object.next);
        stack.chain.running = number;
        stack.gives = &function.signature.results;
        self.stats.resumptions += 1;
        self.enter(stack, function, number, false)?;
        Ok(Flow::Next)
    }

    /// The outermost active activation threw.
    pub(crate) fn dispatch_thrown(
        &mut self,
        stack: &mut Stack<'a>,
        exception: Exception,
    ) -> Outcome {
        if stack.chain.pending.is_some() {
            return Err(Stop::fault(
                "an activation threw although a callee of it is suspended",
            ));
        }
        let running = std::mem::take(&mut stack.chain.running);
        self.objects.free(running)?;
        loop {
            if stack.handler_is_over() {
                return self.cancel_behind(stack, Some(exception));
            }
            let next = stack.chain.rest;
            if next == 0 {
                return self.leave_with(exception);
            }
            let object = self.objects.expect_mut(next)?;
            let (function, unwind) = (object.function, object.exceptional_entry());
            let point = object.point;
            stack.chain.rest = object.next;
            if let Some(entry) = unwind {
                stack.begin_handler(0);
                self.objects.set_point(next, entry)?;
                let words = exception.to_words().map(Cell::new);
                return self.resume(stack, next, &words, &Exception::TYPES);
            }
            if let (Some(record), Some(point)) = (&mut stack.record, point) {
                record.trace.push(Place::Point(function, point));
            }
            self.objects.free(next)?;
        }
    }

    /// The outermost active activation suspended and gave back `continuation`.
    pub(crate) fn dispatch_suspended(
        &mut self,
        stack: &mut Stack<'a>,
        continuation: u64,
    ) -> Outcome {
        let Some(wait) = stack.chain.pending.take() else {
            return Err(Stop::fault(
                "an activation suspended although no leaf waits",
            ));
        };
        let running = std::mem::take(&mut stack.chain.running);
        let rest = std::mem::take(&mut stack.chain.rest);
        if continuation == SENTINEL {
            stack.chain.after_sentinel = rest;
        } else {
            let object = self.objects.expect_mut(continuation)?;
            if object.next != 0 {
                return Err(Stop::fault(
                    "an activation suspended with an object that has a caller",
                ));
            }
            object.next = rest;
        }
        if continuation != running {
            self.objects.free(running)?;
        }
        stack.chain.rest = std::mem::take(&mut stack.chain.after_sentinel);
        Ok(Flow::Leave(Event::Parked(wait)))
    }
}
