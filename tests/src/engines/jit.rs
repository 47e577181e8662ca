//! Machine code of this host: compiled once, an instance for every run.

use super::Engine;
use crate::host::{self, Failure};
use crate::observed::{Call, Ending, Fuel, Observed, Stats, all_seen, is_alike, list};
use crate::remains::{Objects, Tasks};
use enjamb_abi::code::{CodeOptions, RegisterAllocator};
use enjamb_codegen::{CompileOptions, compile, compile_replacement};
use enjamb_ir::{Entity, Export, FuelSupply, FuncId, MemoryId, Module, Schedule, TraceLimits, Val};
use enjamb_runtime::{
    ClockKind, Error, HostContext, HostError, Imports, Instance, LoadedModule, Options, Outcome,
    Step, TaskHandle,
};
use std::future::poll_fn;
use std::mem;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;

/// Bytes of stack for compiled code; a thread of the test harness has twice as many.
const STACK_SIZE: usize = 1 << 20;

/// Bytes of continuations that a program may use.
const CONTINUATION_LIMIT: u64 = 256 << 20;

/// Bytes of continuations that are asked for at a time: most programs need few.
const CONTINUATION_CHUNK: u32 = 4 << 10;

/// Compiled code, under one choice of settings.
#[derive(Clone, Debug)]
pub struct Jit {
    name: String,
    count: bool,
    reuse: bool,
    way: Way,
    fuel: FuelSupply,
    /// Whether calls of the host may wait. In a module on fuel they do not: a turn that begins because the host is
    /// ready has fuel of its own, and how much tasks have used that are left in the end depends on when it was, and in
    /// the interpreter the host is always ready.
    may_wait: bool,
    loaded: Arc<LoadedModule>,
    /// Other code of the same functions, if these can be replaced.
    other: Option<Arc<LoadedModule>>,
}

/// In which way code is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// As it is for everybody.
    Plain,
    /// Everything moves at every safepoint.
    Moving,
    /// What is dead is overwritten.
    Poisoned,
    /// The first turns are taken on threads of their own.
    OtherThreads,
    /// Functions are replaced by other code of the same between turns.
    Replaced,
}

impl Way {
    /// What it adds to the name of an engine.
    fn name(self) -> &'static str {
        match self {
            Way::Plain => "",
            Way::Moving => ", everything moving",
            Way::Poisoned => ", what is dead poisoned",
            Way::OtherThreads => ", resumed on other threads",
            Way::Replaced => ", functions replaced",
        }
    }
}

/// The turns of a call that are taken on threads of their own, if any are.
const TURNS_ON_OTHER_THREADS: usize = 8;

/// The turns of a call in front of which functions are replaced, if they are.
const TURNS_REPLACED: usize = 32;

/// Whether there is a back end for this host.
pub const SUPPORTED: bool = cfg!(all(
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_os = "linux"
));

/// Code that can be run.
type Loaded = Arc<LoadedModule>;

/// The settings under which a program is compiled.
struct Setting {
    name: &'static str,
    allocator: RegisterAllocator,
    count: bool,
    /// Whether continuations are used again.
    reuse: bool,
    /// Whether functions can be replaced, and writes of references are told.
    is_indirect: bool,
}

/// All of them. Code that counts takes other ways through the allocation of continuations, so each allocator also
/// runs without. What the single pass makes has branch protection, where that makes a difference.
const SETTINGS: [Setting; 4] = [
    Setting {
        name: "the JIT",
        allocator: RegisterAllocator::Backtracking,
        count: false,
        reuse: true,
        is_indirect: false,
    },
    Setting {
        name: "the JIT, single pass",
        allocator: RegisterAllocator::SinglePass,
        count: false,
        reuse: true,
        is_indirect: false,
    },
    Setting {
        name: "the JIT, counting",
        allocator: RegisterAllocator::Backtracking,
        count: true,
        reuse: true,
        is_indirect: false,
    },
    Setting {
        name: "the JIT, single pass, nothing reused",
        allocator: RegisterAllocator::SinglePass,
        count: true,
        reuse: false,
        is_indirect: true,
    },
];

