//! Findings: files among the goldens, which fail as long as what was found is there.

use enjamb_tests::case::Case;
use enjamb_tests::differential::{Difference, Kind};
use std::path::{Path, PathBuf};
use std::{fs, io};

/// The folder among the golden files.
pub const FOLDER: &str = "found";

/// The golden files.
pub fn golden_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

/// Writes the file of a program among golden files, and says where.
pub fn write(
    golden: &Path,
    seed: u64,
    case: &Case,
    difference: &Difference,
) -> io::Result<PathBuf> {
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
    let mut lines = vec![format!("Random program {seed} found this: {difference}")];
    // By its kind such a difference is known again in other programs: this is what was said of this one.
    if matches!(
        difference.kind,
        Kind::Refused(_) | Kind::Panics(_) | Kind::Breaks(_) | Kind::Misleads
    ) {
        let said = difference.detail.lines().next().unwrap_or_default();
        lines.push(format!("What was said: {said}"));
    }
    lines.push(format!(
        "Again with `cargo test -p enjamb-tests --test golden -- {name}`,"
    ));
    lines.push(format!(
        "smaller with `cargo xtask reduce tests/golden/{name}.enj`."
    ));
    lines
}
