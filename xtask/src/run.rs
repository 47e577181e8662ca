//! `cargo xtask run FILE ARGS...`: `enjamb run` built with optimisations.

use std::env;
use std::process::Stdio;

use anyhow::{Context, Result};

use crate::process::{Workspace, succeeds};

/// Runs a program in the text format, in the folder we were started from.
pub fn run(workspace: &Workspace, args: &[String]) -> Result<bool> {
    let manifest = workspace.root().join("Cargo.toml");
    let mut command = workspace.cargo(&[
        "run",
        "--quiet",
        "--release",
        "-p",
        "enjamb-cli",
        "--manifest-path",
    ]);
    command.arg(manifest).args(["--", "run"]).args(args);
    command
        .current_dir(env::current_dir().context("no current folder")?)
        .stdin(Stdio::inherit());
    succeeds(&mut command)
}
