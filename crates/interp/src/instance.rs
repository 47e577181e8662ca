//! An instance of a module: what a host works with.

use crate::context::Context;
use crate::continuation::Objects;
use crate::error::Error;
use crate::fuel::Fuel;
use crate::heap::{EachReference, Heap};
use crate::host::{
    HostCall, Imports, check_reference, global_value, have_types, memory_named, resolve,
    set_global_value,
};
use crate::host_objects::{from_host, to_host};
use crate::inspect::{Inspect, View};
use crate::machine::Machine;
use crate::memory::Memory;
use crate::options::{Options, Stats, Turn};
use crate::scheduler::Scheduler;
use crate::value::{Cell, function_bits};
use enjamb_ir::host_objects::ObjectError;
use enjamb_ir::{
    Entity, Export, FuncId, GlobalId, GlobalInit, Module, Named, Signature, Stage, TableId,
    TaskCursor, TaskInfo, Trace, TraceLimits, Type, Val, Watcher, check_declarations,
};
use std::fmt;

/// A module with memories, globals and tables of its own, ready to be called.
pub struct Instance<'a> {
    machine: Machine<'a>,
}

impl fmt::Debug for Instance<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance")
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

impl<'a> Instance<'a> {
    /// Makes an instance of a module that the verifier accepts.
    ///
    /// # Errors
    /// [`Error::BadInstance`] if nothing is offered for an import, if a data segment does not fit
    /// in its memory, or if some async functions are lowered and others are not.
    pub fn new(module: &'a Module, imports: Imports<'a>, options: Options) -> Result<Self, Error> {
        check_stages(module)?;
        let function = |entry: &Option<FuncId>| entry.map_or(0, function_bits);
        let mut machine = Machine {
            module,
            options,
            stats: Stats::default(),
            watcher: None,
            memories: module.memories.values().map(Memory::new).collect(),
            globals: module
                .globals
                .values()
                .map(|global| initial(global.ty, global.init))
                .collect(),
            tables: module
                .tables
                .values()
                .map(|table| table.entries.iter().map(function).collect())
                .collect(),
            imports: resolve(module, &imports)?,
            host_calls: Vec::new(),
            objects: Objects::new(module),
            heap: Heap::new(module, options.heap_limit),
            epoch: 0,
            spawners: Vec::new(),
            scheduler: Scheduler::new(options.clock),
            stack_bytes: 0,
            parked_bytes: 0,
            instructions_left: 0,
            fuel: Fuel::new(options.fuel),
            context: Context::new(module),
            args: Vec::new(),
            scratch: Vec::new(),
        };
        for data in module.data.values() {
            if let Some((memory, at)) = data.place {
                let written = machine.memories[memory.index()].write(at, &data.bytes);
                written.map_err(|_| {
                    let memory = &module.memories[memory].name;
                    let message = format!("data %{} does not fit in %{memory}", data.name);
                    Error::BadInstance(message)
                })?;
            }
        }
        Ok(Instance { machine })
    }

    /// Calls a function by the name of its export or its own, as [`Instance::call_function`] does.
    ///
    /// # Errors
    /// [`Error::BadCall`] if there is no such function; otherwise as there.
    pub fn call(&mut self, name: &str, args: &[Val]) -> Result<Vec<Val>, Error> {
        let module = self.machine.module;
        let function = module
            .exported_function(name)
            .ok_or_else(|| Error::BadCall(format!("there is no function %{name}")))?;
        self.call_function(function, args)
    }

    /// Calls a function, and runs tasks until it finishes. Tasks that are left then stay as they are, and go on
    /// when tasks run again.
    ///
    /// # Errors
    /// [`Error::BadCall`] if the arguments do not fit; otherwise what came of running it.
    pub fn call_function(&mut self, function: FuncId, args: &[Val]) -> Result<Vec<Val>, Error> {
        let module = self.machine.module;
        let decl = &module.functions[function];
        let signature = decl.signature();
        check_args(module, &decl.name, signature, args)?;
        let heap = self.machine.heap.as_ref();
        let args: Result<Vec<Cell>, _> = args.iter().map(|arg| from_host(heap, *arg)).collect();
        let args = args.map_err(|stale| Error::BadCall(stale.to_string()))?;
        let results = self.machine.run_root(function, args)?;
        let heap = self.machine.heap.as_ref();
        let value = |(cell, &ty): (&Cell, &Type)| to_host(heap, *cell, ty);
        Ok(results.iter().zip(&signature.results).map(value).collect())
    }

    /// Gives each task that can run one turn. Nothing waits, and a virtual clock stands still.
    ///
    /// # Errors
    /// As [`Instance::turn`].
    pub fn round(&mut self) -> Result<(), Error> {
        for _ in 0..self.machine.scheduler.count_runnable() {
            self.machine.turn_between_calls()?;
        }
        Ok(())
    }

