//! Calls, returns and suspension, of functions as they were written and of lowered ones.
//!
//! A call of an async function in a lowered function has a hidden first result, null or a
//! continuation. Handlers here tell the two kinds of function apart by the stage of the caller;
//! where no caller is left, [`crate::dispatch`] goes on.

use crate::control::{self, wrong_payload};
use crate::error::Stop;
use crate::host::Called;
use crate::machine::{Event, Flow, Machine};
use crate::stack::{Entry, Frame, Site, Stack, Wait, frame_cost};
use crate::value::{Cell, function_of};
use enjamb_ir::{FuncId, Function, FunctionKind, Payload, Stage, TrapCode, Type};

type Outcome = Result<Flow, Stop>;

/// The continuation that a leaf gives back: the head of the chain that its callers build.
pub(crate) const SENTINEL: u64 = 1;

pub(crate) fn call<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let callee = machine.callee(stack, site)?;
    machine.safepoint(stack, site)?;
    machine.invoke(stack, callee, Some((site, false)))
}

pub(crate) fn return_call<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let callee = machine.callee(stack, site)?;
    let keeps_frame = stack
        .frames
        .last()
        .is_some_and(|frame| frame.context.is_some());
    machine.invoke(stack, callee, Some((site, !keeps_frame)))
}

pub(crate) fn return_<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    machine.read_args(stack, site, 0)?;
    machine.pop(stack);
    let results = std::mem::take(&mut machine.args);
    let flow = machine.deliver(stack, &results);
    machine.args = results;
    flow
}

impl<'a> Machine<'a> {
    /// What a call calls; its arguments go to `args`.
    pub(crate) fn callee(&mut self, stack: &Stack<'a>, site: &Site<'a>) -> Result<FuncId, Stop> {
        match site.data.payload {
            Payload::Function(function) => {
                self.read_args(stack, site, 0)?;
                Ok(function)
            }
            Payload::Signature(signature) => {
                let function = function_of(site.arg(stack, 0)?);
                let function = function.ok_or(Stop::Trap(TrapCode::NullReference))?;
                if self.module.functions[function].signature()
                    != &site.function.signatures[signature]
                {
                    return Err(TrapCode::SignatureMismatch.into());
                }
                self.read_args(stack, site, 1)?;
                Ok(function)
            }
            _ => Err(wrong_payload(site)),
        }
    }

    /// Reads the operands from `first` on into `args`.
    pub(crate) fn read_args(
        &mut self,
        stack: &Stack<'a>,
        site: &Site<'a>,
        first: usize,
    ) -> Result<(), Stop> {
        self.args.clear();
        for &arg in &site.args()[first..] {
            self.args.push(site.cell(stack, arg)?);
        }
        Ok(())
    }

