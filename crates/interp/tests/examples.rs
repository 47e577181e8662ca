//! Runs the example of every row of the instruction table, under several schedules.

use enjamb_interp::{Error, Imports, Instance, Options, Schedule, Val};
use enjamb_ir::reference::{Example, Expectation, Literal, example_module};
use enjamb_ir::{Opcode, parse_module, verify_module};

fn value(literal: &Literal) -> Val {
    Val::parse(literal.ty, &literal.text).expect("a number of its type")
}

/// What is wrong with a run of an example.
fn complaint(example: &Example, schedule: Schedule) -> Option<String> {
    let module = match parse_module(&example.module) {
        Ok(module) => module,
        Err(errors) => return Some(format!("{errors}")),
    };
    if let Err(errors) = verify_module(&module) {
        return Some(format!("{errors}"));
    }
    let options = Options {
        schedule,
        ..Options::default()
    };
    let mut instance = Instance::new(&module, Imports::new(), options).expect("an instance");
    let args: Vec<Val> = example.arguments.iter().map(value).collect();
    let result = instance.call("main", &args);
    let right = match (&example.expectation, &result) {
        (Expectation::Ends, Ok(results)) => results.is_empty(),
        (Expectation::Returns(literal), Ok(results)) => results == &[value(literal)],
        (Expectation::Traps(code), Err(Error::Trap(trap))) => trap.code == *code,
        (Expectation::Throws(tag), Err(Error::Exception(uncaught))) => {
            Val::I64(uncaught.exception.tag) == value(tag)
        }
        _ => false,
    };
    (!right).then(|| format!("expected {:?}, got {result:?}", example.expectation))
}

#[test]
fn every_example_gives_what_it_says() {
    let mut wrong = Vec::new();
    for row in Opcode::all() {
        let example = example_module(row).unwrap_or_else(|error| panic!("{}: {error}", row.name));
        let Some(example) = example else { continue };
        for schedule in [Schedule::Natural, Schedule::Always] {
            let complaint = complaint(&example, schedule);
            wrong.extend(complaint.map(|text| format!("{} ({schedule}): {text}", row.name)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_row_outside_lowered_functions_has_an_example() {
    let without: Vec<&str> = Opcode::all()
        .iter()
        .filter(|row| row.example.is_empty() && row.group != "Lowered functions")
        .map(|row| row.name)
        .collect();
    // A raw address means nothing to the interpreter.
    assert_eq!(without, ["memory_base"]);
}
