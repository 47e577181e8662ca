//! A second of damaged and random input: the parser neither panics nor misreads.

mod text_samples;

use enjamb_ir::parse::fuzz::{Outcome, check};
use enjamb_ir::{Opcode, reference};
use std::time::{Duration, Instant};

/// How long each of the two tests runs, and how many inputs it tries at the least.
const TIME: Duration = Duration::from_millis(500);
const LEAST: u64 = 50;

/// The splitmix64 generator: small, and the same on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}

/// Runs `case` with new random numbers until the time is over; returns how many were tried.
fn repeat(mut case: impl FnMut(&mut Random)) -> u64 {
    let start = Instant::now();
    let mut count = 0;
    while count < LEAST || start.elapsed() < TIME {
        case(&mut Random(count));
        count += 1;
    }
    count
}

fn samples() -> Vec<String> {
    let fixed = [
        text_samples::MODULE,
        text_samples::LOWERED,
        text_samples::TRUSTED,
    ];
    let mut samples: Vec<String> = fixed.iter().map(ToString::to_string).collect();
    for row in Opcode::all() {
        let example = reference::example_module(row).expect("well-formed example");
        samples.extend(example.map(|example| example.module));
    }
    samples
}

/// Pieces of the grammar, among them what lies at the borders of its rules.
const PIECES: &[&str] = &[
    "v0",
    "v1",
    "v4294967295",
    "v99999999999999",
    "block0",
    "block1048575",
    "ss0",
    "sig0",
    "layout0.v5",
    "point0",
    "point0.9",
    "file0",
    "%heap",
    "%f",
    "%",
    "iadd",
    "iconst.i64",
    "return",
    "jump",
    "call",
    "store",
    "join",
    "nan:0x7ff8000000000000",
    "-inf",
    "0x",
    "1e5",
    "-",
    "->",
    "..",
    "\"",
    "\\",
    "\"\\ff\"",
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    ",",
    ":",
    "=",
    "@",
    "+",
    ";",
    "\n",
    "\r\n",
    "\t",
    "ü",
    "\0",
    "function",
    "memory",
    "lowered",
    "async",
    "cold",
    "module trusted",
    "i8",
    "f32",
    "cont",
    "null",
];

/// Deletes, doubles, moves or inserts something at one place.
fn damage(text: &mut Vec<u8>, random: &mut Random) {
    let (start, length) = (random.below(text.len()), random.below(20));
    let end = (start + length).min(text.len());
    let start = start.min(end);
    match random.below(5) {
        0 => drop(text.drain(start..end)),
        1 => {
            let copy = text[start..end].to_vec();
            let at = random.below(text.len());
            text.splice(at..at, copy);
        }
        2 => {
            let piece = PIECES[random.below(PIECES.len())];
            text.splice(start..start, piece.bytes());
        }
        3 => {
            let piece = PIECES[random.below(PIECES.len())];
            text.splice(start..end, piece.bytes());
        }
        _ => {
            if let Some(byte) = text.get_mut(start) {
                *byte = byte.wrapping_add(1 + random.below(9) as u8);
            }
        }
    }
}

#[test]
fn damaged_modules_are_read_or_rejected() {
    let samples = samples();
    let mut readable = 0;
    let count = repeat(|random| {
        let mut text = samples[random.below(samples.len())].clone().into_bytes();
        for _ in 0..1 + random.below(4) {
            damage(&mut text, random);
        }
        readable += u32::from(check(&text) != Outcome::Malformed);
    });
    assert!(
        readable > 0,
        "none of {count} inputs was read, so nothing was printed"
    );
}

#[test]
fn random_input_is_read_or_rejected() {
    repeat(|random| {
        let mut text = Vec::new();
        let bytes_only = random.below(4) == 0;
        for _ in 0..random.below(200) {
            match bytes_only {
                true => text.push(random.next() as u8),
                false => {
                    text.extend(PIECES[random.below(PIECES.len())].bytes());
                    text.extend([" ", "\n", ""][random.below(3)].bytes());
                }
            }
        }
        check(&text);
    });
}

#[test]
fn every_prefix_of_a_module_is_read_or_rejected() {
    for sample in [text_samples::MODULE, text_samples::LOWERED] {
        for end in 0..sample.len() {
            check(&sample.as_bytes()[..end]);
        }
    }
}
