//! The steps from a function to its code.

use crate::backend::Backend;
use crate::driver::lower;
use crate::emission::emit;
use crate::emitter::{Emission, EmissionState};
use crate::error::{LowerError, Reason};
use crate::machine::TargetInst;
use crate::print::register;
use bumpalo::Bump;
use enjamb_abi::code::{Code, CodeOptions, RegisterAllocator};
use enjamb_abi::context::InstanceLayout;
use enjamb_ir::{Block, FuncId, Function, FunctionDecl, Module, SecondaryMap};
use enjamb_regalloc::{Algorithm, Allocator, Check, Options};

/// A target: the three types that stand for it.
pub trait Isa {
    /// Its own instructions.
    type Inst: TargetInst;
    /// What makes them of a function.
    type Lowering<'a>: Backend<'a, Inst = Self::Inst>;
    /// What makes bytes of them.
    type Emitter<'a>: Emission<'a, Inst = Self::Inst>;
}

/// A function as code.
#[derive(Clone, Debug)]
pub struct LoweredFunction {
    /// The code and its tables.
    pub code: Code,
    /// The stages in between, if they were asked for.
    pub text: Option<Text>,
    /// What it took.
    pub stats: Stats,
}

/// The stages of the lowering as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// Machine code in virtual registers, then the same after allocation.
    pub vcode: String,
    /// The code as assembly, with the offset and bytes of each instruction.
    pub assembly: String,
}

/// What the lowering of a function took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Machine instructions in virtual registers.
    pub instructions: usize,
    /// Virtual registers.
    pub virtual_registers: usize,
    /// What register allocation cost.
    pub allocation: enjamb_regalloc::Stats,
}

fn algorithm(allocator: RegisterAllocator) -> Algorithm {
    match allocator {
        RegisterAllocator::Backtracking => Algorithm::Ion,
        RegisterAllocator::SinglePass => Algorithm::Fast,
    }
}

/// The options for an [`Allocator`] that go with those for code.
pub fn allocator_options(options: &CodeOptions) -> Options {
    let algorithm = algorithm(options.allocator);
    match options.check {
        true => Options::checked(algorithm),
        false => Options {
            algorithm,
            validate: Check::Off,
            validate_ssa: Check::Off,
            check: Check::Off,
        },
    }
}

/// The most work, as [`backtracking_work`] estimates it, that the backtracking allocator is given:
/// some tenths of a second.
const BACKTRACKING_LIMIT: usize = 60_000;

/// How much there is to do for the backtracking allocator, in instructions. Every value that a
/// branch hands over costs it as much as one; and at a block of many predecessors it merges the
/// ranges of all of them one by one, each time looking at what it has, which is quadratic.
fn backtracking_work(function: &Function) -> usize {
    let mut predecessors: SecondaryMap<Block, usize> = SecondaryMap::with_default(0);
    let mut handed_over = 0;
    for &block in &function.order {
        for &inst in function.terminator(block).as_slice() {
            for &target in function.targets(inst) {
                predecessors[target.block] += 1;
                handed_over += function.target_args(target).len();
            }
        }
    }
    let joins = predecessors
        .iter()
        .map(|(_, &count)| count.saturating_mul(count) / 256);
    function.instruction_count() + handed_over + joins.sum::<usize>()
}

/// The allocator that a function gets: the one that was asked for, unless the function is so large
/// that the backtracking one would take more than its share of time and memory.
fn allocator_for(function: &Function, asked: RegisterAllocator) -> RegisterAllocator {
    let is_large = || backtracking_work(function) > BACKTRACKING_LIMIT;
    if asked == RegisterAllocator::Backtracking && is_large() {
        tracing::debug!(
            function = function.name,
            "large: registers in a single pass"
        );
        return RegisterAllocator::SinglePass;
    }
    asked
}

/// Lowers a function that the module defines. Registers are allocated in a single pass, whatever
/// the options say, if the function is very large. `arena` holds what is needed meanwhile, and
/// `allocator`, made with [`allocator_options`], keeps its memory for the next function. `with_text`
/// keeps the stages in between as text.
///
/// # Errors
/// If the function has no body or is async and has not been transformed; if the frame or the code
/// is too large; or if the module is not a valid one.
pub fn lower_function<I: Isa>(
    module: &Module,
    layout: &InstanceLayout,
    function: FuncId,
    options: &CodeOptions,
    allocator: &mut Allocator,
    arena: &Bump,
    with_text: bool,
) -> Result<LoweredFunction, LowerError> {
    let name = module.functions.get(function).map(|decl| &decl.name);
    let _span = tracing::debug_span!("lower", function = name).entered();
    let body = module.functions.get(function).and_then(FunctionDecl::body);
    let chosen = body.map_or(options.allocator, |body| {
        allocator_for(body, options.allocator)
    });
    let options = &CodeOptions {
        allocator: chosen,
        ..*options
    };
    let lowered = lower::<I::Lowering<'_>>(module, layout, function, options, arena)?;
    allocator.set_algorithm(algorithm(chosen));
    let name = lowered.function.name();
    let fail = |reason: Reason| LowerError::new(name, reason);
    let body = body.ok_or_else(|| fail(Reason::NoBody))?;
    let mut registers = I::Inst::REGISTERS.register_file();
    if body.is_async() && chosen == RegisterAllocator::Backtracking {
        registers = registers.with_fixed_only(I::Inst::REGISTERS.continuation());
    }
    let allocation = allocator
        .allocate(&lowered.function, &registers)
        .map_err(|error| fail(error.into()))?;
    let state = EmissionState::new(module, body, &lowered, &allocation, options, with_text);
    let emitted = state.and_then(emit::<I::Emitter<'_>>).map_err(fail)?;
    let text = with_text.then(|| {
        let before = lowered.function.to_string();
        let after = allocation.display(|preg| register::<I::Inst>(preg).to_string());
        let listing = emitted.listing.unwrap_or_default();
        Text {
            vcode: format!("{before}\nafter register allocation\n{after}"),
            assembly: format!("%{name}:\n{listing}"),
        }
    });
    let stats = Stats {
        instructions: lowered.function.num_insts(),
        virtual_registers: lowered.function.num_vregs(),
        allocation: allocation.stats(),
    };
    Ok(LoweredFunction {
        code: emitted.code,
        text,
        stats,
    })
}
