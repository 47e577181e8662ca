//! What can be chosen about an engine.

use crate::spawner::{InstanceDriver, Spawner};
use enjamb_abi::heap::Heap;
use enjamb_abi::memory::Blocks;
use enjamb_ir::{Schedule, TraceLimits};
use enjamb_runtime::{MemorySource, Pages};
use std::fmt;
use std::sync::Arc;

/// What runs the programs. Both give the same results in the same order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Execution {
    /// Machine code. Only on the hosts that the README names.
    #[default]
    Jit,
    /// The interpreter, which is slow and runs on every host.
    Interpreter,
}

/// What `sleep` waits on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clock {
    /// The time of the machine.
    #[default]
    Real,
    /// Time stands still while something runs and jumps to the next deadline when nothing can.
    Virtual,
}

/// How the compiler assigns registers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Allocator {
    /// Slower compilation, faster code.
    #[default]
    Backtracking,
    /// Faster compilation, slower code.
    SinglePass,
}

/// Whether programs run on fuel, of which every instruction of the IR uses one. All engines count alike. Only
/// functions that a trusted module brings along lowered already use none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fuel {
    /// No; and if a module says that it does, there is no end of it.
    #[default]
    Off,
    /// An instance gets a budget. When that is used up the call ends with the trap `out_of_fuel`, and so
    /// does every later one unless [`Instance::set_fuel`](crate::Instance::set_fuel) gives more.
    Trap {
        /// The fuel of a new instance.
        budget: u64,
    },
    /// Tasks take turns: an async function that has used up the slice of its turn suspends, and goes on
    /// when all others that can run have had theirs. A sync function cannot suspend and goes on.
    Suspend {
        /// The fuel of each call from the host and of each turn.
        slice: u64,
        /// The most fuel that sync functions may use beyond the slice before the trap `out_of_fuel`.
        debt: Option<u32>,
    },
}

/// Makes heaps for instances.
#[derive(Clone)]
pub struct HeapFactory(Arc<dyn Fn() -> Box<dyn Heap> + Send + Sync>);

impl HeapFactory {
    /// A new heap.
    pub fn make(&self) -> Box<dyn Heap> {
        (self.0)()
    }
}

impl fmt::Debug for HeapFactory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HeapFactory")
    }
}

/// Factories are equal if they are one.
impl PartialEq for HeapFactory {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for HeapFactory {}

/// The settings of an [`Engine`](crate::Engine).
///
/// ```
/// use enjamb_engine::{Clock, Config, Execution};
///
/// let config = Config::new().execution(Execution::Interpreter).clock(Clock::Virtual);
/// assert_eq!(config.memory_limit, 1 << 30);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// What runs the programs.
    pub execution: Execution,
    /// How the compiler assigns registers.
    pub allocator: Allocator,
    /// Whether what [`Stats`](crate::Stats) says about suspensions is counted, which costs time.
    pub count: bool,
    /// Whether machine code for AArch64 signs return addresses and has landing pads, which
    /// processors that know these check. Other code is the same with and without.
    pub branch_protection: bool,
    /// Which leaf calls suspend.
    pub schedule: Schedule,
    /// What `sleep` waits on.
    pub clock: Clock,
    /// Bytes of stack that compiled code may use before the trap `stack_overflow`. No more than
    /// the thread has left is ever used.
    pub stack_size: usize,
    /// Bytes of continuations and tasks that an instance may hold before the trap `out_of_memory`.
    pub memory_limit: usize,
    /// Bytes of continuations that an instance asks for at a time, if it has few: with many small instances, few
    /// bytes are left over.
    pub continuation_chunk: u32,
    /// Where machine code, its instances, and continuations have their memory from.
    pub memory: MemorySource,
    /// Bytes of objects that an instance may hold before the trap `out_of_memory`, if its module
    /// declares types of objects.
    pub heap_limit: usize,
    /// What makes the heaps of instances that run machine code, if not Enjamb's own. The interpreter has
    /// its own way with objects.
    pub heap: Option<HeapFactory>,
    /// Whether machine code collects garbage wherever that may happen, and overwrites what is free,
    /// which finds mistakes in the compiler and in heaps.
    pub gc_stress: bool,
    /// The executor that drives instances whenever nobody else does.
    pub spawner: Option<Spawner>,
    /// Whether programs run on fuel.
    pub fuel: Fuel,
    /// How much of the logical stack traps and exceptions keep.
    pub trace: TraceLimits,
    /// Whether machine code is shown to debuggers, with the names of functions, lines of the source
    /// and the way out of each frame. See `docs/debugging.md`.
    pub debug_info: bool,
    /// Whether machine code is shown to profilers, in the file `/tmp/perf-PID.map`, which stays.
    pub perf_map: bool,
    /// Whether functions can be replaced while the program is running, see
    /// [`Instance::replace`](crate::Instance::replace). Each direct call costs an indirect jump then.
    pub replaceable: bool,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            execution: Execution::default(),
            allocator: Allocator::default(),
            count: false,
            branch_protection: false,
            schedule: Schedule::default(),
            clock: Clock::default(),
            stack_size: 1 << 20,
            memory_limit: 1 << 30,
            continuation_chunk: 64 << 10,
            memory: MemorySource::default(),
            heap_limit: 1 << 30,
            heap: None,
            gc_stress: false,
            spawner: None,
            fuel: Fuel::Off,
            trace: TraceLimits::default(),
            debug_info: false,
            perf_map: false,
            replaceable: false,
        }
    }
}

