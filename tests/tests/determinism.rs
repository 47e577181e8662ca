//! The same module gives the same bytes: every time, and on every machine that the compiler runs on.
//!
//! `golden/bytes.txt` has, for each area of golden files and each target, the size of all code and a
//! hash of it. These tests run on one machine as programs of both targets, and find the same there.
//! With `ENJAMB_BLESS=1` in the environment the file is written anew.

use enjamb_abi::code::{CodeOptions, RegisterAllocator};
use enjamb_codegen::{CompileOptions, Target, compile};
use enjamb_ir::parse_module;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const ALLOCATORS: [RegisterAllocator; 2] = [
    RegisterAllocator::Backtracking,
    RegisterAllocator::SinglePass,
];

/// The bytes of a module, and where its functions start.
fn bytes(text: &str, target: Target, allocator: RegisterAllocator) -> (Vec<u8>, String) {
    let module = Arc::new(parse_module(text).expect("a golden parses"));
    let options = CompileOptions {
        target: target.triple(),
        code: CodeOptions {
            allocator,
            check: false,
            ..CodeOptions::default()
        },
        verify_passes: false,
    };
    let compiled = compile(module, &options).expect("a golden compiles");
    let tables = format!("{:?}{:?}", compiled.functions, compiled.traps);
    (compiled.bytes, tables)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

/// What stands in a folder, by name.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder of goldens");
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    paths
}

/// The hash of Fowler, Noll and Vo, 64 bits, 1a: the library's own may change with the compiler.
fn hash(mut state: u64, bytes: &[u8]) -> u64 {
    for &byte in bytes {
        state = (state ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    }
    state
}

#[test]
fn every_golden_compiles_to_the_same_bytes_twice() {
    let mut compiled = 0;
    for area in ["async", "call", "float", "memory", "task"] {
        for path in entries(&root().join(area)) {
            let text = fs::read_to_string(&path).expect("a golden is readable");
            for (target, allocator) in pairs() {
                let first = bytes(&text, target, allocator);
                let second = bytes(&text, target, allocator);
                assert!(first == second, "{} for {target}", path.display());
            }
            compiled += 1;
        }
    }
    assert!(compiled > 80, "{compiled} goldens");
}

fn pairs() -> impl Iterator<Item = (Target, RegisterAllocator)> {
    let targets = Target::ALL.into_iter();
    targets.flat_map(|target| ALLOCATORS.map(|allocator| (target, allocator)))
}

#[test]
fn code_is_the_same_on_every_machine() {
    let mut report = String::from("; area target allocator bytes hash\n");
    for area in entries(&root()).iter().filter(|path| path.is_dir()) {
        // Files in there break rules.
        if area.ends_with("error") {
            continue;
        }
        let texts = entries(area);
        let texts = texts
            .iter()
            .map(|path| fs::read_to_string(path).expect("a golden is readable"));
        let texts: Vec<String> = texts.collect();
        for (target, allocator) in pairs() {
            let (mut size, mut state) = (0, 0xcbf2_9ce4_8422_2325);
            for text in &texts {
                let (bytes, tables) = bytes(text, target, allocator);
                size += bytes.len();
                state = hash(hash(state, &bytes), tables.as_bytes());
            }
            let area = area.file_name().unwrap_or_default().to_string_lossy();
            let _ = writeln!(report, "{area} {target} {allocator:?} {size} {state:016x}");
        }
    }
    let path = root().join("bytes.txt");
    if std::env::var_os("ENJAMB_BLESS").is_some_and(|value| value == "1") {
        fs::write(&path, &report).expect("the golden is writable");
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    let differs = report.lines().zip(expected.lines()).find(|(a, b)| a != b);
    assert!(
        report == expected,
        "golden/bytes.txt is stale ({differs:?}); cargo xtask bless rewrites it"
    );
}
