//! The workspace as `tidy` sees it: the text of every file that is not ignored, and the declared dependencies.
//!
//! A check is a function of this value alone, so its negative test is a value made up of a few lines.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, Package};
use ignore::WalkBuilder;

use crate::process::Workspace;

/// Everything that a check may look at.
#[derive(Default)]
pub struct Project {
    /// The root folder; empty in made-up projects.
    root: String,
    /// Path from the root (with `/`) to text. Files that are not UTF-8 are left out.
    pub files: BTreeMap<String, String>,
    /// The members of the workspace, by name.
    pub members: Vec<Member>,
}

/// One crate of the workspace.
#[derive(Clone, Debug)]
pub struct Member {
    /// The package name.
    pub name: String,
    /// Its folder, from the root.
    pub folder: String,
    /// The files that cargo compiles first, libraries and binaries only.
    pub roots: Vec<String>,
    /// Its dependencies as declared.
    pub dependencies: Vec<Dependency>,
}

/// One declared dependency.
#[derive(Clone, Debug)]
pub struct Dependency {
    /// The package name.
    pub package: String,
    /// The name that sources use for it.
    pub identifier: String,
    /// Whether only tests, examples and benchmarks may use it.
    pub for_tests: bool,
}

impl Project {
    /// Reads the workspace.
    pub fn load(workspace: &Workspace) -> Result<Project> {
        let root = workspace.root();
        let mut project = Project {
            root: root.to_string_lossy().into_owned(),
            ..Project::default()
        };
        for path in files_under(root)? {
            let bytes =
                std::fs::read(root.join(&path)).with_context(|| format!("cannot read {path}"))?;
            if let Ok(text) = String::from_utf8(bytes) {
                project.files.insert(path, text);
            }
        }
        for package in workspace.metadata.workspace_packages() {
            project.members.push(project.member(package)?);
        }
        project.members.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(project)
    }

    /// A made-up project for a negative test.
    #[cfg(test)]
    pub fn of(files: &[(&str, &str)]) -> Project {
        let files = files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
            .collect();
        Project {
            files,
            ..Project::default()
        }
    }

    /// Adds a made-up crate whose library is `FOLDER/src/lib.rs`.
    #[cfg(test)]
    pub fn with_member(mut self, name: &str, folder: &str, dependencies: &[&str]) -> Project {
        let dependency = |package: &&str| Dependency {
            package: (*package).to_owned(),
            identifier: package.replace('-', "_"),
            for_tests: false,
        };
        self.members.push(Member {
            name: name.to_owned(),
            folder: folder.to_owned(),
            roots: vec![format!("{folder}/src/lib.rs")],
            dependencies: dependencies.iter().map(dependency).collect(),
        });
        self
    }

    fn member(&self, package: &Package) -> Result<Member> {
        let folder = package
            .manifest_path
            .parent()
            .and_then(|folder| self.relative(folder.as_std_path()));
        let roots = package
            .targets
            .iter()
            .filter(|target| target.is_lib() || target.is_bin());
        Ok(Member {
            name: package.name.to_string(),
            folder: folder.with_context(|| format!("{} is outside the workspace", package.name))?,
            roots: roots
                .filter_map(|target| self.relative(target.src_path.as_std_path()))
                .collect(),
            dependencies: package
                .dependencies
                .iter()
                .map(|dependency| Dependency {
                    package: dependency.name.clone(),
                    identifier: dependency
                        .rename
                        .as_ref()
                        .unwrap_or(&dependency.name)
                        .replace('-', "_"),
                    for_tests: dependency.kind == DependencyKind::Development,
                })
                .collect(),
        })
    }

    /// A path from the root, with `/`.
    pub fn relative(&self, path: &Path) -> Option<String> {
        Some(
            path.strip_prefix(&self.root)
                .ok()?
                .to_string_lossy()
                .replace('\\', "/"),
        )
    }

    /// Every Rust file with its text.
    pub fn rust_files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files_that(|path| path.ends_with(".rs"))
    }

    /// The files whose path passes.
    pub fn files_that(&self, pass: impl Fn(&str) -> bool) -> impl Iterator<Item = (&str, &str)> {
        self.files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
            .filter(move |(path, _)| pass(path))
    }

    /// Whether a file or a folder of this path exists.
    pub fn exists(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        let folder = format!("{path}/");
        path.is_empty()
            || self.files.contains_key(path)
            || self.files.range(folder.clone()..).next().is_some_and(|(found, _)| found.starts_with(&folder))
            // A file that is not text is not among `files`.
            || (!self.root.is_empty() && Path::new(&self.root).join(path).is_file())
    }
}

/// Every file under a folder that git would not ignore, as sorted paths from it.
pub fn files_under(root: &Path) -> Result<Vec<String>> {
    let mut paths = Vec::new();
    let walk = WalkBuilder::new(root)
        .hidden(false)
        .parents(false)
        .git_global(false)
        .git_exclude(false)
        .require_git(false)
        .filter_entry(|entry| entry.file_name() != ".git")
        .build();
    for entry in walk {
        let entry = entry.context("cannot walk the workspace")?;
        if entry.file_type().is_some_and(|kind| kind.is_file()) {
            let path = entry
                .path()
                .strip_prefix(root)
                .context("outside the workspace")?;
            paths.push(path.to_string_lossy().replace('\\', "/"));
        }
    }
    paths.sort();
    Ok(paths)
}

/// A path relative to a folder, from the root: without `.` and `..`.
pub fn resolved(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/').filter(|part| !matches!(*part, "" | ".")) {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    parts.join("/")
}

/// The documentation that a module opens with.
pub fn front_page(text: &str) -> String {
    let lines = text.lines().take_while(|line| line.starts_with("//!"));
    lines
        .map(|line| {
            line.trim_start_matches("//!")
                .trim_start_matches(' ')
                .to_owned()
                + "\n"
        })
        .collect()
}

/// Whether a front page has a code block that rustdoc compiles.
pub fn has_example(page: &str) -> bool {
    let mut inside = false;
    for line in page.lines() {
        let Some(language) = line.strip_prefix("```") else {
            continue;
        };
        let compiled = language
            .split(',')
            .all(|word| matches!(word, "" | "rust" | "no_run" | "should_panic"));
        if !inside && compiled {
            return true;
        }
        inside = !inside;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_folders_are_found() {
        let project = Project::of(&[("crates/ir/src/lib.rs", ""), ("README.md", "")]);
        assert!(
            project.exists("crates/ir")
                && project.exists("crates/ir/")
                && project.exists("README.md")
        );
        assert!(!project.exists("crates/i") && !project.exists("crates/x64"));
    }

    #[test]
    fn only_code_that_rustdoc_compiles_is_an_example() {
        assert!(has_example(&front_page(
            "//! A crate.\n//! ```\n//! let x = 1;\n//! ```\nfn f() {}\n"
        )));
        assert!(has_example("```text\na drawing\n```\n```rust\nf();\n```\n"));
        assert!(!has_example("```text\na drawing\n```\n"));
        assert!(!has_example(&front_page("fn f() {}\n//! ```\n")));
    }
}
