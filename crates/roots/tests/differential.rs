//! Random programs mean the same with root slots, and the interpreter finds every reference in one; where
//! something is left out, it finds that.

#[path = "../../async/tests/random/mod.rs"]
mod random;

use enjamb_interp::{Error, Imports, Instance, Options, Schedule, Val};
use enjamb_ir::{Entity, FuncId, Function, Inst, Module, Opcode, parse_module, verify_module};

/// What a run gave: results, or why there are none.
type Outcome = Result<Vec<Val>, String>;

fn run(module: &Module, schedule: Schedule, check_roots: bool) -> Outcome {
    let options = Options {
        schedule,
        check_roots,
        gc_stress: check_roots,
        ..Options::default()
    };
    let mut instance = Instance::new(module, Imports::new(), options).unwrap();
    let args = [Val::I64(5), Val::F64(0.5f64.to_bits())];
    match instance.call("main", &args) {
        Ok(values) => Ok(values),
        Err(Error::Trap(trap)) => Err(trap.code.to_string()),
        Err(Error::Exception(uncaught)) => {
            // A handle says which instance has given it out.
            let payload = uncaught.exception.payload.is_some();
            Err(format!("exception {}, {payload}", uncaught.exception.tag))
        }
        Err(Error::Fault(fault)) => Err(format!("fault: {}", fault.reason)),
        Err(error) => panic!("{error}"),
    }
}

fn is_fault(outcome: &Outcome) -> bool {
    matches!(outcome, Err(reason) if reason.starts_with("fault"))
}

const SCHEDULES: [Schedule; 4] = [
    Schedule::Natural,
    Schedule::Never,
    Schedule::Always,
    Schedule::Random(7),
];

/// A program as it was written, and lowered with root slots.
fn programs(seed: u64) -> (Module, Module) {
    let text = random::module(seed);
    let source = parse_module(&text).unwrap_or_else(|errors| panic!("{seed}: {errors}\n{text}"));
    verify_module(&source).unwrap_or_else(|errors| panic!("{seed}: {errors}\n{text}"));
    let mut rooted = source.clone();
    enjamb_async::transform(&mut rooted);
    enjamb_roots::place(&mut rooted);
    (source, rooted)
}

#[test]
fn programs_mean_the_same_with_root_slots() {
    let (mut finished, mut threw, mut slots, mut loads) = (0, 0, 0, 0);
    let seeds = std::env::var("ENJAMB_SEEDS").ok();
    for seed in 0..seeds.and_then(|seeds| seeds.parse().ok()).unwrap_or(80) {
        let (source, rooted) = programs(seed);
        let shown = rooted.to_string();
        if let Err(errors) = verify_module(&rooted) {
            panic!("{seed}: {errors}\n{shown}");
        }
        assert_eq!(parse_module(&shown).unwrap(), rooted, "{seed}");
        for (_, function) in rooted.bodies() {
            slots += function.roots.len();
            loads += places(function, |opcode| opcode == Opcode::RootGet).len();
        }
        for schedule in SCHEDULES {
            let expected = run(&source, schedule, false);
            let actual = run(&rooted, schedule, true);
            assert_eq!(actual, expected, "{seed} {schedule}\n{source}\n{shown}");
            match expected {
                Ok(_) => finished += 1,
                Err(reason) => threw += i32::from(reason.starts_with("exception")),
            }
        }
    }
    assert!(finished > 100, "{finished}");
    assert!(threw > 10, "{threw}");
    assert!(slots > 500 && loads > 1200, "{slots} {loads}");
}

/// The instructions of some opcodes, with the places where they stand.
fn places(function: &Function, wanted: impl Fn(Opcode) -> bool) -> Vec<(usize, usize, Inst)> {
    let mut found = Vec::new();
    for (number, &block) in function.order.iter().enumerate() {
        for (position, &inst) in function.blocks[block].insts.iter().enumerate() {
            if wanted(function.insts[inst].opcode) {
                found.push((number, position, inst));
            }
        }
    }
    found
}

/// A safepoint forgets one of its slots.
fn drop_a_root(function: &mut Function, rng: &mut random::Rng) -> bool {
    let mut safepoints = places(function, Opcode::is_safepoint);
    safepoints.retain(|&(_, _, inst)| !function.live_roots(inst).is_empty());
    if safepoints.is_empty() {
        return false;
    }
    let (_, _, inst) = safepoints[rng.below(safepoints.len())];
    let mut listed = function.live_roots(inst).to_vec();
    listed.remove(rng.below(listed.len()));
    function.set_live_roots(inst, &listed);
    true
}

/// A reference is not stored.
fn skip_a_store(function: &mut Function, rng: &mut random::Rng) -> bool {
    let stores = places(function, |opcode| opcode == Opcode::RootSet);
    if stores.is_empty() {
        return false;
    }
    let (number, position, _) = stores[rng.below(stores.len())];
    let block = function.order[number];
    function.blocks[block].insts.remove(position);
    true
}

/// The value that was stored is used instead of what comes out of the slot.
fn use_an_old_value(function: &mut Function, rng: &mut random::Rng) -> bool {
    let loads = places(function, |opcode| opcode == Opcode::RootGet);
    if loads.is_empty() {
        return false;
    }
    let (_, _, load) = loads[rng.below(loads.len())];
    let stores = places(function, |opcode| opcode == Opcode::RootSet);
    let slot = function.insts[load].payload;
    let mut stores = stores
        .iter()
        .filter(|(_, _, s)| function.insts[*s].payload == slot);
    let (Some(&(_, _, store)), None) = (stores.next(), stores.next()) else {
        return false;
    };
    let (old, loaded) = (function.args(store)[0], function.results(load)[0]);
    for (_, _, inst) in places(function, |_| true) {
        function.map_uses(inst, |value| if value == loaded { old } else { value });
    }
    true
}

/// Plants a bug in one function of each program and counts in how many it is found.
fn found(plant: fn(&mut Function, &mut random::Rng) -> bool) -> (u32, u32) {
    let (mut planted, mut found) = (0, 0);
    for seed in 0..60 {
        let (_, rooted) = programs(seed);
        let mut rng = random::Rng(seed);
        let count = rooted.function_count();
        for _ in 0..3 {
            let id = FuncId::from_index(rng.below(count));
            let mut broken = rooted.clone();
            let Some(function) = broken.functions[id].body_mut() else {
                continue;
            };
            if !plant(function, &mut rng) {
                continue;
            }
            verify_module(&broken).unwrap_or_else(|errors| panic!("{seed}: {errors}\n{broken}"));
            planted += 1;
            for schedule in [Schedule::Always, Schedule::Never] {
                let outcome = run(&broken, schedule, true);
                if is_fault(&outcome) {
                    found += 1;
                    break;
                }
                // What does not run does no harm.
                assert_eq!(outcome, run(&rooted, schedule, true), "{seed}\n{broken}");
            }
        }
    }
    (planted, found)
}

#[test]
fn what_is_left_out_is_found() {
    for plant in [drop_a_root, skip_a_store, use_an_old_value] {
        let (planted, found) = found(plant);
        assert!(planted > 40 && found > 10, "{found} of {planted}");
    }
}
