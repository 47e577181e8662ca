//! Every form against an independent disassembler, with nothing installed.

mod disassembler;
mod random;
mod samples;

use std::collections::BTreeSet;

use enjamb_aarch64::Op;
use random::Random;
use samples::samples;

/// Forms that the disassembler never shows by their own name: their instructions are those of other
/// rows.
const NEVER_BY_NAME: [Op; 6] = [
    Op::Sbfm32RRII,
    Op::Sbfm64RRII,
    Op::Bfm32RRII,
    Op::Bfm64RRII,
    Op::Ubfm32RRII,
    Op::Ubfm64RRII,
];

const INSTRUCTIONS: usize = 20_000;

#[test]
fn every_form_decodes_to_its_own_text() {
    let mut missing: BTreeSet<Op> = Op::ALL.iter().copied().collect();
    for &op in Op::ALL {
        for inst in samples(op) {
            if disassembler::check(&inst) {
                missing.remove(&op);
            }
        }
    }
    assert_eq!(
        missing,
        BTreeSet::from(NEVER_BY_NAME),
        "forms that were never compared"
    );
}

/// Any operands together, as the fuzz target `aarch64` has them.
#[test]
fn any_instruction_decodes_to_its_own_text() {
    let (mut random, mut same) = (Random(1), 0);
    for _ in 0..INSTRUCTIONS {
        let inst = random::instruction(&mut |bound| random.below(bound));
        if let Some(inst) = inst.filter(|inst| inst.word().is_ok()) {
            same += usize::from(disassembler::check(&inst));
        }
    }
    assert!(same > INSTRUCTIONS / 2, "{same}");
}
