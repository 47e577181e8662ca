//! Where the workspace is, and how its commands start other programs.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use cargo_metadata::{Metadata, MetadataCommand};

/// The workspace this crate belongs to.
pub struct Workspace {
    /// What cargo says about the members; their dependencies as declared, not resolved.
    pub metadata: Metadata,
}

impl Workspace {
    /// Asks cargo, from the folder of this crate, so that the current folder does not matter.
    pub fn find() -> Result<Workspace> {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        Workspace::of(MetadataCommand::new().manifest_path(manifest))
    }

    /// A copy of a workspace in another folder, with a target folder of its own.
    pub fn in_folder(root: &Path, target: &Path) -> Result<Workspace> {
        let mut command = MetadataCommand::new();
        command.manifest_path(root.join("Cargo.toml"));
        Workspace::of(command.env("CARGO_TARGET_DIR", target))
    }

    fn of(command: &mut MetadataCommand) -> Result<Workspace> {
        let metadata = command.no_deps().exec();
        let metadata = metadata.context("`cargo metadata` failed")?;
        Ok(Workspace { metadata })
    }

    /// The folder of the workspace's `Cargo.toml`.
    pub fn root(&self) -> &Path {
        self.metadata.workspace_root.as_std_path()
    }

    /// Where cargo tools go that `ci --require-all` builds for itself: inside the target folder.
    pub fn tools(&self) -> PathBuf {
        self.metadata.target_directory.as_std_path().join("tools")
    }

    /// A `cargo` command that runs in the root of the workspace.
    pub fn cargo(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command
            .args(args)
            .current_dir(self.root())
            .env("CARGO_TARGET_DIR", &self.metadata.target_directory)
            .stdin(Stdio::null());
        command
    }
}

/// Runs a command with our own output; true when it succeeded.
pub fn succeeds(command: &mut Command) -> Result<bool> {
    let status = command
        .status()
        .with_context(|| format!("cannot start {:?}", command.get_program()))?;
    Ok(status.success())
}

/// Whether a program can be started at all and answers `--version`.
pub fn is_present(program: &Path) -> bool {
    Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
