//! From the blocks as built to the blocks as allocated: unreachable ones dropped, critical edges split.
//!
//! Every block but the entry comes after one of its predecessors, and so after all its dominators: the
//! fast allocator must meet uses before definitions on its way back through the blocks, and the checker
//! takes a block it meets before its predecessors for one that nothing reaches with values. A block that
//! comes too early is moved right behind the first block that leads to it.
//!
//! The allocator moves the arguments of an edge either to the end of its source or to the start of its
//! target. So one of the two must belong to that edge alone: the target when it has one predecessor, or
//! the source when it ends in a plain jump. Any other edge gets a block of its own. A branch with one
//! successor but with operands or clobbers counts as critical too, since it acts after the moves. So does
//! an edge that passes what its branch defines: the fast allocator puts such a value where one parameter
//! lies, and saves it at the start of those successors that it already knows to want it. On a block of
//! its own, the edge is the value's only use, so both are right.
//!
//! Parallel edges without arguments from one branch (the cases of a table that go to its default) are
//! one edge to the allocator, and share one split block.

use std::ops::Range;

use regalloc2::{Inst, InstRange, Operand, OperandKind, VReg};

use crate::builder::{BegunBlock, Block, MachineFunctionBuilder};
use crate::error::{AllocationError, Fault, Rule};
use crate::function::{BlockData, MachineFunction, PRUNED};
use crate::inst::{InstKind, MachineInst, OperandCollector};

/// An edge as the allocator sees it. Blocks are named by their index as begun.
struct FlowEdge {
    target: u32,
    args: Range<u32>,
    /// The label of the block put on the edge.
    split: Option<Block>,
}

/// What is decided about a function before it is assembled.
struct Plan {
    /// Every edge of the reachable blocks; those of one block are adjacent.
    flow: Vec<FlowEdge>,
    /// Per block, its edges in `flow`; `None` for an unreachable block.
    flow_of: Vec<Option<Range<u32>>>,
    /// Per edge of the builder, its edge in `flow`.
    merged: Vec<u32>,
    /// The reachable blocks in allocation order.
    order: Vec<u32>,
    /// Pairs of a place in `order` and a flow edge whose split block comes right before it.
    before: Vec<(u32, u32)>,
    /// Pairs of a place in `order` and a flow edge whose split block comes right after it.
    after: Vec<(u32, u32)>,
}

/// Checks and rearranges what the builder holds.
pub(crate) fn run<I: MachineInst>(
    mut builder: MachineFunctionBuilder<I>,
) -> Result<MachineFunction<I>, AllocationError> {
    check_edges(&builder)?;
    let mut plan = flow_graph(&builder);
    order_blocks(&mut plan);
    split_edges(&mut builder, &mut plan)?;
    let function = assemble(builder, &plan)?;
    check_definitions(&function)?;
    Ok(function)
}

/// Every successor is begun, is not the parameterised entry, and gets the arguments it asks for.
fn check_edges<I>(builder: &MachineFunctionBuilder<I>) -> Result<(), AllocationError> {
    for block in &builder.blocks {
        for edge in &builder.edges[span(&block.edges)] {
            let fail = |rule, message: String| {
                let inst = block.insts.len().checked_sub(1);
                Err(Fault::new(rule, message).at(&builder.name, Some(block.label), inst))
            };
            let Some(&Some(target)) = builder.begun.get(edge.target.index()) else {
                return fail(
                    Rule::BlockBegunOnce,
                    format!("successor {} is never begun", edge.target),
                );
            };
            let params = &builder.pool[span(&builder.blocks[target as usize].params)];
            let args = &builder.pool[span(&edge.args)];
            if params.len() != args.len() {
                let (want, have) = (params.len(), args.len());
                let message = format!(
                    "{} has {want} parameters and gets {have} arguments",
                    edge.target
                );
                return fail(Rule::ArgumentsMatch, message);
            }
            if let Some((param, arg)) = params
                .iter()
                .zip(args)
                .find(|(p, a)| p.class() != a.class())
            {
                let message = format!("{} takes {arg} for {param}, of another class", edge.target);
                return fail(Rule::ArgumentsMatch, message);
            }
        }
    }
    Ok(())
}

