//! Stubs: the code between compiled functions and the runtime.
//!
//! Each [`Symbol`] that is no defined function and no point record stands for one stub. A stub is
//! position independent apart from its relocations, and names no instance. Where both sides of a
//! stub are compiled code it keeps the convention of [`enjamb_abi::convention`]; what it may
//! clobber beyond that is said in its own module.
//!
//! A stub that is reached through a register begins with a landing pad where those are asked for.
//! All such jumps go by way of `x16` or `x17`, or are calls, so `bti c` lets them land.

mod allocate;
mod dispatcher;
mod entry;
mod host;
mod throw;
mod trap;

#[cfg(test)]
mod tests;

use crate::emit::assembled;
use enjamb_aarch64::access::{Access, PairAccess};
use enjamb_aarch64::{
    Assembler, Cond, Extend, Inst, Label, Mem, Op, Operand, OperandError, Reg, Width, access,
};
use enjamb_abi::code::{Code, CodeOptions, Symbol};
use enjamb_abi::context::{Counter, InstanceLayout, offsets};
use enjamb_abi::convention::{Assignment, Location};
use enjamb_ir::{Module, TrapCode};
use enjamb_lower::{LowerError, StubKind, stub_name};

/// The pinned pointer to the context block.
const CONTEXT: Reg = Reg::X28;
/// The hidden continuation, in and out.
const CONTINUATION: Reg = Reg::X15;
/// Belongs to stubs wherever control passes between two functions.
const SCRATCH: Reg = Reg::X16;
/// Belongs to stubs too.
const SECOND_SCRATCH: Reg = Reg::X17;

/// Emits the stub that a symbol stands for.
///
/// # Errors
/// If the symbol is a defined function or a point record, which are no stubs, or the context block is
/// too large.
pub fn emit_stub(
    symbol: &Symbol,
    module: &Module,
    layout: &InstanceLayout,
    options: &CodeOptions,
) -> Result<Code, LowerError> {
    let mut stub = Stub::new(options);
    fill(&mut stub, StubKind::of(symbol, module, layout)?);
    stub.finish(symbol)
}

fn fill(stub: &mut Stub, kind: StubKind<'_>) {
    match kind {
        StubKind::Yield { index } => host::yield_leaf(stub, index),
        StubKind::Helper {
            helper,
            index,
            signature,
        } => host::call(stub, helper, index, signature),
        StubKind::TrapLanding => trap::landing(stub),
        StubKind::Throw(throw) => throw::throw(stub, throw),
        StubKind::NewContinuation(size) => allocate::continuation(stub, size),
        StubKind::NewSlow { helper, index } => allocate::object(stub, helper, index),
        StubKind::Dispatcher => dispatcher::dispatcher(stub),
        StubKind::Resume(shape) => dispatcher::resume(stub, shape),
        StubKind::RootRecord => dispatcher::root_record(stub),
        StubKind::Entry(signature) => entry::entry(stub, signature),
    }
}

/// Whether registers are filled from memory, or memory from them.
#[derive(Clone, Copy)]
enum Way {
    Load,
    Store,
}

/// A stub in the making: the assembler with the few instructions that stubs are made of.
struct Stub {
    assembler: Assembler,
    /// External symbols by the number under which the assembler knows them.
    symbols: Vec<Symbol>,
    /// Labels at the return addresses of calls of the trap landing.
    traps: Vec<(Label, TrapCode)>,
    frame_bytes: u32,
    count: bool,
    protect: bool,
    /// The first access that no instruction can make.
    error: Option<OperandError>,
}

/// `[base, #displacement]`
fn at(base: Reg, displacement: u32) -> Mem {
    // A buffer or stack area has two thousand words, and scaled displacements reach four thousand.
    Mem::base(base, displacement as i32)
}

/// A field of the fixed part of the context block.
fn context(offset: u32) -> Mem {
    at(CONTEXT, offset)
}

/// A value in a register, or as much of it as has to be kept, and where it is in memory.
#[derive(Clone, Copy)]
struct Kept {
    register: Reg,
    width: Width,
    offset: u32,
}

