//! What a target writes to make bytes of allocated machine code.
//!
//! [`EmitTarget`], [`EmitFrame`], [`EmitCalls`] and [`EmitObjects`] are implemented by one struct, which
//! derefs to [`EmissionState`]; [`Emission`] is provided. All of their methods fail if the assembler does not take
//! what was chosen.

use crate::error::{Lower, Reason};
use crate::frame::Frame;
use crate::machine::{Call, PredicateOf, Step, TargetInst};
use crate::state::Lowered;
use crate::symbol::symbol_name;
use enjamb_abi::code::{CodeOptions, RelocationKind, Symbol};
use enjamb_ir::{Function, Inst, Module, TrapCode};
use enjamb_regalloc::{Allocation, Block, Location, PReg, RegClass};
use std::ops::DerefMut;

/// What the suspension blocks of a function share.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum SuspensionExit {
    /// The continuation is in the register of continuations.
    Linked,
    /// It has neither its point nor its callee's continuation.
    Unlinked,
}

/// Code that is put behind the blocks.
pub(crate) enum OutOfLine<L, O> {
    /// A trap.
    Trap { at: L, code: TrapCode },
    /// Asks the runtime for memory, and goes back.
    Allocate {
        at: L,
        back: L,
        symbol: u32,
        argument: Option<PReg>,
    },
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
    pub(crate) symbols: Vec<Symbol>,
    pub(crate) out_of_line: Vec<(OutOfLine<L, O>, Option<Inst>)>,
    /// Where the suspension blocks leave the function, by [`SuspensionExit`].
    pub(crate) suspension_exits: [Option<L>; 2],
    pub(crate) traps: Vec<(L, TrapCode, Option<Inst>)>,
    pub(crate) calls: Vec<(L, Inst)>,
    /// The return addresses of calls with a handler, and where exceptions land.
    pub(crate) handlers: Vec<(L, L)>,
    /// Where the code of each instruction begins, if that is to be kept.
    pub(crate) stretches: Vec<(L, Option<Inst>)>,
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

/// The register of a location that must be one.
///
/// # Errors
/// If it is a spill slot.
pub fn register(location: Location) -> Lower<PReg> {
    location.as_reg().ok_or(Reason::Malformed)
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
            suspension_exits: [None, None],
            traps: Vec::new(),
            calls: Vec::new(),
            handlers: Vec::new(),
            stretches: Vec::new(),
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

    pub(crate) fn successor(&self, block: Block, index: usize) -> Lower<Block> {
        self.allocation
            .successor(block, index)
            .ok_or(Reason::Malformed)
    }
}

/// The state that the struct of a target derefs to.
pub(crate) type StateOf<'a, E> = EmissionState<
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

    /// Puts the point's address, which is in [`Registers::point`](crate::Registers::point), into the
    /// continuation, which is where it was allocated, and that into the callee's, which is in the
    /// register of continuations; there it takes the place of the callee's.
    fn set_point_and_link(&mut self) -> Lower<()>;

    /// Returns with the continuation that is in its register.
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

    /// Calls a stub that allocates, with an argument if it has one; the call is the last instruction.
    fn call_allocator(&mut self, symbol: u32, argument: Option<PReg>);
}

/// Objects of the heap. New ones are in [`Registers::allocated`](crate::Registers::allocated).
pub trait EmitObjects<'a>: EmitTarget<'a> {
    /// Takes an object of `size` bytes from the window and writes the word that tells its type. The
    /// window is too small at the label that is returned.
    fn new_object(&mut self, size: u32, word: u32) -> Lower<Self::Label>;

    /// The same for an array of elements of `element` bytes, a power of two up to 16, whose length is
    /// written too. At the label arrive also arrays of more than [`LONGEST_INLINE`] elements.
    fn new_array(&mut self, element: u32, word: u32, length: PReg) -> Lower<Self::Label>;

    /// 1 if the object is not null and the word that tells its type is this one, else 0.
    fn is_instance(&mut self, object: PReg, word: u32, output: PReg) -> Lower<()>;
}

/// Longer arrays are made by the runtime, so that the size of others cannot overflow.
pub const LONGEST_INLINE: u32 = 1 << 20;

/// Provided for every struct that can emit.
pub trait Emission<'a>: EmitFrame<'a> + EmitCalls<'a> + EmitObjects<'a> {
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
        self.record_trap(code);
    }

    /// Notes that the call in front of here may trap by itself.
    fn record_trap(&mut self, code: TrapCode) {
        let (after, source) = (self.mark(), self.source);
        self.traps.push((after, code, source));
    }

    /// Traps, out of line, if a condition holds, whose operands are `at`; always, without one.
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

    /// Asks the runtime for memory, by way of a stub.
    fn allocate(&mut self, symbol: u32, argument: Option<PReg>) {
        self.call_allocator(symbol, argument);
        self.record_call();
        self.record_trap(TrapCode::OutOfMemory);
    }

    /// The same out of line, from a label on, which then comes back here.
    fn allocate_at(&mut self, at: Self::Label, symbol: u32, argument: Option<PReg>) {
        let back = self.new_label();
        self.bind(back);
        let part = OutOfLine::Allocate {
            at,
            back,
            symbol,
            argument,
        };
        let source = self.source;
        self.out_of_line.push((part, source));
    }

    /// Notes that the instruction in front of here is the call of the instruction at hand.
    fn record_call(&mut self) {
        if let Some(source) = self.source {
            let after = self.mark();
            self.calls.push((after, source));
        }
    }
}

impl<'a, E: EmitFrame<'a> + EmitCalls<'a> + EmitObjects<'a>> Emission<'a> for E {}
