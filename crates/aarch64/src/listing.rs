//! Assembled code beside its source lines.

use std::fmt::{self, Display, Formatter};

use crate::inst::Inst;
use crate::operand::Label;
use crate::register::Reg;

/// What a line of a listing shows.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// A label is bound here.
    Label(Label),
    /// An instruction.
    Inst(Inst<Reg>),
    /// An instruction that refers to an external symbol, as text.
    External(String),
    /// Padding, a table, constants or veneers.
    Data(&'static str),
    /// A client's remark.
    Comment(String),
}

/// A line of a listing.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Where the line's bytes start.
    pub offset: u32,
    /// The line's bytes.
    pub bytes: Vec<u8>,
    /// What they are.
    pub item: Item,
}

/// Assembled code, line by line. Its `Display` shows offset, bytes and text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listing {
    /// The lines, by rising offset.
    pub lines: Vec<Line>,
}

/// How many bytes stand on one row of text.
const ROW: usize = 8;

impl Display for Listing {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            match &line.item {
                Item::Label(label) => writeln!(f, "{label}:")?,
                Item::Comment(text) => writeln!(f, "{:35}; {text}", "")?,
                Item::Inst(inst) => rows(line, inst, f)?,
                Item::External(text) => rows(line, text, f)?,
                Item::Data(what) => rows(line, &format_args!("<{what}>"), f)?,
            }
        }
        Ok(())
    }
}

fn rows(line: &Line, text: &dyn Display, f: &mut Formatter<'_>) -> fmt::Result {
    for (index, row) in line.bytes.chunks(ROW).enumerate() {
        let offset = line.offset as usize + index * ROW;
        let bytes: Vec<String> = row.iter().map(|byte| format!("{byte:02x}")).collect();
        let bytes = bytes.join(" ");
        if index == 0 {
            writeln!(f, "  {offset:06x}  {bytes:23}  {text}")?;
        } else {
            writeln!(f, "  {offset:06x}  {bytes}")?;
        }
    }
    Ok(())
}