/// Walks the reachable blocks and merges parallel edges without arguments.
fn flow_graph<I>(builder: &MachineFunctionBuilder<I>) -> Plan {
    let count = builder.blocks.len();
    let mut plan = Plan {
        flow: Vec::with_capacity(builder.edges.len()),
        flow_of: vec![None; count],
        merged: vec![0; builder.edges.len()],
        order: Vec::with_capacity(count),
        before: Vec::new(),
        after: Vec::new(),
    };
    // Per target, the last source seen and its argument-free edge to that target.
    let mut last: Vec<Option<(u32, u32)>> = vec![None; count];
    let mut reached = vec![false; count];
    reached[0] = true;
    let mut work = vec![0u32];
    while let Some(source) = work.pop() {
        let first = plan.flow.len() as u32;
        for index in span(&builder.blocks[source as usize].edges) {
            let edge = &builder.edges[index];
            let target = builder.begun[edge.target.index()].unwrap_or(0);
            match last[target as usize] {
                Some((from, shared)) if from == source && edge.args.is_empty() => {
                    plan.merged[index] = shared;
                }
                _ => {
                    let flow = plan.flow.len() as u32;
                    plan.merged[index] = flow;
                    last[target as usize] = Some((source, flow));
                    plan.flow.push(FlowEdge {
                        target,
                        args: edge.args.clone(),
                        split: None,
                    });
                }
            }
            if !std::mem::replace(&mut reached[target as usize], true) {
                work.push(target);
            }
        }
        plan.flow_of[source as usize] = Some(first..plan.flow.len() as u32);
    }
    plan
}

/// Keeps the order of the builder, except that a block waits for a predecessor to come first.
fn order_blocks(plan: &mut Plan) {
    let count = plan.flow_of.len();
    let (mut ready, mut passed) = (vec![false; count], vec![false; count]);
    ready[0] = true;
    let mut work = Vec::new();
    for block in 0..count as u32 {
        if plan.flow_of[block as usize].is_none() {
            continue;
        }
        if !ready[block as usize] {
            passed[block as usize] = true;
            continue;
        }
        work.push(block);
        while let Some(block) = work.pop() {
            plan.order.push(block);
            let edges = plan.flow_of[block as usize]
                .clone()
                .map_or(0..0, |range| span(&range));
            for edge in plan.flow[edges].iter().rev() {
                let target = edge.target as usize;
                ready[target] = true;
                if std::mem::take(&mut passed[target]) {
                    work.push(edge.target);
                }
            }
        }
    }
}

/// Chooses the edges that get a block, and where it lies.
///
/// A split block is cold when either end is. A forward edge out of a warm block is split right before
/// its target, so that an edge that leaves a loop does not lengthen it; any other edge right after its
/// source, which leaves the direction of the edge as it is.
fn split_edges<I: MachineInst>(
    builder: &mut MachineFunctionBuilder<I>,
    plan: &mut Plan,
) -> Result<(), AllocationError> {
    let mut predecessors = vec![0u32; builder.blocks.len()];
    predecessors[0] = 1; // The caller.
    for edge in &plan.flow {
        predecessors[edge.target as usize] += 1;
    }
    let mut rank = vec![0u32; builder.blocks.len()];
    for (place, &block) in plan.order.iter().enumerate() {
        rank[block as usize] = place as u32;
    }
    let mut operands = Vec::new();
    // Per virtual register, one more than the place of the block whose terminator defines it.
    let mut defined_at = vec![0u32; builder.classes.len()];
    for place in 0..plan.order.len() {
        let source = plan.order[place] as usize;
        let range = plan.flow_of[source].clone().unwrap_or(0..0);
        let plain = is_plain(builder, source, &mut operands)? && range.len() == 1;
        for operand in operands
            .iter()
            .filter(|operand| operand.kind() == OperandKind::Def)
        {
            defined_at[operand.vreg().vreg()] = place as u32 + 1;
        }
        for index in span(&range) {
            let edge = &mut plan.flow[index];
            let args = &builder.pool[span(&edge.args)];
            let fresh = args
                .iter()
                .any(|arg| defined_at[arg.vreg()] == place as u32 + 1);
            if plain || (predecessors[edge.target as usize] == 1 && !fresh) {
                continue;
            }
            let (target, split) = (edge.target as usize, builder.create_block());
            edge.split = Some(split);
            let [from, to] =
                [source, target].map(|b| builder.cold[builder.blocks[b].label.index()]);
            if from || to {
                builder.mark_cold(split);
            }
            if rank[target] > place as u32 && !from {
                plan.before.push((rank[target], index as u32));
            } else {
                plan.after.push((place as u32, index as u32));
            }
        }
    }
    plan.before.sort_by_key(|&(place, _)| place);
    Ok(())
}

