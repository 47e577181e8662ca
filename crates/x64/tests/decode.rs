//! Every form against an independent disassembler: bytes, text, registers, flags, CPU features.

mod disassembler;
mod random;
mod samples;

use std::collections::BTreeMap;

use disassembler::{check, check_any, decode, encode};
use enjamb_x64::{Feature, Inst, Kind, Mem, Op, Operand, Reg, Role};
use iced_x86::{CpuidFeature, Instruction, InstructionInfoFactory, OpAccess, Register, RflagsBits};
use random::Random;
use samples::{memory_references, samples};

const INSTRUCTIONS: usize = 50_000;

#[test]
fn every_form_decodes_to_its_own_text_and_length() {
    let references = memory_references();
    for &op in Op::ALL {
        for inst in samples(op, &references) {
            check(&inst);
        }
    }
}

/// Any operands together, as the fuzz target `x64` has them.
#[test]
fn any_instruction_decodes_to_its_own_text_and_length() {
    let (mut random, mut taken) = (Random(1), 0);
    for _ in 0..INSTRUCTIONS {
        let Ok(inst) = random::instruction(&mut |bound| random.below(bound)) else {
            continue;
        };
        taken += usize::from(inst.encode(&mut Vec::new()).is_ok());
        check_any(&inst);
    }
    assert!(taken > INSTRUCTIONS / 2, "{taken}");
}

/// One sample with a different register in every place, with and without memory.
fn distinct(op: Op) -> Vec<Inst<Reg>> {
    let form = op.info();
    let has_memory = |kind| {
        matches!(
            kind,
            Kind::RegisterOrMemory(_) | Kind::Memory | Kind::Address
        )
    };
    let mut variants = Vec::new();
    for with_memory in [false, true] {
        let mut next = 8;
        let mut operands = Vec::new();
        for place in form.operands {
            next += 1;
            let is_memory = match place.kind {
                Kind::Memory | Kind::Address => true,
                kind => has_memory(kind) && with_memory,
            };
            match place.kind {
                _ if is_memory => operands.push(Mem::base(Reg::gpr(next), 0).into()),
                Kind::Register(class)
                | Kind::RegisterOrMemory(class)
                | Kind::RegisterInMemoryField(class) => {
                    let register = Reg::gpr(next);
                    operands.push(Operand::Reg(match class {
                        enjamb_x64::RegClass::Gpr => register,
                        enjamb_x64::RegClass::Xmm => Reg::xmm(next),
                    }));
                }
                Kind::Immediate | Kind::Target => operands.push(Operand::Imm(3)),
                Kind::Memory | Kind::Address | Kind::Fixed(_) => {}
            }
        }
        variants.push(Inst::physical(op, &operands).expect("operands fit their form"));
    }
    variants
}

/// Registers as (read, written).
type Uses = BTreeMap<u8, (bool, bool)>;

fn our_uses(inst: &Inst<Reg>) -> Uses {
    let mut uses = Uses::new();
    inst.visit(|register, constraint| {
        let (read, written) = uses.entry(register.0).or_default();
        *read |= constraint.role != Role::Def;
        *written |= constraint.role != Role::Use;
    });
    uses
}

fn their_uses(decoded: &Instruction, factory: &mut InstructionInfoFactory) -> Uses {
    let mut uses = Uses::new();
    for used in factory.info(decoded).used_registers() {
        let full = used.register().full_register();
        let number = if full.is_gpr() {
            full as u8 - Register::RAX as u8
        } else if full.is_vector_register() {
            16 + (full as u8 - Register::ZMM0 as u8)
        } else {
            continue;
        };
        let (read, written) = uses.entry(number).or_default();
        let access = used.access();
        // A register that is only sometimes written keeps its content else, so it is read.
        *read |= access != OpAccess::Write;
        *written |= matches!(
            access,
            OpAccess::Write | OpAccess::CondWrite | OpAccess::ReadWrite | OpAccess::ReadCondWrite
        );
    }
    // No form shows the stack pointer that pushes, pops, calls and returns move.
    uses.remove(&Reg::RSP.0);
    uses
}

