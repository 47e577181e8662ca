//! Any bytes are the decisions of a random program: a collector is told of every reference that its functions still need, of no
//! other, and of none that an earlier collection has passed by.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Err(reason) = enjamb_tests::tables::check_references(bytes) {
        panic!("{reason}");
    }
});
