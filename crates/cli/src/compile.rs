//! `enjamb compile`.

use crate::args::{Compile, Emit};
use crate::control_flow;
use crate::frames;
use crate::input::Input;
use anyhow::{Context, Result, anyhow, bail};
use enjamb::codegen::{self, CompileOptions, CompiledModule, Lowering, PASSES, Selection, Target};
use enjamb::ir::{FuncId, Function, Module};
use serde_json::{Value, json};
use std::io::Write;
use std::sync::Arc;

/// Shows what `--emit` asks for.
pub fn execute(compile: &Compile, output: &mut impl Write) -> Result<()> {
    if compile.list_passes {
        for pass in PASSES {
            let required = if pass.required { " (required)" } else { "" };
            writeln!(output, "{:14} {}{required}", pass.name, pass.summary)?;
        }
        return Ok(());
    }
    let asked: Option<Target> = compile.target.as_deref().map(str::parse).transpose()?;
    let file = compile.file.as_deref().context("no file")?;
    let input = Input::read(file)?;
    let module = enjamb::check_text(&input.text).map_err(|error| input.explain(&error))?;
    let chosen = chosen(compile, &module)?;
    match compile.emit() {
        Emit::Ir | Emit::Async | Emit::Layout | Emit::Cfg | Emit::CfgDot => {
            show_ir(compile, module, &chosen, output)
        }
        Emit::Vcode | Emit::Asm | Emit::Bytes => {
            let target = asked.map_or_else(Target::host, Ok)?;
            show_code(compile, target, module, &chosen, output)
        }
    }
}

/// The functions to show, in order.
fn chosen(compile: &Compile, module: &Module) -> Result<Vec<FuncId>> {
    let Some(name) = &compile.func else {
        return Ok(module.body_ids());
    };
    match module.exported_function(name) {
        Some(id) if module.functions[id].body().is_some() => Ok(vec![id]),
        Some(_) => bail!("function `{name}` is imported and has no code"),
        None => bail!("the module has no function `{name}`"),
    }
}

fn bodies<'a>(module: &'a Module, chosen: &[FuncId]) -> impl Iterator<Item = &'a Function> {
    chosen.iter().filter_map(|&id| module.functions[id].body())
}

fn show_ir(
    compile: &Compile,
    mut module: Module,
    chosen: &[FuncId],
    output: &mut impl Write,
) -> Result<()> {
    let selection = Selection {
        after: compile.after.clone(),
        only: compile.only.clone(),
        limit: compile.pass_limit,
    };
    let after_passes = matches!(compile.emit(), Emit::Async | Emit::Layout);
    if after_passes || selection != Selection::default() {
        codegen::run_passes(&mut module, &selection, true).map_err(|error| anyhow!("{error}"))?;
    }
    match compile.emit() {
        Emit::Layout if compile.json => {
            let reports = bodies(&module, chosen).map(|function| frames::json(&module, function));
            print_json(&Value::Array(reports.collect()), output)
        }
        Emit::Layout => bodies(&module, chosen)
            .try_for_each(|function| frames::print(&module, function, output)),
        Emit::Cfg | Emit::CfgDot if compile.json => {
            let graphs = bodies(&module, chosen).map(control_flow::json);
            print_json(&Value::Array(graphs.collect()), output)
        }
        Emit::Cfg => {
            let dot = control_flow::dot(&module, bodies(&module, chosen));
            Ok(output.write_all(&control_flow::svg(&dot)?)?)
        }
        Emit::CfgDot => Ok(write!(
            output,
            "{}",
            control_flow::dot(&module, bodies(&module, chosen))
        )?),
        _ if compile.json => {
            let text = |body| (body, module.display_function(body).to_string());
            print_texts(bodies(&module, chosen).map(text), output)
        }
        _ if compile.func.is_none() => Ok(write!(output, "{module}")?),
        _ => {
            for function in bodies(&module, chosen) {
                write!(output, "{}", module.display_function(function))?;
            }
            Ok(())
        }
    }
}

fn show_code(
    compile: &Compile,
    target: Target,
    module: Module,
    chosen: &[FuncId],
    output: &mut impl Write,
) -> Result<()> {
    if compile.chooses_passes() {
        bail!("--after, --only and --pass-limit are for --emit ir, async, layout, cfg and cfg-dot");
    }
    let mut options = CompileOptions {
        target: target.triple(),
        ..CompileOptions::default()
    };
    options.code.branch_protection = compile.branch_protection;
    let compiled = codegen::compile(Arc::new(module), &options)?;
    if compile.emit() == Emit::Bytes {
        return show_bytes(compile, &compiled, chosen, output);
    }
    let mut lowering = Lowering::new(
        &compiled.transformed,
        &compiled.layout,
        target,
        options.code,
    );
    let mut texts = Vec::new();
    for &function in chosen {
        let text = lowering
            .run(function, true)?
            .text
            .context("the lowering gave no text")?;
        let shown = match compile.emit() {
            Emit::Asm => text.assembly,
            _ => text.vcode,
        };
        let body = compiled.transformed.functions[function].body();
        texts.push((body.context("an imported function has no code")?, shown));
    }
    if compile.json {
        return print_texts(texts.into_iter(), output);
    }
    let texts: Vec<&str> = texts.iter().map(|(_, text)| text.trim_end()).collect();
    Ok(writeln!(output, "{}", texts.join("\n\n"))?)
}

/// What is shown as text, as JSON: the name and the text of each function.
fn print_texts<'a>(
    texts: impl Iterator<Item = (&'a Function, String)>,
    output: &mut impl Write,
) -> Result<()> {
    let row = |(body, text): (&Function, String)| json!({ "name": format!("%{}", body.name), "text": text });
    print_json(&texts.map(row).collect(), output)
}

/// The bytes of functions, or with no function chosen all bytes of the module: functions, stubs and
/// records.
fn show_bytes(
    compile: &Compile,
    compiled: &CompiledModule,
    chosen: &[FuncId],
    output: &mut impl Write,
) -> Result<()> {
    let mut pieces = Vec::new();
    for range in &compiled.functions {
        if chosen.contains(&range.function) {
            let name = compiled.source.functions[range.function].name.as_str();
            pieces.push((format!("%{name}"), range.start as usize..range.end as usize));
        }
    }
    if compile.func.is_none() {
        let end = compiled
            .functions
            .iter()
            .map(|range| range.end as usize)
            .max()
            .unwrap_or(0);
        pieces.push(("stubs and records".to_string(), end..compiled.bytes.len()));
    }
    if compile.json {
        let piece = |(name, range): (String, std::ops::Range<usize>)| {
            let bytes: String = compiled.bytes[range.clone()]
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            json!({ "name": name, "offset": range.start, "bytes": bytes })
        };
        return print_json(&pieces.into_iter().map(piece).collect(), output);
    }
    for (name, range) in pieces {
        writeln!(output, "{name}:")?;
        for (row, bytes) in compiled.bytes[range.clone()].chunks(16).enumerate() {
            let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            writeln!(output, "{:6x}  {}", range.start + row * 16, hex.join(" "))?;
        }
    }
    Ok(())
}

fn print_json(value: &Value, output: &mut impl Write) -> Result<()> {
    serde_json::to_writer_pretty(&mut *output, value)?;
    Ok(writeln!(output)?)
}