impl Setting {
    fn options(&self) -> CompileOptions {
        CompileOptions {
            code: CodeOptions {
                allocator: self.allocator,
                count: self.count,
                check: true,
                reuse_continuations: self.reuse,
                replaceable: self.is_indirect,
                write_barrier: self.is_indirect,
                branch_protection: self.allocator == RegisterAllocator::SinglePass,
                ..CodeOptions::default()
            },
            verify_passes: !self.count && self.allocator == RegisterAllocator::Backtracking,
            ..CompileOptions::default()
        }
    }

    /// Code for a module, and code of the same functions with their blocks in another order if they can be replaced:
    /// states, layouts and frames are others, and what functions do is the same.
    fn compile(&self, module: &Arc<Module>) -> Result<(Loaded, Option<Loaded>), String> {
        let options = self.options();
        let fails = |reason: String| format!("{} does not compile it: {reason}", self.name);
        let first = compile(Arc::clone(module), &options);
        let first = first.map_err(|error| fails(error.to_string()))?;
        let other = match self.is_indirect {
            true => {
                let other = Arc::new(in_other_order(module));
                let compiled = compile_replacement(other, &options, &first.layout);
                Some(compiled.map_err(|error| fails(error.to_string()))?)
            }
            false => None,
        };
        let load = |compiled| LoadedModule::new(Arc::new(compiled));
        let first = load(first).map_err(|error| fails(error.to_string()))?;
        let other = other.map(load).transpose();
        Ok((first, other.map_err(|error| fails(error.to_string()))?))
    }
}

/// The module with the blocks of each function behind the entry in reverse.
fn in_other_order(module: &Module) -> Module {
    let mut module = module.clone();
    for function in module.body_ids() {
        if let Some(body) = module.functions[function].body_mut()
            && let Some((_, behind)) = body.order.split_first_mut()
        {
            behind.reverse();
        }
    }
    module
}

impl Jit {
    /// Compiles a module under all settings, the register allocation checked, and once the passes, which are the
    /// same. Every instance has this much fuel. Code of both allocators also runs with everything dead poisoned, and
    /// the first on other threads. Functions that can be replaced are. Where there are objects, all code also runs
    /// with a collection at every safepoint.
    ///
    /// # Errors
    /// If the compiler refuses the module.
    pub fn all(module: &Module, fuel: FuelSupply) -> Result<Vec<Jit>, String> {
        let module = Arc::new(module.clone());
        let compiled = SETTINGS.iter().map(|setting| {
            let (loaded, other) = setting.compile(&module)?;
            Ok(Jit {
                name: setting.name.to_string(),
                count: setting.count,
                reuse: setting.reuse,
                way: Way::Plain,
                fuel,
                may_wait: module.fuel.is_none() && host::may_wait(&module),
                loaded,
                other,
            })
        });
        let compiled: Vec<Jit> = compiled.collect::<Result<_, String>>()?;
        let mut all = compiled.clone();
        all.extend(compiled[..2].iter().map(|jit| jit.in_way(Way::Poisoned)));
        all.push(compiled[0].in_way(Way::OtherThreads));
        let replaceable = compiled.iter().filter(|jit| jit.other.is_some());
        all.extend(replaceable.map(|jit| jit.in_way(Way::Replaced)));
        if !module.object_types.is_empty() {
            all.extend(compiled.iter().map(|jit| jit.in_way(Way::Moving)));
        }
        Ok(all)
    }

    /// The same code, run in another way.
    fn in_way(&self, way: Way) -> Jit {
        Jit {
            name: format!("{}{}", self.name, way.name()),
            way,
            ..self.clone()
        }
    }

    /// Makes an instance.
    fn begin(&self, schedule: Schedule) -> Result<Run, String> {
        let options = Options {
            schedule,
            clock: ClockKind::Virtual,
            stack_size: STACK_SIZE,
            continuation_limit: CONTINUATION_LIMIT,
            continuation_chunk: CONTINUATION_CHUNK,
            count: self.count,
            fuel: self.fuel,
            gc_stress: self.way == Way::Moving,
            poison: self.way == Way::Poisoned,
            ..Options::default()
        };
        let recorded = Recorded::default();
        let mut imports = imports(&recorded, self.has_heap());
        let waiting = Arc::<Mutex<Waiting>>::default();
        if self.may_wait {
            let later = later(Arc::clone(&waiting));
            imports.define(host::NAMESPACE, host::LATER, Box::new(later));
        }
        let instance = Instance::new(Arc::clone(&self.loaded), imports, options);
        Ok(Run {
            schedule,
            instance: instance.map_err(|error| error.to_string())?,
            recorded,
            waiting,
            observed: Observed::default(),
        })
    }

