//! `docs/ir.md`: its generated parts, and that its programs are programs.
//!
//! With `ENJAMB_BLESS=1` in the environment the generated parts are written anew.

mod command;

use command::{enjamb, example, file, root};
use enjamb::ir::{FloatCond, IntCond, Opcode, Rule, TrapCode, Type, manual};
use std::fs;

fn document() -> String {
    fs::read_to_string(root().join("docs/ir.md")).unwrap()
}

/// The rules of the verifier as a list per group.
fn rules() -> String {
    let mut text = String::new();
    let mut group = "";
    for &rule in Rule::ALL {
        if rule.group() != group {
            group = rule.group();
            text += &format!("### {group}\n\n");
        }
        text += &format!("- **{rule}** {}\n", rule.text());
        let next = Rule::ALL.get(rule.number());
        if next.is_none_or(|next| next.group() != group) {
            text += "\n";
        }
    }
    text
}

/// The text with another generated part under this name.
fn with_part(text: &str, name: &str, part: &str) -> String {
    let start = format!("<!-- generated: {name} -->\n");
    let (before, rest) = text.split_once(&start).unwrap();
    let (_, behind) = rest.split_once("<!-- end -->\n").unwrap();
    format!("{before}{start}\n{}\n\n<!-- end -->\n{behind}", part.trim())
}

#[test]
fn generated_parts_are_up_to_date() {
    let found = document();
    let expected = with_part(&found, "rules", &rules());
    let expected = with_part(&expected, "instructions", &manual::instructions());
    if std::env::var_os("ENJAMB_BLESS").is_some() {
        // The other tests read the document meanwhile: they find the old one or the new one, never a part.
        let new = root().join("docs/ir.md.new");
        fs::write(&new, expected).unwrap();
        fs::rename(new, root().join("docs/ir.md")).unwrap();
        return;
    }
    assert!(
        found == expected,
        "docs/ir.md is stale; `cargo xtask bless` writes it anew"
    );
}

#[test]
fn programs_in_the_document_are_without_errors() {
    let document = document();
    let programs: Vec<&str> = document
        .split("```enj\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    assert_eq!(programs.len(), 10);
    for (number, program) in programs.iter().enumerate() {
        let path = file(&format!("ir_md_{number}.enj"), program.as_bytes());
        assert_eq!(enjamb(&["check", &path]).succeeds(), "");
    }
    let example = fs::read_to_string(example("fib_yield.enj")).unwrap();
    assert!(example.ends_with(programs[0]), "{example}");
    let first = file("ir_md_first.enj", programs[0].as_bytes());
    assert_eq!(
        enjamb(&["run", &first, "10", "--engine", "interp"]).succeeds(),
        "55\n"
    );
    let functions = file("ir_md_functions.enj", programs[3].as_bytes());
    for engine in ["jit", "interp"] {
        let run = [
            "run", &functions, "--func", "largest", "3", "9", "-4", "--engine", engine,
        ];
        assert_eq!(enjamb(&run).succeeds(), "9\n");
    }
    let objects = file("ir_md_objects.enj", programs[4].as_bytes());
    for engine in ["jit", "interp"] {
        let run = ["run", &objects, "5", "--engine", engine];
        assert_eq!(enjamb(&run).succeeds(), "10\n5\n");
    }
    let words = programs.iter().find(|text| text.contains("context_set"));
    let words = file("ir_md_context.enj", words.unwrap().as_bytes());
    for engine in ["jit", "interp"] {
        assert_eq!(
            enjamb(&["run", &words, "--engine", engine]).succeeds(),
            "15\n"
        );
    }
    let exceptions = file("ir_md_exceptions.enj", programs[5].as_bytes());
    let run = ["run", &exceptions, "12", "5", "--engine", "interp"];
    assert_eq!(enjamb(&run).succeeds(), "7\n");
}

#[test]
fn nothing_that_has_a_name_is_left_out() {
    let document = document();
    let names = Opcode::all().iter().map(|row| row.name);
    let names = names.chain(TrapCode::ALL.iter().map(|code| code.name()));
    let names = names.chain(Type::ALL.iter().map(|ty| ty.name()));
    let names = names.chain(IntCond::ALL.iter().map(|condition| condition.name()));
    for name in names.chain(FloatCond::ALL.iter().map(|condition| condition.name())) {
        let shown = document.contains(&format!("`{name}`"))
            || document.contains(&format!("= {name}"))
            || document.contains(&format!("#### `{name}"));
        assert!(shown, "{name}");
    }
}

#[test]
fn help_prints_the_entries_of_the_document() {
    for row in Opcode::all() {
        assert_eq!(enjamb(&["help", row.name]).succeeds(), manual::entry(row));
    }
}
