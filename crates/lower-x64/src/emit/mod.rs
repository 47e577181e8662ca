//! From allocated machine code to bytes: prologue, blocks, out-of-line parts.
//!
//! ```text
//! prologue
//! blocks, warm ones first              the suspension blocks are the cold ones
//! out-of-line parts                    calls of the trap landing, slow paths
//! jump tables, constants
//! ```

mod call;
mod float;
mod frame;

use crate::error::Reason;
use crate::frame::Frame;
use crate::lower::Lowered;
use crate::machine::{Code, Predicate, Register, Step};
use crate::registers::{CONTEXT, SCRATCH, reg};
use enjamb_abi::code::{
    Code as FinishedCode, CodeOptions, Relocation, RelocationKind, Symbol, TrapSite,
};
use enjamb_abi::context::free_list_offset;
use enjamb_abi::continuation::LARGEST_CLASS;
use enjamb_ir::print::display_inst;
use enjamb_ir::{Function, Inst, Module, TrapCode};
use enjamb_regalloc::{Allocation, Block, Item, Location, RegClass};
use enjamb_x64::{self as x64, Assembler, Base, Cond, Inst as Asm, Label, Mem, Op, Operand, Reg};
use std::cell::Cell;

type Emit<T> = Result<T, Reason>;

/// Code that is put behind the blocks.
enum OutOfLine {
    /// A trap.
    Trap { at: Label, code: TrapCode },
    /// Puts the canonical NaN into a register and goes back.
    Nan {
        at: Label,
        back: Label,
        register: Reg,
        is_single: bool,
    },
    /// Asks the runtime for a continuation and goes back.
    Allocate {
        at: Label,
        back: Label,
        symbol: u32,
        callee: Reg,
    },
}

/// A function while it is emitted.
pub(crate) struct Emitter<'a> {
    module: &'a Module,
    function: &'a Function,
    lowered: &'a Lowered,
    allocation: &'a Allocation<'a, Step>,
    options: &'a CodeOptions,
    frame: Frame,
    /// Parameter bytes that the function pops.
    parameters: u32,
    assembler: Assembler,
    /// Symbols of the lowering, and those that only the emission names.
    symbols: Vec<Symbol>,
    constants: Vec<Label>,
    tables: Vec<Label>,
    out_of_line: Vec<(OutOfLine, Option<Inst>)>,
    /// Where the suspension blocks leave the function.
    suspension_exit: Option<Label>,
    traps: Vec<(Label, TrapCode, Option<Inst>)>,
    calls: Vec<(Label, Inst)>,
    /// The instruction whose code is emitted.
    source: Option<Inst>,
}

/// Emitted code, and the listing if one was asked for.
pub(crate) struct Emitted {
    /// The code and its tables.
    pub code: FinishedCode,
    /// Symbols by the number in the listing.
    pub symbols: Vec<Symbol>,
    /// Offset, bytes and text of every instruction.
    pub listing: x64::Listing,
}

/// A label for each block of the machine function comes first.
fn block_label(block: Block) -> Label {
    Label::from_index(block.index() as u32)
}

/// The general or vector register of a location that must be one.
fn register(location: Location) -> Emit<Reg> {
    location.as_reg().map(reg).ok_or(Reason::Malformed)
}

