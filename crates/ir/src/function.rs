//! A function: blocks of instructions over SSA values, and the entities that it declares.
//!
//! Value lists and branch targets live in two pools of the function, so an instruction is a small
//! record of fixed size and a function of a million values is a handful of allocations.

use crate::entity::{
    Block, Entity, FileId, Inst, LayoutId, PointId, PrimaryMap, RootId, SecondaryMap, SigId,
    StackSlot, Value,
};
use crate::opcode::Opcode;
use crate::operand::Payload;
use crate::suspension::{LayoutDecl, PointDecl};
use crate::types::{Signature, Type};

/// What has been done to a function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Stage {
    /// As the front end made it; async calls suspend implicitly.
    #[default]
    Source,
    /// After the async transform: suspension is explicit, the first parameter of the entry block
    /// and the first result of every async call is a continuation.
    Lowered,
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueDef {
    /// A result of an instruction, by position.
    Result(Inst, u32),
    /// A parameter of a block, by position.
    Param(Block, u32),
    /// Nothing defines it: the number is not in use.
    Unused,
}

/// A value: its type and where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValueData {
    /// Its type.
    pub ty: Type,
    /// Where it comes from.
    pub def: ValueDef,
}

/// A range of a pool of the function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolRange {
    start: u32,
    len: u32,
}

impl PoolRange {
    fn range(self) -> std::ops::Range<usize> {
        self.start as usize..(self.start + self.len) as usize
    }
}

/// An instruction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InstData {
    /// What it does.
    pub opcode: Opcode,
    /// The controlling type `T` of its row; `Type::I64` where the row has none.
    pub ty: Type,
    /// What it carries besides values and targets.
    pub payload: Payload,
    args: PoolRange,
    results: PoolRange,
    targets: PoolRange,
}

/// A branch target: a block and the values for its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Where control goes.
    pub block: Block,
    args: PoolRange,
}

/// A basic block.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BlockData {
    /// Its parameters.
    pub params: Vec<Value>,
    /// Its instructions; the last one is its terminator.
    pub insts: Vec<Inst>,
    /// Whether it is rarely reached, so that its code belongs out of line.
    pub cold: bool,
}

/// Size and alignment of a stack slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotData {
    /// Size in bytes.
    pub size: u32,
    /// Alignment in bytes: a power of two, at most 16.
    pub align: u32,
}

/// A place in the frame for one reference, which the collector visits at the safepoints that list it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RootSlot;

/// A place in a source file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SourcePos {
    /// The file.
    pub file: FileId,
    /// The line, counted from one.
    pub line: u32,
    /// The column, counted from one.
    pub column: u32,
}

/// A function with a body. Equality is that of the text; see `equality.rs`.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its name in the module, without the percent sign.
    pub name: String,
    /// Parameters, results and the async mark, without hidden ones.
    pub signature: Signature,
    /// What has been done to it.
    pub stage: Stage,
    /// Blocks by index; those in use are in `order`.
    pub blocks: PrimaryMap<Block, BlockData>,
    /// The blocks of the function in the order of the text, the entry first.
    pub order: Vec<Block>,
    /// Instructions by index; those in use are in a block.
    pub insts: PrimaryMap<Inst, InstData>,
    /// Values by index.
    pub values: PrimaryMap<Value, ValueData>,
    /// Stack slots.
    pub slots: PrimaryMap<StackSlot, SlotData>,
    /// Root slots.
    pub roots: PrimaryMap<RootId, RootSlot>,
    /// Signatures that its instructions name.
    pub signatures: PrimaryMap<SigId, Signature>,
    /// Continuation layouts. Lowered functions only.
    pub layouts: PrimaryMap<LayoutId, LayoutDecl>,
    /// Suspension points; the index is the state number. Lowered functions only.
    pub points: PrimaryMap<PointId, PointDecl>,
    /// Source positions of instructions that have one.
    pub positions: SecondaryMap<Inst, Option<SourcePos>>,
    /// For a value that a pass made in place of one of the source function: that one.
    pub origins: SecondaryMap<Value, Option<Value>>,
    /// For an instruction that a pass made for one of the source function: that one. Passes leave
    /// the indices of source instructions alone.
    pub inst_origins: SecondaryMap<Inst, Option<Inst>>,
    /// Whether a pass has made it pay for its instructions. No text can say so of itself.
    pub metered: bool,
    value_pool: Vec<Value>,
    target_pool: Vec<Target>,
    /// Of safepoints: the root slots that hold what is live across them.
    live_roots: SecondaryMap<Inst, PoolRange>,
    root_pool: Vec<RootId>,
}

