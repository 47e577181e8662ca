//! A working copy of all files that are not ignored, with a target folder of its own, in which builds are incremental from one
//! bug to the next.

use std::collections::BTreeSet;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::{Mutation, text_of_git};
use crate::process::Workspace;

/// What is not tested here, so that a change of it leaves results as they are.
const APART: [&str; 2] = ["xtask/", "docs/mutations.md"];

/// A copy of the tree.
pub struct WorkingCopy {
    /// The copy as a workspace.
    pub workspace: Workspace,
    /// The hash of what is tested.
    pub sources: u64,
}

impl WorkingCopy {
    /// Makes the copy in `folder` or brings it up to date. Files that are as they were keep their time, so that
    /// nothing is built anew for them.
    pub fn make(of: &Workspace, folder: &Path) -> Result<WorkingCopy> {
        let tree = folder.join("tree");
        let tracked = text_of_git(
            of,
            &[
                "ls-files",
                "-z",
                "--cached",
                "--others",
                "--exclude-standard",
            ],
        )?;
        let tracked: BTreeSet<&str> = tracked.split_terminator('\0').collect();
        let mut hasher = DefaultHasher::new();
        for path in &tracked {
            // A file that was deleted and not committed yet is tracked still.
            let Ok(bytes) = fs::read(of.root().join(path)) else {
                continue;
            };
            if !APART.iter().any(|apart| path.starts_with(apart)) {
                (path, &bytes).hash(&mut hasher);
            }
            write_if_different(&tree.join(path), &bytes)?;
        }
        let list = folder.join("files");
        let before = fs::read_to_string(&list).unwrap_or_default();
        for gone in before.lines().filter(|path| !tracked.contains(path)) {
            let _ = fs::remove_file(tree.join(gone));
        }
        let lines: String = tracked.iter().flat_map(|path| [path, "\n"]).collect();
        write_if_different(&list, lines.as_bytes())?;
        let workspace = Workspace::in_folder(&tree, &folder.join("target"))?;
        Ok(WorkingCopy {
            workspace,
            sources: hasher.finish(),
        })
    }

    /// Plants a bug, does something, and restores the file.
    pub fn with<T>(&self, mutation: &Mutation, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let path = self.workspace.root().join(mutation.file);
        let source =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        write(&path, mutation.plant(&source)?.as_bytes())?;
        let result = work();
        write(&path, source.as_bytes())?;
        result
    }
}

fn write_if_different(path: &PathBuf, bytes: &[u8]) -> Result<()> {
    match fs::read(path) {
        Ok(there) if there == bytes => Ok(()),
        _ => write(path, bytes),
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let write = |path: &Path| -> std::io::Result<()> {
        fs::create_dir_all(path.parent().unwrap_or(path))?;
        fs::write(path, bytes)
    };
    write(path).with_context(|| format!("cannot write {}", path.display()))
}
