//! Runs passes. Everything that surrounds a pass is here and not in it: selection, spans, dumps,
//! verification.

use crate::error::CompileError;
use crate::passes::{PASSES, Pass, pass_named};
use enjamb_ir::{FuncId, Function, Module, verify_function};

/// Which passes run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Stop behind the pass with this name.
    pub after: Option<String>,
    /// Run the pass with this name alone.
    pub only: Option<String>,
    /// Run no more than this many passes, counted over all functions in their order: halving it
    /// finds the pass and function that first goes wrong.
    pub limit: Option<usize>,
}

impl Selection {
    /// The passes that are selected, before the limit counts.
    ///
    /// # Errors
    /// If a name is that of no pass.
    fn passes(&self) -> Result<Vec<&'static Pass>, CompileError> {
        let unknown = |name: &String| CompileError::UnknownPass { name: name.clone() };
        if let Some(name) = &self.only {
            return Ok(vec![pass_named(name).ok_or_else(|| unknown(name))?.1]);
        }
        let end = match &self.after {
            Some(name) => pass_named(name).ok_or_else(|| unknown(name))?.0 + 1,
            None => PASSES.len(),
        };
        Ok(PASSES[..end].iter().collect())
    }
}

/// Runs the selected passes that apply to a verified module on each of its functions, in their order.
/// With `verify` every function is verified after every pass.
///
/// # Errors
/// If the selection names no pass, or a pass breaks a function.
pub fn run_passes(
    module: &mut Module,
    selection: &Selection,
    verify: bool,
) -> Result<(), CompileError> {
    let mut passes = selection.passes()?;
    passes.retain(|pass| (pass.applies)(module));
    let mut left = selection.limit.unwrap_or(usize::MAX);
    for function in module.body_ids() {
        for &pass in &passes {
            if left == 0 {
                return Ok(());
            }
            left -= 1;
            run_pass(module, function, pass, verify)?;
        }
    }
    Ok(())
}

fn run_pass(
    module: &mut Module,
    function: FuncId,
    pass: &'static Pass,
    verify: bool,
) -> Result<(), CompileError> {
    let outcome = enjamb_async::with_body(module, function, |module, body| {
        let span = tracing::debug_span!("pass", name = pass.name, function = body.name);
        let _entered = span.enter();
        let before = (verify || tracing::enabled!(tracing::Level::TRACE)).then(|| body.clone());
        let print = |body: &Function| module.display_function(body).to_string();
        if let Some(before) = &before {
            tracing::trace!(ir = %print(before), "before");
        }
        (pass.run)(module, body);
        tracing::trace!(ir = %print(body), "after");
        if !verify {
            return Ok(());
        }
        verify_function(module, body).map_err(|errors| CompileError::BrokenByPass {
            pass: pass.name,
            function: body.name.clone(),
            errors,
            before: before.as_ref().map(print).unwrap_or_default(),
            after: print(body),
        })
    });
    outcome.unwrap_or(Ok(()))
}