impl Function {
    /// A function without blocks.
    pub fn new(name: impl Into<String>, signature: Signature) -> Self {
        Function {
            name: name.into(),
            signature,
            stage: Stage::Source,
            blocks: PrimaryMap::new(),
            order: Vec::new(),
            insts: PrimaryMap::new(),
            values: PrimaryMap::new(),
            slots: PrimaryMap::new(),
            roots: PrimaryMap::new(),
            signatures: PrimaryMap::new(),
            layouts: PrimaryMap::new(),
            points: PrimaryMap::new(),
            positions: SecondaryMap::new(),
            origins: SecondaryMap::new(),
            inst_origins: SecondaryMap::new(),
            metered: false,
            value_pool: Vec::new(),
            target_pool: Vec::new(),
            live_roots: SecondaryMap::new(),
            root_pool: Vec::new(),
        }
    }

    /// The entry block, if the function has a block.
    pub fn entry(&self) -> Option<Block> {
        self.order.first().copied()
    }

    /// Makes a block that is not yet in `order`.
    pub fn create_block(&mut self) -> Block {
        self.blocks.push(BlockData::default())
    }

    /// Makes a block and puts it at the end of `order`.
    pub fn append_block(&mut self) -> Block {
        let block = self.create_block();
        self.order.push(block);
        block
    }

    /// Adds a parameter to a block.
    pub fn append_param(&mut self, block: Block, ty: Type) -> Value {
        let position = self.blocks[block].params.len() as u32;
        let value = self.values.push(ValueData {
            ty,
            def: ValueDef::Param(block, position),
        });
        self.blocks[block].params.push(value);
        value
    }

    /// Replaces all parameters of a block; every value gets that definition.
    pub fn set_params(&mut self, block: Block, params: &[Value]) {
        for (position, &value) in params.iter().enumerate() {
            self.values[value].def = ValueDef::Param(block, position as u32);
        }
        self.blocks[block].params = params.to_vec();
    }

    /// Makes a branch target.
    pub fn target(&mut self, block: Block, args: &[Value]) -> Target {
        Target {
            block,
            args: self.pool_values(args),
        }
    }

    /// Makes an instruction that is in no block and has no results.
    pub fn make_inst(
        &mut self,
        opcode: Opcode,
        ty: Type,
        payload: Payload,
        args: &[Value],
        targets: &[Target],
    ) -> Inst {
        let args = self.pool_values(args);
        let start = self.target_pool.len() as u32;
        self.target_pool.extend_from_slice(targets);
        let targets = PoolRange {
            start,
            len: targets.len() as u32,
        };
        let results = PoolRange::default();
        self.insts.push(InstData {
            opcode,
            ty,
            payload,
            args,
            results,
            targets,
        })
    }

    /// Makes new values of these types the results of `inst`.
    pub fn make_results(&mut self, inst: Inst, types: &[Type]) {
        let start = self.value_pool.len() as u32;
        for (position, &ty) in types.iter().enumerate() {
            let def = ValueDef::Result(inst, position as u32);
            let value = self.values.push(ValueData { ty, def });
            self.value_pool.push(value);
        }
        self.insts[inst].results = PoolRange {
            start,
            len: types.len() as u32,
        };
    }

    /// Makes existing values the results of `inst`, in this order.
    pub fn set_results(&mut self, inst: Inst, results: &[Value]) {
        for (position, &value) in results.iter().enumerate() {
            self.values[value].def = ValueDef::Result(inst, position as u32);
        }
        self.insts[inst].results = self.pool_values(results);
    }

    /// Puts an instruction at the end of a block.
    pub fn append_inst(&mut self, block: Block, inst: Inst) {
        self.blocks[block].insts.push(inst);
    }

    /// The value operands of an instruction, without those of its targets.
    pub fn args(&self, inst: Inst) -> &[Value] {
        &self.value_pool[self.insts[inst].args.range()]
    }

    /// The value operands for writing.
    pub fn args_mut(&mut self, inst: Inst) -> &mut [Value] {
        &mut self.value_pool[self.insts[inst].args.range()]
    }

    /// The results of an instruction.
    pub fn results(&self, inst: Inst) -> &[Value] {
        &self.value_pool[self.insts[inst].results.range()]
    }

    /// The results of an instruction but for an exception that it catches, the hidden one included.
    pub fn normal_results(&self, inst: Inst) -> &[Value] {
        let results = self.results(inst);
        match self.exception_results(inst) {
            Some(exception) => &results[..results.len() - exception.len()],
            None => results,
        }
    }

    /// The results that stand for the exception that an instruction catches, tag and payload, if it
    /// has an unwind edge.
    pub fn exception_results(&self, inst: Inst) -> Option<[Value; 2]> {
        let catches = self.insts[inst].opcode.has_unwind_edge();
        match *self.results(inst) {
            [.., tag, payload] if catches => Some([tag, payload]),
            _ => None,
        }
    }

