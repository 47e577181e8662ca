//! Pages: code, and linear memories. Blocks of instances.

use crate::support::{Faults, Plan, REASON, sweep};
use enjamb::memory::Pages;
use enjamb::{Config, Engine, Error, Imports, Instance, Module, SharedMemory};
use std::sync::Arc;

const PROGRAM: &str = r#"
memory %heap 1..4
memory %empty 0..4
data %bytes = %heap[8] "\2a"
function %main(i64) -> i64 {
block0(v0: i64):
    v1 = memory_grow %heap, v0
    return v1
}
function %answer() -> i64 {
block0:
    v0 = iconst.i64 8
    v1 = load.i64 %heap[v0]
    return v1
}
function %indirect() -> i64 {
    sig0 = () -> i64
block0:
    v0 = func_addr %answer
    v1 = call_indirect sig0, v0()
    return v1
}
"#;

fn answer(instance: &Instance) -> i64 {
    let answer = instance.func::<(), i64>("answer").unwrap();
    answer.call(()).unwrap()
}

fn grow(instance: &Instance, by: i64) -> i64 {
    let main = instance.func::<(i64,), i64>("main").unwrap();
    main.call((by,)).unwrap()
}

/// Checks what something that was refused says.
fn check(error: &str, parts: &[&str]) {
    let missing = parts.iter().find(|&&part| !error.contains(part));
    assert_eq!(missing, None, "{error}");
}

#[test]
fn a_module_whose_code_gets_no_pages_is_an_error() {
    for debug_info in [false, true] {
        let faults = Faults::default();
        let config = Config::new().pages(faults.clone()).debug_info(debug_info);
        let engine = Engine::new(config).unwrap();
        let mut reasons = Vec::new();
        let points = sweep(|plan| {
            faults.begin(plan);
            let module = Module::from_text(&engine, PROGRAM);
            let was_refused = faults.end() > 0;
            match &module {
                Ok(module) => {
                    assert!(!was_refused);
                    let instance = Instance::new(module, &Imports::new()).unwrap();
                    assert_eq!(answer(&instance), 42);
                }
                Err(Error::Load(reason)) => {
                    assert!(was_refused);
                    check(reason, &["bytes", "code", REASON]);
                    reasons.push(reason.clone());
                }
                Err(error) => panic!("{error}"),
            }
            drop(module);
            assert_eq!(faults.live(), 0);
            was_refused
        });
        assert_eq!(points, 2, "pages, and their access");
        check(&reasons[0], &["mapping"]);
        check(&reasons[1], &["access"]);
    }
}

#[test]
fn an_instance_whose_memories_get_no_pages_is_an_error() {
    let faults = Faults::default();
    let engine = Engine::new(Config::new().pages(faults.clone())).unwrap();
    let module = Module::from_text(&engine, PROGRAM).unwrap();
    let code = faults.live();
    let points = sweep(|plan| {
        faults.begin(plan);
        let instance = Instance::new(&module, &Imports::new());
        let was_refused = faults.end() > 0;
        match &instance {
            Ok(instance) => assert!(!was_refused && answer(instance) == 42),
            Err(Error::Instantiate(reason)) => {
                assert!(was_refused);
                let name = if plan == Plan::Only(3) {
                    "`%empty`"
                } else {
                    "memory `%"
                };
                check(reason, &[name, "bytes", REASON]);
            }
            Err(error) => panic!("{error}"),
        }
        drop(instance);
        assert_eq!(faults.live(), code);
        was_refused
    });
    assert_eq!(points, 3, "address space for two memories, and a page");
}

#[test]
fn an_instance_that_gets_no_blocks_is_an_error() {
    let faults = Faults::default();
    let engine = Engine::new(Config::new().blocks(faults.clone())).unwrap();
    let module = Module::from_text(&engine, PROGRAM).unwrap();
    let points = sweep(|plan| {
        faults.begin(plan);
        let instance = Instance::new(&module, &Imports::new());
        let was_refused = faults.end() > 0;
        match &instance {
            Ok(instance) => assert!(!was_refused && answer(instance) == 42),
            Err(Error::Instantiate(reason)) => check(reason, &["context block", "bytes"]),
            Err(error) => panic!("{error}"),
        }
        drop(instance);
        assert_eq!(faults.live(), 0);
        was_refused
    });
    assert_eq!(points, 1);
}

