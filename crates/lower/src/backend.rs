//! What a target writes to lower functions: its ways to compute, compare, load and store.
//!
//! The traits are implemented by one struct, which derefs to [`LoweringState`]; there is one per family
//! of instructions, so that each implementation can stand beside its helpers. What all of them together
//! make possible is provided: [`Values`](crate::Values) for the target, the rest for this crate.
//!
//! All of them fail if an instruction is malformed, or if the assembler does not take what was chosen.

use crate::error::Lower;
use crate::machine::{PredicateOf, TargetInst};
use crate::state::LoweringState;
use enjamb_ir::{
    FloatCond, Function, Inst, IntCond, MemoryId, Opcode, Shape, StackSlot, TableId, Type, Value,
};
use enjamb_regalloc::VReg;
use std::ops::DerefMut;

/// What memory is relative to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// The context block.
    Context,
    /// The frame pointer.
    Frame,
    /// The stack pointer.
    Stack,
    /// An address in a register.
    Value(VReg),
}

/// The struct that lowers a function to a target's machine code.
pub trait LowerTarget<'a>: DerefMut<Target = LoweringState<'a, Self::Inst>> + Sized {
    /// The target's own instructions.
    type Inst: TargetInst;
    /// An operand in memory.
    type Mem: Copy;

    /// Begins a function.
    fn new(state: LoweringState<'a, Self::Inst>) -> Self;

    /// Ends it.
    fn into_state(self) -> LoweringState<'a, Self::Inst>;

    /// Whether operand number `operand` of `user` takes in what defines it, a pure instruction that
    /// nothing else uses. Conditions of branches and selections need not be told.
    fn folds(function: &Function, user: Inst, operand: usize, source: Inst) -> bool;

    /// Memory at any distance from a base.
    fn at(base: Base, offset: i32) -> Self::Mem;

    /// Copies a register to one of the same class.
    fn copy_into(&mut self, output: VReg, input: VReg) -> Lower<()>;
}

/// Arithmetic. The upper bits of a value narrower than its register are undefined.
pub trait LowerArithmetic<'a>: LowerTarget<'a> {
    /// Integer arithmetic, bits, constants, and addresses that are sums.
    fn integer(&mut self, inst: Inst) -> Lower<VReg>;

    /// Float arithmetic and constants.
    fn float(&mut self, inst: Inst) -> Lower<VReg>;

    /// Conversions.
    fn convert(&mut self, inst: Inst) -> Lower<VReg>;

    /// The float, or the canonical NaN if it is a NaN.
    fn canonical_nan(&mut self, ty: Type, input: VReg) -> VReg;
}

/// Vectors.
pub trait LowerVectors<'a>: LowerTarget<'a> {
    /// An instruction of vectors that is no condition, bitwise ones of type `v128` included.
    fn vector(&mut self, inst: Inst) -> Lower<VReg>;

    /// Whether any bit of a vector is set.
    fn any_true(&mut self, value: Value) -> Lower<PredicateOf<Self::Inst>>;

    /// Whether all integer lanes of a vector are not zero.
    fn all_true(&mut self, shape: Shape, value: Value) -> Lower<PredicateOf<Self::Inst>>;

    /// The vector, with the canonical NaN in each float lane that is a NaN.
    fn canonical_lanes(&mut self, shape: Shape, input: VReg) -> Lower<VReg>;
}

/// Conditions. A predicate may stand for flags, so nothing but a move may come between the method that
/// makes it and what reads it.
pub trait LowerConditions<'a>: LowerTarget<'a> {
    /// Compares integers.
    fn compare(
        &mut self,
        cond: IntCond,
        first: Value,
        second: Value,
    ) -> Lower<PredicateOf<Self::Inst>>;

    /// Compares the operands of an instruction, which are floats.
    fn compare_floats(&mut self, inst: Inst, cond: FloatCond) -> Lower<PredicateOf<Self::Inst>>;

    /// Whether two registers are equal.
    fn same(&mut self, first: VReg, second: VReg) -> Lower<PredicateOf<Self::Inst>>;

    /// Whether a value of a type is zero.
    fn is_zero(&mut self, value: VReg, ty: Type) -> Lower<PredicateOf<Self::Inst>>;

    /// Whether the lower 32 bits of a register are not those in memory.
    fn differs(&mut self, value: VReg, word: Self::Mem) -> Lower<PredicateOf<Self::Inst>>;

    /// Whether 32 bits in memory are a constant.
    fn equals(&mut self, word: Self::Mem, constant: i64) -> Lower<PredicateOf<Self::Inst>>;

