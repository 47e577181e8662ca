//! The first program of the README is the one on the front page, which runs as a test.

use std::fs;
use std::path::Path;

/// The first piece of Rust in a text in Markdown.
fn first_program(markdown: &str, fence: &str) -> String {
    let (_, rest) = markdown.split_once(fence).unwrap();
    rest.split_once("```").unwrap().0.to_string()
}

#[test]
fn the_first_program_is_tested_and_short() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let front_page = fs::read_to_string(root.join("src/lib.rs")).unwrap();
    let lines = front_page
        .lines()
        .filter_map(|line| line.strip_prefix("//!"));
    let front_page: Vec<&str> = lines
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect();
    let tested = first_program(&front_page.join("\n"), "```\n");

    // A packaged crate stands alone.
    let Ok(readme) = fs::read_to_string(root.join("../../README.md")) else {
        return;
    };
    assert_eq!(first_program(&readme, "```rust\n"), tested);
    let (before, rest) = tested.split_once("r#\"").unwrap();
    let (_, behind) = rest.split_once("\"#;").unwrap();
    let is_code = |line: &&str| !line.trim().is_empty();
    let code = before.lines().chain(behind.lines()).filter(is_code).count();
    assert!(code <= 25, "{code} lines of Rust");
}
