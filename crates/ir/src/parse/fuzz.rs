//! What must hold for the text format whatever the input: the body of a fuzz target.

use super::{ParsedModule, parse_with_spans, read_module};
use crate::diagnostic;
use crate::verify::verify_module;

/// How far an input came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is no module.
    Malformed,
    /// It is a module that breaks rules.
    Invalid,
    /// It is a module that keeps all rules.
    Valid,
}

/// Reads bytes as a module. What can be read is printed and read again and must be equal; errors,
/// also those of the verifier, must be showable at the text.
///
/// # Panics
/// If the parser or the printer is wrong; that is what a fuzzer looks for.
pub fn check(bytes: &[u8]) -> Outcome {
    let text = String::from_utf8_lossy(bytes);
    let reading = read_module(&text);
    let parsed = &reading.parsed;
    let errors = verify_module(&parsed.module).err();
    let concerned = errors.iter().flatten().filter(|e| reading.concerns(e));
    let found = parsed.diagnostics(concerned);
    for diagnostic in &found {
        assert!(diagnostic.span.is_some(), "no place for: {diagnostic}");
    }
    diagnostic::render(&found, "input", &text, false);
    if !reading.diagnostics.is_empty() {
        let shown = diagnostic::render(&reading.diagnostics, "input", &text, false);
        assert!(!shown.is_empty(), "diagnostics without text");
        return Outcome::Malformed;
    }
    check_round_trip(parsed);
    if errors.is_none() {
        return Outcome::Valid;
    }
    assert!(!found.is_empty(), "errors that are not reported");
    Outcome::Invalid
}

fn check_round_trip(parsed: &ParsedModule) {
    let printed = parsed.module.to_string();
    let again = match parse_with_spans(&printed) {
        Ok(again) => again,
        Err(errors) => panic!("what was printed cannot be read: {errors}\n{printed}"),
    };
    assert!(again.module == parsed.module, "another module:\n{printed}");
    assert_eq!(again.module.to_string(), printed, "printed in two ways");
}