    /// Gives the next task that can run a turn. It does not wait for one, but a virtual clock jumps to the next
    /// deadline if none can.
    ///
    /// # Errors
    /// [`Error::TooManyInstructions`] and [`Error::Fault`]; then all tasks have ended.
    pub fn turn(&mut self) -> Result<Turn, Error> {
        self.machine.turn_between_calls()
    }

    /// Whether there are tasks that can run, apart from those whose time may have come.
    pub fn can_run(&self) -> bool {
        !self.machine.scheduler.is_idle()
    }

    /// How many timers have been made, if some task waits for one.
    pub fn newest_timer(&self) -> Option<u64> {
        self.machine.scheduler.newest_timer()
    }

    /// Ends all tasks where they stand. No handler runs.
    pub fn drop_tasks(&mut self) {
        self.machine.drop_tasks();
    }

    /// The logical stacks of the tasks that are suspended, in the order in which they were started.
    pub fn stacks(&self, limits: TraceLimits) -> Vec<Trace> {
        self.inspect(|view| view.stacks(limits))
    }

    /// A walk over the tasks that exist, for [`Instance::next_task`].
    pub fn task_cursor(&self) -> TaskCursor {
        self.inspect(|view| view.cursor())
    }

    /// The next task of a walk, with no more of its logical stack than the limits say.
    pub fn next_task(&self, cursor: &mut TaskCursor, limits: TraceLimits) -> Option<TaskInfo> {
        let word = self.machine.context.word;
        self.inspect(|view| view.next(cursor, limits, word))
    }

    fn inspect<R>(&self, look: impl FnOnce(&dyn Inspect) -> R) -> R {
        look(&View {
            module: self.machine.module,
            tasks: &self.machine.tasks(None),
        })
    }

    /// Goes on with the functions of another module, which has the same declarations and whose files begin
    /// with those of this one. What has begun goes on in the body that it began in.
    ///
    /// # Errors
    /// [`Error::BadInstance`] if declarations differ, some async functions are lowered and others are not, or
    /// it uses the context word and the first module did not.
    pub fn replace(&mut self, module: &'a Module) -> Result<(), Error> {
        let machine = &mut self.machine;
        check_declarations(machine.module, module).map_err(Error::BadInstance)?;
        check_stages(module)?;
        machine.context.check(module)?;
        machine.objects.add_points(module);
        machine.context.add_functions(module);
        machine.module = module;
        Ok(())
    }