impl Config {
    /// The default settings: machine code, natural schedule, real clock, nothing counted.
    pub fn new() -> Self {
        Self::default()
    }
    /// Sets what runs the programs.
    pub fn execution(self, execution: Execution) -> Self {
        Config { execution, ..self }
    }
    /// Sets how the compiler assigns registers.
    pub fn allocator(self, allocator: Allocator) -> Self {
        Config { allocator, ..self }
    }
    /// Sets whether suspensions are counted.
    pub fn count(self, count: bool) -> Self {
        Config { count, ..self }
    }
    /// Sets whether indirect branches and returns of machine code are protected.
    pub fn branch_protection(self, branch_protection: bool) -> Self {
        Config {
            branch_protection,
            ..self
        }
    }
    /// Sets which leaf calls suspend.
    pub fn schedule(self, schedule: Schedule) -> Self {
        Config { schedule, ..self }
    }
    /// Sets what `sleep` waits on.
    pub fn clock(self, clock: Clock) -> Self {
        Config { clock, ..self }
    }
    /// Sets the bytes of stack.
    pub fn stack_size(self, stack_size: usize) -> Self {
        Config { stack_size, ..self }
    }
    /// Sets the bytes of continuations.
    pub fn memory_limit(self, memory_limit: usize) -> Self {
        Config {
            memory_limit,
            ..self
        }
    }
    /// Sets the bytes of continuations that are asked for at a time.
    pub fn continuation_chunk(self, continuation_chunk: u32) -> Self {
        Config {
            continuation_chunk,
            ..self
        }
    }
    /// Sets where continuations, context blocks and the objects of Enjamb's own heap come from, which is the
    /// global allocator otherwise. It may refuse: a program that asks traps with `out_of_memory`, an instance
    /// is not made. The interpreter has its own way.
    ///
    /// ```
    /// use enjamb_engine::memory::{Blocks, GlobalBlocks};
    /// use enjamb_engine::{Config, Engine};
    /// use std::alloc::Layout;
    /// use std::ptr::NonNull;
    /// use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    ///
    /// /// So many bytes for all instances of an engine together.
    /// #[derive(Debug)]
    /// struct Budget(AtomicUsize);
    ///
    /// // SAFETY: the blocks are those of the global allocator.
    /// unsafe impl Blocks for Budget {
    ///     fn allocate(&self, layout: Layout) -> Option<NonNull<u8>> {
    ///         let pay = |left: usize| left.checked_sub(layout.size());
    ///         self.0.fetch_update(Relaxed, Relaxed, pay).ok()?;
    ///         GlobalBlocks.allocate(layout)
    ///     }
    ///     unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
    ///         // SAFETY: the caller's promise.
    ///         unsafe { GlobalBlocks.free(block, layout) };
    ///         self.0.fetch_add(layout.size(), Relaxed);
    ///     }
    /// }
    ///
    /// let engine = Engine::new(Config::new().blocks(Budget(AtomicUsize::new(1 << 30))));
    /// ```
    pub fn blocks(mut self, blocks: impl Blocks + 'static) -> Self {
        self.memory.blocks = Arc::new(blocks);
        self
    }
    /// Sets where the pages of code and of linear memories come from, which is the operating system otherwise. It
    /// may refuse: a module is not made, an instance is not made, a memory does not grow.
    pub fn pages(mut self, pages: impl Pages + 'static) -> Self {
        self.memory.pages = Arc::new(pages);
        self
    }
    /// Sets the bytes of objects.
    pub fn heap_limit(self, heap_limit: usize) -> Self {
        Config { heap_limit, ..self }
    }
    /// Sets what makes the heap of each instance. All heaps that it makes are of one kind.
    pub fn heap(self, make: impl Fn() -> Box<dyn Heap> + Send + Sync + 'static) -> Self {
        let heap = Some(HeapFactory(Arc::new(make)));
        Config { heap, ..self }
    }
    /// Sets whether garbage is collected wherever that may happen.
    pub fn gc_stress(self, gc_stress: bool) -> Self {
        Config { gc_stress, ..self }
    }
    /// Sets the executor that runs tasks of instances which nobody waits for, as those that were detached or
    /// have outlived the call that spawned them.
    ///
    /// It gets a future whenever somebody leaves an instance with tasks that can run, or wait for the clock or the
    /// host, and no [`Call`](crate::Call), [`Task`](crate::Task) or [`Drive`](crate::Drive) waits for the
    /// instance. There is one such future at a time. It ends when no task waits for anything that can happen, or
    /// when the instance is dropped, which it does not keep alive. It may run on any thread; if it is dropped
    /// before its end, the executor is asked again when the instance is used next. `spawn` itself is called
    /// inside of the instance: it must not use it, and should do no more than to hand over the future.
    ///
    /// Without it such tasks go on whenever a function of the instance is called, and while somebody runs others or
    /// drives them: see [`Instance::drive`].
    ///
    /// With or without it, tasks run on the thread that is inside of the instance at the time: one that calls a function
    /// and blocks, one that drops a future, one that leaves after somebody else has spawned a task. That thread need not be
    /// one of an executor. So what an async host function does before it waits first, and whenever it goes on, may happen
    /// outside of any: a timer or a socket of tokio's that is *made* there panics. It is safe to spawn such work by the
    /// handle of a runtime, and to await the task.
    ///
    /// ```
    /// use enjamb_engine::{Config, Engine};
    ///
    /// let runtime = tokio::runtime::Runtime::new().unwrap();
    /// let executor = runtime.handle().clone();
    /// let config = Config::new().spawner(move |driver| drop(executor.spawn(driver)));
    /// let engine = Engine::new(config)?;
    /// # Ok::<(), enjamb_engine::Error>(())
    /// ```
    ///
    /// [`Instance::drive`]: crate::Instance::drive
    pub fn spawner(self, spawn: impl Fn(InstanceDriver) + Send + Sync + 'static) -> Self {
        let spawner = Some(Spawner::new(spawn));
        Config { spawner, ..self }
    }
    /// Sets whether programs run on fuel.
    pub fn fuel(self, fuel: Fuel) -> Self {
        Config { fuel, ..self }
    }
    /// Sets how much of the logical stack is kept.
    pub fn trace(self, trace: TraceLimits) -> Self {
        Config { trace, ..self }
    }
    /// Sets whether debuggers see machine code.
    pub fn debug_info(self, debug_info: bool) -> Self {
        Config { debug_info, ..self }
    }
    /// Sets whether functions can be replaced.
    pub fn replaceable(self, replaceable: bool) -> Self {
        Config {
            replaceable,
            ..self
        }
    }
    /// Sets whether profilers see machine code.
    pub fn perf_map(self, perf_map: bool) -> Self {
        Config { perf_map, ..self }
    }
}
