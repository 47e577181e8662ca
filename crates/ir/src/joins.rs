//! Tasks that wait for each other.
//!
//! A task joins one other at a time, and is joined by one: so those that wait make up chains, and a join puts
//! the chain that the target begins behind the one that the joiner ends. If that is one chain, it becomes a
//! ring, and nobody in it will ever go on.
//!
//! ```text
//!   joined by ←                            → joins
//!   first ──→ … ──→ joiner  - - - →  target ──→ … ──→ last
//! ```

use std::fmt::Write;

/// Whether a task closes a ring if it joins this target. It waits for nobody yet, and nobody for the target.
///
/// Both chains are walked at once, and the shorter one to its end. Each time a task is walked over it has got
/// into a chain at least twice as long, so n joins cost O(n log n) in whatever order they come.
pub fn closes_ring<T: Copy + PartialEq>(
    joiner: T,
    target: T,
    joins: impl Fn(T) -> Option<T>,
    joined_by: impl Fn(T) -> Option<T>,
) -> bool {
    let (mut ahead, mut behind) = (target, joiner);
    while ahead != joiner {
        match (joins(ahead), joined_by(behind)) {
            (Some(next), Some(previous)) => (ahead, behind) = (next, previous),
            _ => return false,
        }
    }
    true
}

/// Names that a message has of a ring.
const NAMED: usize = 8;

/// Says that tasks wait for each other, with the names of their functions, beginning with the one that joins
/// last.
pub fn describe_ring<'a>(functions: impl Iterator<Item = &'a str>) -> String {
    let mut text = "tasks wait for each other:".to_string();
    let (mut first, mut count) = ("", 0);
    for name in functions {
        first = if count == 0 { name } else { first };
        if count < NAMED {
            let _ = write!(text, " %{name} →");
        }
        count += 1;
    }
    if count > NAMED {
        let _ = write!(text, " … {} more →", count - NAMED);
    }
    text + " %" + first
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    /// Joins one by one: how many steps that took, and which ones closed rings.
    fn run(count: usize, joins: impl Iterator<Item = (usize, usize)>) -> (usize, Vec<usize>) {
        let (mut next, mut previous) = (vec![None; count], vec![None; count]);
        let (steps, mut rings) = (Cell::new(0), Vec::new());
        for (joiner, target) in joins {
            let step = |links: &Vec<Option<usize>>, task: usize| {
                steps.set(steps.get() + 1);
                links[task]
            };
            if closes_ring(joiner, target, |t| step(&next, t), |t| step(&previous, t)) {
                rings.push(joiner);
            } else {
                (next[joiner], previous[target]) = (Some(target), Some(joiner));
            }
        }
        (steps.get(), rings)
    }

    #[test]
    fn rings_are_found_when_they_are_closed_and_in_near_linear_time() {
        const COUNT: usize = 1 << 12;
        assert_eq!(run(1, [(0, 0)].into_iter()), (0, vec![0]));
        assert_eq!(run(2, [(0, 1), (1, 0)].into_iter()).1, [1]);
        let ring = |joiner| (joiner, (joiner + 1) % COUNT);
        let most = 4 * COUNT * 12;
        let (steps, rings) = run(COUNT, (0..COUNT).map(ring));
        assert_eq!(rings, [COUNT - 1]);
        assert!(steps < most, "{steps}");
        let (steps, rings) = run(COUNT, (0..COUNT).rev().map(ring));
        assert_eq!(rings, [0]);
        assert!(steps < most, "{steps}");
        // Pairs, then pairs of pairs.
        let bit =
            |bit: usize| (0..COUNT).filter(move |joiner| joiner.trailing_ones() as usize == bit);
        let (steps, rings) = run(COUNT, (0..12).flat_map(bit).map(ring));
        assert!(rings.is_empty());
        assert!(steps < most, "{steps}");
    }

    #[test]
    fn a_long_ring_is_not_named_in_full() {
        assert_eq!(
            describe_ring(["a", "b"].into_iter()),
            "tasks wait for each other: %a → %b → %a"
        );
        assert_eq!(
            describe_ring(std::iter::repeat_n("f", 1000)),
            "tasks wait for each other: %f → %f → %f → %f → %f → %f → %f → %f → … 992 more → %f"
        );
    }
}
