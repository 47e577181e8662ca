//! `docs/performance.md`: the section that does not depend on the machine is as it has to be.
//!
//! With `ENJAMB_BLESS=1` in the environment it is written anew.

use enjamb_tests::two_targets::{bytes_of_a_point, with_section};
use std::fs;
use std::path::Path;

/// Bytes of code for a suspension point with four live values, on x86-64 and on AArch64.
const LARGEST_POINT: [f64; 2] = [120.0, 144.0];

#[test]
fn the_code_of_a_suspension_point_is_small() {
    for bytes in bytes_of_a_point().unwrap() {
        let is_small = bytes
            .iter()
            .zip(LARGEST_POINT)
            .all(|(&bytes, most)| bytes <= most);
        assert!(
            is_small,
            "{bytes:?} bytes, where {LARGEST_POINT:?} are allowed"
        );
    }
}

#[test]
fn the_section_on_two_targets_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/performance.md");
    let page = fs::read_to_string(&path).unwrap();
    let expected = with_section(&page).unwrap();
    if std::env::var_os("ENJAMB_BLESS").is_some_and(|value| value == "1") {
        fs::write(path, expected).unwrap();
        return;
    }
    let stale = "docs/performance.md is stale; `cargo xtask bless` writes it anew";
    assert!(
        page == expected,
        "{stale}\n{}",
        enjamb_tests::report::diff(&page, &expected)
    );
}
