//! The module after each pass, verified and printed and read back.

use enjamb_codegen::{PASSES, Pass};
use enjamb_ir::{Module, parse_module, verify_module};

/// A module at some point of the pipeline.
#[derive(Clone, Debug)]
pub struct StageOf {
    /// The pass that ran last, or what else was done.
    pub name: String,
    /// Whether all passes ran.
    pub complete: bool,
    /// Whether references are in root slots where a collector may run.
    pub rooted: bool,
    /// The module then.
    pub module: Module,
}

/// The module after each pass in turn, and after the passes that code cannot be made without.
///
/// # Errors
/// If what a pass makes breaks a rule of the verifier or does not survive being printed.
pub fn of_module(module: &Module) -> Result<Vec<StageOf>, String> {
    let mut stages = Vec::new();
    let mut current = module.clone();
    for pass in PASSES {
        let before = current.clone();
        run(pass, &mut current);
        // A pass that changed nothing has broken nothing, and needs no run of its own.
        if current != before {
            checked(pass.name, &current)?;
            stages.push(StageOf {
                name: pass.name.to_string(),
                complete: false,
                rooted: false,
                module: current.clone(),
            });
        }
    }
    if let Some(last) = stages.last_mut() {
        last.complete = true;
        last.rooted = true;
    }
    let mut least = module.clone();
    for pass in PASSES.iter().filter(|pass| pass.required) {
        run(pass, &mut least);
    }
    if least != current {
        let name = "the required passes alone".to_string();
        checked(&name, &least)?;
        stages.push(StageOf {
            name,
            complete: false,
            rooted: true,
            module: least,
        });
    }
    Ok(stages)
}

fn run(pass: &Pass, module: &mut Module) {
    if !(pass.applies)(module) {
        return;
    }
    for function in module.body_ids() {
        enjamb_async::with_body(module, function, pass.run);
    }
}

fn checked(name: &str, module: &Module) -> Result<(), String> {
    let complaint = |reason: String| format!("after {name}: {reason}\n{module}");
    verify_module(module).map_err(|error| complaint(format!("the verifier: {error}")))?;
    survives_printing(module).map_err(complaint)
}

/// Asks that a module, printed and read back, is the same module and prints the same.
///
/// # Errors
/// What is different.
pub fn survives_printing(module: &Module) -> Result<(), String> {
    let printed = module.to_string();
    let back = parse_module(&printed)
        .map_err(|errors| format!("what is printed does not parse: {errors}\n{printed}"))?;
    if back != *module {
        return Err(format!("what is printed is another module\n{printed}"));
    }
    let again = back.to_string();
    if again != printed {
        let diff = crate::report::diff(&printed, &again);
        return Err(format!("printing changes the text\n{diff}"));
    }
    Ok(())
}

/// The module after the pass with this name and all passes before it; after `async` all ran.
///
/// # Errors
/// If there is no such pass, or what it makes is wrong.
pub fn after(module: &Module, pass: &str) -> Result<Module, String> {
    let last = match pass {
        "async" => PASSES.len().checked_sub(1),
        name => PASSES.iter().position(|pass| pass.name == name),
    };
    let last = last.ok_or_else(|| format!("no pass is called {pass}"))?;
    let mut current = module.clone();
    for pass in &PASSES[..=last] {
        run(pass, &mut current);
    }
    checked(pass, &current)?;
    Ok(current)
}
