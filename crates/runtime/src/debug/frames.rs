//! Call-frame information: how a debugger walks from a frame to its caller.
//!
//! A compiled function and most stubs set up the frame pointer by the first two instructions, and
//! keep it until the last ones. Before that the rules are those of a function that has just been
//! called; from then on everything stands at fixed offsets from the frame pointer, whatever the
//! stack pointer does. The few stubs that differ:
//!
//! - what runs in the frame of an activation record, which other code has set up;
//! - the landings of traps and exceptions. They have no frame; the return address that identifies
//!   the place has been put where the runtime finds it, and there the debugger does too. So
//!   a breakpoint on one of them shows where a program fails.
//!
//! For the one or two instructions between giving up the frame pointer and returning there are no
//! rules of their own; on x86-64 GDB recognizes such places by itself.

use super::pieces::{Kind, Piece};
use enjamb_abi::activation::ActivationRecord;
use enjamb_abi::code::Symbol;
use enjamb_abi::context;
use enjamb_abi::target::Target;
use enjamb_abi::unwind::{self, UNWINDING_SIZE};
use enjamb_codegen::{CompiledModule, FunctionRange};
use enjamb_ir::TrapCode;
use gimli::write::{
    Address, CallFrameInstruction as Rule, CieId, CommonInformationEntry, Expression,
    FrameDescriptionEntry, FrameTable,
};
use gimli::{AArch64, Encoding, Format, Register, X86_64};

/// What the rules need to know of a target.
struct Machine {
    target: Target,
    stack_pointer: Register,
    frame_pointer: Register,
    return_address: Register,
    context: Register,
    /// From the stack pointer up to the caller's, when a function has just been called.
    called: i32,
    /// The instructions that set up the frame pointer, and the bytes of each.
    set_up: &'static [SetUp],
    /// The unit of instructions.
    alignment: u8,
}

/// Instructions that push caller's frame pointer and return address and set up the frame pointer.
struct SetUp {
    bytes: &'static [u8],
    /// After how many of them the registers are pushed.
    pushed: u32,
    /// From the frame pointer up to the stack pointer before.
    above: i32,
}

const X86_64_MACHINE: Machine = Machine {
    target: Target::X86_64,
    stack_pointer: X86_64::RSP,
    frame_pointer: X86_64::RBP,
    return_address: X86_64::RA,
    context: X86_64::R15,
    called: 8,
    set_up: &[SetUp {
        bytes: &[0x55, 0x48, 0x8b, 0xec], // push rbp; mov rbp, rsp
        pushed: 1,
        above: 8,
    }],
    alignment: 1,
};

const AARCH64_MACHINE: Machine = Machine {
    target: Target::Aarch64,
    stack_pointer: AArch64::SP,
    frame_pointer: AArch64::X29,
    return_address: AArch64::X30,
    context: AArch64::X28,
    called: 0,
    set_up: &[
        SetUp {
            // stp x29, x30, [sp, #-16]!; mov x29, sp
            bytes: &[0xfd, 0x7b, 0xbf, 0xa9, 0xfd, 0x03, 0x00, 0x91],
            pushed: 4,
            above: 16,
        },
        SetUp {
            // stp x29, x30, [sp, #-176]!; mov x29, sp
            bytes: &[0xfd, 0x7b, 0xb5, 0xa9, 0xfd, 0x03, 0x00, 0x91],
            pushed: 4,
            above: 176,
        },
    ],
    alignment: 4,
};

/// `paciasp`: from here on the return address is signed.
const PACIASP: [u8; 4] = [0x3f, 0x23, 0x03, 0xd5];

