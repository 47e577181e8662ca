//! Building a function in virtual registers, block by block in allocation order.

use std::fmt;
use std::ops::Range;

use regalloc2::{RegClass, VReg};

use crate::error::{AllocationError, Fault, Rule};
use crate::function::MachineFunction;
use crate::inst::{InstKind, MachineInst, known};
use crate::prepare;

/// A block of machine code. The name stays the same when blocks are pruned, split and reordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Block(pub(crate) u32);

impl Block {
    /// A dense number below [`MachineFunction::num_blocks`], to index side tables with.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b{}", self.0)
    }
}

/// One way out of a branch: a block and a value for each of its parameters.
#[derive(Clone, Copy, Debug)]
pub struct Successor<'a> {
    /// Where control goes.
    pub block: Block,
    /// What the parameters of that block become.
    pub args: &'a [VReg],
}

impl<'a> Successor<'a> {
    /// The edge to `block` that passes `args`.
    pub fn new(block: Block, args: &'a [VReg]) -> Successor<'a> {
        Successor { block, args }
    }
}

/// A block as it was begun; ranges are into the builder's pools.
pub(crate) struct BegunBlock {
    pub label: Block,
    pub params: Range<u32>,
    pub insts: Range<u32>,
    pub edges: Range<u32>,
}

/// A successor as it was given.
#[derive(Clone)]
pub(crate) struct Edge {
    pub target: Block,
    pub args: Range<u32>,
}

/// Builds a [`MachineFunction`].
///
/// The first block begun is the entry, and blocks come in allocation order. The allocator takes every
/// edge to an earlier block for the back edge of a loop, so a reverse post-order is best, with the
/// blocks that leave a loop for good (suspension) behind it and the blocks that enter it from outside
/// (resumption) before it. A block that precedes all its predecessors is moved behind one of them.
///
/// A mistake does not stop the building; [`finish`](Self::finish) returns the first one.
pub struct MachineFunctionBuilder<I> {
    pub(crate) name: String,
    pub(crate) classes: Vec<RegClass>,
    pub(crate) wide_floats: bool,
    pub(crate) labels: u32,
    pub(crate) cold: Vec<bool>,
    /// The index among `blocks` of each label.
    pub(crate) begun: Vec<Option<u32>>,
    pub(crate) blocks: Vec<BegunBlock>,
    pub(crate) insts: Vec<I>,
    pub(crate) edges: Vec<Edge>,
    pub(crate) pool: Vec<VReg>,
    open: bool,
    error: Option<AllocationError>,
}

impl<I: MachineInst> MachineFunctionBuilder<I> {
    /// A builder of the function called `name` in errors and traces.
    pub fn new(name: impl Into<String>) -> Self {
        MachineFunctionBuilder {
            name: name.into(),
            classes: Vec::new(),
            wide_floats: false,
            labels: 0,
            cold: Vec::new(),
            begun: Vec::new(),
            blocks: Vec::new(),
            insts: Vec::new(),
            edges: Vec::new(),
            pool: Vec::new(),
            open: false,
            error: None,
        }
    }

    /// Values of class `Float` are 16 bytes wide, so that spilling one takes two slots.
    pub fn widen_floats(&mut self) {
        self.wide_floats = true;
    }

    /// A fresh virtual register. It gets one definition: as operand of one instruction or as parameter
    /// of one block.
    pub fn new_vreg(&mut self, class: RegClass) -> VReg {
        let index = self.classes.len();
        if index >= VReg::MAX {
            self.reject(Rule::Limits, "too many virtual registers");
            return VReg::new(VReg::MAX - 1, class);
        }
        self.classes.push(class);
        VReg::new(index, class)
    }

    /// A fresh block, to be begun before or after it is named as successor.
    pub fn create_block(&mut self) -> Block {
        let block = Block(self.labels);
        self.labels += 1;
        self.cold.push(false);
        self.begun.push(None);
        block
    }

    /// Marks a block as seldom run: it is emitted after all others.
    pub fn mark_cold(&mut self, block: Block) {
        match self.cold.get_mut(block.index()) {
            Some(cold) => *cold = true,
            None => self.reject(
                Rule::BlockBegunOnce,
                format!("{block} is of another function"),
            ),
        }
    }

