//! Functions and lines in DWARF, from the source positions that instructions carry.
//!
//! One unit describes the module: a subprogram for each function, and a line program with a
//! sequence for each function that has positions. An instruction without a position counts to the
//! one before it, and what comes before all instructions to the first of the function. Version 4 is
//! what every debugger in use reads.

use super::pieces::{Kind, Piece, plain};
use crate::error::Error;
use enjamb_codegen::{CompiledModule, FunctionRange, ModuleInst};
use enjamb_ir::hash::FxHashMap;
use enjamb_ir::{Entity, FileId, Inst, SourcePos};
use gimli::write::{
    Address, AttributeValue, DwarfUnit, EndianVec, FileId as LineFile, LineProgram, LineString,
    Sections,
};
use gimli::{Encoding, Format, LineEncoding, LittleEndian};

const ENCODING: Encoding = Encoding {
    address_size: 8,
    format: Format::Dwarf32,
    version: 4,
};

/// The sections with what is known of a module that is loaded at `base`.
pub(super) fn sections(
    compiled: &CompiledModule,
    pieces: &[Piece<'_>],
    base: u64,
) -> Result<Sections<EndianVec<LittleEndian>>, Error> {
    let mut writer = Writer::new(compiled, base);
    for piece in pieces {
        if let Kind::Function(range) = piece.kind {
            writer.function(&piece.name, range);
        }
    }
    let mut sections = Sections::new(EndianVec::new(LittleEndian));
    let written = writer.dwarf.write(&mut sections);
    written.map_err(|error| Error::Load(format!("debug information: {error}")))?;
    Ok(sections)
}

struct Writer<'a> {
    compiled: &'a CompiledModule,
    base: u64,
    dwarf: DwarfUnit,
    files: FxHashMap<FileId, LineFile>,
}

fn string(text: impl Into<Vec<u8>>) -> AttributeValue {
    AttributeValue::String(text.into())
}

impl<'a> Writer<'a> {
    fn new(compiled: &'a CompiledModule, base: u64) -> Writer<'a> {
        // Relative names of files count from where the program runs.
        let folder = std::env::current_dir().ok();
        let folder = folder.map_or(".".into(), |path| plain(&path.to_string_lossy()));
        let name = compiled.source.files.values().next();
        let name = name.map_or("enjamb".into(), |name| plain(name));
        let mut dwarf = DwarfUnit::new(ENCODING);
        dwarf.unit.line_program = LineProgram::new(
            ENCODING,
            LineEncoding::default(),
            LineString::String(folder.clone().into()),
            None,
            LineString::String(name.clone().into()),
            None,
        );
        let root = dwarf.unit.root();
        let root = dwarf.unit.get_mut(root);
        root.set(gimli::DW_AT_producer, string("enjamb"));
        // For want of a language of its own. Debuggers put a breakpoint on a function of assembly
        // at its very first instruction and show no arguments.
        root.set(
            gimli::DW_AT_language,
            AttributeValue::Language(gimli::DW_LANG_Mips_Assembler),
        );
        root.set(gimli::DW_AT_name, string(name));
        root.set(gimli::DW_AT_comp_dir, string(folder));
        let start = AttributeValue::Address(Address::Constant(base));
        root.set(gimli::DW_AT_low_pc, start);
        let size = AttributeValue::Udata(compiled.bytes.len() as u64);
        root.set(gimli::DW_AT_high_pc, size);
        Writer {
            compiled,
            base,
            dwarf,
            files: FxHashMap::default(),
        }
    }

    fn function(&mut self, name: &str, range: &FunctionRange) {
        let rows = rows(self.compiled, range);
        let root = self.dwarf.unit.root();
        let id = self.dwarf.unit.add(root, gimli::DW_TAG_subprogram);
        let start = Address::Constant(self.base + u64::from(range.start));
        let size = u64::from(range.end - range.start);
        let first = rows.first().map(|row| row.position);
        let file = first.map(|position| self.file(position.file));
        let entry = self.dwarf.unit.get_mut(id);
        entry.set(gimli::DW_AT_name, string(name));
        entry.set(gimli::DW_AT_external, AttributeValue::FlagPresent);
        entry.set(gimli::DW_AT_low_pc, AttributeValue::Address(start));
        entry.set(gimli::DW_AT_high_pc, AttributeValue::Udata(size));
        if let (Some(position), Some(file)) = (first, file) {
            let line = AttributeValue::Udata(u64::from(position.line));
            entry.set(
                gimli::DW_AT_decl_file,
                AttributeValue::FileIndex(Some(file)),
            );
            entry.set(gimli::DW_AT_decl_line, line);
            self.lines(start, size, &rows);
        }
    }

    fn lines(&mut self, start: Address, size: u64, rows: &[Row]) {
        self.dwarf.unit.line_program.begin_sequence(Some(start));
        for row in rows {
            let file = self.file(row.position.file);
            let program = &mut self.dwarf.unit.line_program;
            let line = program.row();
            line.address_offset = u64::from(row.offset);
            line.file = file;
            line.line = u64::from(row.position.line);
            line.column = u64::from(row.position.column);
            program.generate_row();
        }
        self.dwarf.unit.line_program.end_sequence(size);
    }

    /// The file's number in the line program.
    fn file(&mut self, file: FileId) -> LineFile {
        let (program, source) = (&mut self.dwarf.unit.line_program, &self.compiled.source);
        *self.files.entry(file).or_insert_with(|| {
            let name = source.files.get(file).map_or(String::new(), Clone::clone);
            let folder = program.default_directory();
            program.add_file(LineString::String(plain(&name).into()), folder, None)
        })
    }
}

/// From an offset in a function on, code belongs to a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Row {
    offset: u32,
    position: SourcePos,
}

/// The lines of a function by rising offset, each where it begins.
fn rows(compiled: &CompiledModule, range: &FunctionRange) -> Vec<Row> {
    let table = &compiled.instructions;
    let first = table.partition_point(|entry| entry.offset < range.start);
    let after = table.partition_point(|entry| entry.offset < range.end);
    let bodies = compiled.source.functions[range.function]
        .body()
        .zip(compiled.transformed.functions[range.function].body());
    let Some((source, transformed)) = bodies else {
        return Vec::new();
    };
    let position = |inst: Inst| {
        let own = transformed.positions[inst];
        own.or_else(|| source.positions[transformed.source_inst(inst)])
    };
    // Code that passes have put in front, such as the dispatch of a function that is resumed, would
    // show the line of the point that it leads to.
    let is_of_program = |entry: &&ModuleInst| {
        let inst = entry.inst.map(|inst| transformed.source_inst(inst));
        inst.is_some_and(|inst| inst.index() < source.insts.len())
    };
    let body = table[first..after]
        .iter()
        .skip_while(|entry| !is_of_program(entry))
        .filter_map(|entry| {
            let (offset, position) = (entry.offset - range.start, position(entry.inst?)?);
            Some(Row { offset, position })
        });
    let insts = source
        .order
        .iter()
        .flat_map(|&block| &source.blocks[block].insts);
    let entry = insts.filter_map(|&inst| source.positions[inst]).next();
    let entry = entry.filter(|_| first < after).map(|position| Row {
        offset: 0,
        position,
    });
    let mut rows: Vec<Row> = entry.into_iter().chain(body).collect();
    rows.dedup_by_key(|row| row.position);
    rows
}
