//! Runs regalloc2 on a function and checks what it did.

use bumpalo::Bump;
use regalloc2::checker::Checker;
use regalloc2::{Ctx, Function as _, RegAllocError, RegallocOptions};

use crate::allocation::Allocation;
use crate::error::{AllocationError, Fault, Rule};
use crate::function::{MachineFunction, View};
use crate::inst::MachineInst;
use crate::registers::RegisterFile;
use crate::share_slots;
use crate::validate;

/// The allocation checker is quadratic after [`Algorithm::Fast`]; beyond so many instructions it is
/// skipped there.
pub const FAST_CHECK_LIMIT: usize = 5_000;

/// How registers are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// Backtracking over live ranges with splitting: good code, some microseconds per instruction.
    #[default]
    Ion,
    /// One pass backwards over each block: a tenth of the time or less, many more spills. Slots that are
    /// never live at once are made one afterwards.
    Fast,
}

/// When an optional check runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Check {
    /// Never.
    Off,
    /// In builds with debug assertions.
    #[default]
    Debug,
    /// Always.
    Always,
}

impl Check {
    /// Whether the check runs in this build.
    pub fn enabled(self) -> bool {
        match self {
            Check::Off => false,
            Check::Debug => cfg!(debug_assertions),
            Check::Always => true,
        }
    }
}

/// How an [`Allocator`] works. Everything that costs time is a check; the result is the same without.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// How registers are found.
    pub algorithm: Algorithm,
    /// Checks each instruction's operands before allocation, see [`Rule`]. Without it, input that breaks
    /// a rule may be allocated wrongly.
    pub validate: Check,
    /// Checks before allocation that each definition dominates its uses.
    pub validate_ssa: Check,
    /// Checks after allocation that every value reaches its uses.
    pub check: Check,
}

impl Options {
    /// Default checks with the given algorithm.
    pub fn new(algorithm: Algorithm) -> Options {
        Options {
            algorithm,
            ..Options::default()
        }
    }

    /// All checks, in every build, with the given algorithm.
    pub fn checked(algorithm: Algorithm) -> Options {
        let on = Check::Always;
        Options {
            algorithm,
            validate: on,
            validate_ssa: on,
            check: on,
        }
    }
}

/// Allocates registers for one function after the other, reusing its memory.
#[derive(Default)]
pub struct Allocator {
    options: Options,
    context: Ctx,
    /// Holds what is needed while one function is allocated.
    scratch: Bump,
}

impl Allocator {
    /// An allocator that works as `options` say.
    pub fn new(options: Options) -> Allocator {
        Allocator {
            options,
            ..Allocator::default()
        }
    }

    /// Uses another algorithm from the next function on; what is kept between functions serves both.
    pub fn set_algorithm(&mut self, algorithm: Algorithm) {
        self.options.algorithm = algorithm;
    }

    /// Assigns a register or spill slot to every operand, and orders the blocks for emission.
    pub fn allocate<'f, I: MachineInst>(
        &mut self,
        function: &'f MachineFunction<I>,
        registers: &RegisterFile,
    ) -> Result<Allocation<'f, I>, AllocationError> {
        let span = tracing::debug_span!("regalloc", function = function.name(), algorithm = ?self.options.algorithm);
        let _entered = span.enter();
        validate::classes(function, registers)?;
        if self.options.validate.enabled() {
            validate::run(function, registers)?;
        }
        let view = View {
            function,
            allocatable: registers.allocatable(),
        };
        let options = RegallocOptions {
            verbose_log: false,
            validate_ssa: self.options.validate_ssa.enabled(),
            algorithm: match self.options.algorithm {
                Algorithm::Ion => regalloc2::Algorithm::Ion,
                Algorithm::Fast => regalloc2::Algorithm::Fastalloc,
            },
        };
        let run =
            regalloc2::run_with_ctx(&view, &registers.environment, &options, &mut self.context);
        if let Err(error) = run {
            // A run that stopped half-way leaves the context in a state that the next must not meet.
            self.context = Ctx::default();
            return Err(explain(function, &error));
        }
        let mut output = std::mem::take(&mut self.context.output);
        if self.options.algorithm == Algorithm::Fast {
            share_slots::run(function, &mut output);
        }
        let checker_skipped = self.check(&view, registers, &output)?;
        self.scratch.reset();
        let allocation = Allocation::new(view, registers, output, checker_skipped, &self.scratch);
        tracing::debug!(stats = ?allocation.stats(), "allocated");
        Ok(allocation)
    }

    /// Runs the allocation checker if it is due; says whether it was due and skipped.
    fn check<I: MachineInst>(
        &self,
        view: &View<'_, I>,
        registers: &RegisterFile,
        output: &regalloc2::Output,
    ) -> Result<bool, AllocationError> {
        if !self.options.check.enabled() {
            return Ok(false);
        }
        if self.options.algorithm == Algorithm::Fast && view.num_insts() > FAST_CHECK_LIMIT {
            tracing::debug!(
                instructions = view.num_insts(),
                limit = FAST_CHECK_LIMIT,
                "allocation checker skipped: quadratic after the fast algorithm"
            );
            return Ok(true);
        }
        let mut checker = Checker::new(view, &registers.environment);
        checker.prepare(output);
        match checker.run() {
            Ok(()) => Ok(false),
            Err(errors) => {
                let fault = Fault::new(
                    Rule::Checker,
                    format!("the allocation is wrong: {errors:?}"),
                );
                Err(fault.at(view.function.name(), None, None))
            }
        }
    }
}

/// Says what an error of regalloc2 means for the function it was given.
fn explain<I: MachineInst>(
    function: &MachineFunction<I>,
    error: &RegAllocError,
) -> AllocationError {
    let label = |block: regalloc2::Block| function.blocks[block.index()].label;
    let nowhere = regalloc2::Inst::invalid();
    let (rule, message, inst) = match *error {
        RegAllocError::SSA(vreg, inst) => (
            Rule::SingleDefinition,
            format!("the definition of {vreg} does not dominate a use of it"),
            inst,
        ),
        RegAllocError::EntryLivein => {
            let message = "a value is used on a path from the entry that does not define it";
            (Rule::SingleDefinition, message.into(), nowhere)
        }
        RegAllocError::TooManyLiveRegs => {
            let message = "an instruction needs more registers at once than there are";
            (Rule::EnoughRegisters, message.into(), nowhere)
        }
        RegAllocError::TooManyOperands => (
            Rule::Limits,
            "an instruction has more than 65,535 operands".into(),
            nowhere,
        ),
        RegAllocError::CritEdge(from, to) => {
            let message = format!("the edge from {} to {} is critical", label(from), label(to));
            (Rule::Allocator, message, nowhere)
        }
        RegAllocError::BB(block) => (
            Rule::Allocator,
            format!("{} is no proper block", label(block)),
            nowhere,
        ),
        RegAllocError::Branch(inst) | RegAllocError::DisallowedBranchArg(inst) => (
            Rule::Allocator,
            format!("the allocator refuses the branch: {error}"),
            inst,
        ),
    };
    function.place(Fault::new(rule, message), inst)
}
