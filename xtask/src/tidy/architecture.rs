//! `ARCHITECTURE.md` has an entry for each member of the workspace: a heading, list item or table row that
//! names its folder or package between backticks.

use crate::project::Project;

/// Looks for the entry of each member.
pub fn check(project: &Project) -> Vec<String> {
    let Some(text) = project.files.get("ARCHITECTURE.md") else {
        return vec!["ARCHITECTURE.md:1: the file is missing".to_owned()];
    };
    let entries: Vec<&str> = text.lines().filter(|line| line.trim_start().starts_with(['#', '-', '*', '|'])).collect();
    let mut findings = Vec::new();
    for member in &project.members {
        let names = [format!("`{}`", member.folder), format!("`{}/`", member.folder), format!("`{}`", member.name)];
        if !entries.iter().any(|entry| names.iter().any(|name| entry.contains(name))) {
            findings.push(format!("ARCHITECTURE.md:1: no entry for {}", names[0]));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_a_crate_that_only_prose_names() {
        let text = "## `crates/ir`\nprose about `crates/x64`\n| 1 | `enjamb-abi` |\n";
        let project = Project::of(&[("ARCHITECTURE.md", text)])
            .with_member("enjamb-ir", "crates/ir", &[])
            .with_member("enjamb-x64", "crates/x64", &[])
            .with_member("enjamb-abi", "crates/abi", &[]);
        assert_eq!(check(&project), ["ARCHITECTURE.md:1: no entry for `crates/x64`"]);
        assert_eq!(check(&Project::default()), ["ARCHITECTURE.md:1: the file is missing"]);
    }
}
