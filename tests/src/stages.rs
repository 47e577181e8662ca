//! The module after each pass, verified and printed and read back.

use enjamb_ir::{Module, parse_module, verify_module};

/// A module at some point of the pipeline.
#[derive(Clone, Debug)]
pub struct StageOf {
    /// The pass that ran last, or what else was done.
    pub name: String,
    /// Whether all passes ran.
    pub complete: bool,
    /// The module then.
    pub module: Module,
}

/// A pass on one function of a module.
type Pass = fn(&Module, &mut enjamb_ir::Function);

const PASSES: &[(&str, Pass)] = &[
    ("tail_await", enjamb_async::tail_await::run),
    ("rematerialize", enjamb_async::rematerialize::run),
    ("state_machine", |module, function| {
        enjamb_async::state_machine::run(module, function);
    }),
];

/// The module after each pass in turn, and after the pipeline without the pass `tail_await`.
///
/// # Errors
/// If what a pass makes breaks a rule of the verifier or does not survive being printed.
pub fn of_module(module: &Module) -> Result<Vec<StageOf>, String> {
    let mut stages = Vec::new();
    let mut current = module.clone();
    for (name, pass) in PASSES {
        let before = current.clone();
        run(pass, &mut current);
        checked(name, &current)?;
        // A pass that changed nothing needs no run of its own.
        if current != before {
            let (name, module) = (name.to_string(), current.clone());
            let complete = name == PASSES[PASSES.len() - 1].0;
            stages.push(StageOf {
                name,
                complete,
                module,
            });
        }
    }
    let mut current = module.clone();
    for (_, pass) in PASSES.iter().filter(|(name, _)| *name != "tail_await") {
        run(pass, &mut current);
    }
    if stages.last().is_none_or(|last| last.module != current) && current != *module {
        let name = "the passes without tail_await".to_string();
        checked(&name, &current)?;
        stages.push(StageOf {
            name,
            complete: false,
            module: current,
        });
    }
    Ok(stages)
}

fn run(pass: &Pass, module: &mut Module) {
    for function in module.body_ids() {
        enjamb_async::with_body(module, function, pass);
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

/// The module after the pass with this name, and all passes before it; `async` is the last.
///
/// # Errors
/// If there is no such pass, or what it makes is wrong.
pub fn after(module: &Module, pass: &str) -> Result<Module, String> {
    let mut current = module.clone();
    for (index, (name, run_pass)) in PASSES.iter().enumerate() {
        run(run_pass, &mut current);
        let last = index + 1 == PASSES.len();
        if *name == pass || (pass == "async" && last) {
            checked(name, &current)?;
            return Ok(current);
        }
    }
    Err(format!("no pass is called {pass}"))
}
