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

/// Writes the file of a program, which was run under an emulator or not, among golden files, and says where.
pub fn write(
    golden: &Path,
    seed: u64,
    case: &Case,
    difference: &Difference,
    is_emulated: bool,
) -> io::Result<PathBuf> {
    let name = format!("{FOLDER}/program_{seed}");
    let path = golden.join(format!("{name}.enj"));
    fs::create_dir_all(golden.join(FOLDER))?;
    let mut case = case.clone();
    // The schedule that shows it, and the one that it may have to be compared with.
    let needed = |schedule| Some(schedule) == difference.schedule;
    let first = case.schedules.first().copied();
    (case.schedules).retain(|&schedule| Some(schedule) == first || needed(schedule));
    fs::write(
        &path,
        case.to_text(&header(&name, seed, difference, is_emulated)),
    )?;
    Ok(path)
}

fn header(name: &str, seed: u64, difference: &Difference, is_emulated: bool) -> Vec<String> {
    let mut lines = vec![format!("Random program {seed} found this: {difference}")];
    // By its kind such a difference is known again in other programs: this is what was said of this one.
    if matches!(
        difference.kind,
        Kind::Refused(_) | Kind::Panics(_) | Kind::Breaks(_) | Kind::Misleads
    ) {
        let said = difference.detail.lines().next().unwrap_or_default();
        lines.push(format!("What was said: {said}"));
    }
    let (again, target) = match is_emulated {
        // Of tests under the emulator all run; what was found need not be there on this machine.
        true => (
            "cargo xtask test --target aarch64".to_string(),
            "--target aarch64 ",
        ),
        false => (
            format!("cargo test -p enjamb-tests --test golden -- {name}"),
            "",
        ),
    };
    lines.push(format!("Again with `{again}`,"));
    lines.push(format!(
        "smaller with `cargo xtask reduce {target}tests/golden/{name}.enj`."
    ));
    lines
}
