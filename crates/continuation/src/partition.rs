//! Which suspension points share one layout.
//!
//! All of them do, so that one object serves an activation for its whole life. The exception is a
//! point whose need is far above the others': with one layout every suspension of the function
//! would pay for it.

use crate::need::PointNeed;

/// A point gets a layout of its own when it needs more than this many times the bytes of the next
/// smaller one, and at least [`OUTLIER_BYTES`] more.
const OUTLIER_FACTOR: u32 = 4;
/// See [`OUTLIER_FACTOR`].
const OUTLIER_BYTES: u32 = 512;

/// Groups of points, by index, each of which gets one layout. The common group, if any point is in
/// it, is the first; the order inside a group is that of the points.
pub(crate) fn run(points: &[PointNeed]) -> Vec<Vec<usize>> {
    let mut by_need: Vec<(u32, usize)> = points
        .iter()
        .enumerate()
        .map(|(index, point)| (point.saved_bytes(), index))
        .collect();
    by_need.sort_unstable();
    let is_outlier = |smaller: u32, larger: u32| {
        larger > smaller.saturating_mul(OUTLIER_FACTOR) && larger - smaller >= OUTLIER_BYTES
    };
    // From the first big step on, every point is an outlier.
    let common = by_need
        .windows(2)
        .position(|pair| is_outlier(pair[0].0, pair[1].0))
        .map_or(by_need.len(), |step| step + 1);
    let mut group: Vec<usize> = by_need[..common].iter().map(|&(_, index)| index).collect();
    group.sort_unstable();
    let mut outliers: Vec<usize> = by_need[common..].iter().map(|&(_, index)| index).collect();
    outliers.sort_unstable();
    let mut groups = Vec::new();
    if !group.is_empty() {
        groups.push(group);
    }
    groups.extend(outliers.into_iter().map(|index| vec![index]));
    groups
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
            results: Vec::new(),
            saved: vec![Need { source, ty }],
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
    fn no_points_no_groups() {
        assert!(run(&[]).is_empty());
    }
}
