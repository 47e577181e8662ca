//! From IR to machine code in virtual registers: what the target has to say.
//!
//! One file per family of instructions. The upper bits of a value narrower than its register are
//! undefined, so what depends on them extends first.

mod address;
mod bits;
mod condition;
mod convert;
mod copy;
mod divide;
mod float;
mod fold;
mod immediate;
mod integer;
mod memory;
mod select;
mod vector;

use crate::machine::{Inst, Opd, Register};
use crate::registers::CONTEXT;
use enjamb_aarch64::access::Access;
use enjamb_aarch64::{self as aarch64, Inst as Asm, Op, Operand, Reg, Width};
use enjamb_ir::{Function, Inst as IrInst, Type};
use enjamb_lower::{Base, Lower, LowerTarget, LoweringState, Reason};
use enjamb_regalloc::{RegClass, VReg};
use std::ops::{Deref, DerefMut};

/// Memory: an offset of any size from a base, or a base and an index.
type Mem = aarch64::Mem<Register>;

/// The lowering of a function.
pub(crate) struct Lowering<'a> {
    state: LoweringState<'a, Inst>,
}

impl<'a> Deref for Lowering<'a> {
    type Target = LoweringState<'a, Inst>;

    fn deref(&self) -> &Self::Target {
        &self.state
    }
}

impl DerefMut for Lowering<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.state
    }
}

impl<'a> LowerTarget<'a> for Lowering<'a> {
    type Inst = Inst;
    type Mem = Mem;

    fn new(state: LoweringState<'a, Inst>) -> Self {
        Lowering { state }
    }

    fn into_state(self) -> LoweringState<'a, Inst> {
        self.state
    }

    fn folds(function: &Function, user: IrInst, operand: usize, source: IrInst) -> bool {
        fold::folds(function, user, operand, source)
    }

    fn at(base: Base, offset: i32) -> Mem {
        let base = match base {
            Base::Context => Register::Fixed(CONTEXT),
            Base::Frame => Register::Fixed(Reg::FP),
            Base::Stack => Register::Fixed(Reg::SP),
            Base::Value(value) => Register::Value(value),
        };
        Mem::base(base, offset)
    }

    fn copy_into(&mut self, output: VReg, input: VReg) -> Lower<()> {
        let op = match output.class() {
            RegClass::Int => Op::Mov64RR,
            _ if self.frame.vectors => Op::Mov16BVV,
            _ => Op::Fmov64VV,
        };
        self.effect(op, &[reg(output), reg(input)])
    }
}

/// The width of a type in memory.
fn width_of(ty: Type) -> Width {
    Width::from_bytes(ty.bytes()).unwrap_or(Width::B64)
}

/// The width of the instructions that compute with a type, where upper bits do not matter.
fn operation_width(ty: Type) -> Width {
    width_of(ty).max(Width::B32)
}

/// A value as an operand that is read or written.
fn reg(value: VReg) -> Opd {
    Operand::Reg(Register::Value(value))
}

/// An immediate operand.
fn imm(value: i64) -> Opd {
    Operand::Imm(value)
}

/// The most operands of an instruction behind its first.
const MOST_OPERANDS: usize = 4;

impl Lowering<'_> {
    /// An instruction that defines none of its operands, or whose operands say what it defines.
    fn effect(&mut self, op: Op, operands: &[Opd]) -> Lower<()> {
        let inst = Asm::new(op, operands)?;
        self.push(Inst::Asm(inst));
        Ok(())
    }

    /// An instruction whose first operand is a new value.
    fn produce(&mut self, op: Op, class: RegClass, rest: &[Opd]) -> Lower<VReg> {
        let output = self.new_vreg(class);
        self.with_first(op, reg(output), rest)?;
        Ok(output)
    }

    fn with_first(&mut self, op: Op, first: Opd, rest: &[Opd]) -> Lower<()> {
        let mut operands = [first; MOST_OPERANDS + 1];
        let count = rest.len() + 1;
        operands
            .get_mut(1..count)
            .ok_or(Reason::Malformed)?
            .copy_from_slice(rest);
        self.effect(op, &operands[..count])
    }

    /// As [`Self::produce`], for general registers.
    fn produce_int(&mut self, op: Op, rest: &[Opd]) -> Lower<VReg> {
        self.produce(op, RegClass::Int, rest)
    }

    /// An instruction that reads its first operand and writes a new value in its place.
    fn modify(&mut self, op: Op, input: VReg, rest: &[Opd]) -> Lower<VReg> {
        let output = self.new_vreg(input.class());
        let first = Operand::Reg(Register::InPlace { input, output });
        self.with_first(op, first, rest)?;
        Ok(output)
    }

    /// A general register that holds a constant; flags are kept.
    fn load_immediate(&mut self, value: i64) -> VReg {
        let output = self.new_vreg(RegClass::Int);
        self.push(Inst::Constant {
            output,
            value: value as u64,
        });
        output
    }

    /// Loads or stores a register; flags are kept.
    fn access(&mut self, access: &Access, register: Register, mem: Mem) -> Lower<()> {
        match mem {
            Mem::Offset {
                base: Register::Fixed(base),
                disp,
            } => {
                self.push(Inst::Access {
                    access: *access,
                    register,
                    base,
                    disp,
                });
                Ok(())
            }
            Mem::Offset { base, disp } if access.form(&mem).is_none() => {
                let mem = self.in_reach(access, base, disp)?;
                self.push(Inst::Asm(access.inst(register, mem)?));
                Ok(())
            }
            mem => {
                self.push(Inst::Asm(access.inst(register, mem)?));
                Ok(())
            }
        }
    }

    /// The address of memory in a register; flags are kept.
    fn address_of(&mut self, mem: Mem) -> Lower<VReg> {
        match mem {
            Mem::Offset {
                base: Register::Fixed(base),
                disp,
            } => {
                let output = self.new_vreg(RegClass::Int);
                self.push(Inst::Address { output, base, disp });
                Ok(output)
            }
            Mem::Offset { base, disp } => {
                let (op, size) = match disp {
                    0.. => (Op::Add64RRI, i64::from(disp)),
                    _ => (Op::Sub64RRI, -i64::from(disp)),
                };
                if aarch64::immediate::is_add(size) {
                    return self.produce_int(op, &[Operand::Reg(base), imm(size)]);
                }
                let distance = self.load_immediate(i64::from(disp));
                self.produce_int(Op::Add64RRR, &[Operand::Reg(base), reg(distance)])
            }
            Mem::Index {
                base,
                index,
                extend,
                amount,
            } => {
                let (base, index) = (Operand::Reg(base), Operand::Reg(index));
                let extend = Operand::Extend(extend, amount);
                self.produce_int(Op::Add64RRX, &[base, index, extend])
            }
            Mem::PreIndex { .. } | Mem::PostIndex { .. } => Err(Reason::Malformed),
        }
    }
}
