//! `cargo xtask bench`: the workloads beside their Rust peers, in one process and run.
//!
//! The benchmark program writes `docs/performance.md` itself, since it holds the figures.

use std::path::Path;

use anyhow::{Context, Result};

use crate::process::{Workspace, succeeds};

/// Runs the benchmark program.
pub fn run(workspace: &Workspace, filter: Option<&str>, json: Option<&Path>) -> Result<bool> {
    let mut command =
        workspace.cargo(&["bench", "-p", "enjamb-tests", "--bench", "workloads", "--"]);
    command.args(filter);
    if let Some(path) = json {
        // cargo starts a benchmark in the folder of its crate, the path is meant from ours.
        let path =
            std::path::absolute(path).with_context(|| format!("bad path {}", path.display()))?;
        command.arg("--json").arg(path);
    }
    succeeds(&mut command)
}
