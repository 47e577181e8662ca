//! The state of an instance, and the loop that runs a task until it finishes, suspends or starts
//! another task.

use crate::access;
use crate::continuation::Objects;
use crate::error::{Error, Fault, Location, Stop, Trap};
use crate::exception::{Place, take_record};
use crate::fuel::Fuel;
use crate::host::{HostCall, Import};
use crate::integer::narrow;
use crate::memory::Memory;
use crate::operation::Operation;
use crate::options::{Options, Stats};
use crate::scheduler::{Failure, Scheduler};
use crate::stack::{Entry, Site, Stack, Wait};
use crate::value::Cell;
use enjamb_ir::{Exception, FuncId, Module, PrimaryMap, TrapCode};

/// What an instruction leaves to be done.
#[derive(Debug)]
pub(crate) enum Flow {
    /// The next instruction of the innermost frame.
    Next,
    /// The task stops running.
    Leave(Event),
}

/// Why a task stops running.
#[derive(Debug)]
pub(crate) enum Event {
    Finished(Vec<Cell>),
    /// Nothing in it caught this exception.
    Threw(Exception),
    Parked(Wait),
    /// It started this task, which runs first.
    Spawned(u64),
}

/// An instance.
pub(crate) struct Machine<'a> {
    pub(crate) module: &'a Module,
    pub(crate) options: Options,
    pub(crate) stats: Stats,
    pub(crate) memories: Vec<Memory>,
    pub(crate) globals: Vec<u64>,
    pub(crate) tables: Vec<Vec<u64>>,
    pub(crate) imports: PrimaryMap<FuncId, Option<Import<'a>>>,
    pub(crate) host_calls: Vec<HostCall>,
    pub(crate) objects: Objects<'a>,
    pub(crate) scheduler: Scheduler<'a>,
    /// Calls of leaves that the schedule governs.
    pub(crate) leaf_calls: u64,
    /// Cost of the frames that run, of all tasks in the midst of an instruction.
    pub(crate) stack_bytes: usize,
    /// Cost of the frames that are suspended and not resumed yet.
    pub(crate) parked_bytes: usize,
    /// The instructions that the call may still take.
    pub(crate) instructions_left: u64,
    pub(crate) fuel: Fuel,
    /// Arguments of a call, between being read and being written.
    pub(crate) args: Vec<Cell>,
    /// Arguments of a branch, between being read and being written.
    pub(crate) scratch: Vec<Cell>,
}

impl<'a> Machine<'a> {
    /// Runs an export as the root task. What is left of other tasks ends with it.
    pub(crate) fn run_root(
        &mut self,
        function: FuncId,
        args: Vec<Cell>,
    ) -> Result<Vec<Cell>, Error> {
        self.instructions_left = self.options.instruction_limit.unwrap_or(u64::MAX);
        let root = self.start_task(function, args);
        let result = self.run_until_finished(root);
        let left = self.scheduler.clear();
        for mut stack in left {
            self.release(&mut stack);
        }
        result
    }

    fn run_until_finished(&mut self, root: u64) -> Result<Vec<Cell>, Error> {
        let mut next = self.scheduler.take(root);
        loop {
            match next {
                Some(stack) => {
                    self.fuel.begin_turn();
                    self.run_task(stack)?;
                }
                None => {
                    let trap = self.deadlock(root);
                    self.finish(root, Err(Failure::Trap(trap)));
                }
            }
            if let Some(result) = self.scheduler.result(root) {
                return result.map_err(|failure| match failure {
                    Failure::Trap(trap) => Error::Trap(trap),
                    Failure::Exception(record) => Error::Exception(record.uncaught(self.module)),
                });
            }
            next = self.scheduler.next_runnable();
        }
    }

