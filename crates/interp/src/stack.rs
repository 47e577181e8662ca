//! The stack of a task: frames on the heap of the interpreter.
//!
//! ```text
//! frames   [ main | fib | fib | fib ]      one per activation, the innermost last
//! cells    [ main's values | fib's | … ]   one per value of the frame's function
//! slots    [ main's slots  | fib's | … ]   one per stack slot of the frame's function
//! roots    [ main's roots  | fib's | … ]   one per root slot of the frame's function
//!            `floor` frames are suspended and not resumed yet; those above run
//! ```
//!
//! Suspending a function as it was written parks this stack. What the frames below the floor stand
//! for is what compiled code keeps in continuation objects: after a resumption only the innermost
//! activation is back on the machine's stack, and its callers come back one by one when their
//! callee returns. The stack limit and the statistics count frames by that rule.

use crate::cancel::Cancellation;
use crate::error::Stop;
use crate::exception::Record;
use crate::heap::Reference;
use crate::scheduler::Ended;
use crate::value::Cell;
use enjamb_ir::{
    Block, Entity, FuncId, Function, Inst, InstData, Opcode, RootId, Stage, Target, Type, Value,
};

/// An activation of a function.
#[derive(Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) function: &'a Function,
    /// The instructions of the block that runs.
    code: &'a [Inst],
    /// The position in `code` of the next instruction.
    next: usize,
    /// The position of the frame's first cell.
    base: usize,
    /// The position of the frame's first slot.
    slots: usize,
    /// The continuation object that this activation was resumed from; 0 is none.
    pub(crate) own: u64,
    /// The position of the frame's first root slot.
    roots: usize,
    /// Whether its references go through root slots.
    checks: bool,
    /// The context word that its caller has to find again, if the function may set another one.
    pub(crate) context: Option<u64>,
    /// What it counts against the stack limit.
    pub(crate) cost: usize,
}

/// An instruction that runs: what its handler needs to know.
#[derive(Clone, Copy)]
pub(crate) struct Site<'a> {
    pub(crate) function: &'a Function,
    pub(crate) inst: Inst,
    pub(crate) data: InstData,
    base: usize,
    slots: usize,
    roots: usize,
    /// Whether references go through root slots.
    pub(crate) checks: bool,
}

/// How a stack goes on when its task is run.
#[derive(Debug, Default)]
pub(crate) enum Entry<'a> {
    /// In the middle of a frame: its task had started another one.
    #[default]
    Running,
    /// With a call.
    Call(FuncId, Vec<Cell>),
    /// With the results of what it waited for.
    Wake(Ended<'a>),
    /// With the exception of a cancelled task.
    Cancelled,
}

/// What a suspended task waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Its turn.
    Turn,
    /// A time in milliseconds.
    Deadline(u64),
    /// This task, which knows who waits for it.
    Task(u64),
}

/// The stack of a task, and for lowered functions the chain of its suspended activations.
#[derive(Debug, Default)]
pub(crate) struct Stack<'a> {
    /// The number of the task.
    pub(crate) task: u64,
    pub(crate) entry: Entry<'a>,
    pub(crate) frames: Vec<Frame<'a>>,
    cells: Vec<Cell>,
    pub(crate) slots: Vec<Box<[u8]>>,
    /// What root slots hold that the last safepoint of their frame listed, or was set since.
    roots: Vec<Option<Cell>>,
    /// The number of safepoints so far, while it runs.
    pub(crate) epoch: u32,
    /// How many frames are suspended and not resumed yet.
    pub(crate) floor: usize,
    /// The cost of the frames above the floor.
    pub(crate) active: usize,
    pub(crate) chain: Chain,
    /// The types of the results that come when no frame is left: of what it was begun with, was resumed, or is
    /// the leaf that it waits for.
    pub(crate) gives: &'a [Type],
    /// The exception that it threw last.
    pub(crate) record: Option<Box<Record<'a>>>,
    /// Its context word, unless it runs.
    pub(crate) context: u64,
    pub(crate) cancellation: Cancellation,
}

/// What the dispatcher knows about the continuation objects of a task; 0 is none.
#[derive(Debug, Default)]
pub(crate) struct Chain {
    /// The object from which the outermost active activation was resumed.
    pub(crate) running: u64,
    /// The first of the objects that lie suspended below it.
    pub(crate) rest: u64,
    /// What the leaf that suspends waits for, from its call until the dispatcher has the chain.
    pub(crate) pending: Option<Wait>,
    /// The object linked to the leaf's sentinel.
    pub(crate) after_sentinel: u64,
}

