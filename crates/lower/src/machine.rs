//! Machine code in virtual registers: what the lowering makes and the allocator reads.
//!
//! Most of it is a target's own instructions. What stands for control flow, the calling convention or
//! the contract with the runtime has the same operands on every target and is listed here; the emission
//! of the target knows what it is made of.
//!
//! Flags are no operands. They live from the instruction that sets them to the one behind it that
//! reads them: the lowering puts the two next to each other, and what the allocator puts in between
//! are moves, which keep flags.

use crate::object_code::ObjectCode;
use crate::registers::Registers;
use enjamb_abi::code::Throw;
use enjamb_ir::{Inst, TrapCode};
use enjamb_regalloc::{InstKind, MachineInst, OperandCollector, PReg, PRegSet, VReg};
use std::fmt;

/// An instruction of a target, before allocation. Its text names virtual registers.
pub trait TargetInst: Clone + fmt::Debug + fmt::Display + 'static {
    /// The conditions that the target branches on.
    type Predicate: TargetPredicate;

    /// The registers of the target.
    const REGISTERS: Registers;

    /// Names the virtual registers, as [`MachineInst::operands`] does.
    fn operands(&self, collector: &mut OperandCollector<'_>);

    /// Registers that are overwritten and no operands.
    fn clobbers(&self) -> PRegSet {
        PRegSet::empty()
    }

    /// Writes the name of a register.
    fn write_register(register: PReg, f: &mut fmt::Formatter<'_>) -> fmt::Result;
}

/// A condition, in terms of flags or registers of a target.
pub trait TargetPredicate: Clone + fmt::Debug + fmt::Display {
    /// Names the virtual registers that the condition reads by itself.
    fn operands(&self, _collector: &mut OperandCollector<'_>) {}

    /// The condition that holds where this one does not.
    fn inverted(self) -> Self;
}

/// The conditions of a target.
pub type PredicateOf<T> = <T as TargetInst>::Predicate;

/// What a call goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callee {
    /// A symbol, by its number in the function.
    Symbol(u32),
    /// The code at an address, which is among the arguments in a register of its own.
    Address,
}

/// A call, or a call in place of this function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// What is called.
    pub callee: Callee,
    /// Arguments in registers, with the register.
    pub arguments: Vec<(VReg, PReg)>,
    /// Results in registers, the hidden one included; none of a tail call.
    pub results: Vec<(VReg, PReg)>,
    /// Bytes of arguments on the stack, which stand at the stack pointer and are popped.
    pub stack_bytes: u32,
    /// Whether a null continuation goes in.
    pub is_async: bool,
}

/// An operation of machine code.
#[derive(Clone, Debug)]
pub enum Code<T: TargetInst> {
    /// An instruction of the target.
    Target(T),
    /// The function's arguments that arrive in registers; its first instruction.
    Arguments(Vec<(VReg, PReg)>),
    /// Writes zeros to a part of the frame.
    ZeroFrame {
        /// Where it begins, from the frame pointer.
        offset: i32,
        /// Its size, a multiple of 8.
        bytes: u32,
        /// A float register to use.
        zero: VReg,
        /// An integer register to use.
        counter: VReg,
    },
    /// A copy of a value, which takes no instruction if both are in the same place.
    Copy {
        /// The copy.
        output: VReg,
        /// The value.
        input: VReg,
    },
    /// The address of a symbol.
    SymbolAddress {
        /// What gets it.
        output: VReg,
        /// The number of the symbol.
        symbol: u32,
    },
    /// Traps if the condition holds; always, without one.
    TrapIf(Option<T::Predicate>, TrapCode),
    /// The address of the code that an entry of a table leads to.
    TableAddress {
        /// The number of the table.
        table: u32,
        /// The entry.
        index: VReg,
        /// A register to use.
        scratch: VReg,
        /// What gets the address.
        output: VReg,
    },
    /// A call.
    Call(Box<Call>),
    /// A new continuation, by a stub that preserves all registers.
    NewContinuation {
        /// The number of the stub's symbol.
        stub: u32,
        /// The continuation of the callee, which is freed with its chain if there is no memory.
        callee: VReg,
        /// What gets the address.
        output: VReg,
    },
    /// An operation on objects.
    Object(ObjectCode),
    /// Goes to successor 0.
    Jump,
    /// Goes to successor 0 if the predicate holds, else to successor 1.
    Branch(T::Predicate),
    /// Goes to the successor that [`Code::TableAddress`] of the same table selected.
    TableJump {
        /// The number of the table.
        table: u32,
        /// The selected address.
        target: VReg,
    },
    /// Returns.
    Return {
        /// Results in registers.
        results: Vec<(VReg, PReg)>,
        /// Whether a null continuation goes out.
        is_async: bool,
    },
    /// Returns a continuation as the hidden result.
    Suspend(VReg),
    /// Sets the point of a continuation, links the callee's continuation to it, and returns it.
    SetPointLinkSuspend {
        /// The continuation.
        object: VReg,
        /// The callee's.
        callee: VReg,
        /// The address of the point's record.
        point: VReg,
    },
    /// Calls, and goes to successor 0 when the callee returns, to successor 1 when it throws.
    TryCall {
        /// The call.
        call: Box<Call>,
        /// The two words of the exception, defined on the way to successor 1.
        exception: [VReg; 2],
    },
    /// Throws the exception of these two words.
    Throw {
        /// The words.
        exception: [VReg; 2],
        /// Whether it is new.
        throw: Throw,
    },
    /// Calls in place of this function.
    TailCall(Box<Call>),
    /// Traps.
    Trap(TrapCode),
}

