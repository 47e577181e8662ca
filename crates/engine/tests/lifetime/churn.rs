//! Modules that come and go leave nothing behind.

use crate::support::*;
use enjamb_engine::{Config, Engine, Instance, Module, Val};
use std::collections::VecDeque;
use std::fmt::Write;
use std::path::PathBuf;

/// Modules per run, and how many of them are there at once.
const MODULES: usize = if cfg!(debug_assertions) { 100 } else { 10_000 };
const ALIVE: usize = 8;
/// What may be left in the end.
const GROWTH: i64 = 8 << 20;

/// Bytes of memory that the process has, and how many mappings.
fn resident() -> (i64, i64) {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: i64 = statm.split(' ').nth(1).unwrap().parse().unwrap();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    (pages * 4096, maps.lines().count() as i64)
}

/// The program with functions that make code of one to three pages.
fn text_of(number: usize) -> String {
    let mut text = PROGRAM.to_string();
    for function in 0..number {
        let _ = writeln!(
            text,
            "function %more{function}(i64) -> i64 {{\nblock0(v0: i64):"
        );
        for value in 1..200 {
            let before = value - 1;
            let _ = writeln!(text, "    v{value} = imul v{before}, v0");
        }
        text += "    return v199\n}\n";
    }
    text
}

/// What the process has more than it had.
fn check_growth((bytes, mappings): (i64, i64), what: &str) {
    let (bytes_then, mappings_then) = resident();
    let (bytes, mappings) = (bytes_then - bytes, mappings_then - mappings);
    println!("{MODULES} {what}: {bytes} bytes, {mappings} mappings more");
    assert!(mappings < 40, "{mappings} mappings are left");
    // Under an emulator the process has the memory of that one, which keeps what it has translated.
    if cfg!(target_arch = "x86_64") {
        assert!(bytes < GROWTH, "{bytes} bytes are left");
    }
}

/// Compiles modules, lets each wait once, and drops them, not in the order in which they were made.
fn churn(config: Config) {
    let before = Engine::code_in_use();
    let texts: Vec<String> = (0..4).map(text_of).collect();
    let run = |modules: usize| {
        let mut alive = VecDeque::new();
        for number in 0..modules {
            let engine = Engine::new(config.clone()).unwrap();
            let module = Module::from_text(&engine, &texts[number * 3 % 4]).unwrap();
            let gate = Gate::default();
            let instance = Instance::new(&module, &gate.imports()).unwrap();
            let call = suspended(instance.call_async("main", &[Val::I64(1)]).unwrap());
            alive.push_back((module, instance, call, gate));
            if alive.len() > ALIVE {
                alive.swap_remove_back(number * 3 % ALIVE);
            }
        }
        let pieces = pieces_since(before);
        drop(alive);
        assert_eq!(pieces, ALIVE as u64);
    };
    // What is made once is there then.
    run(4 * ALIVE);
    let at_first = resident();
    run(MODULES);
    assert_eq!(Engine::code_in_use(), before);
    check_growth(at_first, "modules");
}

#[test]
fn modules_leave_no_memory_behind() {
    let _alone = alone();
    churn(Config::new());
}

#[test]
fn modules_that_were_announced_leave_no_memory_behind() {
    let _alone = alone();
    churn(Config::new().debug_info(true).perf_map(true));
    let map = PathBuf::from(format!("/tmp/perf-{}.map", std::process::id()));
    std::fs::remove_file(map).unwrap();
}

#[test]
fn functions_that_are_replaced_leave_no_memory_behind() {
    let _alone = alone();
    let before = Engine::code_in_use();
    let config = Config::new().replaceable(true).debug_info(true);
    let texts = [1, 2].map(|factor| {
        let returned = format!("v4 = iconst.i64 {factor}\n v5 = imul v3, v4\n return v5");
        PROGRAM.replacen("return v3", &returned, 1)
    });
    let gate = Gate::default();
    let instance = Instance::new(&module(config.clone()), &gate.imports()).unwrap();
    let run = |replacements: usize| {
        let mut calls = VecDeque::new();
        for number in 0..replacements {
            let engine = Engine::new(config.clone()).unwrap();
            let new = Module::from_text(&engine, &texts[number % 2]).unwrap();
            instance.replace("twice", &new).unwrap();
            calls.push_back(suspended(
                instance.call_async("twice", &[Val::I64(1)]).unwrap(),
            ));
            if calls.len() > ALIVE {
                calls.swap_remove_back(number * 3 % ALIVE);
            }
            gate.wakers.lock().unwrap().clear();
        }
        // That of the instance, those that calls wait in, and the one whose call went last.
        assert!(pieces_since(before) <= ALIVE as u64 + 2);
    };
    run(4 * ALIVE);
    let at_first = resident();
    run(MODULES);
    assert_eq!(pieces_since(before), 2);
    check_growth(at_first, "replacements");
}
