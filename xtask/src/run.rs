//! `cargo xtask run FILE ARGS...`: `enjamb run` built with optimisations.

use std::env;
use std::process::Stdio;

use anyhow::{Context, Result};

use crate::aarch64::{Emulation, Target};
use crate::process::{Workspace, succeeds};
use crate::setup_aarch64::toolchain;

/// Runs a program in the text format, in the folder we were started from, here or on the target of the options.
pub fn run(workspace: &Workspace, emulation: &Emulation, args: &[String]) -> Result<bool> {
    let mut command = match emulation.target {
        None => workspace.cargo(&["run"]),
        Some(Target::Aarch64) => {
            toolchain(workspace)?.cargo(workspace, "run", emulation.cpu.as_deref())
        }
    };
    command
        .args([
            "--quiet",
            "--release",
            "-p",
            "enjamb-cli",
            "--manifest-path",
        ])
        .arg(workspace.root().join("Cargo.toml"))
        .args(["--", "run"])
        .args(args)
        .current_dir(env::current_dir().context("no current folder")?)
        .stdin(Stdio::inherit());
    succeeds(&mut command)
}
