//! `cargo xtask bench`: the workloads beside their Rust peers, in one process and run, then a server
//! under load, and what emulation costs.
//!
//! The benchmark program writes `docs/performance.md` itself, since it holds the figures; what is measured with
//! several programs has a part of its own in the page.

use std::path::Path;

use anyhow::{Context, Result};

use crate::emulation;
use crate::process::{Workspace, succeeds};
use crate::server;

/// Runs the benchmark program and measures a server and emulation, or one of the three.
pub fn run(workspace: &Workspace, filter: Option<&str>, json: Option<&Path>) -> Result<bool> {
    if filter == Some(emulation::NAME) {
        return emulation::run(workspace);
    }
    if filter == Some(server::NAME) {
        return server::run(workspace);
    }
    let mut command =
        workspace.cargo(&["bench", "-p", "enjamb-tests", "--bench", "workloads", "--"]);
    command.args(filter);
    if let Some(path) = json {
        // cargo starts a benchmark in the folder of its crate, the path is meant from ours.
        let path =
            std::path::absolute(path).with_context(|| format!("bad path {}", path.display()))?;
        command.arg("--json").arg(path);
    }
    let all = filter.is_none();
    Ok(
        succeeds(&mut command)?
            && (!all || (server::run(workspace)? && emulation::run(workspace)?)),
    )
}
