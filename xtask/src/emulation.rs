//! What emulation costs: programs as code for this machine, beside the same as code for AArch64 under the
//! emulator.
//!
//! `enjamb run --stats` says how long the program itself took, so neither cargo nor the start of a process
//! counts. The figures go into the part of `docs/performance.md` that is theirs.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::aarch64::Toolchain;
use crate::page::write_part;
use crate::process::Workspace;
use crate::setup_aarch64::toolchain;

/// What selects this benchmark.
pub const NAME: &str = "emulation";

/// How often each program runs on each side, in turn.
const ROUNDS: usize = 11;

/// A figure of a program.
struct Measure {
    about: &'static str,
    file: &'static str,
    function: &'static str,
    argument: &'static str,
    /// The number of `--stats`, in nanoseconds.
    number: &'static str,
    /// How many of what it is about a run has.
    units: f64,
}

const MEASURES: &[Measure] = &[
    Measure {
        about: "a round of a loop of four instructions",
        file: "tests/benches/programs/fuel.enj",
        function: "count",
        argument: "30000000",
        number: "run_ns",
        units: 30e6,
    },
    Measure {
        about: "a sync call, of fib(30)",
        file: "tests/benches/programs/fib.enj",
        function: "fib_sync",
        argument: "30",
        number: "run_ns",
        units: 2_692_537.0,
    },
    Measure {
        about: "an async call that does not suspend, of fib(30)",
        file: "tests/benches/programs/fib.enj",
        function: "fib_async",
        argument: "30",
        number: "run_ns",
        units: 2_692_537.0,
    },
    Measure {
        about: "a suspension with its resumption, in a loop",
        file: "tests/benches/programs/yield_loop.enj",
        function: "count",
        argument: "3000000",
        number: "run_ns",
        units: 3e6,
    },
    Measure {
        about: "compiling the three functions of `tests/benches/programs/fib.enj`",
        file: "tests/benches/programs/fib.enj",
        function: "fib_sync",
        argument: "1",
        number: "compile_ns",
        units: 1.0,
    },
];

/// Measures and writes our part of the page; says why where there is no emulator.
pub fn run(workspace: &Workspace) -> Result<bool> {
    let toolchain = match toolchain(workspace) {
        Ok(toolchain) => toolchain,
        Err(reason) => {
            println!("emulation: not measured ({reason:#})");
            return Ok(true);
        }
    };
    let mut part = format!(
        "`cargo xtask bench emulation`: nanoseconds of the same programs as x86-64 code on this machine and as AArch64 \
         code under\n{}, with counters for `--stats`. The fastest of {ROUNDS} runs each, in turn, as other programs may \
         have run at\nthe same time. Compiling runs most of the compiler once, which the emulator has to translate first. \
         How long the emulated\ntests take all in all is printed by `cargo xtask test`.\n\n\
         | | x86-64, native | AArch64, emulated | times |\n|---|---:|---:|---:|\n",
        toolchain.emulator_version()?
    );
    for measure in MEASURES {
        let (native, emulated) = sides(workspace, &toolchain, measure)?;
        let row = format!(
            "| {} | {} | {} | {:.1} |\n",
            measure.about,
            digits(native),
            digits(emulated),
            emulated / native
        );
        print!("{row}");
        part.push_str(&row);
    }
    write_part(workspace, NAME, &part)?;
    Ok(true)
}

/// A figure here, and under the emulator.
fn sides(workspace: &Workspace, toolchain: &Toolchain, measure: &Measure) -> Result<(f64, f64)> {
    let (mut native, mut emulated) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        native.push(figure(workspace.cargo(&["run"]), measure)?);
        emulated.push(figure(toolchain.cargo(workspace, "run", None), measure)?);
    }
    Ok((fastest(native), fastest(emulated)))
}

/// Times are not of the processor but of the clock, and what disturbs them only makes them longer.
fn fastest(samples: Vec<f64>) -> f64 {
    samples.into_iter().fold(f64::INFINITY, f64::min)
}

/// Runs a program with a `cargo run` of either kind.
fn figure(mut cargo_run: Command, measure: &Measure) -> Result<f64> {
    let cli = ["--quiet", "--release", "-p", "enjamb-cli", "--"];
    let program = ["run", "--stats", "--func", measure.function];
    let output = cargo_run
        .args(cli)
        .args(program)
        .args([measure.file, measure.argument])
        .stdout(Stdio::null())
        .output()
        .context("cannot start cargo")?;
    let text = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("{} does not run: {text}", measure.file);
    }
    let number = number(&text, measure.number);
    Ok(number.with_context(|| format!("no {} in: {text}", measure.number))? / measure.units)
}

/// The number in a line `name=number`.
fn number(text: &str, name: &str) -> Option<f64> {
    let mut lines = text.lines().filter_map(|line| line.split_once('='));
    lines.find(|(key, _)| *key == name)?.1.parse().ok()
}

/// Three digits.
fn digits(value: f64) -> String {
    let decimals = (2 - value.max(1e-3).log10().floor() as i32).clamp(0, 4);
    format!("{value:.*}", decimals as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_by_their_whole_name() {
        let text = "warning: x = y\nrun_ns=15\nns=3\n";
        assert_eq!(number(text, "ns"), Some(3.0));
        assert_eq!(number(text, "run_ns"), Some(15.0));
        assert_eq!(number(text, "compile_ns"), None);
        assert_eq!(
            (digits(1.3849), digits(4147.2)),
            ("1.38".into(), "4147".into())
        );
        assert_eq!(fastest(vec![3.0, 1.0, 2.0]), 1.0);
    }
}
