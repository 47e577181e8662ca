//! The schedules under which a program runs.

use enjamb_ir::hash::FxHashSet;
use enjamb_ir::{FunctionKind, Module, Schedule};

/// The leaves that a schedule governs.
const GOVERNED: [&str; 2] = ["yield", "test"];

/// The schedules for a program: only `natural` where no schedule decides anything.
pub fn of_module(module: &Module) -> Vec<Schedule> {
    let governed = module.functions.values().any(|function| {
        let FunctionKind::Import {
            namespace, name, ..
        } = &function.kind
        else {
            return false;
        };
        namespace == "enjamb" && GOVERNED.contains(&name.as_str())
    });
    let mut schedules = vec![Schedule::Natural];
    if governed {
        schedules.extend([Schedule::Never, Schedule::Always]);
        schedules.extend((1..=10).map(Schedule::Random));
        schedules.extend((0..5).map(Schedule::Only));
    }
    schedules
}

/// Schedules for a random program that makes this many leaf calls if all of them suspend: the natural one, and
/// others that differ in which calls suspend. Each call alone has its turn, or as many as there is room for.
pub fn distinct(seed: u64, leaf_calls: u64, most: usize) -> Vec<Schedule> {
    let mut chosen = vec![Schedule::Natural];
    if leaf_calls == 0 {
        return chosen;
    }
    let singles = leaf_calls.min(most as u64 / 2);
    let single = |number| Schedule::Only(number * leaf_calls / singles);
    let random = |number| Schedule::Random(seed.wrapping_add(number));
    let pairs = (0..most as u64).flat_map(|number| {
        let single = (number < singles).then(|| single(number));
        single.into_iter().chain([random(number)])
    });
    let mut seen = FxHashSet::default();
    let is_new = |schedule: &Schedule| {
        let decided = (0..leaf_calls).map(|number| schedule.decides(number, true));
        seen.insert(decided.collect::<Vec<bool>>())
    };
    let all = [Schedule::Never, Schedule::Always].into_iter().chain(pairs);
    chosen.extend(all.filter(is_new).take(most.saturating_sub(1)));
    chosen
}

#[cfg(test)]
mod tests {
    use super::{Schedule, distinct};

    #[test]
    fn what_decides_alike_is_one_schedule() {
        use Schedule::{Always, Natural, Never};
        assert_eq!(distinct(7, 0, 100), [Natural]);
        assert_eq!(distinct(7, 1, 100), [Natural, Never, Always]);
        // Four ways to answer twice, and the leaf's own.
        assert_eq!(distinct(7, 2, 100).len(), 5);
        assert_eq!(distinct(7, 3, 100).len(), 9);
    }

    #[test]
    fn calls_suspend_alone_and_at_random() {
        let few = distinct(7, 20, 100);
        assert!((0..20).all(|number| few.contains(&Schedule::Only(number))));
        assert_eq!(few.len(), 100);
        let many = distinct(7, 10_000, 100);
        assert_eq!(many.len(), 100);
        assert!(many.contains(&Schedule::Only(9_600)), "{many:?}");
        assert!(many.contains(&Schedule::Random(7)));
    }
}