    /// Calls a function with `args`: from an instruction, in place of its frame if so marked, or
    /// as the first of a task.
    pub(crate) fn invoke(
        &mut self,
        stack: &mut Stack<'a>,
        callee: FuncId,
        caller: Option<(&Site<'a>, bool)>,
    ) -> Outcome {
        let tail = caller.is_some_and(|(_, tail)| tail);
        match &self.module.functions[callee].kind {
            FunctionKind::Body(function) => {
                self.enter(stack, function, 0, tail)?;
                Ok(Flow::Next)
            }
            FunctionKind::Import { .. } => {
                let called = self.call_import(stack, callee)?;
                if tail {
                    self.pop(stack);
                }
                match called {
                    Called::Ready(results) => self.deliver(stack, &results),
                    Called::Threw(exception, message) => self.throw(stack, exception, message),
                    Called::Waits(wait, results) => {
                        let lowered = caller.filter(|(site, _)| is_lowered(site.function));
                        let gives = &self.module.functions[callee].signature().results[..];
                        self.suspend_leaf(stack, wait, results, lowered.map(|_| gives))
                    }
                }
            }
        }
    }

    /// Pushes a frame, in place of the innermost one if so marked.
    pub(crate) fn enter(
        &mut self,
        stack: &mut Stack<'a>,
        function: &'a Function,
        own: u64,
        tail: bool,
    ) -> Result<(), Stop> {
        let cost = frame_cost(function);
        let freed = stack
            .frames
            .last()
            .filter(|_| tail)
            .map_or(0, |frame| frame.cost);
        if self.stack_bytes - freed + cost > self.options.stack_limit {
            return Err(TrapCode::StackOverflow.into());
        }
        if tail {
            self.pop(stack);
        }
        let checks = self.options.check_roots || !function.roots.is_empty();
        stack.push(function, own, &self.args, checks);
        if let Some(frame) = stack.frames.last_mut() {
            frame.context = self.context.at_entry(function);
        }
        self.stack_bytes += cost;
        Ok(())
    }

    /// Removes the innermost frame. Its caller finds the context word as it was.
    pub(crate) fn pop(&mut self, stack: &mut Stack<'a>) {
        let context = stack.frames.last().and_then(|frame| frame.context);
        self.context.word = context.unwrap_or(self.context.word);
        self.stack_bytes -= stack.pop();
    }

    /// Resumes the innermost frame if it is suspended.
    pub(crate) fn raise(&mut self, stack: &mut Stack<'a>) {
        if self.unpark(stack) {
            self.stats.resumptions += 1;
        }
    }

    /// Counts the innermost frame as active if it is suspended, and says whether it was.
    pub(crate) fn unpark(&mut self, stack: &mut Stack<'a>) -> bool {
        let Some(cost) = stack.raise() else {
            return false;
        };
        self.parked_bytes -= cost;
        self.stack_bytes += cost;
        true
    }

    /// Hands the results of an activation that finished, and has no frame any more, to its caller.
    pub(crate) fn deliver(&mut self, stack: &mut Stack<'a>, results: &[Cell]) -> Outcome {
        loop {
            if stack.handler_is_over() {
                self.objects
                    .free(std::mem::take(&mut stack.chain.running))?;
                return self.cancel_behind(stack, None);
            }
            self.raise(stack);
            // Frames that have made a tail call, and remember the context word.
            if !stack.frames.last().is_some_and(Frame::waits_to_return) {
                break;
            }
            self.pop(stack);
        }
        let Some(site) = stack.site() else {
            return self.dispatch_finished(stack, results);
        };
        let given = site.function.normal_results(site.inst).len();
        let hidden = match given.checked_sub(results.len()) {
            Some(hidden @ (0 | 1)) => hidden,
            _ => return Err(Stop::fault("a call with another number of results")),
        };
        if hidden == 1 {
            site.define(stack, 0);
        }
        for (position, &cell) in results.iter().enumerate() {
            site.set(stack, hidden + position, cell);
        }
        control::go_on(self, stack, &site)
    }

    /// Hands a continuation to the lowered caller of an activation that suspended.
    pub(crate) fn deliver_suspended(
        &mut self,
        stack: &mut Stack<'a>,
        continuation: u64,
    ) -> Outcome {
        let Some(site) = stack.site() else {
            return self.dispatch_suspended(stack, continuation);
        };
        if !is_lowered(site.function) || site.results().is_empty() {
            return Err(Stop::fault(
                "a continuation is given to a function that takes none",
            ));
        }
        for position in 0..site.results().len() {
            site.set(stack, position, Cell::UNDEFINED);
        }
        site.define(stack, continuation);
        control::go_on(self, stack, &site)
    }

    /// Suspends a task in a leaf that waits; `results` are the leaf's when it goes on. A function
    /// as it was written stays on the parked stack; a lowered one gets the sentinel, and whatever goes on
    /// with the results is told their types.
    pub(crate) fn suspend_leaf(
        &mut self,
        stack: &mut Stack<'a>,
        wait: Wait,
        results: Vec<Cell>,
        lowered: Option<&'a [Type]>,
    ) -> Outcome {
        self.stats.suspensions += 1;
        stack.entry = Entry::Wake(Ok(results));
        if let Some(types) = lowered {
            if stack.chain.pending.is_some() {
                return Err(Stop::fault(
                    "a second leaf waits before the first one's chain is built",
                ));
            }
            stack.chain.pending = Some(wait);
            stack.chain.after_sentinel = 0;
            stack.gives = types;
            return self.deliver_suspended(stack, SENTINEL);
        }
        self.stats.frames_suspended += (stack.frames.len() - stack.floor) as u64;
        self.keep(stack.active)?;
        self.parked_bytes += stack.active;
        self.stack_bytes -= stack.active;
        stack.active = 0;
        stack.floor = stack.frames.len();
        Ok(Flow::Leave(Event::Parked(wait)))
    }
}

/// Whether a function has been through the async transform.
pub(crate) fn is_lowered(function: &Function) -> bool {
    function.stage == Stage::Lowered
}
