//! Any text: the parser answers, and what it accepts prints and parses back to the same.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Err(reason) = enjamb_tests::differential::check_text(text) {
        panic!("{reason}\n{text}");
    }
});
