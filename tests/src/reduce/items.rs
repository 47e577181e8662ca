//! Declarations that nothing needs, taken out of the text: whether something does, the parser says. And lines of the source.

use crate::case::Case;
use enjamb_ir::{PrimaryMap, SecondaryMap, parse_module};
use std::ops::Range;

/// How many declarations there are, functions included.
pub(super) fn all(case: &Case) -> usize {
    ranges(&case.module.to_string()).len()
}

/// The case without one of them.
pub(super) fn without(case: &Case, index: usize) -> Option<Case> {
    let text = case.module.to_string();
    let range = ranges(&text).get(index)?.clone();
    let lines = text.lines().enumerate();
    let kept = lines.filter(|(number, _)| !range.contains(number));
    let kept: Vec<&str> = kept.map(|(_, line)| line).collect();
    let module = parse_module(&kept.join("\n")).ok()?;
    module.function_named(&case.call.function)?;
    Some(Case {
        module,
        ..case.clone()
    })
}

/// The case without places in source files.
pub(super) fn without_positions(case: &Case) -> Option<Case> {
    let mut case = case.clone();
    for id in case.module.body_ids() {
        case.module.functions[id].body_mut()?.positions = SecondaryMap::new();
    }
    case.module.files = PrimaryMap::new();
    Some(case)
}

/// The lines of each declaration: of the module, and of what functions declare at their heads.
fn ranges(text: &str) -> Vec<Range<usize>> {
    let lines: Vec<&str> = text.lines().collect();
    let mut ranges = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let is_local = line.starts_with("    ss") || line.starts_with("    sig");
        let is_item = !line.starts_with([' ', '}', ';']) && !line.starts_with("block");
        if line.is_empty() || !(is_local || is_item) {
            continue;
        }
        let ends = |line: &&str| line.starts_with('}');
        let end = match is_item && line.ends_with('{') {
            true => lines[number..].iter().position(ends).unwrap_or(0) + number,
            false => number,
        };
        ranges.push(number..end + 1);
    }
    ranges
}
