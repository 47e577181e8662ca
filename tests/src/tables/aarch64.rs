//! AArch64 instructions, as yaxpeax-arm decodes them.
//!
//! It does not say what is read and what is written. Instructions that store, compare and branch write no general
//! register but a base that is moved; every other one writes those that it names first.

use super::step::{Access, Flow, Place, Pointers, Registers, Step};
use yaxpeax_arch::{Decoder, U8Reader};
use yaxpeax_arm::armv8::a64::{InstDecoder, Instruction, Opcode, Operand, SIMDSizeCode, SizeCode};

/// `x29` and `sp`, in front of `stp x29, x30, [sp, #-16]!`.
pub(super) const POINTERS: Pointers = Pointers {
    frame: 29,
    stack: 31,
    link: 30,
    called: 16,
};
/// What number 31 is in some places; in others it is the stack pointer.
const ZERO: u16 = 31;

/// The instruction at an offset in the code; `None` if there is none.
pub(super) fn decode(code: &[u8], at: u32) -> Option<Step> {
    let bytes = code.get(at as usize..at as usize + 4)?;
    let inst = InstDecoder::default()
        .decode(&mut U8Reader::new(bytes))
        .ok()?;
    Some(Step {
        end: at + 4,
        flow: flow(&inst, at),
        accesses: accesses(&inst),
        written: written(&inst),
        address: address(&inst),
        label: target(&inst, at).filter(|_| inst.opcode == Opcode::ADR),
        signs: signs(bytes),
    })
}

/// `paciasp` and `autiasp`, which are hints to a processor that does not know them.
fn signs(bytes: &[u8]) -> Option<bool> {
    match bytes {
        [0x3f, 0x23, 0x03, 0xd5] => Some(true),
        [0xbf, 0x23, 0x03, 0xd5] => Some(false),
        _ => None,
    }
}

/// The offset in the code that an instruction names.
fn target(inst: &Instruction, at: u32) -> Option<u32> {
    inst.operands.iter().find_map(|operand| match operand {
        Operand::PCOffset(distance) => Some((i64::from(at) + distance) as u32),
        _ => None,
    })
}

fn flow(inst: &Instruction, at: u32) -> Flow {
    let target = target(inst, at).unwrap_or(at);
    match inst.opcode {
        Opcode::B => Flow::Jump(target),
        Opcode::Bcc(_) | Opcode::CBZ | Opcode::CBNZ | Opcode::TBZ | Opcode::TBNZ => {
            Flow::Branch(target)
        }
        Opcode::BL => Flow::Call(Some(target)),
        Opcode::BLR => Flow::Call(None),
        Opcode::BR => Flow::Indirect,
        Opcode::RET => Flow::Return,
        Opcode::BRK | Opcode::UDF => Flow::Stop,
        _ => Flow::Next,
    }
}

/// Whether an instruction writes none of the registers that it names.
fn only_reads(opcode: Opcode) -> bool {
    let name = opcode.to_string();
    let stores = name.starts_with("st") && !name.starts_with("stx") && !name.starts_with("stlx");
    let compares = ["cmp", "cmn", "tst", "ccmp", "ccmn", "fcmp", "fcmpe", "msr"];
    stores || compares.contains(&name.as_str())
}

fn written(inst: &Instruction) -> Registers {
    let mut written = Registers::default();
    let flow = flow(inst, 0);
    if matches!(flow, Flow::Call(_)) {
        written.add(POINTERS.link);
    }
    let is_branch = flow != Flow::Next;
    let is_pair = matches!(
        inst.operands[2],
        Operand::RegPreIndex(..) | Operand::RegPostIndex(..)
    );
    for (index, operand) in inst.operands.iter().enumerate() {
        match *operand {
            Operand::Register(_, ZERO) => {}
            Operand::Register(_, register) | Operand::RegisterOrSP(_, register)
                if index <= usize::from(is_pair) && !is_branch && !only_reads(inst.opcode) =>
            {
                written.add(register as u8);
            }
            Operand::RegPreIndex(base, _, true) | Operand::RegPostIndex(base, _) => {
                written.add(base as u8);
            }
            _ => {}
        }
    }
    written
}

/// Registers go to neighbouring words in memory, or come from there.
fn accesses(inst: &Instruction) -> Vec<Access> {
    let place = |operand: &Operand| match *operand {
        Operand::RegPreIndex(base, offset, _) => Some((base, offset)),
        Operand::RegPostIndex(base, _) => Some((base, 0)),
        _ => None,
    };
    let found = (1..=2).find_map(|count| Some((count, place(&inst.operands[count])?)));
    let Some((count, (base, offset))) = found else {
        return Vec::new();
    };
    let base = base as u8;
    let mut place = Place { base, offset };
    let name = inst.opcode.to_string();
    let (is_store, is_load) = (name.starts_with("st"), name.starts_with("ld"));
    let is_whole = ["stp", "str", "stur", "ldp", "ldr", "ldur"].contains(&name.as_str());
    let mut accesses = Vec::new();
    for operand in &inst.operands[..count] {
        let bytes = size(operand);
        match *operand {
            Operand::Register(SizeCode::X, register)
                if register != ZERO && is_whole && is_store =>
            {
                accesses.push(Access::Save(register as u8, place));
            }
            Operand::Register(SizeCode::X, register) if register != ZERO && is_whole && is_load => {
                accesses.push(Access::Restore(register as u8, place));
            }
            _ if is_store => accesses.push(Access::Write(place, bytes)),
            _ => {}
        }
        place.offset += bytes as i32;
    }
    accesses
}

/// Bytes of a register; a narrow store counts as one of the register that it names.
fn size(operand: &Operand) -> u32 {
    match operand {
        Operand::Register(SizeCode::W, _) => 4,
        Operand::SIMDRegister(size, _) => match size {
            SIMDSizeCode::B => 1,
            SIMDSizeCode::H => 2,
            SIMDSizeCode::S => 4,
            SIMDSizeCode::D => 8,
            SIMDSizeCode::Q => 16,
        },
        _ => 8,
    }
}

/// A register that becomes another one, or itself, plus a constant.
fn address(inst: &Instruction) -> Option<(u8, Place)> {
    let back = inst.operands.iter().find_map(|operand| match *operand {
        Operand::RegPreIndex(base, offset, true) | Operand::RegPostIndex(base, offset) => {
            Some((base, base, offset))
        }
        _ => None,
    });
    let (to, from, offset) = back.or_else(|| moved(inst))?;
    let base = from as u8;
    Some((to as u8, Place { base, offset }))
}

fn moved(inst: &Instruction) -> Option<(u16, u16, i32)> {
    let [
        Operand::RegisterOrSP(_, to),
        Operand::RegisterOrSP(_, from),
        amount,
        _,
    ] = inst.operands
    else {
        return None;
    };
    let amount = match amount {
        Operand::Immediate(amount) => amount as i32,
        Operand::ImmShift(amount, shift) => i32::from(amount) << shift,
        _ => return None,
    };
    match inst.opcode {
        Opcode::ADD => Some((to, from, amount)),
        Opcode::SUB => Some((to, from, -amount)),
        _ => None,
    }
}
