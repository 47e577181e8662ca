//! What can be wrong with machine code given to this crate.

use std::fmt;

use crate::Block;

/// The rule that the input breaks. The doc of each variant is the rule itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rule {
    /// A function has at least one block.
    HasEntry,
    /// The entry block has no parameters: arguments of the function are fixed definitions of its first
    /// instruction.
    EntryWithoutParams,
    /// A block is begun once, and every block that a successor names is begun.
    BlockBegunOnce,
    /// Every instruction lies in a block and every block ends in exactly one terminator.
    OneTerminator,
    /// A branch has successors, a jump has one and neither operands nor clobbers, a return has none.
    TerminatorShape,
    /// A successor passes as many arguments as its block has parameters, of the same classes.
    ArgumentsMatch,
    /// Every virtual register was made by this function's builder.
    KnownVReg,
    /// A fixed register has the class of its virtual register and belongs to the register file.
    FixedRegister,
    /// Every virtual register that is used has a definition in a reachable block.
    Defined,
    /// A virtual register has one definition, and each use is dominated by it.
    SingleDefinition,
    /// An instruction reuses at most one input; that input is an early use in any register, of the same
    /// class, and among the first 32 operands. (A reused fixed input that lives on makes the backtracking
    /// allocator break the fixed constraint: define a fixed register instead.)
    ReuseOfRegisterUse,
    /// A clobbered register is neither a fixed definition nor a fixed late use of the same instruction.
    ClobberDisjoint,
    /// A register is named at most once as fixed at the early and once at the late point of an instruction.
    FixedOnce,
    /// The operands that need a register at one point of an instruction fit into the registers that are
    /// left beside its clobbers; further operands of a wide instruction take any location.
    EnoughRegisters,
    /// A terminator defines values in fixed registers or in any location, never in "some register", and
    /// they are used as arguments of its own successors alone.
    TerminatorDefinition,
    /// An instruction has fewer than 65,536 operands; a function fewer than 2^30 virtual registers.
    Limits,
    /// The allocator found no solution; the message is its own.
    Allocator,
    /// The checker refutes the allocation: a bug in the allocator or in this crate.
    Checker,
}

/// Machine code that cannot be allocated: where, which rule, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllocationError {
    /// The function, as named to its builder.
    pub function: String,
    /// The block, where the error lies in one.
    pub block: Option<Block>,
    /// The instruction, counted from the start of that block.
    pub inst: Option<usize>,
    /// The broken rule.
    pub rule: Rule,
    /// The rule applied to this case.
    pub message: String,
}

impl fmt::Display for AllocationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.function)?;
        if let Some(block) = self.block {
            write!(f, ", {block}")?;
        }
        if let Some(inst) = self.inst {
            write!(f, ", instruction {inst}")?;
        }
        write!(f, ": {} ({:?})", self.message, self.rule)
    }
}

impl std::error::Error for AllocationError {}

/// An error within a function whose name and place are added by the caller.
pub(crate) struct Fault {
    pub rule: Rule,
    pub message: String,
}

impl Fault {
    pub fn new(rule: Rule, message: impl Into<String>) -> Fault {
        Fault {
            rule,
            message: message.into(),
        }
    }

    pub fn at(self, function: &str, block: Option<Block>, inst: Option<usize>) -> AllocationError {
        AllocationError {
            function: function.into(),
            block,
            inst,
            rule: self.rule,
            message: self.message,
        }
    }
}
