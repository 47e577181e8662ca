//! Where a trap says that it happened, and that an address of code means one place only.
#![cfg(all(
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_os = "linux"
))]

use enjamb_codegen::{CompileOptions, CompiledModule, compile};
use enjamb_interp::Error;
use enjamb_ir::{Val, parse_module};
use enjamb_runtime::{Imports, Instance, LoadedModule, Options};
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// Traps before and behind suspensions, in callees and callers, at the entry of a dispatched chain
/// and at its end.
const PROGRAM: &str = r#"
file0 = "places.lang"
import %yield = "enjamb" "yield" () async

function %main(i64, i64) -> i64 async {
block0(v0: i64, v1: i64):
    v2 = call %middle(v0, v1) @ file0:1:1
    v3 = iconst.i64 3
    v4 = icmp eq v1, v3
    brif v4, block1, block2
block1:
    v5 = sdiv v2, v0 @ file0:2:2
    return v5
block2:
    return v2
}

function %middle(i64, i64) -> i64 async {
block0(v0: i64, v1: i64):
    v2 = call %inner(v0, v1) @ file0:3:3
    call %yield()
    v3 = iconst.i64 2
    v4 = icmp eq v1, v3
    brif v4, block1, block2
block1:
    v5 = srem v2, v0 @ file0:4:4
    return v5
block2:
    return v2
}

function %inner(i64, i64) -> i64 async {
block0(v0: i64, v1: i64):
    brif v1, block1, block2
block1:
    call %yield()
    v2 = iconst.i64 1
    v3 = icmp eq v1, v2
    brif v3, block2, block3
block2:
    v4 = udiv v1, v0 @ file0:5:5
    return v4
block3:
    return v1
}
"#;

fn compiled(text: &str) -> CompiledModule {
    let module = Arc::new(parse_module(text).expect("the program parses"));
    compile(module, &CompileOptions::default()).expect("it compiles")
}

#[test]
fn a_trap_names_function_and_position() {
    let module = parse_module(PROGRAM).expect("the program parses");
    let loaded = LoadedModule::new(Arc::new(compiled(PROGRAM))).expect("it loads");
    let main = module.function_named("main").expect("a function");
    for (which, function, line) in [
        (0, "inner", 5),
        (1, "inner", 5),
        (2, "middle", 4),
        (3, "main", 2),
    ] {
        let args = [Val::I64(0), Val::I64(which)];
        let options = enjamb_interp::Options::default();
        let mut interpreter =
            enjamb_interp::Instance::new(&module, enjamb_interp::Imports::new(), options)
                .expect("an instance");
        let Err(Error::Trap(trap)) = interpreter.call("main", &args) else {
            panic!("the interpreter does not trap");
        };
        let location = trap.location.as_ref().expect("a place");
        let position = location.position.clone().expect("a position");
        assert_eq!((location.function.as_str(), position.1), (function, line));

        let instance = Instance::new(Arc::clone(&loaded), Imports::new(), Options::default());
        let error = instance.expect("an instance").call(main, &args);
        let error = error.expect_err("machine code traps");
        let trap = error.trap().expect("a trap");
        assert_eq!(trap.function_name.as_deref(), Some(function));
        assert_eq!(trap.position.map(|position| position.line), Some(line));
    }
}

#[test]
fn an_address_means_one_place() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/async");
    for entry in fs::read_dir(root).expect("the goldens") {
        let path = entry.expect("a file").path();
        let compiled = compiled(&fs::read_to_string(&path).expect("a golden is readable"));
        let mut addresses: Vec<u32> = compiled.traps.iter().map(|trap| trap.offset).collect();
        addresses.extend(compiled.calls.iter().map(|call| call.offset));
        let all = addresses.len();
        addresses.sort_unstable();
        addresses.dedup();
        assert_eq!(addresses.len(), all, "{}", path.display());
    }
}
