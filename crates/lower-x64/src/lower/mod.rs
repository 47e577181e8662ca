//! From IR to machine code in virtual registers: what the target has to say.
//!
//! One file per family of instructions. The upper bits of a value narrower than its register are
//! undefined, so what depends on them extends first ([`Lowering::extended`]).

mod address;
mod condition;
mod convert;
mod copy;
mod float;
mod integer;
mod memory;
mod vector;

use crate::machine::{self, FloatSize, Opd, Predicate, Register};
use crate::registers::CONTEXT;
use enjamb_ir::{Function, Inst, TrapCode, Type, Value};
use enjamb_lower::{Base, Lower, LowerArithmetic, LowerTarget, LoweringState, Reason};
use enjamb_regalloc::{RegClass, VReg};
use enjamb_x64::{Cond, Inst as Asm, Label, Mem, Op, Operand, Reg, Width};
use std::ops::{Deref, DerefMut};

/// The lowering of a function.
pub(crate) struct Lowering<'a> {
    state: LoweringState<'a, machine::Inst>,
}

impl<'a> Deref for Lowering<'a> {
    type Target = LoweringState<'a, machine::Inst>;

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
    type Inst = machine::Inst;
    type Mem = Mem<Register>;

    fn new(state: LoweringState<'a, machine::Inst>) -> Self {
        Lowering { state }
    }

    fn into_state(self) -> LoweringState<'a, machine::Inst> {
        self.state
    }

    fn folds(function: &Function, user: Inst, operand: usize, source: Inst) -> bool {
        address::folds(function, user, operand, source) || vector::folds(function, user, source)
    }

    fn at(base: Base, offset: i32) -> Mem<Register> {
        let base = match base {
            Base::Context => Register::Fixed(CONTEXT),
            Base::Frame => Register::Fixed(Reg::RBP),
            Base::Stack => Register::Fixed(Reg::RSP),
            Base::Value(value) => Register::Value(value),
        };
        Mem::base(base, offset)
    }

    fn copy_into(&mut self, output: VReg, input: VReg) -> Lower<()> {
        let op = match output.class() {
            RegClass::Int => Op::Mov64RM,
            _ => Op::MovapsXM,
        };
        self.effect(op, &[reg(output), reg(input)])
    }
}

impl<'a> LowerArithmetic<'a> for Lowering<'a> {
    fn integer(&mut self, inst: Inst) -> Lower<VReg> {
        self.integer_arithmetic(inst)
    }

    fn float(&mut self, inst: Inst) -> Lower<VReg> {
        self.float_arithmetic(inst)
    }

    fn convert(&mut self, inst: Inst) -> Lower<VReg> {
        self.conversion(inst)
    }

    fn canonical_nan(&mut self, ty: Type, input: VReg) -> VReg {
        let output = self.new_vreg(RegClass::Float);
        let size = FloatSize::of(ty);
        self.push(machine::Inst::CanonicalNan {
            size,
            input,
            output,
        });
        output
    }
}

/// The width of a type in memory.
fn width_of(ty: Type) -> Width {
    match ty.bytes() {
        1 => Width::B8,
        2 => Width::B16,
        4 => Width::B32,
        _ => Width::B64,
    }
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

impl Lowering<'_> {
    /// The constant that a value is, if an instruction can hold it as its immediate.
    fn immediate(&self, value: Value) -> Option<i64> {
        let constant = self.function.integer_constant(value)?;
        i32::try_from(constant).is_ok().then_some(constant)
    }

    /// A constant in memory of 4, 8 or 16 bytes.
    fn constant_mem(&mut self, bytes: &[u8]) -> Mem<Register> {
        Mem::label(Label::from_index(self.constant(bytes)))
    }

    /// Traps if the flags say so.
    fn trap_on(&mut self, cond: Cond, code: TrapCode) {
        self.trap_if(Predicate::Flag(cond), code);
    }

    /// An instruction that defines none of its operands, or whose operands say what it defines.
    fn effect(&mut self, op: Op, operands: &[Opd]) -> Lower<()> {
        let inst = Asm::new(op, operands)?.shortest();
        self.push(machine::Inst::Asm(inst));
        Ok(())
    }

    /// An instruction whose first operand is a new value.
    fn produce(&mut self, op: Op, class: RegClass, rest: &[Opd]) -> Lower<VReg> {
        let output = self.new_vreg(class);
        self.with_first(op, reg(output), rest)?;
        Ok(output)
    }

    fn with_first(&mut self, op: Op, first: Opd, rest: &[Opd]) -> Lower<()> {
        match *rest {
            [] => self.effect(op, &[first]),
            [second] => self.effect(op, &[first, second]),
            [second, third] => self.effect(op, &[first, second, third]),
            _ => Err(Reason::Malformed),
        }
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
        let load = Asm::move_immediate(Register::Value(output), value);
        self.push(machine::Inst::Asm(load));
        output
    }
}