#[test]
fn a_memory_that_gets_no_pages_stays_as_large_as_it_is() {
    let faults = Faults::default();
    let engine = Engine::new(Config::new().pages(faults.clone())).unwrap();
    let module = Module::from_text(&engine, PROGRAM).unwrap();
    let instance = Instance::new(&module, &Imports::new()).unwrap();
    let memory = instance.memory("heap").unwrap();
    faults.begin(Plan::From(1));
    assert_eq!((grow(&instance, 1), grow(&instance, 0)), (-1, 1));
    assert_eq!(faults.end(), 1);
    assert_eq!((memory.size().unwrap(), answer(&instance)), (1 << 16, 42));
    assert_eq!((grow(&instance, 3), grow(&instance, 1)), (1, -1));
    assert_eq!((memory.size().unwrap(), answer(&instance)), (4 << 16, 42));
    drop((memory, instance, module));
    assert_eq!(faults.live(), 0);
}

#[test]
fn a_shared_memory_that_gets_no_pages_is_an_error() {
    let faults = Faults::default();
    let pages: Arc<dyn Pages> = Arc::new(faults.clone());
    let points = sweep(|plan| {
        faults.begin(plan);
        let memory = SharedMemory::of_pages(&pages, 1, 3);
        let was_refused = faults.end() > 0;
        match memory {
            Ok(memory) => {
                faults.begin(Plan::From(1));
                assert!(memory.grow(1).is_err() && faults.end() == 1);
                memory.write(0, &[1; 1 << 16]).unwrap();
                assert!(memory.write(1, &[1; 1 << 16]).is_err());
                assert_eq!(memory.grow(2).unwrap(), 1);
                memory.write(1, &[1; 1 << 16]).unwrap();
            }
            Err(Error::Instantiate(reason)) => check(&reason, &["bytes", REASON]),
            Err(error) => panic!("{error}"),
        }
        assert_eq!(faults.live(), 0);
        was_refused
    });
    assert_eq!(points, 2);
}

#[test]
fn a_function_whose_new_code_gets_no_pages_stays_what_it_is() {
    let faults = Faults::default();
    let config = Config::new().replaceable(true).pages(faults.clone());
    let engine = Engine::new(config).unwrap();
    // Another signature: the code that the module has does not fit the instance.
    let new = PROGRAM.replace(
        "sig0 = () -> i64",
        "sig0 = () -> f64\n    sig1 = (i64) -> i64",
    );
    let new = new.replace("func_addr %answer", "func_addr %main");
    let new = new.replace(
        "v1 = call_indirect sig0, v0()",
        "v2 = iconst.i64 0\n    v1 = call_indirect sig1, v0(v2)",
    );
    let indirect = |instance: &Instance| {
        let function = instance.func::<(), i64>("indirect").unwrap();
        function.call(()).unwrap()
    };
    let points = sweep(|plan| {
        let module = Module::from_text(&engine, PROGRAM).unwrap();
        let instance = Instance::new(&module, &Imports::new()).unwrap();
        let new = Module::from_text(&engine, &new).unwrap();
        let before = faults.live();
        faults.begin(plan);
        let replaced = instance.replace("indirect", &new);
        let was_refused = faults.end() > 0;
        assert_eq!(replaced.is_err(), was_refused, "{replaced:?}");
        if let Err(error) = replaced {
            check(&error.to_string(), &["code", REASON]);
            assert_eq!((indirect(&instance), faults.live()), (42, before));
            instance.replace("indirect", &new).unwrap();
        }
        assert_eq!(indirect(&instance), 1, "pages of the memory");
        drop((instance, module, new));
        assert_eq!(faults.live(), 0);
        was_refused
    });
    assert_eq!(points, 2);
}
