//! `README.md` names the command that runs every test, which is the one `ci` runs.

use crate::project::Project;

const COMMAND: &str = "cargo xtask test";

/// Looks for the command.
pub fn check(project: &Project) -> Vec<String> {
    let named = project.files.get("README.md").is_some_and(|text| text.contains(COMMAND));
    if named { Vec::new() } else { vec![format!("README.md:1: does not name `{COMMAND}`")] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_a_readme_without_the_command() {
        assert_eq!(check(&Project::of(&[("README.md", "Run `cargo xtask test`.\n")])), [""; 0]);
        assert_eq!(check(&Project::of(&[("README.md", "Run it.\n")])).len(), 1);
        assert_eq!(check(&Project::default()).len(), 1);
    }
}
