//! Both servers under the same load, each in a process of its own, and so is the client.

use crate::load::{Figures, NAMES};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Error, Result};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

/// A server in a process of its own, which ends with this.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Runs servers and clients, and gives a table.
pub fn run(rounds: usize, load: &[String]) -> Result<String> {
    let mut measured = [Vec::new(), Vec::new()];
    for round in 0..rounds {
        // Not always in the same order.
        for side in [round % 2, 1 - round % 2] {
            measured[side].push(measure(&["serve", "--plain"][..1 + side], load)?);
        }
    }
    Ok(table(&measured))
}

fn measure(server: &[&str], load: &[String]) -> Result<Figures> {
    let program = std::env::current_exe()?;
    let mut server = Process(Command::new(&program).args(server).stdout(Stdio::piped()).spawn()?);
    let mut address = String::new();
    let output = server.0.stdout.take().ok_or_else(|| Error::other("the server has no output"))?;
    BufReader::new(output).read_line(&mut address)?;
    let address: SocketAddr = address.trim().parse().map_err(Error::other)?;
    let client = Command::new(&program)
        .arg("load")
        .arg(address.to_string())
        .args(load)
        .stderr(Stdio::inherit())
        .output()?;
    let text = String::from_utf8_lossy(&client.stdout);
    text.parse().map_err(|_| Error::other(format!("the client has said: {text}")))
}

/// The medians of the rounds, and of the ratios of the rounds.
fn table(measured: &[Vec<Figures>; 2]) -> String {
    let mut text = "| | compiled | plain tokio | ratio |\n|---|---:|---:|---:|\n".to_string();
    for (row, name) in NAMES.iter().enumerate() {
        let [ours, plain] = measured
            .each_ref()
            .map(|rounds| rounds.iter().map(|round| round.0[row]).collect::<Vec<f64>>());
        let ratios = ours.iter().zip(&plain).map(|(ours, plain)| ours / plain).collect();
        let [ours, plain, ratio] = [ours, plain, ratios].map(median);
        let digits = if row == 0 || ours.min(plain) >= 1000.0 { 0 } else { 1 };
        // A string takes everything.
        let _ = writeln!(text, "| {name} | {ours:.digits$} | {plain:.digits$} | {ratio:.2} |");
    }
    text
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    (values[middle] + values[values.len().div_ceil(2) - 1]) / 2.0
}
