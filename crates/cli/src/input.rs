//! Reads programs.

use anyhow::{Context, Result, anyhow};
use enjamb::Error;
use std::fs;
use std::io::{self, IsTerminal, Read};
use std::path::Path;

/// A program as text, and what to call its file.
pub struct Input {
    /// The name of the file.
    pub name: String,
    /// What stands in it.
    pub text: String,
}

impl Input {
    /// Reads a file, or the standard input for `-`.
    pub fn read(path: &Path) -> Result<Input> {
        let name = path.display().to_string();
        let bytes = if name == "-" {
            let mut bytes = Vec::new();
            io::stdin().read_to_end(&mut bytes).map(|_| bytes)
        } else {
            fs::read(path)
        };
        let bytes = bytes.with_context(|| format!("cannot read {name}"))?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let offset = error.utf8_error().valid_up_to();
            let line = error.as_bytes()[..offset]
                .iter()
                .filter(|&&byte| byte == b'\n')
                .count()
                + 1;
            anyhow!("{name}:{line}: not UTF-8 at byte {offset}")
        })?;
        Ok(Input { name, text })
    }

    /// An error of the library about this text, as a person wants to see it.
    pub fn explain(&self, error: &Error) -> anyhow::Error {
        let color = io::stderr().is_terminal();
        anyhow!("{}", error.render(&self.name, &self.text, color))
    }
}
