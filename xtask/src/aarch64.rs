//! The unpacked AArch64 toolchain, and cargo commands that build with it and run under its emulator.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::apt::text_of;
use crate::process::Workspace;

/// The Rust name of the target.
const TRIPLE: &str = "aarch64-unknown-linux-gnu";
/// The start of the environment variables with which cargo is configured for it.
const VARIABLES: &str = "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU";
/// Where the packages keep the C library of the target, below `usr`.
const TARGET: &str = "aarch64-linux-gnu";

/// A target other than this machine, executed under an emulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Target {
    /// AArch64 Linux under user-mode QEMU
    Aarch64,
}

/// What to execute on: the options that `test`, `run` and `reduce` share.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Emulation {
    /// Build for this target and run under its emulator; the first use sets that up
    #[arg(long, value_enum)]
    pub target: Option<Target>,
    /// The processor to emulate, for example cortex-a53, which has ARMv8.0 and nothing newer
    #[arg(long, requires = "target")]
    pub cpu: Option<String>,
}

/// Compiler, linker, libraries and emulator, as unpacked into one folder.
#[derive(Debug)]
pub struct Toolchain {
    /// The folder, which stands for `/` of the packages.
    pub root: PathBuf,
    /// What the compiler calls itself.
    pub version: String,
    emulator: PathBuf,
    /// The folder of the C compiler's start-up objects.
    start_up: PathBuf,
}

impl Toolchain {
    /// Finds the parts in a folder and starts each program, so that a missing library shows here.
    pub fn open(root: &Path) -> Result<Toolchain> {
        let mut toolchain = Toolchain {
            root: root.to_owned(),
            version: String::new(),
            emulator: first_match(&root.join("usr/bin"), |name| {
                name.starts_with("qemu-aarch64") && !name.contains("_be")
            })?,
            start_up: first_match(&root.join("usr/lib/gcc-cross").join(TARGET), |_| true)?,
        };
        let version = |program: &Path| {
            text_of(
                toolchain
                    .with_libraries(&mut Command::new(program))
                    .arg("--version"),
            )
        };
        let compiler = version(&toolchain.compiler())?;
        version(&toolchain.linker())?;
        version(&toolchain.emulator)?;
        toolchain.version = compiler.trim().to_owned();
        Ok(toolchain)
    }

    /// A cargo command for the target, in a target folder of its own: artefacts of two compilers do not mix.
    ///
    /// `ENJAMB_EMULATOR` tells tests what to put before a program of ours that they start themselves.
    pub fn cargo(&self, workspace: &Workspace, subcommand: &str, cpu: Option<&str>) -> Command {
        let mut command = workspace.cargo(&[subcommand, "--target", TRIPLE, "--target-dir"]);
        command
            .arg(
                workspace
                    .metadata
                    .target_directory
                    .as_std_path()
                    .join("aarch64"),
            )
            .arg("--config")
            .arg(runner(&self.emulator))
            .env("RUSTC", self.compiler())
            .env(format!("{VARIABLES}_LINKER"), self.linker())
            .env("CARGO_ENCODED_RUSTFLAGS", encoded(&self.link_arguments()))
            // Line numbers are all that a backtrace shows, and variables would double the work of the linker.
            .env("CARGO_PROFILE_DEV_DEBUG", "line-tables-only")
            // Emulation makes a program several times slower; this makes up for it, and checks stay on.
            .env("CARGO_PROFILE_DEV_OPT_LEVEL", "1");
        self.with_emulator(&mut command);
        match cpu {
            Some(cpu) => command.env("QEMU_CPU", cpu),
            None => command.env_remove("QEMU_CPU"),
        };
        command
    }

    /// A program for the target, under the emulator.
    pub fn emulated(&self, program: &Path) -> Command {
        let mut command = Command::new(&self.emulator);
        self.with_emulator(command.arg(program));
        command
    }

    /// Tells programs where their libraries are, and tests what to put before a program that they start.
    fn with_emulator(&self, command: &mut Command) {
        command
            .env("QEMU_LD_PREFIX", self.root.join("usr").join(TARGET))
            .env("ENJAMB_EMULATOR", &self.emulator);
        self.with_libraries(command);
    }

    /// What the emulator calls itself: the first line, which ends with its version.
    pub fn emulator_version(&self) -> Result<String> {
        let mut command = Command::new(&self.emulator);
        let text = text_of(self.with_libraries(&mut command).arg("--version"))?;
        let line = text.lines().next().unwrap_or_default();
        Ok(line.split(" (").next().unwrap_or_default().to_owned())
    }

    fn compiler(&self) -> PathBuf {
        self.root.join("usr/bin/rustc")
    }

    fn linker(&self) -> PathBuf {
        self.root.join("usr/bin").join(format!("{TARGET}-ld.bfd"))
    }

