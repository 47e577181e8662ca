//! The layers: which crate of this workspace may depend on which.
//!
//! A crate depends on lower floors only, and only on what its row names. Dependencies of tests are apart: a
//! test may reach for anything.

use crate::project::Project;

/// What a row allows.
enum Allowed {
    /// These crates, without the prefix `enjamb-`.
    Only(&'static [&'static str]),
    /// Every crate.
    All,
}

use Allowed::{All, Only};

/// Crate (without the prefix `enjamb-`), its floor, and what it may depend on.
const LAYERS: &[(&str, u32, Allowed)] = &[
    ("ir", 0, Only(&[])),
    ("x64", 0, Only(&[])),
    ("aarch64", 0, Only(&[])),
    ("regalloc", 0, Only(&[])),
    ("liveness", 1, Only(&["ir"])),
    ("abi", 1, Only(&["ir"])),
    ("interp", 1, Only(&["ir"])),
    ("gen", 1, Only(&["ir"])),
    ("heap", 2, Only(&["ir", "abi"])),
    ("roots", 2, Only(&["ir", "liveness"])),
    ("continuation", 2, Only(&["ir", "liveness", "abi"])),
    ("async", 3, Only(&["ir", "liveness", "abi", "continuation"])),
    ("lower", 3, Only(&["ir", "abi", "regalloc"])),
    ("lower-x64", 4, Only(&["ir", "x64", "abi", "regalloc", "lower"])),
    ("lower-aarch64", 4, Only(&["ir", "aarch64", "abi", "regalloc", "lower"])),
    ("codegen", 5, Only(&["ir", "liveness", "abi", "continuation", "async", "roots", "regalloc", "lower", "lower-x64", "lower-aarch64"])),
    ("runtime", 6, Only(&["ir", "abi", "heap", "codegen"])),
    ("engine", 7, Only(&["ir", "abi", "heap", "interp", "codegen", "runtime"])),
    ("enjamb", 8, Only(&["ir", "interp", "codegen", "runtime", "engine"])),
    ("cli", 9, Only(&["enjamb"])),
    ("tests", 10, All),
    ("xtask", 10, All),
];

/// Compares the declared dependencies with the table.
pub fn check(project: &Project) -> Vec<String> {
    let mut findings = Vec::new();
    for member in &project.members {
        let manifest = format!("{}/Cargo.toml", member.folder);
        let Some((_, _, allowed)) = LAYERS.iter().find(|(name, ..)| *name == short(&member.name)) else {
            findings.push(format!("{manifest}:1: {} has no row in the table of layers", member.name));
            continue;
        };
        for dependency in member.dependencies.iter().filter(|dependency| !dependency.for_tests) {
            let ours = project.members.iter().any(|other| other.name == dependency.package);
            let forbidden = match allowed {
                All => false,
                Only(names) => ours && !names.contains(&short(&dependency.package)),
            };
            if forbidden {
                findings.push(format!("{manifest}:1: {} may not depend on {}", member.name, dependency.package));
            }
        }
    }
    for (name, ..) in LAYERS {
        if !project.members.iter().any(|member| short(&member.name) == *name) {
            findings.push(format!("xtask/src/tidy/layers.rs:1: the table has a row for {name}, which is no crate"));
        }
    }
    findings
}

fn short(name: &str) -> &str {
    name.strip_prefix("enjamb-").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_only_goes_down() {
        let floor = |name: &str| LAYERS.iter().find(|(known, ..)| *known == name).expect("a row").1;
        for (name, own, allowed) in LAYERS {
            if let Only(names) = allowed {
                assert!(names.iter().all(|below| floor(below) < *own), "{name} reaches its own floor or above");
            }
        }
    }

    #[test]
    fn flags_a_forbidden_edge_and_a_crate_without_a_row() {
        let mut project = Project::default();
        for (name, ..) in LAYERS {
            project = project.with_member(&format!("enjamb-{name}"), name, &[]);
        }
        assert_eq!(check(&project), [""; 0]);
        let project = project
            .with_member("enjamb-x64", "crates/x64", &["enjamb-ir", "serde"])
            .with_member("enjamb-new", "crates/new", &[]);
        assert_eq!(
            check(&project),
            [
                "crates/x64/Cargo.toml:1: enjamb-x64 may not depend on enjamb-ir",
                "crates/new/Cargo.toml:1: enjamb-new has no row in the table of layers",
            ]
        );
        let missing = check(&Project::default());
        assert_eq!(missing.len(), LAYERS.len());
    }
}
