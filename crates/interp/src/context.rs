//! The context word: that of the task that runs, and what becomes of it at the borders of functions.
//!
//! A task that stops running keeps its word in its stack. An async function that was not lowered and may
//! set the word remembers in its frame what it has found, and that is the word again when the frame
//! goes. Such a function has no tail calls: its frame waits for what it calls.

use crate::error::{Error, Stop};
use crate::machine::{Flow, Machine};
use crate::stack::{Site, Stack};
use enjamb_ir::hash::FxHashSet;
use enjamb_ir::{Function, Module, Stage, restores_context, uses_context};

type Outcome = Result<Flow, Stop>;

/// The context word of the task that runs.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) word: u64,
    /// Whether the first module uses it. Then functions of later ones remember the word too, whatever is left
    /// of that.
    is_used: bool,
    /// The functions whose frames remember the word, by address.
    restoring: FxHashSet<*const Function>,
}

impl Context {
    pub(crate) fn new(module: &Module) -> Self {
        let mut context = Context {
            word: 0,
            is_used: uses_context(module),
            restoring: FxHashSet::default(),
        };
        context.add_functions(module);
        context
    }

    /// An error if a module uses the word whose predecessors did not give it back.
    pub(crate) fn check(&self, module: &Module) -> Result<(), Error> {
        match uses_context(module) && !self.is_used {
            true => Err(Error::BadInstance(
                "the first module does not use the context word".to_string(),
            )),
            false => Ok(()),
        }
    }

    /// Learns which functions of a module remember the word.
    pub(crate) fn add_functions(&mut self, module: &Module) {
        if !self.is_used {
            return;
        }
        let restores =
            |body: &&Function| body.stage == Stage::Source && restores_context(module, body);
        let bodies = module.bodies().map(|(_, body)| body);
        let restoring = bodies.filter(restores).map(std::ptr::from_ref);
        self.restoring.extend(restoring);
    }

    /// What a new frame of a function remembers.
    pub(crate) fn at_entry(&self, function: &Function) -> Option<u64> {
        let restores =
            !self.restoring.is_empty() && self.restoring.contains(&std::ptr::from_ref(function));
        restores.then_some(self.word)
    }
}

pub(crate) fn get<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    site.define(stack, machine.context.word);
    Ok(Flow::Next)
}

pub(crate) fn set<'a>(
    machine: &mut Machine<'a>,
    stack: &mut Stack<'a>,
    site: &Site<'a>,
) -> Outcome {
    machine.context.word = site.arg(stack, 0)?;
    Ok(Flow::Next)
}