impl<'a> Emitter<'a> {
    /// Starts the emission of an allocated function.
    pub fn new(
        module: &'a Module,
        function: &'a Function,
        lowered: &'a Lowered,
        allocation: &'a Allocation<'a, Step>,
        options: &'a CodeOptions,
        with_listing: bool,
    ) -> Emit<Emitter<'a>> {
        let written = allocation.callee_saved_written();
        let frame = Frame::new(lowered.frame.clone(), written, allocation.spill_slots())?;
        let mut assembler = Assembler::with_labels(lowered.function.num_blocks() as u32);
        if with_listing {
            assembler.keep_listing();
        }
        let constants = lowered.constants.iter();
        let constants = constants
            .map(|(bytes, size)| assembler.constant(&bytes[..usize::from(*size)]))
            .collect();
        let tables = (0..lowered.tables).map(|_| assembler.new_label()).collect();
        let params = &function.signature.params;
        Ok(Emitter {
            module,
            function,
            lowered,
            allocation,
            options,
            frame,
            parameters: enjamb_abi::convention::X86_64.params(params).stack_bytes,
            assembler,
            symbols: lowered.symbols.clone(),
            constants,
            tables,
            out_of_line: Vec::new(),
            suspension_exit: None,
            traps: Vec::new(),
            calls: Vec::new(),
            source: None,
        })
    }

    /// Emits everything.
    pub fn run(mut self) -> Emit<Emitted> {
        self.prologue();
        let allocation = self.allocation;
        for (block, next) in allocation.emission().iter() {
            self.heading(block);
            self.assembler.bind(block_label(block));
            for item in allocation.block(block) {
                match item {
                    Item::Inst(index, locations) => {
                        let step = allocation.function().inst(index);
                        self.remark(step.source);
                        self.step(step, locations, block, next)?;
                    }
                    Item::Move { from, to, class } => self.move_value(from, to, class)?,
                }
            }
        }
        self.source = None;
        // A slow path may itself trap, which adds to the list.
        while !self.out_of_line.is_empty() {
            for (part, source) in std::mem::take(&mut self.out_of_line) {
                self.remark(source);
                self.emit_out_of_line(part);
            }
        }
        self.finish()
    }

    fn finish(mut self) -> Emit<Emitted> {
        let code = std::mem::take(&mut self.assembler).finish()?;
        let relocations = code.relocations.iter().map(|relocation| Relocation {
            offset: relocation.offset,
            kind: match relocation.kind {
                x64::RelocationKind::Rel32 => RelocationKind::Relative32,
                x64::RelocationKind::Abs64 => RelocationKind::Absolute64,
            },
            symbol: self.symbols[relocation.symbol as usize].clone(),
            addend: relocation.addend,
        });
        let traps = self.traps.iter().filter_map(|&(label, trap, inst)| {
            Some(TrapSite {
                offset: code.offset(label)?,
                code: trap,
                inst,
                position: inst.and_then(|inst| self.function.positions[inst]),
            })
        });
        let calls = self.calls.iter();
        let calls = calls.filter_map(|&(label, inst)| Some((code.offset(label)?, inst)));
        let mut calls: Vec<(u32, Inst)> = calls.collect();
        calls.sort_unstable();
        let finished = FinishedCode {
            relocations: relocations.collect(),
            traps: traps.collect(),
            calls,
            align: code.alignment.max(16),
            frame_bytes: self.frame.bytes,
            bytes: Vec::new(),
        };
        let listing = code.listing().clone();
        Ok(Emitted {
            code: FinishedCode {
                bytes: code.bytes,
                ..finished
            },
            symbols: self.symbols,
            listing,
        })
    }

    // Remarks of the listing.

    fn heading(&mut self, block: Block) {
        let made_from = self.lowered.blocks.get(block.index()).copied().flatten();
        self.assembler.comment(|| match made_from {
            Some(made_from) => made_from.to_string(),
            None => "edge".into(),
        });
    }

    fn remark(&mut self, source: Option<Inst>) {
        if let (Some(inst), true) = (source, self.source != source) {
            let text = display_inst(Some(self.module), self.function, inst);
            self.assembler.comment(|| text.to_string());
        }
        self.source = source;
    }

    // Instructions.

    fn op(&mut self, op: Op, operands: &[Operand<Reg>]) {
        self.assembler.op(op, operands);
    }

    /// An instruction with an immediate, in its shortest form.
    fn immediate(&mut self, op: Op, target: Operand<Reg>, value: i64) -> Emit<()> {
        let inst = Asm::physical(op, &[target, Operand::Imm(value)])?;
        self.assembler.emit(&inst.shortest());
        Ok(())
    }

    /// The number of a symbol that only the emission names.
    fn symbol(&mut self, symbol: Symbol) -> u32 {
        match self.symbols.iter().rposition(|known| *known == symbol) {
            Some(number) => number as u32,
            None => {
                self.symbols.push(symbol);
                self.symbols.len() as u32 - 1
            }
        }
    }

    /// A register or the memory of a spill slot.
    fn place(&self, location: Location) -> Emit<Operand<Reg>> {
        match (location.as_reg(), location.as_stack()) {
            (Some(preg), _) => Ok(reg(preg).into()),
            (None, Some(slot)) => Ok(self.frame.spill(slot.index()).into()),
            (None, None) => Err(Reason::Malformed),
        }
    }

    fn move_value(&mut self, from: Location, to: Location, class: RegClass) -> Emit<()> {
        let op = match (class, from.is_reg(), to.is_reg()) {
            (RegClass::Int, _, true) => Op::Mov64RM,
            (RegClass::Int, ..) => Op::Mov64MR,
            (_, true, true) => Op::MovapsXM,
            (_, false, _) => Op::MovsdXM,
            (_, _, false) => Op::MovsdMX,
        };
        let operands = [self.place(to)?, self.place(from)?];
        self.op(op, &operands);
        Ok(())
    }

    fn step(
        &mut self,
        step: &Step,
        at: &[Location],
        block: Block,
        next: Option<Block>,
    ) -> Emit<()> {
        match &step.code {
            Code::Asm(inst) => self.asm(inst, at),
            Code::Arguments(_) => Ok(()),
            &Code::ZeroFrame { offset, bytes, .. } => {
                self.zero_frame(offset, bytes, register(at[0])?, register(at[1])?)
            }
            Code::FloatZero(_) => {
                let output = register(at[0])?.into();
                self.op(Op::XorpsXM, &[output, output]);
                Ok(())
            }
            &Code::SymbolAddress { symbol, .. } => {
                self.assembler.lea_symbol(register(at[0])?, symbol);
                Ok(())
            }
            &Code::TrapIf(cond, code) => {
                self.trap_if(cond, code);
                Ok(())
            }
            &Code::CanonicalNan { size, .. } => self.canonical_nan(size, register(at[1])?),
            &Code::Extremum { size, is_max, .. } => {
                self.extremum(size, is_max, register(at[2])?, register(at[1])?)
            }
            &Code::FloatSelect { predicate, .. } => {
                self.float_select(predicate, register(at[2])?, register(at[1])?);
                Ok(())
            }
            &Code::TableAddress { table, .. } => self.table_address(table, at),
            Code::Call(call) => self.call(call),
            &Code::NewContinuation { size, slow, .. } => {
                self.new_continuation(size, slow, register(at[0])?)
            }
            Code::Jump => {
                self.jump_to(self.successor(block, 0)?, next);
                Ok(())
            }
            &Code::Branch(predicate) => self.branch(predicate, block, next),
            &Code::TableJump { table, .. } => self.table_jump(table, register(at[0])?, block),
            &Code::Return { is_async, .. } => self.return_to_caller(is_async),
            Code::Suspend(_) => self.suspend(),
            Code::TailCall(call) => self.tail_call(call),
            &Code::Trap(code) => {
                self.trap(code);
                Ok(())
            }
        }
    }

    /// Puts locations into an instruction of the assembler, in the order of its operands.
    fn asm(&mut self, inst: &Asm<Register>, at: &[Location]) -> Emit<()> {
        let next = Cell::new(0);
        let take = || {
            let index = next.replace(next.get() + 1);
            at.get(index).copied().unwrap_or(Location::none())
        };
        let of = |register: Register| match register {
            Register::Fixed(register) => Ok(register.into()),
            Register::Value(_) => self.place(take()),
            Register::InPlace { .. } => {
                take();
                self.place(take())
            }
        };
        let fault = Cell::new(false);
        let missing = |_| {
            fault.set(true);
            Operand::Reg(Reg::RAX)
        };
        let physical = inst.map_operands(
            |register, _| of(register).unwrap_or_else(missing),
            |register| match of(register) {
                Ok(Operand::Reg(register)) => register,
                _ => {
                    fault.set(true);
                    Reg::RAX
                }
            },
        )?;
        if fault.get() {
            return Err(Reason::Malformed);
        }
        let physical = self.with_constants(physical)?;
        self.assembler.emit(&physical);
        Ok(())
    }

    /// Replaces the number of a constant by its label.
    fn with_constants(&self, inst: Asm<Reg>) -> Emit<Asm<Reg>> {
        let is_constant = |operand: &Operand<Reg>| {
            matches!(
                operand,
                Operand::Mem(Mem {
                    base: Base::Label(_),
                    ..
                })
            )
        };
        if !inst.operands().iter().any(is_constant) {
            return Ok(inst);
        }
        let operands: Vec<Operand<Reg>> = inst
            .operands()
            .iter()
            .map(|operand| match operand {
                Operand::Mem(mem) => match mem.base {
                    Base::Label(index) => {
                        Operand::Mem(Mem::label(self.constants[index.index() as usize]))
                    }
                    _ => *operand,
                },
                _ => *operand,
            })
            .collect();
        Ok(Asm::new(inst.op(), &operands)?)
    }

    // Control flow.

    fn successor(&self, block: Block, index: usize) -> Emit<Block> {
        self.allocation
            .successor(block, index)
            .ok_or(Reason::Malformed)
    }

    fn jump_to(&mut self, block: Block, next: Option<Block>) {
        if next != Some(block) {
            self.assembler.jmp(block_label(block));
        }
    }

    fn branch(&mut self, predicate: Predicate, block: Block, next: Option<Block>) -> Emit<()> {
        let (yes, no) = (self.successor(block, 0)?, self.successor(block, 1)?);
        let (jump, to, otherwise) = match predicate {
            Predicate::Flag(cond) if next == Some(yes) => ([Some(cond.invert()), None], no, yes),
            Predicate::Flag(cond) => ([Some(cond), None], yes, no),
            Predicate::FloatEqual => ([Some(Cond::NE), Some(Cond::P)], no, yes),
            Predicate::FloatNotEqual => ([Some(Cond::NE), Some(Cond::P)], yes, no),
        };
        for cond in jump.into_iter().flatten() {
            self.assembler.jcc(cond, block_label(to));
        }
        self.jump_to(otherwise, next);
        Ok(())
    }

    fn table_address(&mut self, table: u32, at: &[Location]) -> Emit<()> {
        let (index, scratch, output) = (register(at[0])?, register(at[1])?, register(at[2])?);
        let label = self.tables[table as usize];
        self.assembler.lea_label(scratch, label);
        let entry = Mem::indexed(scratch, index, x64::Scale::Four, 0);
        self.op(Op::Movsxd64RM32, &[output.into(), entry.into()]);
        self.op(Op::Add64RM, &[output.into(), scratch.into()]);
        Ok(())
    }

    fn table_jump(&mut self, table: u32, target: Reg, block: Block) -> Emit<()> {
        self.op(Op::JmpM, &[target.into()]);
        let count = self.allocation.function().block_successors(block).len();
        let targets: Emit<Vec<Label>> = (0..count)
            .map(|index| Ok(block_label(self.successor(block, index)?)))
            .collect();
        let label = self.tables[table as usize];
        self.assembler.label_address_table_at(label, &targets?);
        Ok(())
    }

    // Traps and slow paths.

    fn trap_if(&mut self, cond: Option<Cond>, code: TrapCode) {
        let at = self.assembler.new_label();
        match cond {
            Some(cond) => self.assembler.jcc(cond, at),
            None => self.assembler.jmp(at),
        }
        self.defer(OutOfLine::Trap { at, code });
    }

    fn defer(&mut self, part: OutOfLine) {
        self.out_of_line.push((part, self.source));
    }

    /// Calls the trap landing; the return address is the key of the trap table.
    fn trap(&mut self, code: TrapCode) {
        let landing = self.symbol(Symbol::TrapLanding);
        self.assembler.call_symbol(landing);
        let after = self.assembler.mark();
        self.traps.push((after, code, self.source));
    }

    fn emit_out_of_line(&mut self, part: OutOfLine) {
        match part {
            OutOfLine::Trap { at, code } => {
                self.assembler.bind(at);
                self.trap(code);
            }
            OutOfLine::Nan {
                at,
                back,
                register,
                is_single,
            } => {
                self.assembler.bind(at);
                self.load_nan(register, is_single);
                self.assembler.jmp(back);
            }
            OutOfLine::Allocate {
                at,
                back,
                symbol,
                callee,
            } => {
                self.assembler.bind(at);
                self.allocate_slow(symbol, callee);
                self.assembler.jmp(back);
            }
        }
    }

    fn new_continuation(&mut self, size: u32, symbol: u32, callee: Reg) -> Emit<()> {
        if size > LARGEST_CLASS {
            self.allocate_slow(symbol, callee);
            return Ok(());
        }
        let (at, back) = (self.assembler.new_label(), self.assembler.new_label());
        let output = Reg::RAX.into();
        let free_list = Mem::base(CONTEXT, free_list_offset(size) as i32).into();
        self.op(Op::Mov64RM, &[output, free_list]);
        self.op(Op::Test64MR, &[output, output]);
        self.assembler.jcc(Cond::E, at);
        self.op(
            Op::Mov64RM,
            &[SCRATCH.into(), Mem::base(Reg::RAX, 0).into()],
        );
        self.op(Op::Mov64MR, &[free_list, SCRATCH.into()]);
        self.assembler.bind(back);
        self.defer(OutOfLine::Allocate {
            at,
            back,
            symbol,
            callee,
        });
        Ok(())
    }

    /// The result is 0 if there is no memory.
    fn allocate_slow(&mut self, symbol: u32, callee: Reg) {
        self.op(Op::Mov64RM, &[SCRATCH.into(), callee.into()]);
        self.assembler.call_symbol(symbol);
        self.record_call();
        self.op(Op::Test64MR, &[Reg::RAX.into(), Reg::RAX.into()]);
        self.trap_if(Some(Cond::E), TrapCode::OutOfMemory);
    }

    fn record_call(&mut self) {
        if let Some(source) = self.source {
            let after = self.assembler.mark();
            self.calls.push((after, source));
        }
    }
}