    /// Starts the next block in allocation order.
    pub fn begin_block(&mut self, block: Block, params: &[VReg]) {
        if self.open {
            self.reject(
                Rule::OneTerminator,
                format!("the block has no terminator before {block} begins"),
            );
        }
        if self.blocks.is_empty() && !params.is_empty() {
            self.reject(
                Rule::EntryWithoutParams,
                format!("the entry {block} has parameters"),
            );
        }
        match self.begun.get(block.index()) {
            Some(None) => self.begun[block.index()] = Some(self.blocks.len() as u32),
            Some(Some(_)) => self.reject(Rule::BlockBegunOnce, format!("{block} is begun twice")),
            None => self.reject(
                Rule::BlockBegunOnce,
                format!("{block} is of another function"),
            ),
        }
        let (inst, edge) = (self.insts.len() as u32, self.edges.len() as u32);
        let params = self.store(params);
        self.blocks.push(BegunBlock {
            label: block,
            params,
            insts: inst..inst,
            edges: edge..edge,
        });
        self.open = true;
    }

    /// Appends an instruction that does not end the block.
    pub fn push(&mut self, inst: I) {
        if inst.kind() != InstKind::Normal {
            self.reject(
                Rule::OneTerminator,
                "a terminator is pushed as ordinary instruction",
            );
        }
        self.append(inst);
    }

    /// Ends the block with an instruction that continues in one of `successors`. The instruction
    /// refers to them by their index in this list.
    pub fn branch(&mut self, inst: I, successors: &[Successor<'_>]) {
        let shape = match inst.kind() {
            InstKind::Branch => !successors.is_empty(),
            InstKind::Jump => successors.len() == 1,
            InstKind::Normal | InstKind::Return => false,
        };
        if !shape {
            let message = format!(
                "a {:?} with {} successors ends the block",
                inst.kind(),
                successors.len()
            );
            self.reject(Rule::TerminatorShape, message);
        }
        self.append(inst);
        for successor in successors {
            let args = self.store(successor.args);
            self.edges.push(Edge {
                target: successor.block,
                args,
            });
        }
        self.close();
    }

    /// Ends the block with [`MachineInst::jump`].
    pub fn jump(&mut self, successor: Successor<'_>) {
        self.branch(I::jump(), &[successor]);
    }

    /// Ends the block with an instruction that leaves the function.
    pub fn ret(&mut self, inst: I) {
        if inst.kind() != InstKind::Return {
            self.reject(
                Rule::TerminatorShape,
                format!("a {:?} is given as return", inst.kind()),
            );
        }
        self.append(inst);
        self.close();
    }

    /// Checks the shape of the function, drops unreachable blocks, splits critical edges, and collects
    /// the operands.
    pub fn finish(mut self) -> Result<MachineFunction<I>, AllocationError> {
        if self.open {
            self.reject(Rule::OneTerminator, "the last block has no terminator");
        }
        if self.blocks.is_empty() {
            self.reject(Rule::HasEntry, "the function has no blocks");
        }
        match self.error.take() {
            Some(error) => Err(error),
            None => prepare::run(self),
        }
    }

    fn append(&mut self, inst: I) {
        if !self.open {
            self.reject(
                Rule::OneTerminator,
                "an instruction follows the terminator of its block",
            );
        }
        self.insts.push(inst);
        if let Some(block) = self.blocks.last_mut() {
            block.insts.end = self.insts.len() as u32;
        }
    }

    fn close(&mut self) {
        self.open = false;
        if let Some(block) = self.blocks.last_mut() {
            block.edges.end = self.edges.len() as u32;
        }
    }

    fn store(&mut self, vregs: &[VReg]) -> Range<u32> {
        for &vreg in vregs {
            if let Err(fault) = known(&self.classes, vreg) {
                self.reject(fault.rule, fault.message);
            }
        }
        let start = self.pool.len() as u32;
        self.pool.extend_from_slice(vregs);
        start..self.pool.len() as u32
    }

    /// Keeps the first error, at the place that building has reached.
    fn reject(&mut self, rule: Rule, message: impl Into<String>) {
        if self.error.is_none() {
            let block = self.blocks.last().map(|block| block.label);
            let inst = self.blocks.last().map(|block| block.insts.len());
            self.error = Some(Fault::new(rule, message).at(&self.name, block, inst));
        }
    }
}
