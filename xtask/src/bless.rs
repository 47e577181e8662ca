//! `cargo xtask bless`: rewrites golden expectations and generated documentation.
//!
//! One convention serves all of it: a test that owns a generated file compares, and with `ENJAMB_BLESS=1` in
//! its environment rewrites the file instead. So blessing is running those tests.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use anyhow::{Context, Result};

use crate::process::{Workspace, succeeds};
use crate::project::files_under;
use crate::step::Outcome;

/// The crates with tests that own files.
const OWNERS: [&str; 3] = ["enjamb-tests", "enjamb-ir", "enjamb-cli"];

/// Runs the tests that own files, told to rewrite them.
pub fn run(workspace: &Workspace) -> Result<bool> {
    let mut command = workspace.cargo(&["test", "--quiet", "--no-fail-fast"]);
    for owner in OWNERS {
        command.args(["-p", owner]);
    }
    succeeds(command.env("ENJAMB_BLESS", "1"))
}

/// Blesses, and fails when that changed any file: then what stands in the tree is stale.
pub fn leaves_nothing_changed(workspace: &Workspace) -> Result<Outcome> {
    let before = snapshot(workspace)?;
    if !run(workspace)? {
        return Ok(Outcome::Failed);
    }
    let changed = differences(&before, &snapshot(workspace)?);
    for path in &changed {
        println!("changed by blessing: {path}");
    }
    if !changed.is_empty() {
        println!("look at these changes; when they are right, they belong to the commit");
    }
    Ok(changed.is_empty().into())
}

type Snapshot = BTreeMap<String, u64>;

/// The hash of every file that is not ignored.
fn snapshot(workspace: &Workspace) -> Result<Snapshot> {
    let mut snapshot = Snapshot::new();
    for path in files_under(workspace.root())? {
        let bytes = std::fs::read(workspace.root().join(&path))
            .with_context(|| format!("cannot read {path}"))?;
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        snapshot.insert(path, hasher.finish());
    }
    Ok(snapshot)
}

/// The paths that appeared, vanished or have other content.
fn differences(before: &Snapshot, after: &Snapshot) -> Vec<String> {
    let touched = after
        .iter()
        .filter(|(path, hash)| before.get(*path) != Some(hash));
    let gone = before.iter().filter(|(path, _)| !after.contains_key(*path));
    touched.chain(gone).map(|(path, _)| path.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_changed_and_vanished_files_all_count() {
        let of = |pairs: &[(&str, u64)]| {
            pairs
                .iter()
                .map(|(path, hash)| ((*path).to_owned(), *hash))
                .collect()
        };
        let before: Snapshot = of(&[("kept", 1), ("changed", 2), ("gone", 3)]);
        let after: Snapshot = of(&[("kept", 1), ("changed", 9), ("new", 4)]);
        assert_eq!(differences(&before, &after), ["changed", "new", "gone"]);
    }
}
