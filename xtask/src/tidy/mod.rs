//! `cargo xtask tidy`: what has to hold in this tree and no compiler checks.
//!
//! Each check is a file with one function `check(&Project) -> Vec<String>`, whose findings read
//! `path:line: what is wrong`, and a negative test on a small made-up project. The list below is the only
//! place that names them all; it also makes one test of each on the real workspace.

use std::time::Instant;

use anyhow::{Result, bail};

use crate::process::Workspace;
use crate::project::Project;

mod markdown;

macro_rules! checks {
    ($($name:ident: $what:literal,)*) => {
        $(mod $name;)*

        /// Name, what holds, and the function that finds where it does not.
        const CHECKS: &[(&str, &str, fn(&Project) -> Vec<String>)] = &[$((stringify!($name), $what, $name::check),)*];

        #[cfg(test)]
        mod the_workspace_passes {
            $(
                #[test]
                fn $name() {
                    let workspace = super::Workspace::find().expect("cargo describes the workspace");
                    let project = super::Project::load(&workspace).expect("the workspace is readable");
                    let findings = super::$name::check(&project);
                    assert!(findings.is_empty(), "{}\n{}", $what, findings.join("\n"));
                }
            )*
        }
    };
}

checks! {
    layers: "a crate depends on the crates its row allows, all on lower floors",
    unused_dependencies: "a declared dependency is used",
    doc_references: "documents name only files, crates and commands that exist",
    architecture: "ARCHITECTURE.md has an entry for each crate of the workspace",
    module_docs: "each Rust file opens with its documentation",
    front_pages: "each library says what goes in and out, what holds and what it depends on, and has an example",
    facade: "the facade only re-exports",
    file_sizes: "no source file has more lines than one can keep in mind",
    contract: "a golden that says what it shows names lines of the contract that exist",
    scenarios: "each row of the scenario list has an issue number and a test, a plan or a reason",
    lint_reasons: "each exception from a lint has its reason",
    forbid_unsafe: "unsafe code stays in the few crates that need it",
    machine_paths: "nothing names a path of one machine",
    readme: "README.md names the command that runs every test",
}

/// Runs all checks, or the one of the given name, and prints what they found.
pub fn run(workspace: &Workspace, only: Option<&str>) -> Result<bool> {
    if let Some(name) = only.filter(|name| CHECKS.iter().all(|(known, ..)| known != name)) {
        let known: Vec<&str> = CHECKS.iter().map(|(known, ..)| *known).collect();
        bail!("no check is called {name}; there are: {}", known.join(", "));
    }
    let project = Project::load(workspace)?;
    let mut clean = true;
    for (name, what, check) in CHECKS
        .iter()
        .filter(|(name, ..)| only.is_none_or(|only| only == *name))
    {
        let start = Instant::now();
        let findings = check(&project);
        let verdict = if findings.is_empty() {
            "ok".to_owned()
        } else {
            format!("{} findings", findings.len())
        };
        println!(
            "{name}: {what}: {verdict} ({:.2} s)",
            start.elapsed().as_secs_f64()
        );
        for finding in &findings {
            println!("  {finding}");
        }
        clean &= findings.is_empty();
    }
    Ok(clean)
}