    fn has_heap(&self) -> bool {
        !self.loaded.module().object_types.is_empty()
    }

    /// Does a call in each of these instances.
    fn call(
        &self,
        runs: &mut [Run],
        call: &Call,
        before: &(dyn Fn(Schedule) + Sync),
    ) -> Result<(), String> {
        let module = self.loaded.module();
        let function = module.exported_function(&call.function);
        let function = function.ok_or("the function is gone")?;
        let is_async = module.functions[function].signature().is_async;
        if is_async && self.way == Way::OtherThreads {
            call_on_other_threads(runs, function, call, before);
            return Ok(());
        }
        let versions = self.other.iter().filter(|_| self.way == Way::Replaced);
        let versions = versions.flat_map(|other| [other, &self.loaded]);
        let versions: Vec<&Loaded> = versions.collect();
        for run in runs {
            before(run.schedule);
            run.replace_all(&versions)
                .map_err(|error| error.to_string())?;
            let result = match (self.may_wait || !versions.is_empty()) && is_async {
                true => {
                    let task = run.instance.spawn(function, &call.args);
                    let task = task.and_then(|task| run.replacing(task, &versions));
                    task.and_then(|task| run.finish(task))
                }
                false => run.instance.call(function, &call.args),
            };
            run.ended(call, result);
        }
        Ok(())
    }

    /// Runs in instances that exist at the same time. There is one error if not all of them can be made.
    fn run_together(
        &self,
        calls: &[Call],
        schedules: &[Schedule],
        before: &(dyn Fn(Schedule) + Sync),
    ) -> Vec<Result<(Observed, Stats), String>> {
        let runs = schedules.iter().map(|&schedule| self.begin(schedule));
        let mut runs = match runs.collect::<Result<Vec<Run>, String>>() {
            Ok(runs) => runs,
            Err(reason) => return vec![Err(reason)],
        };
        for call in calls {
            // Tasks that are left of the calls before have a turn, as they do in the other engines.
            runs.iter_mut().for_each(|run| run.instance.round());
            let result = self.call(&mut runs, call, before);
            if let Err(reason) = result {
                return vec![Err(reason)];
            }
        }
        runs.into_iter().map(|run| self.end(run)).collect()
    }

    /// What is seen of an instance in the end.
    fn end(&self, run: Run) -> Result<(Observed, Stats), String> {
        let Run {
            mut instance,
            recorded,
            waiting,
            mut observed,
            ..
        } = run;
        let has_waited = waiting.lock().map_err(|error| error.to_string())?.happened;
        // A task that waits for the host may be behind what it is in engines where the host is always ready.
        if !has_waited {
            let mut cursor = instance.task_cursor();
            let tasks = || instance.next_task(&mut cursor, TraceLimits::default());
            observed.tasks = Some(Tasks::of(std::iter::from_fn(tasks), true));
        }
        instance.drop_tasks();
        observed.host_calls = recorded.lock().map_err(|error| error.to_string())?.clone();
        observed.fuel = Fuel {
            used: instance.stats().fuel_used,
            left: instance.fuel(),
        };
        observed.context = instance.context();
        look_at_exports(self.loaded.module(), &instance, &mut observed)?;
        if self.has_heap() {
            let (module, handles) = (self.loaded.module(), observed.handles());
            let objects = Objects::of(module, instance.objects(), handles);
            observed.objects = Some(objects.map_err(|error| error.to_string())?);
        }
        let mut stats = match self.count {
            true => counters(&instance.stats()),
            false => Stats::new(),
        };
        // And it suspends there.
        stats.retain(|counter| !has_waited || !is_alike(counter));
        stats.push(("continuation_bytes", instance.continuation_bytes()));
        Ok((observed.without_handles(self.has_heap()), stats))
    }
}

/// Calls of host functions as text, shared with the functions that record them.
type Recorded = Arc<Mutex<Vec<String>>>;

