//! Unsafe code: every crate but a few forbids it at its root.

use crate::project::Project;

/// The crates that need it: they lay out and run machine code, and move the objects that it uses.
const EXCEPTIONS: [&str; 4] = ["enjamb-abi", "enjamb-heap", "enjamb-runtime", "enjamb-engine"];

/// Looks at the root of each library and binary.
pub fn check(project: &Project) -> Vec<String> {
    let mut findings = Vec::new();
    for member in project.members.iter().filter(|member| !EXCEPTIONS.contains(&member.name.as_str())) {
        for root in &member.roots {
            let text = project.files.get(root).map_or("", String::as_str);
            if !text.lines().any(|line| line == "#![forbid(unsafe_code)]") {
                findings.push(format!("{root}:1: `#![forbid(unsafe_code)]` is missing"));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_a_crate_that_does_not_forbid() {
        let project = Project::of(&[("a/src/lib.rs", "//! A.\n#![forbid(unsafe_code)]\n"), ("b/src/lib.rs", "//! B.\n")])
            .with_member("enjamb-a", "a", &[])
            .with_member("enjamb-b", "b", &[])
            .with_member("enjamb-abi", "b", &[]);
        assert_eq!(check(&project), ["b/src/lib.rs:1: `#![forbid(unsafe_code)]` is missing"]);
    }
}
