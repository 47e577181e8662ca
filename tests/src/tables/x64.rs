//! x86-64 instructions, as iced-x86 decodes them.

use super::step::{Access, Flow, Place, Registers, Step};
use iced_x86::{
    Decoder, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory, MemorySize,
    Mnemonic, OpAccess, OpKind, Register, UsedMemory,
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
    for used in info.used_registers() {
        if let (Some(number), true) = (number(used.register()), is_write(used.access())) {
            written.add(number);
        }
    }
    Some(Step {
        end: at + inst.len() as u32,
        flow: flow(&inst),
        accesses: match whole(&inst) {
            Some(access) => vec![access],
            None => info.used_memory().iter().filter_map(write).collect(),
        },
        written,
        address: None,
        down: down(&inst),
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

fn down(inst: &Instruction) -> i64 {
    match (inst.mnemonic(), inst.op0_kind()) {
        (Mnemonic::Sub, OpKind::Register) if inst.op0_register() == Register::RSP => {
            inst.immediate(1) as i64
        }
        (Mnemonic::Lea, OpKind::Register) if inst.op0_register() == Register::RSP => {
            -(inst.memory_displacement64() as i64)
        }
        _ => 0,
    }
}
