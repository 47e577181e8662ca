//! What the two engines have in common: a floor for [`Instance`](crate::Instance) to stand on.

use crate::config::{Config, Execution};
use crate::error::Error;
use crate::host::HostFunction;
use crate::interpreter::Interpreter;
use crate::machine_code::MachineCode;
use crate::module::Module;
use crate::stats::Stats;
use enjamb_ir::host_objects::HostObjects;
use enjamb_ir::{FuncId, GlobalId, MemoryId, Trace, TraceLimits, Val};
use std::time::Duration;

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
    /// Lends the objects to `visit`, once.
    fn with_objects(&mut self, visit: &mut dyn FnMut(&mut dyn HostObjects));
    /// The context word: of the task that calls, or with which the next call begins.
    fn context(&self) -> i64;
    /// Sets it.
    fn set_context(&mut self, word: i64);
    /// Gives a global variable a value; `false` if that is of another type.
    fn global_set(&mut self, global: GlobalId, value: Val) -> bool;
}

/// A task that serves an import of another instance.
pub(crate) type Task = enjamb_runtime::TaskHandle;

/// What has become of a [`Task`].
pub(crate) enum Poll {
    /// It has finished, and is gone.
    Finished(Result<Vec<Val>, Error>),
    /// It waits; no task of its instance can run before this time has passed.
    Waiting(Duration),
}

/// What runs the functions of an instance.
pub(crate) trait Backend: Send {
    /// Runs a function with arguments, and then results, in a buffer. Both have been checked
    /// against its signature.
    fn call(&mut self, function: FuncId, words: &mut [u64]) -> Result<(), Error>;
    /// Starts a task that serves an import of another instance, if this backend can run tasks a
    /// few turns at a time.
    fn serve(&mut self, _function: FuncId, _arguments: &[Val]) -> Option<Result<Task, Error>> {
        None
    }
    /// Gives the tasks some turns: the results of one that serves, or how long nothing can run.
    fn poll(&mut self, _task: Task) -> Poll {
        Poll::Waiting(Duration::ZERO)
    }
    /// Forgets a task that serves and has not finished.
    fn abandon(&mut self, _task: Task) {}
    /// Memories, globals and objects, between calls.
    fn access(&mut self) -> &mut dyn Access;
    /// The fuel that is left.
    fn fuel(&self) -> i64;
    /// Sets the fuel that is left.
    fn set_fuel(&mut self, amount: i64);
    /// What happened so far, without times and sizes of code.
    fn stats(&self) -> Stats;
}

/// What runs an instance of a module. `imports` has the host functions by function.
pub(crate) fn start(
    module: &Module,
    imports: Vec<Option<HostFunction>>,
    config: &Config,
) -> Result<Box<dyn Backend>, Error> {
    let ir = module.shared_ir().clone();
    match (config.execution, module.code()) {
        (Execution::Jit, Some(code)) => Ok(Box::new(MachineCode::new(code, ir, imports, config)?)),
        _ => Ok(Box::new(Interpreter::new(ir, imports, config)?)),
    }
}
