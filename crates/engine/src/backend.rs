//! What the two engines have in common: a floor for [`Instance`](crate::Instance) to stand on.

use crate::config::{Config, Execution};
use crate::error::Error;
use crate::imports::Imports;
use crate::instance::WeakInstance;
use crate::interpreter::Interpreter;
use crate::machine_code::MachineCode;
use crate::module::Module;
use crate::monitor::Paper;
use crate::spawner::Spawner;
use crate::stats::Stats;
use crate::task::Deferred;
use enjamb_ir::host_objects::HostObjects;
use enjamb_ir::{FuncId, GlobalId, MemoryId, TaskCursor, TaskInfo, Trace, TraceLimits, Val};
use enjamb_runtime::{Serve, Spare};
use std::sync::Arc;
use std::task::{Poll, Waker};

/// Memories, globals and objects of an instance.
pub(crate) trait Access {
    /// Bytes of a memory.
    fn memory_size(&self, memory: MemoryId) -> u64;
    /// Copies from a memory; `false` if that reaches outside.
    fn memory_read(&self, memory: MemoryId, offset: u64, bytes: &mut [u8]) -> bool;
    /// Copies into a memory; `false`, with nothing written, if that reaches outside.
    fn memory_write(&mut self, memory: MemoryId, offset: u64, bytes: &[u8]) -> bool;
    /// Grows a memory and gives its pages before; `None` if that cannot be.
    fn memory_grow(&mut self, memory: MemoryId, pages: u64) -> Option<u64>;
    /// The value of a global variable, if there is such a one.
    fn global_get(&mut self, global: GlobalId) -> Option<Val>;
    /// The logical stacks of the tasks that are suspended.
    fn stacks(&self, limits: TraceLimits) -> Vec<Trace>;
    /// What happened so far, without times and sizes of code.
    fn stats(&self) -> Stats;
    /// A walk over the tasks that exist.
    fn task_cursor(&self) -> TaskCursor;
    /// The next one.
    fn next_task(&self, cursor: &mut TaskCursor, limits: TraceLimits) -> Option<TaskInfo>;
    /// What the host function that is called keeps in this instance from call to call, if it is called by
    /// one that has a place for it.
    fn spare(&mut self) -> Option<&mut Spare> {
        None
    }
    /// Lends the objects to `visit`, once.
    fn with_objects(&mut self, visit: &mut dyn FnMut(&mut dyn HostObjects));
    /// The context word: of the task that calls, or with which the next call begins.
    fn context(&self) -> i64;
    /// Sets it.
    fn set_context(&mut self, word: i64);
    /// Gives a global variable a value; `false` if that is of another type.
    fn global_set(&mut self, global: GlobalId, value: Val) -> bool;
}

/// What those who are not inside of an instance leave for the one who is.
pub(crate) enum Errand {
    /// Cancel a call at once, and forget it.
    Abandon(Task),
    /// Cancel a task, whose handlers may wait.
    Cancel(Task),
    /// Let a task go on without anybody who wants its results.
    Detach(Task),
    /// Forget a party that has driven the instance.
    EndDriving(u64),
    /// The executor of the host's does not drive the instance any more, which it has done as this party; and
    /// whether it has dropped the future that did.
    LeaveDriving {
        party: Option<u64>,
        is_refused: bool,
    },
    /// Start a task.
    Spawn(Arc<Deferred>),
}

impl Serve for Box<dyn Backend> {
    type Errand = Errand;

    fn leave(&mut self) {
        Backend::leave(&mut **self);
    }

    fn serve(&mut self, errand: Errand) {
        match errand {
            Errand::Abandon(task) => self.abandon(task),
            Errand::Cancel(task) => self.cancel(task),
            Errand::Detach(task) => self.detach(task),
            Errand::EndDriving(party) => self.end_driving(party),
            Errand::LeaveDriving { party, is_refused } => self.leave_driving(party, is_refused),
            Errand::Spawn(deferred) => deferred.start(&mut **self),
        }
    }
}

/// A call that is under way.
pub(crate) type Task = enjamb_runtime::TaskHandle;

/// What has become of a call that was started.
pub(crate) enum Started {
    /// It has finished.
    Finished,
    /// It goes on as a task.
    Task(Task),
}

