//! From allocated machine code to bytes: prologue, blocks, out-of-line parts.
//!
//! ```text
//! prologue
//! blocks, warm ones first              the suspension blocks are the cold ones
//! out-of-line parts                    calls of the trap landing, slow paths
//! jump tables, constants               where the assembler puts them
//! ```
//!
//! A target implements [`EmitTarget`], [`EmitFrame`] and [`EmitCalls`] for one struct, which derefs to
//! [`EmissionState`]; [`Emission`] is provided.

use crate::error::{Lower, Reason};
use crate::frame::Frame;
use crate::machine::{Call, Code, PredicateOf, Step, TargetInst};
use crate::state::Lowered;
use crate::symbol::symbol_name;
use enjamb_abi::code::{
    Code as FinishedCode, CodeOptions, Relocation, RelocationKind, Symbol, TrapSite,
};
use enjamb_ir::print::display_inst;
use enjamb_ir::{Function, Inst, Module, TrapCode};
use enjamb_regalloc::{Allocation, Block, Item, Location, PReg, RegClass};
use std::ops::DerefMut;

/// Code that is put behind the blocks.
enum OutOfLine<L, O> {
    /// A trap.
    Trap { at: L, code: TrapCode },
    /// What the target deferred.
    Target(O),
}

/// A function while it is emitted: `L` are the labels of the target's assembler, `O` what the target
/// puts behind the blocks. The struct with which a target emits derefs to this.
pub struct EmissionState<'a, T: TargetInst, L, O> {
    /// The module of the function.
    pub module: &'a Module,
    /// The function.
    pub function: &'a Function,
    /// Its machine code, and what that refers to by number.
    pub lowered: &'a Lowered<T>,
    /// Which registers it uses.
    pub allocation: &'a Allocation<'a, Step<T>>,
    /// What changes the code.
    pub options: &'a CodeOptions,
    /// Whether the code is wanted as text too.
    pub with_text: bool,
    /// Its frame.
    pub frame: Frame,
    /// Parameter bytes that the function pops.
    pub parameters: u32,
    /// The instruction whose code is emitted.
    pub source: Option<Inst>,
    /// Symbols of the lowering, and those that only the emission names.
    symbols: Vec<Symbol>,
    out_of_line: Vec<(OutOfLine<L, O>, Option<Inst>)>,
    /// Where the suspension blocks leave the function.
    suspension_exit: Option<L>,
    traps: Vec<(L, TrapCode, Option<Inst>)>,
    calls: Vec<(L, Inst)>,
}

/// What a target's assembler made of a piece of code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assembled {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Alignment that the bytes ask for.
    pub align: u32,
    /// References to symbols: offset, kind, number of the symbol, addend.
    pub relocations: Vec<(u32, RelocationKind, u32, i64)>,
    /// The offsets of the labels that were asked for, in order.
    pub offsets: Vec<Option<u32>>,
    /// The code as text, if it was asked for.
    pub listing: Option<String>,
}

/// Emitted code, and its text if that was asked for.
pub(crate) struct Emitted {
    /// The code and its tables.
    pub code: FinishedCode,
    /// Offset, bytes and text of every instruction.
    pub listing: Option<String>,
}

/// The register of a location that must be one.
///
/// # Errors
/// If it is a spill slot.
pub fn register(location: Location) -> Lower<PReg> {
    location.as_reg().ok_or(Reason::Malformed)
}

fn at(locations: &[Location], index: usize) -> Lower<PReg> {
    register(locations.get(index).copied().ok_or(Reason::Malformed)?)
}

impl<'a, T: TargetInst, L, O> EmissionState<'a, T, L, O> {
    /// Before the first instruction of an allocated function.
    pub(crate) fn new(
        module: &'a Module,
        function: &'a Function,
        lowered: &'a Lowered<T>,
        allocation: &'a Allocation<'a, Step<T>>,
        options: &'a CodeOptions,
        with_text: bool,
    ) -> Lower<Self> {
        let written = allocation.callee_saved_written();
        let frame = Frame::new(lowered.frame.clone(), written, allocation.spill_slots())?;
        let params = &function.signature.params;
        Ok(EmissionState {
            module,
            function,
            lowered,
            allocation,
            options,
            with_text,
            frame,
            parameters: T::REGISTERS.convention.params(params).stack_bytes,
            source: None,
            symbols: lowered.symbols.clone(),
            out_of_line: Vec::new(),
            suspension_exit: None,
            traps: Vec::new(),
            calls: Vec::new(),
        })
    }

