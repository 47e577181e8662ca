//! Programs on fuel through the one interface: both engines use as much and run out in the same place.

use enjamb_engine::{
    Config, Engine, Error, Execution, Fuel, Imports, Instance, Module, TrapCode, Val,
};
use std::sync::{Arc, Mutex};

/// The engines that this host has, with the same settings.
fn engines(fuel: Fuel) -> Vec<Engine> {
    let engine = |execution| match Engine::new(Config::new().execution(execution).fuel(fuel)) {
        Ok(engine) => Some(engine),
        Err(Error::UnsupportedHost(_)) => None,
        Err(error) => panic!("{error}"),
    };
    let both = [Execution::Interpreter, Execution::Jit];
    both.into_iter().filter_map(engine).collect()
}

fn instance(engine: &Engine, text: &str, imports: &Imports) -> Instance {
    let module = Module::from_named_text(engine, "program.enj", text);
    let module = module.unwrap_or_else(|error| panic!("{error}"));
    Instance::new(&module, imports).unwrap_or_else(|error| panic!("{error}"))
}

const COLLATZ: &str = "
function %steps(i64) -> i64 {
block0(v0: i64):
    v1 = iconst.i64 0
    v2 = iconst.i64 1
    v3 = iconst.i64 3
    jump block1(v0, v1)
block1(v4: i64, v5: i64):
    v6 = icmp ule v4, v2
    brif v6, block5, block2
block2:
    v7 = band v4, v2
    brif v7, block3, block4
block3:
    v8 = imul v4, v3
    v9 = iadd v8, v2
    v10 = iadd v5, v2
    jump block1(v9, v10)
block4:
    v11 = ushr v4, v2
    v12 = iadd v5, v2
    jump block1(v11, v12)
block5:
    return v5
}
function %sum(i64) -> i64 async {
block0(v0: i64):
    v1 = iconst.i64 0
    v2 = iconst.i64 1
    jump block1(v0, v1)
block1(v3: i64, v4: i64):
    v5 = call %steps(v3)
    v6 = iadd v4, v5
    v7 = isub v3, v2
    brif v7, block1(v7, v6), block2
block2:
    return v6
}";

/// How a call ends, with the place of a trap, what it uses and what is left.
fn observe(engine: &Engine, function: &str, argument: i64) -> String {
    let instance = instance(engine, COLLATZ, &Imports::new());
    let result = instance.call(function, &[Val::I64(argument)]);
    let ending = match result {
        Ok(values) => format!("{values:?}"),
        Err(Error::Trap(trap)) => {
            format!("{} {:?}", trap.code, trap.location.map(|at| at.position))
        }
        Err(error) => panic!("{error}"),
    };
    let used = instance.stats().unwrap().fuel_used;
    format!("{ending}, {used} used, {} left", instance.fuel().unwrap())
}

#[test]
fn engines_run_out_in_the_same_place() {
    let mut endings = Vec::new();
    for budget in (0..400).step_by(7) {
        let seen: Vec<String> = engines(Fuel::Trap { budget })
            .iter()
            .map(|engine| observe(engine, "sum", 7))
            .collect();
        assert!(seen.iter().all(|other| *other == seen[0]), "{seen:#?}");
        endings.push(seen[0].clone());
    }
    assert!(endings[0].starts_with("out_of_fuel"), "{}", endings[0]);
    let places: Vec<&str> = endings
        .iter()
        .filter_map(|text| text.split(", 0").next())
        .collect();
    let mut distinct: Vec<&&str> = places.iter().collect();
    distinct.dedup();
    assert!(distinct.len() > 20, "{distinct:#?}");
}

#[test]
fn slices_and_debt_agree() {
    for debt in [None, Some(0), Some(30), Some(1000)] {
        for slice in [1, 10, 50, 1000] {
            let seen: Vec<String> = engines(Fuel::Suspend { slice, debt })
                .iter()
                .map(|engine| observe(engine, "sum", 7))
                .collect();
            assert!(seen.iter().all(|other| *other == seen[0]), "{seen:#?}");
            // The longest of the sync calls takes more than a hundred instructions.
            let owes_too_much = slice < 100 && debt.is_some_and(|most| most < 50);
            assert_eq!(
                seen[0].starts_with("out_of_fuel"),
                owes_too_much,
                "{}",
                seen[0]
            );
        }
    }
}

#[test]
fn the_host_gives_more() {
    for engine in engines(Fuel::Trap { budget: 50 }) {
        let instance = instance(&engine, COLLATZ, &Imports::new());
        let steps = instance.func::<(i64,), i64>("steps").unwrap();
        let trap = steps.call((27,)).unwrap_err();
        assert_eq!(trap.trap_code(), Some(TrapCode::OutOfFuel));
        assert!(instance.fuel().unwrap() < 0);
        assert_eq!(
            steps.call((1,)).unwrap_err().trap_code(),
            Some(TrapCode::OutOfFuel)
        );
        instance.set_fuel(10_000).unwrap();
        assert_eq!(steps.call((27,)).unwrap(), 111);
        let left = instance.fuel().unwrap();
        assert!((0..10_000).contains(&left), "{left}");
    }
}

