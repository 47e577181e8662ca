//! Objects, and the collector, which needs memory to copy them to.

use crate::support::{Faults, sweep};
use enjamb::{Config, Engine, Error, Execution, Imports, Instance, Module, ObjectError, TrapCode};

/// A list of numbers whose arrays are garbage but for the last one.
const PROGRAM: &str = r#"
type %cell = { next: ref, value: i64 }
type %bytes = [i8]

function %main(i64, i64) -> i64 {
block0(v0: i64, v1: i64):
    v2 = null.ref
    jump block1(v0, v2)
block1(v3: i64, v4: ref):
    v5 = new %cell
    set_field %cell.next, v5, v4
    set_field %cell.value, v5, v3
    v6 = new_array %bytes, v1
    v7 = iconst.i64 1
    v8 = isub v3, v7
    brif v8, block1(v8, v5), block2
block2:
    v9 = iconst.i64 0
    jump block3(v5, v9)
block3(v10: ref, v11: i64):
    v12 = get_field.i64 %cell.value, v10
    v13 = iadd v11, v12
    v14 = get_field.ref %cell.next, v10
    v15 = is_null v14
    brif v15, block4, block3(v14, v13)
block4:
    v16 = array_length %bytes, v6
    v17 = iadd v13, v16
    return v17
}
"#;

fn module(config: Config) -> Module {
    let engine = Engine::new(config).unwrap();
    Module::from_text(&engine, PROGRAM)
        .unwrap_or_else(|error| panic!("{}", error.render("faults", PROGRAM, false)))
}

fn call(instance: &Instance, arguments: (i64, i64)) -> Result<i64, Error> {
    let main = instance.func::<(i64, i64), i64>("main").unwrap();
    main.call(arguments)
}

#[test]
fn each_piece_of_a_heap_in_turn_cannot_be_had() {
    let interpreted = module(Config::new().execution(Execution::Interpreter));
    let interpreted = Instance::new(&interpreted, &Imports::new()).unwrap();
    // Small objects in few chunks, everything moving; and many that are chunks of their own.
    for (stress, arguments) in [(true, (12, 40)), (false, (300, 9000))] {
        let expected = call(&interpreted, arguments).unwrap();
        let faults = Faults::default();
        let module = module(Config::new().gc_stress(stress).blocks(faults.clone()));
        let mut ends = [0, 0];
        let points = sweep(|plan| {
            let what = format!("{plan:?}, {arguments:?}");
            let instance = Instance::new(&module, &Imports::new()).unwrap();
            faults.begin(plan);
            let outcome = call(&instance, arguments);
            let was_refused = faults.end() > 0;
            ends[usize::from(outcome.is_ok())] += 1;
            match outcome {
                // A collection that was not possible is one that was not needed.
                Ok(result) => assert_eq!(result, expected, "{what}"),
                Err(Error::Trap(trap)) => {
                    assert!(was_refused, "{what}");
                    assert_eq!(trap.code, TrapCode::OutOfMemory, "{what}");
                    let message = trap.message.unwrap_or_default();
                    assert!(
                        message.starts_with("the heap has no memory for `%"),
                        "{message}"
                    );
                    let place = trap.location.map(|place| place.function);
                    assert_eq!(place.as_deref(), Some("main"), "{what}");
                }
                Err(error) => panic!("{what}: {error}"),
            }
            assert_eq!(
                call(&instance, arguments).unwrap(),
                expected,
                "{what}: afterwards"
            );
            drop(instance);
            assert_eq!(faults.live(), 0, "{what}");
            was_refused
        });
        assert!(
            points > 10 && ends[0] > 0 && ends[1] > 2,
            "{points}, {ends:?}"
        );
    }
}

#[test]
fn the_host_is_told_that_there_is_no_memory_for_an_object() {
    let faults = Faults::default();
    let module = module(Config::new().blocks(faults.clone()));
    let points = sweep(|plan| {
        let instance = Instance::new(&module, &Imports::new()).unwrap();
        let objects = instance.objects();
        faults.begin(plan);
        let made = objects.new_array("bytes", 100_000);
        let was_refused = faults.end() > 0;
        let refused = matches!(made, Err(Error::Object(ObjectError::OutOfMemory)));
        assert!(refused || made.is_ok());
        let again = objects.new_array("bytes", 100_000).unwrap();
        assert_eq!(objects.array_length(again).unwrap(), 100_000);
        drop((objects, instance));
        assert_eq!(faults.live(), 0);
        was_refused
    });
    assert!(points >= 1);
}
