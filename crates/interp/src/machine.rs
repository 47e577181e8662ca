//! The state of an instance, and the loop that runs a task until it finishes, suspends or starts
//! another task.

use crate::access;
use crate::context::Context;
use crate::continuation::Objects;
use crate::error::{Error, Fault, Stop};
use crate::exception::{Cause, Place, Record, walk_logical_stack};
use crate::fuel::Fuel;
use crate::heap::Heap;
use crate::host::{HostCall, Import};
use crate::integer::narrow;
use crate::memory::Memory;
use crate::operation::Operation;
use crate::options::{Options, Stats, Turn};
use crate::scheduler::{Ended, Scheduler};
use crate::stack::{Entry, Site, Stack, Wait};
use crate::value::Cell;
use enjamb_ir::{Exception, FuncId, Location, Module, PrimaryMap, TrapCode, Watcher};

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
    pub(crate) watcher: Option<Watcher<Stats>>,
    pub(crate) memories: Vec<Memory>,
    pub(crate) globals: Vec<Cell>,
    pub(crate) tables: Vec<Vec<u64>>,
    pub(crate) imports: PrimaryMap<FuncId, Option<Import<'a>>>,
    pub(crate) host_calls: Vec<HostCall>,
    pub(crate) objects: Objects<'a>,
    /// The objects of the program, if its module declares types of them.
    pub(crate) heap: Option<Heap>,
    /// The number of safepoints so far.
    pub(crate) epoch: u32,
    /// The tasks that wait until one that they have started stops running.
    pub(crate) spawners: Vec<Stack<'a>>,
    pub(crate) scheduler: Scheduler<'a>,
    /// Cost of the frames that run, of all tasks in the midst of an instruction.
    pub(crate) stack_bytes: usize,
    /// Cost of the frames that are suspended and not resumed yet.
    pub(crate) parked_bytes: usize,
    /// The instructions that the call may still take.
    pub(crate) instructions_left: u64,
    pub(crate) fuel: Fuel,
    pub(crate) context: Context,
    /// Arguments of a call, between being read and being written.
    pub(crate) args: Vec<Cell>,
    /// Arguments of a branch, between being read and being written.
    pub(crate) scratch: Vec<Cell>,
}

impl<'a> Machine<'a> {
    /// Runs an export as the root task. Tasks that are left then stay as they are.
    pub(crate) fn run_root(
        &mut self,
        function: FuncId,
        args: Vec<Cell>,
    ) -> Result<Vec<Cell>, Error> {
        self.allow_instructions();
        let ended = match self.module.functions[function].signature().is_async {
            true => self.keeping_context(|machine| machine.run_until_finished(function, args)),
            // What it has made of the context word stays.
            false => self.run_until_finished(function, args),
        };
        let ended = self.or_give_up(ended)?;
        ended.map_err(|record| record.error(self.module, self.heap.as_ref()))
    }