const SPINNER: &str = r#"
import %log = "host" "log" (i64)
function %spin() async {
block0:
    jump block1
block1:
    jump block1
}
function %work(i64) -> i64 async {
block0(v0: i64):
    v1 = iconst.i64 100
    v2 = iconst.i64 1
    jump block1(v1)
block1(v3: i64):
    v4 = isub v3, v2
    brif v4, block1(v4), block2
block2:
    call %log(v0)
    return v0
}
function %main() -> i64 async {
    sig0 = () -> i64
block0:
    v0 = spawn %spin()
    detach v0
    v1 = iconst.i64 1
    v2 = spawn %work(v1)
    v3 = iconst.i64 2
    v4 = call %work(v3)
    v5 = join sig0, v2
    v6 = iadd v4, v5
    return v6
}
"#;

#[test]
fn a_task_that_never_waits_keeps_nobody_from_running() {
    for slice in [1, 17, 300] {
        let mut orders = Vec::new();
        for engine in engines(Fuel::Suspend { slice, debt: None }) {
            let order = Arc::new(Mutex::new(Vec::new()));
            let log = Arc::clone(&order);
            let mut imports = Imports::new();
            imports.func("host", "log", move |number: i64| {
                log.lock().unwrap().push(number)
            });
            let instance = instance(&engine, SPINNER, &imports);
            assert_eq!(instance.call("main", &[]).unwrap(), [Val::I64(3)]);
            let used = instance.stats().unwrap().fuel_used;
            orders.push((order.lock().unwrap().clone(), used));
        }
        assert!(orders.iter().all(|other| *other == orders[0]), "{orders:?}");
    }
}

#[test]
fn a_module_may_have_used_the_names() {
    let text = "
import %out_of_fuel = \"enjamb\" \"out_of_fuel\" () async
function %out_of_fuel_() async {
block0:
    call %out_of_fuel()
    return
}
function %main() -> i64 async {
block0:
    call %out_of_fuel_()
    v0 = iconst.i64 4
    return v0
}";
    for fuel in [
        Fuel::Off,
        Fuel::Suspend {
            slice: 1,
            debt: None,
        },
    ] {
        for engine in engines(fuel) {
            let instance = instance(&engine, text, &Imports::new());
            assert_eq!(instance.call("main", &[]).unwrap(), [Val::I64(4)]);
        }
    }
}

#[test]
fn a_check_of_its_own_does_not_free_a_function_from_fuel() {
    // Where control comes, where it does not, and in a function that is nothing but checks.
    let bodies = [
        "block0:
            v0 = iconst.i64 100000
            v1 = iconst.i64 1
            v2 = fuel_check 0
            jump block1(v0)
        block1(v3: i64):
            v4 = isub v3, v1
            brif v4, block1(v4), block2
        block2:
            return",
        "block0:
            v0 = iconst.i64 100000
            v1 = iconst.i64 1
            jump block1(v0)
        block1(v2: i64):
            v3 = isub v2, v1
            brif v3, block1(v3), block2
        block2:
            return
        block3:
            v4 = fuel_check 0
            return",
        "block0:
            v0 = iconst.i64 100000
            jump block1(v0)
        block1(v1: i64):
            v2 = fuel_check 0
            v3 = fuel_check 0
            v4 = iconst.i64 1
            v5 = isub v1, v4
            brif v5, block1(v5), block2
        block2:
            return",
    ];
    for body in bodies {
        let text = format!("function %main() {{\n{body}\n}}");
        for engine in engines(Fuel::Trap { budget: 1000 }) {
            let instance = instance(&engine, &text, &Imports::new());
            match instance.call("main", &[]) {
                Err(Error::Trap(trap)) => assert_eq!(trap.code, TrapCode::OutOfFuel),
                other => panic!("{other:?}\n{text}"),
            }
        }
    }
}

#[test]
fn what_was_lowered_already_needs_trust_in_every_engine() {
    let text = "function %main() async lowered {
    block0(v0: cont):
        jump block1
    block1:
        jump block1
    }";
    let budget = 1000;
    for engine in engines(Fuel::Trap { budget }) {
        let error = Module::from_text(&engine, text).unwrap_err();
        assert!(matches!(error, Error::Compile(_)), "{error}");
        assert!(error.to_string().contains("%main"), "{error}");
        Module::from_text(&engine, &format!("module trusted\n{text}")).unwrap();
    }
}
