//! `cargo deny`: licences, duplicate versions and sources of what we depend on.
//!
//! Its `advisories` check clones a database from the network and is no gate; the other three need nothing
//! but the packages themselves.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::process::{Workspace, is_present, succeeds};
use crate::step::Outcome;

const INSTALL: &str = "cargo install cargo-deny --locked";
/// Our workspace, and that of the fuzz targets. What we let in is one list, `deny.toml`.
const MANIFESTS: [&str; 2] = ["Cargo.toml", "fuzz/Cargo.toml"];

/// Runs the three checks that need no network. With `obtain` a missing tool is built into the target folder.
pub fn check(workspace: &Workspace, obtain: bool) -> Result<Outcome> {
    let Some(tool) = find(workspace, obtain)? else {
        return Ok(Outcome::Missing(format!(
            "cargo-deny; get it with: {INSTALL}"
        )));
    };
    let mut held = true;
    for manifest in MANIFESTS {
        held &= is_allowed(workspace, &tool, manifest)?;
    }
    Ok(held.into())
}

fn is_allowed(workspace: &Workspace, tool: &Path, manifest: &str) -> Result<bool> {
    // The graph covers packages of other hosts too, which a build on this one never fetched.
    let fetch = ["fetch", "--locked", "--manifest-path", manifest];
    if !succeeds(&mut workspace.cargo(&fetch))? {
        bail!(
            "`cargo {}` failed: is its Cargo.lock up to date?",
            fetch.join(" ")
        );
    }
    let mut deny = Command::new(tool);
    deny.args(["--offline", "--manifest-path", manifest, "check"])
        .args(["bans", "licenses", "sources"])
        .current_dir(workspace.root());
    succeeds(&mut deny)
}

/// The tool of the user, else ours in the target folder, else none.
fn find(workspace: &Workspace, obtain: bool) -> Result<Option<PathBuf>> {
    let own = workspace.tools().join("bin").join("cargo-deny");
    for candidate in [Path::new("cargo-deny"), &own] {
        if is_present(candidate) {
            return Ok(Some(candidate.to_owned()));
        }
    }
    if !obtain {
        return Ok(None);
    }
    println!("building cargo-deny in {}", workspace.tools().display());
    let mut install = workspace.cargo(&["install", "cargo-deny", "--locked", "--root"]);
    if !succeeds(install.arg(workspace.tools()))? {
        bail!("`{INSTALL}` failed");
    }
    Ok(Some(own))
}