/// Whether moves at the end of the block take effect before nothing but a jump. Leaves the operands of the
/// terminator in `operands`.
fn is_plain<I: MachineInst>(
    builder: &MachineFunctionBuilder<I>,
    block: usize,
    operands: &mut Vec<Operand>,
) -> Result<bool, AllocationError> {
    let BegunBlock { label, insts, .. } = &builder.blocks[block];
    let index = insts.end - 1;
    let inst = &builder.insts[index as usize];
    operands.clear();
    collect(inst, operands, builder).map_err(|fault| {
        fault.at(
            &builder.name,
            Some(*label),
            Some((index - insts.start) as usize),
        )
    })?;
    let bare = operands.is_empty() && inst.clobbers() == regalloc2::PRegSet::empty();
    if inst.kind() == InstKind::Jump && !bare {
        let fault = Fault::new(Rule::TerminatorShape, "a jump has operands or clobbers");
        return Err(fault.at(
            &builder.name,
            Some(*label),
            Some((index - insts.start) as usize),
        ));
    }
    Ok(bare)
}

fn collect<I: MachineInst>(
    inst: &I,
    operands: &mut Vec<Operand>,
    builder: &MachineFunctionBuilder<I>,
) -> Result<(), Fault> {
    let first = operands.len();
    let mut collector = OperandCollector {
        operands,
        first,
        classes: &builder.classes,
        fault: None,
    };
    inst.operands(&mut collector);
    collector.fault.map_or(Ok(()), Err)
}

/// Lays the blocks out in allocation order.
fn assemble<I: MachineInst>(
    mut builder: MachineFunctionBuilder<I>,
    plan: &Plan,
) -> Result<MachineFunction<I>, AllocationError> {
    let mut function = MachineFunction::empty(&builder, plan.before.len() + plan.after.len());
    let mut insts: Vec<Option<I>> = std::mem::take(&mut builder.insts)
        .into_iter()
        .map(Some)
        .collect();
    let (mut before, mut after) = (plan.before.iter().peekable(), plan.after.iter().peekable());
    for (place, &index) in plan.order.iter().enumerate() {
        let block = &builder.blocks[index as usize];
        let flow = plan.flow_of[index as usize].clone().unwrap_or(0..0);
        while let Some((_, edge)) = before.next_if(|&&(at, _)| at as usize == place) {
            push_split(&mut function, &builder, plan, *edge as usize);
        }
        let first = function.insts.len();
        for inst in insts[span(&block.insts)]
            .iter_mut()
            .filter_map(Option::take)
        {
            let offset = function.insts.len() - first;
            collect(&inst, &mut function.operands, &builder)
                .map_err(|fault| fault.at(&builder.name, Some(block.label), Some(offset)))?;
            function.insts.push(inst);
            function.operand_ends.push(function.operands.len() as u32);
        }
        let edges = function.edges.len() as u32;
        for edge in span(&block.edges) {
            let target = plan.flow[plan.merged[edge] as usize].split;
            function
                .edges
                .push(target.unwrap_or(builder.edges[edge].target));
        }
        let successors = function.successors.len() as u32;
        for edge in &plan.flow[span(&flow)] {
            let (target, args) = match edge.split {
                Some(split) => (split, 0..0),
                None => (
                    builder.blocks[edge.target as usize].label,
                    edge.args.clone(),
                ),
            };
            function.push_successor(target, args);
        }
        function.push_block(block.label, block.params.clone(), first, edges, successors);
        while let Some((_, edge)) = after.next_if(|&&(at, _)| at as usize == place) {
            push_split(&mut function, &builder, plan, *edge as usize);
        }
    }
    function.pool = builder.pool;
    function.classes = builder.classes;
    function.wide_floats = builder.wide_floats;
    function.connect();
    Ok(function)
}

/// Appends the block on a flow edge: a jump that passes the arguments of the edge.
fn push_split<I: MachineInst>(
    function: &mut MachineFunction<I>,
    builder: &MachineFunctionBuilder<I>,
    plan: &Plan,
    edge: usize,
) {
    let edge = &plan.flow[edge];
    let Some(split) = edge.split else { return };
    let target = builder.blocks[edge.target as usize].label;
    let first = function.insts.len();
    let (edges, successors) = (
        function.edges.len() as u32,
        function.successors.len() as u32,
    );
    function.insts.push(I::jump());
    function.operand_ends.push(function.operands.len() as u32);
    function.edges.push(target);
    function.push_successor(target, edge.args.clone());
    function.push_block(split, 0..0, first, edges, successors);
}

