//! A small language with `spawn`, `join` and exceptions, whose functions may wait without saying so.
//!
//! `cargo run --example lang -- FILE` runs a script; without a file, the one that shows what there is.
//! `docs/tutorial.md` walks through it.
//!
//! ```text
//! text ──lexer──▶ tokens ──compile──▶ module ──run──▶ lines
//!                          ├ statements
//!                          ├ expressions
//!                          └ types, prelude
//! ```

mod compile;
mod expressions;
mod lexer;
mod run;
mod statements;
#[cfg(test)]
mod tests;
mod types;

use enjamb::prelude::*;
use futures::executor::block_on;
use std::fs;
use std::process::ExitCode;

fn main() -> ExitCode {
    let name = std::env::args().nth(1);
    let text = match &name {
        Some(name) => fs::read_to_string(name).map_err(|error| format!("error: {name}: {error}\n")),
        None => Ok(include_str!("scripts/tour.lang").to_string()),
    };
    let name = name.unwrap_or("tour.lang".to_string());
    let engine = Engine::jit().map_err(|error| format!("error: {error}\n"));
    let print = |line: &str| println!("{line}");
    match text.and_then(|text| block_on(run::run(&engine?, &name, &text, print))) {
        Ok(status) => ExitCode::from(status as u8),
        Err(message) => {
            eprint!("{message}");
            ExitCode::FAILURE
        }
    }
}