impl Kept {
    /// A value of one word.
    fn word(register: Reg, offset: u32) -> Kept {
        Kept {
            register,
            width: Width::B64,
            offset,
        }
    }

    /// All of a vector register.
    fn vector(number: u8, offset: u32) -> Kept {
        Kept {
            register: Reg::vector(number),
            width: Width::B128,
            offset,
        }
    }

    /// Whether another value is of the same kind and stands right behind this one.
    fn is_followed_by(&self, other: &Kept) -> bool {
        self.register.class() == other.register.class()
            && self.width == other.width
            && self.offset + u32::from(self.width.bytes()) == other.offset
    }

    /// The instructions that move one or two of the kind.
    fn access(&self, way: Way) -> (Access, PairAccess) {
        match (way, self.register.is_vector(), self.width) {
            (Way::Load, false, _) => (access::LDR_64, access::LDP_64),
            (Way::Load, true, Width::B128) => (access::LDR_V128, access::LDP_V128),
            (Way::Load, true, _) => (access::LDR_V64, access::LDP_V64),
            (Way::Store, false, _) => (access::STR_64, access::STP_64),
            (Way::Store, true, Width::B128) => (access::STR_V128, access::STP_V128),
            (Way::Store, true, _) => (access::STR_V64, access::STP_V64),
        }
    }
}

/// Words on the stack: the offset in their area, and that in the buffer.
type StackWords = Vec<(u32, u32)>;

/// Where values are that stand one behind the other in a buffer from `offset` on.
fn words(assignment: &Assignment, offset: u32) -> (Vec<Kept>, StackWords) {
    let (mut registers, mut stack) = (Vec::new(), Vec::new());
    for (place, location) in assignment.pieces() {
        let place = offset + place;
        match location {
            Location::Int(number) => registers.push(Kept::word(Reg::gpr(number), place)),
            Location::Float(number) => registers.push(Kept::word(Reg::vector(number), place)),
            Location::Vector(number) => registers.push(Kept::vector(number, place)),
            Location::Stack(offset) => stack.push((offset, place)),
        }
    }
    (registers, stack)
}

impl Stub {
    fn new(options: &CodeOptions) -> Stub {
        Stub {
            assembler: Assembler::new(),
            symbols: Vec::new(),
            traps: Vec::new(),
            frame_bytes: 0,
            count: options.count,
            protect: options.branch_protection,
            error: None,
        }
    }

    fn op(&mut self, op: Op, operands: &[Operand<Reg>]) {
        self.assembler.op(op, operands);
    }

    fn emit(&mut self, inst: Result<Inst<Reg>, OperandError>) {
        match inst {
            Ok(inst) => self.assembler.emit(&inst),
            Err(error) => {
                self.error.get_or_insert(error);
            }
        }
    }

    /// Where an indirect jump or call may come in.
    fn landing_pad(&mut self) {
        if self.protect {
            self.op(Op::BtiC, &[]);
        }
    }

    fn load(&mut self, register: Reg, from: Mem) {
        self.emit(access::LDR_64.inst(register, from));
    }

    fn store(&mut self, register: Reg, to: Mem) {
        self.emit(access::STR_64.inst(register, to));
    }

    /// Loads or stores registers, two at a time where they stand side by side. Vectors are aligned to
    /// words only; where one is out of reach for that, the distance goes through a register.
    fn transfer(&mut self, way: Way, base: Reg, values: &[Kept]) {
        let mut rest = values;
        while let [first, behind @ ..] = rest {
            let (single, pair) = first.access(way);
            let mut mem = at(base, first.offset);
            rest = match behind {
                [second, behind @ ..]
                    if first.is_followed_by(second) && pair.form(&mem).is_some() =>
                {
                    self.emit(pair.inst(first.register, second.register, mem));
                    behind
                }
                _ => {
                    if single.form(&mem).is_none() {
                        self.constant(SCRATCH, u64::from(first.offset));
                        mem = Mem::indexed(base, SCRATCH, 0);
                    }
                    self.emit(single.inst(first.register, mem));
                    behind
                }
            };
        }
    }

