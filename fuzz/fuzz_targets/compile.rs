//! Any text: what the verifier accepts compiles, with every pass verified and every register
//! allocation checked.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Err(reason) = enjamb_tests::differential::check_compiles(text) {
        panic!("{reason}\n{text}");
    }
});
