//! Every file under `tests/golden` as a test of its own.
//!
//! `cargo test -p enjamb-tests --test golden -- NAME` runs those whose path contains `NAME`. With
//! `ENJAMB_BLESS=1` in the environment the listings at the end of files are rewritten.

use enjamb_tests::golden;
use libtest_mimic::{Arguments, Failed, Trial};
use std::fs;
use std::path::Path;

/// The folder whose files the verifier's own tests check.
const ERRORS: &str = "error";

fn main() {
    let arguments = Arguments::from_args();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let bless = std::env::var_os("ENJAMB_BLESS").is_some_and(|value| value == "1");
    let mut paths = golden::files(&root).expect("the golden files can be listed");
    paths.retain(|path| !path.starts_with(root.join(ERRORS)));
    let trials = paths.into_iter().filter_map(|path| {
        let name = path.strip_prefix(&root).ok()?.to_str()?.to_string();
        let name = name.strip_suffix(".enj")?.to_string();
        let test = name.clone();
        Some(Trial::test(name, move || check(&path, &test, bless)))
    });
    let trials = trials.collect();
    libtest_mimic::run(&arguments, trials).exit();
}

fn check(path: &Path, name: &str, bless: bool) -> Result<(), Failed> {
    let text = fs::read_to_string(path)?;
    let blessed = golden::check(&text, bless).map_err(|failure| {
        format!(
            "tests/golden/{name}.enj:{}: {}\n\
             this one again: cargo test -p enjamb-tests --test golden -- {name}\n\
             after the passes: cargo run -- compile tests/golden/{name}.enj --emit async",
            failure.line, failure.message
        )
    })?;
    if blessed != text {
        fs::write(path, blessed)?;
    }
    Ok(())
}
