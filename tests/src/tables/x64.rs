//! x86-64 instructions, as iced-x86 decodes them.

use super::step::{Access, Flow, Place, Pointers, Registers, Step};
use iced_x86::{
    Decoder, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory, MemorySize,
    Mnemonic, OpAccess, OpKind, Register, UsedMemory,
};

/// `rbp` and `rsp`, which points at the return address in front of `push rbp`.
pub(super) const POINTERS: Pointers = Pointers {
    frame: 5,
    stack: 4,
    link: 16,
    called: 8,
};

/// The instruction at an offset in the code; `None` if there is none.
pub(super) fn decode(code: &[u8], at: u32) -> Option<Step> {
    let bytes = code.get(at as usize..)?;
    let inst = Decoder::with_ip(64, bytes, u64::from(at), DecoderOptions::NONE).decode();
    if inst.is_invalid() {
        return None;
    }
    let mut factory = InstructionInfoFactory::new();
    let info = factory.info(&inst);
    let mut written = Registers::default();
    let flow = flow(&inst);
    for used in info.used_registers() {
        if let (Some(number), true) = (number(used.register()), is_write(used.access())) {
            // A call puts the return address on the stack, and whoever returns takes it away.
            if !(matches!(flow, Flow::Call(_)) && number == POINTERS.stack) {
                written.add(number);
            }
        }
    }
    Some(Step {
        end: at + inst.len() as u32,
        flow,
        accesses: match whole(&inst) {
            Some(access) => vec![access],
            None => info.used_memory().iter().filter_map(write).collect(),
        },
        written,
        address: address(&inst),
        label: label(&inst),
        signs: None,
    })
}

/// The number of a general register.
fn number(register: Register) -> Option<u8> {
    let full = register.full_register();
    full.is_gpr().then(|| full as u8 - Register::RAX as u8)
}

fn is_write(access: OpAccess) -> bool {
    !matches!(
        access,
        OpAccess::None | OpAccess::Read | OpAccess::CondRead | OpAccess::NoMemAccess
    )
}

fn flow(inst: &Instruction) -> Flow {
    let target = inst.near_branch_target() as u32;
    match inst.flow_control() {
        FlowControl::Next => Flow::Next,
        FlowControl::UnconditionalBranch => Flow::Jump(target),
        FlowControl::ConditionalBranch => Flow::Branch(target),
        FlowControl::Call => Flow::Call(Some(target)),
        FlowControl::IndirectCall => Flow::Call(None),
        FlowControl::IndirectBranch => Flow::Indirect,
        FlowControl::Return => Flow::Return,
        _ => Flow::Stop,
    }
}

/// A move of all of a register to or from memory at a constant distance from another one.
fn whole(inst: &Instruction) -> Option<Access> {
    let at_stack = |offset| Place {
        base: POINTERS.stack,
        offset,
    };
    match (inst.mnemonic(), inst.op0_kind()) {
        (Mnemonic::Push, OpKind::Register) => {
            return Some(Access::Save(number(inst.op0_register())?, at_stack(-8)));
        }
        (Mnemonic::Pop, OpKind::Register) => {
            return Some(Access::Restore(number(inst.op0_register())?, at_stack(0)));
        }
        (Mnemonic::Leave, _) => {
            let (base, offset) = (POINTERS.frame, 0);
            return Some(Access::Restore(base, Place { base, offset }));
        }
        _ => {}
    }
    if inst.mnemonic() != Mnemonic::Mov || inst.memory_size() != MemorySize::UInt64 {
        return None;
    }
    let offset = inst.memory_displacement64() as i32;
    let place = place(inst.memory_base(), inst.memory_index(), offset)?;
    match (inst.op0_kind(), inst.op1_kind()) {
        (OpKind::Memory, OpKind::Register) => {
            Some(Access::Save(number(inst.op1_register())?, place))
        }
        (OpKind::Register, OpKind::Memory) => {
            Some(Access::Restore(number(inst.op0_register())?, place))
        }
        _ => None,
    }
}

fn place(base: Register, index: Register, offset: i32) -> Option<Place> {
    let base = number(base)?;
    (index == Register::None).then_some(Place { base, offset })
}

fn write(memory: &UsedMemory) -> Option<Access> {
    let place = place(memory.base(), memory.index(), memory.displacement() as i32)?;
    let bytes = memory.memory_size().size() as u32;
    is_write(memory.access()).then_some(Access::Write(place, bytes))
}

fn label(inst: &Instruction) -> Option<u32> {
    let is_label = inst.mnemonic() == Mnemonic::Lea && inst.is_ip_rel_memory_operand();
    is_label.then(|| inst.ip_rel_memory_address() as u32)
}

/// A register that becomes another one, or itself, plus a constant.
fn address(inst: &Instruction) -> Option<(u8, Place)> {
    let is_whole = inst.op0_register().size() == 8;
    let moved = || is_whole.then_some((number(inst.op0_register())?, inst.op1_kind()));
    match inst.mnemonic() {
        Mnemonic::Push | Mnemonic::Pop => {
            let (base, offset) = (POINTERS.stack, inst.stack_pointer_increment());
            Some((base, Place { base, offset }))
        }
        Mnemonic::Leave => {
            let (base, offset) = (POINTERS.frame, 8);
            Some((POINTERS.stack, Place { base, offset }))
        }
        Mnemonic::Lea => {
            let offset = inst.memory_displacement64() as i32;
            Some((
                moved()?.0,
                place(inst.memory_base(), inst.memory_index(), offset)?,
            ))
        }
        Mnemonic::Mov => match moved()? {
            (to, OpKind::Register) => Some((to, place(inst.op1_register(), Register::None, 0)?)),
            _ => None,
        },
        Mnemonic::Add | Mnemonic::Sub if inst.op0_register() == Register::RSP => {
            let by = inst.try_immediate(1).ok()? as i32;
            let is_up = inst.mnemonic() == Mnemonic::Add;
            let offset = if is_up { by } else { -by };
            let base = POINTERS.stack;
            Some((base, Place { base, offset }))
        }
        _ => None,
    }
}
