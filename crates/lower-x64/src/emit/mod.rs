//! From allocated machine code to bytes: what the target has to say.

mod call;
mod float;
mod frame;
mod object;

use crate::machine::{Inst, Predicate, Register};
use crate::registers::reg;
use enjamb_abi::code::RelocationKind;
use enjamb_lower::{Assembled, Emission, EmissionState, EmitTarget, Lower, Reason};
use enjamb_regalloc::{Block, Location, PReg, RegClass};
use enjamb_x64::{
    self as x64, Assembler, Base, Cond, Inst as Asm, Item, Label, Listing, Mem, Op, Operand, Reg,
};
use std::cell::Cell;
use std::ops::{Deref, DerefMut};

/// Code that is put behind the blocks.
pub(crate) enum OutOfLine {
    /// Puts the canonical NaN into a register and goes back.
    Nan {
        at: Label,
        back: Label,
        register: Reg,
        is_single: bool,
    },
}

/// What the emission of a function knows.
type State<'a> = EmissionState<'a, Inst, Label, OutOfLine>;

/// A function while it is emitted.
pub(crate) struct Emitter<'a> {
    state: State<'a>,
    assembler: Assembler,
    constants: Vec<Label>,
    tables: Vec<Label>,
}

impl<'a> Deref for Emitter<'a> {
    type Target = State<'a>;

    fn deref(&self) -> &Self::Target {
        &self.state
    }
}

impl DerefMut for Emitter<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.state
    }
}

/// The general or vector register of a location that must be one.
fn register(location: Location) -> Lower<Reg> {
    enjamb_lower::register(location).map(reg)
}

