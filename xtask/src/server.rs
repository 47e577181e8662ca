//! What a server of compiled tasks does under load, beside the same one in plain tokio: the example `echo`,
//! with each server and the client in a process of its own.

use std::process::Stdio;

use anyhow::{Context, Result, bail};

use crate::page::write_part;
use crate::process::Workspace;

/// What selects this benchmark.
pub const NAME: &str = "server";

const ABOUT: &str = "\
`cargo xtask bench server`, which runs `cargo run --release --example echo -- compare`: connections to a server on this
machine, all open at once, each asking again as soon as it is answered (*busy*), and with a pause of two seconds on
average (*calm*). Three of four requests are an echo of 64 bytes, one is 16 rounds of a hash over them. Server and client have one
thread each. Medians of two rounds, of which each has both servers in turn; other programs may have run at the same time, so
processor time says most.
";

/// Measures and writes our part of the page.
pub fn run(workspace: &Workspace) -> Result<bool> {
    let example = ["run", "--quiet", "--release", "-p", "enjamb", "--example"];
    let output = workspace
        .cargo(&example)
        .args(["echo", "--", "compare"])
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start cargo")?;
    let table = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        bail!("the example has failed: {table}");
    }
    print!("{table}");
    write_part(workspace, NAME, &format!("{ABOUT}\n{table}"))?;
    Ok(true)
}