    /// The branch targets of an instruction.
    pub fn targets(&self, inst: Inst) -> &[Target] {
        &self.target_pool[self.insts[inst].targets.range()]
    }

    /// The branch targets for writing.
    pub fn targets_mut(&mut self, inst: Inst) -> &mut [Target] {
        &mut self.target_pool[self.insts[inst].targets.range()]
    }

    /// The values that a branch hands to the parameters of its target.
    pub fn target_args(&self, target: Target) -> &[Value] {
        &self.value_pool[target.args.range()]
    }

    /// Replaces the values that one target of a branch hands over. The old ones stay in the pool,
    /// so a pass collects all that it adds to a target and calls this once.
    pub fn set_target_args(&mut self, inst: Inst, target: usize, args: &[Value]) {
        let args = self.pool_values(args);
        self.targets_mut(inst)[target].args = args;
    }

    /// The root slots that hold a reference live across an instruction, which is a safepoint.
    pub fn live_roots(&self, inst: Inst) -> &[RootId] {
        &self.root_pool[self.live_roots[inst].range()]
    }

    /// Says which root slots hold a reference live across an instruction.
    pub fn set_live_roots(&mut self, inst: Inst, roots: &[RootId]) {
        let start = self.root_pool.len() as u32;
        self.root_pool.extend_from_slice(roots);
        let len = roots.len() as u32;
        if len > 0 || self.live_roots[inst].len > 0 {
            self.live_roots[inst] = PoolRange { start, len };
        }
    }

    /// Calls `visit` for every value that an instruction uses, those of its targets included.
    pub fn for_each_use(&self, inst: Inst, mut visit: impl FnMut(Value)) {
        self.args(inst).iter().copied().for_each(&mut visit);
        for &target in self.targets(inst) {
            self.target_args(target)
                .iter()
                .copied()
                .for_each(&mut visit);
        }
    }

    /// Replaces every use in an instruction, those of its targets included.
    pub fn map_uses(&mut self, inst: Inst, mut map: impl FnMut(Value) -> Value) {
        let data = self.insts[inst];
        let mut ranges = vec![data.args.range()];
        ranges.extend(
            self.target_pool[data.targets.range()]
                .iter()
                .map(|t| t.args.range()),
        );
        for range in ranges {
            self.value_pool[range]
                .iter_mut()
                .for_each(|value| *value = map(*value));
        }
    }

    /// The terminator of a block, if its last instruction is one.
    pub fn terminator(&self, block: Block) -> Option<Inst> {
        let last = *self.blocks[block].insts.last()?;
        self.insts[last].opcode.is_terminator().then_some(last)
    }

    /// The blocks that control can go to from a block, in order of its targets, with repetitions.
    pub fn successors(&self, block: Block) -> impl Iterator<Item = Block> + '_ {
        let targets = self
            .terminator(block)
            .map_or(&[][..], |inst| self.targets(inst));
        targets.iter().map(|target| target.block)
    }

    /// The instruction of the source function that `inst` was made for: itself, if no pass made it.
    pub fn source_inst(&self, inst: Inst) -> Inst {
        self.inst_origins[inst].unwrap_or(inst)
    }

    /// The type of a value.
    pub fn value_type(&self, value: Value) -> Type {
        self.values[value].ty
    }

    /// The constant that `iconst` gives a value, if it is one.
    pub fn integer_constant(&self, value: Value) -> Option<i64> {
        let ValueDef::Result(inst, 0) = self.values[value].def else {
            return None;
        };
        match (self.insts[inst].opcode, self.insts[inst].payload) {
            (Opcode::Iconst, Payload::Integer(constant)) => Some(constant),
            _ => None,
        }
    }

    fn pool_values(&mut self, values: &[Value]) -> PoolRange {
        let start = self.value_pool.len() as u32;
        self.value_pool.extend_from_slice(values);
        PoolRange {
            start,
            len: values.len() as u32,
        }
    }

    /// Makes sure that values up to `count` exist, the added ones unused. For readers of text,
    /// where the program chose the numbers.
    pub fn reserve_values(&mut self, count: usize) {
        while self.values.len() < count {
            self.values.push(ValueData {
                ty: Type::I64,
                def: ValueDef::Unused,
            });
        }
    }
}

impl Function {
    /// How many instructions stand in its blocks.
    pub fn instruction_count(&self) -> usize {
        self.order
            .iter()
            .map(|&block| self.blocks[block].insts.len())
            .sum()
    }

    /// Whether control can leave this function by suspending.
    pub fn is_async(&self) -> bool {
        self.signature.is_async
    }

    /// Whether `block` is the entry.
    pub fn is_entry(&self, block: Block) -> bool {
        self.entry() == Some(block)
    }

    /// Index of the largest block that exists, plus one.
    pub fn block_capacity(&self) -> usize {
        self.blocks.next_key().index()
    }
}
