//! Prints logical stacks, with lines of the source where they can be read.

use enjamb::{Error, Location, Trace};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What there is to say about an error, with its logical stack, for a person.
pub fn explain(error: &Error, text: String, program: &Path) -> anyhow::Error {
    let trace = error.trace().filter(|trace| !trace.frames.is_empty());
    match trace {
        Some(trace) => {
            let trace = written(trace, program);
            anyhow::anyhow!("{text}\nlogical stack, innermost first:\n{trace}")
        }
        None => anyhow::Error::msg(text),
    }
}

fn written(trace: &Trace, program: &Path) -> String {
    let mut sources = Sources {
        beside: program.parent().unwrap_or(Path::new("")).to_path_buf(),
        texts: BTreeMap::new(),
    };
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = trace.write(&mut text, "  ", |frame| sources.line(frame));
    text
}

/// Source files that positions name.
struct Sources {
    /// The directory of the program, from which relative names count.
    beside: PathBuf,
    texts: BTreeMap<String, Option<String>>,
}

impl Sources {
    /// The line at a position, if its file can be read.
    fn line(&mut self, frame: &Location) -> Option<String> {
        let (file, number, _) = frame.position.as_ref()?;
        let path = self.beside.join(file);
        let text = self
            .texts
            .entry(file.clone())
            .or_insert_with(|| fs::read_to_string(path).ok());
        let index = usize::try_from(*number).ok()?.checked_sub(1)?;
        let line = text.as_ref()?.lines().nth(index)?;
        Some(format!("  {number:>6} | {}", line.trim_end()))
    }
}
