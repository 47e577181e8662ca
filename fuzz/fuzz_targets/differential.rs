//! Any bytes are the decisions of a random program: every engine agrees on it, under a schedule of each kind.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Err(reason) = enjamb_tests::differential::check_program(bytes) {
        panic!("{reason}");
    }
});