/// Forms with a scalar float result that depends on the sources alone.
const MERGING: [&str; 8] = [
    "sqrtss", "sqrtsd", "roundss", "roundsd", "cvtsi2ss", "cvtsi2sd", "cvtss2sd", "cvtsd2ss",
];

#[test]
fn roles_and_fixed_registers_are_what_the_instruction_does() {
    let mut factory = InstructionInfoFactory::new();
    // NOP names a register or memory without reading it.
    for &op in Op::ALL.iter().filter(|op| **op != Op::Nop32M) {
        for inst in distinct(op) {
            let mut theirs = their_uses(&decode(&encode(&inst)), &mut factory);
            if op == Op::Leave {
                // Like the stack pointer, the frame pointer that it restores is not shown.
                theirs.remove(&Reg::RBP.0);
            }
            if matches!(op.info().mnemonic, "bsf" | "bsr") {
                // For a zero source the destination keeps its content, which the disassembler
                // takes for an undefined result.
                theirs.values_mut().for_each(|(read, _)| *read = true);
            }
            if MERGING.contains(&op.info().mnemonic) {
                // The bits above the scalar come from the destination; they have no meaning here.
                if let Operand::Reg(destination) = inst.operands()[0] {
                    theirs.insert(destination.0, (false, true));
                }
            }
            assert_eq!(our_uses(&inst), theirs, "{op:?}: {inst}");
        }
    }
}

#[test]
fn flags_are_what_the_instruction_does() {
    let arithmetic = RflagsBits::OF
        | RflagsBits::SF
        | RflagsBits::ZF
        | RflagsBits::AF
        | RflagsBits::CF
        | RflagsBits::PF;
    for &op in Op::ALL {
        let flags = op.info().flags;
        for inst in distinct(op) {
            let decoded = decode(&encode(&inst));
            let reads = decoded.rflags_read() & arithmetic != 0;
            let written = decoded.rflags_modified() & arithmetic;
            assert!(!reads || flags.are_read(), "{op:?} reads the flags");
            // A callee may change the flags; the disassembler does not count that.
            let is_call = matches!(op, Op::CallRel32 | Op::CallM);
            assert_eq!(written != 0 || is_call, flags.are_written(), "{op:?}");
            // A form that leaves some flags alone passes them on, so it must count as a reader,
            // unless it is known to leave those undefined or nobody's business.
            if written != 0 && flags.are_read() {
                assert!(reads || written != arithmetic || is_shift(op), "{op:?}");
            }
        }
    }
}

fn is_shift(op: Op) -> bool {
    matches!(op.info().mnemonic, "shl" | "shr" | "sar" | "rol" | "ror")
}

#[test]
fn cpu_features_are_those_of_the_instruction() {
    for &op in Op::ALL {
        let needed = match op.info().feature {
            Feature::Baseline => None,
            Feature::Sse3 => Some(CpuidFeature::SSE3),
            Feature::Ssse3 => Some(CpuidFeature::SSSE3),
            Feature::Sse42 => Some(CpuidFeature::SSE4_2),
            Feature::Sse41 => Some(CpuidFeature::SSE4_1),
            Feature::Popcnt => Some(CpuidFeature::POPCNT),
            Feature::Lzcnt => Some(CpuidFeature::LZCNT),
            Feature::Bmi1 => Some(CpuidFeature::BMI1),
        };
        let baseline = [
            CpuidFeature::INTEL8086,
            CpuidFeature::INTEL186,
            CpuidFeature::INTEL286,
            CpuidFeature::INTEL386,
            CpuidFeature::INTEL486,
            CpuidFeature::X64,
            CpuidFeature::CMOV,
            CpuidFeature::MULTIBYTENOP,
            CpuidFeature::PAUSE,
            CpuidFeature::SSE,
            CpuidFeature::SSE2,
        ];
        for inst in distinct(op) {
            for feature in decode(&encode(&inst)).cpuid_features() {
                assert!(
                    Some(*feature) == needed || needed.is_none() && baseline.contains(feature),
                    "{op:?} needs {feature:?}"
                );
            }
        }
    }
}
