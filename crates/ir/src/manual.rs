//! The reference of all instructions, made from the instruction table.
//!
//! `docs/ir.md` has it whole, `enjamb help OPCODE` prints one entry of it.

use crate::opcode::{Effects, Opcode, OpcodeInfo, OperandKind, TypeRule};
use crate::reference::{Example, Expectation, Literal, example_module};

/// The reference of all instructions in Markdown: a section per group, an entry per instruction.
pub fn instructions() -> String {
    let mut text = String::new();
    let mut group = "";
    for row in Opcode::all() {
        if row.group != group {
            group = row.group;
            text += &format!("### {group}\n\n");
        }
        text += &entry(row);
        text += "\n";
    }
    text
}

/// The entry of an instruction in Markdown that reads well as it stands.
pub fn entry(row: &OpcodeInfo) -> String {
    let mut text = format!("#### `{}`\n\n", form(row));
    for line in row.doc {
        text += line.trim();
        text += "\n";
    }
    text += &format!("\n{}\n", typing(row));
    if row.effects.has(Effects::LOWERED) {
        // A line of a longer program, whose arguments and results say nothing about it.
        if let Ok(Some(Example { lines, .. })) = example_module(row) {
            text += &format!("\n    {}\n", lines.join("\n    "));
        }
    } else if let Ok(Some(example)) = example_module(row) {
        text += "\n";
        for (index, line) in example.lines.iter().enumerate() {
            let remark = match index + 1 == example.lines.len() {
                true => remark(&example),
                false => String::new(),
            };
            text += &format!("    {line}{remark}\n");
        }
    }
    text
}

/// What goes into an example and what comes out, as a comment.
fn remark(example: &Example) -> String {
    let number = |literal: &Literal| format!("{}:{}", literal.text, literal.ty);
    let arguments = example.arguments.iter().enumerate();
    let arguments: Vec<String> = arguments
        .map(|(index, argument)| format!("v{index} = {}", number(argument)))
        .collect();
    let outcome = match &example.expectation {
        Expectation::Ends => String::new(),
        Expectation::Returns(result) => format!("gives {}", number(result)),
        Expectation::Traps(code) => format!("traps: {code}"),
        Expectation::Throws(tag) => format!("throws {}", number(tag)),
    };
    match (arguments.is_empty(), outcome.is_empty()) {
        (true, true) => String::new(),
        (true, false) => format!("    ; {outcome}"),
        (false, true) => format!("    ; {}", arguments.join(", ")),
        (false, false) => format!("    ; {} {outcome}", arguments.join(", ")),
    }
}

/// How the instruction is written. Operands are numbered from 0, results follow.
fn form(row: &OpcodeInfo) -> String {
    let first_result = row.operands.len();
    let results: Vec<String> = match row.results {
        [TypeRule::Rest] => vec![format!("v{first_result}, …")],
        [TypeRule::Rest, ..] => vec![format!("v{first_result}, …, v8, v9")],
        results => (0..results.len())
            .map(|index| format!("v{}", first_result + index))
            .collect(),
    };
    let assigned = if results.is_empty() { "" } else { " = " };
    let suffix = match (row.shapes, row.has_type_suffix()) {
        (Some(_), _) => ".S",
        (None, true) => ".T",
        (None, false) => "",
    };
    let operands = operands(row);
    let form = format!(
        "{}{assigned}{}{suffix} {operands}",
        results.join(", "),
        row.name
    );
    form.trim_end().to_string()
}

/// The targets of an instruction that catches exceptions.
const UNWINDING: &str = "block1(v1, …), unwind block2(v8, v9, …)";