/// Calls of the host that wait.
#[derive(Debug, Default)]
struct Waiting {
    /// Whether there has been one.
    happened: bool,
    /// Who has to be woken when the turn is over.
    woken: Vec<Waker>,
}

/// An instance and what was seen of it.
struct Run {
    schedule: Schedule,
    instance: Instance,
    recorded: Recorded,
    waiting: Arc<Mutex<Waiting>>,
    observed: Observed,
}

impl Run {
    /// Lets a task have a turn, and wakes who has waited for the host. False if nothing has happened.
    fn step(&mut self) -> bool {
        let step = self.instance.step();
        let waiting = self.waiting.lock();
        let woken = waiting.map(|mut waiting| mem::take(&mut waiting.woken));
        let woken = woken.unwrap_or_default();
        let is_woken = !woken.is_empty();
        woken.into_iter().for_each(Waker::wake);
        is_woken || !matches!(step, Step::Idle | Step::Waiting(None))
    }

    /// Goes on with a task until it has finished.
    fn finish(&mut self, task: TaskHandle) -> Result<Vec<Val>, Error> {
        while !self.instance.is_done(task)? && self.step() {}
        self.instance.run_until(task)
    }

    /// Lets functions run code of the first of these versions, every other one.
    fn replace_all(&mut self, versions: &[&Loaded]) -> Result<(), Error> {
        let Some(version) = versions.first() else {
            return Ok(());
        };
        let functions = version.module().body_ids().into_iter();
        let mut functions = functions.step_by(2);
        functions.try_for_each(|function| self.instance.replace(function, version))
    }

    /// Goes on with a task for some turns, in front of each of which another function gets the code of another
    /// version: what is suspended finishes in the code that it is in.
    fn replacing(&mut self, task: TaskHandle, versions: &[&Loaded]) -> Result<TaskHandle, Error> {
        if versions.is_empty() {
            return Ok(task);
        }
        for turn in 0..TURNS_REPLACED {
            let functions = versions[0].module().body_ids();
            let version = versions[turn / functions.len() % versions.len()];
            self.instance
                .replace(functions[turn % functions.len()], version)?;
            if self.instance.is_done(task)? || !self.step() {
                break;
            }
        }
        Ok(task)
    }

    /// Notes how a call has ended.
    fn ended(&mut self, call: &Call, result: Result<Vec<Val>, Error>) {
        let trace = result.as_ref().err().and_then(Error::trace).cloned();
        let ending = match result {
            Ok(results) => Ending::Results(results),
            Err(Error::Trap(trap)) => Ending::Trap(trap.code),
            Err(Error::Exception(thrown)) => Ending::Exception(thrown.exception),
            Err(other) => Ending::Broken(other.to_string()),
        };
        self.observed.add(call, ending, trace.as_ref());
    }
}

/// Does a call of an async function in some instances, whose first turns one thread after the other takes.
fn call_on_other_threads(
    runs: &mut [Run],
    function: FuncId,
    call: &Call,
    before: &(dyn Fn(Schedule) + Sync),
) {
    let spawned = runs.iter_mut().map(|run| {
        before(run.schedule);
        run.instance.spawn(function, &call.args)
    });
    let tasks: Vec<Result<TaskHandle, Error>> = spawned.collect();
    for _ in 0..TURNS_ON_OTHER_THREADS {
        let unfinished = runs.iter_mut().zip(&tasks).filter(|(run, task)| {
            let done = task.as_ref().map(|&task| run.instance.is_done(task));
            matches!(done, Ok(Ok(false)))
        });
        let unfinished: Vec<&mut Run> = unfinished.map(|(run, _)| run).collect();
        if unfinished.is_empty() {
            break;
        }
        let turns = || {
            for run in unfinished {
                before(run.schedule);
                run.step();
            }
        };
        let turns = thread::scope(|scope| scope.spawn(turns).join());
        turns.unwrap_or_else(|panic| resume_unwind(panic));
    }
    for (run, task) in runs.iter_mut().zip(tasks) {
        before(run.schedule);
        let result = task.and_then(|task| run.finish(task));
        run.ended(call, result);
    }
}

impl Engine for Jit {
    fn name(&self) -> &str {
        &self.name
    }

