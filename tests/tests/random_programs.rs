//! Random programs and random texts, for about a second each. The fuzz targets under `fuzz/` do the
//! same for as long as one likes, and so does `ENJAMB_SECONDS=600 cargo test --test random_programs`.

use enjamb_gen::{Choices, bytes_of_seed};
use enjamb_ir::Schedule;
use enjamb_tests::differential::{check_compiles, check_fuel, check_program, check_text};
use enjamb_tests::engines::{Engine, Interpreter};
use enjamb_tests::observed::{Call, Ending};
use enjamb_tests::tables;
use std::time::{Duration, Instant};

/// Seeds that are tried however slow the machine is.
const LEAST: u64 = 8;

/// Seeds for as long as a test goes on: 1.5 seconds, or `ENJAMB_SECONDS` of the environment. They
/// begin at 1, or at `ENJAMB_SEED`.
fn seeds() -> impl Iterator<Item = u64> {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let first = number("ENJAMB_SEED").unwrap_or(1);
    let time = number("ENJAMB_SECONDS").map_or(Duration::from_millis(1500), Duration::from_secs);
    let end = Instant::now() + time;
    (first..).take_while(move |seed| {
        let goes_on = seed - first < LEAST || Instant::now() < end;
        if !goes_on {
            println!("{} seeds", seed - first);
        }
        goes_on
    })
}

#[test]
fn engines_agree() {
    for seed in seeds() {
        if let Err(reason) = check_program(&bytes_of_seed(seed)) {
            panic!("ENJAMB_SEED={seed}: {reason}");
        }
    }
}

#[test]
fn engines_run_out_of_fuel_in_the_same_place() {
    for seed in seeds() {
        if let Err(reason) = check_fuel(&bytes_of_seed(seed)) {
            panic!("ENJAMB_SEED={seed}: {reason}");
        }
    }
}

#[test]
fn every_program_is_valid() {
    for seed in seeds() {
        if let Err(error) = enjamb_gen::program(&bytes_of_seed(seed)) {
            panic!("ENJAMB_SEED={seed}: {error}");
        }
    }
}

/// A program with a few bytes of its text changed.
fn damaged(seed: u64) -> Option<String> {
    let bytes = bytes_of_seed(seed);
    let program = enjamb_gen::program(&bytes).ok()?;
    let mut text = program.module.to_string().into_bytes();
    let changes = bytes_of_seed(!seed);
    let mut choices = Choices::new(&changes);
    for _ in 0..choices.between(1, 4) {
        let at = choices.below(text.len());
        match choices.below(3) {
            0 => text[at] = choices.of(b"0123456789vbi%(){}[]:,.=-@ \n\"\xff"),
            1 => drop(text.remove(at)),
            _ => {
                let from = choices.below(text.len());
                let end = (from + choices.between(1, 30)).min(text.len());
                let piece = text[from..end].to_vec();
                text.splice(at..at, piece);
            }
        }
    }
    String::from_utf8(text).ok()
}

#[test]
fn damaged_texts_get_an_answer() {
    for (seed, text) in seeds().filter_map(|seed| Some((seed, damaged(seed)?))) {
        if let Err(reason) = check_text(&text) {
            panic!("ENJAMB_SEED={seed}: {reason}\n{text}");
        }
    }
}

#[test]
fn what_the_verifier_accepts_compiles() {
    for (seed, text) in seeds().filter_map(|seed| Some((seed, damaged(seed)?))) {
        if let Err(reason) = check_compiles(&text) {
            panic!("ENJAMB_SEED={seed}: {reason}\n{text}");
        }
    }
}

#[test]
fn tables_say_what_the_code_does() {
    for seed in seeds() {
        if let Err(reason) = tables::check_program(&bytes_of_seed(seed)) {
            panic!("ENJAMB_SEED={seed}: {reason}");
        }
    }
}

#[test]
fn collectors_are_told_of_every_reference() {
    for seed in seeds() {
        if let Err(reason) = tables::check_references(&bytes_of_seed(seed)) {
            panic!("ENJAMB_SEED={seed}: {reason}");
        }
    }
}

#[test]
fn debuggers_find_out_of_every_frame() {
    for seed in seeds() {
        if let Err(reason) = tables::check_debug(&bytes_of_seed(seed)) {
            panic!("ENJAMB_SEED={seed}: {reason}");
        }
    }
}

/// Random programs are of use if most of them suspend, and if they end in different ways.
#[test]
fn programs_suspend_and_return() {
    const PROGRAMS: u64 = 60;
    let (mut returned, mut suspended) = (0, 0);
    for seed in 1..=PROGRAMS {
        let program = enjamb_gen::program(&bytes_of_seed(seed)).expect("a program");
        let engine = Interpreter::new("the interpreter".to_string(), program.module, false);
        let call = Call {
            function: program.function,
            args: program.args,
        };
        let (observed, stats) = engine.run(&[call], Schedule::Always).expect("an instance");
        returned += u64::from(matches!(observed.calls[0].1, Ending::Results(_)));
        suspended += u64::from(
            stats
                .iter()
                .any(|(name, count)| *name == "suspensions" && *count > 0),
        );
    }
    println!("{returned} of {PROGRAMS} return, {suspended} suspend");
    assert!(
        returned > PROGRAMS / 3 && returned < PROGRAMS,
        "{returned} return"
    );
    assert!(suspended > PROGRAMS / 3, "{suspended} suspend");
}
