//! Loaded code as debuggers and profilers see it.
//!
//! ```text
//!  CompiledModule ─→ pieces: names and ranges ─┬─→ perf map: a text file that profilers read
//!                                              └─→ image: an ELF file in memory
//!                                                    ├ symbols
//!                                                    ├ dwarf:  functions, lines
//!                                                    └ frames: how to walk out of a frame
//!                                                  ─→ gdb: the list that debuggers read
//! ```
//!
//! All of it is off unless [`LoadOptions`] ask for it, and costs nothing then. The image is made
//! and listed when a module is loaded, before any of its code runs, and taken off the list before
//! the code goes away.

mod dwarf;
mod frames;
mod gdb;
mod image;
mod perf;
mod pieces;
#[cfg(test)]
mod tests;

use crate::code_memory::CodeMemory;
use crate::error::Error;
use crate::source::MemorySource;
use enjamb_codegen::CompiledModule;

/// Who is told about the code of a module when it is loaded, and where its memory comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadOptions {
    /// Debuggers, by the JIT interface of GDB, which LLDB reads as well. For lines the code has to
    /// be compiled with [`CodeOptions::debug_info`](enjamb_abi::code::CodeOptions).
    pub debugger: bool,
    /// Profilers, by lines in `/tmp/perf-PID.map`. The file stays behind, for it is read after the
    /// process has ended.
    pub perf_map: bool,
    /// Where the code has its pages from, and instances of the module have all their memory.
    pub memory: MemorySource,
}

/// What has to be undone when the code goes away.
#[derive(Debug)]
pub(crate) struct Announcement {
    _debugger: Option<gdb::Registration>,
}

/// The ELF file that debuggers get of a module whose code is at `base`: symbols, lines, and how to walk out of frames.
///
/// # Errors
/// If the module is too large for its description.
pub fn debug_image(compiled: &CompiledModule, base: u64) -> Result<Vec<u8>, Error> {
    image::build(compiled, &pieces::pieces(compiled), base)
}

impl Announcement {
    /// Tells whoever the options say.
    ///
    /// # Errors
    /// If the profiler's file cannot be written, or the image not be made.
    pub(crate) fn new(
        compiled: &CompiledModule,
        code: &CodeMemory,
        options: &LoadOptions,
    ) -> Result<Announcement, Error> {
        if !options.debugger && !options.perf_map {
            return Ok(Announcement { _debugger: None });
        }
        let pieces = pieces::pieces(compiled);
        let base = code.address(0);
        if options.perf_map {
            perf::append(base, &pieces)?;
        }
        let debugger = if options.debugger {
            let image = image::build(compiled, &pieces, base)?;
            tracing::debug!(bytes = image.len(), "code announced to debuggers");
            Some(gdb::Registration::new(image))
        } else {
            None
        };
        Ok(Announcement {
            _debugger: debugger,
        })
    }
}