    /// The number of a symbol that only the emission names.
    pub fn symbol(&mut self, symbol: Symbol) -> u32 {
        match self.symbols.iter().rposition(|known| *known == symbol) {
            Some(number) => number as u32,
            None => {
                self.symbols.push(symbol);
                self.symbols.len() as u32 - 1
            }
        }
    }

    /// Emits something behind the blocks.
    pub fn defer(&mut self, part: O) {
        self.out_of_line
            .push((OutOfLine::Target(part), self.source));
    }

    /// The text of an instruction with the name of a symbol in place of the number that it ends with,
    /// as assemblers write it: `call symbol 3`.
    pub fn named(&self, text: &str) -> Option<String> {
        let (start, number) = text.rsplit_once("symbol ")?;
        let symbol = self.symbols.get(number.parse::<usize>().ok()?)?;
        Some(format!("{start}{}", symbol_name(self.module, symbol)))
    }

    fn successor(&self, block: Block, index: usize) -> Lower<Block> {
        self.allocation
            .successor(block, index)
            .ok_or(Reason::Malformed)
    }
}

/// The state that the struct of a target derefs to.
type StateOf<'a, E> = EmissionState<
    'a,
    <E as EmitTarget<'a>>::Inst,
    <E as EmitTarget<'a>>::Label,
    <E as EmitTarget<'a>>::OutOfLine,
>;

/// The struct that emits a function with a target's assembler.
pub trait EmitTarget<'a>:
    DerefMut<Target = EmissionState<'a, Self::Inst, Self::Label, Self::OutOfLine>> + Sized
{
    /// The target's own instructions.
    type Inst: TargetInst;
    /// A place in the code.
    type Label: Copy + 'static;
    /// Code that is put behind the blocks.
    type OutOfLine: 'static;

    /// Begins a function: makes labels for its blocks and jump tables, places its constants.
    ///
    /// # Errors
    /// As the assembler; so for all methods of these traits.
    fn new(state: StateOf<'a, Self>) -> Lower<Self>;

    /// The label of a block.
    fn block_label(block: Block) -> Self::Label;

    /// The label of a jump table.
    fn table_label(&self, table: u32) -> Self::Label;

    /// A label that is not yet bound.
    fn new_label(&mut self) -> Self::Label;

    /// Puts a label here.
    fn bind(&mut self, label: Self::Label);

    /// A label here that nothing jumps to.
    fn mark(&mut self) -> Self::Label;

    /// Adds a remark to the text, if that is wanted.
    fn comment(&mut self, text: impl FnOnce() -> String);

    /// Jumps.
    fn jump(&mut self, to: Self::Label);

    /// Jumps if the condition holds; `at` is where its operands are.
    fn jump_if(
        &mut self,
        predicate: &PredicateOf<Self::Inst>,
        at: &[Location],
        to: Self::Label,
    ) -> Lower<()>;

    /// Goes to one of two blocks; `next` is the block behind this one.
    fn branch(
        &mut self,
        predicate: &PredicateOf<Self::Inst>,
        at: &[Location],
        yes: Block,
        no: Block,
        next: Option<Block>,
    ) -> Lower<()>;

    /// Emits an instruction of the target, whose operands are `at`, in the order in which it named
    /// them.
    fn instruction(&mut self, inst: &Self::Inst, at: &[Location]) -> Lower<()>;

    /// Moves a value; never from one spill slot to another.
    fn move_value(&mut self, from: Location, to: Location, class: RegClass) -> Lower<()>;

    /// Loads the address of a symbol.
    fn symbol_address(&mut self, output: PReg, symbol: u32) -> Lower<()>;

    /// Loads the address that an entry of a table leads to.
    fn table_address(
        &mut self,
        table: Self::Label,
        index: PReg,
        scratch: PReg,
        output: PReg,
    ) -> Lower<()>;

    /// Jumps to that address, and defines the table.
    fn table_jump(
        &mut self,
        table: Self::Label,
        target: PReg,
        targets: &[Self::Label],
    ) -> Lower<()>;

    /// Emits what was deferred.
    fn out_of_line(&mut self, part: Self::OutOfLine) -> Lower<()>;

    /// Ends the function, and finds the places of some labels.
    fn assemble(&mut self, marks: &[Self::Label]) -> Lower<Assembled>;
}

/// How a function is entered and left.
pub trait EmitFrame<'a>: EmitTarget<'a> {
    /// Checks that there is stack, makes the frame, saves what has to be saved.
    fn prologue(&mut self) -> Lower<()>;

    /// Returns; results are in their registers.
    fn return_to_caller(&mut self, is_async: bool) -> Lower<()>;

    /// Returns with the continuation that is in its register. All suspension blocks leave by one exit.
    fn suspend(&mut self) -> Lower<()>;

    /// Writes zeros to `bytes` of the frame, a multiple of 8, from `offset` on.
    fn zero_frame(&mut self, offset: i32, bytes: u32, zero: PReg, counter: PReg) -> Lower<()>;
}

/// Calls.
pub trait EmitCalls<'a>: EmitTarget<'a> {
    /// The call instruction for a symbol, and nothing else.
    fn call_symbol(&mut self, symbol: u32);

    /// A call, after which [`Emission::record_call`] is told, and what brings the stack pointer back.
    fn call(&mut self, call: &Call) -> Lower<()>;

    /// A call in place of this function.
    fn tail_call(&mut self, call: &Call) -> Lower<()>;

    /// Takes a continuation of `size` bytes from its free list, or calls the symbol `slow`.
    fn new_continuation(&mut self, size: u32, slow: u32, callee: PReg) -> Lower<()>;
}

/// Provided for every struct that can emit.
pub trait Emission<'a>: EmitFrame<'a> + EmitCalls<'a> {
    /// Jumps to a block unless it comes next.
    fn jump_to(&mut self, block: Block, next: Option<Block>) {
        if next != Some(block) {
            self.jump(Self::block_label(block));
        }
    }

    /// Calls the trap landing; the return address is the key of the trap table.
    fn trap(&mut self, code: TrapCode) {
        let landing = self.symbol(Symbol::TrapLanding);
        self.call_symbol(landing);
        let (after, source) = (self.mark(), self.source);
        self.traps.push((after, code, source));
    }

    /// Traps, out of line, if a condition holds, whose operands are `at`; always, without one.
    ///
    /// # Errors
    /// If the condition cannot be jumped on.
    fn trap_if(
        &mut self,
        predicate: Option<&PredicateOf<Self::Inst>>,
        at: &[Location],
        code: TrapCode,
    ) -> Lower<()> {
        let label = self.new_label();
        match predicate {
            Some(predicate) => self.jump_if(predicate, at, label)?,
            None => self.jump(label),
        }
        let trap = OutOfLine::Trap { at: label, code };
        let source = self.source;
        self.out_of_line.push((trap, source));
        Ok(())
    }

    /// Notes that the instruction in front of here is the call of the instruction at hand.
    fn record_call(&mut self) {
        if let Some(source) = self.source {
            let after = self.mark();
            self.calls.push((after, source));
        }
    }
}

