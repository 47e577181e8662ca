//! From allocated machine code to bytes: what the target has to say.
//!
//! Branches reach wherever they have to: the assembler puts veneers between instructions where
//! the code outgrows them, which change neither registers nor flags.

mod address;
mod call;
mod float;
mod frame;
mod object;

use crate::machine::{Condition, Inst, Register};
use crate::registers::{TABLE, reg};
use crate::relocation::kind_of;
use enjamb_aarch64::{
    self as aarch64, Assembler, Item, Label, Listing, Mem, Op, Operand, Reg, Width, access, sized,
};
use enjamb_lower::{
    Assembled, Code, Emission, EmissionState, EmitTarget, Lower, Reason, TargetPredicate, register,
};
use enjamb_regalloc::{Block, Location, PReg, RegClass};
use std::ops::{Deref, DerefMut};

/// Code that is put behind the blocks.
pub(crate) enum OutOfLine {
    /// Puts the canonical NaN into a register and goes back.
    Nan {
        at: Label,
        back: Label,
        register: Reg,
        size: Width,
    },
}

type State<'a> = EmissionState<'a, Inst, Label, OutOfLine>;

/// A function while it is emitted.
pub(crate) struct Emitter<'a> {
    state: State<'a>,
    assembler: Assembler,
    tables: Vec<Label>,
    /// By block: whether a jump through a register arrives there and has to find a landing pad.
    landing: Vec<bool>,
}

impl<'a> Deref for Emitter<'a> {
    type Target = State<'a>;

    fn deref(&self) -> &State<'a> {
        &self.state
    }
}

impl<'a> DerefMut for Emitter<'a> {
    fn deref_mut(&mut self) -> &mut State<'a> {
        &mut self.state
    }
}

/// The register of a location that must be one.
fn register_at(at: &[Location], index: usize) -> Lower<Reg> {
    let location = at.get(index).copied().ok_or(Reason::Malformed)?;
    Ok(reg(register(location)?))
}

/// By block: whether a jump through a register arrives there, from a table or with an exception.
fn arrivals(state: &State<'_>) -> Vec<bool> {
    let allocation = state.allocation;
    let function = allocation.function();
    let mut landing = vec![false; function.num_blocks()];
    for &block in allocation.emission().blocks() {
        let last = function.block_insts(block).last();
        let targets = match last.map(|last| &function.inst(last).code) {
            Some(Code::TableJump { .. }) => 0..function.block_successors(block).len(),
            Some(Code::TryCall { .. }) => 1..2,
            _ => continue,
        };
        for target in targets.filter_map(|index| allocation.successor(block, index)) {
            landing[target.index()] = true;
        }
    }
    landing
}

