//! The files of `tests/golden/error`: modules with the errors that they are reported to have.
//!
//! A comment `;! MESSAGE` stands behind the line that the message is about, with the rule before it
//! if the verifier reports it (`;! R19: …`) and without if the parser does. `ENJAMB_BLESS=1` writes
//! the comments anew.

use enjamb_ir::{Diagnostic, Rule, parse_with_spans, verify_module};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Held by a test while it reads the files: blessing writes them, and a file half written has no errors yet.
static FILES: Mutex<()> = Mutex::new(());

/// What separates the text of a line from the messages about it, and these from each other.
const MARK: &str = " ;! ";

/// Messages by line, counted from one.
type Messages = BTreeMap<u32, Vec<String>>;

fn goldens() -> Vec<PathBuf> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/error");
    let entries = fs::read_dir(&directory).expect("the directory of error goldens is there");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("the directory can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "enj"))
        .collect();
    files.sort();
    files
}

/// What is reported about a text.
fn reported(text: &str) -> Messages {
    let diagnostics: Vec<Diagnostic> = match parse_with_spans(text) {
        Err(errors) => errors.diagnostics,
        Ok(parsed) => match verify_module(&parsed.module) {
            Ok(()) => Vec::new(),
            Err(errors) => parsed.diagnostics(&errors),
        },
    };
    let mut messages = Messages::new();
    for diagnostic in diagnostics {
        let span = diagnostic.span.expect("an error of a text has a place");
        let at_line = messages.entry(span.line).or_default();
        at_line.push(diagnostic.message);
    }
    messages
}

/// The messages that the comments expect, and the text without them, of equal lines.
fn expected(text: &str) -> (Messages, Vec<&str>) {
    let mut messages = Messages::new();
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let mut parts = line.split(MARK);
        lines.push(parts.next().unwrap_or_default());
        let here: Vec<String> = parts.map(str::to_string).collect();
        if !here.is_empty() {
            messages.insert(number, here);
        }
    }
    (messages, lines)
}

#[test]
fn every_file_has_the_errors_that_its_comments_say() {
    let _files = FILES.lock().unwrap_or_else(PoisonError::into_inner);
    let mut failures = Vec::new();
    for path in goldens() {
        let text = fs::read_to_string(&path).expect("a golden can be read");
        assert!(
            text.starts_with("; kind: error\n"),
            "{}: header",
            path.display()
        );
        let (expected, lines) = expected(&text);
        let found = reported(&text);
        assert!(!found.is_empty(), "{}: no error", path.display());
        if std::env::var_os("ENJAMB_BLESS").is_some_and(|value| value == "1") {
            fs::write(&path, with_comments(&lines, &found)).expect("a golden can be written");
        } else if found != expected {
            failures.push(format!(
                "{}: {found:#?}\nexpected {expected:#?}",
                path.display()
            ));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn with_comments(lines: &[&str], messages: &Messages) -> String {
    let mut text = String::new();
    for (number, line) in (1..).zip(lines) {
        text.push_str(line);
        for message in messages.get(&number).into_iter().flatten() {
            text.push_str(MARK);
            text.push_str(message);
        }
        text.push('\n');
    }
    text
}

/// Rules that no text can break, because the parser reports what would: `verify_built` breaks them.
const NOT_IN_TEXT: [Rule; 9] = [
    Rule::Names,
    Rule::Declared,
    Rule::Exists,
    Rule::Shape,
    Rule::SingleDefinition,
    Rule::Defined,
    Rule::Results,
    Rule::Constants,
    Rule::FieldNames,
];

#[test]
fn every_rule_has_a_golden() {
    let _files = FILES.lock().unwrap_or_else(PoisonError::into_inner);
    let mut shown = BTreeSet::new();
    for path in goldens() {
        let text = fs::read_to_string(&path).expect("a golden can be read");
        for message in reported(&text).into_values().flatten() {
            shown.extend(message.split_once(": ").map(|(rule, _)| rule.to_string()));
        }
    }
    for rule in Rule::ALL {
        assert_ne!(
            shown.contains(&rule.to_string()),
            NOT_IN_TEXT.contains(rule),
            "{rule} {}",
            rule.text()
        );
    }
}