impl<'a> EmitTarget<'a> for Emitter<'a> {
    type Inst = Inst;
    type Label = Label;
    type OutOfLine = OutOfLine;

    fn new(state: State<'a>) -> Lower<Self> {
        let lowered = state.lowered;
        let mut assembler = Assembler::with_labels(lowered.function.num_blocks() as u32);
        if state.with_text {
            assembler.keep_listing();
        }
        let constants = lowered.constants.iter();
        let constants = constants
            .map(|(bytes, size)| assembler.constant(&bytes[..usize::from(*size)]))
            .collect();
        let tables = (0..lowered.tables).map(|_| assembler.new_label()).collect();
        Ok(Emitter {
            state,
            assembler,
            constants,
            tables,
        })
    }

    /// A label for each block of the machine function comes first.
    fn block_label(block: Block) -> Label {
        Label::from_index(block.index() as u32)
    }

    fn table_label(&self, table: u32) -> Label {
        self.tables[table as usize]
    }

    fn new_label(&mut self) -> Label {
        self.assembler.new_label()
    }

    fn bind(&mut self, label: Label) {
        self.assembler.bind(label);
    }

    fn mark(&mut self) -> Label {
        self.assembler.mark()
    }

    fn comment(&mut self, text: impl FnOnce() -> String) {
        self.assembler.comment(text);
    }

    fn jump(&mut self, to: Label) {
        self.assembler.jmp(to);
    }

    fn jump_if(&mut self, predicate: &Predicate, _: &[Location], to: Label) -> Lower<()> {
        match *predicate {
            Predicate::Flag(cond) => self.assembler.jcc(cond, to),
            Predicate::FloatEqual => {
                let skip = self.new_label();
                self.assembler.jcc(Cond::P, skip);
                self.assembler.jcc(Cond::E, to);
                self.bind(skip);
            }
            Predicate::FloatNotEqual => {
                self.assembler.jcc(Cond::NE, to);
                self.assembler.jcc(Cond::P, to);
            }
        }
        Ok(())
    }

    fn branch(
        &mut self,
        predicate: &Predicate,
        _: &[Location],
        yes: Block,
        no: Block,
        next: Option<Block>,
    ) -> Lower<()> {
        let (jump, to, otherwise) = match *predicate {
            Predicate::Flag(cond) if next == Some(yes) => ([Some(cond.invert()), None], no, yes),
            Predicate::Flag(cond) => ([Some(cond), None], yes, no),
            Predicate::FloatEqual => ([Some(Cond::NE), Some(Cond::P)], no, yes),
            Predicate::FloatNotEqual => ([Some(Cond::NE), Some(Cond::P)], yes, no),
        };
        for cond in jump.into_iter().flatten() {
            self.assembler.jcc(cond, Self::block_label(to));
        }
        self.jump_to(otherwise, next);
        Ok(())
    }

    fn instruction(&mut self, inst: &Inst, at: &[Location]) -> Lower<()> {
        match inst {
            Inst::Asm(inst) => self.asm(inst, at),
            Inst::FloatZero(_) => {
                let output = register(at[0])?.into();
                self.op(Op::XorpsXM, &[output, output]);
                Ok(())
            }
            Inst::AllOnes(_) => {
                let output = register(at[0])?.into();
                self.op(Op::PcmpeqdXM, &[output, output]);
                Ok(())
            }
            &Inst::CanonicalNan { size, .. } => self.canonical_nan(size, register(at[1])?),
            &Inst::Extremum { size, is_max, .. } => {
                self.extremum(size, is_max, register(at[2])?, register(at[1])?)
            }
            &Inst::FloatSelect { predicate, .. } => {
                self.float_select(predicate, register(at[2])?, register(at[1])?);
                Ok(())
            }
        }
    }

    fn move_value(&mut self, from: Location, to: Location, class: RegClass) -> Lower<()> {
        let op = match (class, from.is_reg(), to.is_reg()) {
            (RegClass::Int, _, true) => Op::Mov64RM,
            (RegClass::Int, ..) => Op::Mov64MR,
            (_, true, true) => Op::MovapsXM,
            (_, false, _) if self.frame.request.vectors => Op::MovapsXM,
            (_, _, false) if self.frame.request.vectors => Op::MovapsMX,
            (_, false, _) => Op::MovsdXM,
            (_, _, false) => Op::MovsdMX,
        };
        let operands = [self.place(to)?, self.place(from)?];
        self.op(op, &operands);
        Ok(())
    }

    fn symbol_address(&mut self, output: PReg, symbol: u32) -> Lower<()> {
        self.assembler.lea_symbol(reg(output), symbol);
        Ok(())
    }

    fn table_address(
        &mut self,
        table: Label,
        index: PReg,
        scratch: PReg,
        output: PReg,
    ) -> Lower<()> {
        let (index, scratch, output) = (reg(index), reg(scratch), reg(output));
        self.assembler.lea_label(scratch, table);
        let entry = Mem::indexed(scratch, index, x64::Scale::Four, 0);
        self.op(Op::Movsxd64RM32, &[output.into(), entry.into()]);
        self.op(Op::Add64RM, &[output.into(), scratch.into()]);
        Ok(())
    }

    fn table_jump(&mut self, table: Label, target: PReg, targets: &[Label]) -> Lower<()> {
        self.op(Op::JmpM, &[reg(target).into()]);
        self.assembler.label_address_table_at(table, targets);
        Ok(())
    }

    fn out_of_line(&mut self, part: OutOfLine) -> Lower<()> {
        match part {
            OutOfLine::Nan {
                at,
                back,
                register,
                is_single,
            } => {
                self.bind(at);
                self.load_nan(register, is_single);
                self.jump(back);
            }
        }
        Ok(())
    }

    fn assemble(&mut self, marks: &[Label]) -> Lower<Assembled> {
        let code = std::mem::take(&mut self.assembler).finish()?;
        let listing = self.with_text.then(|| self.listing(code.listing()));
        Ok(Assembled {
            listing,
            ..assembled(code, marks)
        })
    }
}

