//! What is computed where it is used: constants, addresses and conditions.
//!
//! A pure instruction with a single use, in the same block, may be *deferred* to that use, which
//! then takes it in as the comparison before a branch, or in whatever way the target has: as part of an
//! addressing mode, as a shifted operand. Constants and addresses of frame and context are made anew at
//! each use and need no register in between.

use bumpalo::Bump;
use bumpalo::collections::Vec as BumpVec;
use enjamb_ir::{Block, Effects, Entity, Function, Inst, Opcode, Value, ValueDef};

/// Deferred instructions nest at most so deep, which bounds recursion and the life of operands.
const DEEPEST: u8 = 4;

/// Which instructions are lowered where.
pub struct Selection<'a> {
    /// By value: how many operands name it.
    uses: BumpVec<'a, u32>,
    /// By value: whether anything can tell apart the NaNs it may be.
    exposed: BumpVec<'a, bool>,
    /// By instruction: 0, or how deep the deferred computation is.
    deferred: BumpVec<'a, u8>,
}

/// Whether an instruction treats every NaN alike.
fn ignores_payloads(opcode: Opcode) -> bool {
    use Opcode::*;
    matches!(
        opcode,
        Fadd | Fsub
            | Fmul
            | Fdiv
            | Fsqrt
            | Fmin
            | Fmax
            | Ceil
            | Floor
            | Ftrunc
            | Nearest
            | Fpromote
            | Fdemote
            | Fcmp
            | FcvtToSint
            | FcvtToUint
            | FcvtToSintSat
            | FcvtToUintSat
    )
}

/// Whether an instruction is made anew at each use.
pub fn is_rematerialized(opcode: Opcode) -> bool {
    use Opcode::*;
    matches!(opcode, Iconst | Fconst | Null | StackAddr | FuncAddr)
}

/// Whether an instruction is a condition that a branch or selection tests by flags.
pub fn is_condition(opcode: Opcode) -> bool {
    use Opcode::*;
    matches!(opcode, Icmp | Fcmp | SameRef | IsNull | IsSuspended)
}

/// Whether an operand of an instruction can take in the instruction that defines it: function,
/// instruction, number of the operand, the instruction that would be taken in.
pub type Folds = fn(&Function, Inst, usize, Inst) -> bool;

impl<'a> Selection<'a> {
    /// Decides for the given blocks of a function; `folds` says what the target can take in where.
    pub fn new(
        function: &Function,
        order: &[Block],
        arena: &'a Bump,
        folds: Folds,
    ) -> Selection<'a> {
        let (values, insts) = (function.values.len(), function.insts.len());
        let mut selection = Selection {
            uses: bumpalo::vec![in arena; 0; values],
            exposed: bumpalo::vec![in arena; false; values],
            deferred: bumpalo::vec![in arena; 0; insts],
        };
        let mut block_of: BumpVec<'_, u32> = bumpalo::vec![in arena; u32::MAX; insts];
        for &block in order {
            for &inst in &function.blocks[block].insts {
                block_of[inst.index()] = block.index() as u32;
                let exposes = !ignores_payloads(function.insts[inst].opcode);
                function.for_each_use(inst, |value| {
                    selection.uses[value.index()] += 1;
                    selection.exposed[value.index()] |= exposes;
                });
            }
        }
        for &block in order {
            let home = block.index() as u32;
            let mut previous = None;
            for &inst in &function.blocks[block].insts {
                let in_block = |other: Inst| block_of[other.index()] == home;
                selection.defer_operands(function, inst, in_block, folds);
                selection.defer_layout_test(function, inst, previous);
                previous = Some(inst);
            }
        }
        selection
    }

    /// Whether an instruction is lowered at its use.
    pub fn is_deferred(&self, inst: Inst) -> bool {
        self.deferred[inst.index()] > 0
    }

    /// Whether anything reads the value.
    pub fn is_used(&self, value: Value) -> bool {
        self.uses[value.index()] > 0
    }

    /// Whether it matters which NaN a value is.
    pub fn is_exposed(&self, value: Value) -> bool {
        self.exposed[value.index()]
    }

    fn defer_operands(
        &mut self,
        function: &Function,
        inst: Inst,
        in_block: impl Fn(Inst) -> bool,
        folds: Folds,
    ) {
        for (operand, &value) in function.args(inst).iter().enumerate() {
            let ValueDef::Result(source, 0) = function.values[value].def else {
                continue;
            };
            let fits = self.uses[value.index()] == 1
                && in_block(source)
                && (takes_condition(function, inst, operand, source)
                    || is_pure(function, source) && folds(function, inst, operand, source));
            if fits {
                let args = function.args(source).iter();
                let nested = args.map(|&arg| self.depth(function, arg));
                let depth = nested.max().unwrap_or(0) + 1;
                if depth <= DEEPEST {
                    self.deferred[source.index()] = depth;
                }
            }
        }
    }

    /// A branch takes in a test of a layout, which reads memory, only if it comes right before it.
    fn defer_layout_test(&mut self, function: &Function, inst: Inst, previous: Option<Inst>) {
        if let (Opcode::Brif, Some(test)) = (function.insts[inst].opcode, previous)
            && function.insts[test].opcode == Opcode::HasLayout
            && function.args(inst).first() == function.results(test).first()
            && self.uses[function.args(inst)[0].index()] == 1
        {
            self.deferred[test.index()] = 1;
        }
    }

    fn depth(&self, function: &Function, value: Value) -> u8 {
        match function.values[value].def {
            ValueDef::Result(inst, _) => self.deferred[inst.index()],
            _ => 0,
        }
    }
}

fn is_pure(function: &Function, inst: Inst) -> bool {
    function.insts[inst].opcode.info().effects == Effects::PURE
}

/// Whether an operand is tested by flags, and its definition sets them.
fn takes_condition(function: &Function, inst: Inst, operand: usize, source: Inst) -> bool {
    let tests = matches!(function.insts[inst].opcode, Opcode::Brif | Opcode::Select);
    tests && operand == 0 && is_condition(function.insts[source].opcode)
}
