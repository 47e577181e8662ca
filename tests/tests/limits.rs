//! A chain of continuations against the memory limit of its instance: the task ends with a trap, what
//! was built of the chain is freed, and the instance goes on (M14).
#![cfg(all(
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_os = "linux"
))]

use enjamb_abi::code::CodeOptions;
use enjamb_codegen::{CompileOptions, compile};
use enjamb_ir::{Module, TrapCode, Val, parse_module};
use enjamb_runtime::{Imports, Instance, LoadedModule, Options};
use std::sync::Arc;

/// Every activation keeps four kilobytes alive across its suspension.
const PROGRAM: &str = r#"
import %yield = "enjamb" "yield" () async

function %main(i64) -> i64 async {
    ss0 = slot 4096 align 8
block0(v0: i64):
    store ss0[0], v0
    brif v0, block1, block2
block1:
    v1 = iconst.i64 -1
    v2 = iadd v0, v1
    v3 = call %main(v2)
    v4 = load.i64 ss0[0]
    v5 = load.i64 ss0[4088]
    v6 = iadd v3, v4
    v7 = iadd v6, v5
    return v7
block2:
    call %yield()
    return v0
}

function %many(i64) -> i64 async {
block0(v0: i64):
    jump block1(v0)
block1(v1: i64):
    v2 = iconst.i64 10
    v3 = spawn %main(v2)
    v4 = is_done v3
    v5 = iconst.i64 -1
    v6 = iadd v1, v5
    brif v4, block2, block3
block3:
    brif v6, block1(v6), block2
block2:
    return v1
}
"#;

const LIMIT: u64 = 200 << 10;

fn module() -> Module {
    parse_module(PROGRAM).expect("the program parses")
}

fn instance() -> Instance {
    let options = CompileOptions {
        code: CodeOptions {
            count: true,
            ..CodeOptions::default()
        },
        ..CompileOptions::default()
    };
    let compiled = compile(Arc::new(module()), &options).expect("it compiles");
    let loaded = LoadedModule::new(Arc::new(compiled)).expect("it loads");
    let options = Options {
        continuation_limit: LIMIT,
        count: true,
        ..Options::default()
    };
    Instance::new(loaded, Imports::new(), options).expect("an instance")
}

#[test]
fn a_chain_that_is_too_long_ends_its_task_in_machine_code() {
    let mut instance = instance();
    let main = module().function_named("main").expect("a function");
    for _ in 0..3 {
        let error = instance.call(main, &[Val::I64(100)]);
        let error = error.expect_err("it needs 400 kilobytes");
        assert_eq!(
            error.trap().map(|trap| trap.code),
            Some(TrapCode::OutOfMemory)
        );
        assert_eq!(instance.stats().continuations_live, 0);
        let results = instance.call(main, &[Val::I64(10)]);
        assert_eq!(results.expect("40 kilobytes are there"), [Val::I64(55)]);
    }
}

#[test]
fn tasks_that_are_too_many_end_and_the_others_go_on() {
    let mut instance = instance();
    let many = module().function_named("many").expect("a function");
    let results = instance.call(many, &[Val::I64(100)]);
    let [Val::I64(left)] = results.expect("it goes on")[..] else {
        panic!("one result");
    };
    // Of tasks of 40 kilobytes four fit; the fifth ends at once.
    assert_eq!(left, 96);
    instance.drop_tasks();
    assert_eq!(instance.stats().continuations_live, 0);
}

#[test]
fn a_chain_that_is_too_long_ends_its_task_in_the_interpreter() {
    let module = module();
    let options = enjamb_interp::Options {
        memory_limit: LIMIT as usize,
        ..enjamb_interp::Options::default()
    };
    let instance = enjamb_interp::Instance::new(&module, enjamb_interp::Imports::new(), options);
    let mut instance = instance.expect("an instance");
    let error = instance.call("main", &[Val::I64(100)]);
    let code = error.expect_err("it needs 400 kilobytes").trap_code();
    assert_eq!(code, Some(TrapCode::OutOfMemory));
    let results = instance.call("main", &[Val::I64(10)]);
    assert_eq!(results.expect("40 kilobytes are there"), [Val::I64(55)]);
}
