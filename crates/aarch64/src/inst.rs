//! Instructions: a form and its operands, in registers of the client's type.

use crate::error::{OperandError, OperandProblem};
use crate::form::{Form, Kind, Role};
use crate::op::Op;
use crate::operand::{Cond, Label, Mem, Operand, Shift};
use crate::register::{Reg, RegClass, Width};
use crate::template::Word;

/// What a form asks of one register in an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Constraint {
    /// Read, written or both.
    pub role: Role,
    /// The class of register.
    pub class: RegClass,
    /// How much of the register is read or written.
    pub width: Width,
}

/// An instruction in registers of type `R`.
///
/// Where a form reads and writes one operand ([`Role::UseDef`]) the two are one register in the
/// end but two values before. `R` is the client's: it can be a pair of the value read and the
/// value written, of which `visit` reports both and `map_registers` keeps the one register that an
/// allocator gave them:
///
/// ```
/// use enjamb_aarch64::{Inst, Op, Operand, Reg, Role, Shift};
///
/// #[derive(Clone, Copy)]
/// struct Value {
///     input: u32,
///     output: u32,
/// }
///
/// let value = Value { input: 1, output: 3 };
/// let quarter = Operand::Shift(Shift::Lsl, 16);
/// let insert = Inst::new(Op::Movk64RI, &[Operand::Reg(value), Operand::Imm(7), quarter])?;
///
/// let mut constraints = Vec::new();
/// insert.visit(|value, constraint| match constraint.role {
///     Role::Use => constraints.push(format!("use v{}", value.input)),
///     Role::Def => constraints.push(format!("def v{}", value.output)),
///     Role::UseDef => {
///         constraints.push(format!("use v{}, def v{} in its place", value.input, value.output));
///     }
/// });
/// assert_eq!(constraints, ["use v1, def v3 in its place"]);
///
/// let assigned = insert.map_registers(|_, _| Reg::X9);
/// assert_eq!(assigned.to_string(), "movk x9, #7, lsl #16");
/// # Ok::<(), enjamb_aarch64::OperandError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Inst<R = Reg> {
    op: Op,
    /// As many as the form has; the others are `Imm(0)`.
    operands: [Operand<R>; Form::MAX_OPERANDS],
}

impl<R: Copy + PartialEq> PartialEq for Inst<R> {
    fn eq(&self, other: &Inst<R>) -> bool {
        self.op == other.op && self.operands() == other.operands()
    }
}

impl<R: Copy> Inst<R> {
    /// An instruction of form `op`. A shift at the end can be left out.
    ///
    /// # Errors
    /// If the number of operands or the kind of one is wrong, or what is no register cannot be
    /// encoded.
    pub fn new(op: Op, operands: &[Operand<R>]) -> Result<Inst<R>, OperandError> {
        let form = op.info();
        let forms = form.operands;
        let given = operands.len();
        let can_stop = forms.get(given).is_none_or(|next| next.kind.is_optional());
        if given > forms.len() || !can_stop {
            return Err(OperandError {
                op,
                operand: 0,
                problem: OperandProblem::Count(given),
            });
        }
        let mut stored = [Operand::Imm(0); Form::MAX_OPERANDS];
        stored[..given].copy_from_slice(operands);
        stored[given..forms.len()].fill(Operand::Shift(Shift::Lsl, 0));
        let mut word = Word::new(&form.template);
        for (index, (operand, place)) in stored.iter().zip(forms).enumerate() {
            crate::encode::place(operand, place, &mut word).map_err(|problem| OperandError {
                op,
                operand: index,
                problem,
            })?;
        }
        Ok(Inst {
            op,
            operands: stored,
        })
    }

    /// A form with two register operands.
    ///
    /// # Errors
    /// As [`Inst::new`].
    pub fn rr(op: Op, first: R, second: R) -> Result<Inst<R>, OperandError> {
        Inst::new(op, &[Operand::Reg(first), Operand::Reg(second)])
    }

    /// A form with three register operands.
    ///
    /// # Errors
    /// As [`Inst::new`].
    pub fn rrr(op: Op, first: R, second: R, third: R) -> Result<Inst<R>, OperandError> {
        Inst::new(op, &[first, second, third].map(Operand::Reg))
    }

    /// A form with a register and an immediate.
    ///
    /// # Errors
    /// As [`Inst::new`].
    pub fn ri(op: Op, register: R, value: i64) -> Result<Inst<R>, OperandError> {
        Inst::new(op, &[Operand::Reg(register), Operand::Imm(value)])
    }

