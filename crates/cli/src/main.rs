//! The `enjamb` command: runs, compiles and checks programs in the text format.
//!
//! In: arguments and a file. Out: results on the standard output, errors and statistics on the
//! standard error, and an exit code. All work is done by the library; this crate reads arguments
//! and prints. It depends on `enjamb` alone.

#![forbid(unsafe_code)]

mod args;
mod check;
mod compile;
mod control_flow;
mod frames;
mod help;
mod input;
mod logging;
mod run;
mod trace;
mod watch;

use anyhow::Result;
use args::{Arguments, Command};
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::read();
    // Not locked: `--watch` writes to it from a thread of its own.
    let mut output = BufWriter::new(io::stdout());
    let outcome = execute(&arguments, &mut output).and_then(|()| Ok(output.flush()?));
    // A second attempt to write what could not be written would panic or block.
    let _ = output.into_parts();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let message = format!("{error:#}");
            let prefix = if message.starts_with("error") {
                ""
            } else {
                "error: "
            };
            let _ = writeln!(io::stderr(), "{prefix}{}", message.trim_end());
            ExitCode::FAILURE
        }
    }
}

fn execute(arguments: &Arguments, output: &mut impl Write) -> Result<()> {
    if let Some(filter) = &arguments.log {
        logging::start(filter)?;
    }
    match &arguments.command {
        Command::Run(run) => run::execute(run, output),
        Command::Compile(compile) => compile::execute(compile, output),
        Command::Check(check) => check::execute(check),
        Command::Help(help) => help::execute(help, output),
    }
}

/// Whoever read our output has had enough, which is no error.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io_error = error.root_cause().downcast_ref::<io::Error>();
    io_error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
