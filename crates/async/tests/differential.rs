//! Random programs mean the same before and after the transform, under every kind of schedule.

mod random;

use enjamb_interp::{Error, Imports, Instance, Options, Schedule, Stats, Val};
use enjamb_ir::{FunctionKind, Module, parse_module, verify_module};

/// What a run gave: results, or the reason for a trap.
type Outcome = Result<Vec<Val>, String>;

fn run(module: &Module, schedule: Schedule) -> (Outcome, Stats) {
    let options = Options {
        schedule,
        ..Options::default()
    };
    let mut instance = Instance::new(module, Imports::new(), options).unwrap();
    let args = [Val::I64(5), Val::F64(0.5f64.to_bits())];
    let outcome = match instance.call("main", &args) {
        Ok(values) => Ok(values),
        Err(Error::Trap(trap)) => Err(trap.code.to_string()),
        Err(Error::Exception(uncaught)) => {
            // A handle says which instance has given it out.
            let payload = uncaught.exception.payload.is_some();
            Err(format!("exception {}, {payload}", uncaught.exception.tag))
        }
        Err(error) => panic!("{error}"),
    };
    (outcome, instance.stats())
}

fn schedules() -> impl Iterator<Item = Schedule> {
    let fixed = [Schedule::Natural, Schedule::Never, Schedule::Always];
    let random = (0..4).map(Schedule::Random);
    fixed
        .into_iter()
        .chain(random)
        .chain((0..6).map(Schedule::Only))
}

/// What the programs had in them, so that the test does not pass for lack of cases.
#[derive(Default, Debug)]
struct Seen {
    finished: u64,
    trapped: u64,
    threw: u64,
    suspended: u64,
    reused: u64,
    several_layouts: u64,
}

fn check(seed: u64, seen: &mut Seen) {
    let text = random::module(seed);
    let source = parse_module(&text).unwrap_or_else(|errors| panic!("{seed}: {errors}\n{text}"));
    verify_module(&source).unwrap_or_else(|errors| panic!("{seed}: {errors}\n{text}"));
    let mut lowered = source.clone();
    enjamb_async::transform(&mut lowered);
    let shown = lowered.to_string();
    if let Err(errors) = verify_module(&lowered) {
        panic!("{seed}: {errors}\n{text}\n{shown}");
    }
    assert_eq!(parse_module(&shown).unwrap(), lowered, "{seed}");
    seen.several_layouts += u64::from(has_several_layouts(&lowered));
    for schedule in schedules() {
        let (expected, _) = run(&source, schedule);
        let result = std::panic::catch_unwind(|| run(&lowered, schedule));
        let (actual, stats) =
            result.unwrap_or_else(|_| panic!("{seed} {schedule}\n{text}\n{shown}"));
        assert_eq!(actual, expected, "{seed} {schedule}\n{text}\n{shown}");
        match schedule {
            Schedule::Never => assert_eq!(stats.continuations_allocated, 0, "{seed}"),
            _ => seen.suspended += stats.suspensions,
        }
        seen.reused += stats.frames_suspended - stats.continuations_allocated;
        match actual {
            Ok(_) => seen.finished += 1,
            Err(reason) if reason.starts_with("exception") => seen.threw += 1,
            Err(_) => seen.trapped += 1,
        }
    }
}

fn has_several_layouts(module: &Module) -> bool {
    module.functions.values().any(
        |function| matches!(&function.kind, FunctionKind::Body(body) if body.layouts.len() > 1),
    )
}

#[test]
fn source_and_lowered_programs_agree() {
    let mut seen = Seen::default();
    let seeds = std::env::var("ENJAMB_SEEDS").ok();
    for seed in 0..seeds.and_then(|seeds| seeds.parse().ok()).unwrap_or(200) {
        check(seed, &mut seen);
    }
    assert!(seen.finished > 1000, "{seen:?}");
    assert!(seen.trapped > 30, "{seen:?}");
    assert!(seen.threw > 100, "{seen:?}");
    assert!(seen.suspended > 3000, "{seen:?}");
    assert!(seen.reused > 300, "{seen:?}");
    assert!(seen.several_layouts > 1, "{seen:?}");
}
