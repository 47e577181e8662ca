//! `cargo xtask build`: everything that compiles.

use anyhow::Result;

use crate::process::{Workspace, succeeds};

/// Builds every target of every crate.
pub fn run(workspace: &Workspace, release: bool) -> Result<bool> {
    let mut command = workspace.cargo(&["build", "--workspace", "--all-targets"]);
    if release {
        command.arg("--release");
    }
    succeeds(&mut command)
}
