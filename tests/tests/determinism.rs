//! The same module gives the same bytes, every time and under every setting.

use enjamb_abi::code::{CodeOptions, RegisterAllocator};
use enjamb_codegen::{CompileOptions, compile};
use enjamb_ir::parse_module;
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// The bytes of a module, and where its functions start.
fn bytes(text: &str, allocator: RegisterAllocator) -> (Vec<u8>, String) {
    let module = Arc::new(parse_module(text).expect("a golden parses"));
    let options = CompileOptions {
        target: "x86_64-unknown-linux-gnu".parse().expect("a triple"),
        code: CodeOptions {
            allocator,
            ..CodeOptions::default()
        },
        verify_passes: false,
    };
    let compiled = compile(module, &options).expect("a golden compiles");
    let tables = format!("{:?}{:?}", compiled.functions, compiled.traps);
    (compiled.bytes, tables)
}

#[test]
fn every_golden_compiles_to_the_same_bytes_twice() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let mut compiled = 0;
    for area in ["async", "call", "float", "memory", "task"] {
        for entry in fs::read_dir(root.join(area)).expect("an area of goldens") {
            let path = entry.expect("a file").path();
            let text = fs::read_to_string(&path).expect("a golden is readable");
            for allocator in [
                RegisterAllocator::Backtracking,
                RegisterAllocator::SinglePass,
            ] {
                let first = bytes(&text, allocator);
                assert!(first == bytes(&text, allocator), "{}", path.display());
            }
            compiled += 1;
        }
    }
    assert!(compiled > 80, "{compiled} goldens");
}
