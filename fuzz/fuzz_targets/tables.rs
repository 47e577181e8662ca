//! Any bytes are the decisions of a random program: what an unwinder reads in the tables of its code is what the
//! code does, for each target and with each register allocator.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Err(reason) = enjamb_tests::tables::check_program(bytes) {
        panic!("{reason}");
    }
});