    /// The signature of a function, by the name of its export or its own.
    pub fn signature(&self, name: &str) -> Option<&'a Signature> {
        let module = self.machine.module;
        let function = module.exported_function(name)?;
        Some(module.functions[function].signature())
    }

    /// The memory with this name, or exported under it.
    pub fn memory(&self, name: &str) -> Option<&Memory> {
        let memory = memory_named(self.machine.module, name)?;
        self.machine.memories.get(memory.index())
    }

    /// The memory with this name, or exported under it, for writing.
    pub fn memory_mut(&mut self, name: &str) -> Option<&mut Memory> {
        let memory = memory_named(self.machine.module, name)?;
        self.machine.memories.get_mut(memory.index())
    }

    /// All memories, in order of declaration.
    pub fn memories(&self) -> &[Memory] {
        &self.machine.memories
    }

    /// All memories, for writing.
    pub fn memories_mut(&mut self) -> &mut [Memory] {
        &mut self.machine.memories
    }

    fn global_named(&self, name: &str) -> Option<GlobalId> {
        let module = self.machine.module;
        match (module.exports.get(name), module.named(name)) {
            (Some(&Export::Global(global)), _) | (_, Some(Named::Global(global))) => Some(global),
            _ => None,
        }
    }

    /// The value of the global variable with this name, or exported under it.
    pub fn global(&self, name: &str) -> Option<Val> {
        let global = self.global_named(name)?;
        Some(self.global_at(global))
    }

    /// All global variables, in order of declaration.
    pub fn globals(&self) -> Vec<Val> {
        let globals = self.machine.module.globals.keys();
        globals.map(|global| self.global_at(global)).collect()
    }

    /// Gives a global variable a value.
    ///
    /// # Errors
    /// [`Error::BadCall`] if there is no such variable or it has another type.
    pub fn set_global(&mut self, name: &str, value: Val) -> Result<(), Error> {
        let global = self
            .global_named(name)
            .ok_or_else(|| Error::BadCall(format!("there is no global %{name}")))?;
        self.set_global_at(global, value)
    }

    /// The value of a global variable.
    pub fn global_at(&self, global: GlobalId) -> Val {
        let heap = self.machine.heap.as_ref();
        global_value(self.machine.module, heap, &self.machine.globals, global)
    }

    /// Gives a global variable a value.
    ///
    /// # Errors
    /// [`Error::BadCall`] if it has another type.
    pub fn set_global_at(&mut self, global: GlobalId, value: Val) -> Result<(), Error> {
        set_global_value(
            self.machine.module,
            self.machine.heap.as_ref(),
            &mut self.machine.globals,
            global,
            value,
        )
    }

    /// An entry of a table, if there is such a one.
    pub fn table_entry(&self, table: TableId, index: usize) -> Option<Val> {
        let table = self.machine.tables.get(table.index())?;
        Some(Cell::new(*table.get(index)?).value(Type::FuncRef))
    }

    pub(crate) fn heap(&self) -> Result<&Heap, ObjectError> {
        self.machine.heap.as_ref().ok_or(ObjectError::NoHeap)
    }

    pub(crate) fn heap_mut(&mut self) -> Result<&mut Heap, ObjectError> {
        self.machine.heap.as_mut().ok_or(ObjectError::NoHeap)
    }

    /// Hands over the heap and what visits all references outside of it.
    pub(crate) fn with_heap<T>(
        &mut self,
        work: impl FnOnce(&mut Heap, EachReference<'_>) -> T,
    ) -> Result<T, ObjectError> {
        let mut heap = self.machine.heap.take().ok_or(ObjectError::NoHeap)?;
        self.machine.args.clear();
        let machine = &self.machine;
        let result = work(&mut heap, &|visit| machine.each_reference(None, visit));
        self.machine.heap = Some(heap);
        Ok(result)
    }

    pub(crate) fn function_count(&self) -> usize {
        self.machine.module.function_count()
    }

    /// The fuel that is left; below zero it is a debt.
    pub fn fuel(&self) -> i64 {
        self.machine.fuel.left()
    }

    /// The context word that the next call begins with: what was set here, or what a sync function has
    /// left; 0 at first.
    pub fn context(&self) -> i64 {
        self.machine.context.word as i64
    }

    /// Sets the context word that the next call begins with.
    pub fn set_context(&mut self, word: i64) {
        self.machine.context.word = word as u64;
    }

    /// Sets the fuel that is left.
    pub fn set_fuel(&mut self, amount: i64) {
        self.machine.fuel.set(amount);
    }

    /// What happened since the instance was made.
    pub fn stats(&self) -> Stats {
        self.machine.stats()
    }

    /// Lets somebody on another thread ask what has happened so far: the numbers are published between two turns
    /// of tasks, when one begins or ends, and whenever all of them wait. There is one watcher at a time.
    pub fn watch(&mut self, watcher: Watcher<Stats>) {
        self.machine.watcher = Some(watcher);
    }

    /// The calls of host functions in order, if [`Options::record_host_calls`] is set.
    pub fn host_calls(&self) -> &[HostCall] {
        &self.machine.host_calls
    }
}

/// What a global variable holds at first.
fn initial(ty: Type, init: GlobalInit) -> Cell {
    match init {
        GlobalInit::Number(bits) => Cell::of(Val::from_bits(ty, bits.into())),
        GlobalInit::Vector(bits) => Cell::vector(bits),
        GlobalInit::Null => Cell::new(0),
        GlobalInit::Function(function) => Cell::new(function_bits(function)),
    }
}

/// The async functions of a module are lowered all or none, because the two kinds wait in ways
/// that do not mix.
fn check_stages(module: &Module) -> Result<(), Error> {
    let mut stages = module
        .bodies()
        .filter(|(_, function)| function.is_async())
        .map(|(_, function)| (function.stage == Stage::Lowered, &function.name));
    let Some((first, _)) = stages.next() else {
        return Ok(());
    };
    match stages.find(|&(lowered, _)| lowered != first) {
        None => Ok(()),
        Some((true, name)) => Err(Error::BadInstance(format!(
            "%{name} is lowered, other async functions are not"
        ))),
        Some((false, name)) => Err(Error::BadInstance(format!(
            "%{name} is not lowered, other async functions are"
        ))),
    }
}

fn check_args(
    module: &Module,
    name: &str,
    signature: &Signature,
    args: &[Val],
) -> Result<(), Error> {
    if args.len() != signature.params.len() {
        let (expected, given) = (signature.params.len(), args.len());
        return Err(Error::BadCall(format!(
            "%{name} takes {expected} arguments, not {given}"
        )));
    }
    if !have_types(args, &signature.params) {
        let given: Vec<String> = args.iter().map(|arg| arg.ty().to_string()).collect();
        let given = given.join(", ");
        return Err(Error::BadCall(format!(
            "%{name} takes {signature}, not ({given})"
        )));
    }
    args.iter()
        .try_for_each(|&arg| check_reference(module, arg))
}
