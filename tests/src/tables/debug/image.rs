//! Symbols, functions and lines.

use super::{BASE, Debug, Slice, section};
use enjamb_abi::code::Symbol;
use enjamb_abi::continuation::POINT_RECORD_SIZE;
use enjamb_codegen::FunctionRange;
use enjamb_ir::{Entity, SourcePos};
use gimli::{AttributeValue, DW_AT_high_pc, DW_AT_low_pc, DW_TAG_subprogram, Dwarf, SectionId};
use object::read::elf::ElfFile64;
use object::{Object, ObjectSymbol};
use std::collections::BTreeMap;
use std::ops::Range;

/// Code from an offset on belongs to a line and a column of a file.
type Lines = BTreeMap<u32, (u64, u64, Vec<u8>)>;

impl Debug<'_> {
    /// Where code begins, without records.
    fn starts(&self) -> Vec<u32> {
        let symbols = self.compiled.symbols.iter();
        let starts = symbols.filter_map(|(symbol, &offset)| match symbol {
            Symbol::Point(..) => None,
            Symbol::RootRecord => Some(offset + POINT_RECORD_SIZE),
            _ => Some(offset),
        });
        let mut starts: Vec<u32> = starts.collect();
        starts.sort_unstable();
        starts
    }

    /// Every function and stub has a symbol and an entry, and they lie apart.
    pub(super) fn pieces(&self, file: &ElfFile64<'_>) -> Result<(), String> {
        let ranges: Vec<_> = self
            .entries
            .iter()
            .map(|entry| entry.range.clone())
            .collect();
        let symbols = file.symbols().map(|symbol| {
            let start = symbol.address().wrapping_sub(BASE) as u32;
            start..start + symbol.size() as u32
        });
        let mut symbols: Vec<_> = symbols.collect();
        symbols.sort_by_key(|range| range.start);
        if symbols != ranges {
            return Err("symbols and frame information are about different code".to_string());
        }
        if !ranges.iter().map(|range| range.start).eq(self.starts()) {
            return Err("a function or stub has no frame information, or has it twice".to_string());
        }
        let size = self.compiled.bytes.len() as u32;
        let ends = ranges.iter().skip(1).map(|range| range.start).chain([size]);
        if ranges
            .iter()
            .zip(ends)
            .any(|(range, end)| range.is_empty() || range.end > end)
        {
            return Err("frame information overlaps".to_string());
        }
        for function in &self.compiled.functions {
            if self.entry_of(function.start)?.range != (function.start..function.end) {
                return Err(format!(
                    "frame information for a part of {}",
                    function.function
                ));
            }
        }
        Ok(())
    }

    /// Every instruction is found at its function and line.
    pub(super) fn lines(&self, file: &ElfFile64<'_>) -> Result<(), String> {
        let unreadable = |error: gimli::Error| format!("the lines cannot be read: {error}");
        let load = |id: SectionId| section(file, id.name());
        let dwarf: Dwarf<Slice<'_>> = Dwarf::load(load)?;
        let header = dwarf.units().next().map_err(unreadable)?.ok_or("no unit")?;
        let unit = dwarf.unit(header).map_err(unreadable)?;
        let functions = functions(&unit).map_err(unreadable)?;
        let ranges = self
            .compiled
            .functions
            .iter()
            .map(|range| range.start..range.end);
        if !functions.into_iter().eq(ranges) {
            return Err("functions are described where none are, or not described".to_string());
        }
        let found = sequences(&dwarf, &unit).map_err(unreadable)?;
        let mut found = found.into_iter().peekable();
        for range in &self.compiled.functions {
            let expected = self.expected_lines(range);
            let is_found = found.next_if(|(found, _)| *found == (range.start..range.end));
            let lines = is_found.map(|(_, lines)| lines).unwrap_or_default();
            let mut before: [Option<&_>; 2] = [None; 2];
            for at in range.start..range.end {
                before = [
                    expected.get(&at).or(before[0]),
                    lines.get(&at).or(before[1]),
                ];
                let [expected, line] = before;
                if expected != line {
                    return Err(format!(
                        "the line at {at:#x} is {line:?}, and should be {expected:?}"
                    ));
                }
            }
        }
        match found.next() {
            Some((range, _)) => Err(format!("lines for {range:x?}, where no function is")),
            None => Ok(()),
        }
    }

    /// An instruction without a position counts to the one before it, and what comes before those of the program to the
    /// first of the program that has one, in order of the text.
    fn expected_lines(&self, range: &FunctionRange) -> Lines {
        let mut lines = Lines::new();
        let compiled = self.compiled;
        let source = compiled.source.functions[range.function].body();
        let lowered = compiled.transformed.functions[range.function].body();
        let Some((source, lowered)) = source.zip(lowered) else {
            return lines;
        };
        let line = |position: SourcePos| {
            let file = compiled.source.files.get(position.file);
            let file = shown(file.map_or("", String::as_str)).into_bytes();
            (u64::from(position.line), u64::from(position.column), file)
        };
        let blocks = source.order.iter().map(|&block| &source.blocks[block]);
        let mut positions = blocks
            .flat_map(|block| &block.insts)
            .map(|&inst| source.positions[inst]);
        if let Some(first) = positions.find_map(|position| position) {
            lines.insert(range.start, line(first));
        }
        let mut in_program = false;
        let entries = &compiled.instructions;
        let [first, after] =
            [range.start, range.end].map(|end| entries.partition_point(|entry| entry.offset < end));
        for entry in &entries[first..after] {
            let Some(inst) = entry.inst else { continue };
            let written = lowered.source_inst(inst);
            in_program |= written.index() < source.insts.len();
            let position = lowered.positions[inst].or_else(|| source.positions[written]);
            if let (true, Some(position)) = (in_program, position) {
                lines.insert(entry.offset, line(position));
            }
        }
        lines
    }
}

