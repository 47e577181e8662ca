//! The ELF file that describes a module to debuggers.
//!
//! It looks like a linked program whose code is elsewhere: the section `.text` has the address and
//! size of the code and no content, so nothing is to be relocated and the code is not copied.

use super::pieces::Piece;
use super::{dwarf, frames};
use crate::error::Error;
use enjamb_abi::target::Target;
use enjamb_codegen::CompiledModule;
use gimli::write::{DebugFrame, EndianVec};
use gimli::{LittleEndian, SectionId};
use object::elf;
use object::write::elf::{FileHeader, SectionHeader, SinglePhaseWriter, Sym};

/// `.text` is the first section behind the null section.
const TEXT: u32 = 1;

/// The image of a module that is loaded at `base`.
///
/// # Errors
/// If the module is too large for its description.
pub(super) fn build(
    compiled: &CompiledModule,
    pieces: &[Piece<'_>],
    base: u64,
) -> Result<Vec<u8>, Error> {
    let mut sections = dwarf::sections(compiled, pieces, base)?;
    let frames = frames::table(compiled, pieces, base);
    let mut section = DebugFrame(EndianVec::new(LittleEndian));
    frames.write_debug_frame(&mut section).map_err(too_large)?;
    sections.debug_frame = section;

    let mut contents: Vec<(SectionId, Vec<u8>)> = Vec::new();
    sections.for_each_mut(|id, content| {
        let content = content.take();
        if !content.is_empty() {
            contents.push((id, content));
        }
        Ok::<(), Error>(())
    })?;
    let text = SectionHeader {
        sh_type: elf::SHT_NOBITS,
        sh_flags: elf::SHF_ALLOC | elf::SHF_EXECINSTR,
        sh_addr: base,
        sh_size: compiled.bytes.len() as u64,
        sh_addralign: 16,
        ..SectionHeader::default()
    };
    write(&contents, text, pieces, compiled.target).map_err(too_large)
}

fn too_large(error: impl std::fmt::Display) -> Error {
    Error::Load(format!("debug information: {error}"))
}

/// Contents come first, then the headers, which the file header, written once more, leads to.
fn write(
    contents: &[(SectionId, Vec<u8>)],
    text: SectionHeader,
    pieces: &[Piece<'_>],
    target: Target,
) -> object::write::Result<Vec<u8>> {
    let mut image = Vec::new();
    let mut writer =
        SinglePhaseWriter::new_single_phase(object::Endianness::Little, true, &mut image);
    writer.write_file_header(&FileHeader {
        e_type: elf::ET_EXEC,
        e_machine: match target {
            Target::X86_64 => elf::EM_X86_64,
            Target::Aarch64 => elf::EM_AARCH64,
        },
        ..FileHeader::default()
    })?;
    let text_name = writer.add_section_name(b".text");
    let mut headers = vec![(text_name, text.clone())];
    for (id, content) in contents {
        let header = SectionHeader {
            sh_type: elf::SHT_PROGBITS,
            sh_offset: writer.offset(),
            sh_size: content.len() as u64,
            sh_addralign: 1,
            ..SectionHeader::default()
        };
        writer.write(content);
        headers.push((writer.add_section_name(id.name().as_bytes()), header));
    }
    writer.write_null_symbol();
    for piece in pieces {
        let name = writer.add_string(piece.name.as_bytes());
        let symbol = Sym {
            section: Some(TEXT),
            st_name: writer.string_offset(Some(name)),
            st_info: elf::STB_GLOBAL | elf::STT_FUNC,
            st_value: text.sh_addr + u64::from(piece.start),
            st_size: u64::from(piece.end - piece.start),
            st_other: elf::SymbolOther::default(),
            st_shndx: elf::SHN_UNDEF,
        };
        writer.write_symbol(&symbol);
    }
    writer.write_strtab()?;
    // The names of the tables are added by writing them.
    writer.write_shstrtab()?;
    writer.write_null_section_header();
    for (name, header) in headers {
        writer.write_section_header(&SectionHeader {
            sh_name: writer.section_name_offset(Some(name)),
            ..header
        });
    }
    writer.write_strtab_section_header();
    const LOCAL_SYMBOLS: u32 = 1; // the null symbol
    writer.write_symtab_section_header(LOCAL_SYMBOLS);
    writer.write_shstrtab_section_header();
    let mut header = Vec::new();
    writer.write_file_header_to(&mut header)?;
    drop(writer);
    image[..header.len()].copy_from_slice(&header);
    Ok(image)
}
