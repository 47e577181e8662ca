//! File sizes: a source file that outgrows the limit becomes a folder whose `mod.rs` lists its parts.

use crate::project::Project;

/// The most lines of a Rust file.
const LIMIT: usize = 900;
/// Files that a program writes.
const GENERATED: &[&str] = &[];

/// Counts lines.
pub fn check(project: &Project) -> Vec<String> {
    let mut findings = Vec::new();
    for (path, text) in project.rust_files().filter(|(path, _)| !GENERATED.contains(path)) {
        let lines = text.lines().count();
        if lines > LIMIT {
            findings.push(format!("{path}:{LIMIT}: {lines} lines, the limit is {LIMIT}"));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_one_line_too_many() {
        let (fits, over) = ("x\n".repeat(LIMIT), "x\n".repeat(LIMIT + 1));
        let project = Project::of(&[("fits.rs", &fits), ("over.rs", &over), ("over.md", &over)]);
        assert_eq!(check(&project), ["over.rs:900: 901 lines, the limit is 900"]);
    }
}