    /// Whether an index, without sign, is not below 64 bits in memory.
    fn not_below(&mut self, index: VReg, length: Self::Mem) -> Lower<PredicateOf<Self::Inst>>;

    /// Whether 64 bits in memory, without sign, are no more than a constant of at least 0.
    fn at_most(&mut self, length: Self::Mem, constant: i32) -> Lower<PredicateOf<Self::Inst>>;

    /// Takes a constant of at least 0 away from 64 bits in memory: whether what is left is below zero.
    fn take_away(&mut self, word: Self::Mem, amount: i32) -> Lower<PredicateOf<Self::Inst>>;

    /// 1 if the condition holds, else 0, in the low byte.
    fn set_byte(&mut self, predicate: PredicateOf<Self::Inst>) -> Lower<VReg>;

    /// One of two values of a type.
    fn choose(
        &mut self,
        predicate: PredicateOf<Self::Inst>,
        ty: Type,
        yes: VReg,
        no: VReg,
    ) -> Lower<VReg>;

    /// "The value is not zero", where the target knows better than to compare the register of the value:
    /// where it tests what [`folds`](LowerTarget::folds) has left to this use without computing it.
    fn folded_test(&mut self, _value: Value) -> Lower<Option<PredicateOf<Self::Inst>>> {
        Ok(None)
    }

    /// A selection, where the target knows better than to choose between the registers of two values:
    /// where it changes the one that it takes.
    fn folded_select(&mut self, _inst: Inst) -> Lower<Option<VReg>> {
        Ok(None)
    }

    /// An index of a type as 64 bits without sign, or `last` if it is larger than that.
    fn clamped(&mut self, index: VReg, ty: Type, last: i64) -> Lower<VReg>;
}

/// Loads, stores and addresses.
pub trait LowerMemory<'a>: LowerTarget<'a> {
    /// Loads a value.
    fn load(&mut self, ty: Type, mem: Self::Mem) -> Lower<VReg>;

    /// Loads as one of the load instructions does.
    fn load_as(&mut self, opcode: Opcode, ty: Type, mem: Self::Mem) -> Lower<VReg>;

    /// Loads a word of the stack, of which only the bytes of the type are defined.
    fn load_into(&mut self, value: VReg, ty: Type, word: Self::Mem) -> Lower<()>;

    /// Stores the bytes of a type.
    fn store(&mut self, ty: Type, mem: Self::Mem, value: Value) -> Lower<()>;

    /// Stores the bytes of a type from a register.
    fn store_register(&mut self, ty: Type, mem: Self::Mem, from: VReg) -> Lower<()>;

    /// The address of something, in a register.
    fn load_address(&mut self, mem: Self::Mem) -> Lower<VReg>;

    /// `bytes` at an address plus a constant offset.
    fn address(&mut self, address: Value, offset: u32, bytes: u32) -> Lower<Self::Mem>;

    /// `bytes` of a linear memory at `index + offset`, checked as
    /// [`index_check`](LoweringState::index_check) says.
    fn checked(
        &mut self,
        memory: MemoryId,
        index: Value,
        offset: u32,
        bytes: u32,
    ) -> Lower<Self::Mem>;

    /// `bytes` of a stack slot at `index + offset`, checked as
    /// [`slot_check`](LoweringState::slot_check) says.
    fn checked_slot(
        &mut self,
        slot: StackSlot,
        index: Value,
        offset: u32,
        bytes: u32,
    ) -> Lower<Self::Mem>;

    /// An entry of a table at a 64-bit index, which is compared with the table's length.
    fn table_entry(&mut self, table: TableId, index: VReg) -> Lower<Self::Mem>;

    /// An element of `bytes`, a power of two up to 16, at an index into what begins at `offset` from an
    /// address.
    fn element(&mut self, base: VReg, offset: i32, index: VReg, bytes: u32) -> Lower<Self::Mem>;

    /// 64 bits shifted to the right, zeros coming in.
    fn shifted_right(&mut self, value: VReg, bits: u32) -> Lower<VReg>;

    /// Copies bytes between frame and object.
    fn copy(&mut self, to: Self::Mem, from: Self::Mem, size: u32) -> Lower<()>;
}

/// A struct that can lower a function.
pub trait Backend<'a>:
    LowerArithmetic<'a> + LowerVectors<'a> + LowerConditions<'a> + LowerMemory<'a>
{
}

impl<'a, L> Backend<'a> for L where
    L: LowerArithmetic<'a> + LowerVectors<'a> + LowerConditions<'a> + LowerMemory<'a>
{
}