impl<T: TargetInst> From<T> for Code<T> {
    fn from(inst: T) -> Self {
        Code::Target(inst)
    }
}

/// An operation, and the instruction it was lowered from.
#[derive(Clone, Debug)]
pub struct Step<T: TargetInst> {
    /// What it does.
    pub code: Code<T>,
    /// The instruction of the function; none in the entry and on split edges.
    pub source: Option<Inst>,
}

impl<T: TargetInst> MachineInst for Step<T> {
    fn operands(&self, collector: &mut OperandCollector<'_>) {
        match &self.code {
            Code::Target(inst) => inst.operands(collector),
            Code::Arguments(values) => {
                for &(value, register) in values {
                    collector.fixed_def(value, register);
                }
            }
            &Code::ZeroFrame { zero, counter, .. } => {
                collector.reg_early_def(zero);
                collector.reg_early_def(counter);
            }
            &Code::Copy { output, input } => {
                collector.reg_use(input);
                collector.reg_def(output);
            }
            &Code::SymbolAddress { output, .. } => collector.reg_def(output),
            Code::TrapIf(Some(predicate), _) | Code::Branch(predicate) => {
                predicate.operands(collector);
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
                collector.fixed_use(callee, T::REGISTERS.continuation());
                collector.fixed_def(output, T::REGISTERS.allocated);
            }
            Code::Object(code) => code.operands::<T>(collector),
            Code::Call(call) | Code::TailCall(call) => call.operands(collector),
            Code::TryCall { call, exception } => {
                call.operands(collector);
                for (&word, register) in exception.iter().zip(T::REGISTERS.exception()) {
                    collector.fixed_def(word, register);
                }
            }
            Code::Throw { exception, .. } => {
                for (&word, register) in exception.iter().zip(T::REGISTERS.exception()) {
                    collector.fixed_use(word, register);
                }
            }
            &Code::TableJump { target, .. } => collector.reg_use(target),
            Code::Return { results, .. } => {
                for &(value, register) in results {
                    collector.fixed_use(value, register);
                }
            }
            &Code::Suspend(continuation) => {
                collector.fixed_use(continuation, T::REGISTERS.continuation());
            }
            &Code::SetPointLinkSuspend {
                object,
                callee,
                point,
            } => {
                collector.fixed_use(object, T::REGISTERS.allocated);
                collector.fixed_use(callee, T::REGISTERS.continuation());
                collector.fixed_use(point, T::REGISTERS.point);
            }
            Code::TrapIf(None, _) | Code::Jump | Code::Trap(_) => {}
        }
    }

    fn clobbers(&self) -> PRegSet {
        let mut set = PRegSet::empty();
        match &self.code {
            Code::Target(inst) => return inst.clobbers(),
            Code::Call(call) => set = call.clobbers::<T>(),
            Code::TryCall { call, .. } => {
                set = call.clobbers::<T>();
                for register in T::REGISTERS.exception() {
                    set.remove(register);
                }
            }
            Code::NewContinuation { .. } => set = allocation_clobbers::<T>(),
            Code::Object(code) if code.allocates() => set = allocation_clobbers::<T>(),
            _ => {}
        }
        set
    }

    fn kind(&self) -> InstKind {
        match self.code {
            Code::Jump => InstKind::Jump,
            Code::Branch(_) | Code::TableJump { .. } | Code::TryCall { .. } => InstKind::Branch,
            Code::Return { .. }
            | Code::Suspend(_)
            | Code::SetPointLinkSuspend { .. }
            | Code::TailCall(_)
            | Code::Throw { .. }
            | Code::Trap(_) => InstKind::Return,
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

/// What an allocation overwrites beside its result.
fn allocation_clobbers<T: TargetInst>() -> PRegSet {
    let mut set = PRegSet::empty();
    for &register in T::REGISTERS.allocation_clobbers {
        set.add(register);
    }
    set
}

impl Call {
    /// What the callee may overwrite, but for its results.
    fn clobbers<T: TargetInst>(&self) -> PRegSet {
        let mut set = T::REGISTERS.call_clobbers();
        for &(_, register) in &self.results {
            set.remove(register);
        }
        set
    }

    fn operands(&self, collector: &mut OperandCollector<'_>) {
        for &(value, register) in &self.arguments {
            collector.fixed_use(value, register);
        }
        for &(value, register) in &self.results {
            collector.fixed_def(value, register);
        }
    }
}