/// What the assembler made, without a listing.
pub(crate) fn assembled(code: x64::Code, marks: &[Label]) -> Assembled {
    let relocations = code.relocations.iter().map(|relocation| {
        let kind = match relocation.kind {
            x64::RelocationKind::Rel32 => RelocationKind::Relative32,
            x64::RelocationKind::Abs64 => RelocationKind::Absolute64,
        };
        (
            relocation.offset,
            kind,
            relocation.symbol,
            relocation.addend,
        )
    });
    Assembled {
        relocations: relocations.collect(),
        offsets: marks.iter().map(|&mark| code.offset(mark)).collect(),
        align: code.alignment,
        listing: None,
        bytes: code.bytes,
    }
}

impl Emitter<'_> {
    /// The listing with the names of symbols in place of their numbers.
    fn listing(&self, listing: &Listing) -> String {
        let lines = listing.lines.iter().cloned().map(|mut line| {
            if let Item::External(text) = &line.item {
                line.item = Item::External(self.named(text).unwrap_or_else(|| text.clone()));
            }
            line
        });
        let listing = Listing {
            lines: lines.collect(),
        };
        listing.to_string()
    }

    fn op(&mut self, op: Op, operands: &[Operand<Reg>]) {
        self.assembler.op(op, operands);
    }

    /// An instruction with an immediate, in its shortest form.
    fn immediate(&mut self, op: Op, target: Operand<Reg>, value: i64) -> Lower<()> {
        let inst = Asm::physical(op, &[target, Operand::Imm(value)])?;
        self.assembler.emit(&inst.shortest());
        Ok(())
    }

    /// A register or the memory of a spill slot.
    fn place(&self, location: Location) -> Lower<Operand<Reg>> {
        match (location.as_reg(), location.as_stack()) {
            (Some(preg), _) => Ok(reg(preg).into()),
            (None, Some(slot)) => Ok(Mem::base(Reg::RBP, self.frame.spill(slot.index())).into()),
            (None, None) => Err(Reason::Malformed),
        }
    }

    /// Puts locations into an instruction of the assembler, in the order of its operands.
    fn asm(&mut self, inst: &Asm<Register>, at: &[Location]) -> Lower<()> {
        let next = Cell::new(0);
        let take = || {
            let index = next.replace(next.get() + 1);
            at.get(index).copied().unwrap_or(Location::none())
        };
        let of = |register: Register| match register {
            Register::Fixed(register) => Ok(register.into()),
            Register::Value(_) => self.place(take()),
            Register::InPlace { .. } => {
                take();
                self.place(take())
            }
        };
        let fault = Cell::new(false);
        let missing = |_| {
            fault.set(true);
            Operand::Reg(Reg::RAX)
        };
        let physical = inst.map_operands(
            |register, _| of(register).unwrap_or_else(missing),
            |register| match of(register) {
                Ok(Operand::Reg(register)) => register,
                _ => {
                    fault.set(true);
                    Reg::RAX
                }
            },
        )?;
        if fault.get() {
            return Err(Reason::Malformed);
        }
        let physical = self.with_constants(physical)?;
        self.assembler.emit(&physical);
        Ok(())
    }

    /// Replaces the number of a constant by its label.
    fn with_constants(&self, inst: Asm<Reg>) -> Lower<Asm<Reg>> {
        let is_constant = |operand: &Operand<Reg>| {
            matches!(
                operand,
                Operand::Mem(Mem {
                    base: Base::Label(_),
                    ..
                })
            )
        };
        if !inst.operands().iter().any(is_constant) {
            return Ok(inst);
        }
        let operands: Vec<Operand<Reg>> = inst
            .operands()
            .iter()
            .map(|operand| match operand {
                Operand::Mem(mem) => match mem.base {
                    Base::Label(index) => {
                        Operand::Mem(Mem::label(self.constants[index.index() as usize]))
                    }
                    _ => *operand,
                },
                _ => *operand,
            })
            .collect();
        Ok(Asm::new(inst.op(), &operands)?)
    }
}
