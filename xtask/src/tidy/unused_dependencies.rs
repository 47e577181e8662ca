//! Unused dependencies: the name of each declared one occurs in the crate's code.

use crate::project::{Member, Project, resolved};

/// Looks for each declared dependency in the sources that may use it.
pub fn check(project: &Project) -> Vec<String> {
    let mut findings = Vec::new();
    for member in &project.members {
        for dependency in &member.dependencies {
            if !is_used(project, member, &dependency.identifier, dependency.for_tests) {
                findings.push(format!("{}/Cargo.toml:1: {} is declared but not used", member.folder, dependency.package));
            }
        }
    }
    findings
}

fn is_used(project: &Project, member: &Member, identifier: &str, for_tests: bool) -> bool {
    let folder = format!("{}/", member.folder);
    let own = || project.rust_files().filter(|(path, _)| path.starts_with(&folder));
    let included = own().flat_map(|(path, text)| included_files(path, text));
    let included: Vec<&String> = included.filter_map(|path| project.files.get(&path)).collect();
    let sources = own().map(|(_, text)| text).chain(included.into_iter().map(String::as_str));
    // Examples in documentation count for test dependencies, as rustdoc compiles them as tests.
    let mut lines = sources.flat_map(str::lines).filter(|line| for_tests || !line.trim_start().starts_with("//"));
    lines.any(|line| names(line, identifier))
}

/// The files that `#[path = "…"]` makes modules of a file.
fn included_files(file: &str, text: &str) -> Vec<String> {
    let paths = text.lines().filter_map(|line| line.trim_start().strip_prefix("#[path = \"")?.strip_suffix("\"]"));
    let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
    paths.map(|path| resolved(folder, path)).collect()
}

/// Whether a line of code uses a crate: `name::…`, `use name…` or `extern crate name`.
fn names(line: &str, identifier: &str) -> bool {
    let part_of_word = |character: char| character.is_alphanumeric() || character == '_';
    line.match_indices(identifier).any(|(start, _)| {
        let (before, after) = (&line[..start], &line[start + identifier.len()..]);
        if before.ends_with(part_of_word) || after.starts_with(part_of_word) {
            return false;
        }
        let imported = ["use ", "use ::", "extern crate ", "{", ", "].iter().any(|word| before.ends_with(word));
        after.starts_with("::") || (imported && (line.contains("use ") || line.contains("extern crate ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_what_only_a_comment_names() {
        let project = Project::of(&[("crates/a/src/lib.rs", "// serde::Serialize\nuse anyhow::Result;\nuse log;\n")])
            .with_member("a", "crates/a", &["serde", "anyhow", "log", "any"]);
        assert_eq!(
            check(&project),
            [
                "crates/a/Cargo.toml:1: serde is declared but not used",
                "crates/a/Cargo.toml:1: any is declared but not used",
            ]
        );
    }

    #[test]
    fn files_of_other_crates_that_are_included_count() {
        let main = "#[path = \"../../../b/tests/shared.rs\"]\nmod shared;\n";
        let project = Project::of(&[("crates/a/tests/native/main.rs", main), ("crates/b/tests/shared.rs", "use libc::mmap;\n")])
            .with_member("a", "crates/a", &["libc", "log"]);
        assert_eq!(check(&project), ["crates/a/Cargo.toml:1: log is declared but not used"]);
    }

    #[test]
    fn a_word_that_contains_the_name_is_no_use() {
        assert!(names("let x = enjamb_ir::Function::new();", "enjamb_ir"));
        assert!(names("pub use enjamb;", "enjamb"));
        assert!(names("use {enjamb_abi as abi, enjamb_ir as ir};", "enjamb_ir"));
        assert!(!names("use enjamb_ir::Function;", "enjamb"));
        assert!(!names("let log = 1;", "log"));
    }
}
