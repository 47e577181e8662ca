//! The target's own machine code in virtual registers: what the lowering makes and the allocator
//! reads, beside the operations that all targets have.
//!
//! Nearly all of it is instructions of the assembler, whose table says what they read and write.
//! The rest stands for several machine instructions, or for one that is known only when the frame
//! is; inside these the emission uses [`TEMPORARIES`](crate::registers::TEMPORARIES).
//!
//! Flags are no operands. They live from the instruction that sets them to the one behind it that
//! reads them: the lowering puts the two next to each other, and what the allocator puts in between
//! are moves, which keep flags. [`Inst::CanonicalNan`] is the only other instruction here that
//! changes them.

use crate::registers::{REGISTERS, TABLE, preg, reg};
use enjamb_aarch64::access::Access;
use enjamb_aarch64::{self as aarch64, Cond, Mem, Operand, PrintRegister, Reg, Role, Width};
use enjamb_lower::{Registers, TargetInst, TargetPredicate};
use enjamb_regalloc::{OperandCollector, PReg, VReg};
use std::fmt;

/// A register operand before allocation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Register {
    /// A value that is read or written.
    Value(VReg),
    /// A value that is read, and the one that takes its place in the same register.
    InPlace {
        /// What is read.
        input: VReg,
        /// What is written.
        output: VReg,
    },
    /// A register that the allocator does not have: context, frame or stack pointer, zero.
    Fixed(Reg),
}

impl PrintRegister for Register {
    fn print(self, width: Width, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Register::Value(value) => write!(f, "{value}"),
            Register::InPlace { input, output } => write!(f, "{output}={input}"),
            Register::Fixed(register) => write!(f, "{}", register.name(width)),
        }
    }
}

/// An operand of an assembler instruction before allocation.
pub(crate) type Opd = Operand<Register>;

/// What a branch, a trap or a selection depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// A condition on the flags.
    Flag(Cond),
    /// Whether the register, of this width, is zero.
    Zero(VReg, Width),
    /// Whether the register, of this width, is not zero.
    NotZero(VReg, Width),
    /// Whether a bit of the register is 0.
    BitClear(VReg, u8),
    /// Whether a bit of the register is 1.
    BitSet(VReg, u8),
}

impl TargetPredicate for Condition {
    fn operands(&self, collector: &mut OperandCollector<'_>) {
        match *self {
            Condition::Flag(_) => {}
            Condition::Zero(value, _)
            | Condition::NotZero(value, _)
            | Condition::BitClear(value, _)
            | Condition::BitSet(value, _) => collector.reg_use(value),
        }
    }

    fn inverted(self) -> Condition {
        match self {
            Condition::Flag(cond) => Condition::Flag(cond.invert()),
            Condition::Zero(value, width) => Condition::NotZero(value, width),
            Condition::NotZero(value, width) => Condition::Zero(value, width),
            Condition::BitClear(value, bit) => Condition::BitSet(value, bit),
            Condition::BitSet(value, bit) => Condition::BitClear(value, bit),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Condition::Flag(cond) => write!(f, "{cond}"),
            Condition::Zero(value, _) => write!(f, "{value} is 0"),
            Condition::NotZero(value, _) => write!(f, "{value} is not 0"),
            Condition::BitClear(value, bit) => write!(f, "bit {bit} of {value} is 0"),
            Condition::BitSet(value, bit) => write!(f, "bit {bit} of {value} is 1"),
        }
    }
}

/// An operation of the target's own.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Inst {
    /// An instruction of the assembler.
    Asm(aarch64::Inst<Register>),
    /// A constant in a general register.
    Constant { output: VReg, value: u64 },
    /// A constant in a float register, given by its bits.
    FloatConstant {
        output: VReg,
        size: Width,
        bits: u64,
    },
    /// A constant in a vector register.
    VectorConstant { output: VReg, bits: u128 },
    /// Bytes of two vectors by number.
    Table {
        output: VReg,
        first: VReg,
        second: VReg,
        numbers: VReg,
    },
    /// Loads or stores at any distance from a register that the allocator does not have.
    Access {
        access: Access,
        register: Register,
        base: Reg,
        disp: i32,
    },
    /// The sum of a register that the allocator does not have and any distance.
    Address { output: VReg, base: Reg, disp: i32 },
    /// Copies `bytes`, at least 16, from one address to another in a loop.
    CopyLoop {
        to: VReg,
        from: VReg,
        index: VReg,
        piece: VReg,
        bytes: u32,
    },
    /// The input, or the canonical NaN if it is a NaN.
    CanonicalNan {
        size: Width,
        input: VReg,
        output: VReg,
    },
}

