//! An instruction against an independent disassembler.
//!
//! The disassembler has its own taste in texts, so both are brought to one shape first. Where it
//! prefers another name for an instruction of a general form (`cmp` for `subs` into the zero register),
//! it is passed over: that name has a row of its own, which is compared.

use enjamb_aarch64::{Inst, Op, Operand, Reg, SystemRegister, Width};
use yaxpeax_arch::{Decoder, U8Reader};
use yaxpeax_arm::armv8::a64::InstDecoder;

/// The hints with a name of their own.
const HINTS: &[&str] = &[
    "nop",
    "yield",
    "wfe",
    "wfi",
    "sev",
    "xpaclri",
    "esb",
    "psb",
    "tsb",
    "csdb",
    "sevl",
    "pacia1716",
    "pacib1716",
    "autia1716",
    "autib1716",
    "paciaz",
    "pacibz",
    "paciasp",
    "pacibsp",
    "autiaz",
    "autibz",
    "autiasp",
    "autibsp",
    "pacm",
];

/// General forms by the names that the disassembler prefers for some of their instructions.
const ALIASES: &[(&str, &[&str])] = &[
    ("add", &["mov"]),
    ("adds", &["cmn"]),
    ("subs", &["cmp", "negs"]),
    ("negs", &["cmp"]),
    ("sub", &["neg"]),
    ("sbc", &["ngc"]),
    ("sbcs", &["ngcs"]),
    ("ands", &["tst"]),
    ("orr", &["mov"]),
    ("orn", &["mvn"]),
    ("mov", &["add"]),
    ("madd", &["mul"]),
    ("msub", &["mneg"]),
    ("smaddl", &["smull"]),
    ("smsubl", &["smnegl"]),
    ("umaddl", &["umull"]),
    ("umsubl", &["umnegl"]),
    ("cinc", &["cset"]),
    ("cinv", &["csetm"]),
    ("csinc", &["cinc", "cset"]),
    ("csinv", &["cinv", "csetm"]),
    ("csneg", &["cneg"]),
    ("extr", &["ror"]),
    ("hint", HINTS),
    ("bfm", &["bfi", "bfxil", "bfc"]),
    ("bfi", &["bfxil", "bfc"]),
    ("bfxil", &["bfi"]),
    ("sbfm", &["sbfiz", "sbfx", "asr", "sxtb", "sxth", "sxtw"]),
    ("sbfiz", &["sbfx", "asr", "sxtb", "sxth", "sxtw"]),
    ("sbfx", &["asr", "sxtb", "sxth", "sxtw"]),
    ("ubfm", &["ubfiz", "ubfx", "lsr", "lsl", "uxtb", "uxth"]),
    ("ubfiz", &["ubfx", "lsr", "lsl", "uxtb", "uxth"]),
    ("ubfx", &["lsr", "lsl", "uxtb", "uxth"]),
    ("lsl", &["lsr"]),
];

/// Our text, with the names that the disassembler uses for what it does not know.
fn ours(inst: &Inst<Reg>) -> String {
    let word = inst.word().expect("the instruction can be encoded").0;
    let text = inst.to_string();
    let wide = |value: u64, shift: u8| value << shift;
    match (inst.op(), inst.operands()) {
        (Op::Bti | Op::BtiC | Op::BtiJ | Op::BtiJc | Op::Sevl, _) => {
            format!("hint #{}", word >> 5 & 0x7F)
        }
        (Op::IcIvau | Op::DcZva | Op::DcCvac | Op::DcCvau | Op::DcCivac, _) => {
            let register = text.rsplit(' ').next().unwrap_or_default();
            format!(
                "sys #3, c7, c{}, #{}, {register}",
                word >> 8 & 15,
                word >> 5 & 7
            )
        }
        (
            Op::Movz32RI | Op::Movz64RI,
            [register, Operand::Imm(value), Operand::Shift(_, shift)],
        ) => moved(inst, register, wide(*value as u64, *shift)),
        (
            Op::Movn32RI | Op::Movn64RI,
            [register, Operand::Imm(value), Operand::Shift(_, shift)],
        ) => moved(inst, register, !wide(*value as u64, *shift)),
        // The manual's name for this is `mov` only where one element is all that is written.
        (Op::Dup16BVB | Op::Dup8HVH | Op::Dup4SVS | Op::Dup2DVD, _) => text.replace("dup", "mov"),
        (Op::Clrex, _) => "clrex #15".to_owned(),
        (Op::RetR, [Operand::Reg(Reg::X30)]) => "ret".to_owned(),
        // The number of the bit says how wide the register is.
        (Op::Tbz64RI | Op::Tbnz64RI, [_, Operand::Imm(0..32), _]) => text.replace('x', "w"),
        (Op::Mrs, [_, Operand::System(register)]) | (Op::Msr, [Operand::System(register), _]) => {
            text.replace(&register.to_string(), &by_number(*register))
        }
        _ => text,
    }
}

