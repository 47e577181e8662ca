//! `cargo xtask loom`: models of how threads wake, enter and leave instances, run in every order.
//!
//! The models are tests of `enjamb-runtime`. Its module `sync` takes locks and atomics from the crate `loom` when
//! everything is compiled with `--cfg loom`, which is why they have a target folder of their own.

use std::env;

use anyhow::Result;

use crate::process::{Workspace, succeeds};

/// Runs the models whose names begin with `filter`; true if all hold.
pub fn run(workspace: &Workspace, filter: Option<&str>) -> Result<bool> {
    let folder = workspace.metadata.target_directory.as_std_path();
    let flags = env::var("RUSTFLAGS").unwrap_or_default();
    let mut command = workspace.cargo(&["test", "--package", "enjamb-runtime", "--lib"]);
    command
        .arg("--target-dir")
        .arg(folder.join("loom"))
        .arg("--")
        .arg(format!("models::{}", filter.unwrap_or_default()))
        .env("RUSTFLAGS", format!("{flags} --cfg loom"))
        .env("CARGO_PROFILE_TEST_DEBUG", "0")
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    succeeds(&mut command)
}
