//! Instructions on tasks, and the end of a task.

use crate::call::is_lowered;
use crate::control::wrong_payload;
use crate::error::Stop;
use crate::exception::{Cause, Record};
use crate::machine::{Event, Flow, Machine};
use crate::scheduler::Ended;
use crate::stack::{Site, Stack, Wait};
use crate::value::Cell;
use enjamb_ir::{FuncId, Payload, TrapCode, joins};

type Outcome = Result<Flow, Stop>;

pub(crate) const INVALID_TASK: Stop = Stop::Trap(TrapCode::InvalidTask);

impl<'a> Machine<'a> {
    /// Makes a task that will begin with a call.
    pub(crate) fn start_task(&mut self, function: FuncId, args: Vec<Cell>) -> u64 {
        let signature = self.module.functions[function].signature();
        self.stats.tasks_started += u64::from(signature.is_async);
        let task = self
            .scheduler
            .add(&signature.results, function, args, self.context.word);
        self.publish(false);
        task
    }

    /// Ends a task: its joiner goes on, or its end is kept for one.
    pub(crate) fn finish(&mut self, number: u64, ended: Ended<'a>) {
        let Some(task) = self.scheduler.get_mut(number) else {
            return;
        };
        let left = std::mem::take(&mut task.left);
        if self.module.functions[task.function].signature().is_async {
            self.stats.tasks_finished += u64::from(ended.is_ok());
            self.stats.tasks_failed += u64::from(ended.is_err());
        }
        match task.joiner {
            Some(joiner) => {
                self.scheduler.remove(number);
                self.scheduler.wake(joiner, ended);
            }
            None if task.detached => self.scheduler.remove(number),
            None => task.ended = Some(ended),
        }
        self.scheduler.let_go(number, left);
        self.publish(false);
    }

    /// The tasks that will wait for each other for ever, if one joins another.
    fn ring(&self, joiner: u64, target: u64) -> Option<String> {
        let tasks = &self.scheduler;
        let joins = |task| tasks.joins(task);
        if !joins::closes_ring(joiner, target, joins, |task| tasks.joiner(task)) {
            return None;
        }
        let others = std::iter::successors(Some(target), |&task| joins(task));
        let others = others.take_while(|&task| task != joiner);
        let name = |task| {
            Some(
                self.module.functions[tasks.get(task)?.function]
                    .name
                    .as_str(),
            )
        };
        let tasks = std::iter::once(joiner).chain(others);
        Some(joins::describe_ring(tasks.filter_map(name)))
    }
}

pub(crate) fn spawn<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let function = machine.callee(stack, site)?;
    machine.safepoint(stack, site)?;
    let args = machine.args.clone();
    let task = machine.start_task(function, args);
    if let Err(stop) = machine.keep(0) {
        machine.scheduler.remove(task);
        machine.stats.tasks_started -= 1;
        return Err(stop);
    }
    site.define(stack, task);
    Ok(Flow::Leave(Event::Spawned(task)))
}

pub(crate) fn join<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let Payload::Signature(signature) = site.data.payload else {
        return Err(wrong_payload(site));
    };
    let number = site.arg(stack, 0)?;
    machine.safepoint(stack, site)?;
    let task = machine.scheduler.free_task(number).ok_or(INVALID_TASK)?;
    let types = &site.function.signatures[signature].results[..];
    if task.results != types {
        return Err(TrapCode::TaskTypeMismatch.into());
    }
    match task.ended.take() {
        None => {
            if let Some(ring) = machine.ring(stack.task, number) {
                let mut record =
                    Record::new(Cause::Trap(TrapCode::Deadlock), machine.options.trace);
                record.message = Some(ring);
                stack.record = Some(record);
                return Err(Stop::Joined);
            }
            let task = machine.scheduler.get_mut(number).ok_or(INVALID_TASK)?;
            task.joiner = Some(stack.task);
            let lowered = is_lowered(site.function).then_some(types);
            machine.suspend_leaf(stack, Wait::Task(number), Vec::new(), lowered)
        }
        Some(ended) => {
            machine.scheduler.remove(number);
            match ended {
                Ok(results) => machine.deliver(stack, &results),
                Err(record) => machine.joined(stack, record),
            }
        }
    }
}

pub(crate) fn detach<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let number = site.arg(stack, 0)?;
    let task = machine.scheduler.free_task(number).ok_or(INVALID_TASK)?;
    if task.ended.is_some() {
        machine.scheduler.remove(number);
    } else {
        task.detached = true;
    }
    Ok(Flow::Next)
}

pub(crate) fn is_done<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let number = site.arg(stack, 0)?;
    let task = machine.scheduler.free_task(number).ok_or(INVALID_TASK)?;
    let done = task.ended.is_some();
    site.define(stack, done.into());
    Ok(Flow::Next)
}

pub(crate) fn task_try_result<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    let Payload::Signature(signature) = site.data.payload else {
        return Err(wrong_payload(site));
    };
    let number = site.arg(stack, 0)?;
    machine.safepoint(stack, site)?;
    let task = machine.scheduler.free_task(number).ok_or(INVALID_TASK)?;
    let types = &site.function.signatures[signature].results;
    if task.results != types {
        return Err(TrapCode::TaskTypeMismatch.into());
    }
    let results = match task.ended.take() {
        None => {
            let nothing = types.iter().map(|_| Cell::new(0));
            std::iter::once(Cell::new(0)).chain(nothing).collect()
        }
        Some(ended) => {
            machine.scheduler.remove(number);
            match ended {
                Ok(results) => [vec![Cell::new(1)], results].concat(),
                Err(record) => return machine.joined(stack, record),
            }
        }
    };
    for (position, cell) in results.into_iter().enumerate() {
        site.set(stack, position, cell);
    }
    Ok(Flow::Next)
}
