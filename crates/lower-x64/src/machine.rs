//! Machine code in virtual registers: what the lowering makes and the allocator reads.
//!
//! Nearly all of it is instructions of the assembler, whose table says what they read and write.
//! The rest are the few that stand for several machine instructions with a branch among them, or
//! whose operands depend on the calling convention.
//!
//! Flags are no operands. They live from the instruction that sets them to the one behind it that
//! reads them: the lowering puts the two next to each other, and what the allocator puts in between
//! are moves, which keep flags.

use crate::registers::{CONTINUATION, SCRATCH, call_clobbers, preg};
use enjamb_ir::{Inst, TrapCode, Type};
use enjamb_regalloc::{InstKind, MachineInst, OperandCollector, PRegSet, VReg};
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

/// What a call goes to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Callee {
    /// A symbol, by its number in the function.
    Symbol(u32),
    /// The code at an address, which is among the arguments in a register of its own.
    Address,
}

/// A call, or a call in place of this function.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Call {
    /// What is called.
    pub callee: Callee,
    /// Arguments in registers, with the register.
    pub arguments: Vec<(VReg, Reg)>,
    /// Results in registers, the hidden one included; none of a tail call.
    pub results: Vec<(VReg, Reg)>,
    /// Bytes of arguments on the stack, which stand at the stack pointer and are popped.
    pub stack_bytes: u32,
    /// Whether a null continuation goes in.
    pub is_async: bool,
}

/// An operation of machine code.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Code {
    /// An instruction of the assembler.
    Asm(x64::Inst<Register>),
    /// The function's arguments that arrive in registers; its first instruction.
    Arguments(Vec<(VReg, Reg)>),
    /// Writes zeros to `bytes` of the frame, a multiple of 8.
    ZeroFrame {
        offset: i32,
        bytes: u32,
        zero: VReg,
        counter: VReg,
    },
    /// Positive zero.
    FloatZero(VReg),
    /// The address of a symbol.
    SymbolAddress { output: VReg, symbol: u32 },
    /// Traps if the condition holds; always, without one.
    TrapIf(Option<Cond>, TrapCode),
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
    /// The address of the code that entry `index` of a table leads to.
    TableAddress {
        table: u32,
        index: VReg,
        scratch: VReg,
        output: VReg,
    },
    /// A call.
    Call(Box<Call>),
    /// A new continuation of `size` bytes, from the free list if it has one.
    NewContinuation {
        size: u32,
        callee: VReg,
        output: VReg,
        slow: u32,
    },
    /// Goes to successor 0.
    Jump,
    /// Goes to successor 0 if the predicate holds, else to successor 1.
    Branch(Predicate),
    /// Goes to the successor that `TableAddress` of the same table selected.
    TableJump { table: u32, target: VReg },
    /// Returns results in registers.
    Return {
        results: Vec<(VReg, Reg)>,
        is_async: bool,
    },
    /// Returns a continuation as the hidden result.
    Suspend(VReg),
    /// Calls in place of this function.
    TailCall(Box<Call>),
    /// Traps.
    Trap(TrapCode),
}

/// An operation, and the instruction it was lowered from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Step {
    /// What it does.
    pub code: Code,
    /// The instruction of the function; none in the entry and on split edges.
    pub source: Option<Inst>,
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

impl MachineInst for Step {
    fn operands(&self, collector: &mut OperandCollector<'_>) {
        match &self.code {
            Code::Asm(inst) => asm_operands(inst, collector),
            Code::Arguments(values) => {
                for &(value, register) in values {
                    collector.fixed_def(value, preg(register));
                }
            }
            &Code::ZeroFrame { zero, counter, .. } => {
                collector.reg_early_def(zero);
                collector.reg_early_def(counter);
            }
            &Code::FloatZero(output) | &Code::SymbolAddress { output, .. } => {
                collector.reg_def(output);
            }
            &Code::CanonicalNan { input, output, .. } => {
                collector.reg_use(input);
                collector.reuse_def(output, 0);
            }
            &Code::Extremum {
                inputs: [first, second],
                output,
                ..
            } => {
                collector.reg_use(first);
                collector.reg_use(second);
                collector.reuse_def(output, 0);
            }
            &Code::FloatSelect {
                inputs: [first, second],
                output,
                ..
            } => {
                collector.reg_use(second);
                collector.reg_use(first);
                collector.reuse_def(output, 0);
            }
            &Code::TableAddress {
                index,
                scratch,
                output,
                ..
            } => {
                collector.reg_use(index);
                collector.reg_early_def(scratch);
                collector.reg_def(output);
            }
            &Code::NewContinuation { callee, output, .. } => {
                // Read on the slow path, when the output has been written.
                collector.reg_late_use(callee);
                collector.fixed_def(output, preg(Reg::RAX));
            }
            Code::Call(call) | Code::TailCall(call) => call.operands(collector),
            &Code::TableJump { target, .. } => collector.reg_use(target),
            Code::Return { results, .. } => {
                for &(value, register) in results {
                    collector.fixed_use(value, preg(register));
                }
            }
            &Code::Suspend(continuation) => {
                collector.fixed_use(continuation, preg(CONTINUATION));
            }
            Code::TrapIf(..) | Code::Jump | Code::Branch(_) | Code::Trap(_) => {}
        }
    }

    fn clobbers(&self) -> PRegSet {
        match &self.code {
            Code::Call(call) => {
                let mut set = call_clobbers();
                for &(_, register) in &call.results {
                    set.remove(preg(register));
                }
                set
            }
            Code::NewContinuation { .. } => {
                let mut set = PRegSet::empty();
                set.add(preg(SCRATCH));
                set
            }
            _ => PRegSet::empty(),
        }
    }

    fn kind(&self) -> InstKind {
        match self.code {
            Code::Jump => InstKind::Jump,
            Code::Branch(_) | Code::TableJump { .. } => InstKind::Branch,
            Code::Return { .. } | Code::Suspend(_) | Code::TailCall(_) | Code::Trap(_) => {
                InstKind::Return
            }
            _ => InstKind::Normal,
        }
    }

    fn jump() -> Self {
        Step {
            code: Code::Jump,
            source: None,
        }
    }
}

impl Call {
    /// The register that holds the address of the callee: no argument is there, and a call
    /// overwrites it in any case.
    pub const ADDRESS: Reg = SCRATCH;
    /// The same for a tail call, which needs the scratch register itself.
    pub const TAIL_ADDRESS: Reg = Reg::RAX;

    fn operands(&self, collector: &mut OperandCollector<'_>) {
        for &(value, register) in &self.arguments {
            collector.fixed_use(value, preg(register));
        }
        for &(value, register) in &self.results {
            collector.fixed_def(value, preg(register));
        }
    }
}
