//! Which suspension points share one layout.
//!
//! All of them do, so that one object serves an activation for its whole life. The exception are
//! points whose need is far above that of most: with one layout every suspension of the function
//! would pay for them. Those of similar need share again, so the number of layouts is small
//! however many points there are.

use crate::need::PointNeed;

/// A layout ends where the next larger need has more than this many times the bytes, and at least
/// [`STEP_BYTES`] more.
const STEP_FACTOR: u32 = 4;
/// See [`STEP_FACTOR`].
const STEP_BYTES: u32 = 512;

/// Groups of points, by index, each of which gets one layout: by rising need, the common group
/// first; the order inside a group is that of the points.
pub(crate) fn run(points: &[PointNeed]) -> Vec<Vec<usize>> {
    let needs = points.iter().map(PointNeed::saved_bytes);
    let mut by_need: Vec<(u32, usize)> = needs.zip(0..).collect();
    by_need.sort_unstable();
    let mut groups = Vec::new();
    let mut start = 0;
    for end in 1..=by_need.len() {
        if end == by_need.len() || is_step(&by_need, start, end) {
            let mut group: Vec<usize> = by_need[start..end].iter().map(|&(_, at)| at).collect();
            group.sort_unstable();
            groups.push(group);
            start = end;
        }
    }
    groups
}

/// Whether needs from `end` on are far above those of the group from `start` to there, and no more.
fn is_step(by_need: &[(u32, usize)], start: usize, end: usize) -> bool {
    let (smaller, larger) = (by_need[end - 1].0, by_need[end].0);
    larger > smaller.saturating_mul(STEP_FACTOR)
        && larger - smaller >= STEP_BYTES
        && by_need.len() - end <= end - start
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::need::Need;
    use enjamb_ir::{Entity, FieldType, SavedSource, StackSlot};

    fn point(bytes: u32) -> PointNeed {
        let source = SavedSource::Slot(StackSlot::from_index(0));
        let ty = FieldType::Bytes {
            size: bytes,
            align: 8,
        };
        PointNeed {
            saved: vec![Need { source, ty }],
            ..PointNeed::default()
        }
    }

    #[test]
    fn points_of_similar_need_share() {
        assert_eq!(run(&[point(8), point(400), point(64)]), [vec![0, 1, 2]]);
    }

    #[test]
    fn a_point_far_above_the_others_stands_alone() {
        assert_eq!(
            run(&[point(65_536), point(8), point(16)]),
            [vec![1, 2], vec![0]]
        );
    }

    #[test]
    fn points_far_above_the_others_share_among_themselves() {
        let points = [point(8), point(900), point(8), point(1000), point(8)];
        assert_eq!(run(&points), [vec![0, 2, 4], vec![1, 3]]);
    }

    #[test]
    fn what_most_points_need_is_no_exception() {
        let mut points = vec![point(600); 100];
        points.push(point(8));
        assert_eq!(run(&points), [Vec::from_iter(0..101)]);
    }

    #[test]
    fn no_points_no_groups() {
        assert!(run(&[]).is_empty());
    }
}
