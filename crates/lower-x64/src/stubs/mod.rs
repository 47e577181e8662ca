//! Stubs: the code between compiled functions and the runtime.
//!
//! Each [`Symbol`] that is no defined function and no point record stands for one stub. A stub is
//! position independent apart from its relocations, and names no instance. Where both sides of a
//! stub are compiled code it keeps the convention of [`enjamb_abi::convention`]; what it may
//! clobber beyond that is said in its own module.

mod allocate;
mod dispatcher;
mod entry;
mod host;
mod throw;
mod trap;

use crate::emit::assembled;
use crate::registers::{CONTEXT, CONTINUATION, SCRATCH};
use enjamb_abi::code::{Code, CodeOptions, Symbol};
use enjamb_abi::context::{Counter, InstanceLayout, offsets};
use enjamb_abi::convention::Location;
use enjamb_ir::{Module, TrapCode};
use enjamb_lower::{LowerError, StubKind, stub_name};
use enjamb_x64::{AssembleError, Assembler, Cond, Inst, Label, Mem, Op, Operand, Reg};

pub use enjamb_lower::BUILTIN_NAMESPACE;

/// Emits the stub that a symbol stands for.
///
/// # Errors
/// If the symbol is a defined function or a point record, which are no stubs, or if an offset of
/// the context block does not fit an instruction.
pub fn emit_stub(
    symbol: &Symbol,
    module: &Module,
    layout: &InstanceLayout,
    options: &CodeOptions,
) -> Result<Code, LowerError> {
    let mut stub = Stub::new(options.count);
    match StubKind::of(symbol, module, layout)? {
        StubKind::Helper {
            helper,
            index,
            signature,
        } => host::call(&mut stub, helper, index, signature),
        StubKind::Yield { index } => host::yield_leaf(&mut stub, index),
        StubKind::TrapLanding => trap::landing(&mut stub),
        StubKind::Throw(throw) => throw::throw(&mut stub, throw),
        StubKind::NewContinuation(size) => allocate::continuation(&mut stub, size),
        StubKind::NewSlow { helper, index } => allocate::object(&mut stub, helper, index),
        StubKind::Dispatcher => dispatcher::dispatcher(&mut stub),
        StubKind::Resume(shape) => dispatcher::resume(&mut stub, shape),
        StubKind::RootRecord => dispatcher::root_record(&mut stub),
        StubKind::Entry(signature) => entry::entry(&mut stub, signature),
    }
    stub.finish()
        .map_err(|error| LowerError::new(stub_name(symbol), error))
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
}

/// `[base + displacement]`
fn at(base: Reg, displacement: u32) -> Operand<Reg> {
    // `emit_stub` bounds the size of the context block; stack areas and objects are far smaller.
    Mem::base(base, displacement as i32).into()
}

/// A field of the context block.
fn context(offset: u32) -> Operand<Reg> {
    at(CONTEXT, offset)
}

impl Stub {
    fn new(count: bool) -> Stub {
        Stub {
            assembler: Assembler::new(),
            symbols: Vec::new(),
            traps: Vec::new(),
            frame_bytes: 0,
            count,
        }
    }

    fn op(&mut self, op: Op, operands: &[Operand<Reg>]) {
        self.assembler.op(op, operands);
    }

    fn load(&mut self, register: Reg, from: Operand<Reg>) {
        let op = if register.is_xmm() {
            Op::MovsdXM
        } else {
            Op::Mov64RM
        };
        self.op(op, &[register.into(), from]);
    }

    fn store(&mut self, to: Operand<Reg>, register: Reg) {
        let op = if register.is_xmm() {
            Op::MovsdMX
        } else {
            Op::Mov64MR
        };
        self.op(op, &[to, register.into()]);
    }

