//! The test programs of a working copy, built once for all bugs that can be switched.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use cargo_metadata::diagnostic::{Diagnostic, DiagnosticLevel};
use cargo_metadata::{Artifact, Message, TargetKind};

use super::Mutation;
use super::copy::WorkingCopy;
use super::record::Record;
use super::switch::Switched;
use crate::aarch64::Toolchain;
use crate::process::Workspace;

/// Its debugger looks at the debug information of the host's code, which would make all programs several times larger.
const LEFT_OUT: &str = "cli/debugger";

/// A program whose tests are of one crate, or one file of tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The crate.
    pub package: String,
    /// The crate without what all have in front, and the name of the file, or what the tests are inside of.
    pub label: String,
    /// Whether it is one for the emulator.
    pub is_emulated: bool,
    /// The file.
    pub path: PathBuf,
    /// Where cargo would start it.
    pub folder: PathBuf,
}

/// What becomes of a build: programs, or what the compiler says against it.
pub type Built = std::result::Result<Vec<Program>, Vec<Diagnostic>>;

/// Builds all bugs that can be switched into one set of programs. Those with which the copy does not compile are
/// found, said and left out, then and later.
pub fn together(
    copy: &WorkingCopy,
    toolchain: Option<&Toolchain>,
    record: &mut Record,
) -> Result<(Vec<Program>, Vec<&'static Mutation>)> {
    loop {
        let files = copy.switch(|mutation| record.is_left_out(mutation))?;
        let errors = match all(copy, toolchain)? {
            Ok(programs) => {
                let bugs = files.into_values().flat_map(|file| file.bugs);
                return Ok((programs, bugs.collect()));
            }
            Err(errors) => errors,
        };
        let found: BTreeMap<&str, &Mutation> = errors
            .iter()
            .flat_map(|error| causes(error, &files))
            .map(|mutation| (mutation.name, *mutation))
            .collect();
        ensure!(!found.is_empty(), "{}", first(&errors));
        for mutation in found.values() {
            println!("{} gets a build of its own", mutation.name);
            record.leave_out(mutation)?;
        }
    }
}

/// The bugs that an error comes from, by the first of its places that says so.
fn causes<'a>(error: &Diagnostic, files: &'a BTreeMap<&str, Switched>) -> &'a [&'static Mutation] {
    let (primary, other): (Vec<_>, Vec<_>) = error
        .spans
        .iter()
        .chain(error.children.iter().flat_map(|child| &child.spans))
        .partition(|span| span.is_primary);
    for span in primary.into_iter().chain(other) {
        if let Some(file) = files.get(&*span.file_name) {
            let bugs = file.bugs_at(span.byte_start as usize);
            if !bugs.is_empty() {
                return bugs;
            }
        }
    }
    &[]
}

/// The first of some errors, as the compiler shows it.
pub fn first(errors: &[Diagnostic]) -> String {
    let error = errors.first();
    let text = error.map(|error| error.rendered.as_ref().unwrap_or(&error.message));
    text.map_or("it does not build", |text| text.trim())
        .to_owned()
}

/// Builds the programs of the copy as it is: those for this machine, or for the emulator if there is one.
pub fn all(copy: &WorkingCopy, toolchain: Option<&Toolchain>) -> Result<Built> {
    let Some(toolchain) = toolchain else {
        let mut command = copy.workspace.cargo(&["build"]);
        command.args(["--workspace", "--exclude", "xtask", "--tests"]);
        return build(&copy.workspace, command, false);
    };
    let mut command = toolchain.cargo(&copy.workspace, "build", None);
    command.args(["-p", "enjamb-lower-aarch64", "-p", "enjamb-tests"]);
    command.args(["--test", "native", "--test", "golden"]);
    build(&copy.workspace, command, true)
}

fn build(workspace: &Workspace, mut cargo: Command, is_emulated: bool) -> Result<Built> {
    cargo.args(["--keep-going", "--message-format=json"]);
    // No bug is to be caught because of a warning, and nobody debugs what is built here.
    let variable = |name: &str| {
        let set = cargo.get_envs().find(|(key, _)| *key == name)?.1?;
        Some(set.to_owned())
    };
    let mut flags = variable("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    if !flags.is_empty() {
        flags.push("\u{1f}");
    }
    flags.push("--cap-lints=allow");
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags);
    for profile in ["DEV", "TEST"] {
        cargo.env(format!("CARGO_PROFILE_{profile}_DEBUG"), "0");
        cargo.env(format!("CARGO_PROFILE_{profile}_OPT_LEVEL"), "1");
    }
    let output = cargo.stderr(Stdio::inherit()).output();
    let output = output.context("cannot start cargo")?;
    let (mut programs, mut errors) = (Vec::new(), Vec::new());
    for message in Message::parse_stream(&*output.stdout) {
        match message.context("cannot read what cargo says")? {
            Message::CompilerArtifact(artifact) => {
                programs.extend(program(workspace, &artifact, is_emulated));
            }
            Message::CompilerMessage(message)
                if message.message.level == DiagnosticLevel::Error =>
            {
                errors.push(message.message);
            }
            _ => {}
        }
    }
    Ok(match output.status.success() {
        true => Ok(programs),
        false => Err(errors),
    })
}

fn program(workspace: &Workspace, artifact: &Artifact, is_emulated: bool) -> Option<Program> {
    let path = artifact
        .executable
        .as_ref()
        .filter(|_| artifact.profile.test)?;
    let mut packages = workspace.metadata.packages.iter();
    let package = packages.find(|package| package.id == artifact.package_id)?;
    let folder = package.manifest_path.parent()?;
    let name = match artifact.target.kind[..] {
        [TargetKind::Lib] => "lib",
        _ => &artifact.target.name,
    };
    let short = package
        .name
        .strip_prefix("enjamb-")
        .unwrap_or(&package.name);
    let emulated = if is_emulated { "emulated " } else { "" };
    let label = format!("{emulated}{short}/{name}");
    (label != LEFT_OUT).then(|| Program {
        package: package.name.to_string(),
        label,
        is_emulated,
        path: path.into(),
        folder: folder.into(),
    })
}