impl<'a, E: EmitFrame<'a> + EmitCalls<'a>> Emission<'a> for E {}

/// Emits everything.
pub(crate) fn emit<'a, E: Emission<'a>>(state: StateOf<'a, E>) -> Lower<Emitted> {
    let allocation = state.allocation;
    let mut emitter = E::new(state)?;
    emitter.prologue()?;
    for (block, next) in allocation.emission().iter() {
        heading(&mut emitter, block);
        emitter.bind(E::block_label(block));
        for item in allocation.block(block) {
            match item {
                Item::Inst(index, locations) => {
                    let inst = allocation.function().inst(index);
                    remark(&mut emitter, inst.source);
                    step(&mut emitter, inst, locations, block, next)?;
                }
                Item::Move { from, to, class } => emitter.move_value(from, to, class)?,
            }
        }
    }
    emitter.source = None;
    // A slow path may itself trap, which adds to the list.
    while !emitter.out_of_line.is_empty() {
        for (part, source) in std::mem::take(&mut emitter.out_of_line) {
            remark(&mut emitter, source);
            match part {
                OutOfLine::Trap { at, code } => {
                    emitter.bind(at);
                    emitter.trap(code);
                }
                OutOfLine::Target(part) => emitter.out_of_line(part)?,
            }
        }
    }
    finish(emitter)
}

// Remarks of the listing.

fn heading<'a, E: EmitTarget<'a>>(emitter: &mut E, block: Block) {
    let blocks = &emitter.lowered.blocks;
    let made_from = blocks.get(block.index()).copied().flatten();
    emitter.comment(|| match made_from {
        Some(made_from) => made_from.to_string(),
        None => "edge".into(),
    });
}

fn remark<'a, E: EmitTarget<'a>>(emitter: &mut E, source: Option<Inst>) {
    if let (Some(inst), true) = (source, emitter.source != source) {
        let text = display_inst(Some(emitter.module), emitter.function, inst);
        emitter.comment(|| text.to_string());
    }
    emitter.source = source;
}

