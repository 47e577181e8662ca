//! No page is writable and executable at once while compiled code runs, and none of its pages stays.
//!
//! One test in a process of its own: what others map meanwhile would be counted here.
#![cfg(all(
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_os = "linux"
))]

use enjamb_codegen::{CompileOptions, compile};
use enjamb_ir::{Val, parse_module};
use enjamb_runtime::{Imports, Instance, LoadedModule, Options};
use std::fs;
use std::sync::{Arc, Mutex};

const PROGRAM: &str = r#"
import %look = "host" "look" ()
import %yield = "enjamb" "yield" () async
memory %heap 1..4

function %main(i64) -> i64 async {
block0(v0: i64):
    call %look()
    call %yield()
    call %look()
    v1 = memory_grow %heap, v0
    call %look()
    return v1
}
"#;

/// Lines of the process map with both permissions, and the number of executable ones.
fn look() -> (Vec<String>, usize) {
    let map = fs::read_to_string("/proc/self/maps").expect("the process map");
    let permissions = |line: &str| line.split_whitespace().nth(1).unwrap_or("").to_string();
    let both = |line: &&str| permissions(line).contains('w') && permissions(line).contains('x');
    let executable = map.lines().filter(|line| permissions(line).contains('x'));
    let offending = map.lines().filter(both).map(str::to_string).collect();
    (offending, executable.count())
}

#[test]
fn no_page_is_writable_and_executable_while_code_runs() {
    let before = look().1;
    let module = Arc::new(parse_module(PROGRAM).expect("the program parses"));
    let compiled = compile(module, &CompileOptions::default()).expect("it compiles");
    let loaded = LoadedModule::new(Arc::new(compiled)).expect("it loads");
    let main = loaded.module().function_named("main").expect("main");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let mut imports = Imports::new();
    let record = Arc::clone(&seen);
    imports.define_sync("host", "look", move |_, _| {
        record.lock().expect("nobody panicked").push(look());
        Ok(Vec::new())
    });
    let mut instance = Instance::new(loaded, imports, Options::default()).expect("an instance");
    let result = instance.call(main, &[Val::I64(1)]).expect("it runs");
    assert_eq!(result, [Val::I64(1)]);
    let seen = seen.lock().expect("nobody panicked");
    assert_eq!(seen.len(), 3);
    for (offending, executable) in seen.iter() {
        assert_eq!(offending, &Vec::<String>::new());
        assert!(*executable > before, "the code is mapped while it runs");
    }
    drop(instance);
    assert_eq!(look().1, before, "the code goes with the last that uses it");
}
