//! Values that live across a suspension point.
//!
//! The allocator keeps values together that blocks hand to each other, in one place if it can, and
//! splits them where it cannot. Left alone it does that in the wrong places: in loops, in resumption
//! blocks. Copies, which cost nothing where both sides get the same place, keep apart what had better not
//! be together:
//!
//! - What lives across a call has to be in a register that a call preserves. Where it comes in a register
//!   of the convention, as a parameter or from a call, or has to be in one, for a call or a return, it is
//!   copied: that move has to be made in any case.
//! - No register of floats and vectors survives a call, so one that lives across it is in memory
//!   meanwhile. All that is kept together with it would be there too: the float of a loop that ends in
//!   front of the point or begins behind it would be loaded and stored in every turn. So it is copied in
//!   front of the call and again behind it, and only the copy between is in memory.
//!
//! ```text
//!   c = copy x;  call;  brif suspended, S, C(c)     S: saves c     C(p): x₁ = copy p
//! ```

use crate::backend::Backend;
use crate::error::Lower;
use crate::machine::Code;
use crate::registers::class_of;
use crate::values::Values;
use enjamb_abi::code::RegisterAllocator;
use enjamb_ir::hash::{FxHashMap, FxHashSet};
use enjamb_ir::{Block, Entity, Function, Inst, Opcode, SavedSource, Value, ValueDef};
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

/// Copies, and the blocks in which they stand for the values.
#[derive(Default)]
pub(crate) struct Crossing {
    /// By number of a value: whether it is saved at some point, or handed to a parameter that is. Empty
    /// for an allocator that keeps nothing together.
    saved: Vec<bool>,
    /// Where a function that can be resumed begins when it is not.
    body: Option<Block>,
    /// Parameters of continuations that stand for what a call gave and are saved.
    results: FxHashSet<Value>,
    /// What stands for which value in the block at hand.
    here: Copies,
    /// The suspension point that the block at hand ends with.
    point: Option<Point>,
    /// By block that suspends: the copies of its point.
    in_suspension: Vec<Option<Copies>>,
    /// Blocks that begin behind a point.
    continuations: Vec<bool>,
    /// How many edges lead to each block; empty until the first point is met.
    edges_to: Vec<u32>,
}

impl Crossing {
    /// Before the first block of a function that begins with `body` if it is not resumed.
    pub fn new(function: &Function, body: Option<Block>, allocator: RegisterAllocator) -> Self {
        if allocator == RegisterAllocator::SinglePass {
            return Crossing::default();
        }
        let mut saved = vec![false; function.values.len()];
        for field in function.points.values().flat_map(|point| &point.saved) {
            if let SavedSource::Value(value) = field.source {
                saved[value.index()] = true;
            }
        }
        let mut crossing = Crossing {
            saved,
            body,
            ..Crossing::default()
        };
        crossing.add_handed(function);
        crossing
    }

    /// Adds what is handed to parameters that are saved, against the order of the blocks: one walk finds
    /// all but what goes round a loop first.
    fn add_handed(&mut self, function: &Function) {
        for &block in function.order.iter().rev() {
            let Some(branch) = function.terminator(block) else {
                continue;
            };
            for &target in function.targets(branch) {
                let params = function.blocks[target.block].params.iter();
                for (&param, &arg) in params.zip(function.target_args(target)) {
                    if self.is_saved(function, param) {
                        self.saved[arg.index()] = true;
                    }
                }
            }
        }
    }

    /// What stands for a value in the block at hand, if it is a copy.
    pub fn copy_of(&self, value: Value) -> Option<VReg> {
        self.here.get(&value).copied()
    }

    /// Whether a value, or what it was before the transform, is one of [`Crossing::saved`].
    fn is_saved(&self, function: &Function, value: Value) -> bool {
        let is_saved = |value: Value| self.saved.get(value.index()) == Some(&true);
        is_saved(value) || function.origins[value].is_some_and(is_saved)
    }
}

/// How many edges lead to each block.
pub(crate) fn count_edges(function: &Function) -> Vec<u32> {
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
    /// The registers that a block takes its parameters in. Some come in registers of their own and
    /// are copied by [`CrossingCopies::begin_crossing`]: of a continuation floats and what is saved of what
    /// the call gave, of the body what is saved.
    fn incoming(&mut self, block: Block) -> Vec<VReg> {
        let params = self.params(block);
        let is_continuation = self.crossing.continuations.get(block.index()) == Some(&true);
        let is_body = self.crossing.body == Some(block);
        let values = self.function.blocks[block].params.iter();
        let incoming = params.into_iter().zip(values).map(|(param, value)| {
            let is_float = param.class() == RegClass::Float;
            let is_result = self.crossing.results.contains(value);
            let is_argument = is_body && self.crossing.is_saved(self.function, *value);
            match is_argument || is_result || is_continuation && is_float {
                true => self.new_vreg(param.class()),
                false => param,
            }
        });
        incoming.collect()
    }

    /// At the start of a block whose parameters came in `incoming`.
    fn begin_crossing(&mut self, block: Block, incoming: &[VReg]) {
        let params = self.params(block);
        for (&output, &input) in params.iter().zip(incoming) {
            if output != input {
                self.push(Code::Copy { output, input });
            }
        }
        let copies = self.crossing.in_suspension.get(block.index());
        self.crossing.here = copies.cloned().flatten().unwrap_or_default();
        self.crossing.point = point_at_end(self.function, block);
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
        let blocks = function.blocks.len();
        if self.crossing.edges_to.is_empty() {
            self.crossing.edges_to = count_edges(function);
            self.crossing.continuations.resize(blocks, false);
            self.crossing.in_suspension.resize(blocks, None);
        }
        let handed = function.target_args(onwards);
        self.note_results(inst, onwards.block, handed);
        let copies: Copies = Rc::new(self.copies_of_floats(inst, handed)?);
        self.crossing.continuations[onwards.block.index()] = true;
        for block in only_behind(function, &self.crossing.edges_to, point.suspension) {
            self.crossing.in_suspension[block.index()] = Some(copies.clone());
        }
        self.crossing.here = copies;
        Ok(())
    }

    /// Notes which parameters of a continuation stand for what the call gave and are saved.
    fn note_results(&mut self, call: Inst, continuation: Block, handed: &[Value]) {
        let function = self.function;
        let results = function.results(call);
        let params = function.blocks[continuation].params.iter();
        for (&param, arg) in params.zip(handed) {
            if results.contains(arg) && self.crossing.is_saved(function, param) {
                self.crossing.results.insert(param);
            }
        }
    }

    fn copies_of_floats(&mut self, call: Inst, handed: &[Value]) -> Lower<FxHashMap<Value, VReg>> {
        let results = self.function.results(call);
        let mut copies: FxHashMap<Value, VReg> = FxHashMap::default();
        for &value in handed {
            let ty = self.type_of(value);
            let is_lost = ty.in_vector_register();
            if is_lost && !copies.contains_key(&value) && !results.contains(&value) {
                let input = self.value(value)?;
                let output = self.new_vreg(class_of(ty));
                self.push(Code::Copy { output, input });
                copies.insert(value, output);
            }
        }
        Ok(copies)
    }

    /// The register of a value for a use in a register of the convention.
    fn value_alone(&mut self, value: Value) -> Lower<VReg> {
        let input = self.value(value)?;
        if !self.crossing.is_saved(self.function, value) {
            return Ok(input);
        }
        let output = self.new_vreg(input.class());
        self.push(Code::Copy { output, input });
        Ok(output)
    }
}

impl<'a, L: Backend<'a>> CrossingCopies<'a> for L {}
