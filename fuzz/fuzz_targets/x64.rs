//! Any bytes are the decisions of an x86-64 instruction: it is what an independent disassembler takes it for.
#![no_main]

#[path = "../../crates/x64/tests/disassembler/mod.rs"]
mod disassembler;
#[path = "../../crates/x64/tests/random/mod.rs"]
mod random;

use enjamb_gen::Choices;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut choices = Choices::new(bytes);
    if let Ok(inst) = random::instruction(&mut |bound| choices.below(bound)) {
        disassembler::check_any(&inst);
    }
});
