//! What is computed where it is used: constants, addresses and conditions.
//!
//! A pure instruction with a single use, in the same block, may be *deferred* to that use, which
//! then takes it in as the comparison before a branch, or in whatever way the target has: as part of an
//! addressing mode, as a shifted operand. Constants and addresses of frame and context are made anew at
//! each use and need no register in between.

use crate::nans::NanReaders;
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

/// Whether an instruction is made anew at each use.
pub fn is_rematerialized(opcode: Opcode) -> bool {
    use Opcode::*;
    matches!(
        opcode,
        Iconst | Fconst | Vconst | Null | StackAddr | FuncAddr
    )
}

/// Whether an instruction is a condition that a branch or selection tests by flags.
pub fn is_condition(opcode: Opcode) -> bool {
    use Opcode::*;
    matches!(
        opcode,
        Icmp | Fcmp | AnyTrue | AllTrue | SameRef | IsNull | IsSuspended
    )
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
            exposed: BumpVec::new_in(arena),
            deferred: bumpalo::vec![in arena; 0; insts],
        };
        let mut readers = NanReaders::new(values, arena);
        let mut block_of: BumpVec<'_, u32> = bumpalo::vec![in arena; u32::MAX; insts];
        for &block in order {
            for &inst in &function.blocks[block].insts {
                block_of[inst.index()] = block.index() as u32;
                function.for_each_use(inst, |value| selection.uses[value.index()] += 1);
                readers.add(function, inst);
            }
        }
        selection.exposed = readers.exposed(function, arena);
        for &block in order {
            let home = block.index() as u32;
            let mut previous = None;
            for &inst in &function.blocks[block].insts {
                let in_block = |other: Inst| block_of[other.index()] == home;
                selection.defer_operands(function, inst, in_block, folds);
                selection.defer_test_of_memory(function, inst, previous);
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

    /// A branch takes in a test that reads or writes memory only if it comes right before it.
    fn defer_test_of_memory(&mut self, function: &Function, inst: Inst, previous: Option<Inst>) {
        if let (Opcode::Brif, Some(test)) = (function.insts[inst].opcode, previous)
            && matches!(
                function.insts[test].opcode,
                Opcode::HasLayout | Opcode::FuelCheck | Opcode::IsInstance
            )
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

#[cfg(test)]
mod tests {
    use super::*;
    use enjamb_ir::parse_module;

    /// What is deferred in a function if the target takes in any sum.
    fn deferred(text: &str) -> Vec<String> {
        let module = parse_module(text).unwrap_or_else(|errors| panic!("{errors}"));
        let f = module.function_named("f").expect("%f");
        let function = module.functions[f].body().expect("a body");
        let folds: Folds = |function, _, _, source| {
            let opcode = function.insts[source].opcode;
            matches!(opcode, Opcode::Iadd | Opcode::Sdiv | Opcode::Load)
        };
        let arena = Bump::new();
        let selection = Selection::new(function, &function.order, &arena, folds);
        let blocks = function.order.iter();
        let insts = blocks.flat_map(|&block| &function.blocks[block].insts);
        let names = insts.filter(|&&inst| selection.is_deferred(inst));
        names
            .map(|&inst| function.results(inst)[0].to_string())
            .collect()
    }

    #[test]
    fn what_is_used_once_in_its_block_and_has_no_effect() {
        let text = "memory %heap 1..1
            function %f(i64, i64) -> i64 {
            block0(v0: i64, v1: i64):
                v2 = iadd v0, v1
                v3 = bxor v2, v0
                v4 = iadd v3, v1
                v5 = iadd v4, v4
                v6 = sdiv v5, v1
                v7 = load.i64 %heap[v6]
                v8 = iadd v7, v0
                jump block1
            block1:
                v9 = bxor v8, v7
                return v9
            }";
        // v4 and v7 have two uses, v8 is used in another block, and v6 may trap.
        assert_eq!(deferred(text), ["v2", "v5"]);
    }

    #[test]
    fn conditions_join_branches_whatever_the_target() {
        let text = "function %f(i64, i64) -> i64 {
            block0(v0: i64, v1: i64):
                v2 = icmp slt v0, v1
                v3 = icmp eq v0, v1
                v4 = select v2, v0, v1
                brif v3, block1, block2
            block1:
                return v4
            block2:
                return v0
            }";
        assert_eq!(deferred(text), ["v2", "v3"]);
    }

    #[test]
    fn chains_have_a_limit() {
        let mut text = String::from("function %f(i64) -> i64 {\nblock0(v0: i64):\n");
        for value in 0..20 {
            text += &format!("    v{} = iadd v{value}, v0\n", value + 1);
        }
        text += "    v21 = bxor v20, v20\n    return v21\n}";
        // Every fifth of v1 to v19 is computed, with four more on the way to it.
        let deferred = deferred(&text);
        assert_eq!(deferred.len(), 16);
        assert!(
            !["v5", "v10", "v15"]
                .iter()
                .any(|value| deferred.contains(&value.to_string()))
        );
    }
}