/// Every virtual register that is used is defined somewhere, none twice, and what a terminator defines goes
/// nowhere but along its edges.
fn check_definitions<I: MachineInst>(function: &MachineFunction<I>) -> Result<(), AllocationError> {
    let mut defined = vec![false; function.classes.len()];
    // Per virtual register, the position of the block whose terminator defines it.
    let mut terminator = vec![None; function.classes.len()];
    for (position, data) in function.blocks.iter().enumerate() {
        for &param in function.params_at(position) {
            define(&mut defined, param)
                .map_err(|fault| fault.at(&function.name, Some(data.label), None))?;
        }
        for inst in data.insts.iter() {
            let operands = function.operands_of(inst).iter();
            for operand in operands.filter(|operand| operand.kind() == OperandKind::Def) {
                define(&mut defined, operand.vreg())
                    .map_err(|fault| function.place(fault, inst))?;
                if inst == data.insts.last() {
                    terminator[operand.vreg().vreg()] = Some(position);
                }
            }
        }
    }
    // `along` is the source of the only edge into the block, where the block lies on an edge.
    let require = |vreg: VReg, inst: Inst, along: Option<usize>| {
        let (rule, why) = match terminator[vreg.vreg()] {
            _ if !defined[vreg.vreg()] => (
                Rule::Defined,
                "used and has no definition in a reachable block",
            ),
            Some(source) if along != Some(source) => (
                Rule::TerminatorDefinition,
                "defined by a terminator and used beyond its edges",
            ),
            _ => return Ok(()),
        };
        Err(function.place(Fault::new(rule, format!("{vreg} is {why}")), inst))
    };
    for data in &function.blocks {
        for inst in data.insts.iter() {
            let operands = function.operands_of(inst).iter();
            for operand in operands.filter(|operand| operand.kind() == OperandKind::Use) {
                require(operand.vreg(), inst, None)?;
            }
        }
        let along = function
            .is_split(data.label)
            .then(|| function.predecessors[data.predecessors.start as usize].index());
        for &arg in span(&data.successors).flat_map(|successor| function.args_of(successor)) {
            require(arg, data.insts.last(), along)?;
        }
    }
    Ok(())
}

fn define(defined: &mut [bool], vreg: VReg) -> Result<(), Fault> {
    if std::mem::replace(&mut defined[vreg.vreg()], true) {
        return Err(Fault::new(
            Rule::SingleDefinition,
            format!("{vreg} is defined a second time"),
        ));
    }
    Ok(())
}

/// A stored range as one to index with.
pub(crate) fn span(range: &Range<u32>) -> Range<usize> {
    range.start as usize..range.end as usize
}

impl<I: MachineInst> MachineFunction<I> {
    fn empty(builder: &MachineFunctionBuilder<I>, splits: usize) -> Self {
        MachineFunction {
            name: builder.name.clone(),
            classes: Vec::new(),
            wide_floats: false,
            insts: Vec::with_capacity(builder.insts.len() + splits),
            operands: Vec::new(),
            operand_ends: Vec::with_capacity(builder.insts.len() + splits),
            blocks: Vec::with_capacity(builder.blocks.len() + splits),
            positions: vec![PRUNED; builder.labels as usize],
            cold: builder.cold.clone(),
            pool: Vec::new(),
            edges: Vec::with_capacity(builder.edges.len() + splits),
            successors: Vec::with_capacity(builder.edges.len() + splits),
            successor_labels: Vec::new(),
            successor_args: Vec::new(),
            predecessors: Vec::new(),
            built_labels: builder.labels as usize - splits,
        }
    }

    /// Appends an edge as the allocator sees it; its target becomes a position in [`Self::connect`].
    fn push_successor(&mut self, target: Block, args: Range<u32>) {
        self.successors.push(regalloc2::Block::invalid());
        self.successor_labels.push(target);
        self.successor_args.push(args);
    }

    fn push_block(
        &mut self,
        label: Block,
        params: Range<u32>,
        first: usize,
        edges: u32,
        successors: u32,
    ) {
        self.positions[label.index()] = self.blocks.len() as u32;
        self.blocks.push(BlockData {
            label,
            params,
            insts: InstRange::new(Inst::new(first), Inst::new(self.insts.len())),
            edges: edges..self.edges.len() as u32,
            successors: successors..self.successors.len() as u32,
            predecessors: 0..0,
        });
    }

    /// Turns the labels of successors into positions, and lists predecessors.
    fn connect(&mut self) {
        let mut counts = vec![0u32; self.blocks.len()];
        for (successor, label) in self.successors.iter_mut().zip(&self.successor_labels) {
            let position = self.positions[label.index()];
            *successor = regalloc2::Block(position);
            counts[position as usize] += 1;
        }
        let mut start = 0;
        for (block, count) in self.blocks.iter_mut().zip(&counts) {
            block.predecessors = start..start;
            start += count;
        }
        self.predecessors = vec![regalloc2::Block::invalid(); start as usize];
        for position in 0..self.blocks.len() {
            for index in span(&self.blocks[position].successors) {
                let target = self.successors[index].index();
                let list = &mut self.blocks[target].predecessors;
                self.predecessors[list.end as usize] = regalloc2::Block::new(position);
                list.end += 1;
            }
        }
    }
}
