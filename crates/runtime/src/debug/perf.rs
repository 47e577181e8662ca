//! The map of code for profilers: `/tmp/perf-PID.map`.
//!
//! Each line is `START SIZE NAME`, both numbers in hexadecimal without a prefix, as
//! `tools/perf/Documentation/jit-interface.txt` of Linux says. `perf report` reads the file when
//! the process has ended, so nothing removes it, and lines of code that has been unloaded stay.
//! Other code generators of the process may write to the same file, so lines are only appended.

use super::pieces::Piece;
use crate::error::Error;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

/// The path is fixed: profilers look nowhere else.
pub(super) fn path() -> PathBuf {
    PathBuf::from(format!("/tmp/perf-{}.map", std::process::id()))
}

/// The lines for code at an address.
pub(super) fn lines(base: u64, pieces: &[Piece<'_>]) -> String {
    let mut text = String::new();
    for piece in pieces {
        let (start, size) = (base + u64::from(piece.start), piece.end - piece.start);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{start:x} {size:x} {}", piece.name);
    }
    text
}

/// Appends the lines of a module with one write, so that those of several threads do not mix.
///
/// # Errors
/// If the file cannot be written, as when somebody else owns it.
pub(super) fn append(base: u64, pieces: &[Piece<'_>]) -> Result<(), Error> {
    let path = path();
    let fails = |error| Error::System(format!("writing {}: {error}", path.display()));
    // Everybody may write to the folder: a link that leads elsewhere is not followed, and nobody
    // else may change what a profiler will believe.
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(&path)
        .map_err(fails)?;
    file.write_all(lines(base, pieces).as_bytes())
        .map_err(fails)
}