    fn is_complete(&self) -> bool {
        self.count && self.reuse && self.way == Way::Plain
    }

    fn counts(&self) -> bool {
        self.count
    }

    fn run(&self, calls: &[Call], schedule: Schedule) -> Result<(Observed, Stats), String> {
        self.run_together(calls, &[schedule], &|_| {})
            .swap_remove(0)
    }

    fn run_all(
        &self,
        calls: &[Call],
        schedules: &[Schedule],
        before: &(dyn Fn(Schedule) + Sync),
    ) -> Vec<Result<(Observed, Stats), String>> {
        let together = match self.way {
            // A thread costs more than most runs.
            Way::OtherThreads => schedules.len().max(1),
            Way::Plain | Way::Moving | Way::Poisoned | Way::Replaced => 1,
        };
        let chunks = schedules.chunks(together);
        chunks
            .flat_map(|chunk| self.run_together(calls, chunk, before))
            .collect()
    }
}

/// The functions of the host, which record their calls.
fn imports(recorded: &Recorded, has_heap: bool) -> Imports {
    let mut imports = Imports::new();
    for name in host::NAMES {
        let recorded = Arc::clone(recorded);
        imports.define_sync(host::NAMESPACE, name, move |_, args| {
            if name != host::LATER
                && let Ok(mut recorded) = recorded.lock()
            {
                recorded.push(format!("{name}({})", list(&all_seen(args, has_heap))));
            }
            answer(name, args)
        });
    }
    imports
}

/// The function of the host that waits: some times to be woken.
fn later(
    waiting: Arc<Mutex<Waiting>>,
) -> impl FnMut(&mut HostContext<'_>, &[Val]) -> Result<Outcome, HostError> + Send {
    move |context, args| {
        let (waiting, args) = (Arc::clone(&waiting), args.to_vec());
        let mut turns = host::turns(&args);
        let future = poll_fn(move |polling| {
            if turns == 0 {
                return Poll::Ready(answer(host::LATER, &args));
            }
            turns -= 1;
            if let Ok(mut waiting) = waiting.lock() {
                waiting.happened = true;
                waiting.woken.push(polling.waker().clone());
            }
            Poll::Pending
        });
        Outcome::of(context, Box::pin(future))
    }
}

fn answer(name: &str, args: &[Val]) -> Result<Vec<Val>, HostError> {
    host::call(name, args).map_err(|failure| match failure {
        Failure::Error(message) => HostError::from(message),
        Failure::Exception(exception) => HostError::from(exception),
    })
}

fn look_at_exports(
    module: &Module,
    instance: &Instance,
    observed: &mut Observed,
) -> Result<(), String> {
    for (name, export) in &module.exports {
        match *export {
            Export::Global(global) => {
                let value: Val = instance.global(global).ok_or("a global is gone")?;
                observed.globals.push((name.clone(), value));
            }
            Export::Memory(memory) => {
                let bytes = contents(instance, memory)?;
                observed.memories.push((name.clone(), bytes));
            }
            Export::Function(_) | Export::Table(_) => {}
        }
    }
    for (table, decl) in module.tables.iter() {
        let entries = 0..decl.entries.len();
        let entries = entries.map_while(|index| instance.table_entry(table, index));
        observed.tables.push((decl.name.clone(), entries.collect()));
    }
    Ok(())
}

fn contents(instance: &Instance, memory: MemoryId) -> Result<Vec<u8>, String> {
    let size = instance.memory_size(memory);
    let size = size.ok_or_else(|| format!("memory {} is gone", memory.index()))?;
    let mut bytes = vec![0; size as usize];
    let read = instance.read_memory(memory, 0, &mut bytes);
    read.map_err(|error| error.to_string())?;
    Ok(bytes)
}

fn counters(stats: &enjamb_runtime::Stats) -> Stats {
    vec![
        ("suspensions", stats.suspensions),
        ("frames_suspended", stats.frames_suspended),
        ("resumptions", stats.resumptions),
        ("continuations_allocated", stats.continuations_allocated),
        ("continuations_live", stats.continuations_live),
        ("tasks_started", stats.tasks_started),
        ("tasks_finished", stats.tasks_finished),
        ("tasks_failed", stats.tasks_failed),
    ]
}
