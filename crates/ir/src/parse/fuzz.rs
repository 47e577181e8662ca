//! What must hold for the text format whatever the input: the body of a fuzz target.

use super::{ParsedModule, parse_with_spans};
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
    let parsed = match parse_with_spans(&text) {
        Ok(parsed) => parsed,
        Err(errors) => {
            assert!(
                !errors.diagnostics.is_empty(),
                "an error without diagnostic"
            );
            let shown = diagnostic::render(&errors.diagnostics, "input", &text, false);
            assert!(!shown.is_empty(), "diagnostics without text");
            return Outcome::Malformed;
        }
    };
    check_round_trip(&parsed);
    match verify_module(&parsed.module) {
        Ok(()) => Outcome::Valid,
        Err(errors) => {
            let diagnostics = parsed.diagnostics(&errors);
            for diagnostic in &diagnostics {
                assert!(diagnostic.span.is_some(), "no place for: {diagnostic}");
            }
            diagnostic::render(&diagnostics, "input", &text, false);
            Outcome::Invalid
        }
    }
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
