//! Random programs and random texts, for about a second each. The fuzz targets under `fuzz/` do the
//! same for as long as one likes, and so does `ENJAMB_SECONDS=600 cargo test --test random_programs`.

use enjamb_tests::differential::{check_compiles, check_program, check_text};
use enjamb_tests::generate::{self, Choices, bytes_of_seed};
use std::time::{Duration, Instant};

/// Seeds for as long as a test goes on: 1.5 seconds, or `ENJAMB_SECONDS` of the environment. They
/// begin at 1, or at `ENJAMB_SEED`.
fn seeds() -> impl Iterator<Item = u64> {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let first = number("ENJAMB_SEED").unwrap_or(1);
    let time = number("ENJAMB_SECONDS").map_or(Duration::from_millis(1500), Duration::from_secs);
    let end = Instant::now() + time;
    (first..).take_while(move |seed| {
        let goes_on = Instant::now() < end;
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
fn every_program_is_valid() {
    for seed in seeds() {
        if let Err(error) = generate::program(&bytes_of_seed(seed)) {
            panic!("ENJAMB_SEED={seed}: {error}");
        }
    }
}

/// A program with a few bytes of its text changed.
fn damaged(seed: u64) -> Option<String> {
    let bytes = bytes_of_seed(seed);
    let program = generate::program(&bytes).ok()?;
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
