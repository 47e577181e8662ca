//! Instructions: a form and its operands, in registers of the client's type.

use crate::error::{OperandError, OperandProblem};
use crate::form::{Form, Kind, OperandForm, Role};
use crate::op::Op;
use crate::operand::{Base, Label, Mem, Operand};
use crate::register::{Reg, RegClass, Width};

/// What a form asks of one register in an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Constraint {
    /// Read, written or both.
    pub role: Role,
    /// The class of register.
    pub class: RegClass,
    /// How much of the register is read or written.
    pub width: Width,
    /// The one register that the form can use here.
    pub fixed: Option<Reg>,
    /// Memory of `width` can stand here instead. Never true of 128-bit operands, which the forms
    /// that allow memory want aligned.
    pub memory: bool,
}

impl Constraint {
    /// The constraint of a base or index register.
    const ADDRESS: Constraint = Constraint {
        role: Role::Use,
        class: RegClass::Gpr,
        width: Width::B64,
        fixed: None,
        memory: false,
    };

    fn of(form: &OperandForm) -> Constraint {
        let (class, fixed, memory) = match form.kind {
            Kind::Register(class) | Kind::RegisterInMemoryField(class) => (class, None, false),
            Kind::RegisterOrMemory(class) => (class, None, form.width < Width::B128),
            Kind::Fixed(register) => (register.class(), Some(register), false),
            Kind::Memory | Kind::Address | Kind::Immediate | Kind::Target => {
                (RegClass::Gpr, None, false)
            }
        };
        Constraint {
            role: form.role,
            class,
            width: form.width,
            fixed,
            memory,
        }
    }
}

