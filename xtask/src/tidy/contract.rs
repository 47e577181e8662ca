//! The contract: a golden's header `; shows: M11, M13` names lines of `docs/async-model.md`.

use crate::project::Project;

const CONTRACT: &str = "docs/async-model.md";

/// Resolves each `; shows:` header.
pub fn check(project: &Project) -> Vec<String> {
    let contract = project.files.get(CONTRACT).map_or("", String::as_str);
    let mut findings = Vec::new();
    for (path, text) in project.files_that(|path| path.starts_with("tests/golden/") && path.ends_with(".enj")) {
        for (index, line) in text.lines().enumerate() {
            let Some(shown) = line.strip_prefix("; shows:") else { continue };
            let lines: Vec<&str> = shown.split([',', ' ']).filter(|word| !word.is_empty()).collect();
            if lines.is_empty() {
                findings.push(format!("{path}:{}: shows nothing", index + 1));
            }
            for name in lines.into_iter().filter(|name| !contract.contains(&format!("- **{name}** "))) {
                findings.push(format!("{path}:{}: {CONTRACT} has no line {name}", index + 1));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_a_line_that_the_contract_does_not_have() {
        let project = Project::of(&[
            (CONTRACT, "- **M1** One.\n- **M12** Twelve.\n"),
            ("tests/golden/async/a.enj", "; test run\n; shows: M1, M12\n"),
            ("tests/golden/async/b.enj", "; shows: M2\n; shows:\n"),
        ]);
        assert_eq!(
            check(&project),
            [
                "tests/golden/async/b.enj:1: docs/async-model.md has no line M2",
                "tests/golden/async/b.enj:2: shows nothing",
            ]
        );
    }
}