    /// Runs a task and those that it starts, until it and they finished or suspended.
    fn run_task(&mut self, stack: Stack<'a>) -> Result<(), Error> {
        let mut active = vec![stack];
        while let Some(mut stack) = active.pop() {
            match self.proceed(&mut stack) {
                Ok(Event::Spawned(task)) => {
                    active.push(stack);
                    active.extend(self.scheduler.take(task));
                }
                Ok(Event::Finished(results)) => self.finish(stack.task, Ok(results)),
                Ok(Event::Threw(exception)) => {
                    let record = take_record(&mut stack, exception);
                    self.finish(stack.task, Err(Failure::Exception(record)));
                }
                Ok(Event::Parked(wait)) => self.scheduler.park(stack, wait),
                Err(stop) => {
                    let ended = self.ended(&stack, stop);
                    self.release(&mut stack);
                    match ended {
                        Error::Trap(trap) => self.finish(stack.task, Err(Failure::Trap(trap))),
                        other => {
                            active.iter_mut().for_each(|stack| self.release(stack));
                            return Err(other);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Runs a task from where it stands.
    fn proceed(&mut self, stack: &mut Stack<'a>) -> Result<Event, Stop> {
        let mut flow = match std::mem::take(&mut stack.entry) {
            Entry::Running => Flow::Next,
            Entry::Call(function, args) => {
                self.args.clear();
                self.args.extend(args);
                self.invoke(stack, function, None)?
            }
            Entry::Wake(Ok(results)) => self.deliver(stack, &results)?,
            Entry::Wake(Err(Failure::Exception(record))) => self.throw_from(stack, record)?,
            Entry::Wake(Err(Failure::Trap(trap))) => {
                self.raise(stack);
                return Err(Stop::Joined(trap));
            }
        };
        loop {
            match flow {
                Flow::Next => flow = self.step(stack)?,
                Flow::Leave(event) => return Ok(event),
            }
        }
    }

    fn step(&mut self, stack: &mut Stack<'a>) -> Result<Flow, Stop> {
        let Some(site) = stack.advance() else {
            return Err(Stop::fault("control ran past the end of a block"));
        };
        if self.instructions_left == 0 {
            return Err(Stop::TooManyInstructions);
        }
        self.instructions_left -= 1;
        self.stats.instructions += 1;
        match Operation::of(site.data.opcode) {
            Operation::Handled(handler) => handler(self, stack, &site),
            Operation::Load(from) => access::load(self, stack, &site, from),
            Operation::Store(size) => access::store(self, stack, &site, size),
            pure => {
                let bits = evaluate(pure, stack, &site)?;
                site.define(stack, bits);
                Ok(Flow::Next)
            }
        }
    }

    /// What a task ends with that stops in the middle of an instruction.
    fn ended(&self, stack: &Stack<'a>, stop: Stop) -> Error {
        let mut trap = match stop {
            Stop::TooManyInstructions => return Error::TooManyInstructions,
            Stop::Fault(reason) => {
                let location = stack.site().map(|site| self.location(&site));
                return Error::Fault(Box::new(Fault { reason, location }));
            }
            Stop::Joined(trap) => trap,
            Stop::Trap(code) => Box::new(Trap::new(code)),
        };
        self.add_logical_stack(stack, &mut trap);
        Error::Trap(trap)
    }

    fn add_logical_stack(&self, stack: &Stack<'a>, trap: &mut Trap) {
        self.walk_logical_stack(stack, |place| trap.push(|| place.location(self.module)));
    }

    /// Visits where a task stands: its frames, then the objects of its suspended activations.
    pub(crate) fn walk_logical_stack(&self, stack: &Stack<'a>, mut visit: impl FnMut(Place<'a>)) {
        let sites = stack.frames.iter().rev().filter_map(|frame| frame.site());
        sites.for_each(|site| visit(Place::Inst(site.function, site.inst)));
        let mut next = stack.chain.rest;
        while let Some(object) = self.objects.get(next) {
            if let Some(point) = object.point {
                visit(Place::Point(object.function, point));
            }
            next = object.next;
        }
    }

    fn location(&self, site: &Site<'a>) -> Location {
        Location::of_instruction(self.module, site.function, site.inst)
    }

    /// The trap of a call whose root waits for something that cannot happen.
    fn deadlock(&mut self, root: u64) -> Box<Trap> {
        let mut trap = Box::new(Trap::new(TrapCode::Deadlock));
        if let Some(mut stack) = self.scheduler.take(root) {
            self.add_logical_stack(&stack, &mut trap);
            self.release(&mut stack);
        }
        trap
    }

    /// Traps if suspended frames, objects and tasks, with so many bytes more, exceed the limit.
    pub(crate) fn keep(&self, more: usize) -> Result<(), Stop> {
        let kept = self.parked_bytes + self.objects.bytes() + self.scheduler.record_bytes();
        match kept.saturating_add(more) > self.options.memory_limit {
            true => Err(TrapCode::OutOfMemory.into()),
            false => Ok(()),
        }
    }

    /// Gives back what the frames and objects of a task that ended take.
    pub(crate) fn release(&mut self, stack: &mut Stack<'a>) {
        self.stack_bytes -= stack.active;
        let parked: usize = stack.frames[..stack.floor]
            .iter()
            .map(|frame| frame.cost)
            .sum();
        self.parked_bytes -= parked;
        self.objects.release(&stack.chain);
        *stack = Stack::new(stack.task, Entry::Running);
    }
}

/// The result of an operation that computes from its operands and nothing else.
fn evaluate<'a>(operation: Operation<'a>, stack: &Stack<'a>, site: &Site<'a>) -> Result<u64, Stop> {
    let result = site.function.value_type(site.results()[0]);
    let width = result.bits();
    let first = site.arg(stack, 0)?;
    let second = || site.arg(stack, 1);
    let integer = |value: i64| narrow(width, value) as u64;
    Ok(match operation {
        Operation::IntUnary(apply) => integer(apply(width, first as i64)),
        Operation::IntBinary(apply) => integer(apply(width, first as i64, second()? as i64)),
        Operation::IntDivision(apply) => integer(apply(width, first as i64, second()? as i64)?),
        Operation::FloatUnary(unary) => unary.apply(result, first),
        Operation::FloatBinary(binary) => binary.apply(result, first, second()?),
        Operation::SignUnary(apply) => apply(result, first),
        Operation::SignBinary(apply) => apply(result, first, second()?),
        Operation::Convert(convert) => {
            let from = site.function.value_type(site.args()[0]);
            convert(from, result, first)?
        }
        Operation::Load(_) | Operation::Store(_) | Operation::Handled(_) => {
            return Err(Stop::fault("an operation with effects is not evaluated"));
        }
    })
}
