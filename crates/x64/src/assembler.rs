//! Instructions, labels and data in, finished code out.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::code::{Code, Reloc, RelocationKind};
use crate::error::{AssembleError, OperandError};
use crate::finish;
use crate::inst::Inst;
use crate::listing::Item;
use crate::nop;
use crate::op::Op;
use crate::operand::{Cond, Label, Mem, Operand};
use crate::register::Reg;
use crate::relax::{Align, Position};

/// Puts instructions one after the other and resolves what they refer to.
///
/// Methods do not fail: the first error is kept and comes out of [`Assembler::finish`], and what
/// is emitted after it is dropped.
#[derive(Default)]
pub struct Assembler {
    /// Everything but relative jumps and padding; see [`crate::relax`].
    pub(crate) bytes: Vec<u8>,
    pub(crate) jumps: Vec<PendingJump>,
    pub(crate) aligns: Vec<Align>,
    pub(crate) labels: Vec<Option<Position>>,
    pub(crate) fixups: Vec<Fixup>,
    pub(crate) relocations: Vec<(Position, Reloc)>,
    /// In the order of their first use, so that the result does not depend on hashing.
    constants: Vec<(Label, Constant)>,
    constant_labels: HashMap<Constant, Label>,
    pub(crate) lines: Option<Vec<(Position, Item)>>,
    instruction_count: usize,
    error: Option<AssembleError>,
}

/// A relative jump whose size is not chosen before the end.
pub(crate) struct PendingJump {
    pub(crate) at: Position,
    pub(crate) cond: Option<Cond>,
    pub(crate) target: Label,
}

/// Four bytes that depend on where a label is.
pub(crate) struct Fixup {
    pub(crate) at: Position,
    pub(crate) label: Label,
    pub(crate) addend: i64,
    pub(crate) from: Origin,
}

/// What a fix-up's distance counts from.
#[derive(Clone, Copy)]
pub(crate) enum Origin {
    /// The field itself.
    Field,
    /// A label: the start of a table.
    Label(Label),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Constant {
    bytes: [u8; 16],
    size: u8,
}

impl Assembler {
    /// An assembler without labels.
    pub fn new() -> Assembler {
        Assembler::default()
    }

    /// An assembler in which the labels `0..count` exist already, for clients that number them.
    pub fn with_labels(count: u32) -> Assembler {
        Assembler {
            labels: vec![None; count as usize],
            ..Assembler::default()
        }
    }

    /// Keeps what is needed for [`Code::listing`].
    pub fn keep_listing(&mut self) {
        self.lines.get_or_insert_default();
    }

    /// Puts a remark into the listing, if one is kept.
    pub fn comment(&mut self, text: impl FnOnce() -> String) {
        if self.lines.is_some() && self.error.is_none() {
            self.line(Item::Comment(text()));
        }
    }

    /// A label that is not bound.
    pub fn new_label(&mut self) -> Label {
        let label = Label::from_index(self.labels.len() as u32);
        self.labels.push(None);
        label
    }

    /// Binds `label` to the current place.
    pub fn bind(&mut self, label: Label) {
        let position = self.position();
        match self.labels.get_mut(label.index() as usize) {
            Some(bound @ None) => *bound = Some(position),
            Some(Some(_)) => self.fail(AssembleError::BoundTwice(label)),
            None => self.fail(AssembleError::Foreign(label)),
        }
        self.line(Item::Label(label));
    }

    /// A new label bound to the current place. Its offset is known once the code is finished,
    /// since the jumps before it have no size until then.
    pub fn mark(&mut self) -> Label {
        let label = self.new_label();
        let position = self.position();
        self.labels[label.index() as usize] = Some(position);
        label
    }

    /// Appends an instruction. A jump to a label gets its shortest encoding, whichever of the two
    /// forms `inst` has; every other instruction is encoded in the form it has.
    pub fn emit(&mut self, inst: &Inst<Reg>) {
        if self.error.is_some() {
            return;
        }
        match (inst.op().jump_condition(), inst.target()) {
            (Some(cond), Some(target)) => {
                let at = self.position();
                self.jumps.push(PendingJump { at, cond, target });
                self.line_at(at, Item::Inst(*inst));
            }
            _ => self.encode(inst, Item::Inst(*inst)),
        }
        self.instruction_count += 1;
        self.check_size();
    }

    /// Appends an instruction given as its form and the operands that its text shows; see
    /// [`Inst::physical`].
    pub fn op(&mut self, op: Op, shown: &[Operand<Reg>]) {
        match Inst::physical(op, shown) {
            Ok(inst) => self.emit(&inst),
            Err(error) => self.operand_error(error),
        }
    }

