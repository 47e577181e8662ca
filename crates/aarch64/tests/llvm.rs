//! Every form against an independent assembler: our text in, the same bytes out.
//!
//! Without `llvm-mc` on the path the test counts as skipped: the disassembler's tests cover the same
//! forms.

mod samples;

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::process::{Command, Stdio};

use enjamb_aarch64::{Inst, Op, Operand, Reg, constant};
use samples::samples;

/// Whether LLVM takes the text for another form with the same meaning, so that bytes differ.
fn is_read_differently(inst: &Inst<Reg>) -> bool {
    match (inst.op(), inst.operands()) {
        // `mov` means the logical operation unless one of them is the stack pointer.
        (Op::MovSp32RR | Op::MovSp64RR, operands) => !operands.contains(&Reg::SP.into()),
        // `mov` of a constant prefers the wide moves.
        (Op::MovMask32RI | Op::MovMask64RI, [_, Operand::Imm(value)]) => {
            let is_wide = |value: u64| constant::length(value) == 1 && !is_mask(value);
            is_wide(*value as u64)
        }
        _ => false,
    }
}

/// Whether a constant is best loaded by a logical immediate.
fn is_mask(value: u64) -> bool {
    let first = Inst::load_constant(value, |_| Reg::X0)
        .next()
        .map(|inst| inst.op());
    matches!(first, Some(Op::MovMask32RI | Op::MovMask64RI))
}

/// Assembles all lines in one process; one entry per line, as LLVM encodes it.
fn assemble(lines: &[String]) -> Option<Vec<Vec<u8>>> {
    let mut child = Command::new("llvm-mc")
        .args(["-triple=aarch64", "-mattr=+v8.3a", "-show-encoding"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    let mut stdin = child.stdin.take().expect("stdin is piped");
    let text = lines.join("\n") + "\n";
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = child.wait_with_output().expect("llvm-mc ends");
    writer
        .join()
        .expect("the writer ends")
        .expect("llvm-mc reads its input");
    let output = String::from_utf8(output.stdout).expect("llvm-mc writes text");
    let encodings = output.lines().filter_map(|line| {
        let (_, bytes) = line.split_once("// encoding: [")?;
        let bytes = bytes.trim_end_matches(']').split(',');
        Some(
            bytes
                .map(|byte| u8::from_str_radix(byte.trim_start_matches("0x"), 16))
                .collect::<Result<_, _>>()
                .expect("encodings are hexadecimal bytes"),
        )
    });
    Some(encodings.collect())
}

/// Says that a tool was missing; see CONTRIBUTING.md.
fn skipped() {
    let line = "enjamb-aarch64 llvm: encodings against llvm-mc; get it with: apt-get install llvm";
    println!("DID NOT RUN: {line}");
    if let Some(path) = std::env::var_os("ENJAMB_SKIP_LOG") {
        let file = OpenOptions::new().create(true).append(true).open(path);
        let written = file.and_then(|mut file| writeln!(file, "{line}"));
        written.expect("the log of skipped tests can be written");
    }
}

#[test]
fn the_assembler_of_llvm_gives_the_same_bytes() {
    let samples: Vec<Inst<Reg>> = Op::ALL
        .iter()
        .flat_map(|op| samples(*op))
        .filter(|inst| !is_read_differently(inst))
        .collect();
    let lines: Vec<String> = samples.iter().map(Inst::to_string).collect();
    let Some(encodings) = assemble(&lines) else {
        return skipped();
    };
    assert_eq!(encodings.len(), samples.len(), "llvm-mc takes every line");
    let mut equal: BTreeMap<Op, usize> = BTreeMap::new();
    for (inst, theirs) in samples.iter().zip(&encodings) {
        let mut ours = Vec::new();
        inst.encode(&mut ours).expect("samples can be encoded");
        assert_eq!(ours, *theirs, "{:?}: {inst}", inst.op());
        *equal.entry(inst.op()).or_default() += 1;
    }
    assert_eq!(equal.len(), Op::ALL.len(), "every form was compared");
    println!("{} instructions of {} forms", samples.len(), equal.len());
}
