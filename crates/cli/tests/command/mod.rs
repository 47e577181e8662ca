//! Runs the built command.
#![allow(dead_code, reason = "each test file uses what it needs")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What came of a run of the command.
pub struct Run {
    /// The exit code.
    pub code: i32,
    /// The standard output.
    pub output: String,
    /// The standard error.
    pub errors: String,
}

/// The command itself, without colours and with the program as its standard input at an end.
pub fn command(arguments: &[&str]) -> Command {
    let program = env!("CARGO_BIN_EXE_enjamb");
    // Tests that run under an emulator have to start the command under it as well.
    let mut command = match std::env::var_os("ENJAMB_EMULATOR") {
        Some(emulator) => {
            let mut command = Command::new(emulator);
            command.arg(program);
            command
        }
        None => Command::new(program),
    };
    command
        .args(arguments)
        .stdin(Stdio::null())
        .env("NO_COLOR", "1");
    command
}

/// Runs the command.
pub fn enjamb(arguments: &[&str]) -> Run {
    let output = command(arguments).output().unwrap();
    Run {
        code: output.status.code().unwrap(),
        output: String::from_utf8(output.stdout).unwrap(),
        errors: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Run {
    /// What it printed; it must have succeeded without a word on the standard error.
    pub fn succeeds(self) -> String {
        assert_eq!(
            (self.code, self.errors.as_str()),
            (0, ""),
            "{}",
            self.output
        );
        self.output
    }

    /// Its errors; it must have exited with 1 and printed nothing.
    pub fn fails(self) -> String {
        assert_eq!(
            (self.code, self.output.as_str()),
            (1, ""),
            "{}",
            self.errors
        );
        self.errors
    }

    /// A number of `--stats`.
    pub fn statistic(&self, name: &str) -> Option<u64> {
        let mut lines = self.errors.lines().filter_map(|line| line.split_once('='));
        lines.find(|(key, _)| *key == name)?.1.parse().ok()
    }
}

/// The folder of the whole project.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The path of an example.
pub fn example(name: &str) -> String {
    root().join("examples").join(name).display().to_string()
}

/// Writes a file for a test and gives its path. Names must differ between tests.
pub fn file(name: &str, contents: &[u8]) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, contents).unwrap();
    path.display().to_string()
}
