//! Functions assembled by hand for x86-64.

use enjamb_abi::code::{Code, Relocation, RelocationKind, Symbol, TrapSite};
use enjamb_abi::continuation::{INFO, NEXT, RESULTS};
use enjamb_ir::{FuncId, TrapCode};
use enjamb_x64::{Assembler, Cond, Label, Mem, Op, Operand, Reg};

pub use enjamb_lower_x64::{apply_relocation, emit_stub};

const CONTINUATION: Reg = Reg::R10;

/// An assembler that knows symbols.
#[derive(Default)]
pub struct Body {
    assembler: Assembler,
    symbols: Vec<Symbol>,
    traps: Vec<(Label, TrapCode)>,
}

fn at(base: Reg, displacement: u32) -> Operand<Reg> {
    Mem::base(base, displacement as i32).into()
}

impl Body {
    fn op(&mut self, op: Op, operands: &[Operand<Reg>]) {
        self.assembler.op(op, operands);
    }
    /// `mov to, from` of 64 bits; one may be in memory.
    fn mov(&mut self, to: impl Into<Operand<Reg>>, from: impl Into<Operand<Reg>>) {
        let (to, from) = (to.into(), from.into());
        let op = if matches!(to, Operand::Mem(_)) {
            Op::Mov64MR
        } else {
            Op::Mov64RM
        };
        self.op(op, &[to, from]);
    }
    fn test(&mut self, register: Reg) {
        self.op(Op::Test64MR, &[register.into(), register.into()]);
    }
    fn clear(&mut self, register: Reg) {
        self.op(Op::Xor32RM, &[register.into(), register.into()]);
    }
    fn number(&mut self, symbol: Symbol) -> u32 {
        self.symbols.push(symbol);
        self.symbols.len() as u32 - 1
    }
    fn call(&mut self, symbol: Symbol) {
        let number = self.number(symbol);
        self.assembler.call_symbol(number);
    }
    fn lea(&mut self, register: Reg, symbol: Symbol) {
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
            kind: RelocationKind::Relative32,
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

fn prologue(body: &mut Body) {
    body.op(Op::Push64R, &[Reg::RBP.into()]);
    body.mov(Reg::RBP, Reg::RSP);
    body.op(Op::Push64R, &[CONTINUATION.into()]); // [rbp-8]: own continuation
    body.op(Op::Push64R, &[Reg::RBX.into()]);
    body.test(CONTINUATION);
}

fn epilogue(body: &mut Body) {
    body.op(Op::Pop64R, &[Reg::RBX.into()]);
    body.mov(Reg::RSP, Reg::RBP);
    body.op(Op::Pop64R, &[Reg::RBP.into()]);
    body.op(Op::Ret, &[]);
}

/// A suspension block that saves rbx.
fn suspend(body: &mut Body, point: Symbol) {
    let have = body.assembler.new_label();
    body.mov(Reg::RAX, enjamb_x64::Mem::base(Reg::RBP, -8));
    body.test(Reg::RAX);
    body.assembler.jcc(Cond::NE, have);
    body.call(Symbol::NewContinuation(super::SIZE));
    body.may_trap(TrapCode::OutOfMemory);
    body.assembler.bind(have);
    body.mov(at(Reg::RAX, super::SAVED), Reg::RBX);
    body.lea(Reg::R11, point);
    body.mov(at(Reg::RAX, INFO), Reg::R11);
    body.mov(at(CONTINUATION, NEXT), Reg::RAX);
    body.mov(CONTINUATION, Reg::RAX);
    epilogue(body);
}

/// `yields(n)` of `dispatch.rs`.
pub fn yields(body: &mut Body, leaf: FuncId, point: Symbol) {
    let labels = [(); 6].map(|()| body.assembler.new_label());
    let [resume, head, after, done, suspended, negative] = labels;
    prologue(body);
    body.assembler.jcc(Cond::NE, resume);
    body.mov(Reg::RBX, Reg::RDI);
    body.assembler.bind(head);
    body.test(Reg::RBX);
    body.assembler.jcc(Cond::E, done);
    body.clear(CONTINUATION);
    body.call(Symbol::Function(leaf));
    body.test(CONTINUATION);
    body.assembler.jcc(Cond::NE, suspended);
    body.assembler.bind(after);
    body.test(Reg::RBX);
    body.assembler.jcc(Cond::S, negative);
    body.op(Op::Dec64M, &[Reg::RBX.into()]);
    body.assembler.jmp(head);
    body.assembler.bind(done);
    body.op(Op::Mov32RI, &[Reg::RAX.into(), 5.into()]);
    body.clear(CONTINUATION);
    epilogue(body);
    body.assembler.bind(resume);
    body.mov(Reg::RBX, at(CONTINUATION, super::SAVED));
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
    body.assembler.jcc(Cond::NE, resume);
    body.mov(Reg::RBX, Reg::RDI);
    body.clear(CONTINUATION);
    body.call(Symbol::Function(yields));
    body.test(CONTINUATION);
    body.assembler.jcc(Cond::NE, suspended);
    body.assembler.bind(after);
    body.op(Op::Add64RM, &[Reg::RAX.into(), Reg::RBX.into()]);
    body.clear(CONTINUATION);
    epilogue(body);
    body.assembler.bind(resume);
    body.mov(Reg::RBX, at(CONTINUATION, super::SAVED));
    body.mov(Reg::RAX, at(CONTINUATION, RESULTS));
    body.assembler.jmp(after);
    body.assembler.bind(suspended);
    suspend(body, point);
}
