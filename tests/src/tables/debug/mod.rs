//! Whether what debuggers are told of code is so: the ELF file with its DWARF is read by libraries, and compared with the code,
//! which is decoded and followed, and with the positions of instructions.

mod frames;
mod image;
mod rules;

use super::function::Tables;
use super::walk::Reached;
use enjamb_codegen::CompiledModule;
use enjamb_runtime::debug_image;
use gimli::{Encoding, EndianSlice, Format, LittleEndian};
use object::read::elf::ElfFile64;
use object::{Object, ObjectSection};
use rules::Entry;

/// Where the code is said to be.
const BASE: u64 = 0x7f12_3456_7000;

type Slice<'a> = EndianSlice<'a, LittleEndian>;

/// What debuggers are told of a module.
pub(super) struct Debug<'a> {
    compiled: &'a CompiledModule,
    entries: Vec<Entry>,
}

impl<'a> Debug<'a> {
    /// Reads it, and checks what does not depend on code.
    ///
    /// # Errors
    /// What is not so.
    pub(super) fn new(compiled: &'a CompiledModule) -> Result<Debug<'a>, String> {
        let bytes = debug_image(compiled, BASE).map_err(|error| error.to_string())?;
        let file = ElfFile64::parse(&*bytes).map_err(|error| error.to_string())?;
        let entries = rules::entries(compiled.target, section(&file, ".debug_frame")?)?;
        let debug = Debug { compiled, entries };
        debug.pieces(&file)?;
        debug.lines(&file)?;
        debug.stubs()?;
        Ok(debug)
    }

    /// Checks how a debugger walks out of a function.
    ///
    /// # Errors
    /// Where it would walk astray.
    pub(super) fn function(&self, tables: &Tables<'_>, reached: &Reached) -> Result<(), String> {
        frames::function(self, tables, reached)
    }

    fn entry_of(&self, start: u32) -> Result<&Entry, String> {
        let index = self
            .entries
            .binary_search_by_key(&start, |entry| entry.range.start);
        let index = index.map_err(|_| format!("no frame information for {start:#x}"))?;
        Ok(&self.entries[index])
    }
}

fn section<'a>(file: &ElfFile64<'a>, name: &str) -> Result<Slice<'a>, String> {
    let data = match file.section_by_name(name) {
        Some(section) => section.data().map_err(|error| error.to_string())?,
        None => &[],
    };
    Ok(EndianSlice::new(data, LittleEndian))
}

fn encoding() -> Encoding {
    Encoding {
        address_size: 8,
        format: Format::Dwarf32,
        version: 4,
    }
}