    /// Makes the programs of the toolchain find their libraries, and nothing else: what the variable holds is
    /// meant for the compiler of the host.
    fn with_libraries<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let mut folders = OsString::new();
        for folder in ["usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu"] {
            if !folders.is_empty() {
                folders.push(":");
            }
            folders.push(self.root.join(folder));
        }
        command.env("LD_LIBRARY_PATH", folders).stdin(Stdio::null())
    }

    /// What a C compiler, which is not here, would add when it calls the linker: the loader and the start-up
    /// objects. `crti` and `crtn` are the two halves of `.init`, `crtend` closes `.eh_frame`: their order counts.
    fn link_arguments(&self) -> Vec<OsString> {
        let library = self.root.join("usr").join(TARGET).join("lib");
        let with = |option: &str, path: &Path| {
            let mut argument = OsString::from(option);
            argument.push(path);
            argument
        };
        vec![
            with("--sysroot=", &self.root),
            with("-L", &library),
            with("-L", &self.start_up),
            "--dynamic-linker=/lib/ld-linux-aarch64.so.1".into(),
            library.join("Scrt1.o").into(),
            library.join("crti.o").into(),
            self.start_up.join("crtbeginS.o").into(),
            self.start_up.join("crtendS.o").into(),
            library.join("crtn.o").into(),
        ]
    }
}

/// The setting that makes cargo run programs under the emulator. A list, since text would be split at spaces.
fn runner(emulator: &Path) -> String {
    let path = emulator
        .to_string_lossy()
        .replace('\\', "\\\\")
        .replace('"', "\\\"");
    format!("target.{TRIPLE}.runner=[\"{path}\"]")
}

/// Compiler flags as cargo takes them when they may contain spaces: separated by the unit separator.
fn encoded(link_arguments: &[OsString]) -> OsString {
    let mut flags = OsString::from("-Clinker-flavor=ld");
    for argument in link_arguments {
        flags.push("\u{1f}-Clink-arg=");
        flags.push(argument);
    }
    flags
}

/// The entry of a folder, first by name, whose name passes.
fn first_match(folder: &Path, pass: impl Fn(&str) -> bool) -> Result<PathBuf> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let passing = entries
        .flatten()
        .filter(|entry| entry.file_name().to_str().is_some_and(&pass));
    passing
        .map(|entry| entry.path())
        .min()
        .with_context(|| format!("what is needed is not in {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn toolchain() -> Toolchain {
        Toolchain {
            root: "/a cache/root".into(),
            version: "rustc 1.96.0".into(),
            emulator: "/a cache/root/usr/bin/qemu-aarch64-static".into(),
            start_up: "/a cache/root/usr/lib/gcc-cross/aarch64-linux-gnu/12".into(),
        }
    }

    fn variable(command: &Command, name: &str) -> Option<String> {
        let (_, value) = command.get_envs().find(|(key, _)| *key == name)?;
        Some(value?.to_string_lossy().into_owned())
    }

    #[test]
    fn cargo_builds_with_the_unpacked_compiler_and_runs_under_the_emulator() {
        let workspace = Workspace::find().unwrap();
        let command = toolchain().cargo(&workspace, "test", Some("cortex-a53"));
        let arguments: Vec<_> = command
            .get_args()
            .map(|word| word.to_string_lossy())
            .collect();
        assert_eq!(arguments[..3], ["test", "--target", TRIPLE]);
        assert!(arguments[4].ends_with("aarch64"), "{arguments:?}");
        let runner = "target.aarch64-unknown-linux-gnu.runner=[\"/a cache/root/usr/bin/qemu-aarch64-static\"]";
        assert_eq!(arguments[5..], ["--config", runner]);
        assert_eq!(
            variable(&command, "RUSTC").as_deref(),
            Some("/a cache/root/usr/bin/rustc")
        );
        assert_eq!(
            variable(&command, "QEMU_CPU").as_deref(),
            Some("cortex-a53")
        );
        assert_eq!(
            variable(&command, "QEMU_LD_PREFIX").as_deref(),
            Some("/a cache/root/usr/aarch64-linux-gnu")
        );
        let plain = toolchain().cargo(&workspace, "test", None);
        assert_eq!(variable(&plain, "QEMU_CPU"), None);
    }

    #[test]
    fn a_path_with_spaces_stays_one_flag() {
        let flags = encoded(&toolchain().link_arguments())
            .into_string()
            .unwrap();
        let flags: Vec<&str> = flags.split('\u{1f}').collect();
        assert_eq!(
            flags[..2],
            ["-Clinker-flavor=ld", "-Clink-arg=--sysroot=/a cache/root"]
        );
        assert_eq!(
            flags.last(),
            Some(&"-Clink-arg=/a cache/root/usr/aarch64-linux-gnu/lib/crtn.o")
        );
    }

    #[test]
    fn a_runner_is_quoted() {
        assert!(runner(Path::new("a \"b\" \\c")).ends_with(r#"["a \"b\" \\c"]"#));
    }

    #[test]
    fn a_folder_without_the_parts_is_an_error_that_names_it() {
        let error = Toolchain::open(Path::new("no such folder")).unwrap_err();
        assert!(error.to_string().contains("no such folder"), "{error}");
    }
}
