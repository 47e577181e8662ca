//! `cargo xtask ci`: everything that has to hold before a change goes in.
//!
//! All steps run even when one fails, so that one run shows everything. The closing line counts each step as
//! one check and adds the tests.

use anyhow::Result;

use crate::aarch64::Emulation;
use crate::process::{Workspace, succeeds};
use crate::step::{Counts, Outcome, step};
use crate::{bless, deny, fuzz, loom, package, test, tidy};

/// One step: its name, and what it does when told whether to obtain missing tools.
type Step = (&'static str, fn(&Workspace, bool) -> Result<Outcome>);

/// All steps, the quick ones first.
const STEPS: &[Step] = &[
    ("format", |workspace, _| {
        cargo(workspace, &["fmt", "--all", "--check"])
    }),
    (
        "tidy",
        |workspace, _| Ok(tidy::run(workspace, None)?.into()),
    ),
    ("clippy", |workspace, _| {
        cargo(
            workspace,
            &[
                "clippy",
                "--workspace",
                "--all-targets",
                "--",
                "-D",
                "warnings",
            ],
        )
    }),
    ("targets", |workspace, _| targets(workspace)),
    ("documentation", |workspace, _| documentation(workspace)),
    ("deny", deny::check),
    ("package", |workspace, _| {
        Ok(package::check(workspace)?.into())
    }),
    ("bless", |workspace, _| {
        bless::leaves_nothing_changed(workspace)
    }),
    (
        "loom",
        |workspace, _| Ok(loom::run(workspace, None)?.into()),
    ),
    ("fuzz", |workspace, _| Ok(fuzz::fresh(workspace)?.into())),
    ("test", |workspace, require_all| {
        Ok(Outcome::Counted(test::run(
            workspace,
            &Emulation::default(),
            require_all,
        )?))
    }),
];

/// The names of the steps.
pub fn step_names() -> Vec<&'static str> {
    STEPS.iter().map(|(name, _)| *name).collect()
}

/// Runs all steps, or those named. With `require_all` what could not run has failed.
pub fn run(workspace: &Workspace, only: &[String], require_all: bool) -> Counts {
    let mut counts = Counts::default();
    let mut failed = Vec::new();
    for (name, work) in STEPS
        .iter()
        .filter(|(name, _)| only.is_empty() || only.iter().any(|wanted| wanted == name))
    {
        let mut own = step(name, || work(workspace, require_all));
        if require_all {
            own = own.require_all();
        }
        if own.failed > 0 {
            failed.push(*name);
        }
        counts.add(own);
    }
    if !failed.is_empty() {
        println!("failed: {}", failed.join(", "));
    }
    counts
}

fn cargo(workspace: &Workspace, args: &[&str]) -> Result<Outcome> {
    Ok(succeeds(&mut workspace.cargo(args))?.into())
}

/// The fuzz targets, which are a workspace of their own, compile. Nothing is linked, so no compiler for C++ is needed.
fn targets(workspace: &Workspace) -> Result<Outcome> {
    const MANIFEST: [&str; 2] = ["--manifest-path", "fuzz/Cargo.toml"];
    let format = [&["fmt"], &MANIFEST[..], &["--check"]].concat();
    let lints = ["--locked", "--no-default-features", "--", "-D", "warnings"];
    let clippy = [&["clippy"], &MANIFEST[..], &lints].concat();
    let held = succeeds(&mut workspace.cargo(&format))?;
    Ok((held && succeeds(&mut workspace.cargo(&clippy))?).into())
}

/// Documentation of every crate, where a warning (a broken link, bad markup) is an error.
fn documentation(workspace: &Workspace) -> Result<Outcome> {
    let mut command = workspace.cargo(&["doc", "--workspace", "--no-deps"]);
    Ok(succeeds(command.env("RUSTDOCFLAGS", "-D warnings"))?.into())
}