    fn encode(&mut self, inst: &Inst<Reg>, item: Item) {
        let start = self.position();
        match inst.encode(&mut self.bytes) {
            Ok(Some(field)) => {
                let at = Position {
                    bytes: start.bytes + u32::from(field.offset),
                    ..start
                };
                self.fixups.push(Fixup {
                    at,
                    label: field.label,
                    addend: field.addend,
                    from: Origin::Field,
                });
            }
            Ok(None) => {}
            Err(error) => self.operand_error(error),
        }
        self.line_at(start, item);
    }

    /// Jumps to `label`.
    pub fn jmp(&mut self, label: Label) {
        self.op(Op::JmpRel32, &[label.into()]);
    }

    /// Jumps to `label` if `cond` holds.
    pub fn jcc(&mut self, cond: Cond, label: Label) {
        self.op(Op::jcc(cond), &[label.into()]);
    }

    /// Calls the code at `label`.
    pub fn call(&mut self, label: Label) {
        self.op(Op::CallRel32, &[label.into()]);
    }

    /// Puts the address of `label` into `register`.
    pub fn lea_label(&mut self, register: Reg, label: Label) {
        self.op(Op::Lea64RM, &[register.into(), Mem::label(label).into()]);
    }

    /// Calls an external symbol.
    pub fn call_symbol(&mut self, symbol: u32) {
        self.external("call", Op::CallRel32, &[Operand::Imm(0)], symbol);
    }

    /// Jumps to an external symbol.
    pub fn jmp_symbol(&mut self, symbol: u32) {
        self.external("jmp", Op::JmpRel32, &[Operand::Imm(0)], symbol);
    }

    /// Puts the address of an external symbol within reach into `register`.
    pub fn lea_symbol(&mut self, register: Reg, symbol: u32) {
        // The label only shapes the field, which the relocation then owns.
        let shape = Mem::label(Label::from_index(0));
        let text = format!("lea {register},");
        self.external(&text, Op::Lea64RM, &[register.into(), shape.into()], symbol);
    }

    /// Puts the address of an external symbol anywhere into `register`.
    pub fn mov_symbol(&mut self, register: Reg, symbol: u32) {
        let text = format!("mov {register},");
        let operands = [register.into(), Operand::Imm(0)];
        self.external(&text, Op::Mov64RI, &operands, symbol);
    }

    /// Appends an instruction whose last field, as wide as its form says, is a symbol's.
    fn external(&mut self, text: &str, op: Op, operands: &[Operand<Reg>], symbol: u32) {
        if self.error.is_some() {
            return;
        }
        let start = self.position();
        let encoded = Inst::physical(op, operands).and_then(|inst| inst.encode(&mut self.bytes));
        if let Err(error) = encoded {
            return self.operand_error(error);
        }
        let (kind, size, addend) = match op {
            Op::Mov64RI => (RelocationKind::Abs64, 8, 0),
            _ => (RelocationKind::Rel32, 4, -4),
        };
        let mut at = self.position();
        at.bytes -= size;
        self.relocate(at, kind, symbol, addend);
        self.line_at(start, Item::External(format!("{text} symbol {symbol}")));
        self.instruction_count += 1;
        self.check_size();
    }

    fn relocate(&mut self, at: Position, kind: RelocationKind, symbol: u32, addend: i64) {
        let reloc = Reloc {
            offset: 0,
            kind,
            symbol,
            addend,
        };
        self.relocations.push((at, reloc));
    }

    /// Pads with empty instructions up to a multiple of `boundary`, a power of two up to 4096.
    pub fn align(&mut self, boundary: u32) {
        if !boundary.is_power_of_two() || boundary > 4096 {
            return self.fail(AssembleError::Alignment(boundary));
        }
        if self.error.is_some() {
            return;
        }
        let at = self.position();
        self.aligns.push(Align { at, boundary });
        self.line_at(at, Item::Data("padding"));
    }

    /// Appends `size` bytes of empty instructions.
    pub fn nop(&mut self, size: usize) {
        if self.error.is_some() {
            return;
        }
        let at = self.position();
        nop::pad(size, &mut self.bytes);
        self.line_at(at, Item::Data("nop"));
        self.check_size();
    }

    /// Appends bytes as they are.
    pub fn data(&mut self, bytes: &[u8]) {
        if self.error.is_some() {
            return;
        }
        let at = self.position();
        self.bytes.extend_from_slice(bytes);
        self.line_at(at, Item::Data("data"));
        self.check_size();
    }

    /// Appends eight bytes that will hold the address of an external symbol plus `addend`.
    pub fn data_symbol(&mut self, symbol: u32, addend: i64) {
        if self.error.is_some() {
            return;
        }
        self.relocate(self.position(), RelocationKind::Abs64, symbol, addend);
        self.data(&[0; 8]);
    }

