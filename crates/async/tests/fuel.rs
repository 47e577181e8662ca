//! Random programs use the same fuel, and run out of it in the same place, before and after the
//! transform; and what they use is the instructions that the source runs.

mod random;

use enjamb_interp::{Error, Imports, Instance, Options, Schedule, Stats, Val};
use enjamb_ir::{FuelSupply, Module, parse_module, verify_module};

/// What a run gave, what it used, and what was left.
#[derive(Debug, PartialEq)]
struct Seen {
    outcome: Result<Vec<Val>, String>,
    fuel_used: u64,
    fuel_left: i64,
    suspensions: u64,
}

fn run(module: &Module, schedule: Schedule, fuel: FuelSupply) -> (Seen, Stats) {
    let options = Options {
        schedule,
        fuel,
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
    let stats = instance.stats();
    let seen = Seen {
        outcome,
        fuel_used: stats.fuel_used,
        fuel_left: instance.fuel(),
        suspensions: stats.suspensions,
    };
    (seen, stats)
}

const POLICIES: [&str; 3] = [
    "fuel trap\n",
    "fuel suspend %pause\nimport %pause = \"enjamb\" \"out_of_fuel\" () async\n",
    "fuel suspend %pause debt 20\nimport %pause = \"enjamb\" \"out_of_fuel\" () async\n",
];

/// A random program, and the same with a policy after the pass.
fn programs(seed: u64, policy: &str) -> (Module, Module) {
    let text = random::module(seed);
    let metered = parse_module(&format!("{text}\n{policy}"));
    let mut metered = metered.unwrap_or_else(|errors| panic!("{seed}: {errors}"));
    for function in metered.body_ids() {
        enjamb_async::with_body(&mut metered, function, enjamb_async::fuel::run);
    }
    if let Err(errors) = verify_module(&metered) {
        panic!("{seed}: {errors}\n{metered}");
    }
    (parse_module(&text).unwrap(), metered)
}

#[test]
fn fuel_is_what_the_source_runs() {
    let (mut exact, mut finished) = (0, 0);
    for seed in 0..200 {
        let (source, metered) = programs(seed, POLICIES[1]);
        let (expected, stats) = run(&source, Schedule::Natural, FuelSupply::Unlimited);
        let (actual, _) = run(&metered, Schedule::Natural, FuelSupply::Unlimited);
        assert_eq!(actual.outcome, expected.outcome, "{seed}");
        // What is paid in advance is not given back where control leaves in the middle of a block.
        assert!(actual.fuel_used >= stats.instructions, "{seed}\n{metered}");
        if actual.outcome.is_ok() {
            finished += 1;
            exact += u32::from(actual.fuel_used == stats.instructions);
        }
    }
    assert!(
        exact > 80 && exact * 4 > finished * 3,
        "{exact} of {finished}"
    );
}

#[test]
fn source_and_lowered_programs_run_out_in_the_same_place() {
    let (mut trapped, mut paused) = (0, 0);
    for seed in 0..80 {
        for policy in POLICIES {
            let (_, source) = programs(seed, policy);
            let mut lowered = source.clone();
            enjamb_async::transform(&mut lowered);
            verify_module(&lowered).unwrap_or_else(|errors| panic!("{seed}: {errors}\n{lowered}"));
            for amount in [1, 7, 60, 500] {
                for fuel in [FuelSupply::Slices(amount), FuelSupply::Budget(amount)] {
                    if policy == POLICIES[1] && fuel == FuelSupply::Budget(amount) {
                        // Without slices what is used up stays used up.
                        continue;
                    }
                    let schedule = Schedule::Random(seed);
                    let (expected, _) = run(&source, schedule, fuel);
                    let (actual, _) = run(&lowered, schedule, fuel);
                    assert_eq!(actual, expected, "{seed} {fuel:?}\n{source}\n{lowered}");
                    trapped += u32::from(expected.outcome == Err("out_of_fuel".to_string()));
                    paused += expected.suspensions;
                }
            }
        }
    }
    assert!(trapped > 150, "{trapped}");
    assert!(paused > 5_000, "{paused}");
}

#[test]
fn the_pass_changes_nothing_when_it_runs_again() {
    let (_, metered) = programs(3, POLICIES[2]);
    let mut again = metered.clone();
    for function in again.body_ids() {
        enjamb_async::with_body(&mut again, function, enjamb_async::fuel::run);
    }
    assert_eq!(again, metered);
}
