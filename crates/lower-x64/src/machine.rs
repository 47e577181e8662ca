//! The target's own machine code in virtual registers: what the lowering makes and the allocator
//! reads, beside the operations that all targets have.
//!
//! Nearly all of it is instructions of the assembler, whose table says what they read and write.
//! The rest are the few that stand for several machine instructions with a branch among them.

use crate::registers::{REGISTERS, preg, reg};
use enjamb_ir::Type;
use enjamb_lower::{Registers, TargetInst, TargetPredicate};
use enjamb_regalloc::{OperandCollector, PReg, VReg};
use enjamb_x64::{self as x64, Cond, Op, Operand, PrintRegister, Reg, Role, Width};
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
    /// A register that the allocator does not have: context, frame or stack pointer.
    Fixed(Reg),
}

impl PrintRegister for Register {
    fn print(self, width: Width, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Register::Value(value) => write!(f, "{value}"),
            Register::InPlace { input, output } => write!(f, "{output}={input}"),
            Register::Fixed(register) => f.write_str(register.name(width)),
        }
    }
}

/// An operand of an assembler instruction before allocation.
pub(crate) type Opd = Operand<Register>;

/// A condition after an integer or float comparison, in terms of flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Predicate {
    /// One condition.
    Flag(Cond),
    /// Floats are equal: equal, and not unordered, which sets the same flag.
    FloatEqual,
    /// Floats are not equal or unordered.
    FloatNotEqual,
}

impl TargetPredicate for Predicate {
    fn inverted(self) -> Predicate {
        match self {
            Predicate::Flag(cond) => Predicate::Flag(cond.invert()),
            Predicate::FloatEqual => Predicate::FloatNotEqual,
            Predicate::FloatNotEqual => Predicate::FloatEqual,
        }
    }
}

impl fmt::Display for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Predicate::Flag(cond) => write!(f, "{cond:?}"),
            Predicate::FloatEqual => f.write_str("E and NP"),
            Predicate::FloatNotEqual => f.write_str("NE or P"),
        }
    }
}

/// The size of a float.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FloatSize {
    /// binary32
    Single,
    /// binary64
    Double,
}

impl FloatSize {
    /// The size of a float type.
    pub fn of(ty: Type) -> FloatSize {
        match ty {
            Type::F32 => FloatSize::Single,
            _ => FloatSize::Double,
        }
    }

    /// The instruction for this size, of the two for the same operation.
    pub fn pick(self, single: Op, double: Op) -> Op {
        match self {
            FloatSize::Single => single,
            FloatSize::Double => double,
        }
    }
}

/// The bits of the canonical NaNs: positive, quiet, no payload.
pub(crate) const SINGLE_NAN: u32 = 0x7fc0_0000;
pub(crate) const DOUBLE_NAN: u64 = 0x7ff8_0000_0000_0000;

/// An operation of the target's own.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Inst {
    /// An instruction of the assembler.
    Asm(x64::Inst<Register>),
    /// Positive zero, of a vector in all lanes.
    FloatZero(VReg),
    /// A vector of which all bits are set.
    AllOnes(VReg),
    /// The input, or the canonical NaN if it is a NaN.
    CanonicalNan {
        size: FloatSize,
        input: VReg,
        output: VReg,
    },
    /// The smaller or larger of two floats.
    Extremum {
        size: FloatSize,
        is_max: bool,
        inputs: [VReg; 2],
        output: VReg,
    },
    /// The first input if the predicate holds, else the second.
    FloatSelect {
        predicate: Predicate,
        inputs: [VReg; 2],
        output: VReg,
    },
}

/// Names the registers of an assembler instruction; the emission takes them in the same order.
fn asm_operands(inst: &x64::Inst<Register>, collector: &mut OperandCollector<'_>) {
    let has_memory = inst.operands().iter().any(|o| matches!(o, Operand::Mem(_)));
    let mut index = 0;
    inst.visit(|register, constraint| {
        let fixed = constraint.fixed.map(preg);
        match (*register, constraint.role) {
            (Register::Fixed(_), _) => return,
            (Register::InPlace { input, output }, _) => {
                if let Some(fixed) = fixed {
                    collector.fixed_use(input, fixed);
                    collector.fixed_def(output, fixed);
                } else {
                    collector.reg_use(input);
                    collector.reuse_def(output, index);
                }
                index += 1;
            }
            (Register::Value(value), Role::Def) => match fixed {
                Some(fixed) => collector.fixed_def(value, fixed),
                None => collector.reg_def(value),
            },
            (Register::Value(value), _) => match fixed {
                Some(fixed) => collector.fixed_use(value, fixed),
                None if constraint.memory && !has_memory => collector.any_use(value),
                None => collector.reg_use(value),
            },
        }
        index += 1;
    });
}

impl TargetInst for Inst {
    type Predicate = Predicate;

    const REGISTERS: Registers = REGISTERS;

    fn operands(&self, collector: &mut OperandCollector<'_>) {
        match self {
            Inst::Asm(inst) => asm_operands(inst, collector),
            &Inst::FloatZero(output) | &Inst::AllOnes(output) => collector.reg_def(output),
            &Inst::CanonicalNan { input, output, .. } => {
                collector.reg_use(input);
                collector.reuse_def(output, 0);
            }
            &Inst::Extremum {
                inputs: [first, second],
                output,
                ..
            } => {
                collector.reg_use(first);
                collector.reg_use(second);
                collector.reuse_def(output, 0);
            }
            &Inst::FloatSelect {
                inputs: [first, second],
                output,
                ..
            } => {
                collector.reg_use(second);
                collector.reg_use(first);
                collector.reuse_def(output, 0);
            }
        }
    }

    fn write_register(register: PReg, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", reg(register))
    }
}

impl fmt::Display for Inst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Inst::Asm(inst) => write!(f, "{inst}"),
            Inst::FloatZero(output) => write!(f, "float_zero {output}"),
            Inst::AllOnes(output) => write!(f, "all_ones {output}"),
            Inst::CanonicalNan {
                size,
                input,
                output,
            } => {
                write!(f, "canonical_nan {size:?} {output}={input}")
            }
            Inst::Extremum {
                size,
                is_max,
                inputs: [first, second],
                output,
            } => {
                let name = if *is_max { "float_max" } else { "float_min" };
                write!(f, "{name} {size:?} {output}={first}, {second}")
            }
            Inst::FloatSelect {
                predicate,
                inputs: [first, second],
                output,
            } => {
                write!(f, "float_select {predicate}, {output}, {first}, {second}")
            }
        }
    }
}
