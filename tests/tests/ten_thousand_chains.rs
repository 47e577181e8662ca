//! Ten thousand chains of a hundred frames with twelve references each lie suspended while everything is
//! collected: twelve million roots, in a million continuations.
//!
//! Where the processor is emulated, a tenth of that.
#![cfg(all(
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_os = "linux"
))]

use enjamb_codegen::{CompileOptions, compile};
use enjamb_ir::{Val, parse_module};
use enjamb_runtime::{Imports, Instance, LoadedModule, Options};
use std::sync::Arc;

/// `%main(chains, depth)` gives the number of frames and the sum of what their references hold.
const PROGRAM: &str = include_str!("../golden/reference/twelve_per_frame_of_many_chains.enj");

/// The sum of the numbers that a frame's references hold.
const SUM_OF_A_FRAME: i64 = 12 * 13 / 2;

#[test]
fn twelve_references_in_each_frame_of_many_chains() {
    let chains = match std::env::var_os("ENJAMB_EMULATOR") {
        Some(_) => 1000,
        None => 10_000,
    };
    let depth = 100;
    let module = Arc::new(parse_module(PROGRAM).expect("the golden parses"));
    let main = module.function_named("main").expect("there is a main");
    let compiled = compile(module, &CompileOptions::default()).expect("it compiles");
    let loaded = LoadedModule::new(Arc::new(compiled)).expect("it loads");
    let options = Options {
        heap_limit: 1 << 30,
        ..Options::default()
    };
    let instance = Instance::new(loaded, Imports::new(), options);
    let mut instance = instance.expect("an instance");
    let results = instance.call(main, &[Val::I64(chains), Val::I64(depth)]);
    let frames = chains * depth;
    let expected = [Val::I64(frames), Val::I64(frames * SUM_OF_A_FRAME)];
    assert_eq!(results.expect("it returns"), expected);
    let objects = instance.objects();
    objects.collect().expect("there is a heap");
    let statistics = objects.heap_statistics().expect("there is a heap");
    assert!(statistics.collections >= 3, "{statistics:?}");
    // The array of tasks is gone, too.
    assert_eq!(statistics.objects, 0);
    // Each of the two collections in between has moved all that lived.
    let least = 2 * 12 * 16 * frames as u64;
    assert!(statistics.bytes_moved >= least, "{statistics:?}");
}