/// A system register as op0, op1, CRn, CRm and op2.
fn by_number(register: SystemRegister) -> String {
    let bits = register.encoding();
    let (op0, op1) = (2 + (bits >> 14), bits >> 11 & 7);
    format!(
        "s{op0}_{op1}_c{}_c{}_{}",
        bits >> 7 & 15,
        bits >> 3 & 15,
        bits & 7
    )
}

/// Their text, with system registers by number.
fn theirs(decoded: String) -> String {
    SystemRegister::ALL.iter().fold(decoded, |text, register| {
        text.replace(&register.to_string().to_lowercase(), &by_number(*register))
    })
}

fn moved(inst: &Inst<Reg>, register: &Operand, value: u64) -> String {
    let (Operand::Reg(register), width) = (register, inst.op().info().operands[0].width) else {
        panic!("{inst} starts with a register");
    };
    let value = if width == Width::B32 {
        value & 0xFFFF_FFFF
    } else {
        value
    };
    format!("mov {}, #{value:#x}", register.name(width))
}

/// A text with numbers in decimal and without what means nothing.
fn normal(text: &str) -> String {
    let text = text.to_lowercase().replace('$', "#").replace("#+", "#");
    let text = text.replace("{ ", "{").replace(" }", "}");
    let (mnemonic, operands) = text.split_once(' ').unwrap_or((&text, ""));
    let operands = operands.split(", ").map(|operand| {
        let (before, number) = match operand.split_once('#') {
            Some(parts) => parts,
            None => return operand.to_owned(),
        };
        let end = number.find([']', '!']).unwrap_or(number.len());
        let (number, after) = number.split_at(end);
        format!("{before}#{}{after}", decimal(number))
    });
    let operands: Vec<String> = operands.filter(|operand| !is_nothing(operand)).collect();
    format!("{mnemonic} {}", operands.join(", "))
        .replace("tw #0]", "tw]")
        .replace("tx #0]", "tx]")
}

/// A shift by zero.
fn is_nothing(operand: &str) -> bool {
    let (shift, amount) = operand.split_once(' ').unwrap_or((operand, "#0"));
    matches!(shift, "lsl" | "lsr" | "asr" | "ror" | "uxtx" | "uxtw") && amount == "#0"
}

fn decimal(number: &str) -> String {
    let (sign, digits) = match number.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, number),
    };
    let integer = match digits.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => digits.parse().ok(),
    };
    match (integer, number.parse::<f64>()) {
        (Some(integer), _) => (sign * i128::from(integer)).to_string(),
        (None, Ok(float)) => float.to_string(),
        (None, Err(_)) => panic!("{number} is a number"),
    }
}

/// Whether a difference is one of the disassembler's known mistakes or a name of another row.
fn is_known(inst: &Inst<Reg>, ours: &str, theirs: &str) -> bool {
    let mnemonic = |text: &str| text.split(' ').next().unwrap_or_default().to_owned();
    let (our_name, their_name) = (mnemonic(ours), mnemonic(theirs));
    if our_name != their_name {
        let aliases = ALIASES.iter().find(|(name, _)| *name == our_name);
        return aliases.is_some_and(|(_, others)| others.contains(&their_name.as_str()));
    }
    // It leaves out the highest bit of a register that goes to a system register.
    if let (Op::Msr, [_, Operand::Reg(register)]) = (inst.op(), inst.operands()) {
        return register.encoding() >= 16;
    }
    // It shows an unsigned extension of a full register as a shift.
    let is_extended = matches!(inst.operands().last(), Some(Operand::Extend(..)));
    is_extended && ours.replace("uxtw", "lsl").replace("uxtx", "lsl") == theirs
}

/// The bytes of an instruction, which can be encoded, are an instruction of the same text, or of one that
/// means the same: which of the two.
pub fn check(inst: &Inst<Reg>) -> bool {
    let mut bytes = Vec::new();
    inst.encode(&mut bytes)
        .expect("the instruction can be encoded");
    let decoded = InstDecoder::default().decode(&mut U8Reader::new(&bytes));
    let decoded = decoded.unwrap_or_else(|error| panic!("{inst}: {error}"));
    let ours = normal(&ours(inst));
    let theirs = normal(&theirs(decoded.to_string()));
    let is_same = ours == theirs;
    assert!(
        is_same || is_known(inst, &ours, &theirs),
        "{:?}: {bytes:02x?}: {ours} | {theirs}",
        inst.op()
    );
    is_same
}