/// What a frame of a function counts against the stack limit.
pub(crate) fn frame_cost(function: &Function) -> usize {
    let slots: usize = function.slots.values().map(|slot| slot.size as usize).sum();
    let units = function.values.len() + function.slots.len() + function.roots.len();
    64 + 16 * units + slots
}

impl<'a> Stack<'a> {
    /// The stack of a task that will begin with `entry`.
    pub(crate) fn new(task: u64, entry: Entry<'a>) -> Self {
        Stack {
            task,
            entry,
            ..Stack::default()
        }
    }

    /// Pushes a frame. `own` is the object that it is resumed from; then `args` are ignored.
    pub(crate) fn push(&mut self, function: &'a Function, own: u64, args: &[Cell], checks: bool) {
        let Some(entry) = function.entry() else {
            unreachable!("the verifier demands an entry block");
        };
        let (base, slots) = (self.cells.len(), self.slots.len());
        let roots = self.roots.len();
        self.roots.resize(roots + function.roots.len(), None);
        self.cells
            .resize(base + function.values.len(), Cell::UNDEFINED);
        let zeroed = |size: u32| vec![0; size as usize].into_boxed_slice();
        self.slots
            .extend(function.slots.values().map(|slot| zeroed(slot.size)));
        let cost = frame_cost(function);
        self.active += cost;
        self.frames.push(Frame {
            function,
            code: &function.blocks[entry].insts,
            next: 0,
            base,
            slots,
            own,
            roots,
            checks,
            context: None,
            cost,
        });

        let mut params = function.blocks[entry].params.as_slice();
        if function.stage == Stage::Lowered
            && let Some((first, others)) = params.split_first()
        {
            self.cells[base + first.index()] = Cell::new(own);
            params = others;
        }
        if own == 0 {
            for (param, &arg) in params.iter().zip(args) {
                self.cells[base + param.index()] = arg.in_epoch(self.epoch);
            }
        }
    }

    /// Removes the innermost frame, which runs, and gives its cost.
    pub(crate) fn pop(&mut self) -> usize {
        let Some(frame) = self.frames.pop() else {
            return 0;
        };
        self.cells.truncate(frame.base);
        self.slots.truncate(frame.slots);
        self.roots.truncate(frame.roots);
        self.active -= frame.cost;
        frame.cost
    }

    /// Makes the innermost suspended frame a running one, if none runs, and gives its cost.
    pub(crate) fn raise(&mut self) -> Option<usize> {
        if self.floor == 0 || self.floor < self.frames.len() {
            return None;
        }
        self.floor -= 1;
        let cost = self.frames[self.floor].cost;
        self.active += cost;
        Some(cost)
    }

    /// The cost of the frames below the floor.
    pub(crate) fn parked_bytes(&self) -> usize {
        self.frames[..self.floor]
            .iter()
            .map(|frame| frame.cost)
            .sum()
    }

    /// The next instruction of the innermost frame.
    pub(crate) fn advance(&mut self) -> Option<Site<'a>> {
        let frame = self.frames.last_mut()?;
        frame.next += 1;
        frame.site()
    }

    /// The instruction at which the innermost frame stands.
    pub(crate) fn site(&self) -> Option<Site<'a>> {
        self.frames.last()?.site()
    }

    /// Goes on at a branch target: all arguments are read before a parameter is written.
    pub(crate) fn branch(&mut self, site: &Site<'a>, target: Target, scratch: &mut Vec<Cell>) {
        let args = site.function.target_args(target);
        scratch.clear();
        scratch.extend(args.iter().map(|arg| self.cells[site.base + arg.index()]));
        let params = &site.function.blocks[target.block].params;
        for (param, &cell) in params.iter().zip(scratch.iter()) {
            self.cells[site.base + param.index()] = cell;
        }
        self.enter(site.function, target.block);
    }

    /// Visits every word that may be a reference: of frames whose references go through root slots what
    /// these hold, of others all references.
    pub(crate) fn each_reference(&self, visit: &mut dyn FnMut(Reference)) {
        match &self.entry {
            Entry::Running | Entry::Cancelled => {}
            Entry::Call(_, cells) | Entry::Wake(Ok(cells)) => {
                cells.iter().for_each(|cell| visit(cell.bits));
            }
            Entry::Wake(Err(record)) => record.each_reference(visit),
        }
        for frame in self.frames.iter().filter(|frame| !frame.checks) {
            for (value, data) in frame.function.values.iter() {
                if data.ty == Type::Ref {
                    visit(self.cells[frame.base + value.index()].bits);
                }
            }
        }
        self.roots
            .iter()
            .flatten()
            .for_each(|cell| visit(cell.bits));
        if let Some(record) = &self.record {
            record.each_reference(visit);
        }
    }

    fn enter(&mut self, function: &'a Function, block: Block) {
        if let Some(frame) = self.frames.last_mut() {
            frame.code = &function.blocks[block].insts;
            frame.next = 0;
        }
    }
}

