//! Instructions, labels and data in, finished code out.

use crate::code::{Code, Reloc, RelocationKind};
use crate::encode::LabelField;
use crate::error::{AssembleError, OperandError};
use crate::inst::Inst;
use crate::island::{Growth, Waiting};
use crate::listing::Item;
use crate::op::Op;
use crate::operand::{Cond, Label, Operand};
use crate::pool::{Constant, Pool};
use crate::reach::Reach;
use crate::register::Reg;

/// Puts instructions one after the other and resolves what they refer to.
///
/// Methods do not fail: the first error is kept and comes out of [`Assembler::finish`], and what
/// is emitted after it is dropped.
///
/// An instruction that refers to a label takes four bytes, whether the label is bound or not. Where a
/// conditional branch, or the address of a label, does not reach it,
///
/// * backwards, a branch becomes one over an unconditional branch, with the opposite condition, and an
///   `adr` gets an `add` behind it;
/// * forwards, it goes by way of a *veneer* near by, in an island in the code.
///
/// So code can stand between any two things emitted, before the second; [`Assembler::reserve`] keeps
/// it out. It changes no register and no flags.
#[derive(Default)]
pub struct Assembler {
    pub(crate) bytes: Vec<u8>,
    pub(crate) labels: Vec<LabelState>,
    /// References that are filled in at the end, as they reach everything.
    pub(crate) fixups: Vec<Fixup>,
    pub(crate) waiting: Waiting,
    pub(crate) pool: Pool,
    pub(crate) relocations: Vec<Reloc>,
    pub(crate) alignment: u32,
    /// No island is put in before this offset.
    pub(crate) reserved: u32,
    pub(crate) lines: Option<Vec<(u32, Item)>>,
    instruction_count: usize,
    pub(crate) error: Option<AssembleError>,
}

/// What is known of a label.
#[derive(Clone, Default)]
pub(crate) struct LabelState {
    /// Where it is.
    pub(crate) bound: Option<u32>,
    /// The bytes of veneers for the references that wait for it, by queue.
    pub(crate) waiting: [u32; 2],
    /// Where the last veneer for a branch to it is.
    pub(crate) veneer: Option<u32>,
    /// The constant that is there.
    pub(crate) constant: Option<u32>,
}

/// Bits that depend on where a label is.
#[derive(Clone, Copy)]
pub(crate) struct Fixup {
    pub(crate) at: u32,
    pub(crate) label: Label,
    pub(crate) shape: Shape,
}

/// What a fix-up changes.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    /// An instruction.
    Field(Reach),
    /// An `adr` with an `add` behind it.
    FarAddress,
    /// Four bytes of a table, whose start is the label.
    Table(Label),
}

/// The longest code: every branch with 26 bits reaches all of it.
const MAX_BYTES: usize = 1 << 27;
/// The most bytes that one reference to a label takes.
const LARGEST_INSTRUCTION: u32 = 8;
/// The most bytes that can be kept together.
const MAX_RESERVED: u32 = 4096;

impl Assembler {
    /// An assembler without labels.
    pub fn new() -> Assembler {
        Assembler::with_labels(0)
    }