    /// Loads the register at a location, a vector as a whole; nothing for a stack word.
    fn load_into(&mut self, location: Location, from: Operand<Reg>) {
        match location {
            Location::Vector(number) => self.op(Op::MovupsXM, &[Reg::xmm(number).into(), from]),
            Location::Float(number) => self.load(Reg::xmm(number), from),
            Location::Int(number) => self.load(Reg::gpr(number), from),
            Location::Stack(_) => {}
        }
    }

    /// Stores the register at a location, a vector as a whole; nothing for a stack word.
    fn store_from(&mut self, to: Operand<Reg>, location: Location) {
        match location {
            Location::Vector(number) => self.op(Op::MovupsMX, &[to, Reg::xmm(number).into()]),
            Location::Float(number) => self.store(to, Reg::xmm(number)),
            Location::Int(number) => self.store(to, Reg::gpr(number)),
            Location::Stack(_) => {}
        }
    }

    /// Copies a word through the scratch register.
    fn copy_word(&mut self, to: Operand<Reg>, from: Operand<Reg>) {
        self.load(SCRATCH, from);
        self.store(to, SCRATCH);
    }

    fn copy(&mut self, to: Reg, from: Reg) {
        self.load(to, from.into());
    }

    fn constant(&mut self, register: Reg, value: u64) {
        self.assembler
            .emit(&Inst::move_immediate(register, value as i64));
    }

    /// Sets a register to zero in the short way, which changes the flags.
    fn clear(&mut self, register: Reg) {
        self.op(Op::Xor32RM, &[register.into(), register.into()]);
    }

    fn push(&mut self, register: Reg) {
        self.op(Op::Push64R, &[register.into()]);
    }

    fn pop(&mut self, register: Reg) {
        self.op(Op::Pop64R, &[register.into()]);
    }

    /// `op` with an immediate, in the shortest form.
    fn immediate(&mut self, op: Op, target: Operand<Reg>, value: i64) {
        match Inst::physical(op, &[target, value.into()]) {
            Ok(inst) => self.assembler.emit(&inst.shortest()),
            Err(_) => self.assembler.op(op, &[target, value.into()]),
        }
    }

    fn reserve_stack(&mut self, bytes: u32) {
        if bytes > 0 {
            self.immediate(Op::Sub64MI, Reg::RSP.into(), i64::from(bytes));
        }
    }

    fn release_stack(&mut self, bytes: u32) {
        if bytes > 0 {
            self.immediate(Op::Add64MI, Reg::RSP.into(), i64::from(bytes));
        }
    }

    /// Sets the flags by whether a register is zero.
    fn test(&mut self, register: Reg) {
        self.op(Op::Test64MR, &[register.into(), register.into()]);
    }

    fn count(&mut self, counter: Counter) {
        if self.count {
            self.op(Op::Inc64M, &[context(counter.offset())]);
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

    /// `push rbp; mov rbp, rsp; sub rsp, bytes` behind a check of the stack limit, which jumps to
    /// the label that is returned.
    fn frame(&mut self, bytes: u32) -> Label {
        let overflow = self.assembler.new_label();
        self.push(Reg::RBP);
        self.copy(Reg::RBP, Reg::RSP);
        self.reserve_stack(bytes);
        self.op(
            Op::Cmp64RM,
            &[Reg::RSP.into(), context(offsets::STACK_LIMIT)],
        );
        self.assembler.jcc(Cond::B, overflow);
        self.frame_bytes = bytes;
        overflow
    }

    /// `leave; ret parameter_bytes`
    fn leave(&mut self, parameter_bytes: u32) {
        self.copy(Reg::RSP, Reg::RBP);
        self.pop(Reg::RBP);
        match parameter_bytes {
            0 => self.op(Op::Ret, &[]),
            bytes => self.op(Op::RetI, &[i64::from(bytes).into()]),
        }
    }

    fn finish(self) -> Result<Code, AssembleError> {
        let (marks, traps): (Vec<Label>, Vec<TrapCode>) = self.traps.into_iter().unzip();
        let code = self.assembler.finish()?;
        Ok(assembled(code, &marks).into_stub(&self.symbols, &traps, self.frame_bytes))
    }
}