/// The name of a file, in which anything may stand, as it is shown.
fn shown(name: &str) -> String {
    let mut text = String::new();
    for character in name.chars() {
        match character.is_control() {
            true => text.extend(character.escape_default()),
            false => text.push(character),
        }
    }
    if text.is_empty() {
        "?".to_string()
    } else {
        text
    }
}

/// The functions that are described, by rising offset.
fn functions(unit: &gimli::Unit<Slice<'_>>) -> gimli::Result<Vec<Range<u32>>> {
    let mut found = Vec::new();
    let mut entries = unit.entries();
    while let Some(entry) = entries.next_dfs()? {
        if entry.tag() != DW_TAG_subprogram {
            continue;
        }
        let (low, high) = (
            entry.attr_value(DW_AT_low_pc),
            entry.attr_value(DW_AT_high_pc),
        );
        if let (Some(AttributeValue::Addr(low)), Some(size)) = (low, high)
            && let Some(size) = size.udata_value()
        {
            let start = low.wrapping_sub(BASE) as u32;
            found.push(start..start + size as u32);
        }
    }
    found.sort_by_key(|range| range.start);
    Ok(found)
}

/// The sequences of the line program, by rising offset.
fn sequences(
    dwarf: &Dwarf<Slice<'_>>,
    unit: &gimli::Unit<Slice<'_>>,
) -> gimli::Result<Vec<(Range<u32>, Lines)>> {
    let Some(program) = unit.line_program.clone() else {
        return Ok(Vec::new());
    };
    let (program, sequences) = program.sequences()?;
    let offset = |address: u64| address.wrapping_sub(BASE) as u32;
    let mut found = Vec::new();
    for sequence in &sequences {
        let mut rows = program.resume_from(sequence);
        let mut lines = Lines::new();
        while let Some((header, row)) = rows.next_row()? {
            if row.end_sequence() {
                continue;
            }
            let column = match row.column() {
                gimli::ColumnType::LeftEdge => 0,
                gimli::ColumnType::Column(column) => column.get(),
            };
            let name = row.file(header).map(|file| file.path_name());
            let name = name.map(|name| dwarf.attr_string(unit, name)).transpose()?;
            let name = name.map_or(Vec::new(), |name| name.slice().to_vec());
            let line = row.line().map_or(0, |line| line.get());
            lines.insert(offset(row.address()), (line, column, name));
        }
        found.push((offset(sequence.start)..offset(sequence.end), lines));
    }
    found.sort_by_key(|(range, _)| range.start);
    Ok(found)
}