    /// An assembler in which the labels `0..count` exist already, for clients that number them.
    pub fn with_labels(count: u32) -> Assembler {
        Assembler {
            labels: vec![LabelState::default(); count as usize],
            alignment: 4,
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
        self.labels.push(LabelState::default());
        label
    }

    /// Binds `label` to the current place.
    pub fn bind(&mut self, label: Label) {
        let here = self.here();
        match self.labels.get_mut(label.index() as usize) {
            Some(LabelState { bound: Some(_), .. }) => self.fail(AssembleError::BoundTwice(label)),
            Some(state) => {
                state.bound = Some(here);
                self.waiting.release(state);
            }
            None => self.fail(AssembleError::Foreign(label)),
        }
        self.line(Item::Label(label));
    }

    /// A new label bound to the current place.
    pub fn mark(&mut self) -> Label {
        let here = self.here();
        let label = self.new_label();
        self.labels[label.index() as usize].bound = Some(here);
        label
    }

    /// Appends an instruction.
    pub fn emit(&mut self, inst: &Inst<Reg>) {
        match inst.word() {
            Ok((word, field)) => self.instruction(word, field, || Item::Inst(*inst)),
            Err(error) => self.operand_error(error),
        }
        self.instruction_count += 1;
    }

    /// Appends an instruction given as its form and its operands; see [`Inst::new`].
    pub fn op(&mut self, op: Op, operands: &[Operand<Reg>]) {
        match Inst::new(op, operands) {
            Ok(inst) => self.emit(&inst),
            Err(error) => self.operand_error(error),
        }
    }

    /// Sets all 64 bits of `register` to `value`; flags are kept. See [`Inst::load_constant`].
    pub fn load_constant(&mut self, register: Reg, value: u64) {
        for inst in Inst::load_constant(value, |_| register) {
            self.emit(&inst);
        }
    }

    fn instruction(&mut self, word: u32, field: Option<LabelField>, item: impl FnOnce() -> Item) {
        if self.error.is_some() {
            return;
        }
        // Asked before the island, which is aligned.
        if !self.here().is_multiple_of(4) {
            return self.fail(AssembleError::Misaligned(self.here()));
        }
        self.make_room(Growth {
            bytes: LARGEST_INSTRUCTION,
            references: u32::from(field.is_some()),
        });
        let start = self.here();
        match field {
            Some(field) => self.reference(word, field),
            None => self.push_word(word),
        }
        if self.lines.is_some() {
            self.line_at(start, item());
        }
        self.check_size();
    }

    /// Jumps to `label`.
    pub fn jmp(&mut self, label: Label) {
        self.op(Op::B, &[label.into()]);
    }

    /// Jumps to `label` if `cond` holds.
    pub fn jcc(&mut self, cond: Cond, label: Label) {
        self.op(Op::BCond, &[cond.into(), label.into()]);
    }

    /// Calls the code at `label`.
    pub fn call(&mut self, label: Label) {
        self.op(Op::Bl, &[label.into()]);
    }

    /// Puts the address of `label` into `register`.
    pub fn lea_label(&mut self, register: Reg, label: Label) {
        self.op(Op::Adr, &[register.into(), label.into()]);
    }

    /// Calls an external symbol.
    pub fn call_symbol(&mut self, symbol: u32) {
        self.external(
            "bl",
            Op::Bl,
            &[Operand::Imm(0)],
            RelocationKind::Branch26,
            symbol,
        );
    }

    /// Jumps to an external symbol.
    pub fn jmp_symbol(&mut self, symbol: u32) {
        self.external(
            "b",
            Op::B,
            &[Operand::Imm(0)],
            RelocationKind::Branch26,
            symbol,
        );
    }

    /// Puts the address of an external symbol within 4 GiB into `register`, with an `adrp` and an
    /// `add`. The linker has to know addresses modulo 4096.
    pub fn lea_symbol(&mut self, register: Reg, symbol: u32) {
        let page = [register.into(), Operand::Imm(0)];
        let text = format!("adrp {register},");
        self.external(&text, Op::Adrp, &page, RelocationKind::Page21, symbol);
        let low = [register.into(), register.into(), Operand::Imm(0)];
        let text = format!("add {register}, {register}, lowest 12 bits of");
        self.external(&text, Op::Add64RRI, &low, RelocationKind::Low12, symbol);
    }

    /// Puts the address of an external symbol anywhere into `register`, from a constant.
    pub fn mov_symbol(&mut self, register: Reg, symbol: u32) {
        let label = self.constant_label(Constant::Symbol(symbol));
        self.op(Op::Ldr64Literal, &[register.into(), label.into()]);
    }

    /// Appends an instruction of which a field is a symbol's.
    fn external(
        &mut self,
        text: &str,
        op: Op,
        operands: &[Operand<Reg>],
        kind: RelocationKind,
        symbol: u32,
    ) {
        match Inst::new(op, operands).and_then(|inst| inst.word()) {
            Ok((word, _)) => {
                self.instruction(word, None, || {
                    Item::External(format!("{text} symbol {symbol}"))
                });
                let offset = self.here().saturating_sub(4);
                self.relocate(offset, kind, symbol, 0);
            }
            Err(error) => self.operand_error(error),
        }
        self.instruction_count += 1;
    }

    pub(crate) fn relocate(&mut self, offset: u32, kind: RelocationKind, symbol: u32, addend: i64) {
        if self.error.is_some() {
            return;
        }
        self.relocations.push(Reloc {
            offset,
            kind,
            symbol,
            addend,
        });
    }

    /// Sees to it that no island stands between what is emitted in the next `bytes` bytes, at most
    /// 4096.
    pub fn reserve(&mut self, bytes: u32) {
        if self.error.is_some() {
            return;
        }
        if bytes > MAX_RESERVED {
            return self.fail(AssembleError::Reservation(bytes));
        }
        self.make_room(Growth {
            bytes: bytes + LARGEST_INSTRUCTION,
            references: bytes / 4 + 1,
        });
        self.reserved = self.reserved.max(self.here() + bytes);
    }

    /// Puts an island into the code now if `bytes` of data would leave no room for it.
    fn make_room_for_data(&mut self, bytes: usize) {
        // More than the code may have is refused once it is there.
        let bytes = bytes.min(MAX_BYTES + 4) as u32;
        self.make_room(Growth {
            bytes,
            references: 0,
        });
    }

    /// Pads with empty instructions up to a multiple of `boundary`, a power of two up to 4096. Before
    /// the next multiple of four the padding is zeros.
    pub fn align(&mut self, boundary: u32) {
        if !boundary.is_power_of_two() || boundary > 4096 {
            return self.fail(AssembleError::Alignment(boundary));
        }
        if self.error.is_some() {
            return;
        }
        self.make_room_for_data(boundary as usize);
        self.pad(boundary);
        self.check_size();
    }

    fn pad(&mut self, boundary: u32) {
        self.alignment = self.alignment.max(boundary);
        let at = self.here();
        let end = at.next_multiple_of(boundary);
        let first = at.next_multiple_of(boundary.min(4));
        self.bytes.resize(first as usize, 0);
        for _ in (first..end).step_by(4) {
            self.push_word(NOP);
        }
        self.line_at(at, Item::Data("padding"));
    }

    /// Appends `size` bytes of empty instructions, a multiple of four.
    pub fn nop(&mut self, size: usize) {
        if self.error.is_some() {
            return;
        }
        let end = self.bytes.len() + size;
        if !end.is_multiple_of(4) || !size.is_multiple_of(4) {
            return self.fail(AssembleError::Misaligned(end as u32));
        }
        for start in (0..size).step_by(RUN_OF_NOPS) {
            let run = RUN_OF_NOPS.min(size - start);
            self.append(&NOP.to_le_bytes().repeat(run / 4), "nop");
        }
    }

    /// Appends bytes as they are. A label that is bound right before stands at their start if room was
    /// reserved before it ([`Assembler::reserve`]).
    pub fn data(&mut self, bytes: &[u8]) {
        self.append(bytes, "data");
    }

    fn append(&mut self, bytes: &[u8], what: &'static str) {
        if self.error.is_some() {
            return;
        }
        self.make_room_for_data(bytes.len());
        let at = self.here();
        self.bytes.extend_from_slice(bytes);
        self.line_at(at, Item::Data(what));
        self.check_size();
    }

    /// Appends eight bytes that will hold the address of an external symbol plus `addend`.
    pub fn data_symbol(&mut self, symbol: u32, addend: i64) {
        if self.error.is_some() {
            return;
        }
        self.make_room_for_data(8);
        self.relocate(self.here(), RelocationKind::Abs64, symbol, addend);
        self.append(&[0; 8], "data");
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
        self.make_room_for_data(4 * targets.len() + 4);
        self.pad(4);
        self.bind(table);
        let start = self.here();
        for &label in targets {
            self.fixups.push(Fixup {
                at: self.here(),
                label,
                shape: Shape::Table(table),
            });
            self.push_word(0);
        }
        self.line_at(start, Item::Data("table"));
        self.check_size();
    }

    /// A label at a constant of 4, 8 or 16 bytes, aligned to its size, which is placed after the code
    /// or in an island. Equal constants share a place; where a load does not reach it, the constant
    /// has another one, and the label stands for that too.
    pub fn constant(&mut self, bytes: &[u8]) -> Label {
        if !matches!(bytes.len(), 4 | 8 | 16) {
            self.fail(AssembleError::ConstantSize(bytes.len()));
            return self.mark();
        }
        let mut padded = [0; 16];
        padded[..bytes.len()].copy_from_slice(bytes);
        self.constant_label(Constant::Bytes {
            bytes: padded,
            size: bytes.len() as u32,
        })
    }

    fn constant_label(&mut self, constant: Constant) -> Label {
        if self.error.is_some() {
            return self.mark();
        }
        let next = Label::from_index(self.labels.len() as u32);
        let number = self.pool.add(constant, next);
        let label = self.pool.label(number);
        if label == next {
            self.new_constant_label(number);
        }
        label
    }

    pub(crate) fn new_constant_label(&mut self, number: u32) -> Label {
        let label = self.new_label();
        self.labels[label.index() as usize].constant = Some(number);
        label
    }

    /// Places the constants and fills in all distances.
    ///
    /// # Errors
    /// The first error of the whole assembly.
    pub fn finish(mut self) -> Result<Code, AssembleError> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        // Those that loads wait for come first: room was kept for no others.
        let wanted = self.pool.take_wanted();
        self.place_constants(&wanted);
        let others = self.pool.take_all();
        self.place_constants(&others);
        crate::finish::finish(self)
    }

