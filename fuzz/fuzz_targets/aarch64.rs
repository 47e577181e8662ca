//! Any bytes are the decisions of an AArch64 instruction: it is what an independent disassembler takes it for.
#![no_main]

#[path = "../../crates/aarch64/tests/disassembler/mod.rs"]
mod disassembler;
#[path = "../../crates/aarch64/tests/random/mod.rs"]
mod random;
#[path = "../../crates/aarch64/tests/samples/mod.rs"]
mod samples;

use enjamb_gen::Choices;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut choices = Choices::new(bytes);
    let inst = random::instruction(&mut |bound| choices.below(bound));
    if let Some(inst) = inst.filter(|inst| inst.word().is_ok()) {
        disassembler::check(&inst);
    }
});
