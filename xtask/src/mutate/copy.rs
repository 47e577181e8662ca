//! A working copy of all files that are not ignored, with a target folder of its own and the bugs in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::switch::{MODULE, Switched};
use super::{Mutation, table, text_of_git};
use crate::process::Workspace;

/// What is not tested here, so that a change of it leaves results as they are.
const APART: [&str; 2] = ["xtask/", "docs/mutations.md"];

/// A copy of the tree.
pub struct WorkingCopy {
    /// The copy as a workspace.
    pub workspace: Workspace,
    /// The hash of what is tested.
    pub sources: u64,
    /// The text without bugs of each file that gets some, or the switch.
    untouched: BTreeMap<String, String>,
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
        let changed: BTreeSet<String> = table::all()
            .flat_map(|row| [row.file.to_owned(), root_of(row)])
            .collect();
        let mut untouched = BTreeMap::new();
        let mut hasher = DefaultHasher::new();
        for path in &tracked {
            // A file that was deleted and not committed yet is tracked still.
            let Ok(bytes) = fs::read(of.root().join(path)) else {
                continue;
            };
            if !APART.iter().any(|apart| path.starts_with(apart)) {
                (path, &bytes).hash(&mut hasher);
            }
            let copied = tree.join(path);
            if !changed.contains(*path) || !copied.exists() {
                write_if_different(&copied, &bytes)?;
            }
            if changed.contains(*path) {
                let text =
                    String::from_utf8(bytes).with_context(|| format!("{path} is no text"))?;
                untouched.insert((*path).to_owned(), text);
            }
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
            untouched,
        })
    }

    /// Puts all bugs that can be switched into their files, except those that are left out.
    pub fn switch(
        &self,
        is_left_out: impl Fn(&Mutation) -> bool,
    ) -> Result<BTreeMap<&str, Switched>> {
        let mut files = BTreeMap::new();
        for (path, source) in &self.untouched {
            let bugs = table::all().filter(|row| row.file == path && !is_left_out(row));
            let bugs: Vec<&'static Mutation> = bugs.collect();
            let switched = Switched::new(source, &bugs).with_context(|| path.clone())?;
            let mut text = switched.text.clone();
            if table::all().any(|row| root_of(row) == *path) {
                text.push_str(MODULE);
            }
            write_if_different(&self.path(path), text.as_bytes())?;
            files.insert(path.as_str(), switched);
        }
        Ok(files)
    }

    /// Does something while one file has one bug that cannot be switched, and no other.
    pub fn with<T>(&self, mutation: &Mutation, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let path = self.path(mutation.file);
        let before = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let source = self
            .untouched
            .get(mutation.file)
            .context("a file is gone")?;
        let mut text = mutation.plant(source)?;
        if root_of(mutation) == mutation.file {
            text.push_str(MODULE);
        }
        write(&path, text.as_bytes())?;
        let result = work();
        write(&path, &before)?;
        result
    }

    fn path(&self, file: &str) -> PathBuf {
        self.workspace.root().join(file)
    }
}

/// The first file of the crate that a bug is in.
fn root_of(mutation: &Mutation) -> String {
    let folder = mutation
        .file
        .split_once("/src/")
        .map_or("", |(folder, _)| folder);
    format!("{folder}/src/lib.rs")
}

fn write_if_different(path: &Path, bytes: &[u8]) -> Result<()> {
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
