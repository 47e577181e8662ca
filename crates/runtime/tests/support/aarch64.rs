//! Functions assembled by hand for AArch64.

use enjamb_aarch64::{Assembler, Cond, Label, Mem, Op, Operand, Reg, access};
use enjamb_abi::code::{Code, Relocation, RelocationKind, Symbol, TrapSite};
use enjamb_abi::continuation::{INFO, NEXT, RESULTS};
use enjamb_ir::{FuncId, TrapCode};

pub use enjamb_lower_aarch64::{apply_relocation, emit_stub};

const CONTINUATION: Reg = Reg::X15;
/// What both functions keep across calls and suspensions.
const NUMBER: Reg = Reg::X19;

/// An assembler that knows symbols.
#[derive(Default)]
pub struct Body {
    assembler: Assembler,
    symbols: Vec<Symbol>,
    traps: Vec<(Label, TrapCode)>,
}

fn at(base: Reg, displacement: u32) -> Mem {
    Mem::base(base, displacement as i32)
}

impl Body {
    fn op(&mut self, op: Op, operands: &[Operand<Reg>]) {
        self.assembler.op(op, operands);
    }
    fn load(&mut self, register: Reg, from: Mem) {
        let load = access::LDR_64.inst(register, from);
        self.assembler.emit(&load.unwrap());
    }
    fn store(&mut self, register: Reg, to: Mem) {
        let store = access::STR_64.inst(register, to);
        self.assembler.emit(&store.unwrap());
    }
    fn copy(&mut self, to: Reg, from: Reg) {
        self.op(Op::Mov64RR, &[to.into(), from.into()]);
    }
    fn clear(&mut self, register: Reg) {
        self.assembler.load_constant(register, 0);
    }
    fn if_zero(&mut self, register: Reg, label: Label) {
        self.op(Op::Cbz64R, &[register.into(), label.into()]);
    }
    fn if_not_zero(&mut self, register: Reg, label: Label) {
        self.op(Op::Cbnz64R, &[register.into(), label.into()]);
    }
    fn number(&mut self, symbol: Symbol) -> u32 {
        self.symbols.push(symbol);
        self.symbols.len() as u32 - 1
    }
    fn call(&mut self, symbol: Symbol) {
        let number = self.number(symbol);
        self.assembler.call_symbol(number);
    }
    fn address(&mut self, register: Reg, symbol: Symbol) {
        let number = self.number(symbol);
        self.assembler.lea_symbol(register, number);
    }
    fn trap(&mut self, code: TrapCode) {
        self.call(Symbol::TrapLanding);
        self.may_trap(code);
    }
    /// Notes that the call in front of here may trap.
    fn may_trap(&mut self, code: TrapCode) {
        let after = self.assembler.mark();
        self.traps.push((after, code));
    }
    pub fn finish(self) -> Code {
        let code = self.assembler.finish().unwrap();
        let relocations = code.relocations.iter().map(|relocation| Relocation {
            offset: relocation.offset,
            kind: match relocation.kind {
                enjamb_aarch64::RelocationKind::Branch26 => RelocationKind::Branch26,
                enjamb_aarch64::RelocationKind::Page21 => RelocationKind::Page21,
                enjamb_aarch64::RelocationKind::Low12 => RelocationKind::PageOffset12,
                other => panic!("{other:?} in a function"),
            },
            symbol: self.symbols[relocation.symbol as usize].clone(),
            addend: relocation.addend,
        });
        let traps = self.traps.iter().map(|&(label, trap)| TrapSite {
            offset: code.offset(label).unwrap(),
            code: trap,
            inst: None,
            position: None,
        });
        Code {
            relocations: relocations.collect(),
            traps: traps.collect(),
            align: 16,
            bytes: code.bytes.clone(),
            ..Code::default()
        }
    }
}

