//! The package check: every crate that can be published can be packaged on its own.

use anyhow::Result;
use cargo_metadata::{DependencyKind, Package};

use crate::process::{Workspace, succeeds};
use crate::project::{Project, front_page, has_example};

/// Looks at the manifests and front pages, then lets cargo pack all publishable crates together (each is
/// resolved against the others as if they were in a registry).
pub fn check(workspace: &Workspace) -> Result<bool> {
    let project = Project::load(workspace)?;
    let publishable: Vec<&Package> = workspace
        .metadata
        .workspace_packages()
        .into_iter()
        .filter(|p| is_published(p))
        .collect();
    let mut problems = Vec::new();
    for package in &publishable {
        problems.extend(manifest_problems(package));
        problems.extend(front_page_problem(&project, package));
    }
    for problem in &problems {
        println!("{problem}");
    }
    let mut command = workspace.cargo(&["package", "--no-verify", "--allow-dirty", "--quiet"]);
    for package in &publishable {
        command.args(["-p", package.name.as_str()]);
    }
    Ok(succeeds(&mut command)? && problems.is_empty())
}

fn is_published(package: &Package) -> bool {
    package
        .publish
        .as_ref()
        .is_none_or(|registries| !registries.is_empty())
}

/// What a registry or a user would miss in the manifest.
fn manifest_problems(package: &Package) -> Vec<String> {
    let mut missing = Vec::new();
    let mut require = |held: bool, what: &str| {
        if !held {
            missing.push(format!("{}: {what}", package.manifest_path));
        }
    };
    require(
        package
            .description
            .as_ref()
            .is_some_and(|text| !text.is_empty()),
        "no description",
    );
    require(
        package.license.as_deref() == Some("MIT OR Apache-2.0"),
        "the licence is not `MIT OR Apache-2.0`",
    );
    require(package.rust_version.is_some(), "no rust-version");
    require(package.repository.is_some(), "no repository");
    for dependency in &package.dependencies {
        // cargo leaves path dependencies without a version out of a package when they are for tests only.
        let packed = dependency.kind != DependencyKind::Development && dependency.path.is_some();
        let versioned = !dependency.req.comparators.is_empty();
        require(
            !packed || versioned,
            &format!("the path dependency {} has no version", dependency.name),
        );
    }
    missing
}

/// A library without an example on its front page.
fn front_page_problem(project: &Project, package: &Package) -> Option<String> {
    let library = package.targets.iter().find(|target| target.is_lib())?;
    let path = project.relative(library.src_path.as_std_path())?;
    let text = project.files.get(&path)?;
    (!has_example(&front_page(text))).then(|| format!("{path}:1: the front page has no example"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(description: &str, requirement: &str) -> Package {
        let json = format!(
            r#"{{"name": "c", "version": "1.0.0", "id": "c", "manifest_path": "/c/Cargo.toml", "source": null,
                "description": {description}, "license": "MIT OR Apache-2.0", "rust_version": "1.95",
                "repository": "https://example.org/c", "targets": [], "features": {{}},
                "dependencies": [{{"name": "d", "req": "{requirement}", "kind": null, "optional": false,
                    "uses_default_features": true, "features": [], "target": null, "path": "/d", "source": null}}]}}"#
        );
        cargo_metadata::MetadataCommand::parse(format!(
            r#"{{"packages": [{json}], "workspace_members": [], "workspace_default_members": [], "resolve": null,
                "workspace_root": "/", "target_directory": "/t", "version": 1, "metadata": null}}"#
        ))
        .expect("well-formed metadata")
        .packages
        .remove(0)
    }

    #[test]
    fn a_complete_manifest_is_accepted() {
        assert_eq!(
            manifest_problems(&package("\"does things\"", "^1")),
            [""; 0]
        );
    }

    #[test]
    fn missing_entries_are_named() {
        assert_eq!(
            manifest_problems(&package("null", "^1")),
            ["/c/Cargo.toml: no description"]
        );
        assert_eq!(
            manifest_problems(&package("\"does things\"", "*")),
            ["/c/Cargo.toml: the path dependency d has no version"]
        );
    }
}