fn operands(row: &OpcodeInfo) -> String {
    let values: Vec<String> = match row.operands {
        [TypeRule::Rest] => vec!["v0, …".to_string()],
        operands => (0..operands.len())
            .map(|index| format!("v{index}"))
            .collect(),
    };
    let behind = |first: &str| match values.is_empty() {
        true => first.to_string(),
        false => format!("{first}, {}", values.join(", ")),
    };
    match row.kind {
        OperandKind::Values => values.join(", "),
        OperandKind::Integer | OperandKind::Float => "NUMBER".to_string(),
        OperandKind::Lanes => values.join(", "),
        OperandKind::Lane => values.join(", ") + ", LANE",
        OperandKind::Shuffle => values.join(", ") + ", [BYTE, …]",
        OperandKind::Vector => "0xBITS".to_string(),
        OperandKind::IntCond
        | OperandKind::FloatCond
        | OperandKind::LanesIntCond
        | OperandKind::LanesFloatCond => format!("CONDITION {}", values.join(", ")),
        OperandKind::Function => "%function".to_string(),
        OperandKind::Access => match values.len() {
            0 | 1 => "PLACE".to_string(),
            _ => format!("PLACE, {}", values[1..].join(", ")),
        },
        OperandKind::Slot => "ss0[OFFSET]".to_string(),
        OperandKind::Memory => behind("%memory"),
        OperandKind::MemoryPair => behind("%to, %from"),
        OperandKind::MemoryData => behind("%memory, %data"),
        OperandKind::Global => behind("%global"),
        OperandKind::Table => behind("%table"),
        OperandKind::Call => "%function(v0, …)".to_string(),
        OperandKind::CallIndirect => "sig0, v0(v1, …)".to_string(),
        OperandKind::Join => behind("sig0"),
        OperandKind::TryCall => format!("%function(v0, …), {UNWINDING}"),
        OperandKind::TryCallIndirect => format!("sig0, v0(v1, …), {UNWINDING}"),
        OperandKind::TryJoin => behind("sig0") + ", " + UNWINDING,
        OperandKind::Jump => "block1(v0, …)".to_string(),
        OperandKind::Branch => "v0, block1(v1, …), block2(v2, …)".to_string(),
        OperandKind::BranchTable => "v0, block1(v1, …), [block2(v2, …), …]".to_string(),
        OperandKind::Trap => "CODE".to_string(),
        OperandKind::ObjectType => behind("%type"),
        OperandKind::ObjectField => behind("%type.FIELD"),
        OperandKind::Root => behind("root0"),
        OperandKind::Layout => behind("layout0"),
        OperandKind::Field => behind("layout0.FIELD"),
        OperandKind::SlotField => behind("layout0.FIELD, ss0"),
        OperandKind::Point => behind("point0"),
        OperandKind::PointResult => behind("point0.INDEX"),
    }
}

/// Types and effects, in a sentence each.
fn typing(row: &OpcodeInfo) -> String {
    let list = |rules: &[TypeRule]| match rules {
        [] => "none".to_string(),
        rules => rules
            .iter()
            .map(|&rule| describe(rule))
            .collect::<Vec<_>>()
            .join(", "),
    };
    let mut text = format!(
        "Operands: {}. Results: {}.",
        list(row.operands),
        list(row.results)
    );
    if let Some(class) = row.class {
        text += &format!(" `T` is {}.", class.description());
    }
    if let Some(shapes) = row.shapes {
        text += &format!(" `S` is {}.", shapes.description());
    }
    let effects = row.effects.names();
    match effects.as_slice() {
        [] => text += " No effects.",
        names => text += &format!(" Effects: {}.", names.join(", ")),
    }
    if row.effects.has(Effects::LOWERED) {
        text += " The async transform makes it.";
    }
    text
}

fn describe(rule: TypeRule) -> String {
    match rule {
        TypeRule::T => "`T`".to_string(),
        TypeRule::Is(ty) => format!("`{ty}`"),
        TypeRule::In(class) => class.description().to_string(),
        TypeRule::NarrowerThanT => "an integer type narrower than `T`".to_string(),
        TypeRule::WiderThanT => "an integer type wider than `T`".to_string(),
        TypeRule::SameBitsAsT => "a number type of as many bits as `T`".to_string(),
        TypeRule::LaneType => "the type of a lane".to_string(),
        TypeRule::Address => "the address of the place".to_string(),
        TypeRule::Rest => "what is declared".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_shows_form_meaning_types_and_a_line_that_runs() {
        let expected = "\
#### `v2 = iadd v0, v1`

Sum, modulo two to the width.

Operands: `T`, `T`. Results: `T`. `T` is an integer type. No effects.

    v2 = iadd v0, v1    ; v0 = 7:i64, v1 = 5:i64 gives 12:i64
";
        assert_eq!(entry(Opcode::Iadd.info()), expected);
    }

    #[test]
    fn every_form_of_operands_is_shown() {
        let form = |opcode: Opcode| form(opcode.info());
        assert_eq!(form(Opcode::Iconst), "v0 = iconst.T NUMBER");
        assert_eq!(form(Opcode::Icmp), "v2 = icmp CONDITION v0, v1");
        assert_eq!(form(Opcode::Call), "v1, … = call %function(v0, …)");
        assert_eq!(form(Opcode::ReturnCall), "return_call %function(v0, …)");
        assert_eq!(form(Opcode::Return), "return v0, …");
        assert_eq!(form(Opcode::Unreachable), "unreachable");
        assert_eq!(
            form(Opcode::TryJoin),
            "v1, …, v8, v9 = try_join sig0, v0, block1(v1, …), unwind block2(v8, v9, …)"
        );
        assert_eq!(
            form(Opcode::MemoryInit),
            "memory_init %memory, %data, v0, v1, v2"
        );
        assert_eq!(
            form(Opcode::ResultLoad),
            "v1 = result_load.T point0.INDEX, v0"
        );
    }
}
