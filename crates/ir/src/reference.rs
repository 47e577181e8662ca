//! The examples of the instruction table as programs that run.
//!
//! Every row of the table has an example of one or a few lines. They all stand in the same
//! surroundings, the [`PRELUDE`] and the declarations of a function `%main`, so a line can name a
//! memory or call a function without saying what it is. The generated reference shows the lines, a
//! test runs the programs.

use crate::opcode::{Effects, Opcode, OpcodeInfo, OperandKind};
use crate::operand::TrapCode;
use crate::types::{Type, comma_separated};
use std::fmt;

/// What the lines of an example may name, besides what `%main` declares.
pub const PRELUDE: &str = r#"import %yield = "enjamb" "yield" () async
memory %heap 1..4
data %greeting = "hello"
global %count: i64 = 0
type %pair = { number: i64, next: ref }
type %bytes = [i8]
type %refs = [ref]
table %operators [%double, null]

function %double(i64) -> i64 {
block0(v0: i64):
    v1 = iadd v0, v0
    return v1
}

function %later(i64) -> i64 async {
block0(v0: i64):
    call %yield()
    v1 = iadd v0, v0
    return v1
}
"#;

/// What `%main` declares before its first block.
pub const DECLARATIONS: &str = "    ss0 = slot 16 align 8
    sig0 = (i64) -> i64
    sig1 = (i64) -> i64 async
    sig2 = () -> i64
";

/// The program that shows the instructions which the async transform makes: a function of one
/// suspension point as it is after that pass. It gives back three times what it is called with.
pub const LOWERED: &str = r#"import %ask = "enjamb" "test" (i64) -> i64 async

export "main" = %main

function %main(i64) -> i64 async lowered {
    ss0 = slot 8 align 8
    layout0 = size 40 { v2: i64 @ 24, ss0: bytes 8 align 8 @ 32 }
    point0 = layout0 (i64) saves [v2 = v2, ss0 = ss0]
block0(v0: cont, v1: i64):
    v5 = is_suspended v0
    brif v5, block1, block3(v1)
block1 cold:
    v6 = cont_state v0
    br_table v6, block2, [block2]
block2 cold:
    v7 = result_load.i64 point0.0, v0
    v8 = field_load.i64 layout0.v2, v0
    field_restore_slot layout0.ss0, ss0, v0
    jump block4(v7, v8)
block3(v2: i64):
    store ss0[0], v2
    v9, v10 = call %ask(v2)
    v11 = is_suspended v9
    brif v11, block5, block4(v10, v2)
block4(v3: i64, v4: i64):
    v12 = load.i64 ss0[0]
    v13 = iadd v3, v4
    v14 = iadd v13, v12
    return v14
block5 cold:
    v15 = own_continuation
    v16 = is_suspended v15
    brif v16, block6, block7
block6 cold:
    v17 = has_layout layout0, v15
    brif v17, block8(v15), block7
block7 cold:
    v18 = new_continuation layout0, v9
    jump block8(v18)
block8(v19: cont) cold:
    field_store layout0.v2, v19, v2
    field_save_slot layout0.ss0, ss0, v19
    set_point point0, v19
    link v9, v19
    suspend v19
}
"#;

/// A number as an example writes it, `12:i64`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Literal {
    /// The text of the number.
    pub text: String,
    /// Its type.
    pub ty: Type,
}

/// What an example comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// It ends without results.
    Ends,
    /// It returns this number.
    Returns(Literal),
    /// It traps for this reason.
    Traps(TrapCode),
    /// It ends with an exception of this tag.
    Throws(Literal),
}

/// An example of the instruction table as a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// The lines that show the instruction, without indentation.
    pub lines: Vec<String>,
    /// What `%main` is called with: `v0`, `v1` and so on in the lines.
    pub arguments: Vec<Literal>,
    /// What comes out of it.
    pub expectation: Expectation,
    /// The module in the text format.
    pub module: String,
}

/// An example that is not written as [`OpcodeInfo::example`] says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExampleError(String);

impl fmt::Display for ExampleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ExampleError {}

fn literal(text: &str) -> Result<Literal, ExampleError> {
    let wrong = || ExampleError(format!("`{text}` is not NUMBER:TYPE"));
    let (number, ty) = text.trim().split_once(':').ok_or_else(wrong)?;
    Ok(Literal {
        text: number.trim().to_string(),
        ty: ty.trim().parse().map_err(|()| wrong())?,
    })
}

/// The opcode that a line begins with, behind its results.
fn opcode_of(line: &str) -> Option<Opcode> {
    let behind = line.split_once('=').map_or(line, |(_, behind)| behind);
    let mnemonic = behind.split_whitespace().next()?;
    let name = mnemonic.split_once('.').map_or(mnemonic, |(name, _)| name);
    name.parse().ok()
}

