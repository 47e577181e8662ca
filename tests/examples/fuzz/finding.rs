//! Findings: files among the goldens, which fail as long as what was found is there.

use enjamb_tests::case::Case;
use enjamb_tests::differential::Difference;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// The folder among the golden files.
const FOLDER: &str = "found";

/// Writes the file of a program and says where.
pub fn write(seed: u64, case: &Case, difference: &Difference) -> io::Result<PathBuf> {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let name = format!("{FOLDER}/program_{seed}");
    let path = golden.join(format!("{name}.enj"));
    fs::create_dir_all(golden.join(FOLDER))?;
    let mut case = case.clone();
    // The schedule that shows it, and the one that it may have to be compared with.
    let needed = |schedule| Some(schedule) == difference.schedule;
    let first = case.schedules.first().copied();
    (case.schedules).retain(|&schedule| Some(schedule) == first || needed(schedule));
    fs::write(&path, case.to_text(&header(&name, seed, difference)))?;
    Ok(path)
}

fn header(name: &str, seed: u64, difference: &Difference) -> Vec<String> {
    vec![
        format!("Random program {seed} found this: {difference}"),
        format!("Again with `cargo test -p enjamb-tests --test golden -- {name}`,"),
        format!("smaller with `cargo xtask reduce tests/golden/{name}.enj`."),
    ]
}