/// Names a register; the emission takes them in the same order. `index` counts the operands.
fn name_register(
    register: Register,
    role: Role,
    collector: &mut OperandCollector<'_>,
    index: &mut usize,
) {
    match (register, role) {
        (Register::Fixed(_), _) => return,
        (Register::InPlace { input, output }, _) => {
            collector.reg_use(input);
            collector.reuse_def(output, *index);
            *index += 1;
        }
        (Register::Value(value), Role::Def) => collector.reg_def(value),
        (Register::Value(value), _) => collector.reg_use(value),
    }
    *index += 1;
}

/// Whether an access reads or writes its register.
fn role_of(access: &Access) -> Role {
    let form = access.form(&Mem::base((), 0)).map(aarch64::Op::info);
    let register = form.and_then(|form| form.operands.first());
    register.map_or(Role::Use, |register| register.role)
}

impl TargetInst for Inst {
    type Predicate = Condition;

    const REGISTERS: Registers = REGISTERS;

    fn operands(&self, collector: &mut OperandCollector<'_>) {
        match self {
            Inst::Asm(inst) => {
                let mut index = 0;
                inst.visit(|register, constraint| {
                    name_register(*register, constraint.role, collector, &mut index);
                });
            }
            Inst::Access {
                access, register, ..
            } => name_register(*register, role_of(access), collector, &mut 0),
            &Inst::Constant { output, .. }
            | &Inst::FloatConstant { output, .. }
            | &Inst::VectorConstant { output, .. }
            | &Inst::Address { output, .. } => collector.reg_def(output),
            &Inst::Table {
                output,
                first,
                second,
                numbers,
            } => {
                collector.fixed_use(first, preg(TABLE[0]));
                collector.fixed_use(second, preg(TABLE[1]));
                collector.reg_use(numbers);
                collector.reg_def(output);
            }
            &Inst::CopyLoop {
                to,
                from,
                index,
                piece,
                ..
            } => {
                collector.reg_use(to);
                collector.reg_use(from);
                collector.reg_early_def(index);
                collector.reg_early_def(piece);
            }
            &Inst::CanonicalNan { input, output, .. } => {
                collector.reg_use(input);
                collector.reuse_def(output, 0);
            }
        }
    }

    fn write_register(preg: PReg, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", reg(preg))
    }
}

impl fmt::Display for Inst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Inst::Asm(inst) => write!(f, "{inst}"),
            Inst::Constant { output, value } => write!(f, "constant {output}, {value:#x}"),
            Inst::FloatConstant { output, size, bits } => {
                write!(f, "float_constant {size:?} {output}, {bits:#x}")
            }
            Inst::VectorConstant { output, bits } => {
                write!(f, "vector_constant {output}, {bits:#x}")
            }
            Inst::Table {
                output,
                first,
                second,
                numbers,
            } => write!(f, "table {output}, {first}, {second}, {numbers}"),
            Inst::Access {
                access,
                register,
                base,
                disp,
            } => {
                let at_base = Mem::base(*register, 0);
                let name = access.form(&at_base).map_or("", |op| op.info().mnemonic());
                write!(f, "{name} ")?;
                register.print(access.width(), f)?;
                write!(f, ", [{base}{disp:+}]")
            }
            Inst::Address { output, base, disp } => write!(f, "address {output}, {base}{disp:+}"),
            Inst::CopyLoop {
                to, from, bytes, ..
            } => write!(f, "copy {bytes} bytes, [{to}], [{from}]"),
            Inst::CanonicalNan {
                size,
                input,
                output,
            } => {
                write!(f, "canonical_nan {size:?} {output}={input}")
            }
        }
    }
}
