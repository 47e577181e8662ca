//! The head of each published library: what goes in, what comes out, what holds, which crates it may depend
//! on, and an example that rustdoc runs.

use crate::project::{Project, front_page, has_example};

/// What a front page has to speak of, by a word that such a passage cannot avoid.
const TOPICS: [(&str, &[&str]); 4] = [
    ("what goes in", &["goes in", "in:", "in**:", "input", "takes"]),
    ("what comes out", &["comes out", "out:", "out**:", "output", "gives"]),
    ("what holds (its invariants)", &["invariant", "what holds", "always", "never", "after:"]),
    ("what it depends on", &["depend"]),
];

/// Looks at the front page of each library under `crates/`.
pub fn check(project: &Project) -> Vec<String> {
    let mut findings = Vec::new();
    let libraries = |path: &str| path.starts_with("crates/") && path.ends_with("/src/lib.rs");
    for (path, text) in project.files_that(libraries) {
        let page = front_page(text);
        let lower = page.to_lowercase();
        for (topic, words) in TOPICS {
            if !words.iter().any(|word| lower.contains(word)) {
                findings.push(format!("{path}:1: the front page does not say {topic}"));
            }
        }
        if !has_example(&page) {
            findings.push(format!("{path}:1: the front page has no example"));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_each_missing_part() {
        let good = "//! What goes in: text. What comes out: a tree.\n//! Invariant: sorted. Depends on nothing.\n//! ```\n//! f();\n//! ```\n";
        let bad = "//! A library.\n";
        let project = Project::of(&[("crates/a/src/lib.rs", good), ("crates/b/src/lib.rs", bad)]);
        let findings = check(&project);
        assert_eq!(findings.len(), 5);
        assert!(findings.iter().all(|finding| finding.starts_with("crates/b/src/lib.rs:1: the front page ")));
    }
}
