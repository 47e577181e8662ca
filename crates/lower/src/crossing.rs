//! Floats and vectors that live across a suspension point.
//!
//! No float register survives a call, so a float that lives across one is in memory meanwhile. The
//! allocator keeps values together that blocks hand to each other, and puts all of them in memory where
//! one has to be: the float of a loop that ends in front of the point or begins behind it would be
//! loaded and stored in every turn. So such a value is copied in front of the call and again behind it,
//! and only the copy between is in memory.
//!
//! ```text
//!   c = copy x;  call;  brif suspended, S, C(c)     S: saves c     C(p): x₁ = copy p
//! ```

use crate::backend::Backend;
use crate::error::Lower;
use crate::registers::class_of;
use crate::values::Values;
use enjamb_ir::hash::FxHashMap;
use enjamb_ir::{Block, Entity, Function, Inst, Opcode, Value, ValueDef};
use enjamb_regalloc::{RegClass, VReg};
use std::rc::Rc;

/// What stands for a value.
type Copies = Rc<FxHashMap<Value, VReg>>;

/// A suspension point at the end of a block.
#[derive(Clone, Copy)]
struct Point {
    call: Inst,
    /// The first block that suspends.
    suspension: Block,
    branch: Inst,
}

/// Copies of floats and the blocks in which they stand for the values.
#[derive(Default)]
pub(crate) struct Crossing {
    /// What stands for which value in the block at hand.
    here: Copies,
    /// The call after which copies count in the block at hand, and what it is copied for.
    point: Option<Point>,
    /// By block that suspends: the copies of its point.
    in_suspension: Vec<Option<Copies>>,
    /// Blocks that begin behind a point.
    continuations: Vec<bool>,
    /// How many edges lead to each block; empty until the first point is met.
    edges_to: Vec<u32>,
}

impl Crossing {
    /// What stands for a float in the block at hand, if it is a copy.
    pub fn copy_of(&self, value: Value) -> Option<VReg> {
        self.here.get(&value).copied()
    }
}

fn count_edges(function: &Function) -> Vec<u32> {
    let mut edges = vec![0; function.blocks.len()];
    for &block in &function.order {
        for successor in function.successors(block) {
            edges[successor.index()] += 1;
        }
    }
    edges
}

/// The blocks to which every way leads through the edge to `first`: where a copy that was made in
/// front of that edge is defined.
fn only_behind(function: &Function, edges_to: &[u32], first: Block) -> Vec<Block> {
    let mut arrived: FxHashMap<Block, u32> = FxHashMap::default();
    let mut found = Vec::new();
    let mut work = vec![first];
    while let Some(block) = work.pop() {
        let edges = arrived.entry(block).or_default();
        *edges += 1;
        if *edges == edges_to[block.index()] {
            found.push(block);
            work.extend(function.successors(block));
        }
    }
    found
}

/// The suspension point that a block of a lowered function ends with.
fn point_at_end(function: &Function, block: Block) -> Option<Point> {
    let branch = function.terminator(block)?;
    if function.insts[branch].opcode != Opcode::Brif {
        return None;
    }
    let (&test, targets) = (function.args(branch).first()?, function.targets(branch));
    let ValueDef::Result(test, 0) = function.values[test].def else {
        return None;
    };
    let (Opcode::IsSuspended, Some(&hidden)) =
        (function.insts[test].opcode, function.args(test).first())
    else {
        return None;
    };
    // The entry tests its parameter in the same way.
    let ValueDef::Result(call, 0) = function.values[hidden].def else {
        return None;
    };
    let is_call = matches!(
        function.insts[call].opcode,
        Opcode::Call | Opcode::CallIndirect | Opcode::Join
    );
    let suspension = targets.first()?.block;
    is_call.then_some(Point {
        call,
        suspension,
        branch,
    })
}

pub(crate) trait CrossingCopies<'a>: Backend<'a> {
    /// The registers that a block takes its parameters in: of a continuation, floats come in
    /// registers of their own and are copied by [`CrossingCopies::begin_crossing`].
    fn incoming(&mut self, block: Block) -> Vec<VReg> {
        let params = self.params(block);
        if !self
            .crossing
            .continuations
            .get(block.index())
            .copied()
            .unwrap_or(false)
        {
            return params;
        }
        let fresh = |this: &mut Self, param: VReg| match param.class() {
            RegClass::Float => this.new_vreg(RegClass::Float),
            _ => param,
        };
        params.into_iter().map(|param| fresh(self, param)).collect()
    }

    /// At the start of a block whose parameters came in `incoming`.
    fn begin_crossing(&mut self, block: Block, incoming: &[VReg]) -> Lower<()> {
        let params = self.params(block);
        for (&param, &came) in params.iter().zip(incoming) {
            if param != came {
                self.copy_into(param, came)?;
            }
        }
        let copies = self.crossing.in_suspension.get(block.index());
        self.crossing.here = copies.cloned().flatten().unwrap_or_default();
        self.crossing.point = point_at_end(self.function, block);
        Ok(())
    }

    /// In front of an instruction: if it is the call of the block's point, copies what is handed
    /// across it, and notes who is to use the copies.
    fn copy_in_front_of(&mut self, inst: Inst) -> Lower<()> {
        let Some(point) = self.crossing.point.filter(|point| point.call == inst) else {
            return Ok(());
        };
        let function = self.function;
        let &[_, onwards] = function.targets(point.branch) else {
            return Ok(());
        };
        let results = function.results(inst);
        let mut copies: FxHashMap<Value, VReg> = FxHashMap::default();
        for &value in function.target_args(onwards) {
            let ty = self.type_of(value);
            let is_lost = ty.in_vector_register();
            if is_lost && !copies.contains_key(&value) && !results.contains(&value) {
                let original = self.value(value)?;
                let copy = self.new_vreg(class_of(ty));
                self.copy_into(copy, original)?;
                copies.insert(value, copy);
            }
        }
        let copies: Copies = Rc::new(copies);
        let blocks = function.blocks.len();
        self.crossing.continuations.resize(blocks, false);
        self.crossing.continuations[onwards.block.index()] = true;
        self.crossing.in_suspension.resize(blocks, None);
        if self.crossing.edges_to.is_empty() {
            self.crossing.edges_to = count_edges(function);
        }
        for block in only_behind(function, &self.crossing.edges_to, point.suspension) {
            self.crossing.in_suspension[block.index()] = Some(copies.clone());
        }
        self.crossing.here = copies;
        Ok(())
    }
}

impl<'a, L: Backend<'a>> CrossingCopies<'a> for L {}