impl<'a> EmitTarget<'a> for Emitter<'a> {
    type Inst = Inst;
    type Label = Label;
    type OutOfLine = OutOfLine;

    fn new(state: State<'a>) -> Lower<Self> {
        let mut assembler = Assembler::with_labels(state.lowered.function.num_blocks() as u32);
        if state.with_text {
            assembler.keep_listing();
        }
        let tables = (0..state.lowered.tables).map(|_| assembler.new_label());
        let tables = tables.collect();
        let landing = match state.options.branch_protection {
            true => arrivals(&state),
            false => Vec::new(),
        };
        Ok(Emitter {
            state,
            assembler,
            tables,
            landing,
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
        let is_landing = self.landing.get(label.index() as usize) == Some(&true);
        if is_landing {
            // Nothing may stand between the label and its landing pad.
            self.assembler.reserve(4);
        }
        self.assembler.bind(label);
        if is_landing {
            self.op(Op::BtiJ, &[]);
        }
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

    fn jump_if(&mut self, condition: &Condition, at: &[Location], to: Label) -> Lower<()> {
        let (op, width) = match *condition {
            Condition::Flag(cond) => {
                self.assembler.jcc(cond, to);
                return Ok(());
            }
            Condition::Zero(_, width) => (sized::CBZ_R, width),
            Condition::NotZero(_, width) => (sized::CBNZ_R, width),
            Condition::BitClear(_, bit) => return self.jump_if_bit(Op::Tbz64RI, at, bit, to),
            Condition::BitSet(_, bit) => return self.jump_if_bit(Op::Tbnz64RI, at, bit, to),
        };
        let value = register_at(at, 0)?;
        self.op(op.at(width), &[value.into(), to.into()]);
        Ok(())
    }

    fn branch(
        &mut self,
        condition: &Condition,
        at: &[Location],
        yes: Block,
        no: Block,
        next: Option<Block>,
    ) -> Lower<()> {
        let (condition, to, otherwise) = match next == Some(yes) {
            true => (condition.inverted(), no, yes),
            false => (*condition, yes, no),
        };
        self.jump_if(&condition, at, Self::block_label(to))?;
        self.jump_to(otherwise, next);
        Ok(())
    }

    fn instruction(&mut self, inst: &Inst, at: &[Location]) -> Lower<()> {
        match *inst {
            Inst::Asm(ref inst) => self.asm(inst, at),
            Inst::Constant { value, .. } => {
                let output = register_at(at, 0)?;
                self.constant(output, value);
                Ok(())
            }
            Inst::FloatConstant { size, bits, .. } => {
                let output = register_at(at, 0)?;
                self.float_constant(output, size, bits);
                Ok(())
            }
            Inst::VectorConstant { bits, .. } => {
                let output = register_at(at, 0)?;
                self.vector_constant(output, bits);
                Ok(())
            }
            Inst::Table { .. } => {
                let [first, second] = TABLE.map(Operand::from);
                let numbers = register_at(at, 2)?.into();
                let output = register_at(at, 3)?.into();
                self.op(Op::Tbl16BTTV, &[output, first, second, numbers]);
                Ok(())
            }
            Inst::Access {
                ref access,
                register,
                base,
                disp,
            } => {
                let register = match register {
                    Register::Fixed(register) => register,
                    _ => register_at(at, at.len().saturating_sub(1))?,
                };
                self.access(access, register, base, disp)
            }
            Inst::Address { base, disp, .. } => {
                let output = register_at(at, 0)?;
                self.add(output, base, i64::from(disp));
                Ok(())
            }
            Inst::CopyLoop { bytes, .. } => {
                let (to, from) = (register_at(at, 0)?, register_at(at, 1)?);
                self.copy_loop([to, from], register_at(at, 2)?, register_at(at, 3)?, bytes)
            }
            Inst::CanonicalNan { size, .. } => {
                let output = register_at(at, 1)?;
                self.canonical_nan(size, output);
                Ok(())
            }
        }
    }

    fn move_value(&mut self, from: Location, to: Location, class: RegClass) -> Lower<()> {
        let (op, load, store) = match class {
            RegClass::Int => (Op::Mov64RR, access::LDR_64, access::STR_64),
            _ if self.frame.request.vectors => (Op::Mov16BVV, access::LDR_V128, access::STR_V128),
            _ => (Op::Fmov64VV, access::LDR_V64, access::STR_V64),
        };
        let (access, register, slot) = match (from.as_reg(), to.as_reg()) {
            (Some(from), Some(to)) => {
                self.op(op, &[reg(to).into(), reg(from).into()]);
                return Ok(());
            }
            (None, Some(to)) => (load, to, from),
            (Some(from), None) => (store, from, to),
            (None, None) => return Err(Reason::Malformed),
        };
        let slot = slot.as_stack().ok_or(Reason::Malformed)?;
        let offset = self.frame.spill(slot.index());
        self.access(&access, reg(register), Reg::FP, offset)
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
        let (scratch, output) = (reg(scratch), reg(output));
        self.assembler.lea_label(scratch, table);
        let entry = access::LDRSW_64.inst(output, Mem::indexed(scratch, reg(index), 2))?;
        self.assembler.emit(&entry);
        let operands = [output, output, scratch].map(Operand::from);
        self.op(Op::Add64RRR, &operands);
        Ok(())
    }

    fn table_jump(&mut self, table: Label, target: PReg, targets: &[Label]) -> Lower<()> {
        self.op(Op::BrR, &[reg(target).into()]);
        self.assembler.label_address_table_at(table, targets);
        Ok(())
    }

    fn out_of_line(&mut self, part: OutOfLine) -> Lower<()> {
        match part {
            OutOfLine::Nan {
                at,
                back,
                register,
                size,
            } => {
                self.assembler.bind(at);
                self.load_nan(register, size);
                self.assembler.jmp(back);
            }
        }
        Ok(())
    }

    fn assemble(&mut self, marks: &[Label]) -> Lower<Assembled> {
        let code = std::mem::take(&mut self.assembler).finish()?;
        let listing = self.with_text.then(|| self.named_listing(code.listing()));
        Ok(Assembled {
            listing,
            ..assembled(code, marks)
        })
    }
}

/// What the assembler made, without a listing.
pub(crate) fn assembled(code: aarch64::Code, marks: &[Label]) -> Assembled {
    let relocations = code.relocations.iter().map(|relocation| {
        let kind = kind_of(relocation.kind);
        let (symbol, addend) = (relocation.symbol, relocation.addend);
        (relocation.offset, kind, symbol, addend)
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
    fn op(&mut self, op: Op, operands: &[Operand<Reg>]) {
        self.assembler.op(op, operands);
    }

    fn jump_if_bit(&mut self, op: Op, at: &[Location], bit: u8, to: Label) -> Lower<()> {
        let value = register_at(at, 0)?;
        let bit = Operand::Imm(i64::from(bit));
        self.op(op, &[value.into(), bit, to.into()]);
        Ok(())
    }

    /// Puts registers into an instruction of the assembler, in the order in which it names them.
    fn asm(&mut self, inst: &aarch64::Inst<Register>, at: &[Location]) -> Lower<()> {
        let mut rest = at.iter();
        let mut fault = None;
        let physical = inst.map_registers(|operand, _| {
            let index = match operand {
                Register::Fixed(register) => return register,
                Register::Value(_) => 0,
                Register::InPlace { .. } => 1,
            };
            let location = rest.nth(index).copied().ok_or(Reason::Malformed);
            location.and_then(register).map_or_else(
                |reason| {
                    fault = Some(reason);
                    Reg::ZR
                },
                reg,
            )
        });
        if let Some(reason) = fault {
            return Err(reason);
        }
        self.assembler.emit(&physical);
        Ok(())
    }

    /// The listing with the names of symbols in place of their numbers.
    fn named_listing(&self, listing: &Listing) -> String {
        let lines = listing.lines.iter().cloned().map(|mut line| {
            if let Item::External(text) = &line.item
                && let Some(text) = self.named(text)
            {
                line.item = Item::External(text);
            }
            line
        });
        let lines = lines.collect();
        Listing { lines }.to_string()
    }
}