    fn copy(&mut self, to: Reg, from: Reg) {
        self.op(Op::Mov64RR, &[to.into(), from.into()]);
    }

    fn constant(&mut self, register: Reg, value: u64) {
        self.assembler.load_constant(register, value);
    }

    fn clear(&mut self, register: Reg) {
        self.constant(register, 0);
    }

    fn compare(&mut self, register: Reg, value: i64) {
        self.op(Op::Cmp64RI, &[register.into(), value.into()]);
    }

    fn reserve_stack(&mut self, bytes: u32) {
        self.move_stack_pointer(Op::Sub64RRI, bytes);
    }

    fn release_stack(&mut self, bytes: u32) {
        self.move_stack_pointer(Op::Add64RRI, bytes);
    }

    /// In two steps where one has not bits enough: an immediate is 12 bits, or those shifted by 12.
    fn move_stack_pointer(&mut self, op: Op, bytes: u32) {
        for part in [bytes & !0xfff, bytes & 0xfff] {
            if part > 0 {
                let operands = [Reg::SP.into(), Reg::SP.into(), i64::from(part).into()];
                self.op(op, &operands);
            }
        }
    }

    fn count(&mut self, counter: Counter, temporary: Reg) {
        if self.count {
            let word = context(counter.offset());
            self.load(temporary, word);
            self.op(
                Op::Add64RRI,
                &[temporary.into(), temporary.into(), 1.into()],
            );
            self.store(temporary, word);
        }
    }

    fn number(&mut self, symbol: Symbol) -> u32 {
        let known = self.symbols.iter().position(|s| *s == symbol);
        known.unwrap_or_else(|| {
            self.symbols.push(symbol);
            self.symbols.len() - 1
        }) as u32
    }

    /// Calls the trap landing. The code in the trap table counts unless a helper has set one.
    fn trap(&mut self, code: TrapCode) {
        let landing = self.number(Symbol::TrapLanding);
        self.assembler.call_symbol(landing);
        let after = self.assembler.mark();
        self.traps.push((after, code));
    }

    /// A frame record, and `bytes` below it.
    fn push_frame(&mut self, bytes: u32) {
        let record = Mem::pre(Reg::SP, -16);
        self.emit(access::STP_64.inst(Reg::FP, Reg::LR, record));
        self.op(Op::MovSp64RR, &[Reg::FP.into(), Reg::SP.into()]);
        self.reserve_stack(bytes);
        self.frame_bytes = bytes;
    }

    /// The same before a check of the stack limit, which jumps to the label that is returned.
    fn frame(&mut self, bytes: u32) -> Label {
        let overflow = self.assembler.new_label();
        self.push_frame(bytes);
        // Only in the form with an extension is register 31 the stack pointer.
        self.load(SCRATCH, context(offsets::STACK_LIMIT));
        let limit = [
            Reg::SP.into(),
            SCRATCH.into(),
            Operand::Extend(Extend::Uxtx, 0),
        ];
        self.op(Op::Cmp64RX, &limit);
        self.assembler.jcc(Cond::LO, overflow);
        overflow
    }

    /// Takes the frame away.
    fn pop_frame(&mut self) {
        self.op(Op::MovSp64RR, &[Reg::SP.into(), Reg::FP.into()]);
        let record = Mem::post(Reg::SP, 16);
        self.emit(access::LDP_64.inst(Reg::FP, Reg::LR, record));
    }

    /// Takes the frame away and returns, with the parameters popped.
    fn leave(&mut self, parameter_bytes: u32) {
        self.pop_frame();
        self.release_stack(parameter_bytes);
        self.op(Op::Ret, &[]);
    }

    fn finish(self, symbol: &Symbol) -> Result<Code, LowerError> {
        if let Some(error) = self.error {
            return Err(LowerError::new(stub_name(symbol), error));
        }
        let code = self
            .assembler
            .finish()
            .map_err(|error| LowerError::new(stub_name(symbol), error))?;
        let (marks, traps): (Vec<Label>, Vec<TrapCode>) = self.traps.into_iter().unzip();
        Ok(assembled(code, &marks).into_stub(&self.symbols, &traps, self.frame_bytes))
    }
}
