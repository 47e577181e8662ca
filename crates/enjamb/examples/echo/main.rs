//! A server that compiled code makes of many connections, the same one in plain tokio, and a client that
//! measures either.
//!
//! ```text
//! client ──request──▶ worker (thread, executor, instance) ──▶ %serve, a task for each connection
//!                                                              │  ▲
//!                                          read, write, sleep  ▼  │  woken
//!                                                         tokio's sockets and clock
//! ```
//!
//! `cargo run --release --example echo -- compare` runs both servers, each in a process of its own, under the
//! load of a third process. Without a command a small server and a small client show that it works.

mod compare;
mod compiled;
mod load;
mod plain;
mod protocol;
#[cfg(test)]
mod tests;
mod usage;
mod workers;

use crate::load::Load;
use crate::workers::Kind;
use clap::{Args, Parser, Subcommand};
use enjamb::prelude::*;
use std::error::Error as StdError;
use std::net::SocketAddr;
use std::time::Duration;

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serves until it is ended; prints its address first.
    Serve {
        /// In plain tokio instead of compiled code.
        #[arg(long)]
        plain: bool,
        /// Threads; by default one for every two processors, so that the client has some too.
        #[arg(long)]
        workers: Option<usize>,
        /// How many seconds a connection may last.
        #[arg(long, default_value_t = 3600)]
        longest: u64,
    },
    /// Puts load on a server.
    Load {
        address: SocketAddr,
        #[command(flatten)]
        load: LoadArguments,
    },
    /// Puts load on both servers in turn.
    Compare {
        /// How often.
        #[arg(long, default_value_t = 2)]
        rounds: usize,
        #[command(flatten)]
        load: LoadArguments,
    },
}

#[derive(Args, Clone, Copy)]
struct LoadArguments {
    /// Connections, all open at once.
    #[arg(long, default_value_t = 10_000)]
    connections: usize,
    /// Seconds without, and seconds with pauses.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Milliseconds of a pause, on average.
    #[arg(long, default_value_t = 2000)]
    think: u64,
}

impl LoadArguments {
    fn load(self) -> Load {
        let connections = usage::connections_allowed(self.connections);
        Load { connections, seconds: self.seconds, think: Duration::from_millis(self.think) }
    }

    fn as_arguments(self) -> Vec<String> {
        let LoadArguments { connections, seconds, think } = self;
        vec![
            format!("--connections={connections}"),
            format!("--seconds={seconds}"),
            format!("--think={think}"),
        ]
    }
}

fn main() -> Result<(), Box<dyn StdError>> {
    match Cli::parse().command {
        None => show()?,
        Some(Command::Serve { plain, workers, longest }) => {
            usage::connections_allowed(0);
            let processors = std::thread::available_parallelism()?.get();
            let workers = workers.unwrap_or((processors / 2).max(1));
            let kinds = Kind::of_workers(workers, plain, Config::new())?;
            println!("{}", workers::start(kinds, Duration::from_secs(longest))?);
            loop {
                std::thread::park();
            }
        }
        Some(Command::Load { address, load }) => print!("{}", measure(address, load.load())?),
        Some(Command::Compare { rounds, load }) => {
            let load = LoadArguments { connections: load.load().connections, ..load };
            print!("{}", compare::run(rounds, &load.as_arguments())?);
        }
    }
    Ok(())
}

fn measure(address: SocketAddr, load: Load) -> std::io::Result<load::Figures> {
    let executor = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    executor.block_on(load::run(address, load))
}

/// A server and a client in this process.
fn show() -> Result<(), Box<dyn StdError>> {
    let kinds = Kind::of_workers(2, false, Config::new())?;
    let address = workers::start(kinds, Duration::from_secs(60))?;
    let load = Load { connections: 100, seconds: 0.2, think: Duration::from_millis(10) };
    let load::Figures([connections, ..]) = measure(address, load)?;
    println!("{connections} connections on two threads, and every answer was right");
    Ok(())
}
