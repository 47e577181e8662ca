//! Which references of a frame the tables show at which return address.

use enjamb_codegen::{CompileOptions, CompiledModule, compile};
use enjamb_ir::{Opcode, parse_module};
use std::sync::Arc;

const TARGETS: [&str; 2] = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"];

fn compiled(text: &str, target: &str) -> CompiledModule {
    let module = Arc::new(parse_module(text).unwrap_or_else(|errors| panic!("{errors}")));
    let options = CompileOptions {
        target: target.parse().expect("a triple"),
        ..CompileOptions::default()
    };
    compile(module, &options).expect("it compiles")
}

/// For each safepoint, by rising address: function and opcode, and what is live.
fn safepoints(compiled: &CompiledModule) -> Vec<(String, Opcode, Vec<i32>)> {
    let describe = |safepoint: &enjamb_codegen::ModuleSafepoint| {
        let call = compiled.call_at(safepoint.offset).expect("a call");
        let body = compiled.transformed.functions[call.function].body();
        let body = body.expect("a body");
        let slots = compiled.roots_at(safepoint.offset).to_vec();
        (body.name.clone(), body.insts[call.inst].opcode, slots)
    };
    compiled.safepoints.iter().map(describe).collect()
}

const LIST: &str = r#"
import %host = "test" "host" ()
import %yield = "enjamb" "yield" () async
type %list = { value: i64, next: ref }
type %bytes = [i8]
function %f(ref, i64) -> ref, ref {
block0(v0: ref, v1: i64):
    v2 = new %list
    call %host()
    v3 = new_array %bytes, v1
    set_field %list.next, v2, v0
    return v2, v3
}
function %later(ref) -> ref async {
block0(v0: ref):
    call %yield()
    call %host()
    return v0
}
function %none(ref) {
block0(v0: ref):
    call %host()
    v1 = new %list
    return
}
"#;

#[test]
fn live_references_stand_below_the_frame_pointer() {
    for target in TARGETS {
        let found = safepoints(&compiled(LIST, target));
        let entry = |name: &str, opcode, slots: &[i32]| (name.to_string(), opcode, slots.to_vec());
        // What asks the runtime for an object stands behind all other code of the function.
        let expected = [
            entry("f", Opcode::Call, &[-8, -16]),
            entry("f", Opcode::New, &[-8]),
            entry("f", Opcode::NewArray, &[-8, -16]),
            entry("later", Opcode::Call, &[-8]),
            entry("later", Opcode::Call, &[-8]),
        ];
        assert_eq!(found, expected, "{target}");
    }
}

#[test]
fn the_table_is_sorted_and_says_nothing_of_other_places() {
    for target in TARGETS {
        let compiled = compiled(LIST, target);
        let offsets = compiled.safepoints.iter().map(|safepoint| safepoint.offset);
        let offsets: Vec<u32> = offsets.collect();
        assert!(offsets.is_sorted());
        assert!(!offsets.is_empty());
        for offset in 0..compiled.bytes.len() as u32 {
            let is_safepoint = offsets.binary_search(&offset).is_ok();
            assert_eq!(compiled.roots_at(offset).is_empty(), !is_safepoint);
        }
    }
}

#[test]
fn modules_without_object_types_have_no_safepoints() {
    let text = r#"
import %host = "test" "host" ()
function %f(ref) -> ref {
block0(v0: ref):
    call %host()
    return v0
}"#;
    for target in TARGETS {
        let compiled = compiled(text, target);
        assert_eq!(
            (compiled.safepoints.len(), compiled.root_slots.len()),
            (0, 0)
        );
    }
}