    /// A form with two registers and an immediate.
    ///
    /// # Errors
    /// As [`Inst::new`].
    pub fn rri(op: Op, first: R, second: R, value: i64) -> Result<Inst<R>, OperandError> {
        let operands = [
            Operand::Reg(first),
            Operand::Reg(second),
            Operand::Imm(value),
        ];
        Inst::new(op, &operands)
    }

    /// A form with a register and a memory reference.
    ///
    /// # Errors
    /// As [`Inst::new`].
    pub fn rm(op: Op, register: R, mem: Mem<R>) -> Result<Inst<R>, OperandError> {
        Inst::new(op, &[Operand::Reg(register), Operand::Mem(mem)])
    }

    /// The form.
    pub fn op(&self) -> Op {
        self.op
    }

    /// The operands, in the form's order, those that were left out included.
    pub fn operands(&self) -> &[Operand<R>] {
        &self.operands[..self.op.info().operands.len()]
    }

    /// The label that the instruction refers to.
    pub fn target(&self) -> Option<Label> {
        self.operands().iter().find_map(|operand| match operand {
            Operand::Label(label) => Some(*label),
            _ => None,
        })
    }

    /// The condition that is an operand of the instruction.
    pub fn condition(&self) -> Option<Cond> {
        self.operands().iter().find_map(|operand| match operand {
            Operand::Cond(cond) => Some(*cond),
            _ => None,
        })
    }

    /// What operand `index`, a register, is asked for.
    fn constraint(&self, index: usize) -> Constraint {
        let form = &self.op.info().operands[index];
        let (class, width) = match (form.kind, self.operands.get(index + 1)) {
            (Kind::Register(crate::form::Registers::Extended, _), Some(extend)) => {
                (RegClass::Gpr, extended_width(extend))
            }
            (Kind::Register(registers, _), _) => (registers.class(), form.width),
            _ => (RegClass::Gpr, form.width),
        };
        Constraint {
            role: form.role,
            class,
            width,
        }
    }

    /// Shows every register with its constraint: operands in the form's order, and for memory its
    /// base before its index.
    pub fn visit(&self, mut visitor: impl FnMut(&R, Constraint)) {
        for (index, operand) in self.operands().iter().enumerate() {
            match operand {
                Operand::Reg(register) => visitor(register, self.constraint(index)),
                Operand::Mem(mem) => {
                    let mut constraints = address_constraints(mem).into_iter();
                    mem.map(|register| {
                        if let Some(constraint) = constraints.next() {
                            visitor(&register, constraint);
                        }
                    });
                }
                _ => {}
            }
        }
    }

    /// The same instruction with its registers replaced, in the order of [`Inst::visit`].
    pub fn map_registers<S: Copy>(&self, mut change: impl FnMut(R, Constraint) -> S) -> Inst<S> {
        let mut operands = [Operand::Imm(0); Form::MAX_OPERANDS];
        for (index, operand) in self.operands().iter().enumerate() {
            operands[index] = match *operand {
                Operand::Reg(register) => Operand::Reg(change(register, self.constraint(index))),
                Operand::Mem(mem) => {
                    let [base, offset] = address_constraints(&mem);
                    let mut next = base;
                    Operand::Mem(mem.map(|register| {
                        let constraint = std::mem::replace(&mut next, offset);
                        change(register, constraint)
                    }))
                }
                Operand::Imm(value) => Operand::Imm(value),
                Operand::Label(label) => Operand::Label(label),
                Operand::Cond(cond) => Operand::Cond(cond),
                Operand::Shift(shift, amount) => Operand::Shift(shift, amount),
                Operand::Extend(extend, amount) => Operand::Extend(extend, amount),
                Operand::System(register) => Operand::System(register),
                Operand::Barrier(scope) => Operand::Barrier(scope),
            };
        }
        Inst {
            op: self.op,
            operands,
        }
    }
}

/// How much of a register the extension behind it uses.
fn extended_width<R>(extend: &Operand<R>) -> Width {
    use crate::operand::Extend;
    match extend {
        Operand::Extend(Extend::Uxtb | Extend::Sxtb, _) => Width::B8,
        Operand::Extend(Extend::Uxth | Extend::Sxth, _) => Width::B16,
        Operand::Extend(Extend::Uxtw | Extend::Sxtw, _) => Width::B32,
        _ => Width::B64,
    }
}

/// The constraints of a base and of an index.
fn address_constraints<R: Copy>(mem: &Mem<R>) -> [Constraint; 2] {
    let address = |role, width| Constraint {
        role,
        class: RegClass::Gpr,
        width,
    };
    let base = if mem.writes_base() {
        Role::UseDef
    } else {
        Role::Use
    };
    let index = match mem {
        Mem::Index { extend, .. } if !extend.is_whole() => Width::B32,
        _ => Width::B64,
    };
    [address(base, Width::B64), address(Role::Use, index)]
}