/// What runs the functions of an instance.
pub(crate) trait Backend: Send {
    /// Gives each task that can run one turn, unless somebody else drives them: a function is about to be called.
    fn give_turns(&mut self);
    /// Runs a function with arguments, and then results, in a buffer. Both have been checked
    /// against its signature.
    fn call(&mut self, function: FuncId, words: &mut [u64]) -> Result<(), Error>;
    /// Starts a function in the same way, and gives it back if it suspends. A backend that cannot runs it to
    /// its end.
    fn start(&mut self, function: FuncId, words: &mut [u64]) -> Result<Started, Error> {
        self.call(function, words).map(|()| Started::Finished)
    }
    /// Gives all tasks some turns, until the call has finished, with its results in the buffer, or no task
    /// can run. Then whoever is behind the waker will hear when one can.
    fn poll(&mut self, task: Task, words: &mut [u64], waker: &Waker) -> Poll<Result<(), Error>> {
        let (_, _, _) = (task, words, waker);
        Poll::Ready(Err(Error::Internal(
            "a call that was not started".to_string(),
        )))
    }
    /// Cancels a call that was started and has not finished at once, and forgets it.
    fn abandon(&mut self, _task: Task) {}
    /// Cancels a call or a task that was started. Whoever waits for it still does.
    fn cancel(&mut self, _task: Task) {}
    /// What has become of a call that was started, with its results in the buffer, if it has ended.
    fn outcome(&mut self, _task: Task, _words: &mut [u64]) -> Option<Result<(), Error>> {
        None
    }
    /// Whether a call that was started has ended.
    fn has_ended(&self, _task: Task) -> bool {
        false
    }
    /// Lets a call that was started go on without anybody who wants its results.
    fn detach(&mut self, _task: Task) {}
    /// Ends the tasks that the host has not started, without asking their handlers.
    fn end_tasks(&mut self);
    /// Begins to give tasks turns that no call asks for: as this party.
    fn begin_driving(&mut self) -> u64;
    /// Gives all tasks some turns, until there is nothing that any of them waits for.
    fn drive(&mut self, party: u64, waker: &Waker) -> Poll<()>;
    /// Ends what [`Backend::begin_driving`] has begun.
    fn end_driving(&mut self, party: u64);
    /// Lets an executor of the host's drive the instance whenever nobody does.
    fn set_spawner(&mut self, spawner: Spawner, instance: WeakInstance);
    /// Ends what that executor has done, as this party, if it has done something.
    fn leave_driving(&mut self, party: Option<u64>, is_refused: bool);
    /// Whoever is inside is about to leave.
    fn leave(&mut self);
    /// Lets somebody else go on with what can be done, if this was not done for him.
    fn hand_over(&mut self);
    /// Lets new calls of a function run the body that it has in another module, which has the same
    /// declarations and was made by an engine of the same settings.
    fn replace(&mut self, function: FuncId, module: &Module) -> Result<(), Error>;
    /// Memories, globals and objects, between calls.
    fn access(&mut self) -> &mut dyn Access;
    /// Writes the numbers down whenever somebody asks; that is to be told to the waker.
    fn watch(&mut self, paper: Paper) -> Waker;
    /// The fuel that is left.
    fn fuel(&self) -> i64;
    /// Sets the fuel that is left.
    fn set_fuel(&mut self, amount: i64);
}

/// What runs an instance of a module.
pub(crate) fn start(
    module: &Module,
    imports: &Imports,
    config: &Config,
) -> Result<Box<dyn Backend>, Error> {
    let ir = module.shared_ir().clone();
    let functions = imports.resolve(&ir)?;
    match (config.execution, module.code()) {
        (Execution::Jit, Some(code)) => {
            let memories = &imports.memories;
            Ok(Box::new(MachineCode::new(
                code, ir, functions, memories, config,
            )?))
        }
        _ => {
            let mut memories = ir.memories.values();
            if let Some(decl) = memories.find(|decl| imports.memories.contains_key(&decl.name)) {
                let name = &decl.name;
                let reason = format!("memory `%{name}` cannot be shared on the interpreter");
                return Err(Error::Instantiate(reason));
            }
            Ok(Box::new(Interpreter::new(ir, functions, config)?))
        }
    }
}