impl<'a> Frame<'a> {
    /// Whether it stands at a tail call, and will return what that returns.
    pub(crate) fn waits_to_return(&self) -> bool {
        let opcode = self.site().map(|site| site.data.opcode);
        matches!(
            opcode,
            Some(Opcode::ReturnCall | Opcode::ReturnCallIndirect)
        )
    }

    /// The instruction behind the one at which the frame stands.
    pub(crate) fn following(&self) -> Option<Inst> {
        self.code.get(self.next).copied()
    }

    /// The instruction at which the frame stands, in a call or in the middle of it.
    pub(crate) fn site(&self) -> Option<Site<'a>> {
        let inst = *self.code.get(self.next.checked_sub(1)?)?;
        Some(Site {
            function: self.function,
            inst,
            data: self.function.insts[inst],
            base: self.base,
            slots: self.slots,
            roots: self.roots,
            checks: self.checks,
        })
    }
}

impl<'a> Site<'a> {
    pub(crate) fn args(&self) -> &'a [Value] {
        self.function.args(self.inst)
    }

    pub(crate) fn results(&self) -> &'a [Value] {
        self.function.results(self.inst)
    }

    /// A value that the instruction uses; a fault unless something defined it.
    pub(crate) fn cell(&self, stack: &Stack<'a>, value: Value) -> Result<Cell, Stop> {
        let cell = stack.cells[self.base + value.index()];
        if !cell.is_defined() {
            return Err(Stop::Fault(format!(
                "{value} is used where nothing defined it"
            )));
        }
        let is_old = self.checks && cell.epoch() != stack.epoch;
        if is_old && self.function.value_type(value) == Type::Ref {
            return Err(Stop::Fault(format!(
                "{value} is used behind a safepoint, where it may be out of date"
            )));
        }
        Ok(cell)
    }

    /// The bits of an operand, by position.
    pub(crate) fn arg(&self, stack: &Stack<'a>, position: usize) -> Result<u64, Stop> {
        Ok(self.cell(stack, self.args()[position])?.bits)
    }

    /// Defines a result, by position.
    pub(crate) fn set(&self, stack: &mut Stack<'a>, position: usize, cell: Cell) {
        let result = self.results()[position];
        stack.cells[self.base + result.index()] = cell.in_epoch(stack.epoch);
    }

    /// Defines the only result.
    pub(crate) fn define(&self, stack: &mut Stack<'a>, bits: u64) {
        self.set(stack, 0, Cell::new(bits));
    }

    /// Puts the operand into a root slot. Nothing may have defined it, on a way on which that does no harm.
    pub(crate) fn set_root(&self, stack: &mut Stack<'a>, root: RootId) -> Result<(), Stop> {
        let value = self.args()[0];
        let mut cell = stack.cells[self.base + value.index()];
        if cell.is_defined() {
            cell = self.cell(stack, value)?;
        }
        stack.roots[self.roots + root.index()] = Some(cell);
        Ok(())
    }

    /// What a root slot holds; a fault unless every safepoint since it was set lists it.
    pub(crate) fn root(&self, stack: &Stack<'a>, root: RootId) -> Result<Cell, Stop> {
        let held = stack.roots[self.roots + root.index()];
        held.filter(|cell| cell.is_defined())
            .ok_or_else(|| Stop::Fault(format!("{root} holds nothing that a safepoint has kept")))
    }

    /// The instruction is a safepoint: the root slots that it does not list hold nothing from now on.
    pub(crate) fn keep_listed(&self, stack: &mut Stack<'a>) -> Result<(), Stop> {
        let count = self.function.roots.len();
        if count == 0 {
            return Ok(());
        }
        let listed = self.function.live_roots(self.inst);
        let mut kept = Vec::with_capacity(listed.len());
        for &root in listed {
            kept.push((root, self.root(stack, root)?));
        }
        stack.roots[self.roots..self.roots + count].fill(None);
        for (root, cell) in kept {
            stack.roots[self.roots + root.index()] = Some(cell);
        }
        Ok(())
    }

    /// The position of a stack slot in [`Stack::slots`].
    pub(crate) fn slot(&self, slot: enjamb_ir::StackSlot) -> usize {
        self.slots + slot.index()
    }
}
