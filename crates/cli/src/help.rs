//! `enjamb help`: entries of the instruction table.

use crate::args::{Arguments, Help};
use anyhow::{Result, bail};
use clap::CommandFactory;
use enjamb::ir::{Opcode, manual};
use std::io::Write;

/// Prints the entry of an instruction, or how to use the command and a list of the instructions.
pub fn execute(help: &Help, output: &mut impl Write) -> Result<()> {
    let Some(name) = &help.opcode else {
        return overview(output);
    };
    if let Some(command) = Arguments::command().find_subcommand_mut(name) {
        return Ok(write!(output, "{}", command.render_long_help())?);
    }
    // A line that was copied from a program has a suffix: `load.i64`.
    let mnemonic = name.split('.').next().unwrap_or(name);
    match mnemonic.parse::<Opcode>() {
        Ok(opcode) => Ok(output.write_all(manual::entry(opcode.info()).as_bytes())?),
        Err(()) => match similar(mnemonic).as_slice() {
            [] => bail!("there is no instruction `{name}`; `enjamb help` lists them all"),
            names => bail!(
                "there is no instruction `{name}`; there is {}",
                names.join(", ")
            ),
        },
    }
}

/// Instructions whose name contains the text.
fn similar(text: &str) -> Vec<&'static str> {
    let names = Opcode::all().iter().map(|row| row.name);
    names
        .filter(|name| text.len() > 1 && name.contains(text))
        .collect()
}

fn overview(output: &mut impl Write) -> Result<()> {
    write!(output, "{}", Arguments::command().render_long_help())?;
    writeln!(output, "\nInstructions, explained by `enjamb help OPCODE`:")?;
    let mut group = "";
    for row in Opcode::all() {
        if row.group != group {
            group = row.group;
            writeln!(output, "\n{group}:")?;
            write!(output, "   ")?;
        }
        write!(output, " {}", row.name)?;
        if Opcode::all()
            .get(row.opcode as usize + 1)
            .is_none_or(|next| next.group != group)
        {
            writeln!(output)?;
        }
    }
    Ok(())
}