    /// Appends a table of 32-bit distances from the table's start to each of `targets`, at a
    /// multiple of four, and returns a label at its start.
    pub fn label_address_table(&mut self, targets: &[Label]) -> Label {
        let table = self.new_label();
        self.label_address_table_at(table, targets);
        table
    }

    /// As [`Assembler::label_address_table`], and binds a label that exists already to the start.
    pub fn label_address_table_at(&mut self, table: Label, targets: &[Label]) {
        if self.error.is_some() {
            return;
        }
        self.align(4);
        self.bind(table);
        let start = self.position();
        for &label in targets {
            self.fixups.push(Fixup {
                at: self.position(),
                label,
                addend: 0,
                from: Origin::Label(table),
            });
            self.bytes.extend_from_slice(&[0; 4]);
        }
        self.line_at(start, Item::Data("table"));
        self.check_size();
    }

    /// A label at a constant of 4, 8 or 16 bytes, aligned to its size, which is placed after the
    /// code. Equal constants share a place.
    pub fn constant(&mut self, bytes: &[u8]) -> Label {
        if self.error.is_some() {
            return self.mark();
        }
        let mut constant = Constant {
            bytes: [0; 16],
            size: bytes.len() as u8,
        };
        if !matches!(bytes.len(), 4 | 8 | 16) {
            self.fail(AssembleError::ConstantSize(bytes.len()));
            return self.mark();
        }
        constant.bytes[..bytes.len()].copy_from_slice(bytes);
        let next = Label::from_index(self.labels.len() as u32);
        match self.constant_labels.entry(constant) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(place) => {
                place.insert(next);
                self.constants.push((next, constant));
                self.new_label()
            }
        }
    }

    /// Places the constants, chooses the sizes of jumps and fills in all distances.
    ///
    /// # Errors
    /// The first error of the whole assembly.
    pub fn finish(mut self) -> Result<Code, AssembleError> {
        self.place_constants();
        match self.error.take() {
            Some(error) => Err(error),
            None => finish::finish(self),
        }
    }

    /// Larger constants first, so that each size is aligned behind the one before it.
    fn place_constants(&mut self) {
        let constants = std::mem::take(&mut self.constants);
        for size in [16, 8, 4] {
            let mut of_size = constants
                .iter()
                .filter(|(_, constant)| constant.size == size)
                .peekable();
            if of_size.peek().is_some() {
                self.align(u32::from(size));
            }
            for (label, constant) in of_size {
                self.bind(*label);
                self.data(&constant.bytes[..usize::from(size)]);
            }
        }
    }

    fn position(&self) -> Position {
        Position {
            bytes: self.bytes.len() as u32,
            jumps: self.jumps.len() as u32,
            aligns: self.aligns.len() as u32,
        }
    }

    /// Keeps all offsets, and the sums of them that [`crate::relax`] forms, within 32 bits.
    fn check_size(&mut self) {
        let largest = self.bytes.len() + 6 * self.jumps.len();
        if largest > i32::MAX as usize {
            self.fail(AssembleError::TooLarge);
            self.bytes.clear();
        }
    }

    fn line(&mut self, item: Item) {
        self.line_at(self.position(), item);
    }

    fn line_at(&mut self, at: Position, item: Item) {
        if self.error.is_none()
            && let Some(lines) = &mut self.lines
        {
            lines.push((at, item));
        }
    }

    fn operand_error(&mut self, error: OperandError) {
        let instruction = self.instruction_count;
        self.fail(AssembleError::Operand { instruction, error });
    }

    fn fail(&mut self, error: AssembleError) {
        self.error.get_or_insert(error);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_emitted_after_an_error_is_dropped() {
        let mut assembler = Assembler::new();
        assembler.keep_listing();
        assembler.op(Op::Ret, &[]);
        assembler.align(3);
        let label = assembler.new_label();
        let register = Reg::RCX;
        assembler.op(Op::Ret, &[]);
        assembler.lea_label(register, label);
        assembler.jmp(label);
        assembler.call_symbol(1);
        assembler.mov_symbol(register, 1);
        assembler.data(&[1; 100]);
        assembler.data_symbol(1, 0);
        assembler.nop(64);
        assembler.align(64);
        assembler.label_address_table(&[label; 10]);
        assembler.constant(&[1; 16]);
        assembler.comment(|| "a remark".to_string());
        assembler.bind(label);
        assert_eq!(assembler.bytes.len(), 1);
        assert_eq!(assembler.lines.as_ref().map(Vec::len), Some(1));
        assert!(assembler.jumps.is_empty() && assembler.aligns.is_empty());
        assert!(assembler.fixups.is_empty() && assembler.relocations.is_empty());
        assert!(assembler.constants.is_empty());
        assert_eq!(assembler.finish().err(), Some(AssembleError::Alignment(3)));
    }
}
