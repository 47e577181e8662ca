//! The programs of the README are those on the front page, which run as tests.

use std::fs;
use std::path::Path;

/// The pieces of Rust in a text in Markdown, up to a line.
fn programs(markdown: &str, fence: &str, end: &str) -> Vec<String> {
    let (text, _) = markdown.split_once(end).unwrap();
    let pieces = text.split("\n```").collect::<Vec<_>>();
    let starts = pieces.iter().filter_map(|piece| piece.strip_prefix(fence));
    starts.map(str::to_string).collect()
}

#[test]
fn programs_are_tested_and_short() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let front_page = fs::read_to_string(root.join("src/lib.rs")).unwrap();
    let lines = front_page
        .lines()
        .filter_map(|line| line.strip_prefix("//!"));
    let front_page: Vec<&str> = lines
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect();
    // What stands between two programs begins like them, and has no `fn main` in it.
    let mut tested = programs(&front_page.join("\n"), "\n", "\n| module");
    tested.retain(|program| program.contains("fn main"));
    assert_eq!(tested.len(), 2);

    // A packaged crate stands alone.
    let Ok(readme) = fs::read_to_string(root.join("../../README.md")) else {
        return;
    };
    assert_eq!(programs(&readme, "rust\n", "\n## What is there").len(), 2);
    for (shown, tested) in programs(&readme, "rust\n", "\n## What is there")
        .iter()
        .zip(&tested)
    {
        assert_eq!(shown.trim(), tested.trim());
        let (before, rest) = tested.split_once("r#\"").unwrap();
        let (_, behind) = rest.split_once("\"#;").unwrap();
        let is_code = |line: &&str| !line.trim().is_empty();
        let code = before.lines().chain(behind.lines()).filter(is_code).count();
        assert!(code <= 25, "{code} lines of Rust");
    }
}