    fn run_until_finished(
        &mut self,
        function: FuncId,
        args: Vec<Cell>,
    ) -> Result<Ended<'a>, Error> {
        let root = self.start_task(function, args);
        self.scheduler.set_root(root);
        if let Some(stack) = self.scheduler.take(root) {
            self.fuel.begin_turn();
            self.run_task(stack)?;
        }
        loop {
            if let Some(ended) = self.scheduler.root_result() {
                return Ok(ended);
            }
            match self.turn()? {
                Turn::Ran => {}
                Turn::Waiting(time) => std::thread::sleep(time),
                Turn::Idle => {
                    let record = self.deadlock(root);
                    self.finish(root, Err(record));
                }
            }
        }
    }

    /// Gives the next task that can run a turn.
    fn turn(&mut self) -> Result<Turn, Error> {
        self.publish(self.scheduler.is_idle());
        let Some(stack) = self.scheduler.next_runnable() else {
            let time = self.scheduler.time_to_wait();
            return Ok(time.map_or(Turn::Idle, Turn::Waiting));
        };
        self.trace_resume(&stack);
        self.fuel.begin_turn();
        self.run_task(stack)?;
        Ok(Turn::Ran)
    }

    /// The same between calls.
    pub(crate) fn turn_between_calls(&mut self) -> Result<Turn, Error> {
        self.allow_instructions();
        let turn = self.keeping_context(Self::turn);
        self.or_give_up(turn)
    }

    fn allow_instructions(&mut self) {
        self.instructions_left = self.options.instruction_limit.unwrap_or(u64::MAX);
    }

    /// Does something that leaves the context word as it is.
    fn keeping_context<R>(&mut self, work: impl FnOnce(&mut Self) -> R) -> R {
        let word = self.context.word;
        let result = work(self);
        self.context.word = word;
        result
    }

    /// After an error of the interpreter's nothing is known of what its tasks would do.
    fn or_give_up<R>(&mut self, result: Result<R, Error>) -> Result<R, Error> {
        if result.is_err() {
            self.drop_tasks();
        }
        result
    }

    /// Drops all tasks.
    pub(crate) fn drop_tasks(&mut self) {
        for mut stack in self.scheduler.clear() {
            self.release(&mut stack);
        }
    }

    /// Runs a task and those that it starts, until it and they finished or suspended.
    fn run_task(&mut self, stack: Stack<'a>) -> Result<(), Error> {
        let mut next = Some(stack);
        while let Some(mut stack) = next.take().or_else(|| self.spawners.pop()) {
            self.context.word = stack.context;
            let stopped = self.proceed(&mut stack);
            stack.context = self.context.word;
            match stopped {
                Ok(Event::Spawned(task)) => {
                    self.spawners.push(stack);
                    next = self.scheduler.take(task);
                }
                Ok(Event::Finished(results)) => self.finish(stack.task, Ok(results)),
                Ok(Event::Threw(exception)) => {
                    let record = self.take_record(&mut stack, exception);
                    self.finish(stack.task, Err(record));
                }
                Ok(Event::Parked(wait)) => {
                    self.trace_suspend(&stack, wait);
                    self.scheduler.park(stack, wait);
                }
                Err(stop) => {
                    let ended = self.ended(&mut stack, stop);
                    self.release(&mut stack);
                    match ended {
                        Ok(record) => self.finish(stack.task, Err(record)),
                        Err(error) => {
                            for mut stack in std::mem::take(&mut self.spawners) {
                                self.release(&mut stack);
                            }
                            return Err(error);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Runs a task from where it stands.
    fn proceed(&mut self, stack: &mut Stack<'a>) -> Result<Event, Stop> {
        stack.epoch = self.epoch;
        let mut flow = match std::mem::take(&mut stack.entry) {
            Entry::Running => Flow::Next,
            Entry::Call(function, args) => {
                self.args.clear();
                self.args.extend(args);
                stack.gives = &self.module.functions[function].signature().results;
                self.invoke(stack, function, None)?
            }
            Entry::Cancelled => self.begin_cancelling(stack)?,
            Entry::Wake(Ok(results)) => self.deliver(stack, &results)?,
            Entry::Wake(Err(record)) => self.joined(stack, record)?,
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
            Operation::Bits(bits) => {
                site.set(stack, 0, bits.evaluate(stack, &site)?);
                Ok(Flow::Next)
            }
            Operation::Lanes(lanes) => {
                site.set(stack, 0, lanes.evaluate(stack, &site)?);
                Ok(Flow::Next)
            }
            pure => {
                let bits = evaluate(pure, stack, &site)?;
                site.define(stack, bits);
                Ok(Flow::Next)
            }
        }
    }

    /// The task that was joined ended like this: the frames further in are those of its record.
    pub(crate) fn joined(
        &mut self,
        stack: &mut Stack<'a>,
        record: Box<Record<'a>>,
    ) -> Result<Flow, Stop> {
        let exception = record.exception();
        stack.record = Some(record);
        match exception {
            Some(exception) => self.unwind(stack, exception),
            None => {
                self.raise(stack);
                Err(Stop::Joined)
            }
        }
    }

    /// What a task ends with that stops in the middle of an instruction: a trap, or an error of the
    /// call.
    fn ended(&self, stack: &mut Stack<'a>, stop: Stop) -> Result<Box<Record<'a>>, Error> {
        let record = match stop {
            Stop::TooManyInstructions => return Err(Error::TooManyInstructions),
            Stop::Fault(reason) => {
                let location = stack.site().map(|site| self.location(&site));
                return Err(Error::Fault(Box::new(Fault { reason, location })));
            }
            Stop::Joined => stack.record.take(),
            Stop::Trap(code) => Some(Record::new(Cause::Trap(code), self.options.trace)),
        };
        let unknown = || Record::new(Cause::Trap(TrapCode::Unreachable), self.options.trace);
        let mut record = record.unwrap_or_else(unknown);
        // What stopped was the instruction itself, not what it waits for.
        if let Some(site) = stack.site() {
            record.trace.push(Place::Inst(site.function, site.inst));
        }
        walk_logical_stack(self.module, &self.objects, stack, 1, |place| {
            record.trace.push(place);
        });
        Ok(record)
    }

    fn location(&self, site: &Site<'a>) -> Location {
        Location::inside(self.module, site.function, Some(site.inst))
    }

    /// The trap of a call whose root waits for something that cannot happen.
    fn deadlock(&mut self, root: u64) -> Box<Record<'a>> {
        let mut record = Record::new(Cause::Trap(TrapCode::Deadlock), self.options.trace);
        if let Some(mut stack) = self.scheduler.take(root) {
            walk_logical_stack(self.module, &self.objects, &stack, 0, |place| {
                record.trace.push(place);
            });
            self.release(&mut stack);
        }
        record
    }

    /// Tells a watcher who has asked, or, so that he has not to ask, in any case.
    pub(crate) fn publish(&mut self, in_any_case: bool) {
        let asked = |watcher: &mut Watcher<Stats>| in_any_case || watcher.is_asked();
        if let Some(mut watcher) = self.watcher.take_if(asked) {
            let heap = self.heap.as_ref().map(Heap::statistics);
            watcher.publish(self.stats(), heap);
            self.watcher = Some(watcher);
        }
    }

    /// What has happened so far.
    pub(crate) fn stats(&self) -> Stats {
        let mut stats = self.stats;
        self.objects.count(&mut stats);
        stats.fuel_used = self.fuel.used();
        stats.tasks_live = self.scheduler.count(self.module);
        stats.task_bytes = self.held() as u64;
        stats
    }

    /// Bytes of suspended frames, objects and tasks.
    fn held(&self) -> usize {
        self.parked_bytes + self.objects.held() + self.scheduler.record_bytes()
    }

    /// Traps if suspended frames, objects and tasks, with so many bytes more, exceed the limit.
    pub(crate) fn keep(&self, more: usize) -> Result<(), Stop> {
        match self.held().saturating_add(more) > self.options.memory_limit {
            true => Err(TrapCode::OutOfMemory.into()),
            false => Ok(()),
        }
    }

    /// Gives back what the frames and objects of a task that ended take.
    pub(crate) fn release(&mut self, stack: &mut Stack<'a>) {
        self.stack_bytes -= stack.active;
        self.parked_bytes -= stack.parked_bytes();
        self.objects.release(&stack.chain);
        *stack = Stack::new(stack.task, Entry::Running);
    }
}

/// The result of an operation that computes a number from its operands and nothing else.
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
        Operation::Bits(_)
        | Operation::Lanes(_)
        | Operation::Load(_)
        | Operation::Store(_)
        | Operation::Handled(_) => {
            return Err(Stop::fault("an operation is not one on numbers"));
        }
    })
}
