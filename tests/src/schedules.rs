//! The schedules under which a program runs.

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