fn step<'a, E: Emission<'a>>(
    emitter: &mut E,
    step: &Step<E::Inst>,
    places: &[Location],
    block: Block,
    next: Option<Block>,
) -> Lower<()> {
    match &step.code {
        Code::Target(inst) => emitter.instruction(inst, places),
        Code::Arguments(_) => Ok(()),
        &Code::ZeroFrame { offset, bytes, .. } => {
            emitter.zero_frame(offset, bytes, at(places, 0)?, at(places, 1)?)
        }
        &Code::SymbolAddress { symbol, .. } => emitter.symbol_address(at(places, 0)?, symbol),
        Code::TrapIf(predicate, code) => emitter.trap_if(predicate.as_ref(), places, *code),
        &Code::TableAddress { table, .. } => {
            let [index, scratch, output] = [at(places, 0)?, at(places, 1)?, at(places, 2)?];
            let table = emitter.table_label(table);
            emitter.table_address(table, index, scratch, output)
        }
        Code::Call(call) => emitter.call(call),
        &Code::NewContinuation { size, slow, .. } => {
            emitter.new_continuation(size, slow, at(places, 0)?)
        }
        Code::Jump => {
            let to = emitter.successor(block, 0)?;
            emitter.jump_to(to, next);
            Ok(())
        }
        Code::Branch(predicate) => {
            let (yes, no) = (emitter.successor(block, 0)?, emitter.successor(block, 1)?);
            emitter.branch(predicate, places, yes, no, next)
        }
        &Code::TableJump { table, .. } => {
            let count = emitter.allocation.function().block_successors(block).len();
            let targets: Lower<Vec<E::Label>> = (0..count)
                .map(|index| Ok(E::block_label(emitter.successor(block, index)?)))
                .collect();
            let table = emitter.table_label(table);
            emitter.table_jump(table, at(places, 0)?, &targets?)
        }
        &Code::Return { is_async, .. } => emitter.return_to_caller(is_async),
        Code::Suspend(_) => suspend(emitter),
        Code::TailCall(call) => emitter.tail_call(call),
        &Code::Trap(code) => {
            emitter.trap(code);
            Ok(())
        }
    }
}

/// All suspension blocks leave by one exit; the continuation is in its register.
fn suspend<'a, E: Emission<'a>>(emitter: &mut E) -> Lower<()> {
    if let Some(exit) = emitter.suspension_exit {
        emitter.jump(exit);
        return Ok(());
    }
    let exit = emitter.new_label();
    emitter.suspension_exit = Some(exit);
    emitter.bind(exit);
    emitter.suspend()
}

fn finish<'a, E: EmitTarget<'a>>(mut emitter: E) -> Lower<Emitted> {
    let traps = std::mem::take(&mut emitter.traps);
    let calls = std::mem::take(&mut emitter.calls);
    let mut marks: Vec<E::Label> = traps.iter().map(|&(label, ..)| label).collect();
    marks.extend(calls.iter().map(|&(label, _)| label));
    let mut assembled = emitter.assemble(&marks)?;
    let of_calls = assembled.offsets.split_off(traps.len());
    let function = emitter.function;
    let sites = traps.iter().zip(&assembled.offsets);
    let sites = sites.filter_map(|(&(_, code, inst), &offset)| {
        Some(TrapSite {
            offset: offset?,
            code,
            inst,
            position: inst.and_then(|inst| function.positions[inst]),
        })
    });
    let sites = sites.collect();
    let calls = calls.iter().zip(of_calls);
    let calls = calls.filter_map(|(&(_, inst), offset)| Some((offset?, inst)));
    let mut calls: Vec<(u32, Inst)> = calls.collect();
    calls.sort_unstable();
    let listing = assembled.listing.take();
    let code = FinishedCode {
        traps: sites,
        calls,
        frame_bytes: emitter.frame.bytes,
        ..assembled.into_code(&emitter.symbols)
    };
    Ok(Emitted { code, listing })
}

impl Assembled {
    /// The code, without tables.
    fn into_code(self, symbols: &[Symbol]) -> FinishedCode {
        let relocations = self.relocations.into_iter();
        let relocations = relocations.map(|(offset, kind, symbol, addend)| Relocation {
            offset,
            kind,
            symbol: symbols[symbol as usize].clone(),
            addend,
        });
        FinishedCode {
            relocations: relocations.collect(),
            align: self.align.max(16),
            bytes: self.bytes,
            ..FinishedCode::default()
        }
    }

    /// The code of a stub whose traps are at the labels that were asked for.
    pub fn into_stub(
        self,
        symbols: &[Symbol],
        traps: &[TrapCode],
        frame_bytes: u32,
    ) -> FinishedCode {
        let sites = traps.iter().zip(&self.offsets);
        let sites = sites.filter_map(|(&code, &offset)| {
            Some(TrapSite {
                offset: offset?,
                code,
                inst: None,
                position: None,
            })
        });
        FinishedCode {
            traps: sites.collect(),
            frame_bytes,
            ..self.into_code(symbols)
        }
    }
}