    pub(crate) fn here(&self) -> u32 {
        self.bytes.len() as u32
    }

    pub(crate) fn push_word(&mut self, word: u32) {
        self.bytes.extend_from_slice(&word.to_le_bytes());
    }

    /// Keeps all offsets within reach of every branch, and looks at the deadlines of what waits.
    pub(crate) fn check_size(&mut self) {
        if self.bytes.len() > MAX_BYTES {
            self.fail(AssembleError::TooLarge);
            self.bytes.clear();
        }
        debug_assert!(
            self.error.is_some() || self.waiting.due(self.here(), Growth::NONE).is_none(),
            "a reference is about to get out of reach"
        );
    }

    fn line(&mut self, item: Item) {
        self.line_at(self.here(), item);
    }

    pub(crate) fn line_at(&mut self, at: u32, item: Item) {
        if self.error.is_none()
            && let Some(lines) = &mut self.lines
        {
            lines.push((at, item));
        }
    }

    pub(crate) fn operand_error(&mut self, error: OperandError) {
        let instruction = self.instruction_count;
        self.fail(AssembleError::Operand { instruction, error });
    }

    pub(crate) fn fail(&mut self, error: AssembleError) {
        self.error.get_or_insert(error);
    }
}

/// The bytes of empty instructions that are appended at once.
const RUN_OF_NOPS: usize = 64;

/// `nop`
const NOP: u32 = 0xD503_201F;

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
        let register = Reg::X1;
        assembler.op(Op::Ret, &[]);
        assembler.lea_label(register, label);
        assembler.jmp(label);
        assembler.call_symbol(1);
        assembler.mov_symbol(register, 1);
        assembler.data(&[1; 100]);
        assembler.data_symbol(1, 0);
        assembler.nop(64);
        assembler.align(64);
        assembler.reserve(64);
        assembler.label_address_table(&[label; 10]);
        assembler.constant(&[1; 16]);
        assembler.comment(|| "a remark".to_string());
        assembler.bind(label);
        assert_eq!(assembler.bytes.len(), 4);
        assert_eq!(assembler.lines.as_ref().map(Vec::len), Some(1));
        assert_eq!((assembler.alignment, assembler.reserved), (4, 0));
        assert!(assembler.fixups.is_empty() && assembler.relocations.is_empty());
        assert!(assembler.pool.take_all().is_empty());
        assert_eq!(assembler.finish().err(), Some(AssembleError::Alignment(3)));
    }
}
