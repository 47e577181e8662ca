//! `--emit cfg` and `cfg-dot`: the control flow of functions as a graph.

use anyhow::{Context, Result, bail};
use enjamb::ir::print::display_inst;
use enjamb::ir::{Block, Function, Module};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::{Command, Stdio};

/// The most instructions of a block that a picture shows.
const MOST_LINES: usize = 40;

/// Functions as one graph in the language of Graphviz, a box per block.
pub fn dot<'a>(module: &Module, functions: impl Iterator<Item = &'a Function>) -> String {
    let mut text = String::from(
        "digraph {\n    node [shape=box, fontname=monospace, fontsize=10];\n    edge [fontsize=9];\n",
    );
    for (number, function) in functions.enumerate() {
        let title = escape(&format!("%{}{}", function.name, function.signature));
        let _ = writeln!(
            text,
            "    subgraph cluster_{number} {{\n        label=\"{title}\";"
        );
        for &block in &function.order {
            let label = label(module, function, block);
            let style = if function.blocks[block].cold {
                ", style=dashed"
            } else {
                ""
            };
            let _ = writeln!(
                text,
                "        f{number}_{block} [label=\"{label}\"{style}];"
            );
        }
        for &block in &function.order {
            for successor in function.successors(block) {
                let _ = writeln!(text, "        f{number}_{block} -> f{number}_{successor};");
            }
        }
        text += "    }\n";
    }
    text + "}\n"
}

/// The lines of a box, each ended by `\l`, which sets it to the left.
fn label(module: &Module, function: &Function, block: Block) -> String {
    let data = &function.blocks[block];
    let params: Vec<String> = data
        .params
        .iter()
        .map(|&param| format!("{param}: {}", function.value_type(param)))
        .collect();
    let mut label = match params.as_slice() {
        [] => format!("{block}:\\l"),
        params => format!("{block}({}):\\l", params.join(", ")),
    };
    for &inst in data.insts.iter().take(MOST_LINES) {
        let line = display_inst(Some(module), function, inst).to_string();
        let _ = write!(label, "  {}\\l", escape(&line));
    }
    if let hidden @ 1.. = data.insts.len().saturating_sub(MOST_LINES) {
        let _ = write!(label, "  … {hidden} more\\l");
    }
    label
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// A function as blocks with their successors.
pub fn json(function: &Function) -> Value {
    let blocks = function.order.iter().map(|&block| {
        let successors = function.successors(block).map(|block| block.to_string());
        json!({
            "name": block.to_string(),
            "cold": function.blocks[block].cold,
            "instructions": function.blocks[block].insts.len(),
            "successors": successors.collect::<Vec<_>>(),
        })
    });
    json!({ "function": function.name, "blocks": blocks.collect::<Vec<_>>() })
}

const MISSING: &str =
    "`dot` of Graphviz is not installed; install the package graphviz, or use --emit cfg-dot";

/// Lets Graphviz draw a graph.
pub fn svg(dot: &str) -> Result<Vec<u8>> {
    let mut command = Command::new("dot");
    command
        .arg("-Tsvg")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut graphviz = match command.spawn() {
        Ok(graphviz) => graphviz,
        Err(error) if error.kind() == io::ErrorKind::NotFound => bail!(MISSING),
        Err(error) => return Err(error).context("cannot start `dot` of Graphviz"),
    };
    // `dot` reads all of its input before it writes, so neither waits for the other.
    let input = graphviz.stdin.take();
    let written = input.map_or(Ok(()), |mut input| input.write_all(dot.as_bytes()));
    let drawn = graphviz
        .wait_with_output()
        .context("`dot` of Graphviz failed")?;
    // So may a program that could not be started show (POSIX, posix_spawn), and does under an emulator.
    if drawn.status.code() == Some(127) {
        bail!(MISSING);
    }
    if !drawn.status.success() {
        bail!("`dot` of Graphviz failed: {}", drawn.status);
    }
    written.context("cannot write to `dot` of Graphviz")?;
    Ok(drawn.stdout)
}