/// An instruction in registers of type `R`.
///
/// Registers that a form names by its opcode alone, such as RAX and RDX of a division, are
/// operands too, so that [`Inst::visit`] shows an allocator every register there is.
///
/// Where a form reads and writes one operand ([`Role::UseDef`]) the two are one register in the
/// end but two values before. `R` is the client's: it can be a pair of the value read and the
/// value written, of which `visit` reports both and `map_registers` keeps the one register that an
/// allocator gave them:
///
/// ```
/// use enjamb_x64::{Inst, Op, Operand, Reg, Role};
///
/// #[derive(Clone, Copy)]
/// struct Value {
///     input: u32,
///     output: u32,
/// }
///
/// let sum = Value { input: 1, output: 3 };
/// let term = Value { input: 2, output: 2 };
/// let add = Inst::new(Op::Add64RM, &[Operand::Reg(sum), Operand::Reg(term)])?;
///
/// let mut constraints = Vec::new();
/// add.visit(|value, constraint| match constraint.role {
///     Role::Use => constraints.push(format!("use v{}", value.input)),
///     Role::Def => constraints.push(format!("def v{}", value.output)),
///     Role::UseDef => {
///         constraints.push(format!("use v{}, def v{} in its place", value.input, value.output));
///     }
/// });
/// assert_eq!(constraints, ["use v1, def v3 in its place", "use v2"]);
///
/// let assigned = add.map_registers(|value, _| if value.output == 3 { Reg::RAX } else { Reg::R9 });
/// assert_eq!(assigned.to_string(), "add rax, r9");
/// # Ok::<(), enjamb_x64::OperandError>(())
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
    /// An instruction of form `op` with all of its operands, hidden ones included.
    ///
    /// # Errors
    /// If the number of operands or the kind of one is wrong, or an immediate does not fit.
    pub fn new(op: Op, operands: &[Operand<R>]) -> Result<Inst<R>, OperandError> {
        let forms = op.info().operands;
        if operands.len() != forms.len() {
            return Err(OperandError {
                op,
                operand: 0,
                problem: OperandProblem::Count(operands.len()),
            });
        }
        let mut stored = [Operand::Imm(0); Form::MAX_OPERANDS];
        for (index, (operand, form)) in operands.iter().zip(forms).enumerate() {
            check(op, operand, form).map_err(|problem| OperandError {
                op,
                operand: index,
                problem,
            })?;
            stored[index] = *operand;
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

    /// A form with a register and a memory reference.
    ///
    /// # Errors
    /// As [`Inst::new`].
    pub fn rm(op: Op, register: R, mem: Mem<R>) -> Result<Inst<R>, OperandError> {
        Inst::new(op, &[Operand::Reg(register), Operand::Mem(mem)])
    }

    /// A form with a memory reference and a register.
    ///
    /// # Errors
    /// As [`Inst::new`].
    pub fn mr(op: Op, mem: Mem<R>, register: R) -> Result<Inst<R>, OperandError> {
        Inst::new(op, &[Operand::Mem(mem), Operand::Reg(register)])
    }

    /// A form with a register and an immediate, in its shortest form.
    ///
    /// # Errors
    /// As [`Inst::new`].
    pub fn ri(op: Op, register: R, value: i64) -> Result<Inst<R>, OperandError> {
        let inst = Inst::new(op, &[Operand::Reg(register), Operand::Imm(value)])?;
        Ok(inst.shortest())
    }

    /// A form with a memory reference and an immediate, in its shortest form.
    ///
    /// # Errors
    /// As [`Inst::new`].
    pub fn mi(op: Op, mem: Mem<R>, value: i64) -> Result<Inst<R>, OperandError> {
        let inst = Inst::new(op, &[Operand::Mem(mem), Operand::Imm(value)])?;
        Ok(inst.shortest())
    }

    /// Sets all 64 bits of `register` to `value` with the shortest move; flags are kept.
    pub fn move_immediate(register: R, value: i64) -> Inst<R> {
        let op = if u32::try_from(value).is_ok() {
            // A 32-bit result clears the upper half.
            Op::Mov32RI
        } else if i32::try_from(value).is_ok() {
            Op::Mov64MI
        } else {
            Op::Mov64RI
        };
        Inst {
            op,
            operands: [Operand::Reg(register), Operand::Imm(value), Operand::Imm(0)],
        }
    }

    /// The same instruction in the form whose immediate is shortest.
    pub fn shortest(mut self) -> Inst<R> {
        let immediate = self.operands().iter().find_map(|operand| match operand {
            Operand::Imm(value) => Some(*value),
            _ => None,
        });
        if let (Some(value), Some(width)) = (immediate, self.op.immediate_width()) {
            self.op = self
                .op
                .with_immediate(crate::operand::sign_extend(value, width));
            let forms = self.op.info().operands;
            for (operand, form) in self.operands.iter_mut().zip(forms) {
                if let Operand::Imm(value) = operand {
                    *value = crate::operand::sign_extend(*value, form.width);
                }
            }
        }
        self
    }

    /// The form.
    pub fn op(&self) -> Op {
        self.op
    }

    /// The operands, in the form's order, hidden ones included.
    pub fn operands(&self) -> &[Operand<R>] {
        &self.operands[..self.op.info().operands.len()]
    }

    /// The label that a relative jump or call goes to.
    pub fn target(&self) -> Option<Label> {
        match self.operands()[..] {
            [Operand::Label(label)] => Some(label),
            _ => None,
        }
    }

    /// Shows every register with its constraint: operands in the form's order, and for memory its
    /// base before its index.
    pub fn visit(&self, mut visitor: impl FnMut(&R, Constraint)) {
        for (operand, form) in self.operands().iter().zip(self.op.info().operands) {
            match operand {
                Operand::Reg(register) => visitor(register, Constraint::of(form)),
                Operand::Mem(mem) => {
                    if let Base::Reg(base) = &mem.base {
                        visitor(base, Constraint::ADDRESS);
                    }
                    if let Some((index, _)) = &mem.index {
                        visitor(index, Constraint::ADDRESS);
                    }
                }
                Operand::Imm(_) | Operand::Label(_) => {}
            }
        }
    }

    /// The same instruction with its registers replaced, in the order of [`Inst::visit`].
    pub fn map_registers<S: Copy>(&self, mut change: impl FnMut(R, Constraint) -> S) -> Inst<S> {
        let mut operands = [Operand::Imm(0); Form::MAX_OPERANDS];
        let forms = self.op.info().operands;
        for ((new, operand), form) in operands.iter_mut().zip(&self.operands).zip(forms) {
            *new = match *operand {
                Operand::Reg(register) => Operand::Reg(change(register, Constraint::of(form))),
                Operand::Mem(mem) => {
                    Operand::Mem(mem.map(|register| change(register, Constraint::ADDRESS)))
                }
                Operand::Imm(value) => Operand::Imm(value),
                Operand::Label(label) => Operand::Label(label),
            };
        }
        Inst {
            op: self.op,
            operands,
        }
    }

    /// As [`Inst::map_registers`], but a register operand may also become memory where
    /// [`Constraint::memory`] allows it. `address_of` replaces the registers inside memory references.
    ///
    /// # Errors
    /// If an operand becomes something that the form cannot have there.
    pub fn map_operands<S: Copy>(
        &self,
        mut operand_of: impl FnMut(R, Constraint) -> Operand<S>,
        mut address_of: impl FnMut(R) -> S,
    ) -> Result<Inst<S>, OperandError> {
        let forms = self.op.info().operands;
        let mut operands = [Operand::Imm(0); Form::MAX_OPERANDS];
        for ((new, operand), form) in operands.iter_mut().zip(&self.operands).zip(forms) {
            *new = match *operand {
                Operand::Reg(register) => operand_of(register, Constraint::of(form)),
                Operand::Mem(mem) => Operand::Mem(mem.map(&mut address_of)),
                Operand::Imm(value) => Operand::Imm(value),
                Operand::Label(label) => Operand::Label(label),
            };
        }
        Inst::new(self.op, &operands[..forms.len()])
    }
}

impl Inst<Reg> {
    /// An instruction from the operands that its text shows; the hidden ones, and the count in CL
    /// of a shift, are filled in.
    ///
    /// # Errors
    /// As [`Inst::new`].
    pub fn physical(op: Op, shown: &[Operand<Reg>]) -> Result<Inst<Reg>, OperandError> {
        let mut shown_left = shown.iter();
        let mut operands = Vec::with_capacity(Form::MAX_OPERANDS);
        for form in op.info().operands {
            match form.kind {
                Kind::Fixed(register) => operands.push(Operand::Reg(register)),
                _ => operands.extend(shown_left.next().copied()),
            }
        }
        operands.extend(shown_left.copied());
        Inst::new(op, &operands)
    }
}

/// Whether `operand` can stand in the place described by `form`.
fn check<R>(op: Op, operand: &Operand<R>, form: &OperandForm) -> Result<(), OperandProblem> {
    let encoding = &op.info().encoding;
    match (form.kind, operand) {
        (
            Kind::Register(_)
            | Kind::RegisterOrMemory(_)
            | Kind::RegisterInMemoryField(_)
            | Kind::Fixed(_),
            Operand::Reg(_),
        )
        | (Kind::Target, Operand::Label(_)) => Ok(()),
        (Kind::RegisterOrMemory(_) | Kind::Memory | Kind::Address, Operand::Mem(mem)) => {
            match (&mem.base, &mem.index) {
                (Base::Label(_), Some(_)) => Err(OperandProblem::IndexWithLabel),
                _ => Ok(()),
            }
        }
        (Kind::Immediate, Operand::Imm(value)) => {
            check_immediate(*value, encoding.immediate_bytes, form.width)
        }
        (Kind::Target, Operand::Imm(value)) => {
            check_immediate(*value, encoding.distance_bytes, form.width)
        }
        _ => Err(OperandProblem::Kind(form.kind)),
    }
}

/// A value fits a field if sign extension of the field gives it back, or, where the field is as
/// wide as the operand, also if the value is the same bits taken as unsigned.
fn check_immediate(value: i64, field_bytes: u8, width: Width) -> Result<(), OperandProblem> {
    let field_bits = u32::from(field_bytes) * 8;
    let shift = 64 - field_bits;
    let is_signed = (value << shift) >> shift == value;
    let is_unsigned =
        field_bytes == width.bytes() && (value as u64) << shift >> shift == value as u64;
    if is_signed || is_unsigned {
        Ok(())
    } else {
        Err(OperandProblem::Immediate {
            value,
            field_bytes,
            width,
        })
    }
}
