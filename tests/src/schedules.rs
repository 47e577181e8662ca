//! The schedules under which a program runs.

use enjamb_ir::{Module, Schedule};

/// The schedules for a program: only `natural` where nothing can suspend.
pub fn of_module(module: &Module) -> Vec<Schedule> {
    let suspends = module
        .functions
        .values()
        .any(|function| function.signature().is_async);
    let mut schedules = vec![Schedule::Natural];
    if suspends {
        schedules.extend([Schedule::Never, Schedule::Always]);
        schedules.extend((1..=10).map(Schedule::Random));
        schedules.extend((0..5).map(Schedule::Only));
    }
    schedules
}
