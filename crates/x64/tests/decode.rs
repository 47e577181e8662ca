//! Every form against an independent disassembler: bytes, text, registers, flags, CPU features.

mod samples;

use std::collections::BTreeMap;

use enjamb_x64::{Feature, Inst, Kind, Mem, Op, Operand, Reg, Role};
use iced_x86::{
    CpuidFeature, Decoder, DecoderOptions, Formatter, Instruction, InstructionInfoFactory,
    IntelFormatter, MemorySizeOptions, NumberBase, OpAccess, Register, RflagsBits,
};
use samples::{memory_references, samples};

fn formatter() -> IntelFormatter {
    let mut formatter = IntelFormatter::new();
    let options = formatter.options_mut();
    options.set_number_base(NumberBase::Decimal);
    options.set_signed_immediate_operands(true);
    options.set_space_after_operand_separator(true);
    options.set_memory_size_options(MemorySizeOptions::Always);
    options.set_branch_leading_zeros(false);
    options.set_show_branch_size(false);
    options.set_use_pseudo_ops(false);
    formatter
}

fn encode(inst: &Inst<Reg>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let field = inst.encode(&mut bytes).expect("samples can be encoded");
    assert_eq!(field, None);
    bytes
}

fn decode(bytes: &[u8]) -> Instruction {
    Decoder::with_ip(64, bytes, 0, DecoderOptions::NONE).decode()
}

#[test]
fn every_form_decodes_to_its_own_text_and_length() {
    let references = memory_references();
    let mut formatter = formatter();
    let mut text = String::new();
    for &op in Op::ALL {
        for inst in samples(op, &references) {
            let bytes = encode(&inst);
            let decoded = decode(&bytes);
            assert_eq!(decoded.len(), bytes.len(), "{op:?}: {inst}: {bytes:02x?}");
            let is_branch = op.info().encoding.distance_bytes > 0;
            text.clear();
            if is_branch {
                let mut mnemonic = String::new();
                formatter.format_mnemonic(&decoded, &mut mnemonic);
                let target = decoded.near_branch_target() as i64;
                text = format!("{mnemonic} ${target:+}");
            } else {
                formatter.format(&decoded, &mut text);
                // An absolute address alone is printed unsigned there and signed here.
                let address = decoded.memory_displacement64();
                text = text.replace(&format!("[{address}]"), &format!("[{}]", address as i64));
            }
            if op.info().mnemonic.starts_with("rep ") {
                // The operands that the disassembler shows cannot be chosen.
                text.truncate(op.info().mnemonic.len());
            }
            assert_eq!(inst.to_string(), text, "{op:?}: {bytes:02x?}");
        }
    }
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