/// The frame: own continuation at `x29-8`, `NUMBER` of the caller at `x29-16`. Functions preserve
/// no vector register, so these change those that the host wants preserved.
fn prologue(body: &mut Body) {
    let record = access::STP_64.inst(Reg::FP, Reg::LR, Mem::pre(Reg::SP, -16));
    body.assembler.emit(&record.unwrap());
    body.op(Op::MovSp64RR, &[Reg::FP.into(), Reg::SP.into()]);
    let kept = access::STP_64.inst(NUMBER, CONTINUATION, Mem::pre(Reg::SP, -16));
    body.assembler.emit(&kept.unwrap());
    for number in 8..16 {
        body.op(Op::MoviZero64V, &[Reg::vector(number).into()]);
    }
}

fn epilogue(body: &mut Body) {
    body.load(NUMBER, at(Reg::SP, 0));
    body.op(Op::MovSp64RR, &[Reg::SP.into(), Reg::FP.into()]);
    let record = access::LDP_64.inst(Reg::FP, Reg::LR, Mem::post(Reg::SP, 16));
    body.assembler.emit(&record.unwrap());
    body.op(Op::Ret, &[]);
}

/// A suspension block that saves `NUMBER`.
fn suspend(body: &mut Body, point: Symbol) {
    let have = body.assembler.new_label();
    body.load(Reg::X0, Mem::base(Reg::FP, -8));
    body.if_not_zero(Reg::X0, have);
    body.call(Symbol::NewContinuation(super::SIZE));
    body.may_trap(TrapCode::OutOfMemory);
    body.assembler.bind(have);
    body.store(NUMBER, at(Reg::X0, super::SAVED));
    body.address(Reg::X16, point);
    body.store(Reg::X16, at(Reg::X0, INFO));
    body.store(Reg::X0, at(CONTINUATION, NEXT));
    body.copy(CONTINUATION, Reg::X0);
    epilogue(body);
}

/// `yields(n)` of `dispatch.rs`.
pub fn yields(body: &mut Body, leaf: FuncId, point: Symbol) {
    let labels = [(); 6].map(|()| body.assembler.new_label());
    let [resume, head, after, done, suspended, negative] = labels;
    prologue(body);
    body.if_not_zero(CONTINUATION, resume);
    body.copy(NUMBER, Reg::X0);
    body.assembler.bind(head);
    body.if_zero(NUMBER, done);
    body.clear(CONTINUATION);
    body.call(Symbol::Function(leaf));
    body.if_not_zero(CONTINUATION, suspended);
    body.assembler.bind(after);
    body.op(Op::Subs64RRI, &[NUMBER.into(), NUMBER.into(), 1.into()]);
    body.assembler.jcc(Cond::MI, negative);
    body.assembler.jmp(head);
    body.assembler.bind(done);
    body.assembler.load_constant(Reg::X0, 5);
    body.clear(CONTINUATION);
    epilogue(body);
    body.assembler.bind(resume);
    body.load(NUMBER, at(CONTINUATION, super::SAVED));
    body.assembler.jmp(after);
    body.assembler.bind(suspended);
    suspend(body, point);
    body.assembler.bind(negative);
    body.trap(TrapCode::User);
}

/// `outer(n)` of `dispatch.rs`.
pub fn outer(body: &mut Body, yields: FuncId, point: Symbol) {
    let labels = [(); 3].map(|()| body.assembler.new_label());
    let [resume, after, suspended] = labels;
    prologue(body);
    body.if_not_zero(CONTINUATION, resume);
    body.copy(NUMBER, Reg::X0);
    body.clear(CONTINUATION);
    body.call(Symbol::Function(yields));
    body.if_not_zero(CONTINUATION, suspended);
    body.assembler.bind(after);
    let sum = [Reg::X0.into(), Reg::X0.into(), NUMBER.into()];
    body.op(Op::Add64RRR, &sum);
    body.clear(CONTINUATION);
    epilogue(body);
    body.assembler.bind(resume);
    body.load(NUMBER, at(CONTINUATION, super::SAVED));
    body.load(Reg::X0, at(CONTINUATION, RESULTS));
    body.assembler.jmp(after);
    body.assembler.bind(suspended);
    suspend(body, point);
}
