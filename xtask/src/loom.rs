//! `cargo xtask loom`: models of how threads wake, enter and leave instances, run in every order.
//!
//! The models are tests of `enjamb-runtime`. Its module `sync` takes locks and atomics from the crate `loom` when
//! everything is compiled with `--cfg loom`, which is why they have a target folder of their own.

use std::env;
use std::process::Command;

use anyhow::{Result, bail};

use crate::process::{Workspace, succeeds};

/// Runs the models whose names begin with `filter`; true if all hold.
///
/// # Errors
/// If there is no such model, or cargo cannot be run.
pub fn run(workspace: &Workspace, filter: Option<&str>) -> Result<bool> {
    let models = format!("models::{}", filter.unwrap_or_default());
    let list = cargo_test(workspace, &[&models, "--list"]).output()?;
    let is_listed = String::from_utf8_lossy(&list.stdout).contains(": test");
    // What does not compile says so below.
    if list.status.success() && !is_listed {
        bail!("no model has a name that begins with `{models}`");
    }
    succeeds(&mut cargo_test(workspace, &[&models]))
}

/// The tests of the runtime, compiled for loom, with these arguments.
fn cargo_test(workspace: &Workspace, arguments: &[&str]) -> Command {
    let folder = workspace.metadata.target_directory.as_std_path();
    let flags = env::var("RUSTFLAGS").unwrap_or_default();
    let mut command = workspace.cargo(&["test", "--package", "enjamb-runtime", "--lib"]);
    command
        .arg("--target-dir")
        .arg(folder.join("loom"))
        .arg("--")
        .args(arguments)
        .env("RUSTFLAGS", format!("{flags} --cfg loom"))
        .env("CARGO_PROFILE_TEST_DEBUG", "0")
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    command
}
