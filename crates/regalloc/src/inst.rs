//! What the allocator has to know of an instruction: its operands, its clobbers, how it ends a block.

use regalloc2::{
    Operand, OperandConstraint, OperandKind, OperandPos, PReg, PRegSet, RegClass, VReg,
};

use crate::error::{Fault, Rule};

/// An instruction of some target, over virtual registers.
pub trait MachineInst {
    /// Names every virtual register the instruction reads or writes. The order is fixed: the locations
    /// come back in the same order when the instruction is emitted.
    fn operands(&self, collector: &mut OperandCollector<'_>);

    /// Registers that hold garbage afterwards and are no operands. Registers outside the register file
    /// may be listed; they are ignored.
    fn clobbers(&self) -> PRegSet {
        PRegSet::empty()
    }

    /// Whether and how the instruction ends its block.
    fn kind(&self) -> InstKind;

    /// An unconditional jump to successor 0, without operands and clobbers. It ends the blocks that
    /// are put on critical edges.
    fn jump() -> Self;
}

/// How an instruction relates to its block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstKind {
    /// Control goes on with the next instruction.
    Normal,
    /// Ends the block and continues in one of its successors.
    Branch,
    /// Ends the block, continues in its only successor, and does nothing else: it may be left out.
    Jump,
    /// Ends the block and leaves the function: return, tail call, trap.
    Return,
}

/// Receives the operands of one instruction.
///
/// *Early* is before the instruction's effect, *late* after it. A use is early and a definition late
/// unless the name says otherwise; so a definition may share the register of an early use. A late use
/// keeps its register through the instruction, an early definition conflicts with every other operand
/// (a temporary is an early definition that nobody uses).
pub struct OperandCollector<'a> {
    pub(crate) operands: &'a mut Vec<Operand>,
    pub(crate) first: usize,
    pub(crate) classes: &'a [RegClass],
    pub(crate) fault: Option<Fault>,
}

impl OperandCollector<'_> {
    /// A use in some register.
    pub fn reg_use(&mut self, vreg: VReg) {
        self.add(
            vreg,
            OperandConstraint::Reg,
            OperandKind::Use,
            OperandPos::Early,
        );
    }

    /// A use in some register that no definition shares.
    pub fn reg_late_use(&mut self, vreg: VReg) {
        self.add(
            vreg,
            OperandConstraint::Reg,
            OperandKind::Use,
            OperandPos::Late,
        );
    }

    /// A definition in some register.
    pub fn reg_def(&mut self, vreg: VReg) {
        self.add(
            vreg,
            OperandConstraint::Reg,
            OperandKind::Def,
            OperandPos::Late,
        );
    }

    /// A definition in some register that no use shares; also a temporary.
    pub fn reg_early_def(&mut self, vreg: VReg) {
        self.add(
            vreg,
            OperandConstraint::Reg,
            OperandKind::Def,
            OperandPos::Early,
        );
    }

    /// A use in a register or spill slot.
    pub fn any_use(&mut self, vreg: VReg) {
        self.add(
            vreg,
            OperandConstraint::Any,
            OperandKind::Use,
            OperandPos::Early,
        );
    }

    /// A use in a register or spill slot that no definition shares.
    pub fn any_late_use(&mut self, vreg: VReg) {
        self.add(
            vreg,
            OperandConstraint::Any,
            OperandKind::Use,
            OperandPos::Late,
        );
    }

    /// A definition in a register or spill slot.
    pub fn any_def(&mut self, vreg: VReg) {
        self.add(
            vreg,
            OperandConstraint::Any,
            OperandKind::Def,
            OperandPos::Late,
        );
    }

    /// A use in the given register.
    pub fn fixed_use(&mut self, vreg: VReg, preg: PReg) {
        self.add(
            vreg,
            OperandConstraint::FixedReg(preg),
            OperandKind::Use,
            OperandPos::Early,
        );
    }

    /// A use in the given register, which no definition shares.
    pub fn fixed_late_use(&mut self, vreg: VReg, preg: PReg) {
        self.add(
            vreg,
            OperandConstraint::FixedReg(preg),
            OperandKind::Use,
            OperandPos::Late,
        );
    }

    /// A definition in the given register.
    pub fn fixed_def(&mut self, vreg: VReg, preg: PReg) {
        self.add(
            vreg,
            OperandConstraint::FixedReg(preg),
            OperandKind::Def,
            OperandPos::Late,
        );
    }

    /// A definition in the given register, which no use shares.
    pub fn fixed_early_def(&mut self, vreg: VReg, preg: PReg) {
        self.add(
            vreg,
            OperandConstraint::FixedReg(preg),
            OperandKind::Def,
            OperandPos::Early,
        );
    }

    /// A definition in the register of the operand with index `input`, as two-address instructions need
    /// it. That operand is a [`reg_use`](Self::reg_use) of this instruction.
    pub fn reuse_def(&mut self, vreg: VReg, input: usize) {
        if input > 31 {
            let message = format!("{vreg} reuses operand {input}, beyond the first 32");
            self.reject(Rule::ReuseOfRegisterUse, message);
        } else {
            self.add(
                vreg,
                OperandConstraint::Reuse(input),
                OperandKind::Def,
                OperandPos::Late,
            );
        }
    }

    fn reject(&mut self, rule: Rule, message: String) {
        self.fault.get_or_insert(Fault::new(rule, message));
    }

    fn add(
        &mut self,
        vreg: VReg,
        constraint: OperandConstraint,
        kind: OperandKind,
        pos: OperandPos,
    ) {
        if let Err(fault) = known(self.classes, vreg) {
            self.fault.get_or_insert(fault);
        } else if let OperandConstraint::FixedReg(preg) = constraint
            && preg.class() != vreg.class()
        {
            self.reject(
                Rule::FixedRegister,
                format!("{vreg} is fixed to {preg} of another class"),
            );
        } else if self.operands.len() - self.first >= usize::from(u16::MAX) {
            self.reject(
                Rule::Limits,
                "the instruction has more than 65,535 operands".into(),
            );
        } else {
            self.operands
                .push(Operand::new(vreg, constraint, kind, pos));
        }
    }
}

/// Whether `vreg` comes from the builder whose classes are given.
pub(crate) fn known(classes: &[RegClass], vreg: VReg) -> Result<(), Fault> {
    match classes.get(vreg.vreg()) {
        Some(&class) if class == vreg.class() => Ok(()),
        _ => Err(Fault::new(
            Rule::KnownVReg,
            format!("{vreg} was not made by this function's builder"),
        )),
    }
}
