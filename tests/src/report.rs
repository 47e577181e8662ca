//! What a failed comparison looks like.

use similar::TextDiff;

/// The difference between two texts, line by line.
pub fn diff(expected: &str, actual: &str) -> String {
    TextDiff::from_lines(expected, actual)
        .unified_diff()
        .context_radius(3)
        .header("expected", "actual")
        .to_string()
}

/// The first line, counted from one, at which two texts differ.
pub fn first_difference(expected: &str, actual: &str) -> usize {
    let pairs = expected.lines().zip(actual.lines());
    pairs.take_while(|(left, right)| left == right).count() + 1
}