/// The information on all pieces of a module that is loaded at `base`.
pub(super) fn table(compiled: &CompiledModule, pieces: &[Piece<'_>], base: u64) -> FrameTable {
    let machine = match compiled.target {
        Target::X86_64 => &X86_64_MACHINE,
        Target::Aarch64 => &AARCH64_MACHINE,
    };
    let mut table = FrameTable::default();
    let common = table.add_cie(machine.common());
    for piece in pieces {
        let (entry, cie) = machine.describe(compiled, piece, base, common);
        table.add_fde(cie, entry);
    }
    table
}

impl Machine {
    /// The rules when a function has just been called.
    fn common(&self) -> CommonInformationEntry {
        let encoding = Encoding {
            address_size: 8,
            format: Format::Dwarf32,
            version: 4,
        };
        let (alignment, word) = (self.alignment, -8);
        let mut common =
            CommonInformationEntry::new(encoding, alignment, word, self.return_address);
        common.add_instruction(Rule::Cfa(self.stack_pointer, self.called));
        if self.called > 0 {
            common.add_instruction(Rule::Offset(self.return_address, -self.called));
        }
        common
    }

    fn describe(
        &self,
        compiled: &CompiledModule,
        piece: &Piece<'_>,
        base: u64,
        common: CieId,
    ) -> (FrameDescriptionEntry, CieId) {
        let address = Address::Constant(base + u64::from(piece.start));
        let mut entry = FrameDescriptionEntry::new(address, piece.end - piece.start);
        let record = self.target.activation_record();
        let bytes = &compiled.bytes[piece.start as usize..piece.end as usize];
        match piece.kind {
            Kind::Stub(Symbol::Resume(_) | Symbol::RootRecord) => {
                self.frame(&mut entry, 0, record.above);
                self.activation(&mut entry, 0, record);
            }
            Kind::Stub(Symbol::TrapLanding) => self.trap_landing(&mut entry),
            Kind::Stub(Symbol::Throw(_)) => self.throw(&mut entry),
            Kind::Stub(symbol) => {
                let is_activation = matches!(symbol, Symbol::Entry(_) | Symbol::Dispatcher);
                if let (Some(offset), true) = (self.set_up(&mut entry, bytes), is_activation) {
                    self.activation(&mut entry, offset + self.saves(record), record);
                }
            }
            Kind::Function(range) => {
                self.set_up(&mut entry, bytes);
                let first = compiled
                    .instructions
                    .partition_point(|inst| inst.offset < range.start);
                let body = compiled.instructions.get(first);
                if let Some(body) = body.filter(|body| body.offset < range.end) {
                    self.saved(&mut entry, body.offset - range.start, &range.saved);
                    self.overflow(&mut entry, compiled, range);
                }
            }
        }
        (entry, common)
    }

    /// The rules where the frame pointer is set up, from the bytes that do it; returns the offset
    /// behind them.
    fn set_up(&self, entry: &mut FrameDescriptionEntry, bytes: &[u8]) -> Option<u32> {
        if self.target == Target::Aarch64 && bytes.starts_with(&PACIASP) {
            entry.add_instruction(4, Rule::NegateRaState);
        }
        let (start, found) = self.set_up.iter().find_map(|set_up| {
            let mut windows = bytes.windows(set_up.bytes.len());
            Some((windows.position(|w| w == set_up.bytes)? as u32, set_up))
        })?;
        let above = found.above + self.called;
        entry.add_instruction(start + found.pushed, Rule::CfaOffset(above));
        let offset = start + found.bytes.len() as u32;
        self.frame(entry, offset, above);
        Some(offset)
    }

    /// The rules where the frame pointer is `above` bytes below the caller's stack pointer, and
    /// points at the caller's, next to which is the return address.
    fn frame(&self, entry: &mut FrameDescriptionEntry, offset: u32, above: i32) {
        entry.add_instruction(offset, Rule::Cfa(self.frame_pointer, above));
        entry.add_instruction(offset, Rule::Offset(self.frame_pointer, -above));
        entry.add_instruction(offset, Rule::Offset(self.return_address, 8 - above));
    }

    /// Bytes of the instructions that put the registers into an activation record. Until they have run, all registers
    /// still are the host's.
    fn saves(&self, record: &ActivationRecord) -> u32 {
        match self.target {
            // A `push` of one of the upper eight has a prefix.
            Target::X86_64 => record
                .ints
                .iter()
                .map(|&(number, _)| 1 + u32::from(number >= 8))
                .sum(),
            // Two registers each.
            Target::Aarch64 => 4 * (record.ints.len() + record.floats.len()) as u32 / 2,
        }
    }

    /// The registers that an activation record keeps.
    fn activation(
        &self,
        entry: &mut FrameDescriptionEntry,
        offset: u32,
        record: &ActivationRecord,
    ) {
        let ints = record
            .ints
            .iter()
            .map(|&(number, at)| (self.int(number), at));
        let floats = record.floats.iter();
        let floats = floats.map(|&(number, at)| (Register(AArch64::V0.0 + u16::from(number)), at));
        for (register, at) in ints.chain(floats) {
            entry.add_instruction(offset, Rule::Offset(register, at - record.above));
        }
    }

    /// The registers that a function saves, as indexes in the convention.
    fn saved(&self, entry: &mut FrameDescriptionEntry, offset: u32, saved: &[(u8, i32)]) {
        let registers = self.target.convention().callee_saved;
        for &(index, at) in saved {
            let register = self.int(registers[usize::from(index)]);
            entry.add_instruction(offset, Rule::Offset(register, at - 16));
        }
    }

    /// The stack is checked before registers are saved, and the call of the trap landing stands behind the body.
    fn overflow(
        &self,
        entry: &mut FrameDescriptionEntry,
        compiled: &CompiledModule,
        range: &FunctionRange,
    ) {
        let first = (compiled.traps).partition_point(|trap| trap.offset <= range.start);
        let within = compiled.traps[first..].iter();
        let mut within = within.take_while(|trap| trap.offset <= range.end);
        let Some(trap) = within.find(|trap| trap.site.code == TrapCode::StackOverflow) else {
            return;
        };
        let end = trap.offset - range.start;
        let call = end - self.of_target(5, 4);
        let registers = self.target.convention().callee_saved;
        for &(index, _) in &range.saved {
            let register = self.int(registers[usize::from(index)]);
            entry.add_instruction(call, Rule::Restore(register));
        }
        if trap.offset < range.end {
            self.saved(entry, end, &range.saved);
        }
    }

    /// The first instruction puts the return address into the context block, off the stack if it
    /// was there; the stack pointer stays below all frames.
    fn trap_landing(&self, entry: &mut FrameDescriptionEntry) {
        let place = context::offsets::TRAP_PC;
        // `pop [r15 + place]`, with a displacement of one byte or of four.
        let x86_64 = if place < 128 { 4 } else { 7 };
        let offset = self.of_target(x86_64, 4);
        let mut address = Expression::new();
        address.op_breg(self.context, i64::from(place));
        entry.add_instruction(offset, Rule::CfaOffset(0));
        entry.add_instruction(offset, Rule::Expression(self.return_address, address));
    }

    /// The first instruction makes room for an [`Unwinding`](unwind::Unwinding) above padding; the
    /// second one, where the return address is in a register, puts it there.
    fn throw(&self, entry: &mut FrameDescriptionEntry) {
        let size = UNWINDING_SIZE as i32;
        entry.add_instruction(4, Rule::CfaOffset(self.of_target(size + 16, size)));
        if self.called == 0 {
            let place = unwind::offsets::PC as i32 - size;
            entry.add_instruction(8, Rule::Offset(self.return_address, place));
        }
    }

    fn of_target<T>(&self, x86_64: T, aarch64: T) -> T {
        match self.target {
            Target::X86_64 => x86_64,
            Target::Aarch64 => aarch64,
        }
    }

    /// DWARF's number of an integer register. That of x86-64 has the first eight in another order
    /// than the processor (System V ABI, figure 3.36).
    fn int(&self, number: u8) -> Register {
        const X86_64_LOW: [Register; 8] = [
            X86_64::RAX,
            X86_64::RCX,
            X86_64::RDX,
            X86_64::RBX,
            X86_64::RSP,
            X86_64::RBP,
            X86_64::RSI,
            X86_64::RDI,
        ];
        match self.target {
            Target::X86_64 if number < 8 => X86_64_LOW[usize::from(number)],
            Target::X86_64 | Target::Aarch64 => Register(u16::from(number)),
        }
    }
}
