//! Checks the operands of each instruction against what regalloc2 does not report or reports wrongly.
//!
//! Rules of shape are checked when a function is built. These need the register file:
//!
//! 1. [`Rule::FixedRegister`]: both algorithms take a fixed register outside the file for one they may
//!    hand out.
//! 2. [`Rule::ReuseOfRegisterUse`]: with a reused fixed use whose value lives on, the backtracking
//!    allocator breaks the fixed constraint; of several reused inputs it honours one.
//! 3. [`Rule::ClobberDisjoint`]: the backtracking allocator panics, the fast one allocates wrongly.
//! 4. [`Rule::FixedOnce`]: "anything else is a user error" says its source.
//! 5. [`Rule::EnoughRegisters`]: there is no solution.
//! 6. [`Rule::TerminatorDefinition`]: the fast allocator panics when a successor wants a value that its
//!    branch defines in a register of the allocator's choice.
//! 7. [`Rule::SingleDefinition`]: an instruction must not use what it defines.

use regalloc2::{
    Inst, Operand, OperandConstraint, OperandKind, OperandPos, PReg, PRegSet, RegClass, VReg,
};
use smallvec::SmallVec;

use crate::error::{AllocationError, Fault, Rule};
use crate::function::MachineFunction;
use crate::inst::{InstKind, MachineInst};
use crate::registers::RegisterFile;

/// Every register class.
pub(crate) const CLASSES: [RegClass; 3] = [RegClass::Int, RegClass::Float, RegClass::Vector];

/// Checks every instruction; returns the first that breaks a rule.
pub(crate) fn run<I: MachineInst>(
    function: &MachineFunction<I>,
    registers: &RegisterFile,
) -> Result<(), AllocationError> {
    for index in 0..function.insts.len() {
        let (inst, code) = (Inst::new(index), &function.insts[index]);
        let operands = function.operands_of(inst);
        let clobbers = code.clobbers() & registers.allocatable();
        fixed_registers(operands, clobbers, registers)
            .and_then(|()| reuse(operands))
            .and_then(|()| enough_registers(operands, clobbers, registers))
            .and_then(|()| definitions(operands, code.kind()))
            .map_err(|fault| function.place(fault, inst))?;
    }
    Ok(())
}

/// A class that is used has a register, for at least the moves between spill slots go through one.
pub(crate) fn classes<I: MachineInst>(
    function: &MachineFunction<I>,
    registers: &RegisterFile,
) -> Result<(), AllocationError> {
    for class in CLASSES {
        if registers.of_class(class) == PRegSet::empty() && function.classes.contains(&class) {
            let message = format!("the register file has no register of class {class:?}");
            return Err(Fault::new(Rule::EnoughRegisters, message).at(&function.name, None, None));
        }
    }
    Ok(())
}

/// At which of the two points (early, late) an operand holds its register.
fn points(operand: Operand) -> [bool; 2] {
    match (operand.pos(), operand.kind()) {
        (OperandPos::Early, OperandKind::Use) => [true, false],
        (OperandPos::Late, OperandKind::Def) => [false, true],
        _ => [true, true],
    }
}

fn fixed_registers(
    operands: &[Operand],
    clobbers: PRegSet,
    registers: &RegisterFile,
) -> Result<(), Fault> {
    let mut taken = [PRegSet::empty(); 2];
    for operand in operands {
        let OperandConstraint::FixedReg(preg) = operand.constraint() else {
            continue;
        };
        let vreg = operand.vreg();
        if !registers.allocatable().contains(preg) {
            let message =
                format!("{vreg} is fixed to {preg}, which the register file does not list");
            return Err(Fault::new(Rule::FixedRegister, message));
        }
        let held = points(*operand);
        if held[1] && clobbers.contains(preg) {
            let message = format!("{vreg} is fixed to {preg}, which the instruction clobbers");
            return Err(Fault::new(Rule::ClobberDisjoint, message));
        }
        for (taken, held) in taken.iter_mut().zip(held) {
            if held && taken.contains(preg) {
                let message = format!("{vreg} is fixed to {preg}, as another operand is");
                return Err(Fault::new(Rule::FixedOnce, message));
            }
            if held {
                taken.add(preg);
            }
        }
    }
    Ok(())
}

fn reuse(operands: &[Operand]) -> Result<(), Fault> {
    let mut reused = None;
    for operand in operands {
        let OperandConstraint::Reuse(input) = operand.constraint() else {
            continue;
        };
        let fail = |why: &str| {
            let message = format!("{} reuses operand {input}, {why}", operand.vreg());
            Err(Fault::new(Rule::ReuseOfRegisterUse, message))
        };
        if reused.replace(input).is_some() {
            return fail("and another definition reuses one too");
        }
        let Some(source) = operands.get(input) else {
            return fail("which does not exist");
        };
        if source.kind() != OperandKind::Use || source.pos() != OperandPos::Early {
            return fail("which is no early use");
        }
        if source.class() != operand.class() {
            return fail("which has another class");
        }
        match source.constraint() {
            OperandConstraint::Reg => {}
            OperandConstraint::FixedReg(_) => {
                return fail("which is fixed: define that register as fixed instead");
            }
            _ => return fail("which may lie in a spill slot"),
        }
    }
    Ok(())
}

/// Counts the distinct virtual registers that need a register at each point, and the distinct fixed
/// registers.
fn enough_registers(
    operands: &[Operand],
    clobbers: PRegSet,
    registers: &RegisterFile,
) -> Result<(), Fault> {
    // Operands are counted exactly only where there are more of them than registers.
    for (point, name) in ["early", "late"].into_iter().enumerate() {
        let available = if point == 0 {
            registers.allocatable()
        } else {
            registers.allocatable() & clobbers.invert()
        };
        for class in CLASSES {
            let limit = available
                .into_iter()
                .filter(|preg| preg.class() == class)
                .count();
            let holds = |o: &&Operand| o.class() == class && points(**o)[point];
            if operands.iter().filter(holds).count() <= limit {
                continue;
            }
            let (mut free, mut fixed) =
                (SmallVec::<[VReg; 16]>::new(), SmallVec::<[PReg; 16]>::new());
            for operand in operands.iter().filter(holds) {
                match operand.constraint() {
                    OperandConstraint::FixedReg(preg) => fixed.push(preg),
                    OperandConstraint::Reg | OperandConstraint::Reuse(_) => {
                        free.push(operand.vreg())
                    }
                    _ => {}
                }
            }
            free.sort_unstable();
            free.dedup();
            let needed = free.len() + fixed.len();
            if needed > limit {
                let message =
                    format!("{needed} {name} operands need {class:?} registers, {limit} are there");
                return Err(Fault::new(Rule::EnoughRegisters, message));
            }
        }
    }
    Ok(())
}

fn definitions(operands: &[Operand], kind: InstKind) -> Result<(), Fault> {
    for operand in operands
        .iter()
        .filter(|operand| operand.kind() == OperandKind::Def)
    {
        let vreg = operand.vreg();
        let loose = matches!(
            operand.constraint(),
            OperandConstraint::Reg | OperandConstraint::Reuse(_)
        );
        if kind != InstKind::Normal && loose {
            let message =
                format!("a terminator defines {vreg} in a register of the allocator's choice");
            return Err(Fault::new(Rule::TerminatorDefinition, message));
        }
        if operands
            .iter()
            .any(|other| other.kind() == OperandKind::Use && other.vreg() == vreg)
        {
            let message = format!("{vreg} is used by the instruction that defines it");
            return Err(Fault::new(Rule::SingleDefinition, message));
        }
    }
    Ok(())
}