/// The example of a row as a program; `None` for a row without an example.
///
/// # Errors
/// If the row's example is not written as [`OpcodeInfo::example`] says.
pub fn example_module(row: &OpcodeInfo) -> Result<Option<Example>, ExampleError> {
    if row.effects.has(Effects::LOWERED) {
        return lowered_example(row).map(Some);
    }
    if row.example.is_empty() {
        return Ok(None);
    }
    let parts: Vec<&str> = row.example.split('|').map(str::trim).collect();
    let &[parameters, lines, expected] = parts.as_slice() else {
        let name = row.name;
        return Err(ExampleError(format!(
            "the example of {name} has not three parts"
        )));
    };
    let arguments = parameters
        .split(',')
        .filter(|text| !text.trim().is_empty())
        .map(literal)
        .collect::<Result<Vec<_>, _>>()?;
    let lines: Vec<String> = lines.lines().map(|line| line.trim().to_string()).collect();

    let (returned, expectation) = match expected.split_once("==") {
        Some((value, number)) => (value.trim(), Expectation::Returns(literal(number)?)),
        None if expected.is_empty() => ("", Expectation::Ends),
        None => match expected.strip_prefix("throws ") {
            Some(tag) => ("", Expectation::Throws(literal(tag)?)),
            None => ("", Expectation::Traps(trap_code(expected)?)),
        },
    };
    let is_async = row.kind != OperandKind::Root;
    let module = module_text(&arguments, &lines, returned, &expectation, is_async);
    Ok(Some(Example {
        lines,
        arguments,
        expectation,
        module,
    }))
}

fn trap_code(expected: &str) -> Result<TrapCode, ExampleError> {
    let code = expected.strip_prefix("trap ").unwrap_or(expected);
    let wrong = |()| ExampleError(format!("`{expected}` is no expectation"));
    code.trim().parse().map_err(wrong)
}

/// The first line of [`LOWERED`] with the instruction of a row.
fn lowered_example(row: &OpcodeInfo) -> Result<Example, ExampleError> {
    let line = LOWERED
        .lines()
        .find(|line| opcode_of(line) == Some(row.opcode));
    let missing = || ExampleError(format!("the lowered program does not show {}", row.name));
    Ok(Example {
        lines: vec![line.ok_or_else(missing)?.trim().to_string()],
        arguments: vec![literal("5:i64")?],
        expectation: Expectation::Returns(literal("15:i64")?),
        module: LOWERED.to_string(),
    })
}

/// A list of types, for the head of a function.
struct Types<'a>(&'a [Type]);

impl fmt::Display for Types<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        comma_separated(f, self.0)
    }
}

fn module_text(
    arguments: &[Literal],
    lines: &[String],
    returned: &str,
    expectation: &Expectation,
    is_async: bool,
) -> String {
    let types: Vec<Type> = arguments.iter().map(|argument| argument.ty).collect();
    let results = match expectation {
        Expectation::Returns(number) => format!(" -> {}", number.ty),
        Expectation::Ends | Expectation::Traps(_) | Expectation::Throws(_) => String::new(),
    };
    let parameters: Vec<String> = types
        .iter()
        .enumerate()
        .map(|(index, ty)| format!("v{index}: {ty}"))
        .collect();
    let parameters = match parameters.as_slice() {
        [] => String::new(),
        list => format!("({})", list.join(", ")),
    };
    // Root slots are declared where nothing suspends, or once that has become explicit.
    let (mark, roots) = match is_async {
        true => (" async", ""),
        false => ("", "    root0 = root\n"),
    };
    let mut text = format!(
        "{PRELUDE}\nexport \"main\" = %main\n\nfunction %main({}){results}{mark} {{\n\
         {roots}{DECLARATIONS}block0{parameters}:\n",
        Types(&types)
    );
    for line in lines {
        let indent = if line.starts_with("block") {
            ""
        } else {
            "    "
        };
        text += &format!("{indent}{line}\n");
    }
    let ended = lines
        .last()
        .and_then(|line| opcode_of(line))
        .is_some_and(Opcode::is_terminator);
    if !ended {
        text += format!("    return {returned}").trim_end();
        text += "\n";
    }
    text + "}\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_is_written_as_documented() {
        for row in Opcode::all() {
            if let Err(error) = example_module(row) {
                panic!("{}: {error}", row.name);
            }
        }
    }

    #[test]
    fn an_example_becomes_a_program() {
        let example = example_module(Opcode::Iadd.info()).unwrap().unwrap();
        assert_eq!(example.lines, ["v2 = iadd v0, v1"]);
        assert_eq!(
            example.expectation,
            Expectation::Returns(literal("12:i64").unwrap())
        );
        let main = "\
function %main(i64, i64) -> i64 async {
    ss0 = slot 16 align 8
    sig0 = (i64) -> i64
    sig1 = (i64) -> i64 async
    sig2 = () -> i64
block0(v0: i64, v1: i64):
    v2 = iadd v0, v1
    return v2
}
";
        assert!(example.module.ends_with(main), "{}", example.module);
    }
}
