//! Every form against an independent assembler: our text in, the same bytes out.
//!
//! Without `llvm-mc` on the path the test says that it did not run and passes: the disassembler's
//! tests cover the same forms.

mod samples;

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

use enjamb_x64::{Inst, Kind, Mem, Op, Operand, Reg};
use iced_x86::{Decoder, DecoderOptions};
use samples::{memory_references, samples};

/// Whether LLVM takes the text for another instruction.
fn is_read_differently(inst: &Inst<Reg>) -> bool {
    match (inst.op(), inst.operands()) {
        // An absolute address becomes the target of a direct branch.
        (Op::JmpM | Op::CallM, [Operand::Mem(mem)]) => *mem == Mem::absolute(mem.disp),
        // Exchanging a register with itself becomes NOP.
        (Op::Xchg64MR, [first, second]) => first == second,
        _ => false,
    }
}

/// Assembles all lines in one process; one entry per line, as LLVM encodes it.
fn assemble(lines: &[String]) -> Option<Vec<Vec<u8>>> {
    let mut child = Command::new("llvm-mc")
        .args([
            "-triple=x86_64",
            "-x86-asm-syntax=intel",
            "-output-asm-variant=1",
        ])
        .args(["-show-encoding", "-mattr=+popcnt,+lzcnt,+bmi,+sse4.2"])
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
        let (_, bytes) = line.split_once("# encoding: [")?;
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

/// Every 7th sample of a form with many, which keeps all registers and displacements in play.
fn chosen_samples() -> Vec<Inst<Reg>> {
    let references = memory_references();
    let without_targets = Op::ALL.iter().filter(|op| {
        let operands = op.info().operands;
        !operands.iter().any(|operand| operand.kind == Kind::Target)
    });
    without_targets
        .flat_map(|op| {
            let samples = samples(*op, &references);
            let step = if samples.len() < 100 { 1 } else { 7 };
            samples.into_iter().step_by(step)
        })
        .filter(|inst| !is_read_differently(inst))
        .collect()
}

fn text(inst: &Inst<Reg>) -> String {
    match inst.op() {
        // LLVM's name for the form; with the other name it picks the shortest one.
        Op::Mov64RI => inst.to_string().replacen("mov", "movabs", 1),
        _ => inst.to_string(),
    }
}

#[test]
fn the_assembler_of_llvm_gives_the_same_bytes() {
    let samples = chosen_samples();
    let lines: Vec<String> = samples.iter().map(text).collect();
    let Some(encodings) = assemble(&lines) else {
        println!("DID NOT RUN: llvm-mc is not on the path");
        return;
    };
    assert_eq!(encodings.len(), samples.len(), "llvm-mc takes every line");
    let mut equal: BTreeMap<Op, usize> = BTreeMap::new();
    for (inst, theirs) in samples.iter().zip(&encodings) {
        let mut ours = Vec::new();
        inst.encode(&mut ours).expect("samples can be encoded");
        let equal = equal.entry(inst.op()).or_default();
        if ours == *theirs {
            *equal += 1;
            continue;
        }
        // Another form of the same instruction, and none longer than ours.
        let decode = |bytes| Decoder::new(64, bytes, DecoderOptions::NONE).decode();
        let same = decode(&ours).to_string() == decode(theirs).to_string();
        assert!(
            same && theirs.len() <= ours.len(),
            "{inst}: {ours:02x?} here, {theirs:02x?} there"
        );
    }
    let never: Vec<Op> = equal
        .into_iter()
        .filter(|(_, count)| *count == 0)
        .map(|(op, _)| op)
        .collect();
    assert_eq!(never, [], "forms that LLVM never chose");
}
