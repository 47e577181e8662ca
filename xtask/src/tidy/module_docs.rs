//! Module documentation: each Rust file opens with `//!` on its first line.

use crate::project::Project;

/// Looks at the first line of each Rust file.
pub fn check(project: &Project) -> Vec<String> {
    let silent = project.rust_files().filter(|(_, text)| !text.starts_with("//! "));
    silent.map(|(path, _)| format!("{path}:1: does not open with `//!` and what the file is for")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_a_file_that_opens_with_code() {
        let project = Project::of(&[("a.rs", "//! About a.\n"), ("b.rs", "use a;\n//! About b.\n"), ("c.rs", "")]);
        let flagged: Vec<String> = check(&project).iter().map(|finding| finding[..4].to_owned()).collect();
        assert_eq!(flagged, ["b.rs", "c.rs"]);
    }
}
