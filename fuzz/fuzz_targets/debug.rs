//! Any bytes are the decisions of a random program: from each instruction of its code and of the stubs a debugger finds out of
//! the frame, and finds the line, for each target.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Err(reason) = enjamb_tests::tables::check_debug(bytes) {
        panic!("{reason}");
    }
});
